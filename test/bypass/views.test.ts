import { afterAll, beforeAll, expect, it } from "vitest";
import { startTestGateway, type TestGateway } from "../support/gateway.ts";
import { prepareDatabase, startPostgres, type TestPostgres } from "../support/postgres.ts";

/** What a view adds to what the suites beside this one run on every relation. */
const POLICY = `package views
allow everything on sql
mask people on sql
  columns public.people.{email, ssn, pin}, public.shout.tag
  with { email: email, ssn: last(4), *: redact }
  unless user.groups has "unmasked"
`;

const SCHEMA = `
create table people (id int primary key, name text, email text, ssn text, pin int);
insert into people values (1, 'Ann', 'ann@corp.example', 'ZQX-84213', 7), (2, 'Bob', 'bob@corp.example', 'QQQ-11111', 9);
create view plain as select id, ssn, email from people;
create view turned as select id, reverse(ssn) as ssn, left(email, 30) as email from people;
create view asked as select name from people where ssn = current_setting('my.guess', true);
create view shout as select id, upper(name) as tag from people;
create view helped as select id, told(name) as t from (select id, name from people) p;
create view switched as select set_config('search_path', 'other', false) as s from people where id = 1;
create schema other;
create table other.people (id int primary key, name text, ssn text);
insert into other.people values (1, 'other', 'free');
`;

let server: TestPostgres;
let gateway: TestGateway;

beforeAll(async () => {
  server = await startPostgres();
  await prepareDatabase(
    server,
    "views",
    `create function told(t text) returns text language plpgsql as 'begin return t; end';${SCHEMA}`,
  );
  gateway = await startTestGateway(server, { policy: POLICY, database: "views" });
});
afterAll(async () => {
  await gateway?.close();
  await server?.stop();
});

async function rows(sql: string, user = "ana"): Promise<readonly unknown[]> {
  const client = await gateway.connect(user);
  try {
    return (await client.query({ text: sql, rowMode: "array" })).rows;
  } finally {
    await client.end();
  }
}

it("a column that a view hands on keeps its own mask", async () => {
  expect(await rows("select ssn, email from plain order by id")).toEqual([
    ["***4213", "a***@***.example"],
    ["***1111", "b***@***.example"],
  ]);
});

it("a column that a view computes is hidden whole, whatever it is called", async () => {
  expect(await rows("select ssn, email from turned where id = 1")).toEqual([["***", "***"]]);
});

it("a mask on a view's own column holds", async () => {
  expect(await rows("select id, tag from shout order by id")).toEqual([
    [1, "***"],
    [2, "***"],
  ]);
});

it("the condition inside a view is nobody's way to ask", async () => {
  const client = await gateway.connect("ana");
  try {
    for (const guess of ["ZQX-84213", "nothing"]) {
      await client.query(`set my.guess = '${guess}'`);
      await expect(client.query("select count(*) from asked")).rejects.toThrow(
        /a view that it reads filters, joins, sorts or groups by public\.people\.ssn, which is masked/,
      );
    }
  } finally {
    await client.end();
  }
});

it("a view that calls what is not known is refused, and the message names it", async () => {
  await expect(rows("select id, t from helped")).rejects.toThrow(/function public\.told is not known to the analysis/);
});

it("a view that moves the search path moves it for the next statement", async () => {
  const client = await gateway.connect("ana");
  try {
    await client.query("select s from switched");
    expect((await client.query("select ssn from people where id = 1")).rows).toEqual([{ ssn: "free" }]);
    await client.query("set search_path = public");
    expect((await client.query("select ssn from people where id = 1")).rows).toEqual([{ ssn: "***4213" }]);
  } finally {
    await client.end();
  }
});

it("a new definition counts from the next statement on, whoever gave it", async () => {
  const direct = await server.direct("views");
  try {
    await direct.query("create view moving as select name as a from people where id = 1");
    // The gateway's own statement that changes the catalog makes it look again.
    await rows("create table looked_again (i int)", "all");
    expect(await rows("select a from moving")).toEqual([["Ann"]]);
    await direct.query("create or replace view moving as select ssn as a from people where id = 1");
    await rows("drop table looked_again", "all");
    expect(await rows("select a from moving")).toEqual([["***4213"]]);
  } finally {
    await direct.end();
  }
});

it("who holds a lock on a table does not hold up everybody: its views are refused until they can be read", async () => {
  const direct = await server.direct("views");
  try {
    await direct.query("begin; lock table people in access exclusive mode");
    await rows("create table beside (i int)", "all");
    expect(await rows("select count(*)::int from beside")).toEqual([[0]]);
    await expect(rows("select id from plain")).rejects.toThrow(/view public\.plain can't be traced/);
    await direct.query("rollback");
    await rows("drop table beside", "all");
    expect(await rows("select ssn from plain where id = 1")).toEqual([["***4213"]]);
  } finally {
    await direct.end();
  }
});
