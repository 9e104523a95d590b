import type { CatalogRelation } from "../catalog.ts";
import { OPAQUE, computed, either, type NamedValue, type Value } from "./value.ts";

/** Something in FROM, under the name it goes by there. */
export interface ScopeItem {
  readonly alias: string;
  /** Schema of an unaliased table, for `schema.table.column`. */
  readonly schema: string | null;
  /** Null when the columns are not known; then any name may be one of them. */
  readonly columns: readonly NamedValue[] | null;
  /** What any column that is not listed would be. */
  readonly other: Value;
  /** Of columns that are not known, those that the statement itself names. */
  readonly named?: readonly string[];
  readonly relation: CatalogRelation | null;
  /** Not part of `*` (excluded, old, new). */
  readonly hidden?: boolean;
}

/** Columns that a JOIN … USING or NATURAL JOIN made one of. */
interface Merged {
  readonly name: string;
  readonly value: Value;
}

/** One entry of FROM: a table, or a join with all that it joins. */
export interface FromPart {
  readonly items: readonly ScopeItem[];
  /** What `*` makes of it; null when that is not known. */
  readonly columns: readonly NamedValue[] | null;
}

/** The names of one query level. Inner names win over outer ones, as in the server. */
export class Scope {
  readonly parent: Scope | null;
  readonly items: ScopeItem[] = [];
  readonly merged: Merged[] = [];
  /** Entries of FROM that are joins. */
  readonly joins: FromPart[] = [];

  constructor(parent: Scope | null) {
    this.parent = parent;
  }

  /** `column`, from the innermost level that has it; null when none has. */
  column(name: string): Value | null {
    const merged = this.merged.findLast((one) => one.name === name);
    if (merged !== undefined) return merged.value;
    let found: Value | null = null;
    let certain = false;
    for (const item of this.items) {
      const own = columnOf(item, name);
      if (own === null) continue;
      found = found === null ? own : either(found, own);
      if (item.columns !== null || item.named?.includes(name) === true) certain = true;
    }
    if (found !== null && certain) return found;
    // A name of a FROM item alone is its whole row.
    const row = this.items.find((item) => item.alias === name);
    if (row !== undefined) return found === null ? wholeRow(row) : computed([found, wholeRow(row)]);
    // What only may be a column of this level may as well be one further out.
    const outer = this.parent?.column(name) ?? null;
    return found === null ? outer : outer === null ? found : computed([found, outer]);
  }

  item(alias: string, schema: string | null): ScopeItem | null {
    const found = this.items.find((item) => item.alias === alias && (schema === null || item.schema === schema));
    return found ?? this.parent?.item(alias, schema) ?? null;
  }

  /** `*`: entry by entry of FROM; a join begins with its merged columns. Null when some are not known. */
  star(): readonly NamedValue[] | null {
    const out: NamedValue[] = [];
    for (const item of this.items) {
      if (item.hidden === true) continue;
      const join = this.joins.find((one) => one.items.includes(item));
      if (join !== undefined && join.items[0] !== item) continue;
      const columns = join === undefined ? item.columns : join.columns;
      if (columns === null) return null;
      out.push(...columns);
    }
    return out;
  }
}

/** A level that begins with one item. */
export function scopeOf(parent: Scope | null, item: ScopeItem): Scope {
  const scope = new Scope(parent);
  scope.items.push(item);
  return scope;
}

export function columnOf(item: ScopeItem, name: string): Value | null {
  if (item.columns !== null) {
    const found = item.columns.filter((column) => column.name === name);
    if (found.length > 0) return found.reduce<Value>(either, found[0]!);
    return null;
  }
  return item.other;
}

/** All columns of an item as one value. */
export function wholeRow(item: ScopeItem): Value {
  return item.columns === null ? { ...item.other, direct: null } : computed(item.columns);
}

export const UNKNOWN_ITEM = (alias: string): ScopeItem => ({
  alias,
  schema: null,
  columns: null,
  other: OPAQUE,
  relation: null,
});
