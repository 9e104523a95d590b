import { REDACT, compareMasks, type MaskSpec, type PredicateMode } from "../../../spec/contract/bundle/index.ts";
import { unknownRelation, type AnalysedStatement, type ColumnId } from "../../facts/index.ts";
import type { MaskedCatalog } from "./masked-catalog.ts";
import { columnKey, substitute, type Replacement, type Substitution } from "./substitute.ts";

/** The mask of one output column. */
export interface ColumnMask {
  readonly spec: MaskSpec;
  readonly rule: string;
  /** `schema.table.column` of the masked source. */
  readonly source: string;
  /** The output is computed from the column and not the column itself, so it is hidden whole. */
  readonly derived: boolean;
}

export type MaskPlan =
  /** Nothing that is masked for this user can be reached: results pass as they are. */
  | { readonly kind: "clear" }
  /** Results are checked against `outputs` and masked; texts from the server are scrubbed. */
  | {
      readonly kind: "mask";
      readonly columns: readonly (ColumnMask | null)[];
      readonly any: boolean;
      /** Masked columns that the statement observes by leave of their rule, as `schema.table.column`. */
      readonly observed?: readonly string[];
      /** Set when the statement is to be sent with masked relations replaced. */
      readonly substituted?: {
        readonly replacements: readonly Replacement[];
        /** Columns that the database masks itself, `relation.attribute`: none may be announced. */
        readonly covered: ReadonlySet<string>;
      };
    }
  | {
      readonly kind: "refuse";
      readonly reason: string;
      readonly rule: string | null;
      /** What to do about it, where that is not to leave masked columns out. */
      readonly hint?: string;
    };

export const CLEAR: MaskPlan = { kind: "clear" };

const UNKNOWN_RELATION_HINT =
  "Check the name and the schema. A table that was made a moment ago is known within seconds, one of an open transaction once that ends.";

const pathOf = (column: ColumnId): string => `${column.schema}.${column.table}.${column.column}`;

function firstMasked(columns: readonly ColumnId[], masked: MaskedCatalog): { path: string; rule: string } | null {
  for (const column of columns) {
    const mask = masked.maskOfColumn(column);
    if (mask !== null) return { path: pathOf(column), rule: mask.rule };
  }
  return null;
}

/**
 * What must happen to one statement's results under the active masks. What cannot be traced is refused when it could
 * reach a masked relation, never passed.
 */
export function planMasks(statement: AnalysedStatement, masked: MaskedCatalog | null): MaskPlan {
  if (masked === null || masked.relations.size === 0) return CLEAR;
  const reachesMasked = statement.reached.some((oid) => masked.relations.has(oid));
  const untraced = statement.opaque.filter(
    (reason) => !statement.calls.some((call) => call.reason === reason && masked.trusts(call.function)),
  );
  if (untraced.length > 0 && (reachesMasked || statement.reachesAnything)) {
    const unknown = statement.relations.some(
      (use) => use.oid === null && unknownRelation(use.schema, use.name) === untraced[0],
    );
    return {
      ...(unknown ? { hint: UNKNOWN_RELATION_HINT } : {}),
      kind: "refuse",
      rule: null,
      reason: `it may reach masked columns in a way that cannot be traced: ${untraced[0]}`,
    };
  }
  if (!reachesMasked) return CLEAR;
  const refused = observedBy(statement, masked, "refuse", NOTHING_COVERED);
  if (refused !== null) return refusedFor(refused, "remove that column from the condition");
  let covered = NOTHING_COVERED;
  let substituted: Substitution | undefined;
  const wanted = observedBy(statement, masked, "substitute", NOTHING_COVERED);
  if (wanted !== null) {
    const found = substitute(statement, masked);
    if (typeof found === "string") {
      return {
        kind: "refuse",
        rule: wanted.rule,
        reason: `${wanted.who} filters, joins, sorts or groups by ${wanted.path}, which is masked, and can't be made to do so by the masked values: ${found}`,
      };
    }
    substituted = found;
    covered = found.covered;
    const left = observedBy(statement, masked, "substitute", covered);
    if (left !== null)
      return refusedFor(
        left,
        "the database can't compute that mask, so the condition can't go by masked values; remove that column from it",
      );
  }
  const observed = statement.influences
    .filter((column) => !covered.has(columnKey(column)) && masked.maskOfColumn(column)?.predicates === "allow")
    .map(pathOf);
  const more = {
    ...(observed.length > 0 ? { observed } : {}),
    ...(substituted === undefined ? {} : { substituted }),
  };
  const stored = firstMasked(statement.stores, masked);
  if (stored !== null) {
    return {
      kind: "refuse",
      rule: stored.rule,
      reason: `it would store the value of ${stored.path}, which is masked, where no mask follows`,
    };
  }
  if (statement.returns !== "rows" && statement.returns !== "copy-out")
    return { kind: "mask", columns: [], any: false, ...more };
  if (statement.outputs === null) {
    return { kind: "refuse", rule: null, reason: "its output columns cannot be traced and it reads a masked relation" };
  }
  let any = false;
  const columns = statement.outputs.map((output): ColumnMask | null => {
    const sources = covered.size === 0 ? output.sources : output.sources.filter((one) => !covered.has(columnKey(one)));
    const found = columnMask(sources, output.direct !== null && output.madeByView !== true, masked);
    const mask = output.reveals === "nothing" ? null : found;
    if (mask === null && output.opaque) {
      any = true;
      return { spec: REDACT, rule: "", source: "unknown", derived: true };
    }
    if (mask !== null) any = true;
    return mask;
  });
  return { kind: "mask", columns, any, ...more };
}

const NOTHING_COVERED: ReadonlySet<string> = new Set();

/** The first column that the statement observes, whose rules say `mode`, and that it does not see masked. */
function observedBy(
  statement: AnalysedStatement,
  masked: MaskedCatalog,
  mode: PredicateMode,
  covered: ReadonlySet<string>,
): Observed | null {
  for (const column of statement.influences) {
    const mask = masked.maskOfColumn(column);
    if (mask?.predicates !== mode || covered.has(columnKey(column))) continue;
    const family = masked.relation(column.relation)?.family ?? [];
    const itself = statement.relations.some(
      ({ oid }) => oid !== null && (oid === column.relation || family.includes(oid)),
    );
    return { path: pathOf(column), rule: mask.rule, who: itself ? "it" : A_VIEW };
  }
  return null;
}

interface Observed {
  readonly path: string;
  readonly rule: string;
  readonly who: string;
}

const A_VIEW = "a view that it reads";

const refusedFor = ({ who, path, rule }: Observed, then: string): MaskPlan => ({
  kind: "refuse",
  rule,
  reason: `${who} filters, joins, sorts or groups by ${path}, which is masked; ${who === A_VIEW ? "ask for what you need without that view" : then}`,
});

function columnMask(sources: readonly ColumnId[], plain: boolean, masked: MaskedCatalog): ColumnMask | null {
  let strictest: ColumnMask | null = null;
  // A plain column keeps its own mask only if nothing else flows into it (children of a partitioned table do).
  for (const source of sources) {
    const mask = masked.maskOfColumn(source);
    if (mask === null) continue;
    const derived = !plain;
    const spec = derived && mask.spec.kind !== "null" ? REDACT : mask.spec;
    const candidate: ColumnMask = { spec, rule: mask.rule, source: pathOf(source), derived };
    if (strictest === null || compareMasks(candidate.spec, strictest.spec) < 0) strictest = candidate;
  }
  return strictest;
}
