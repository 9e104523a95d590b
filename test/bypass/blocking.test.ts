import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { startTestGateway, type TestGateway } from "../support/gateway.ts";
import { prepareDatabase, startPostgres, type TestPostgres } from "../support/postgres.ts";
import { WireClient, msg } from "./wire.ts";

/**
 * Dangerous statements in evasive forms must be refused before anything of them runs; what only looks like them must pass. Every
 * attack stands for one that the server itself would carry out.
 */
const POLICY = `package blocking
allow everything on sql
deny whole_tables on sql
  when statement.writes and not statement.filtered
deny drops on sql
  when statement.kinds has any [drop_table, drop_schema, drop_database, truncate]
deny superusers on sql
  when statement.privileges has any [superuser, create_role, replication, bypass_row_security, role_membership, ownership, grant_option, security_definer]
deny guards on sql
  when statement.disables has any [triggers, row_security, constraints, logging]
deny server on sql
  when statement.kinds has any [copy_file, copy_program, load, alter_system]
`;

const SCHEMA = `
create table stock (id int primary key, label text, n int);
create table other (id int primary key, stock_id int);
insert into stock select i, 'l' || i, i from generate_series(1, 20) i;
insert into other select i, i from generate_series(1, 20) i;
create view stock_v as select * from stock;
create role victim;
create role holder;
create function noop() returns trigger language plpgsql as 'begin return new; end';
create trigger watch before update on stock for each row execute function noop();
`;

const ATTACKS: Readonly<Record<string, readonly string[]>> = {
  "every row": [
    "delete from stock",
    "DELETE/**/FROM stock",
    "delete from only stock",
    "delete from stock where true",
    "delete from stock where 1=1",
    "delete from stock where 'a'='a'",
    "delete from stock where not false",
    "delete from stock where 1 + 1 = 2",
    "delete from stock where '1' = 1",
    "delete from stock where id = id",
    "delete from stock where id = 1 or true",
    "delete from stock where id is null or id is not null",
    "delete from stock where label like '%'",
    "delete from stock where id in (1, id)",
    "delete from stock where exists (select 1)",
    "delete from stock where exists (select 1 from other where id = 1)",
    "delete from stock where (select count(*) from other) > 0",
    "delete from stock where random() < 2",
    "delete from stock using other where other.id = 1",
    "delete from stock where coalesce(null, true)",
    "delete from stock where null is null",
    "delete from stock where 5 between 1 and 9",
    "update stock set n = 0",
    "update stock set n = 0 where 2 > 1",
    "update stock set n = 0 from other where other.id = 1",
    "update stock_v set n = 0",
    "with d as (delete from stock returning 1) select count(*) from d",
    "with a as (with b as (update stock set n = 0 returning 1) select * from b) select * from a",
    "explain analyze delete from stock",
    "explain (analyze, costs off) update stock set n = 0",
    "copy (delete from stock returning id) to stdout",
    "merge into stock s using other o on true when matched then delete",
    "merge into stock s using other o on s.id = s.id when matched then update set n = 0",
    "insert into other select 99, 1; delete from stock",
    "begin; delete from stock; commit",
    ";;; delete from stock",
    "select 1; /* x */ delete from stock -- where id = 1",
    "prepare p as delete from stock",
    'delete from "stock"',
    'delete from U&"st\\006fck"',
    "delete from public.stock",
  ],
  "objects dropped": [
    "drop table other",
    "DROP TABLE IF EXISTS other CASCADE",
    "drop/**/table/**/other",
    "drop table public.other, stock",
    "truncate other",
    "truncate table only other",
    "begin; drop table other; rollback",
    "drop schema public cascade",
    "\n\tdrop\n\ttable\n\tother",
  ],
  rights: [
    "create role evil superuser",
    "create user evil with superuser",
    "create group evil superuser",
    'create role "nosuperuser" superuser',
    "alter role victim superuser",
    "alter user victim with superuser",
    "alter role victim createrole",
    "alter role victim replication bypassrls",
    "grant holder to victim",
    "grant holder to victim with admin option",
    "create role evil in role holder",
    "create role evil role victim",
    "alter group holder add user victim",
    "grant pg_execute_server_program to victim",
    "update pg_authid set rolsuper = true where rolname = 'victim'",
    "update pg_catalog.pg_authid set rolsuper = true where rolname = 'victim'",
    "insert into pg_auth_members (oid, roleid, member, grantor) values (99999, 10, 10, 10)",
    "grant set on parameter session_replication_role to victim",
    "alter table stock owner to victim",
    "alter table stock add column z int, owner to victim",
    "reassign owned by holder to victim",
    "grant select on stock to victim with grant option",
    "create schema evil authorization victim",
    "create function evil() returns int language sql security definer as 'select 1'",
    "do $$ begin execute 'alter role ' || 'victim superuser'; end $$",
    "do $x$ begin alter role victim superuser; end $x$",
    "do language plpgsql 'begin grant holder to victim; end'",
    "create function evil() returns void language plpgsql as $$ begin execute 'alter role victim superuser'; end $$",
    "begin; alter role victim superuser; commit",
  ],
  guards: [
    "alter table stock disable trigger watch",
    "alter table stock disable trigger all",
    "alter table stock add column z int, disable trigger user",
    "alter table stock enable replica trigger watch",
    "drop trigger watch on stock",
    "set session_replication_role = replica",
    "set local session_replication_role to 'replica'",
    'set "session_replication_role" = replica',
    "SET SESSION Session_Replication_Role TO replica",
    "select set_config('session_replication_role', 'replica', false)",
    "select set_config('session_' || 'replication_role', 'replica', false)",
    "update pg_settings set setting = 'replica' where name = 'session_replication_role'",
    "alter role victim set session_replication_role = replica",
    "alter database blocking set session_replication_role = replica",
    "do $$ begin perform set_config('session_replication_role', 'replica', false); end $$",
    "alter table stock disable row level security",
    "alter table stock no force row level security",
    "set row_security = off",
    "alter table stock alter label drop not null",
    "alter table stock set unlogged",
    "set log_statement = 'none'",
    "update pg_trigger set tgenabled = 'D' where tgname = 'watch'",
  ],
  "the server": [
    "copy stock to '/tmp/stock'",
    "copy stock from program 'cat'",
    "copy (select 1) to program 'cat'",
    "COPY stock TO PROGRAM $$cat$$",
    "load 'auto_explain'",
    "alter system set work_mem = '1MB'",
  ],
};

