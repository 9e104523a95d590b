import { body, is, list, names, node, text, type Body, type Json } from "./tree.ts";

/** Columns of a catalog relation, or null when they are not known. */
export type ColumnsOf = (rangeVar: Body) => ReadonlySet<string> | null;

/** Names that a WITH gives: they hide the catalog's. */
export const withNames = (clause: Json | undefined): readonly string[] =>
  list(body(clause)["ctes"]).map((cte) => text(is(cte, "CommonTableExpr")?.["ctename"]));

interface Item {
  readonly name: string;
  readonly columns: ReadonlySet<string> | null;
}

/**
 * Tells which column references name the rows that a statement changes. A condition over anything else (another relation of
 * FROM, a sub-query's own columns, parameters) holds for all of those rows or for none.
 */
export class RowScope {
  readonly #columnsOf: ColumnsOf;
  readonly #target: Item | null;
  readonly #others: readonly Item[];

  private constructor(columnsOf: ColumnsOf, target: Item | null, others: readonly Item[]) {
    this.#columnsOf = columnsOf;
    this.#target = target;
    this.#others = others;
  }

  /** Where every column is one of the row at hand: row security, MERGE. */
  static anyColumn(): RowScope {
    return new RowScope(() => null, null, []);
  }

  static of(relation: Body, from: Json | undefined, columnsOf: ColumnsOf): RowScope {
    const target: Item = { name: nameOf(relation), columns: renames(relation) ? null : columnsOf(relation) };
    return new RowScope(columnsOf, target, itemsOf(from, columnsOf));
  }

  /** The scope inside a sub-query: its own relations hide the outer ones. */
  within(select: Body): RowScope {
    const hidden = new Set(withNames(select["withClause"]));
    const columnsOf: ColumnsOf =
      hidden.size === 0
        ? this.#columnsOf
        : (rangeVar) =>
            rangeVar["schemaname"] === undefined && hidden.has(text(rangeVar["relname"]))
              ? null
              : this.#columnsOf(rangeVar);
    const own = itemsOf(select["fromClause"], columnsOf);
    return new RowScope(columnsOf, this.#target, [...own, ...this.#others]);
  }

  /** Whether a reference is to the rows at hand; in doubt it is not. */
  names(ref: Body): boolean {
    const fields = list(ref["fields"]);
    const path = fields.flatMap((field) => (is(field, "String") === null ? [] : names([field])));
    const target = this.#target;
    if (target === null) return this.#others.length === 0 || !this.#others.some((item) => isOf(item, path));
    if (path.length >= 2) {
      // `schema.table.column` and `table.column`; a composite column's field is taken for neither.
      const alias = path.at(-2)!;
      if (this.#others.some((item) => item.name === alias)) return false;
      return alias === target.name || target.columns?.has(alias) === true;
    }
    const column = path[0] ?? "";
    // Of two that have it the inner one is meant.
    if (this.#others.some((item) => item.columns === null || item.columns.has(column))) return false;
    return column === target.name || column === "ctid" || target.columns === null || target.columns.has(column);
  }
}

function isOf(item: Item, path: readonly string[]): boolean {
  if (path.length >= 2) return item.name === path.at(-2);
  return item.columns === null || item.columns.has(path[0] ?? "");
}

const renames = (relation: Body): boolean => list(body(relation["alias"])["colnames"]).length > 0;

function nameOf(relation: Body): string {
  const alias = text(body(relation["alias"])["aliasname"]);
  return alias === "" ? text(relation["relname"]) : alias;
}

function itemsOf(from: Json | undefined, columnsOf: ColumnsOf): readonly Item[] {
  return list(from).flatMap((json): readonly Item[] => {
    const found = node(json);
    if (found === null) return [];
    const { kind, body: b } = found;
    if (kind === "JoinExpr") return itemsOf([b["larg"] ?? null, b["rarg"] ?? null], columnsOf);
    const relation = kind === "RangeTableSample" ? body(is(b["relation"], "RangeVar") ?? undefined) : b;
    const known = kind === "RangeVar" || kind === "RangeTableSample";
    return [{ name: nameOf(relation), columns: known && !renames(relation) ? columnsOf(relation) : null }];
  });
}
