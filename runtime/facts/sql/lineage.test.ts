import { beforeAll, describe, expect, it } from "vitest";
import type { AnalysedStatement } from "./analysis.ts";
import type { Catalog } from "./catalog.ts";
import { analyseOffline, catalogFromSchema, loadParser } from "./offline.ts";

let catalog: Catalog;

beforeAll(async () => {
  await loadParser();
  const found = catalogFromSchema(`
    create table users (id int, full_name text, email text, ssn text, boss_id int);
    create table orders (id int, user_id int, total int, note text);
    create table plain (a int, b text);
    create view v as select email as mail, id from users;
    create view nested (m, upper_m) as select mail, upper(mail) from v;
    create view counted as select boss_id, count(ssn) as n, max(ssn) as top from users group by boss_id;
    create view picked as select full_name from users where ssn like '1%';
    create view unlike as select email as x from users union all select b from plain;
    create view of_with as with w as (select ssn as s from users) select s, 1 as one from w;
    create view unknown as select frob(id) as f, full_name from users;
    create view setting as select set_config('search_path', 'x', false) as s from users;
    create view "quoted;name" as select ssn as "odd;col" from users;
  `);
  if ("kind" in found) throw new Error(JSON.stringify(found));
  catalog = found;
});

function statements(sql: string): readonly AnalysedStatement[] {
  const found = analyseOffline(sql, catalog, ["pg_catalog", "public"]);
  if ("kind" in found) throw new Error(`${sql}: ${JSON.stringify(found)}`);
  return found.statements;
}

/** Outputs as `users.email` (exactly that column), `~users.email` (computed from), `-` (no source), `?` (opaque), `#` (reveals nothing). */
function outputs(sql: string): string {
  const [statement] = statements(sql);
  if (statement!.outputs === null) return "unknown";
  return statement!.outputs
    .map((output) => {
      const sources = output.sources.map((column) => `${column.table}.${column.column}`).join("+");
      const shown =
        output.reveals === "nothing"
          ? "#"
          : sources === ""
            ? "-"
            : output.direct !== null && output.sources.length === 1
              ? sources
              : `~${sources}`;
      return output.opaque ? `?${shown}` : shown;
    })
    .join(", ");
}

describe("functions that are not known", () => {
  it.each<readonly [title: string, sql: string, calls: unknown]>([
    [
      "by its full name",
      "select app.frob(email) from users",
      [{ function: "app.frob", reason: "function app.frob is not known to the analysis" }],
    ],
    [
      "by a name of which no schema is known",
      "select frob(email) from users where id = 1",
      [{ function: null, reason: "function frob is not known to the analysis" }],
    ],
    ["none", "select upper(email) from users", []],
  ])("%s", (_, sql, calls) => {
    const [statement] = statements(sql);
    expect(statement!.calls).toEqual(calls);
    // Whoever vouches for none of them refuses the statement.
    expect(statement!.opaque.length).toBe(statement!.calls.length);
    expect(statement!.reachesAnything).toBe(statement!.calls.length > 0);
  });
});

