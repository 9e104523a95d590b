import type { ApprovalSpec, MaskSpec } from "../../spec/contract/bundle/index.ts";
import type { CheckedExpectation, CheckedTest, Span } from "../../lang/index.ts";

/** The ways a test can state its action. */
export const ACTION_FORMS = ["facts", "sql", "ssh", "http", "kubectl", "tool"] as const;
export type ActionForm = (typeof ACTION_FORMS)[number];

/** One action of a test. A test with a table has one case for each row. */
export interface RunCase {
  readonly test: CheckedTest;
  readonly form: ActionForm;
  /** The action's text; null when the test gives facts. */
  readonly text: string | null;
  /** How reports call it: the test's name, and the text where there are several. */
  readonly title: string;
}

/** What a test expects, in the runner's terms. */
export type Expected =
  | { readonly kind: "verdict"; readonly verdict: "allow" | "deny" | "approve"; readonly by: string | null }
  | { readonly kind: "masked"; readonly column: string; readonly by: string | null; readonly mask: MaskSpec | null }
  | { readonly kind: "plain"; readonly column: string }
  | { readonly kind: "limit"; readonly count: number; readonly unit: "rows" | "bytes" }
  | { readonly kind: "message"; readonly text: string }
  | {
      readonly kind: "approvers";
      readonly approvers: Pick<ApprovalSpec, "groups" | "users">;
      readonly quorum: number | null;
    }
  | { readonly kind: "matched"; readonly rule: string; readonly matched: boolean };

/** Every case of every test, in the order of the files. */
export function casesOf(tests: readonly CheckedTest[]): readonly RunCase[] {
  return tests.flatMap((test): readonly RunCase[] => {
    if (test.sql.length === 0) return [{ test, form: "facts", text: null, title: test.name }];
    return test.sql.map(({ text }) => ({
      test,
      form: "sql" as const,
      text,
      title: test.sql.length < 2 ? test.name : `${test.name}: ${text}`,
    }));
  });
}

/** An expectation as it is checked. */
export function expectedOf(expectation: CheckedExpectation): Expected {
  switch (expectation.kind) {
    case "verdict":
      return { kind: "verdict", verdict: expectation.verdict, by: expectation.by };
    case "masked":
      return { kind: "masked", column: expectation.column, by: expectation.by, mask: null };
    case "plain":
      return { kind: "plain", column: expectation.column };
    case "row-limit":
      return { kind: "limit", count: expectation.count, unit: "rows" };
    case "message":
      return { kind: "message", text: expectation.text };
  }
}

/** The rule that an expectation names, if it names one. */
export function ruleNamed(expected: Expected): string | null {
  switch (expected.kind) {
    case "verdict":
    case "masked":
      return expected.by;
    case "matched":
      return expected.rule;
    case "plain":
    case "limit":
    case "message":
    case "approvers":
      return null;
  }
}

/** A place that a report points at. */
export const spanOf = (one: RunCase, expectation: CheckedExpectation | null): Span =>
  expectation?.span ?? one.test.span;
