import type { ApprovalSpec, Effect, LimitSpec, MaskClause } from "../../spec/contract/bundle/index.ts";
import type { FactType, ProtocolName } from "../../spec/contract/facts/index.ts";
import type { Span } from "../source/index.ts";

/** Conditions with every name resolved and every type known. Lets are put in place of their names. */
export type CheckedExpr =
  | { readonly kind: "const"; readonly value: boolean | number | string; readonly type: FactType; readonly span: Span }
  | {
      readonly kind: "constant-set";
      readonly values: readonly (string | number)[];
      readonly of: FactType;
      readonly span: Span;
    }
  | { readonly kind: "fact"; readonly path: string; readonly type: FactType; readonly span: Span }
  /** The element that the `depth`-th enclosing quantifier looks at; 0 is the innermost. */
  | { readonly kind: "element"; readonly depth: number; readonly type: FactType; readonly span: Span }
  /** A map fact at a constant key; absent when the key is not there. */
  | {
      readonly kind: "index";
      readonly path: string;
      readonly key: string;
      readonly type: FactType;
      readonly span: Span;
    }
  | { readonly kind: "not"; readonly operand: CheckedExpr; readonly span: Span }
  | { readonly kind: "and" | "or"; readonly left: CheckedExpr; readonly right: CheckedExpr; readonly span: Span }
  | {
      readonly kind: "compare";
      readonly op: "==" | "!=" | "<" | "<=" | ">" | ">=";
      readonly left: CheckedExpr;
      readonly right: CheckedExpr;
      readonly span: Span;
    }
  | { readonly kind: "in"; readonly value: CheckedExpr; readonly set: CheckedExpr; readonly span: Span }
  | {
      readonly kind: "has";
      readonly mode: "one" | "any" | "all";
      readonly set: CheckedExpr;
      readonly values: CheckedExpr;
      readonly span: Span;
    }
  | { readonly kind: "like"; readonly value: CheckedExpr; readonly pattern: string; readonly span: Span }
  | {
      readonly kind: "affix";
      readonly side: "start" | "end";
      readonly value: CheckedExpr;
      readonly text: CheckedExpr;
      readonly span: Span;
    }
  | { readonly kind: "within"; readonly value: CheckedExpr; readonly cidr: string; readonly span: Span }
  | { readonly kind: "exists"; readonly operand: CheckedExpr; readonly span: Span }
  | { readonly kind: "else"; readonly value: CheckedExpr; readonly fallback: CheckedExpr; readonly span: Span }
  | {
      readonly kind: "quantified";
      readonly quantifier: "any" | "all";
      readonly over: CheckedExpr;
      readonly condition: CheckedExpr;
      readonly span: Span;
    };

export interface CheckedRule {
  readonly name: string;
  readonly effect: Effect;
  readonly protocols: readonly ProtocolName[];
  readonly when: CheckedExpr | null;
  readonly unless: CheckedExpr | null;
  readonly because: string | null;
  readonly annotations: readonly { readonly key: string; readonly values: readonly (string | number | boolean)[] }[];
  readonly approve: ApprovalSpec | null;
  readonly mask: MaskClause | null;
  readonly limit: LimitSpec | null;
  readonly alertTo: readonly string[];
  readonly span: Span;
  readonly nameSpan: Span;
}

export type FactValueLiteral = boolean | number | string | readonly string[];

export type CheckedExpectation =
  | {
      readonly kind: "verdict";
      readonly verdict: "allow" | "deny" | "approve";
      readonly by: string | null;
      readonly span: Span;
    }
  | { readonly kind: "masked"; readonly column: string; readonly by: string | null; readonly span: Span }
  | { readonly kind: "plain"; readonly column: string; readonly span: Span }
  | { readonly kind: "row-limit"; readonly count: number; readonly span: Span }
  | { readonly kind: "message"; readonly text: string; readonly span: Span };

export interface CheckedTest {
  readonly name: string;
  readonly file: string;
  readonly user: { readonly name: string; readonly groups: readonly string[] };
  readonly target: { readonly name: string; readonly labels: Readonly<Record<string, string>> };
  readonly schema: string | null;
  /** Each text is one case; empty when the test gives facts. */
  readonly sql: readonly { readonly text: string; readonly span: Span }[];
  /** Facts given outright, by path; they stand beside those of user and target. */
  readonly facts: readonly { readonly path: string; readonly value: FactValueLiteral }[];
  readonly expectations: readonly CheckedExpectation[];
  readonly span: Span;
}

export interface CheckedPolicy {
  readonly package: string;
  readonly rules: readonly CheckedRule[];
  readonly tests: readonly CheckedTest[];
}