describe("where output columns come from", () => {
  it.each<readonly [title: string, sql: string, expected: string]>([
    ["a plain column", "select email from users", "users.email"],
    ["an alias does not hide it", "select ssn as full_name, full_name as ssn from users", "users.ssn, users.full_name"],
    ["a star is expanded", "select * from plain", "plain.a, plain.b"],
    ["TABLE is a star", "table plain", "plain.a, plain.b"],
    ["a qualified star", "select p.* from users u, plain p", "plain.a, plain.b"],
    ["column aliases of a table", "select c from users as t(a, b, c)", "users.email"],
    ["a constant", "select 1, 'x', null, now()", "-, -, -, -"],
    ["an expression", "select email || ssn from users", "~users.email+users.ssn"],
    ["a cast", "select email::varchar from users", "~users.email"],
    ["CASE conditions are seen too", "select case when ssn = '1' then 1 else 0 end from users", "~users.ssn"],
    ["a comparison in the select list", "select ssn = '1' from users", "~users.ssn"],
    [
      "functions pass their arguments",
      "select upper(substr(email, 1, 3)), md5(ssn) from users",
      "~users.email, ~users.ssn",
    ],
    ["count reveals nothing", "select count(ssn), count(*) from users", "#, #"],
    ["min reveals a value", "select min(ssn) from users", "~users.ssn"],
    ["a whole row", "select u from users u", "~users.id+users.full_name+users.email+users.ssn+users.boss_id"],
    ["a whole row in a function", "select row_to_json(p) from plain p", "~plain.a+plain.b"],
    ["a field in function notation", "select ssn(u) from users u", "users.ssn"],
    ["a sub-select in FROM", "select x from (select email as x from users) s", "users.email"],
    ["a WITH", "with c as (select ssn s from users) select s from c", "users.ssn"],
    ["a WITH that shadows a table", "with users as (select b as email from plain) select email from users", "plain.b"],
    ["a WITH with column names", "with c(q) as (select ssn from users) select q from c", "users.ssn"],
    ["a scalar sub-select", "select (select ssn from users limit 1)", "~users.ssn"],
    [
      "a correlated sub-select",
      "select (select u.email || o.note from users u) from orders o",
      "~users.email+orders.note",
    ],
    ["the inner scope wins", "select (select id from orders where note = 'x') from users", "~orders.id"],
    ["an array of a sub-select", "select array(select ssn from users)", "~users.ssn"],
    ["EXISTS has no value", "select exists (select ssn from users)", "-"],
    ["a union joins by place", "select b from plain union all select ssn from users", "~plain.b+users.ssn"],
    ["EXCEPT gives the left", "select b from plain except select ssn from users", "~plain.b"],
    ["a join", "select u.email, o.note from users u join orders o on o.user_id = u.id", "users.email, orders.note"],
    ["a USING column is both", "select id from users join orders using (id)", "~users.id+orders.id"],
    ["LATERAL sees its neighbour", "select x from users u, lateral (select u.ssn as x) s", "users.ssn"],
    ["VALUES with a column", "select column1 from users u, lateral (values (u.ssn)) v", "~users.ssn"],
    ["unnest", "select x from users u, unnest(array[u.ssn]) as x", "~users.ssn"],
    ["window functions", "select lag(ssn) over (order by id) from users", "~users.ssn"],
    ["RETURNING", "delete from users where id = 1 returning email", "users.email"],
    ["RETURNING star", "update plain set a = 1 where a = 2 returning *", "plain.a, plain.b"],
    [
      "a recursive WITH",
      "with recursive r(x, n) as (select ssn, 1 from users union all select x, n + 1 from r where n < 3) select x, n from r",
      "~users.ssn, -",
    ],
    [
      "a recursive WITH that names a later one",
      "with recursive a as (select x from b), b as (select ssn as x from users) select x from a",
      "?-",
    ],
    [
      "a later one that hides a table",
      "with recursive a as (select b || '' as x from plain), plain as (select ssn as b from users) select x from a",
      "?-",
    ],
    [
      "merged columns stand at their join's place",
      "select * from orders o, users u join plain p on true join plain q using (a)",
      "orders.id, orders.user_id, orders.total, orders.note, plain.a, users.id, users.full_name, users.email, users.ssn, users.boss_id, plain.b, plain.b",
    ],
    ["a data-changing WITH", "with d as (delete from users where id = 1 returning ssn) select ssn from d", "users.ssn"],
    ["a view's column", "select mail from v", "~v.mail+users.email"],
    [
      "what an unknown function makes of its arguments is the function's: see calls",
      "select frob(email) from users",
      "-",
    ],
    ["COPY of a table", "copy plain to stdout", "plain.a, plain.b"],
    ["COPY of columns", "copy users (id, ssn) to stdout", "users.id, users.ssn"],
    ["COPY of a query", "copy (select ssn from users) to stdout", "users.ssn"],
    ["three-part names", "select public.users.email from public.users", "users.email"],
    ["quoted names", 'select "email" from "users"', "users.email"],
    ["array and row constructors", "select array[email], row(ssn, 1) from users", "~users.email, ~users.ssn"],
    ["json", "select json_build_object('a', ssn) from users", "~users.ssn"],
    ["aggregate FILTER is no source", "select sum(id) filter (where ssn = '1') from users", "~users.id"],
  ])("%s", (_title, sql, expected) => {
    expect(outputs(sql)).toBe(expected);
  });
});

