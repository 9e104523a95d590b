import { beforeAll, describe, expect, it } from "vitest";
import type { UnitFacts } from "./analysis.ts";
import type { Catalog } from "./catalog.ts";
import { analyseOffline, catalogFromSchema, loadParser } from "./offline.ts";

let catalog: Catalog;

beforeAll(async () => {
  await loadParser();
  const found = catalogFromSchema("create table t (x int, y text); create view v as select x from t");
  if ("kind" in found) throw new Error(JSON.stringify(found));
  catalog = found;
});

function units(sql: string): readonly UnitFacts[] {
  const found = analyseOffline(sql, catalog, ["pg_catalog", "public"]);
  if ("kind" in found) throw new Error(`${sql}: ${JSON.stringify(found)}`);
  return found.statements.flatMap((statement) => statement.units);
}

/** Everything that the statements of a text give, take or switch off; `?` where that can't be told. */
const all = (sql: string, fact: "privileges" | "disables"): string =>
  [...new Set(units(sql).flatMap((unit): readonly string[] => unit[fact] ?? ["?"]))].sort().join(" ");

describe("privileges, in whatever words", () => {
  it.each<readonly [sql: string, privileges: string]>([
    ["create role r superuser", "superuser"],
    ["create role r with superuser", "superuser"],
    ["CREATE USER r SUPERUSER", "login superuser"],
    ["create group g superuser", "superuser"],
    ['create role "select 1" /* nosuperuser */ with createdb superuser', "create_database superuser"],
    ["alter role r superuser", "superuser"],
    ["alter user r with superuser", "superuser"],
    ["alter role current_user superuser", "superuser"],
    ["alter role r nosuperuser", "superuser"],
    ["alter role r nologin", "login"],
    ["create role r nosuperuser nocreatedb nocreaterole nologin noreplication nobypassrls", ""],
    ["create user r nologin", ""],
    ["create user r", "login"],
    ["create role r login", "login"],
    ["create role r createrole", "create_role"],
    ["create role r replication", "replication"],
    ["alter role r bypassrls", "bypass_row_security"],
    ["alter role r password 'x'", "password"],
    ["alter role r encrypted password 'x'", "password"],
    ["alter role r password null", "password"],
    ["alter role r valid until 'infinity'", "password"],
    ["create role r in role postgres", "role_membership"],
    ["create role r in group postgres", "role_membership"],
    ["create role r role a", "role_membership"],
    ["create role r user a", "role_membership"],
    ["create role r admin a", "grant_option role_membership"],
    ["alter group g add user r", "role_membership"],
    ["alter group g drop user r", "role_membership"],
    ["grant postgres to r", "role_membership"],
    ["grant pg_execute_server_program to r", "role_membership"],
    ["grant a to r with admin option", "grant_option role_membership"],
    ["grant a to r with admin true, inherit false", "grant_option role_membership"],
    ["grant a to r with inherit true, set true", "role_membership"],
    ["revoke a from r", "role_membership"],
    ["revoke admin option for a from r", "grant_option role_membership"],
    ["grant select on t to r", ""],
    ["grant select on t to r with grant option", "grant_option"],
    ["revoke grant option for select on t from r", "grant_option"],
    ["alter default privileges grant select on tables to r with grant option", "grant_option"],
    ["alter default privileges grant select on tables to r", ""],
    ["grant set on parameter session_replication_role to r", "superuser"],
    ["grant alter system on parameter log_statement to r", "superuser"],
    ["alter table t owner to r", "ownership"],
    ["alter table t add z int, owner to r", "ownership"],
    ["alter view v owner to r", "ownership"],
    ["alter function f() owner to r", "ownership"],
    ["alter schema s owner to r", "ownership"],
    ["alter database d owner to r", "ownership"],
    ["reassign owned by a to b", "ownership"],
    ["drop owned by a", "ownership"],
    ["create schema s authorization r", "ownership"],
    ["create database d owner r", "ownership"],
    ["create function f() returns int language sql security definer as 'select 1'", "security_definer"],
    ["create procedure f() language sql external security definer as 'select 1'", "security_definer"],
    ["create function f() returns int language sql security invoker as 'select 1'", ""],
    ["create function f() returns int language sql begin atomic select 1; end", ""],
    ["alter function f() security definer", "security_definer"],
    ["alter view v set (security_invoker = off)", "security_definer"],
    ["alter view v reset (security_invoker)", "security_definer"],
    ["begin; alter role r superuser; commit", "superuser"],
    ["create schema s create table z (a int) grant select on z to r with grant option", "grant_option"],
    // Code and rows of the catalog may give any right.
    ["do $$ begin execute 'alter ' || 'role r superuser'; end $$", "?"],
    ["do $$ begin alter role r superuser; end $$", "?"],
    ["do language plpython3u 'x'", "?"],
    ["do $$ begin raise notice 'hello'; end $$", ""],
    ["create function f() returns void language plpgsql as $$ begin grant a to b; end $$", "?"],
    ["create function f() returns void language c as 'lib', 'symbol'", "?"],
    ["create function f(a int) returns int language sql as 'select a + 1'", ""],
    ["update pg_authid set rolsuper = true", "?"],
    ["update pg_catalog.pg_authid set rolsuper = true where rolname = 'r'", "?"],
    ["with u as (update pg_authid set rolsuper = true returning 1) select 1", "?"],
    ["insert into pg_auth_members select * from pg_auth_members", "?"],
    // What only looks like it.
    ["select 'alter role r superuser'", ""],
    ["select superuser from (select 1 as superuser) s", ""],
    ["insert into t values (1, 'grant all to public')", ""],
    ["comment on table t is 'security definer'", ""],
    ["explain select 1", ""],
    ["create table superuser (password text)", ""],
  ])("%s", (sql, privileges) => {
    expect(all(sql, "privileges")).toBe(privileges);
  });
});

