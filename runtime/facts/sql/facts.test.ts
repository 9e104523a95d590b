import { beforeAll, describe, expect, it } from "vitest";
import type { UnitFacts } from "./analysis.ts";
import type { Catalog } from "./catalog.ts";
import { analyseOffline, catalogFromSchema, loadParser } from "./offline.ts";

let catalog: Catalog;

beforeAll(async () => {
  await loadParser();
  const found = catalogFromSchema(
    "create table users (id int, email text); create table t (x int, y text); create schema s; create table s.q (x int)",
  );
  if ("kind" in found) throw new Error(JSON.stringify(found));
  catalog = found;
});

function units(sql: string): readonly UnitFacts[] {
  const found = analyseOffline(sql, catalog, ["pg_catalog", "public"]);
  if ("kind" in found) throw new Error(`${sql}: ${JSON.stringify(found)}`);
  return found.statements.flatMap((statement) => statement.units);
}

describe("kinds", () => {
  it.each<readonly [sql: string, kinds: string]>([
    ["select 1", "select"],
    ["values (1)", "values"],
    ["select 1 into z", "select_into"],
    ["insert into t values (1, 'a')", "insert"],
    ["update t set x = 1", "update"],
    ["delete from t", "delete"],
    ["merge into t using users u on t.x = u.id when matched then delete", "merge"],
    ["truncate t", "truncate"],
    ["copy t to stdout", "copy_to"],
    ["copy t from stdin", "copy_from"],
    ["copy t to '/tmp/x'", "copy_file"],
    ["copy t to program 'cat'", "copy_program"],
    ["copy (delete from t returning x) to stdout", "copy_to delete"],
    ["with d as (delete from t returning 1) select 1", "select delete"],
    ["with a as (with b as (update t set x = 1 returning x) select * from b) select * from a", "select update"],
    ["explain select 1", "explain explain"],
    ["explain analyze delete from t", "explain delete"],
    ["explain (analyze off) delete from t", "explain explain"],
    ["prepare p as delete from t", "prepare delete"],
    ["declare c cursor for select 1", "declare_cursor select"],
    ["execute p", "execute"],
    ["deallocate p", "deallocate"],
    ["fetch 1 from c", "fetch"],
    ["create table z (a int)", "create_table"],
    ["create table z as select 1", "create_table_as select"],
    ["create materialized view z as select 1", "create_materialized_view select"],
    ["create view z as select 1", "create_view select"],
    ["create database z", "create_database"],
    ["drop database z", "drop_database"],
    ["DROP/**/TABLE users", "drop_table"],
    ["drop schema s cascade", "drop_schema"],
    ["drop view v", "drop_view"],
    ["alter table t add z int", "alter_table"],
    ["alter table t rename x to z", "rename"],
    ["alter system set x = 1", "alter_system"],
    ["create role r superuser", "create_role"],
    ["create user r", "create_role"],
    ["alter user r superuser", "alter_role"],
    ["grant select on t to r", "grant"],
    ["revoke select on t from r", "revoke"],
    ["grant a to b", "grant_role"],
    ["set role x", "set_role"],
    ["set session authorization x", "set_role"],
    ["reset role", "set_role"],
    ["set search_path to x", "set"],
    ["reset all", "reset"],
    ["show all", "show"],
    ["begin; drop table users; commit", "begin drop_table commit"],
    ["start transaction", "begin"],
    ["savepoint a", "savepoint"],
    ["rollback to a", "rollback_to"],
    ["end", "commit"],
    ["abort", "rollback"],
    ["do $$ begin end $$", "do"],
    ["call p()", "call"],
    ["vacuum t", "vacuum"],
    ["analyze t", "analyze"],
    ["lock t", "lock"],
    ["listen c", "listen"],
    ["notify c, 'x'", "notify"],
    ["create function f() returns int language sql as 'select 1'", "create_function"],
    ["create trigger g before insert on t for each row execute function f()", "create_trigger"],
    ["create extension x", "create_extension"],
    ["discard all", "discard"],
    ["", ""],
    ["  -- nothing", ""],
  ])("%s", (sql, kinds) => {
    expect(
      units(sql)
        .map((unit) => unit.kind)
        .join(" "),
    ).toBe(kinds);
  });
});

