import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { startTestGateway, type TestGateway } from "../support/gateway.ts";
import { prepareDatabase, startPostgres, systemBinaries, type TestPostgres } from "../support/postgres.ts";
import { inPath, runProgram, type Ran } from "../support/programs.ts";
import { RawSession } from "../support/raw-session.ts";
import { msg } from "../bypass/wire.ts";

/** Where no rule applies, every message through the gateway is the server's own, to the byte. */
const POLICY =
  'package test\nallow everything on sql\nmask pii on sql\n  columns public.people.email\n  with redact\n  unless user.groups has "unmasked"\n';
const SCHEMA = `
create table people (id int primary key, email text, born date, tags text[], doc jsonb, n numeric(8,2));
insert into people select i, 'p' || i || '@x.y', date '1990-01-01' + i, array['a', null, 'b,c'], '{"k": [1, null]}', i / 3.0 from generate_series(1, 50) i;
create table t (a int primary key, b text);
create table big as select i as id, repeat('x', i % 300) as text from generate_series(1, 20000) i;
create function chatty() returns int language plpgsql as $$ begin raise notice 'n %', 1 using detail = 'd', hint = 'h'; raise warning 'w'; return 7; end $$;
`;

interface Step {
  readonly send: Buffer;
  readonly until?: string;
  readonly count?: number;
}
const simple = (sql: string): Step => ({ send: msg.query(sql) });
const batch = (...messages: readonly Buffer[]): Step => ({ send: Buffer.concat(messages) });
const fail = (why: string): Buffer => {
  const out = Buffer.concat([Buffer.from("f\0\0\0\0"), Buffer.from(`${why}\0`)]);
  out.writeInt32BE(out.length - 1, 1);
  return out;
};

