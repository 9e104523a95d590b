import type pg from "pg";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import {
  CATALOG_QUERIES,
  buildCatalog,
  type AnalysedStatement,
  type Catalog,
  type CatalogRelation,
} from "../../runtime/facts/index.ts";
import { analyseOffline, loadParser } from "../../runtime/facts/sql/offline.ts";
import { prepareDatabase, startPostgres, type TestPostgres } from "../support/postgres.ts";
import { generatedQuery } from "./generated.ts";
import { READS } from "./reads.ts";
import { UnreadableTree, sourcesOfRule, type Source } from "./resolved-tree.ts";
import { SCHEMA } from "./schema.ts";

/**
 * Lineage against the server's own: each query becomes a view in a transaction that is rolled back, and the rule that is stored
 * for it tells which base columns flow into each output. The analysis may name more, and may say that it can't tell; it may not
 * leave one out.
 */
let server: TestPostgres;
let client: pg.Client;
let catalog: Catalog;

beforeAll(async () => {
  await loadParser();
  server = await startPostgres();
  await prepareDatabase(server, "bypass", SCHEMA);
  client = await server.direct("bypass");
  const definitions = async (): Promise<readonly (readonly (string | null)[])[]> => {
    await client.query("set search_path = pg_catalog");
    const found = await rows(CATALOG_QUERIES.definitions);
    await client.query("reset search_path");
    return found;
  };
  const rows = async (sql: string): Promise<readonly (readonly (string | null)[])[]> =>
    (
      await client.query<(string | null)[]>({
        text: sql,
        rowMode: "array",
        types: { getTypeParser: () => (value: string) => value },
      })
    ).rows;
  catalog = buildCatalog("test", {
    relations: await rows(CATALOG_QUERIES.relations),
    columns: await rows(CATALOG_QUERIES.columns),
    views: await rows(CATALOG_QUERIES.views),
    definitions: await definitions(),
    inheritance: await rows(CATALOG_QUERIES.inheritance),
    functions: await rows(CATALOG_QUERIES.functions),
    operators: await rows(CATALOG_QUERIES.operators),
    casts: await rows(CATALOG_QUERIES.casts),
    code: await rows(CATALOG_QUERIES.code),
    cascades: await rows(CATALOG_QUERIES.cascades),
  });
});
afterAll(async () => {
  await client?.end();
  await server?.stop();
});

/** What the server resolved, or null where it makes no view of it. */
async function resolved(sql: string): Promise<readonly ReadonlySet<Source>[] | null> {
  await client.query("begin");
  try {
    // Names of the view's columns are given, since a query may give one twice.
    await client.query("savepoint described");
    const described = await client.query({ text: `select * from (${sql}) as q limit 0`, rowMode: "array" });
    await client.query("rollback to described");
    const names = described.fields.map((_, i) => `o${i}`).join(", ");
    await client.query(`create temp view oracle_view (${names}) as ${sql}`);
    const found = await client.query<{ action: string }>(
      "select ev_action::text as action from pg_rewrite where ev_class = 'pg_temp.oracle_view'::regclass",
    );
    return sourcesOfRule(found.rows[0]!.action);
  } catch (fault) {
    if (fault instanceof UnreadableTree || (fault as { code?: string }).code !== undefined) return null;
    throw fault;
  } finally {
    await client.query("rollback");
  }
}

/** With what the views among them are made of, as the server keeps it. */
async function expanded(sources: ReadonlySet<Source>): Promise<ReadonlySet<Source>> {
  const found = new Set<Source>();
  const open = [...sources];
  for (let source = open.pop(); source !== undefined; source = open.pop()) {
    if (found.has(source)) continue;
    found.add(source);
    const [relation, attribute] = source.split(".").map(Number) as [number, number];
    const outputs = await viewOutputs(relation);
    if (outputs !== null)
      open.push(...(attribute === 0 ? outputs : [outputs[attribute - 1]!]).flatMap((one) => [...one]));
  }
  return found;
}