const LOOK_ALIKES: readonly string[] = [
  "select 'delete from stock'",
  "select 'drop table stock; --'",
  "select $$alter role victim superuser$$",
  'select 1 as "drop table stock"',
  "select /* delete from stock */ 1",
  "select 1 -- drop table stock",
  "select label as truncate from stock",
  "select n as superuser from stock",
  "delete from stock where id = 1000",
  "delete from stock where id in (select stock_id from other where id = 1000)",
  "delete from stock where exists (select 1 from other o where o.id = stock.id and o.id > 1000)",
  "update stock set label = 'where true' where id = 1",
  "update stock set n = n + 1 where id = 1 and true",
  "update stock s set n = 1 from other o where o.stock_id = s.id and o.id = 1000",
  "insert into stock values (500, 'drop table stock', 1)",
  "merge into stock s using other o on s.id = o.stock_id and o.id = 1000 when matched then delete",
  "explain delete from stock",
  "explain (analyze off) delete from stock where id = 1",
  "create role ordinary nosuperuser nocreatedb nocreaterole nologin",
  "alter role ordinary connection limit 5",
  "grant select on stock to ordinary",
  "revoke select on stock from ordinary",
  "alter table stock enable trigger watch",
  "alter table stock enable row level security",
  "set row_security = on",
  "set session_replication_role = origin",
  "select set_config('application_name', 'x', false)",
  "set application_name = 'superuser'",
  "do $$ begin raise notice 'hello'; end $$",
  "create function fine() returns int language sql as 'select 1'",
  "create temp table dropped (id int)",
  "comment on table stock is 'disable trigger all'",
  "copy (select 1) to stdout",
  "select count(*) from stock where true",
];

let server: TestPostgres;
let gateway: TestGateway;
beforeAll(async () => {
  server = await startPostgres();
  await prepareDatabase(server, "blocking", SCHEMA);
  gateway = await startTestGateway(server, { policy: POLICY, database: "blocking" });
});
afterAll(async () => {
  await gateway?.close();
  await server?.stop();
});

const connect = (): Promise<WireClient> =>
  WireClient.connect({ host: "127.0.0.1", port: gateway.port, user: "ana", password: "ana", database: "shop" });

/** What an attack could change. */
const STATE = `select (select string_agg(stock::text, ';' order by id) from stock), (select count(*) from other),
  (select string_agg(concat_ws(' ', rolname, rolsuper, rolcreaterole, rolreplication, rolbypassrls), ';' order by rolname) from pg_roles where rolname in ('victim', 'holder', 'evil')),
  (select count(*) from pg_auth_members where member = 'victim'::regrole), (select string_agg(tgenabled::text, '') from pg_trigger where tgname = 'watch'),
  (select relowner::regrole::text from pg_class where oid = 'stock'::regclass)`;

async function state(): Promise<string> {
  const client = await server.direct("blocking");
  try {
    return JSON.stringify((await client.query({ text: STATE, rowMode: "array" })).rows);
  } finally {
    await client.end();
  }
}

describe.each(Object.entries(ATTACKS))("%s", (_group, attacks) => {
  it.each(attacks)("%s", async (sql) => {
    const before = await state();
    for (const bytes of [
      msg.query(sql),
      Buffer.concat([msg.parse("", sql), msg.bind("", "", 0), msg.execute(""), msg.sync()]),
    ]) {
      const client = await connect();
      const heard = await client.ask(bytes);
      // Several statements at once are no prepared statement: the server says so itself.
      expect(["42501", "42601"], JSON.stringify(heard.error)).toContain(heard.error?.code);
      if (bytes[0] === 0x51) expect(heard.error!.code).toBe("42501");
      // What was prepared is not there to be executed.
      if (sql.startsWith("prepare")) expect((await client.query("execute p")).error).not.toBeNull();
      client.end();
    }
    expect(await state()).toBe(before);
  });

  it("a parameter as the condition", async () => {
    const client = await connect();
    const heard = await client.ask(
      Buffer.concat([
        msg.parse("", "delete from stock where $1::bool"),
        msg.bind("", "", 0, ["true"]),
        msg.execute(""),
        msg.sync(),
      ]),
    );
    expect(heard.error?.code).toBe("42501");
    client.end();
  });
});

describe("what only looks dangerous passes", () => {
  it.each(LOOK_ALIKES)("%s", async (sql) => {
    const client = await connect();
    const heard = await client.query(sql);
    expect(heard.error).toBeNull();
    client.end();
  });
});
