import type { ApprovalSpec, MaskSpec } from "../../spec/contract/bundle/index.ts";
import type { CheckedExpectation, CheckedTest, Span, TestAction, TestCase } from "../../lang/index.ts";

/** The ways a test can state its action. */
export type ActionForm = TestAction["form"];

/** One action of a test, who does it and on what. A test with a table has one for each row. */
export interface RunCase {
  readonly test: CheckedTest;
  readonly row: TestCase;
  /** How reports call it: the test's name, and what is its own where there are several. */
  readonly title: string;
}

/** What a test expects, without its place. */
export type Expected =
  | { readonly kind: "verdict"; readonly verdict: "allow" | "deny" | "approve"; readonly by: string | null }
  | { readonly kind: "masked"; readonly column: string; readonly by: string | null; readonly mask: MaskSpec | null }
  | { readonly kind: "plain"; readonly column: string }
  | { readonly kind: "limit"; readonly count: number; readonly unit: "rows" | "bytes" }
  | { readonly kind: "message"; readonly text: string }
  | ({ readonly kind: "approvers"; readonly quorum: number | null } & Pick<ApprovalSpec, "groups" | "users">)
  | { readonly kind: "matched"; readonly rule: string; readonly matched: boolean };

/** Every case of every test, in the order of the files. */
export const casesOf = (tests: readonly CheckedTest[]): readonly RunCase[] =>
  tests.flatMap((test) =>
    test.cases.map((row) => ({ test, row, title: row.title === "" ? test.name : `${test.name}: ${row.title}` })),
  );

/** An action in words: its text, or its head; null for stated facts. */
export function actionText(action: TestAction): string | null {
  switch (action.form) {
    case "sql":
    case "ssh":
    case "kubectl":
      return action.text;
    case "http":
      return `${action.method} ${action.path}`;
    case "tool":
      return action.name;
    case "facts":
      return null;
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
