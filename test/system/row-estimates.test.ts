import { afterAll, beforeAll, describe, expect, it } from "vitest";
import type pg from "pg";
import { startTestGateway, type TestGateway } from "../support/gateway.ts";
import { prepareDatabase, startPostgres, type TestPostgres } from "../support/postgres.ts";

const POLICY = `package estimates
allow everything on sql
deny large on sql
  when exists statement.estimated_rows and statement.estimated_rows > 500
  because "It touches too much."
`;

const SCHEMA = `
create table big (id int primary key, t text);
insert into big select i, 'x' from generate_series(1, 5000) i;
create schema aside;
create table aside.big (id int primary key);
create function touched(n int) returns boolean immutable language plpgsql as 'begin insert into calls values (n); return true; end';
create table calls (n int);
analyze;
`;

let server: TestPostgres;
let asking: TestGateway;
let silent: TestGateway;
let client: pg.Client;

beforeAll(async () => {
  server = await startPostgres();
  await prepareDatabase(server, "estimates", SCHEMA);
  asking = await startTestGateway(server, { policy: POLICY, database: "estimates", target: "estimateRows: true" });
  silent = await startTestGateway(server, { policy: POLICY, database: "estimates" });
  client = await asking.connect("ana");
});
afterAll(async () => {
  await client?.end();
  await asking?.close();
  await silent?.close();
  await server?.stop();
});

describe("the planner is asked before a statement runs", () => {
  it.each([
    "select id from big where id = 7",
    "update big set t = 'y' where id = 7",
    "select 1",
    "select count(*) from aside.big",
    "select id from big limit 1 -- a comment at the end",
  ])("%s passes", async (sql) => {
    const wide = sql.includes("limit");
    const ran = client.query(sql);
    // Of a scan that a limit cuts short the scan is what counts.
    if (wide) await expect(ran).rejects.toThrow(/It touches too much/);
    else await ran;
  });

  it.each([
    "select * from big",
    "select count(*) from big",
    "delete from big",
    "update big set t = 'y' where id > 100",
    "insert into calls select id from big",
    "with b as (select id from big) select count(*) from b",
    "select 1; select * from big",
  ])("%s is refused", async (sql) => {
    await expect(client.query(sql)).rejects.toMatchObject({
      code: "42501",
      message: expect.stringContaining("It touches too much.") as string,
    });
  });

  it("with parameters, when they are bound", async () => {
    expect((await client.query("select id from big where id = $1", [3])).rows).toEqual([{ id: 3 }]);
    await expect(client.query("select id from big where id > $1", [3])).rejects.toThrow(/It touches too much/);
  });

  it("names mean what they mean to the session", async () => {
    await client.query("set search_path = aside");
    expect((await client.query("select * from big")).rows).toEqual([]);
    await client.query("reset search_path");
    await expect(client.query("select * from big")).rejects.toThrow(/It touches too much/);
  });
});

describe("what can't be estimated is unknown, so it is refused", () => {
  it.each([
    "select id from big where touched(1)",
    "select touched(2)",
    "explain select * from big",
    "prepare p as select 1; execute p",
    // By then the names may be others' than the planner was asked about.
    "set search_path = aside; select id from big where id = 7",
  ])("%s", async (sql) => {
    await expect(client.query(sql)).rejects.toThrow(/It touches too much/);
  });

  it("no function ran for an estimate", async () => {
    const direct = await server.direct("estimates");
    try {
      expect((await direct.query("select n from calls")).rows).toEqual([]);
    } finally {
      await direct.end();
    }
  });
});

it("a target that is not set to be asked is not asked: there is no estimate", async () => {
  const other = await silent.connect("ana");
  try {
    expect((await other.query("select count(*)::int as n from big")).rows).toEqual([{ n: 5000 }]);
  } finally {
    await other.end();
  }
});