describe("views", () => {
  const named = (columns: AnalysedStatement["influences"]): string =>
    columns
      .map((column) => `${column.table}.${column.column}`)
      .sort()
      .join(" ");
  it.each<readonly [title: string, sql: string, outputs: string, influences: string, opaque: string]>([
    ["a view on a view", "select m from nested", "nested.m+v.mail+users.email", "", ""],
    ["what a view computes", "select upper_m from nested", "!nested.upper_m+v.mail+users.email", "", ""],
    [
      "a copy of it keeps that",
      "select y from (select upper_m as y from nested) s",
      "!nested.upper_m+v.mail+users.email",
      "",
      "",
    ],
    ["how many are no value", "select n from counted", "!counted.n", "users.boss_id", ""],
    ["an aggregate", "select top from counted", "!counted.top+users.ssn", "users.boss_id", ""],
    [
      "its condition is the statement's",
      "select full_name from picked",
      "picked.full_name+users.full_name",
      "users.ssn",
      "",
    ],
    ["also when no column is read", "select count(*) from picked", "", "users.ssn", ""],
    ["two kinds of row", "select x from unlike", "!unlike.x+users.email+plain.b", "", ""],
    ["WITH inside", "select s, one from of_with", "of_with.s+users.ssn, !of_with.one", "", ""],
    ["a condition over it", "select 1 from v where mail = 'x'", "", "users.email v.mail", ""],
    ["a row of it", "select v from v", "~v.mail+users.email+v.id+users.id", "", ""],
    [
      "an unknown function inside",
      "select full_name from unknown",
      "unknown.full_name+users.full_name",
      "",
      "function frob is not known to the analysis",
    ],
    ["a name that needs quotes", 'select "odd;col" from "quoted;name"', "quoted;name.odd;col+users.ssn", "", ""],
  ])("%s: %s", (_title, sql, expected, influences, opaque) => {
    const [statement] = statements(sql);
    const shown = statement!.outputs!.map(({ sources, direct, madeByView }) => {
      const mark = madeByView === true ? "!" : direct === null && sources.length > 0 ? "~" : "";
      return mark + sources.map((column) => `${column.table}.${column.column}`).join("+");
    });
    expect(shown.filter((one) => one !== "").join(", ")).toBe(expected);
    expect(named(statement!.influences)).toBe(influences);
    expect(statement!.opaque.join("; ")).toBe(opaque);
  });
  it("what a view changes, its reader changes", () => {
    const [statement] = statements("select s from setting");
    expect(statement!.effects.settings).toBe(true);
    expect(statement!.units[0]!.readOnly).toBe(false);
  });
  it("facts name what the statement names", () => {
    expect(statements("select m from nested")[0]!.units[0]!.columns).toEqual(["public.nested.m"]);
  });
  it("a view without a definition is not traced", () => {
    const bare = { ...catalog, relations: catalog.relations.map(({ definition: _, ...rest }) => rest) };
    const found = analyseOffline("select id from v", bare, ["public"]);
    if ("kind" in found) throw new Error(found.kind);
    expect(found.statements[0]!.opaque).toEqual(["view public.v can't be traced"]);
    expect(found.statements[0]!.outputs![0]!.opaque).toBe(true);
  });
  it("a view that is nested too deep is not traced, each time", () => {
    const deep = catalogFromSchema(
      `create table t (x text); create view v as select ${Array.from({ length: 2_100 }, () => "x").join(" || ")} as y, x from t;`,
    );
    if ("kind" in deep) throw new Error(JSON.stringify(deep));
    const found = analyseOffline("select x from v; select x from v", deep, ["public"]);
    if ("kind" in found) throw new Error(JSON.stringify(found));
    expect(found.statements.map(({ opaque }) => opaque)).toEqual(
      Array.from({ length: 2 }, () => ["view public.v can't be traced"]),
    );
  });

  it("views that name one another, and views on too many views, are not traced", () => {
    const chain = Array.from({ length: 40 }, (_, i) => `create view c${i + 1} as select x from c${i};`).join("\n");
    const found = catalogFromSchema(`
      create table c0 (x int);
      ${chain}
      create view a1 as select x from a2;
      create view a2 as select x from a1;
    `);
    if ("kind" in found) throw new Error(found.kind);
    for (const [sql, traced] of [
      ["select x from c9", true],
      ["select x from c40", false],
      ["select x from a1", false],
    ] as const) {
      const read = analyseOffline(sql, found, ["public"]);
      if ("kind" in read) throw new Error(read.kind);
      expect(read.statements[0]!.opaque.length === 0, sql).toBe(traced);
    }
  });
});

