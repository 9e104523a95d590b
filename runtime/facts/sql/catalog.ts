import { RELATIONS_MAX } from "./limits.ts";

export interface CatalogColumn {
  readonly attribute: number;
  readonly name: string;
  /** pg_type.oid. */
  readonly type: number;
}

export interface CatalogRelation {
  readonly oid: number;
  readonly schema: string;
  readonly name: string;
  /** pg_class.relkind: r table, p partitioned, v view, m materialized view, f foreign, S sequence. */
  readonly kind: string;
  readonly columns: readonly CatalogColumn[];
  /** Relations that a view's definition reads, transitively. */
  readonly reads: readonly number[];
  /** Children by inheritance or partitioning, transitively, and the parents. */
  readonly family: readonly number[];
  /** Of a view: its query, with every name outside `pg_catalog` qualified; missing when it could not be read. */
  readonly definition?: string;
  /** Schemas in which the names of `definition` that are not qualified are looked up; missing for `pg_catalog` alone. */
  readonly definitionPath?: readonly string[];
  /**
   * Reading it, or writing it, runs code that no statement names and that may change settings: functions in views, policies,
   * triggers, defaults, checks and rules, also where a write goes on by foreign keys.
   */
  readonly runs?: "read" | "write" | "both";
  /** A write goes on to other relations by foreign keys. */
  readonly cascades?: true;
}

/** A snapshot of a database's catalog: plain data, so that it can be sent to a worker. */
export interface Catalog {
  readonly version: string;
  readonly relations: readonly CatalogRelation[];
  /** Names of functions outside pg_catalog and information_schema. */
  readonly userFunctions: readonly string[];
  /** The same with their schemas, `[schema, name]`; when it is not told no function can be vouched for by its bare name. */
  readonly functionSchemas?: readonly (readonly [schema: string, name: string])[];
  /**
   * Names of operators, and of types that values are cast to, whose function is written in SQL or a procedural language: it
   * may do anything with the value. Those of extensions in C pass their arguments on, as built-in ones do.
   */
  readonly userOperators?: readonly string[];
  readonly userCasts?: readonly string[];
}

type Row = readonly (string | null)[];

/** Whether an expression of the catalog calls set_config, or a function or operator that is not the database's own. */
const runsCode = (table: string, row: string, expression: string): string =>
  `(${expression}::pg_catalog.text like '%:funcid ' || 'pg_catalog.set_config(text,text,bool)'::pg_catalog.regprocedure::pg_catalog.oid || ' %' or exists (select 1 from pg_catalog.pg_depend d where d.classid = 'pg_catalog.${table}'::pg_catalog.regclass and d.objid = ${row}.oid and d.refclassid in ('pg_catalog.pg_proc'::pg_catalog.regclass, 'pg_catalog.pg_operator'::pg_catalog.regclass)))`;
const DOMAIN_RUNS = runsCode("pg_constraint", "k", "k.conbin");
/** Types whose values are checked by such code: domains, and what is made of one. */
const CHECKED_TYPES = `with recursive checked (oid) as (select k.contypid from pg_catalog.pg_constraint k where k.contypid <> 0 and ${DOMAIN_RUNS} union select made.whole from checked join (select t.oid as whole, t.typbasetype as part from pg_catalog.pg_type t where t.typbasetype <> 0 union all select t.oid, t.typelem from pg_catalog.pg_type t where t.typelem <> 0 union all select c.reltype, a.atttypid from pg_catalog.pg_class c join pg_catalog.pg_attribute a on a.attrelid = c.oid where c.reltype <> 0 and a.attnum > 0 and not a.attisdropped union all select r.rngtypid, r.rngsubtype from pg_catalog.pg_range r) made on made.part = checked.oid) select oid from checked`;

/**
 * What a service connection is asked, in this order; `buildCatalog` takes the rows. Its search path is `pg_catalog` alone, so
 * that views' definitions come with qualified names. `definitions` waits for whoever holds a table that a view reads, so it is
 * asked with a short lock_timeout and may be left out.
 */
