import {
  REDACT,
  compareMasks,
  type BundleRule,
  type ColumnPattern,
  type MaskSpec,
} from "../../../spec/contract/bundle/index.ts";
import type { AnalysedStatement, ColumnId } from "../../facts/index.ts";
import type { Catalog } from "../../facts/index.ts";

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
  | { readonly kind: "mask"; readonly columns: readonly (ColumnMask | null)[]; readonly any: boolean }
  | { readonly kind: "refuse"; readonly reason: string; readonly rule: string | null };

export const CLEAR: MaskPlan = { kind: "clear" };

function matches(pattern: ColumnPattern, schema: string, table: string, column: string): boolean {
  return (
    (pattern.schema === null || pattern.schema === schema) &&
    (pattern.table === null || pattern.table === table) &&
    (pattern.column === null || pattern.column === column)
  );
}

export interface ActiveMask {
  readonly spec: MaskSpec;
  readonly rule: string;
}

/**
 * A set of active mask rules applied to one catalog snapshot: which columns and which relations it covers. Made once per
 * (catalog version, set of rules) and shared.
 */
export class MaskedCatalog {
  readonly #rules: readonly BundleRule[];
  readonly #byColumn = new Map<string, ActiveMask | null>();
  readonly #byNumber = new Map<number, Map<number, ActiveMask | null>>();
  /** Relations with at least one masked column. */
  readonly relations: ReadonlySet<number>;

  constructor(catalog: Catalog, rules: readonly BundleRule[]) {
    this.#rules = rules;
    const relations = new Set<number>();
    for (const relation of catalog.relations) {
      if (relation.columns.some((column) => this.maskOf(relation.schema, relation.name, column.name) !== null)) {
        relations.add(relation.oid);
      }
    }
    this.relations = relations;
  }

  /** The strictest mask on a column, or null. */
  maskOf(schema: string, table: string, column: string): ActiveMask | null {
    const key = JSON.stringify([schema, table, column]);
    const known = this.#byColumn.get(key);
    if (known !== undefined) return known;
    let found: ActiveMask | null = null;
    for (const rule of this.#rules) {
      const clause = rule.mask;
      if (clause === null || !clause.columns.some((pattern) => matches(pattern, schema, table, column))) continue;
      const named = clause.with.find((entry) => entry.name === column) ?? clause.with.find((e) => e.name === null);
      const spec = named?.mask ?? REDACT;
      if (found === null || compareMasks(spec, found.spec) < 0) found = { spec, rule: rule.name };
    }
    this.#byColumn.set(key, found);
    return found;
  }

  maskOfColumn(column: ColumnId): ActiveMask | null {
    // Asked for each literal of each statement, so the way to a known answer makes no text.
    let relation = this.#byNumber.get(column.relation);
    if (relation === undefined) this.#byNumber.set(column.relation, (relation = new Map<number, ActiveMask | null>()));
    let found = relation.get(column.attribute);
    if (found === undefined)
      relation.set(column.attribute, (found = this.maskOf(column.schema, column.table, column.column)));
    return found;
  }
}

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
  if (statement.opaque.length > 0 && (reachesMasked || statement.reachesAnything)) {
    return {
      kind: "refuse",
      rule: null,
      reason: `it may reach masked columns in a way that cannot be traced: ${statement.opaque[0]}`,
    };
  }
  if (!reachesMasked) return CLEAR;
  const observed = firstMasked(statement.influences, masked);
  if (observed !== null) {
    return {
      kind: "refuse",
      rule: observed.rule,
      reason: `it filters, joins, sorts or groups by ${observed.path}, which is masked; remove that column from the condition`,
    };
  }
  const stored = firstMasked(statement.stores, masked);
  if (stored !== null) {
    return {
      kind: "refuse",
      rule: stored.rule,
      reason: `it would store the value of ${stored.path}, which is masked, where no mask follows`,
    };
  }
  if (statement.returns !== "rows" && statement.returns !== "copy-out")
    return { kind: "mask", columns: [], any: false };
  if (statement.outputs === null) {
    return { kind: "refuse", rule: null, reason: "its output columns cannot be traced and it reads a masked relation" };
  }
  let any = false;
  const columns = statement.outputs.map((output): ColumnMask | null => {
    const found = columnMask(output.sources, output.direct, masked);
    const mask = output.reveals === "nothing" ? null : found;
    if (mask === null && output.opaque) {
      any = true;
      return { spec: REDACT, rule: "", source: "unknown", derived: true };
    }
    if (mask !== null) any = true;
    return mask;
  });
  return { kind: "mask", columns, any };
}

function columnMask(sources: readonly ColumnId[], direct: ColumnId | null, masked: MaskedCatalog): ColumnMask | null {
  let strictest: ColumnMask | null = null;
  // A plain column keeps its own mask only if nothing else flows into it (children of a partitioned table do).
  for (const source of sources) {
    const mask = masked.maskOfColumn(source);
    if (mask === null) continue;
    const derived = direct === null;
    const spec = derived && mask.spec.kind !== "null" ? REDACT : mask.spec;
    const candidate: ColumnMask = { spec, rule: mask.rule, source: pathOf(source), derived };
    if (strictest === null || compareMasks(candidate.spec, strictest.spec) < 0) strictest = candidate;
  }
  return strictest;
}