const views = new Map<number, readonly ReadonlySet<Source>[] | null>();
async function viewOutputs(relation: number): Promise<readonly ReadonlySet<Source>[] | null> {
  const known = views.get(relation);
  if (known !== undefined) return known;
  const rules = await client.query<{ action: string }>(
    "select r.ev_action::text as action from pg_rewrite r join pg_class c on c.oid = r.ev_class where r.ev_class = $1 and r.rulename = '_RETURN' and c.relnamespace <> 'pg_catalog'::regnamespace",
    [relation],
  );
  const outputs = rules.rows.length === 0 ? null : sourcesOfRule(rules.rows[0]!.action);
  views.set(relation, outputs);
  return outputs;
}

type Verdict = "exact" | "wider" | "untraced" | "not a view";

function analysed(sql: string): AnalysedStatement {
  const found = analyseOffline(sql, catalog, ["pg_catalog", "public"]);
  if ("kind" in found) throw new Error(`${sql}: ${JSON.stringify(found)}`);
  return found.statements[0]!;
}

async function compare(sql: string): Promise<Verdict> {
  const theirs = await resolved(sql);
  if (theirs === null) return "not a view";
  const ours = analysed(sql);
  if (ours.outputs === null || ours.opaque.length > 0) return "untraced";
  expect(ours.outputs.length, `${sql}: as many outputs as the server gives`).toBe(theirs.length);
  let verdict: Verdict = "exact";
  for (const [i, output] of ours.outputs.entries()) {
    if (output.opaque) return "untraced";
    const known = new Set(output.sources.map((source) => `${source.relation}.${source.attribute}`));
    const named = new Set(output.sources.map((source) => String(source.relation)));
    const needed = await expanded(theirs[i]!);
    for (const source of needed) {
      const [relation, attribute] = source.split(".");
      // A whole row is every column of its relation.
      const wholeRow = catalog.relations.find((one) => String(one.oid) === relation)?.columns ?? [];
      const there =
        attribute === "0"
          ? named.has(relation!) && wholeRow.every((column) => known.has(`${relation}.${column.attribute}`))
          : known.has(source);
      if (!there && output.reveals !== "nothing")
        throw new Error(`${sql}: output ${i + 1} comes from ${source}, which the analysis leaves out`);
    }
    if (known.size !== needed.size) verdict = "wider";
  }
  return verdict;
}

describe.each(Object.entries(READS))("%s", (_group, statements) => {
  it.each(statements.map((sql) => [sql] as const))("%s", async (sql) => {
    await compare(sql);
  });
});

/** Statements that ordinary work is made of: they must be traced to the last column, not only safely given up. */
const TRACED: readonly string[] = [
  "select id, name, ssn from people",
  "select p.*, q.a from people p join plain q using (id)",
  "select * from people p natural join plain q",
  "select * from people p left join plain q on p.id = q.id",
  "select * from people p full join plain q using (id)",
  "select upper(name) || ssn, 1, null from people",
  "select max(ssn), count(*), min(a) from people, plain",
  "select id, max(ssn) over (partition by name order by id) from people",
  "select case when a = 'x' then a else 'none' end from plain",
  "select (select max(ssn) from people p where p.id = q.id) from plain q",
  "select exists (select 1 from people) from plain",
  "select a in (select name from people) from plain",
  "select array(select ssn from people order by id)",
  "with c as (select ssn as s, id from people) select s, c.id from c",
  "with recursive r(n, s) as (select id, ssn from people union all select n + 1, s from r where n < 3) select * from r",
  "select x from (values (1, 'a'), (2, 'b')) v(y, x)",
  "select s.x from people p, lateral (select p.ssn as x) s",
  "select u from people, unnest(tags) u",
  "select ssn from people union select a from plain",
  "select ssn from people except select a from plain",
  "select a from plain except select ssn from people",
  "select ssn from people intersect all select a from plain",
  "select (ssn, id)::text from people",
  "select row_to_json(q) from plain q",
  "select j ->> 'x', j #>> '{x}' from plain",
  "select coalesce(email, ssn, name), nullif(ssn, name), greatest(a, name) from people, plain",
  "select string_agg(name, ',' order by ssn) from people",
  "select array_agg(a) filter (where n > 1) from plain",
  "select name, count(*) from people group by name having count(*) > 1 order by 2",
  "select distinct on (name) name, id from people order by name, id",
  "select a, n from plain group by grouping sets ((a), (n), ())",
  "select id, row_number() over (order by id) from people",
  "select p.id, (p.addr).street from people p",
  "select tags[1], tags[1:2] from people",
  "select extract(year from born), born + 1, born::text from people",
  "select o.id from people o where exists (select 1 from plain i where i.id = o.id)",
  "select ssn from parted",
  "select ssn, id from base",
  "select extra, ssn from child",
  "select body from sealed.notes",
  "select n.nspname, c.relname from pg_catalog.pg_class c join pg_catalog.pg_namespace n on n.oid = c.relnamespace",
  "select * from people_v",
  "select name, id from people_vv where id = 1",
  "select x from people_sb",
  "select w from people_expr",
  "select m from people_mv order by id",
  "select v.mail, q.a from people_v v left join plain q using (id)",
  "select v from people_vv v",
  "select * from people_per",
  "select * from people_mixed",
  "select name, rank from people_ranked where rank = 1",
  "table plain",
  "values (1, 'a')",
  "select 1",
];