export const CATALOG_QUERIES = {
  relations: `select c.oid, n.nspname, c.relname, c.relkind from pg_catalog.pg_class c join pg_catalog.pg_namespace n on n.oid = c.relnamespace where c.relkind in ('r','p','v','m','f','S') and n.nspname !~ '^pg_toast' order by 1`,
  columns: `select a.attrelid, a.attnum, a.attname, a.atttypid from pg_catalog.pg_attribute a join pg_catalog.pg_class c on c.oid = a.attrelid join pg_catalog.pg_namespace n on n.oid = c.relnamespace where c.relkind in ('r','p','v','m','f','S') and n.nspname !~ '^pg_toast' and a.attnum > 0 and not a.attisdropped order by 1, 2`,
  views: `select distinct r.ev_class, d.refobjid from pg_catalog.pg_rewrite r join pg_catalog.pg_depend d on d.classid = 'pg_catalog.pg_rewrite'::pg_catalog.regclass and d.objid = r.oid and d.refclassid = 'pg_catalog.pg_class'::pg_catalog.regclass where d.refobjid <> r.ev_class order by 1, 2`,
  definitions: `select c.oid, pg_catalog.pg_get_viewdef(c.oid) from pg_catalog.pg_class c join pg_catalog.pg_namespace n on n.oid = c.relnamespace where c.relkind in ('v','m') and n.nspname not in ('pg_catalog','information_schema') order by 1`,
  inheritance: `select inhrelid, inhparent from pg_catalog.pg_inherits order by 1, 2`,
  functions: `select distinct p.proname, n.nspname, exists (select 1 from pg_catalog.pg_proc b where b.proname = p.proname and b.pronamespace = 'pg_catalog'::pg_catalog.regnamespace) from pg_catalog.pg_proc p join pg_catalog.pg_namespace n on n.oid = p.pronamespace where n.nspname not in ('pg_catalog','information_schema') order by 1, 2`,
  operators: `select distinct o.oprname from pg_catalog.pg_operator o join pg_catalog.pg_proc p on p.oid = o.oprcode join pg_catalog.pg_language l on l.oid = p.prolang where l.lanname not in ('internal','c') and o.oprnamespace <> 'pg_catalog'::pg_catalog.regnamespace order by 1`,
  casts: `select t.typname from pg_catalog.pg_cast c join pg_catalog.pg_proc p on p.oid = c.castfunc join pg_catalog.pg_language l on l.oid = p.prolang join pg_catalog.pg_type t on t.oid = c.casttarget where l.lanname not in ('internal','c') and p.pronamespace <> 'pg_catalog'::pg_catalog.regnamespace union select t.typname from pg_catalog.pg_type t where t.oid in (${CHECKED_TYPES}) order by 1`,
  code: [
    `select distinct r.ev_class, case r.ev_type when '1' then 'r' else 'w' end from pg_catalog.pg_rewrite r where r.ev_class >= 16384 and (${runsCode("pg_rewrite", "r", "r.ev_action")} or ${runsCode("pg_rewrite", "r", "r.ev_qual")})`,
    `select p.polrelid, 'r' from pg_catalog.pg_policy p where ${runsCode("pg_policy", "p", "p.polqual")} or ${runsCode("pg_policy", "p", "p.polwithcheck")}`,
    `select p.polrelid, 'w' from pg_catalog.pg_policy p where ${runsCode("pg_policy", "p", "p.polqual")} or ${runsCode("pg_policy", "p", "p.polwithcheck")}`,
    `select t.tgrelid, 'w' from pg_catalog.pg_trigger t where not t.tgisinternal`,
    `select a.adrelid, 'w' from pg_catalog.pg_attrdef a where ${runsCode("pg_attrdef", "a", "a.adbin")}`,
    `select k.conrelid, 'w' from pg_catalog.pg_constraint k where k.conrelid <> 0 and ${DOMAIN_RUNS}`,
    `select c.attrelid, 'w' from pg_catalog.pg_attribute c where c.atttypid in (${CHECKED_TYPES})`,
  ].join(" union "),
  cascades: `select distinct k.confrelid, k.conrelid from pg_catalog.pg_constraint k where k.contype = 'f' and (k.confdeltype not in ('a','r') or k.confupdtype not in ('a','r')) order by 1, 2`,
} as const;

