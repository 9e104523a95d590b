import {
  PREDICATE_MODES,
  REDACT,
  compareMasks,
  type BundleRule,
  type ColumnPattern,
  type MaskSpec,
  type PredicateMode,
} from "../../../spec/contract/bundle/index.ts";
import type { Catalog, CatalogRelation, ColumnId } from "../../facts/index.ts";

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
  /** What the strictest of the column's rules says of conditions over it. */
  readonly predicates: PredicateMode;
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
  readonly #catalog: ReadonlyMap<number, CatalogRelation>;
  readonly #trusted: ReadonlySet<string>;

  constructor(catalog: Catalog, rules: readonly BundleRule[]) {
    this.#rules = rules;
    const relations = new Set<number>();
    for (const relation of catalog.relations) {
      if (relation.columns.some((column) => this.maskOf(relation.schema, relation.name, column.name) !== null)) {
        relations.add(relation.oid);
      }
    }
    this.relations = relations;
    this.#catalog = new Map(catalog.relations.map((relation) => [relation.oid, relation]));
    // A function may read any of the masked columns, so every rule that masks one must vouch for it.
    const lists = rules.flatMap(({ mask }) => (mask === null || mask.columns.length === 0 ? [] : [mask.trusted]));
    this.#trusted = new Set((lists[0] ?? []).filter((name) => lists.every((list) => list.includes(name))));
  }

  trusts(name: string | null): boolean {
    return name !== null && this.#trusted.has(name);
  }

  relation(oid: number): CatalogRelation | undefined {
    return this.#catalog.get(oid);
  }

  /** A column with those of its name in the relation's family. */
  related(relation: CatalogRelation, column: string): readonly ColumnId[] {
    return [relation.oid, ...relation.family].flatMap((oid) => {
      const one = this.#catalog.get(oid);
      const found = one?.columns.find((candidate) => candidate.name === column);
      if (one === undefined || found === undefined) return [];
      return [{ relation: oid, attribute: found.attribute, schema: one.schema, table: one.name, column }];
    });
  }

  /** The strictest mask of several columns, or null. */
  strictest(columns: readonly ColumnId[]): ActiveMask | null {
    let found: ActiveMask | null = null;
    for (const column of columns) {
      const mask = this.maskOfColumn(column);
      if (mask !== null && (found === null || compareMasks(mask.spec, found.spec) < 0)) found = mask;
    }
    return found;
  }

  /** The strictest mask on a column, or null. */
  maskOf(schema: string, table: string, column: string): ActiveMask | null {
    const key = JSON.stringify([schema, table, column]);
    const known = this.#byColumn.get(key);
    if (known !== undefined) return known;
    let found = null as ActiveMask | null;
    for (const rule of this.#rules) {
      const clause = rule.mask;
      if (clause === null || !clause.columns.some((pattern) => matches(pattern, schema, table, column))) continue;
      const named = clause.with.find((entry) => entry.name === column) ?? clause.with.find((e) => e.name === null);
      const spec = named?.mask ?? REDACT;
      const known: ActiveMask | null = found;
      if (known === null) {
        found = { spec, rule: rule.name, predicates: clause.predicates };
        continue;
      }
      const modes = [known.predicates, clause.predicates].map((mode) => PREDICATE_MODES.indexOf(mode));
      const predicates = PREDICATE_MODES[Math.min(...modes)]!;
      const stricter = compareMasks(spec, known.spec) < 0;
      found = { spec: stricter ? spec : known.spec, rule: stricter ? rule.name : known.rule, predicates };
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
