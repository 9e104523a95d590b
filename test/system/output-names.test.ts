import type pg from "pg";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { analyseOffline, catalogFromSchema, loadParser } from "../../runtime/facts/sql/offline.ts";
import { prepareDatabase, startPostgres, systemBinaries, type TestPostgres } from "../support/postgres.ts";

/** The analysis must name outputs as the server does, or the gateway would cut off honest results. */
const SCHEMA = "create table t (id int, email text, tags text[], at timestamptz, doc jsonb);";

const EXPRESSIONS = [
  "email",
  "t.email",
  "public.t.email",
  "count(*)",
  "upper(email)",
  "pg_catalog.lower(email)",
  "email || 'x'",
  "1",
  "'x'",
  "null",
  "-id",
  "id = 1",
  "not (id = 1)",
  "id is null",
  "email like 'a%'",
  "email in ('a')",
  "email::varchar(10)",
  "'1'::int",
  "cast('x' as text)",
  "id::text::varchar",
  "upper(email)::varchar",
  "(1 + 1)::bigint",
  "'2020-01-01'::date",
  "date '2020-01-01'",
  "interval '1 day'",
  "case when true then email end",
  "case when true then 1 else id end",
  "case when true then 1 else 2::int end",
  "case when true then 'x' else upper(email) end",
  "coalesce(email, 'x')",
  "nullif(email, 'x')",
  "greatest(id, 1)",
  "least(id, 1)",
  "array[1, 2]",
  "array(select id from t)",
  "row(1, 2)",
  "(1, 2)",
  "exists (select 1)",
  "(select email from t limit 1)",
  "(select max(id) from t)",
  "(select 1 as one)",
  "(select 1)",
  "(select 1 union select 2 limit 1)",
  "(select max(id) from t union select 2 limit 1)",
  "(values (1))",
  "(with w as (select id from t) select id from w limit 1)",
  "(select email from t limit 1)::varchar",
  "1 = any (array[1])",
  "1 in (select id from t)",
  "tags[1]",
  "(tags)[1]",
  "tags[1:2]",
  "doc -> 'a'",
  "doc ->> 'a'",
  "doc['a']",
  "(array[1, 2])[1]",
  'email collate "C"',
  "(email || 'x') collate \"C\"",
  "current_date",
  "current_time",
  "current_time(2)",
  "current_timestamp",
  "current_timestamp(3)",
  "localtime",
  "localtimestamp",
  "current_user",
  "user",
  "session_user",
  "current_role",
  "current_catalog",
  "current_schema",
  "now()",
  "extract(year from at)",
  "at at time zone 'utc'",
  "position('a' in email)",
  "substring(email from 1 for 2)",
  "trim(both 'x' from email)",
  "trim(leading from email)",
  "overlay(email placing 'x' from 1)",
  "normalize(email)",
  "collation for (email)",
  "count(*) filter (where id > 1)",
  "row_number() over ()",
  "string_agg(email, ',' order by id)",
  "percentile_cont(0.5) within group (order by id)",
  "grouping(id)",
  "xmlconcat('<a/>'::xml)",
  "xmlelement(name a)",
  "xmlforest(id as a)",
  "xmlparse(content '<a/>')",
  "xmlpi(name php)",
  "xmlserialize(content '<a/>'::xml as text)",
  "'<a/>'::xml is document",
  "t",
  "t.*::text",
  "(t).email",
  "true",
  "b'101'",
  "1.5",
  "U&'\\0061'",
  "email as mail",
  'email "Mail"',
  'email as "two words"',
  "a_function_of_a_name_that_is_longer_than_the_sixty_three_bytes_kept()",
];

/** What the grammar of PostgreSQL 16 and later adds. */
const NEWER = [
  "json_object('a': 1)",
  "json_array(1, 2)",
  "json_array(select id from t)",
  "json_arrayagg(id)",
  "json_objectagg('a': id)",
  "system_user",
];
const NEWEST = [
  "json('{}')",
  "json_scalar(1)",
  "json_serialize('{}')",
  "json_exists(doc, '$.a')",
  "json_query(doc, '$.a')",
  "json_value(doc, '$.a')",
];

const servers = [
  ["embedded", true],
  ["system", systemBinaries() !== null],
] as const;

describe.each(servers)("names of outputs, %s PostgreSQL", (which, here) => {
  let server: TestPostgres;
  let client: pg.Client;
  let version = 0;

  beforeAll(async () => {
    await loadParser();
    if (!here) return;
    server = await startPostgres(which);
    const long = "a_function_of_a_name_that_is_longer_than_the_sixty_three_bytes_kept";
    await prepareDatabase(
      server,
      "names",
      `${SCHEMA} create function ${long}() returns int language sql as 'select 1'`,
    );
    client = await server.direct("names");
    const shown = await client.query<{ server_version_num: string }>("show server_version_num");
    version = Number(shown.rows[0]!.server_version_num);
  });
  afterAll(async () => {
    await client?.end();
    await server?.stop();
  });

  it.skipIf(!here)("are those of the server", async () => {
    const catalog = catalogFromSchema(SCHEMA);
    if ("kind" in catalog) throw new Error(JSON.stringify(catalog));
    const known = [...EXPRESSIONS, ...(version >= 160_000 ? NEWER : []), ...(version >= 170_000 ? NEWEST : [])];
    const ours: string[] = [];
    const theirs: string[] = [];
    for (const expression of known) {
      const grouped = expression.startsWith("grouping(") ? " group by id" : "";
      const sql = `select ${expression} from t${grouped}`;
      const analysis = analyseOffline(sql, catalog, ["pg_catalog", "public"]);
      if ("kind" in analysis) throw new Error(`${sql}: ${JSON.stringify(analysis)}`);
      const names = analysis.statements[0]!.outputs?.map((output) => output.name).join();
      const fields = (await client.query(sql)).fields.map((field) => field.name).join();
      theirs.push(`${expression} → ${fields}`);
      ours.push(`${expression} → ${names ?? "not known"}`);
    }
    expect(ours).toEqual(theirs);
  });

  it.skipIf(!here)("a sub-select's star has no name of its own to compare", () => {
    const catalog = catalogFromSchema(SCHEMA);
    if ("kind" in catalog) throw new Error(JSON.stringify(catalog));
    const analysis = analyseOffline("select (select * from (select email from t) s limit 1)", catalog, [
      "pg_catalog",
      "public",
    ]);
    if ("kind" in analysis) throw new Error(JSON.stringify(analysis));
    expect(analysis.statements[0]!.outputs!.map((output) => output.name)).toEqual([""]);
  });
});