/** Tables of the catalog that the queries above read. */
const STATE_TABLES =
  "class attribute proc rewrite inherits operator cast type constraint namespace trigger attrdef policy".split(" ");

/**
 * The one query whose answer names the state of all of them. Each row's last change counts, not only the latest of them: a
 * transaction that began early may commit late, with a number below those that were seen.
 */
export const CATALOG_STATE_QUERY = `select string_agg(v, ';' order by v) from (${STATE_TABLES.map(
  (table) =>
    `select '${table} ' || coalesce(max(xmin::text::bigint), 0) || ' ' || count(*) || ' ' || coalesce(sum(hashint8(xmin::text::bigint)), 0) as v from pg_catalog.pg_${table}`,
).join(" union all ")}) states`;

export interface CatalogRows {
  readonly relations: readonly Row[];
  readonly columns: readonly Row[];
  readonly views: readonly Row[];
  readonly definitions?: readonly Row[];
  readonly inheritance: readonly Row[];
  readonly functions: readonly Row[];
  readonly operators?: readonly Row[];
  readonly casts?: readonly Row[];
  readonly code?: readonly Row[];
  readonly cascades?: readonly Row[];
}

/** @throws RangeError when the catalog has more relations than are kept */
export function buildCatalog(version: string, rows: CatalogRows): Catalog {
  if (rows.relations.length > RELATIONS_MAX)
    throw new RangeError(`the catalog has ${rows.relations.length} relations; at most ${RELATIONS_MAX} are read`);
  const columns = new Map<number, CatalogColumn[]>();
  for (const [relation, attribute, name, type] of rows.columns) {
    const list = columns.get(Number(relation)) ?? [];
    list.push({ attribute: Number(attribute), name: name ?? "", type: Number(type) });
    columns.set(Number(relation), list);
  }
  const definitions = new Map(rows.definitions?.map(([view, query]) => [Number(view), query]));
  const reads = closure(rows.views.map(([view, base]) => [Number(view), Number(base)]));
  const inherits = rows.inheritance.map(([child, parent]): [number, number] => [Number(parent), Number(child)]);
  const down = closure(inherits);
  const up = closure(inherits.map(([parent, child]) => [child, parent]));
  const familyOf = (id: number): readonly number[] => [...new Set([...(down.get(id) ?? []), ...(up.get(id) ?? [])])];
  const runs = runsOf(rows, familyOf);
  const goesOn = new Set((rows.cascades ?? []).flatMap(([parent]) => [Number(parent), ...familyOf(Number(parent))]));
  return {
    version,
    relations: rows.relations.map(([oid, schema, name, kind]) => {
      const id = Number(oid);
      const definition = definitions.get(id);
      const run = runs(id);
      return {
        oid: id,
        schema: schema ?? "",
        name: name ?? "",
        kind: kind ?? "",
        columns: columns.get(id) ?? [],
        reads: [...(reads.get(id) ?? [])],
        family: familyOf(id),
        ...(typeof definition === "string" ? { definition } : {}),
        ...(run === null ? {} : { runs: run }),
        ...(goesOn.has(id) ? { cascades: true as const } : {}),
      };
    }),
    userFunctions: [...new Set(rows.functions.map(([name]) => name ?? ""))],
    functionSchemas: rows.functions.flatMap(([name, schema, builtIn]) => {
      if (name === null || name === undefined || schema === null || schema === undefined) return [];
      // A built-in one of the same name may be the one that is meant.
      return builtIn === "t" ? [[schema, name] as const, ["pg_catalog", name] as const] : [[schema, name] as const];
    }),
    userOperators: rows.operators?.map(([name]) => name ?? "") ?? [],
    userCasts: rows.casts?.map(([name]) => name ?? "") ?? [],
  };
}