/** Conversations; each has a session of its own on either side, and leaves the database as it was. */
const CONVERSATIONS: Readonly<Record<string, readonly Step[]>> = {
  "values of many types, in text": [
    simple("select * from people order by id"),
    simple(
      "select now() - now(), null, true, 1.5::float8, '\\x00ff'::bytea, '{}'::int[], row(1, 'a'), int4range(1, 5)",
    ),
  ],
  "a large result": [simple("select * from big order by id"), simple("copy big to stdout")],
  "tags and rows of writes": [
    simple("create temp table t2 (a int)"),
    simple("drop table t2"),
    simple("begin"),
    simple("insert into t values (1, 'one'), (2, 'two') returning *"),
    simple("insert into t values (1, 'again') on conflict (a) do update set b = excluded.b returning a, b"),
    simple(
      "merge into t using (values (2, 'x'), (3, 'y')) v (a, b) on t.a = v.a when matched then update set b = v.b when not matched then insert values (v.a, v.b)",
    ),
    simple("update t set b = upper(b)"),
    simple("with gone as (delete from t where a = 1 returning *) select * from gone"),
    simple("truncate t"),
    simple("rollback"),
  ],
  errors: [
    simple("select 1/0"),
    simple("select * from nothing_here"),
    simple("select nothing from people"),
    simple("select 'x'::int"),
    simple("insert into people (id) values (1)"),
    simple("select repeat('x', 2000000000)"),
    simple("set statement_timeout = 'x'"),
    simple("select 1; select 2/0; select 3"),
    simple(
      "do $$ begin raise exception 'mine' using errcode = 'P0042', detail = 'd', hint = 'h', column = 'c', constraint = 'k', table = 't', schema = 's', datatype = 'y'; end $$",
    ),
  ],
  "notices and settings": [
    simple("select chatty()"),
    simple("commit"),
    simple("begin; begin; rollback; rollback"),
    simple("set timezone = 'Europe/Vienna'"),
    simple("set application_name = 'mine'"),
    simple("set intervalstyle = 'iso_8601'; select interval '1 day 2 hours'"),
    simple("reset all"),
    simple("show server_version"),
    simple("drop table if exists never_there"),
  ],
  "transactions, and what fails in them": [
    simple("begin"),
    simple("select 1"),
    simple("savepoint s"),
    simple("select 1/0"),
    simple("select 1"),
    simple("rollback to s"),
    simple("select 2"),
    simple("commit"),
    simple("begin; select 1/0"),
    simple("commit"),
    simple("begin isolation level serializable read only; insert into people (id) values (0)"),
    simple("rollback"),
  ],
  "nothing at all": [
    simple(""),
    simple(";"),
    simple("-- only words"),
    batch(msg.parse("", ""), msg.bind("", "", 0), msg.describe("P", ""), msg.execute(""), msg.sync()),
  ],
  "listen and notify": [simple("listen c"), simple("notify c, 'hello'"), simple("unlisten *")],
  "the extended protocol": [
    batch(msg.parse("s", "select id, email, born, n from people where id = $1"), msg.describe("S", "s"), msg.sync()),
    batch(msg.bind("", "s", 0, ["3"]), msg.describe("P", ""), msg.execute(""), msg.sync()),
    batch(msg.bind("", "s", 1, ["4"]), msg.describe("P", ""), msg.execute(""), msg.sync()),
    batch(msg.bind("", "s", 0, [null]), msg.execute(""), msg.sync()),
    batch(msg.bind("", "s", 0, ["x"]), msg.execute(""), msg.sync()),
    batch(msg.parse("s", "select 1"), msg.sync()),
    batch(msg.close("S", "s"), msg.close("S", "never"), msg.close("P", "never"), msg.sync()),
    batch(msg.describe("S", "s"), msg.sync()),
    batch(msg.parse("", "select $1::int + $2"), msg.bind("", "", 0, ["1", "2"]), msg.execute(""), msg.sync()),
    batch(msg.bind("p", "", 0, ["1"]), msg.sync()),
  ],
  "a portal that is read in pieces": [
    batch(
      msg.parse("", "select id from people order by id limit 5"),
      msg.bind("", "", 0),
      msg.execute("", 2),
      msg.execute("", 2),
      msg.execute("", 2),
      msg.execute("", 2),
      msg.sync(),
    ),
    simple("begin"),
    batch(msg.parse("q", "select id from people order by id"), msg.bind("p", "q", 0), msg.execute("p", 3), msg.sync()),
    batch(msg.execute("p", 1), msg.sync()),
    batch(msg.execute("p"), msg.close("P", "p"), msg.sync()),
    batch(msg.describe("P", "p"), msg.sync()),
    simple("rollback"),
  ],
  pipelines: [
    {
      ...batch(
        msg.parse("", "select 1"),
        msg.bind("", "", 0),
        msg.execute(""),
        msg.sync(),
        msg.parse("", "select 1/0"),
        msg.bind("", "", 0),
        msg.execute(""),
        msg.parse("", "select 2"),
        msg.bind("", "", 0),
        msg.execute(""),
        msg.sync(),
        msg.query("select 3"),
        msg.parse("", "select 4"),
        msg.bind("", "", 0),
        msg.execute(""),
        msg.sync(),
      ),
      count: 4,
    },
    { ...batch(msg.query("select 1"), msg.query("select 1/0"), msg.query("select 3"), msg.sync()), count: 4 },
    {
      ...batch(msg.parse("", "select 5"), msg.bind("", "", 0), msg.describe("P", ""), msg.execute(""), msg.flush()),
      until: "C",
    },
    batch(msg.sync()),
    batch(
      msg.parse("", "begin"),
      msg.bind("", "", 0),
      msg.execute(""),
      msg.parse("", "create temp table z (a int)"),
      msg.bind("", "", 0),
      msg.execute(""),
      msg.parse("", "insert into z values (1), (2)"),
      msg.bind("", "", 0),
      msg.execute(""),
      msg.parse("", "select * from z"),
      msg.bind("", "", 0),
      msg.execute(""),
      msg.parse("", "rollback"),
      msg.bind("", "", 0),
      msg.execute(""),
      msg.sync(),
    ),
  ],
  COPY: [
    simple("copy (select id, email, tags from people order by id limit 3) to stdout"),
    simple("copy (select id, email, tags from people order by id limit 3) to stdout (format csv, header)"),
    simple("copy (select id, n from people order by id limit 3) to stdout (format binary)"),
    simple("begin; savepoint s"),
    { send: msg.query("copy t from stdin"), until: "G" },
    batch(msg.copyData("1\tone\n2\t"), msg.copyData("\\N\n"), msg.copyDone()),
    { send: msg.query("copy t from stdin"), until: "G" },
    batch(msg.copyData("x\tone\n"), msg.copyDone()),
    simple("rollback to s"),
    { send: msg.query("copy t from stdin"), until: "G" },
    batch(fail("changed my mind")),
    simple("rollback to s"),
    simple("select * from t order by a"),
    { ...batch(msg.parse("", "copy t to stdout"), msg.bind("", "", 0), msg.execute(""), msg.sync()) },
  ],
  "a Sync inside of a copy, and around it": [
    simple("begin; create temp table filled (a int)"),
    { ...batch(msg.query("copy filled from stdin"), msg.sync(), msg.copyData("1\n")), until: "G" },
    batch(msg.sync(), msg.flush(), msg.copyDone()),
    { ...batch(msg.sync(), msg.query("select a + 0 as a from filled")), count: 2 },
    {
      ...batch(msg.parse("", "copy filled from stdin"), msg.bind("", "", 0), msg.execute(""), msg.sync()),
      until: "G",
    },
    batch(msg.copyData("2\n"), msg.copyDone(), msg.sync()),
    batch(msg.parse("", "copy filled from stdin"), msg.bind("", "", 0), msg.execute(""), msg.copyDone(), msg.sync()),
    {
      ...batch(
        msg.query("copy filled from stdin; copy filled from stdin; select a + 0 as a from filled"),
        msg.sync(),
        msg.copyData("3\n"),
        msg.copyDone(),
        msg.sync(),
        msg.copyData("4\n"),
        msg.sync(),
        msg.copyDone(),
        msg.query("select 'behind'"),
      ),
      count: 2,
    },
    simple("savepoint s"),
    {
      ...batch(msg.parse("", "copy filled from stdin"), msg.bind("", "", 0), msg.execute(""), msg.sync()),
      until: "G",
    },
    { ...batch(msg.copyData("x\n"), msg.copyDone(), msg.sync(), msg.query("rollback to s")), count: 2 },
    {
      ...batch(msg.parse("", "copy nowhere from stdin"), msg.bind("", "", 0), msg.execute(""), msg.sync()),
    },
    {
      ...batch(msg.query("rollback to s"), msg.query("copy nowhere from stdin"), msg.sync(), msg.copyDone()),
      count: 3,
    },
    simple("rollback"),
  ],
  "cursors and SQL's own PREPARE": [
    simple("begin; declare c scroll cursor for select id from people order by id"),
    simple("fetch 2 from c; fetch backward 1 from c; move 10 in c; fetch next from c"),
    simple("close c; commit"),
    simple("prepare q (int) as select id, email from people where id = $1"),
    simple("execute q (7)"),
    simple("execute q (7, 8)"),
    simple("deallocate q"),
    simple("execute q (7)"),
  ],
};