describe("columns that are observed or stored", () => {
  const paths = (columns: AnalysedStatement["influences"]): string =>
    columns
      .map((column) => `${column.table}.${column.column}`)
      .sort()
      .join(" ");
  it.each<readonly [title: string, sql: string, influences: string, stores: string]>([
    ["WHERE", "select id from users where ssn = '1'", "users.ssn", ""],
    ["ON", "select 1 from users u join orders o on o.note = u.email", "orders.note users.email", ""],
    ["ORDER BY a name", "select id from users order by ssn", "users.ssn", ""],
    ["ORDER BY a place", "select id, ssn from users order by 2", "users.ssn", ""],
    ["ORDER BY an output's name", "select ssn as s from users order by s", "users.ssn", ""],
    ["GROUP BY", "select count(*) from users group by ssn", "users.ssn", ""],
    ["DISTINCT", "select distinct ssn from users", "users.ssn", ""],
    ["HAVING", "select count(*) from users having min(ssn) > '1'", "users.ssn", ""],
    ["UNION compares", "select ssn from users union select b from plain", "plain.b users.ssn", ""],
    ["UNION ALL does not", "select ssn from users union all select b from plain", "", ""],
    [
      "a sub-select in WHERE",
      "select id from users where id in (select user_id from orders where note = 'x')",
      "orders.note orders.user_id users.id",
      "",
    ],
    ["USING", "select 1 from users join orders using (id)", "orders.id users.id", ""],
    ["a window's order", "select row_number() over (order by ssn) from users", "users.ssn", ""],
    ["FILTER", "select count(*) filter (where ssn like '1%') from users", "users.ssn", ""],
    ["a condition in EXISTS", "select exists (select 1 from users where ssn = '1')", "users.ssn", ""],
    ["CREATE TABLE AS", "create table t as select ssn from users", "", "users.ssn"],
    ["SELECT INTO", "select ssn into t from users", "", "users.ssn"],
    ["SELECT INTO in a union", "select ssn into t from users union all select 'x'", "", "users.ssn"],
    ["VALUES with a limit", "insert into plain (b) values ('a') limit (select id from users limit 1)", "users.id", ""],
    [
      "VALUES with an order",
      "insert into plain (b) values ('a'), ('b') order by (select ssn from users limit 1)",
      "users.ssn",
      "",
    ],
    ["what EXECUTE hands over", "execute p((select ssn from users where id = 1))", "users.id", ""],
    ["a subscript that is assigned", "update plain set b[(select id from users limit 1)] = 'x'", "", "users.id"],
    ["how many of what is worked out", "select count(nullif(ssn, 'x')) from users", "users.ssn", ""],
    ["how many rows", "select 1 from users, unnest(string_to_array(ssn, 'x')) u", "users.ssn", ""],
    ["elements that are written out", "select 1 from users, unnest(array[ssn, 'x']) u", "", ""],
    [
      "REPEATABLE",
      "select 1 from plain tablesample system (1) repeatable ((select id from users limit 1))",
      "users.id",
      "",
    ],
    ["INSERT … SELECT", "insert into plain (b) select ssn from users", "", "users.ssn"],
    ["a view", "create view w as select ssn from users", "", "users.ssn"],
    ["SET another column", "update users set full_name = ssn where id = 1", "users.id", "users.ssn"],
    ["SET the same column", "update users set ssn = upper(ssn) where id = 1", "users.id users.ssn", ""],
    [
      "SET from a sub-select",
      "update plain set b = (select ssn from users limit 1) where a = 1",
      "plain.a",
      "users.ssn",
    ],
    ["a setting", "select set_config('x.y', ssn, false) from users", "users.ssn", "users.ssn"],
    ["what may fail tells", "select 1 / (id - 1), lower(ssn) from users", "users.id", ""],
    [
      "what can't fail does not",
      "select coalesce(ssn, '') || email, case when ssn = '1' then 2 end from users",
      "",
      "",
    ],
    [
      "a guard of what may fail",
      "select case when ssn = '1' then 1 / (id - 1) end from users",
      "users.id users.ssn",
      "",
    ],
    ["a cast that may not fit", "select ssn::int, email::text from users", "users.ssn", ""],
    [
      "how many of a mixture",
      "select count(distinct x) from (select ssn as x from users union all select 'g') s",
      "users.ssn",
      "",
    ],
    ["how many of one column", "select count(distinct ssn) from users", "", ""],
    [
      "ON CONFLICT",
      "insert into users (id, full_name) values (1, 'x') on conflict (id) do update set full_name = users.ssn",
      "",
      "users.ssn",
    ],
    [
      "MERGE",
      "merge into plain p using users u on p.a = u.id when matched then update set b = u.ssn",
      "plain.a users.id",
      "users.ssn",
    ],
  ])("%s", (_title, sql, influences, stores) => {
    const [statement] = statements(sql);
    expect(paths(statement!.influences)).toBe(influences);
    expect(paths(statement!.stores)).toBe(stores);
  });
});