describe("guards that are switched off", () => {
  it.each<readonly [sql: string, guards: string]>([
    ["alter table t disable trigger g", "triggers"],
    ["alter table t add z int, disable trigger user", "triggers"],
    ["alter table t disable trigger all", "constraints triggers"],
    ["alter table t enable replica trigger g", "triggers"],
    ["alter table t enable always trigger g", ""],
    ["alter table t enable trigger g", ""],
    ["alter table t disable rule r", "triggers"],
    ["drop trigger g on t", "triggers"],
    ["alter event trigger e disable", "triggers"],
    ["drop event trigger e", "triggers"],
    ["set session_replication_role = replica", "constraints triggers"],
    ["SET LOCAL session_replication_role TO 'replica'", "constraints triggers"],
    ["set session_replication_role = 'local'", ""],
    ["set session_replication_role = origin", ""],
    ["reset session_replication_role", ""],
    ["alter role r set session_replication_role = replica", "constraints triggers"],
    ["alter role r in database d set session_replication_role to replica", "constraints triggers"],
    ["alter database d set session_replication_role = replica", "constraints triggers"],
    ["alter system set session_replication_role = replica", "constraints triggers"],
    ["select set_config('session_replication_role', 'replica', false)", "constraints triggers"],
    ["select pg_catalog.set_config('Session_Replication_Role', 'replica', true) from t", "constraints triggers"],
    ["select set_config('session_' || 'replication_role', 'replica', false)", "?"],
    ["select set_config(y, 'replica', false) from t", "?"],
    ["select set_config('row_security', y, false) from t", "row_security"],
    ["select set_config('application_name', 'x', false)", ""],
    ["with a as (select set_config('row_security', 'off', true)) select * from a", "row_security"],
    ["insert into t select 1, set_config('row_security', 'off', true)", "row_security"],
    ["update pg_settings set setting = 'replica' where name = 'session_replication_role'", "?"],
    [
      "create function f() returns int language sql set session_replication_role = replica as 'select 1'",
      "constraints triggers",
    ],
    ["alter function f() set row_security = off", "row_security"],
    ["set row_security = off", "row_security"],
    ["set row_security to false", "row_security"],
    ["set row_security = on", ""],
    ["alter table t disable row level security", "row_security"],
    ["alter table t no force row level security", "row_security"],
    ["alter table t enable row level security", ""],
    ["drop policy p on t", "row_security"],
    ["create policy p on t using (true)", "row_security"],
    ["alter policy p on t using (1 = 1 or x = 1)", "row_security"],
    ["create policy p on t using (y = current_user)", ""],
    ["alter table t drop constraint c", "constraints"],
    ["alter table t alter x drop not null", "constraints"],
    ["alter table t alter constraint c deferrable initially deferred", "constraints"],
    ["alter domain d drop constraint c", "constraints"],
    ["alter domain d drop not null", "constraints"],
    ["set constraints all deferred", "constraints"],
    ["set constraints all immediate", ""],
    ["alter domain d set not null", ""],
    ["alter table t set unlogged", "logging"],
    ["alter table t set logged", ""],
    ["set log_statement = none", "logging"],
    ["set log_statement = 'all'", ""],
    ["set pgaudit.log = 'none'", "logging"],
    ["alter system set log_connections = off", "logging"],
    ["set track_activities = off", "logging"],
    ["set statement_timeout = 0", ""],
    ["do $$ begin set session_replication_role = replica; end $$", "?"],
    ["do $$ begin perform set_config('row_security', 'off', true); end $$", "?"],
    ["prepare p as select set_config('row_security', 'off', true)", "row_security"],
    ["select 'alter table t disable trigger all'", ""],
    ["alter table t add constraint c check (x > 0)", ""],
  ])("%s", (sql, guards) => {
    expect(all(sql, "disables")).toBe(guards);
  });
});
