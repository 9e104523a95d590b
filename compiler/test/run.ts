import type { CheckedExpectation, CheckedTest } from "../../lang/index.ts";

/** What became of one action of a test: the gateway's own decision, in names. */
export interface ActionResult {
  readonly verdict: "allow" | "approve" | "deny";
  /** Rules that made the verdict. */
  readonly deciding: readonly string[];
  /** Output columns in order; `rule` is null for one that is shown as it is. */
  readonly columns: readonly { readonly name: string; readonly rule: string | null }[];
  readonly rowLimit: number | null;
  readonly because: readonly string[];
  /** Why masking refused the statement though the rules allow it. */
  readonly refusedUnderMask: string | null;
}

/** Decides an action as the gateway would; a text is what is wrong with the test itself (its schema, its statement). */
export type Decide = (test: CheckedTest, sql: string | null) => ActionResult | string;

export interface CaseResult {
  readonly test: CheckedTest;
  /** The statement of this case, or null when the test gives facts. */
  readonly sql: string | null;
  readonly failures: readonly { readonly expectation: CheckedExpectation | null; readonly why: string }[];
}

/** Runs every case of every test. */
export function runTests(tests: readonly CheckedTest[], decide: Decide): readonly CaseResult[] {
  return tests.flatMap((test) =>
    test.sql.length === 0 ? [runCase(test, null, decide)] : test.sql.map(({ text }) => runCase(test, text, decide)),
  );
}

function runCase(test: CheckedTest, sql: string | null, decide: Decide): CaseResult {
  const found = decide(test, sql);
  if (typeof found === "string") return { test, sql, failures: [{ expectation: null, why: found }] };
  const failures = test.expectations.flatMap((expectation) => {
    const why = failureOf(expectation, found);
    return why === null ? [] : [{ expectation, why }];
  });
  return { test, sql, failures };
}

function failureOf(expectation: CheckedExpectation, found: ActionResult): string | null {
  const by = found.deciding.length === 0 ? "by default" : `by ${found.deciding.join(", ")}`;
  switch (expectation.kind) {
    case "verdict": {
      const verdict = found.verdict !== "deny" && found.refusedUnderMask !== null ? "deny" : found.verdict;
      if (verdict !== expectation.verdict) {
        return `expected ${expectation.verdict}, found ${verdict} ${found.refusedUnderMask ?? by}`;
      }
      return expectation.by === null || found.deciding.includes(expectation.by)
        ? null
        : `expected it by ${expectation.by}, found it ${by}`;
    }
    case "masked":
    case "plain": {
      const columns = found.columns.filter((column) => column.name === expectation.column);
      if (columns.length === 0)
        return `the result has no column ${expectation.column}; it has ${found.columns.map((column) => column.name).join(", ") || "none"}`;
      if (expectation.kind === "plain") {
        const masked = columns.find((column) => column.rule !== null);
        return masked === undefined ? null : `${expectation.column} is masked by ${masked.rule}`;
      }
      const open = columns.find((column) => column.rule === null);
      if (open !== undefined) return `${expectation.column} is shown as it is`;
      const other = columns.find((column) => expectation.by !== null && column.rule !== expectation.by);
      return other === undefined ? null : `${expectation.column} is masked by ${other.rule}`;
    }
    case "row-limit":
      return found.rowLimit === expectation.count
        ? null
        : `expected a limit of ${expectation.count} rows, found ${found.rowLimit ?? "none"}`;
    case "message":
      return found.because.includes(expectation.text)
        ? null
        : `expected the reason ${JSON.stringify(expectation.text)}, found ${found.because.map((text) => JSON.stringify(text)).join(", ") || "none"}`;
  }
}