describe("filtered: a condition that can exclude rows", () => {
  it.each<readonly [sql: string, filtered: boolean]>([
    ["update t set x = 1 where y = 'a'", true],
    ["delete from t where x = $1", true],
    ["delete from t where x in (select 1 from users)", true],
    ["insert into t values (1, 'a')", true],
    ["select * from t", true],
    ["update t set x = 1", false],
    ["delete from t", false],
    ["delete from t where true", false],
    ["delete from t where 1 = 1", false],
    ["delete from t where 'a' = 'a'", false],
    ["delete from t where not false", false],
    ["delete from t where x = 1 or true", false],
    ["delete from t where true and 2 > 1", false],
    ["delete from t where exists (select 1)", false],
    ["delete from t where now() is not null", false],
    ["delete from t where 't'::bool", false],
    ["delete from t where false", true],
    ["delete from t where x = 1 and true", true],
    ["delete from t where 1 + 1 = 2", false],
    ["delete from t where '1' = 1", false],
    ["delete from t where 't'", false],
    ["delete from t where 'b' > 'A'", false],
    ["delete from t where 10000000000000000001 <> 10000000000000000002", false],
    ["delete from t where not (1 = 2)", false],
    ["delete from t where (not false) is true", false],
    ["delete from t where null is null", false],
    ["delete from t where random() < 2", false],
    ["delete from t where x = 1 or random() < 2", false],
    ["delete from t where x = x", false],
    ["delete from t where t.x >= t.x", false],
    ["delete from t where x is not distinct from x", false],
    ["delete from t where x in (1, x)", false],
    ["delete from t where x between x and x", false],
    ["delete from t where y like '%'", false],
    ["delete from t where y ilike '%%'", false],
    ["delete from t where x is null or x is not null", false],
    ["delete from t where x = 1 or x <> 1", false],
    ["delete from t where x < 1 or x >= 1", false],
    ["delete from t where y = 'a' or not y = 'a'", false],
    ["delete from t where $1", false],
    ["delete from t where $1 = 1", false],
    ["delete from t where x = 1 or $1", false],
    ["delete from t where exists (select 1 from users)", false],
    ["delete from t where exists (select 1 from users where id = 1)", false],
    ["delete from t where exists (select 1 from users u where u.id = 1)", false],
    ["delete from t where (select count(*) from users where id > 0) > 0", false],
    ["delete from t where 1 in (select id from users)", false],
    ["with users as (select 1 as x) delete from t where exists (select 1 from users where x = 1)", false],
    ["delete from t where exists (with users as (select 1 as x) select 1 from users where x = 1)", false],
    ["update t set x = 1 from users where users.id = 1", false],
    ["delete from t using users u where u.email = 'a' and id = 1", false],
    ["delete from t where case when true then true else x = 1 end", true],
    ["delete from t where exists (select 1 from users u where u.id = t.x)", true],
    ["delete from t where exists (select 1 from users where id = x)", true],
    ["delete from t where x = (select max(id) from users)", true],
    ["update t set y = u.email from users u where u.id = t.x", true],
    ["update t a set y = 'b' where a.x = 1", true],
    ["delete from public.t where public.t.x = 1", true],
    ["delete from t where x = 1 and random() < 2", true],
    ["delete from t where x is null", true],
    ["delete from t where y like 'a%'", true],
    ["delete from t where x = any ($1)", true],
    ["delete from t where x between 1 and 5", true],
    ["delete from t where (x, y) = (1, 'a')", true],
    ["delete from t where ctid = '(0,1)'", true],
    ["delete from nowhere where z = 1", true],
    ["delete from t where current of c", true],
    ["delete from t where 1 = 2", true],
    ["truncate t", false],
    ["merge into t using users u on t.x = t.x when matched then delete", false],
    ["merge into t using users u on u.id = 1 when matched then delete", false],
    ["merge into t using users u on true when matched then delete", false],
    ["merge into t using users u on t.x = u.id when matched then delete", true],
    ["merge into t using users u on t.x = u.id when not matched by source then delete", false],
  ])("%s", (sql, filtered) => {
    expect(units(sql)[0]!.filtered).toBe(filtered);
  });
});

