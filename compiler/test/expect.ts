import { compareMasks, type ApprovalSpec, type MaskSpec } from "../../spec/contract/bundle/index.ts";
import type { Expected } from "./cases.ts";
import { verdictOf, type ActionOutcome } from "./outcome.ts";

/** A mask as a policy writes it: `last(4)`. */
export const maskText = (spec: MaskSpec): string =>
  spec.args.length === 0
    ? spec.kind
    : `${spec.kind}(${spec.args.map((arg) => (typeof arg === "number" ? String(arg) : JSON.stringify(arg))).join(", ")})`;

const listed = (names: readonly string[]): string => (names.length === 0 ? "none" : names.join(", "));

/** By which rules a verdict was made. */
export const decidedBy = (outcome: ActionOutcome): string =>
  outcome.deciding.length === 0 ? "by default, for no rule allows it" : `by ${outcome.deciding.join(", ")}`;

/** What is wrong with an outcome, or null when it is as expected. */
export function failureOf(expected: Expected, found: ActionOutcome): string | null {
  switch (expected.kind) {
    case "verdict": {
      const verdict = verdictOf(found);
      if (verdict !== expected.verdict) {
        const why =
          found.verdict !== "deny" && found.shown.refused !== null
            ? `under a mask: ${found.shown.refused}`
            : decidedBy(found);
        return `expected ${expected.verdict}${expected.by === null ? "" : ` by ${expected.by}`}, found ${verdict} ${why}`;
      }
      if (expected.by === null || found.deciding.includes(expected.by)) return null;
      return `expected ${verdict} by ${expected.by}, found it ${decidedBy(found)}`;
    }
    case "masked":
      return maskedFailure(expected, found);
    case "plain": {
      const columns = columnsOf(expected.column, found);
      if (typeof columns === "string") return columns;
      const masked = columns.find((column) => column.rule !== null);
      return masked === undefined ? null : `expected ${expected.column} as it is, but ${maskedBy(masked)}`;
    }
    case "limit": {
      const limit = expected.unit === "rows" ? found.rowLimit : found.byteLimit;
      return limit === expected.count
        ? null
        : `expected a limit of ${expected.count} ${expected.unit}, found ${limit === null ? "none" : `one of ${limit}`}`;
    }
    case "message":
      return found.because.includes(expected.text)
        ? null
        : `expected the reason ${JSON.stringify(expected.text)}, found ${listed(found.because.map((text) => JSON.stringify(text)))}`;
    case "approvers":
      return approversFailure(expected, found);
    case "matched":
      return found.matched.includes(expected.rule) === expected.matched
        ? null
        : `expected ${expected.rule} ${expected.matched ? "to match" : "not to match"}; what matched: ${listed(found.matched)}`;
  }
}

type Column = ActionOutcome["shown"]["columns"][number];

const maskedBy = (column: Column): string =>
  `it is masked ${column.mask === null ? "" : `with ${maskText(column.mask)} `}${column.rule === "" ? "for where it comes from can't be traced" : `by ${column.rule}`}`;

function columnsOf(name: string, found: ActionOutcome): readonly Column[] | string {
  const columns = found.shown.columns.filter((column) => column.name === name);
  return columns.length > 0
    ? columns
    : `the result has no column ${name}; it has ${listed(found.shown.columns.map((column) => column.name))}`;
}

function maskedFailure(expected: Extract<Expected, { kind: "masked" }>, found: ActionOutcome): string | null {
  const columns = columnsOf(expected.column, found);
  if (typeof columns === "string") return columns;
  for (const column of columns) {
    const { by, mask } = expected;
    if (column.rule === null) return `expected ${expected.column} masked, but it is shown as it is`;
    if (by !== null && column.rule !== by)
      return `expected ${expected.column} masked by ${by}, but ${maskedBy(column)}`;
    if (mask !== null && (column.mask === null || compareMasks(mask, column.mask) !== 0))
      return `expected ${expected.column} masked with ${maskText(mask)}, but ${maskedBy(column)}`;
  }
  return null;
}

const approversText = ({ groups, users }: Pick<ApprovalSpec, "groups" | "users">): string =>
  [...groups.map((name) => `group "${name}"`), ...users.map((name) => `user "${name}"`)].join(", ");

function approversFailure(expected: Extract<Expected, { kind: "approvers" }>, found: ActionOutcome): string | null {
  const wanted = approversText(expected);
  const fits = found.approvals.some(
    (spec) => approversText(spec) === wanted && (expected.quorum === null || spec.quorum === expected.quorum),
  );
  if (fits) return null;
  const text = (spec: Pick<ApprovalSpec, "groups" | "users">, quorum: number | null): string =>
    `${approversText(spec)}${quorum === null ? "" : ` quorum ${quorum}`}`;
  return `expected approval by ${text(expected, expected.quorum)}, found ${found.approvals.length === 0 ? "that none is asked for" : found.approvals.map((spec) => text(spec, spec.quorum)).join("; ")}`;
}