/** For what is no test of this server, and so is not skipped either. */
const leaveOut = (_title: string, _run: () => Promise<void>): void => undefined;

describe.each([
  ["embedded PostgreSQL", "embedded" as const],
  ["the system's PostgreSQL", "system" as const],
])("%s", (_name, which) => {
  let server: TestPostgres;
  let gateway: TestGateway;
  const missing = which === "system" && systemBinaries() === null;
  const test = missing ? it.skip : it;

  beforeAll(async () => {
    if (missing) return;
    server = await startPostgres(which);
    await prepareDatabase(server, "shopdb", SCHEMA);
    gateway = await startTestGateway(server, { policy: POLICY, database: "shopdb" });
  });
  afterAll(async () => {
    await gateway?.close();
    await server?.stop();
  });

  /** The server of the system may know 3.0 only; asked for more, it would say so. */
  const versions = which === "embedded" ? [0, 2] : [0];
  const settings = [
    ["application_name", "test"],
    ["extra_float_digits", "1"],
    ["options", "-c datestyle=German"],
  ] as const;
  const direct = (minor: number): Promise<RawSession> =>
    RawSession.connect({
      port: server.port,
      user: server.user,
      password: server.password,
      database: "shopdb",
      minor,
      settings,
    });
  const through = (minor: number): Promise<RawSession> =>
    RawSession.connect({ port: gateway.port, user: "all", password: "all", database: "shop", minor, settings });

  describe.each(versions)("protocol 3.%i", (minor) => {
    test("greets with the same settings, and a process number and key of the same kind", async () => {
      const [here, there] = [await direct(minor), await through(minor)];
      expect([...there.parameters]).toEqual([...here.parameters]);
      expect(there.cancelKeyBytes).toBe(here.cancelKeyBytes);
      const own = await there.ask(msg.query("select pg_backend_pid()"));
      expect(own[1]).toContain(String(there.processId));
      here.end();
      there.end();
    });

    test.for(Object.entries(CONVERSATIONS))("%s", async ([, steps]) => {
      const [here, there] = [await direct(minor), await through(minor)];
      const expected: (readonly string[])[] = [];
      for (const step of steps) expected.push(await here.ask(step.send, step.until, step.count));
      here.end();
      for (const [i, step] of steps.entries())
        expect({ step: i, told: await there.ask(step.send, step.until, step.count) }).toEqual({
          step: i,
          told: expected[i],
        });
      there.end();
    });
  });

  test("a statement that does not parse fails as it does there", async () => {
    const [here, there] = [await direct(0), await through(0)];
    for (const sql of ["selec 1", "select (", "select 'open", "select 1 from from", "é é", 'select $1 from "x']) {
      // Where in which server's source it was found depends on the server's version.
      const shown = async (session: RawSession): Promise<readonly string[]> =>
        (await session.ask(msg.query(sql))).map((line) => line.replace(/\\x00(F.*|\\x00\|)$/, ""));
      expect(await shown(there)).toEqual(await shown(here));
    }
    here.end();
    there.end();
  });

  (inPath("psql") ? test : it.skip)("psql shows the same, with all it asks the catalog", async () => {
    const script = `\\set VERBOSITY verbose
\\timing off
\\d
\\d+ people
\\dt+
\\df
\\dn
\\du
\\l
\\dx
\\sf chatty
select * from people order by id limit 3;
select * from people where id = 1 \\gx
select chatty();
begin;
insert into people (id, email) values (1000, 'x');
\\copy people (id, email) to stdout
rollback;
\\echo :ROW_COUNT :SQLSTATE :LAST_ERROR_MESSAGE
select id from people where id > 48 \\crosstabview
prepare p as select 1;
execute p;
\\set FETCH_COUNT 7
select id from people order by id;
\\bind 3
select id from people where id = $1 \\bind 3 \\g
`;
    const run = (port: number, user: string, password: string, database: string): Promise<Ran> =>
      runProgram("psql", ["-X", "-h", "127.0.0.1", "-p", String(port), "-U", user, database], {
        env: { PGPASSWORD: password },
        input: script,
      });
    const here = await run(server.port, server.user, server.password, "shopdb");
    const there = await run(gateway.port, "all", "all", "shop");
    expect({ stdout: there.stdout, stderr: there.stderr }).toEqual({ stdout: here.stdout, stderr: here.stderr });
    expect(here.stdout).toContain("p1@x.y");
    expect(here.stderr).toContain("DETAIL:  d");
  });

  (which !== "system" ? leaveOut : inPath("pg_dump") ? test : it.skip)(
    "pg_dump of who may see everything is the same dump",
    async () => {
      const run = (port: number, user: string, password: string, database: string) =>
        runProgram("pg_dump", ["-h", "127.0.0.1", "-p", String(port), "-U", user, database], {
          env: { PGPASSWORD: password },
        });
      const here = await run(server.port, server.user, server.password, "shopdb");
      const there = await run(gateway.port, "all", "all", "shop");
      // Newer ones write a random key into it.
      const whole = (out: string): string => out.replaceAll(/^\\(un)?restrict .*$/gm, "");
      expect(there.stderr).toBe("");
      expect(whole(there.stdout)).toBe(whole(here.stdout));
      expect(here.stdout).toContain("p50@x.y");
    },
  );
});