/** What runs code where: also where a write goes on to a relation of the family, or by a foreign key. */
function runsOf(
  rows: CatalogRows,
  familyOf: (relation: number) => readonly number[],
): (relation: number) => NonNullable<CatalogRelation["runs"]> | null {
  const by = (how: string): ReadonlySet<number> =>
    new Set((rows.code ?? []).filter((row) => row[1] === how).map(([relation]) => Number(relation)));
  const [read, written] = [by("r"), by("w")];
  const keys = (rows.cascades ?? []).map(([parent, child]) => [Number(parent), Number(child)] as const);
  const goesOn = closure(
    keys.flatMap(([parent, child]) =>
      [parent, ...familyOf(parent)].flatMap((from) => [child, ...familyOf(child)].map((to) => [from, to] as const)),
    ),
  );
  const any = (found: ReadonlySet<number>, ids: readonly number[]): boolean => ids.some((id) => found.has(id));
  return (relation) => {
    const family = [relation, ...familyOf(relation)];
    const reads = any(read, family);
    const writes = any(written, [...family, ...family.flatMap((id) => [...(goesOn.get(id) ?? [])])]);
    return reads && writes ? "both" : reads ? "read" : writes ? "write" : null;
  };
}

/** Everything that can be reached from each start by following the edges. */
function closure(edges: readonly (readonly [number, number])[]): ReadonlyMap<number, ReadonlySet<number>> {
  const next = new Map<number, number[]>();
  for (const [from, to] of edges) next.set(from, [...(next.get(from) ?? []), to]);
  const found = new Map<number, ReadonlySet<number>>();
  for (const start of next.keys()) {
    const seen = new Set<number>();
    const open = [...(next.get(start) ?? [])];
    for (let at = open.pop(); at !== undefined; at = open.pop()) {
      if (seen.has(at)) continue;
      seen.add(at);
      open.push(...(next.get(at) ?? []));
    }
    found.set(start, seen);
  }
  return found;
}

/** Parses SQL text into libpg-query's tree. Throws what the parser throws. */
export type ParseSql = (text: string) => unknown;

/** A catalog with the look-ups that name resolution needs. */
export class CatalogIndex {
  readonly catalog: Catalog;
  /** For the definitions of views; null where no parser is at hand. */
  readonly parse: ParseSql | null;
  readonly #byName = new Map<string, CatalogRelation>();
  readonly #byOid = new Map<number, CatalogRelation>();
  readonly #userFunctions: ReadonlySet<string>;
  readonly #schemasOfFunction = new Map<string, string[]>();
  readonly #userOperators: ReadonlySet<string>;
  readonly #userCasts: ReadonlySet<string>;

  constructor(catalog: Catalog, parse: ParseSql | null = null) {
    this.catalog = catalog;
    this.parse = parse;
    for (const relation of catalog.relations) {
      this.#byName.set(`${relation.schema}\0${relation.name}`, relation);
      this.#byOid.set(relation.oid, relation);
    }
    this.#userFunctions = new Set(catalog.userFunctions);
    for (const [schema, name] of catalog.functionSchemas ?? [])
      this.#schemasOfFunction.set(name, [...(this.#schemasOfFunction.get(name) ?? []), schema]);
    this.#userOperators = new Set(catalog.userOperators);
    this.#userCasts = new Set(catalog.userCasts);
  }

  relation(schema: string, name: string): CatalogRelation | undefined {
    return this.#byName.get(`${schema}\0${name}`);
  }

  byOid(oid: number): CatalogRelation | undefined {
    return this.#byOid.get(oid);
  }

  /** Every schema beside the built-in ones that has a function of the name. */
  schemasOfFunction(name: string): readonly string[] {
    return this.#schemasOfFunction.get(name) ?? [];
  }

  isUserOperator(name: string): boolean {
    return this.#userOperators.has(name);
  }

  isUserCast(type: string): boolean {
    return this.#userCasts.has(type);
  }

  isUserFunction(name: string): boolean {
    return this.#userFunctions.has(name);
  }
}
