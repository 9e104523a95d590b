import type { Fix } from "../diagnostics/index.ts";
import type { Span } from "../source/index.ts";
import type { LintInput } from "./input.ts";

export const LINT_LEVELS = ["error", "warn", "off"] as const;
export type LintLevel = (typeof LINT_LEVELS)[number];

export const LINT_GROUPS = ["security", "naming", "docs", "style", "redundancy", "tests", "ignores"] as const;
export type LintGroup = (typeof LINT_GROUPS)[number];

/** Tells of one place. The span is the smallest that shows what is meant. */
export type Tell = (
  span: Span,
  message: string,
  more?: {
    readonly hint?: string;
    readonly related?: readonly { readonly span: Span; readonly label: string }[];
    readonly fixes?: readonly Fix[];
  },
) => void;

/**
 * One rule of the linter. `before` and `after` are whole policies: the tests hold that the rule speaks of the one and not of
 * the other.
 */
export interface LintRule {
  /** Never used again for another rule. */
  readonly code: `L${number}`;
  readonly name: string;
  readonly group: LintGroup;
  /** Where no configuration says otherwise. */
  readonly level: LintLevel;
  readonly what: string;
  readonly why: string;
  readonly before: string;
  readonly after: string;
  readonly check: (input: LintInput, tell: Tell) => void;
}
