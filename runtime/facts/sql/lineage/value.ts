import type { ColumnId } from "../analysis.ts";

/** What flows into one value. */
export interface Value {
  readonly sources: readonly ColumnId[];
  /** The value is exactly this column. */
  readonly direct: ColumnId | null;
  readonly opaque: boolean;
  readonly reveals: "value" | "nothing";
  /** pg_type.oid, when known. */
  readonly type: number | null;
  /** `direct` is a view's column, and the view computes it: no base column's own mask fits it. */
  readonly madeByView?: true;
}

/** A value with the name it goes by in a result or a scope; empty when that is not worked out. */
export interface NamedValue extends Value {
  readonly name: string;
}

/**
 * Types whose values are no arrays: bool, bytea, int8, int2, int4, text, json, float, inet, bpchar, varchar, date, time,
 * timestamp, timestamptz, interval, bit, varbit, numeric, uuid, tsvector, jsonb.
 */
export const SINGLE_VALUES: ReadonlySet<number> = new Set([
  16, 17, 20, 21, 23, 25, 114, 700, 701, 869, 1042, 1043, 1082, 1083, 1114, 1184, 1186, 1560, 1562, 1700, 2950, 3614,
  3802,
]);

const NO_COLUMNS: readonly ColumnId[] = [];

export const NOTHING: Value = { sources: NO_COLUMNS, direct: null, opaque: false, reveals: "value", type: null };
export const OPAQUE: Value = { sources: NO_COLUMNS, direct: null, opaque: true, reveals: "value", type: null };

const key = (column: ColumnId): string => `${column.relation}.${column.attribute}`;

export function unionColumns(...lists: readonly (readonly ColumnId[])[]): readonly ColumnId[] {
  const filled = lists.filter((one) => one.length > 0);
  if (filled.length === 0) return NO_COLUMNS;
  if (filled.length === 1) return filled[0]!;
  const found = new Map<string, ColumnId>();
  for (const one of filled) for (const column of one) found.set(key(column), column);
  return [...found.values()];
}

/** A value computed from others: everything of theirs, and none of them exactly. */
export function computed(values: readonly Value[]): Value {
  const told = values.filter((value) => value.reveals === "value");
  return {
    sources: unionColumns(...told.map((value) => value.sources)),
    direct: null,
    opaque: values.some((value) => value.opaque),
    reveals: "value",
    type: null,
  };
}

/** One of two values, as in a set operation or a merged join column. */
export function either(a: Value, b: Value): Value {
  const same = a.direct !== null && b.direct !== null && key(a.direct) === key(b.direct);
  return {
    sources: unionColumns(a.sources, b.sources),
    direct: same ? a.direct : null,
    opaque: a.opaque || b.opaque,
    reveals: a.reveals === "nothing" && b.reveals === "nothing" ? "nothing" : "value",
    type: a.type === b.type ? a.type : null,
    ...(a.madeByView === true || b.madeByView === true ? { madeByView: true } : {}),
  };
}

export const sameSources = (a: Value, b: Value): boolean =>
  a.sources.length === b.sources.length && a.opaque === b.opaque;
