import { once } from "node:events";
import { connect } from "node:net";
import { Readable } from "node:stream";
import { pipeline } from "node:stream/promises";
import type pg from "pg";
import postgres from "postgres";
import { afterAll, afterEach, beforeAll, describe, expect, it } from "vitest";
import { embeddedBinaries } from "../../cli/demo/embedded-postgres.ts";
import { startTestGateway, type TestGateway } from "../support/gateway.ts";
import { prepareDatabase, startPostgres, systemBinaries, type TestPostgres } from "../support/postgres.ts";
import { inPath, runProgram, type Ran } from "../support/programs.ts";

/** What drivers and tools do beyond plain statements, each in its own way. */
const POLICY = `package test
allow everything on sql
deny drops on sql
  when statement.kind == drop_table
  because "Objects are dropped by migrations."
mask pii on sql
  columns public.people.email
  with email
  unless user.groups has "unmasked"
`;
const SCHEMA = `
create table people (id int primary key, email text, born date, tags text[], doc jsonb, n bigint);
insert into people select i, 'secret' || i || '@mail.example', date '1990-01-01' + i, array['a', 'b c'], '{"k": [1, null]}', 9007199254740993 + i from generate_series(1, 25) i;
`;
const MASKED = "s***@***.example";

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
  const open: postgres.Sql[] = [];

  beforeAll(async () => {
    if (missing) return;
    server = await startPostgres(which);
    await prepareDatabase(server, "shopdb", SCHEMA);
    gateway = await startTestGateway(server, { policy: POLICY, database: "shopdb" });
  });
  afterEach(async () => {
    for (const sql of open.splice(0)) await sql.end({ timeout: 1 });
  });
  afterAll(async () => {
    await gateway?.close();
    await server?.stop();
  });

  function connectAs(user: string, options: postgres.Options<Record<string, never>> = {}): postgres.Sql {
    const sql = postgres({
      host: "127.0.0.1",
      port: gateway.port,
      user,
      password: user,
      database: "shop",
      max: 1,
      onnotice: () => undefined,
      ...options,
    });
    open.push(sql);
    return sql;
  }

  describe.each([
    ["prepared", true],
    ["not prepared", false],
  ])("postgres.js, %s", (_title, prepare) => {
    test("values come as they were sent, masked ones masked", async () => {
      const sql = connectAs("ana", { prepare });
      const born = new Date("1990-01-04");
      for (let again = 0; again < 3; again++) {
        const rows = await sql`select * from people where id = ${3} and tags @> ${["a"]} and born = ${born}`;
        expect([...rows]).toEqual([
          { id: 3, email: MASKED, born, tags: ["a", "b c"], doc: { k: [1, null] }, n: "9007199254740996" },
        ]);
      }
      expect([...(await sql`select ${sql.json({ a: [1] })}::jsonb as j, ${null}::text as n, ${true} as b`)]).toEqual([
        { j: { a: [1] }, n: null, b: true },
      ]);
    });

    test("a cursor fetches in pieces, each masked", async () => {
      const sql = connectAs("ana", { prepare });
      const sizes: number[] = [];
      await sql`select id, email from people order by id`.cursor(10, (rows) => {
        sizes.push(rows.length);
        expect(new Set(rows.map((row) => row["email"] as string))).toEqual(new Set([MASKED]));
      });
      expect(sizes).toEqual([10, 10, 5]);
    });

    test("transactions and savepoints, with what is refused inside them", async () => {
      const sql = connectAs("ana", { prepare });
      const outcome = await sql
        .begin(async (tx) => {
          await tx`insert into people (id) values (100)`;
          await tx
            .savepoint(async (inner) => void (await inner`drop table people`))
            .catch((fault: unknown) => {
              expect(fault).toMatchObject({ code: "42501" });
            });
          await tx`update people set n = 1 where id = 100`;
          const [row] = await tx<{ n: string }[]>`select n from people where id = 100`;
          throw new Error(`n is ${row!.n}`);
        })
        .catch((fault: Error) => fault.message);
      expect(outcome).toBe("n is 1");
      expect(await sql`select id from people where id = 100`).toHaveLength(0);
    });

    test("many at once, in a pipeline", async () => {
      const sql = connectAs("ana", { prepare });
      const ids = Array.from({ length: 200 }, (_, i) => (i % 25) + 1);
      const rows = await Promise.all(ids.map((id) => sql`select id, email from people where id = ${id}`));
      expect(rows.map(([row]) => row)).toEqual(ids.map((id) => ({ id, email: MASKED })));
    });
  });

  test("postgres.js: COPY both ways as streams", async () => {
    const sql = connectAs("ana");
    const chunks: Buffer[] = [];
    for await (const chunk of await sql`copy (select id, email from people where id < 3 order by id) to stdout`.readable())
      chunks.push(chunk as Buffer);
    expect(Buffer.concat(chunks).toString()).toBe(`1\t${MASKED}\n2\t${MASKED}\n`);
    await sql`create temp table c (a int, b text)`;
    await pipeline(Readable.from(["1\tone\n", "2\t\\N\n"]), await sql`copy c from stdin`.writable());
    expect([...(await sql`select * from c order by a`)]).toEqual([
      { a: 1, b: "one" },
      { a: 2, b: null },
    ]);
  });

  test("postgres.js: listens, is notified, and cancels", async () => {
    const sql = connectAs("ana");
    const heard = new Promise<string>((resolve) => void sql.listen("c", resolve, () => void sql.notify("c", "hello")));
    expect(await heard).toBe("hello");
    const slow = sql`select pg_sleep(60)`;
    const ended = slow.then(
      () => "passed",
      (fault: { code?: string }) => fault.code,
    );
    const direct = await server.direct("shopdb");
    const active =
      "select 1 from pg_stat_activity where state = 'active' and query like '%pg_sleep(60)%' and pid <> pg_backend_pid()";
    while ((await direct.query(active)).rows.length === 0);
    slow.cancel();
    expect(await ended).toBe("57014");
    await direct.end();
  });

  test("node-postgres: how a transaction is to be, in all its forms", async () => {
    const client = await gateway.connect("ana");
    for (const sql of [
      "begin isolation level serializable, read only, deferrable; commit",
      "begin; set transaction isolation level repeatable read, read only",
      "rollback",
      "start transaction read write; set transaction read only; commit and chain; rollback",
      "set session characteristics as transaction isolation level read committed",
      "set local timezone = 'UTC'",
    ])
      await client.query(sql);
    await client.end();
  });

  test("node-postgres: a portal that is read in pieces is masked in each", async () => {
    const client = await gateway.connect("ana");
    // With `rows` it asks for so many at a time, and goes on until there are no more; its types do not know that.
    const pieces = { text: "select id, email from people order by id", values: [], rows: 7 } as pg.QueryConfig<
      unknown[]
    >;
    const { rows } = await client.query(pieces);
    expect(rows).toHaveLength(25);
    expect(new Set(rows.map((row: { email: string }) => row.email))).toEqual(new Set([MASKED]));
    await client.end();
  });

  const run = (
    program: string,
    user: string,
    args: readonly string[],
    env: Readonly<Record<string, string>> = {},
  ): Promise<Ran> =>
    runProgram(program, ["-h", "127.0.0.1", "-p", String(gateway.port), "-U", user, ...args], {
      env: { PGPASSWORD: user, ...env },
    });

  (which !== "system" ? leaveOut : inPath("pg_dump") ? test : it.skip)(
    "pg_dump of a masked user is refused or masked",
    async () => {
      const whole = await run("pg_dump", "ana", ["shop"]);
      expect(whole.status).toBe(1);
      expect(whole.stderr).toContain("sallyport: refused under mask pii");
      // Subscriptions, where passwords of other servers are, are not shown under a mask.
      for (const more of [[], ["--inserts"], ["--format=tar"]]) {
        const { out, status } = await run("pg_dump", "ana", ["--no-subscriptions", ...more, "shop"]);
        expect(status, out).toBe(0);
        expect(out.split(MASKED)).toHaveLength(26);
        expect(out).not.toContain("secret");
      }
      expect(whole.out).not.toContain("secret");
    },
  );

  /** Debian's psql with the library of PostgreSQL 18, which speaks protocol 3.2. */
  (which !== "embedded" || process.platform !== "linux" ? leaveOut : inPath("psql") ? test : it.skip)(
    "psql with protocol 3.2 only",
    async () => {
      const library = embeddedBinaries().replace(/bin$/, "lib");
      const text = `host=127.0.0.1 port=${gateway.port} user=ana dbname=shop min_protocol_version=3.2 max_protocol_version=latest`;
      const { out } = await runProgram(
        "psql",
        [text, "-XAtc", "select email from people where id = 1", "-c", "\\conninfo"],
        {
          env: { PGPASSWORD: "ana", LD_LIBRARY_PATH: library },
        },
      );
      expect(out).toContain(`${MASKED}\n`);
      expect(out).toContain('You are connected to database "shop" as user "ana"');
    },
  );

  test("encryption by GSS is declined, and the client goes on without", async () => {
    const socket = connect(gateway.port, "127.0.0.1");
    socket.write(Buffer.from([0, 0, 0, 8, 0x04, 0xd2, 0x16, 0x30]));
    const [answer] = (await once(socket, "data")) as [Buffer];
    expect(answer.toString()).toBe("N");
    const startup = Buffer.from("\0\0\0\0\0\x03\0\0user\0ana\0database\0shop\0\0");
    startup.writeInt32BE(startup.length, 0);
    socket.write(startup);
    const [asked] = (await once(socket, "data")) as [Buffer];
    expect(asked.toString("latin1")).toContain("SCRAM-SHA-256");
    socket.destroy();
  });
});