describe("operators and casts of users' own code are told, also where no text names them", () => {
  it.each([
    "select full_name between 'a' and 'b' from users",
    "select full_name not between symmetric 'a' and 'b' from users",
    "select case id when 1 then 2 end from users",
    "select id in (select 1) from users",
    "select id = any (select 1) from users",
    "select id in (1, 2) from users",
    "select nullif(id, 1) from users",
    "select id is distinct from 1 from users",
    "select 1 from users where id = 1::checked",
    "select 1 from users where 1::checked = id",
    "insert into plain values (1::checked, 'x')",
    "update plain set a = 1::checked",
    "select a from json_to_record('{}') as x (a checked)",
    "prepare p (checked) as select $1",
  ])("%s", (sql) => {
    const own: Catalog = { ...catalog, userOperators: ["=", ">="], userCasts: ["checked"] };
    const found = analyseOffline(sql, own, ["pg_catalog", "public"]);
    if ("kind" in found) throw new Error(JSON.stringify(found));
    expect(found.statements[0]!.opaque).not.toEqual([]);
    expect(found.statements[0]!.effects.settings).toBe(true);
    expect(statements(sql)[0]!.opaque).toEqual([]);
  });
});

describe("what can't be traced is told", () => {
  it.each([
    "select query_to_xml('select ssn from users', true, true, '')",
    "do $$ begin perform 1; end $$",
    "call p()",
    "select most_common_vals from pg_stats",
    "select frob(1)",
    "select * from unknown_table",
    "select pg_read_file('x')",
    "select lo_get(1)",
    "select dblink('x', 'y')",
    "explain select ssn from users",
    "alter table users rename column ssn to x",
    "select (users).* from users",
  ])("%s", (sql) => {
    expect(statements(sql)[0]!.opaque).not.toEqual([]);
  });

  it.each([
    "select 1",
    "select email from users where id = 1",
    "select count(*) from users",
    "begin",
    "set application_name = 'x'",
    "show search_path",
    "select pg_catalog.version()",
    "select n.nspname from pg_catalog.pg_namespace n",
    "insert into plain values (1, 'x')",
  ])("nothing is said of %s", (sql) => {
    expect(statements(sql)[0]!.opaque).toEqual([]);
  });
});