describe("ordinary queries are traced, not given up", () => {
  it.each(TRACED)("%s", async (sql) => {
    expect(["exact", "wider"]).toContain(await compare(sql));
  });
});

describe("generated queries", () => {
  const BATCHES = 12;
  const EACH = 50;
  const verdicts = new Map<Verdict, number>();
  it.each(Array.from({ length: BATCHES }, (_, i) => [i * EACH] as const))("seeds from %i", async (from) => {
    for (let seed = from; seed < from + EACH; seed++) {
      const verdict = await compare(generatedQuery(seed));
      verdicts.set(verdict, (verdicts.get(verdict) ?? 0) + 1);
    }
  });
  it("a view has the sources of its query", () => {
    const key = (column: { relation: number; attribute: number }): string => `${column.relation}.${column.attribute}`;
    const VIEW = 4_000_000_000;
    for (let seed = 0; seed < BATCHES * EACH; seed++) {
      const sql = generatedQuery(seed);
      const itself = analysed(sql);
      if (itself.outputs === null) continue;
      const columns = itself.outputs.map((_, i) => ({ attribute: i + 1, name: `o${i}`, type: 0 }));
      const view: CatalogRelation = {
        oid: VIEW,
        schema: "public",
        name: "made",
        kind: "v",
        columns,
        reads: itself.reached,
        family: [],
        definition: sql,
        definitionPath: ["pg_catalog", "public"],
      };
      const found = analyseOffline("select * from made", { ...catalog, relations: [...catalog.relations, view] }, [
        "public",
      ]);
      if ("kind" in found) throw new Error(`${sql}: ${found.kind}`);
      const through = found.statements[0]!;
      expect(new Set(through.influences.map(key)), sql).toEqual(new Set(itself.influences.map(key)));
      expect([...through.opaque], sql).toEqual([...itself.opaque]);
      for (const [i, output] of through.outputs!.entries()) {
        const { sources, opaque, reveals } = itself.outputs[i]!;
        const theirs = new Set([`${VIEW}.${i + 1}`, ...(reveals === "nothing" ? [] : sources.map(key))]);
        expect(new Set(output.sources.map(key)), `${sql}: output ${i + 1}`).toEqual(theirs);
        expect(output.opaque, `${sql}: output ${i + 1}`).toBe(opaque);
      }
    }
  });
  it("most are made into views, and most of those are traced", () => {
    const count = (verdict: Verdict): number => verdicts.get(verdict) ?? 0;
    const traced = count("exact") + count("wider");
    expect(count("not a view"), JSON.stringify([...verdicts])).toBeLessThan(BATCHES * EACH * 0.2);
    expect(traced, JSON.stringify([...verdicts])).toBeGreaterThan(BATCHES * EACH * 0.5);
  });
});