describe("facts of what a statement touches", () => {
  it.each<readonly [sql: string, expected: Partial<UnitFacts>]>([
    [
      "select email from users",
      {
        tables: ["public.users"],
        tablesRead: ["public.users"],
        tablesWritten: [],
        columns: ["public.users.email"],
        readOnly: true,
        writes: false,
      },
    ],
    ["select * from s.q", { schemas: ["s"], columns: ["s.q.x"] }],
    ["select * from users for update", { readOnly: false }],
    ["select nextval('a')", { readOnly: false, functions: ["pg_catalog.nextval"] }],
    ["select frob(1)", { readOnly: false, functions: ["frob"] }],
    ["select lower('a')", { readOnly: true, functions: ["pg_catalog.lower"] }],
    [
      "insert into t select id, email from users",
      { tablesWritten: ["public.t"], tablesRead: ["public.users"], writes: true, readOnly: false },
    ],
    ["with d as (delete from t returning 1) select 1", { readOnly: false, kinds: ["select", "delete"] }],
    ["drop table s.q, users", { tablesWritten: ["public.users", "s.q"] }],
    ["drop schema s", { schemas: ["s"] }],
    ["select 1 limit 5", { rowLimit: 5 }],
    ["select 1 fetch first 7 rows only", { rowLimit: 7 }],
    ["select 1 limit $1", { rowLimit: null }],
    ["select * from nowhere", { tables: null, columns: null }],
    ["select email from users u where exists (select 1 from t)", { tables: ["public.t", "public.users"] }],
  ])("%s", (sql, expected) => {
    expect(units(sql)[0]).toMatchObject(expected);
  });
});

describe("literals", () => {
  const literals = (sql: string): string => {
    const found = analyseOffline(sql, catalog, ["pg_catalog", "public"]);
    if ("kind" in found) throw new Error(JSON.stringify(found));
    const bytes = Buffer.from(sql);
    return found.statements
      .flatMap((statement) => statement.literals)
      .map(
        (l) =>
          `${bytes.subarray(l.start, l.end).toString()}${l.secret ? "!" : l.loose ? "~" : `=${l.columns.map((c) => c.column).join("+")}`}`,
      )
      .join(" ");
  };
  it.each<readonly [sql: string, expected: string]>([
    ["select 1 from users where email = 'a@b'", "1~ 'a@b'=email"],
    ["select id from users where email in ('a', 'b')", "'a'=email 'b'=email"],
    ["select id from users where email like 'a%'", "'a%'=email"],
    ["insert into users (email) values ('x'), ('ü')", "'x'=email 'ü'=email"],
    ["update users set email = E'a\\'b' where id = -5", "E'a\\'b'=email 5=id"],
    ["alter role r password 'secret'", "'secret'!"],
    ["select $$x$$, $t$ y $t$", "$$x$$~ $t$ y $t$~"],
    ["select 'a' -- 'comment'\n, \"q'uoted\" from (select 1 as \"q'uoted\") s", "'a'~ 1~"],
    ["select 'it''s', U&'x', b'01', 1.5e3, 0x1f", "'it''s'~ U&'x'~ b'01'~ 1.5e3~ 0x1f~"],
    ["notify c, 'payload'", "'payload'~"],
  ])("%s", (sql, expected) => {
    expect(literals(sql)).toBe(expected);
  });
});
