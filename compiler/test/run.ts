import { compareMasks, type MaskSpec } from "../../spec/contract/bundle/index.ts";
import type { CheckedExpectation, CheckedTest, TestCase } from "../../lang/index.ts";

/** What became of one action of a test: the gateway's own decision, in names. */
export interface ActionResult {
  readonly verdict: "allow" | "approve" | "deny";
  /** Rules that made the verdict. */
  readonly deciding: readonly string[];
  /** Every rule that matched. */
  readonly matched: readonly string[];
  /** Output columns in order; `rule` is null for one that is shown as it is. */
  readonly columns: readonly { readonly name: string; readonly rule: string | null; readonly mask: MaskSpec | null }[];
  readonly rowLimit: number | null;
  readonly byteLimit: number | null;
  readonly because: readonly string[];
  /** Who may grant, of each approval that is asked for. */
  readonly approvals: readonly {
    readonly groups: readonly string[];
    readonly users: readonly string[];
    readonly quorum: number;
  }[];
  /** Why masking refused the statement though the rules allow it. */
  readonly refusedUnderMask: string | null;
}

/** Decides an action as the gateway would; a text is what is wrong with the test itself (its schema, its statement). */
export type Decide = (test: CheckedTest, one: TestCase) => ActionResult | string;

export interface CaseResult {
  readonly test: CheckedTest;
  readonly one: TestCase;
  readonly failures: readonly { readonly expectation: CheckedExpectation | null; readonly why: string }[];
}

/** Runs every case of every test. */
export function runTests(tests: readonly CheckedTest[], decide: Decide): readonly CaseResult[] {
  return tests.flatMap((test) => test.cases.map((one) => runCase(test, one, decide)));
}

function runCase(test: CheckedTest, one: TestCase, decide: Decide): CaseResult {
  const found = decide(test, one);
  if (typeof found === "string") return { test, one, failures: [{ expectation: null, why: found }] };
  const failures = test.expectations.flatMap((expectation) => {
    const why = failureOf(expectation, found);
    return why === null ? [] : [{ expectation, why }];
  });
  return { test, one, failures };
}

const showMask = ({ kind, args }: MaskSpec): string => (args.length === 0 ? kind : `${kind}(${args.join(", ")})`);

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
      if (expectation.kind !== "masked") return null;
      const other = columns.find((column) => expectation.by !== null && column.rule !== expectation.by);
      if (other !== undefined) return `${expectation.column} is masked by ${other.rule}`;
      const { mask } = expectation;
      const wrong =
        mask === null ? undefined : columns.find((one) => one.mask === null || compareMasks(one.mask, mask) !== 0);
      if (wrong === undefined) return null;
      return `expected ${showMask(mask!)} for ${expectation.column}, found ${wrong.mask === null ? "no mask of its own" : showMask(wrong.mask)}`;
    }
    case "limit": {
      const limit = expectation.unit === "rows" ? found.rowLimit : found.byteLimit;
      return limit === expectation.count
        ? null
        : `expected a limit of ${expectation.count} ${expectation.unit}, found ${limit ?? "none"}`;
    }
    case "approvers": {
      const wanted = [...expectation.groups, ...expectation.users];
      const fits = found.approvals.some(
        ({ groups, users, quorum }) =>
          wanted.length === groups.length + users.length &&
          expectation.groups.every((group) => groups.includes(group)) &&
          expectation.users.every((user) => users.includes(user)) &&
          (expectation.quorum === null || expectation.quorum === quorum),
      );
      if (fits) return null;
      const shown = found.approvals.map(
        ({ groups, users, quorum }) => `${[...groups, ...users].join(", ")} (quorum ${quorum})`,
      );
      return `expected approval by ${wanted.join(", ")}, found ${shown.join("; ") || "none"}`;
    }
    case "matched":
      return found.matched.includes(expectation.rule) === expectation.matched
        ? null
        : `${expectation.rule} ${expectation.matched ? "does not match" : "matches"}`;
    case "message":
      return found.because.includes(expectation.text)
        ? null
        : `expected the reason ${JSON.stringify(expectation.text)}, found ${found.because.map((text) => JSON.stringify(text)).join(", ") || "none"}`;
  }
}
