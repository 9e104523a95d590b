import { existsSync, readFileSync, readdirSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { startTestGateway, type TestGateway } from "../support/gateway.ts";
import { prepareDatabase, startPostgres, type TestPostgres } from "../support/postgres.ts";
import { FLOWS } from "./flows.ts";
import { findMarker, findSecret } from "./markers.ts";
import { NAMES } from "./names.ts";
import { ORACLES } from "./oracles.ts";
import { READS } from "./reads.ts";
import { POLICY, SCHEMA } from "./schema.ts";
import { WireClient, msg, type Heard } from "./wire.ts";

/**
 * Each case is run twice against a real PostgreSQL: without the gateway the secret appears (so the attack is one), with it no
 * marker of it reaches the client by any channel, nor the gateway's disk. The policy lets the attacker run everything, as the
 * database's superuser; masks are all that stands in between.
 */
let server: TestPostgres;
let gateway: TestGateway;
let runs = 0;

beforeAll(async () => {
  server = await startPostgres();
  await prepareDatabase(server, "bypass", SCHEMA);
  await prepareDatabase(server, "bypass_direct", SCHEMA.replaceAll("bypass.public", "bypass_direct.public"));
  for (const database of ["bypass", "bypass_direct"]) {
    const client = await server.direct(database);
    await client.query(
      "create function get_const() returns text immutable language sql as 'select ssn from people where id = 1'; insert into guesses values ('seed')",
    );
    // One case reads the table's file.
    await client.query("checkpoint");
    await client.end();
  }
  gateway = await startTestGateway(server, { policy: POLICY, database: "bypass" });
});
afterAll(async () => {
  await gateway?.close();
  await server?.stop();
});

const direct = (): Promise<WireClient> =>
  WireClient.connect({
    host: server.host,
    port: server.port,
    user: server.user,
    password: server.password,
    database: "bypass_direct",
  });
const through = (): Promise<WireClient> =>
  WireClient.connect({ host: "127.0.0.1", port: gateway.port, user: "ana", password: "ana", database: "shop" });

const markerOf = (heard: Heard): string | null => findMarker(heard.bytes, heard.fields);

function expectNoMarker(heard: Heard, how: string): void {
  const marker = markerOf(heard);
  if (marker !== null)
    throw new Error(
      `${how}: ${JSON.stringify(marker)} reached the client: ${heard.bytes.toString("latin1").slice(0, 400)}`,
    );
}

const batch = (...messages: readonly Buffer[]): Buffer => Buffer.concat([...messages, msg.sync()]);

/** Every way in which a statement that gives rows can be run. */
const MODES: readonly (readonly [name: string, run: (client: WireClient, sql: string) => Promise<readonly Heard[]>])[] =
  [
    ["simple", async (c, sql) => [await c.query(sql)]],
    [
      "extended, text",
      async (c, sql) => [
        await c.ask(batch(msg.parse("", sql), msg.bind("", "", 0), msg.describe("P", ""), msg.execute(""))),
      ],
    ],
    [
      "extended, binary",
      async (c, sql) => [
        await c.ask(batch(msg.parse("", sql), msg.bind("", "", 1), msg.describe("P", ""), msg.execute(""))),
      ],
    ],
    [
      "executed without a description",
      async (c, sql) => [
        await c.ask(batch(msg.parse("", sql), msg.bind("", "", 0), msg.execute(""))),
        await c.ask(batch(msg.parse("", sql), msg.bind("", "", 1), msg.execute(""))),
      ],
    ],
    [
      "prepared, run twice",
      async (c, sql) => [
        await c.ask(batch(msg.parse("stmt", sql), msg.describe("S", "stmt"))),
        await c.ask(batch(msg.bind("", "stmt", 1), msg.execute(""))),
        await c.ask(batch(msg.bind("a", "stmt", 0), msg.execute("a"), msg.close("P", "a"), msg.close("S", "stmt"))),
      ],
    ],
    [
      "pipelined, two portals interleaved",
      async (c, sql) => [
        await c.ask(
          batch(
            msg.parse("s1", "select 1"),
            msg.parse("s2", sql),
            msg.bind("p1", "s1", 0),
            msg.bind("p2", "s2", 0),
            msg.execute("p2", 1),
            msg.execute("p1"),
            msg.execute("p2"),
            msg.flush(),
            msg.close("S", "s1"),
            msg.close("S", "s2"),
          ),
        ),
      ],
    ],
    [
      "cursor",
      async (c, sql) => [
        await c.query("begin"),
        await c.query(`declare cur cursor for ${sql}`),
        await c.query("fetch 1 from cur"),
        await c.ask(
          batch(msg.parse("", "fetch all from cur"), msg.bind("", "", 1), msg.describe("P", ""), msg.execute("")),
        ),
        await c.query("rollback"),
      ],
    ],
    [
      "prepared in SQL",
      async (c, sql) => [
        await c.query(`prepare pre as ${sql}`),
        await c.query("execute pre"),
        await c.ask(batch(msg.parse("", "execute pre"), msg.bind("", "", 1), msg.execute(""))),
        await c.query("deallocate pre"),
      ],
    ],
    [
      "COPY",
      async (c, sql) => [
        await c.query(`copy (${sql}) to stdout`),
        await c.query(`copy (${sql}) to stdout (format csv, header)`),
        await c.query(`copy (${sql}) to stdout (format binary)`),
        await c.ask(batch(msg.parse("", `copy (${sql}) to stdout`), msg.bind("", "", 0), msg.execute(""))),
      ],
    ],
  ];

describe.each(Object.entries(READS))("%s", (_group, statements) => {
  it.each(statements.map((sql) => [sql] as const))("%s", async (sql) => {
    const bare = await direct();
    await bare.query("begin");
    const seen = await bare.query(sql.replaceAll("bypass.public", "bypass_direct.public"));
    await bare.query("rollback");
    bare.end();
    expect(
      markerOf(seen),
      `without the gateway: ${JSON.stringify(seen.error)} ${seen.fields.join("|").slice(0, 300)}`,
    ).not.toBeNull();
    let client = await through();
    for (const [name, run] of MODES) {
      // EXPLAIN and the like can't stand inside of others; what the server says of it is looked at all the same.
      for (const heard of await run(client, sql)) expectNoMarker(heard, name);
      if (client.closed) client = await through();
    }
    client.end();
  });
});

const FLOW_MODES: readonly (readonly [name: string, run: (client: WireClient, sql: string) => Promise<Heard>])[] = [
  ["simple", (c, sql) => c.query(sql)],
  [
    "extended",
    (c, sql) => c.ask(batch(msg.parse("", sql), msg.bind("", "", 0), msg.describe("P", ""), msg.execute(""))),
  ],
  ["binary", (c, sql) => c.ask(batch(msg.parse("", sql), msg.bind("", "", 1), msg.execute("")))],
];

async function runFlow(
  client: WireClient,
  steps: readonly string[],
  run: (c: WireClient, sql: string) => Promise<Heard>,
): Promise<readonly Heard[]> {
  const number = String(++runs);
  const heard: Heard[] = [];
  for (const step of steps) heard.push(await run(client, step.replaceAll("#", number)));
  return heard;
}

describe.each(Object.entries({ ...FLOWS, ...NAMES }))("%s", (_group, flows) => {
  it.each(flows.map((steps) => [steps.join(" ⏎ "), steps] as const))("%s", async (_title, steps) => {
    const bare = await direct();
    const seen = await runFlow(bare, steps, FLOW_MODES[0]![1]);
    bare.end();
    expect(
      seen.some((heard) => markerOf(heard) !== null),
      `without the gateway: ${JSON.stringify(seen.map((heard) => heard.error))}`,
    ).toBe(true);
    for (const [name, run] of FLOW_MODES) {
      const client = await through();
      for (const heard of await runFlow(client, steps, run)) expectNoMarker(heard, name);
      client.end();
    }
  });
});

/** What a client can tell answers apart by. */
const told = (heard: Heard): string =>
  JSON.stringify([heard.fields, heard.rows, heard.tags, heard.error?.code ?? null]);

describe.each(Object.entries(ORACLES))("%s", (_group, pairs) => {
  it.each(pairs)("%s", async (right, wrong) => {
    const bare = await direct();
    const answers: string[] = [];
    for (const sql of [right, wrong]) {
      await bare.query("begin");
      answers.push(told(await bare.query(sql)));
      await bare.query("rollback");
    }
    bare.end();
    expect(answers[0], "without the gateway the answers differ").not.toBe(answers[1]);
    const client = await through();
    for (const [name, run] of MODES.slice(0, 6)) {
      const heard = await run(client, right);
      for (const one of heard) expectNoMarker(one, name);
      // Refused, or the same to whoever guesses right or wrong.
      const refused = heard.some((one) => one.error?.code === "42501");
      if (!refused) expect((await run(client, wrong)).map(told), name).toEqual(heard.map(told));
    }
    client.end();
  });
});

it.each(["text", "csv", "binary"])("a copy in %s does not tell what is NULL", async (format) => {
  const client = await through();
  const ask = (guess: string): Promise<Heard> =>
    client.query(
      `copy (select nullif(ssn, '${guess}'), nullif(pin, 918273645) from people) to stdout (format ${format})`,
    );
  const [right, wrong] = [await ask("ZQXSSN84213"), await ask("nothing")];
  expect(right.rows).toBeGreaterThan(2);
  expect(right.bytes.equals(wrong.bytes)).toBe(true);
  client.end();
});

describe("the protocol's own ways", () => {
  type Attack = (client: WireClient, another: () => Promise<WireClient>) => Promise<readonly Heard[]>;
  const cases: readonly (readonly [title: string, attack: Attack])[] = [
    [
      "the function call message",
      async (c) => {
        const found = await c.query("select 'get_ssn'::regproc::oid, 'get_const'::regproc::oid");
        const oid = Number(found.fields[1] ?? 0);
        const call = msg.functionCall(oid, "");
        // No argument at all.
        const bare = Buffer.concat([
          Buffer.from("F"),
          Buffer.from([0, 0, 0, 14]),
          call.subarray(5, 9),
          Buffer.from([0, 0, 0, 0, 0, 0]),
        ]);
        return [await c.ask(bare)];
      },
    ],
    [
      "a statement bound to a portal that SQL fetches from",
      async (c) => [
        await c.query("begin"),
        await c.ask(batch(msg.parse("", "select ssn from people"), msg.bind("sqlportal", "", 0))),
        await c.query("fetch all from sqlportal"),
        await c.query("rollback"),
      ],
    ],
    [
      "a cursor of SQL executed as a portal",
      async (c) => [
        await c.query("begin"),
        await c.query("declare wired cursor for select ssn from people"),
        await c.ask(batch(msg.describe("P", "wired"), msg.execute("wired"))),
        await c.query("rollback"),
      ],
    ],
    [
      "a prepared statement of SQL bound by the protocol",
      async (c) => [
        await c.query("prepare bound as select ssn from people where id = 1"),
        await c.ask(batch(msg.bind("", "bound", 0), msg.describe("P", ""), msg.execute(""))),
      ],
    ],
    [
      "a prepared statement of the protocol executed by SQL",
      async (c) => [
        await c.ask(batch(msg.parse("wirestmt", "select ssn from people"))),
        await c.query("execute wirestmt"),
      ],
    ],
    [
      "a name used again after Close",
      async (c) => [
        await c.ask(batch(msg.parse("again", "select name from people"), msg.describe("S", "again"))),
        await c.ask(
          batch(
            msg.close("S", "again"),
            msg.parse("again", "select ssn from people"),
            msg.bind("", "again", 0),
            msg.execute(""),
          ),
        ),
      ],
    ],
    [
      "a Parse that fails leaves the old statement, and the next one takes its name",
      async (c) => [
        await c.ask(batch(msg.parse("keep", "select name from people"))),
        await c.ask(batch(msg.parse("keep", "select ssn from people"), msg.bind("", "keep", 0), msg.execute(""))),
        await c.query("deallocate keep"),
        await c.ask(batch(msg.parse("keep", "select ssn from people"), msg.bind("", "keep", 0), msg.execute(""))),
      ],
    ],
    [
      "a parameter that chooses the column",
      async (c) => [
        await c.ask(
          batch(
            msg.parse("", "select case $1::int when 1 then name else ssn end from people"),
            msg.bind("", "", 0, ["2"]),
            msg.describe("P", ""),
            msg.execute(""),
          ),
        ),
      ],
    ],
    [
      "Describe before the view is replaced, Execute after",
      async (c) => [
        await c.query("create or replace temp view swap as select name as s from people"),
        await c.ask(batch(msg.parse("swap", "select s from swap"), msg.describe("S", "swap"))),
        await c.query("create or replace temp view swap as select ssn as s from people"),
        await c.ask(batch(msg.bind("", "swap", 0), msg.execute(""))),
      ],
    ],
    [
      "the search path changes between Parse and Execute",
      async (c) => [
        await c.query("set search_path = shadow"),
        await c.ask(batch(msg.parse("sp", "select ssn from people"), msg.describe("S", "sp"))),
        await c.query("set search_path = public"),
        await c.ask(batch(msg.bind("", "sp", 0), msg.execute(""))),
      ],
    ],
    [
      "the search path changes in the same batch",
      async (c) => [
        await c.query("set search_path = shadow"),
        await c.ask(
          batch(
            msg.parse("", "set search_path = public"),
            msg.bind("", "", 0),
            msg.execute(""),
            msg.parse("", "select ssn from people"),
            msg.bind("", "", 0),
            msg.execute(""),
          ),
        ),
      ],
    ],
    [
      "a table is renamed in the same batch",
      async (c) => [
        await c.ask(
          batch(
            ...["begin", "alter table people rename ssn to zip", "select zip from people", "rollback"].flatMap(
              (sql) => [msg.parse("", sql), msg.bind("", "", 0), msg.execute("")],
            ),
          ),
        ),
      ],
    ],
    [
      "one byte after the other",
      async (c) => {
        const bytes = msg.query("select ssn from people");
        const pieces: Heard[] = [];
        for (const byte of bytes.subarray(0, -1)) void c.ask(Buffer.of(byte), 0);
        pieces.push(await c.ask(bytes.subarray(-1)));
        return pieces;
      },
    ],
    [
      "a query within an open batch",
      async (c) => [
        await c.ask(
          Buffer.concat([
            msg.parse("", "select 1"),
            msg.bind("", "", 0),
            msg.execute(""),
            msg.query("select ssn from people"),
          ]),
        ),
      ],
    ],
    [
      "copy data that nobody asked for",
      async (c) => [
        await c.ask(Buffer.concat([msg.copyData("x\n"), msg.copyDone(), msg.query("select ssn from people")])),
      ],
    ],
    [
      "a name that changes hands while the statement waits for a lock",
      async (c, another) => {
        const other = await another();
        await c.query("set search_path = shadow, public");
        await other.query("begin");
        await other.query("alter table shadow.people rename to was_people");
        const asked = c.query("select ssn || '' from people");
        // Ten answers of another session later it has come to wait.
        for (let i = 0; i < 10; i++) await other.query("select 1");
        await other.query("commit");
        const heard = await asked;
        await other.query("alter table shadow.was_people rename to people");
        other.end();
        return [heard];
      },
    ],
    [
      "a name that changes hands in a transaction that began before the catalog was read",
      async (c, another) => {
        const other = await another();
        await other.query("begin; select pg_current_xact_id()");
        await c.query("create table since (a int)");
        await c.query("set search_path = shadow, sealed, public");
        await c.query("select * from notes");
        await other.query("alter table shadow.people rename column ssn to zip");
        await other.query("alter table shadow.people rename to was_people; commit");
        other.end();
        const heard = [await c.query("select ssn || '' from people"), await c.query("select 1")];
        heard.push(await c.query("select ssn || '' from people"));
        await c.query("alter table shadow.was_people rename column zip to ssn");
        await c.query("alter table shadow.was_people rename to people; drop table since");
        return heard;
      },
    ],
    [
      "a parameter declared of a domain that changes the search path",
      async (c) => {
        await c.query(
          "drop domain if exists moves; create domain moves as int check (set_config('search_path', 'public', false) is not null)",
        );
        const found = await c.query("select 'moves'::regtype::oid::int");
        await c.query("set search_path = shadow");
        const parse = msg.parse("", "select $1");
        const types = Buffer.alloc(6);
        types.writeInt16BE(1);
        types.writeInt32BE(Number(found.fields[0]), 2);
        const typed = Buffer.concat([parse.subarray(0, -2), types]);
        typed.writeInt32BE(typed.length - 1, 1);
        await c.ask(batch(typed, msg.bind("", "", 0, ["1"]), msg.execute("")));
        return [await c.query("select ssn || '' from people")];
      },
    ],
    [
      "a Sync that the server skips inside of a copy",
      async (c) => {
        await c.query("create temp table filled (a text)");
        await c.ask(Buffer.concat([msg.query("copy filled from stdin"), msg.sync(), msg.copyDone()]));
        // An answer too many that is waited for: each that follows is taken for that of the statement before.
        await c.query("select (1 / 0)::text as s");
        return [await c.query("select upper(ssn) as s from people")];
      },
    ],
    [
      "portals suspended and taken up again",
      async (c) => [
        await c.query("begin"),
        await c.ask(
          batch(msg.parse("", "select ssn, pin from people"), msg.bind("slow", "", 1), msg.execute("slow", 1)),
        ),
        await c.ask(batch(msg.execute("slow", 1))),
        await c.ask(batch(msg.execute("slow"))),
        await c.query("rollback"),
      ],
    ],
    [
      "a description asked for twice with other formats",
      async (c) => [
        await c.ask(
          batch(
            msg.parse("f", "select pin, born, ssn from people"),
            msg.bind("", "f", 0),
            msg.describe("P", ""),
            msg.execute(""),
            msg.bind("", "f", 1),
            msg.describe("P", ""),
            msg.execute(""),
          ),
        ),
      ],
    ],
    [
      "a batch that fails hides that the unnamed statement is the old one",
      async (c) => [
        await c.ask(batch(msg.parse("", "select upper(ssn) as s from people"))),
        await c.ask(
          Buffer.concat([
            batch(msg.parse("bad", "select nothing from nowhere"), msg.parse("", "select name as s from people")),
            batch(msg.bind("", "", 0), msg.execute("")),
          ]),
          2,
        ),
      ],
    ],
    [
      "a batch that fails hides that a named statement is the old one",
      async (c) => [
        await c.ask(batch(msg.parse("old", "select upper(ssn) as s from people"))),
        await c.ask(
          Buffer.concat([
            batch(
              msg.parse("", "select 1/0"),
              msg.bind("", "", 0),
              msg.execute(""),
              msg.close("S", "old"),
              msg.parse("old", "select name as s from people"),
            ),
            batch(msg.bind("", "old", 0), msg.execute("")),
          ]),
          2,
        ),
      ],
    ],
    [
      "a rollback to a savepoint brings the old portal back",
      async (c) => [
        await c.query("begin"),
        await c.ask(batch(msg.parse("", "select upper(ssn) as s from people"), msg.bind("held", "", 0))),
        await c.query("savepoint a"),
        await c.ask(
          Buffer.concat([
            batch(
              msg.parse("", "select 1/0"),
              msg.bind("", "", 0),
              msg.execute(""),
              msg.close("P", "held"),
              msg.parse("", "select name as s from people"),
              msg.bind("held", "", 0),
            ),
            msg.query("rollback to a"),
            batch(msg.execute("held")),
          ]),
          3,
        ),
        await c.query("rollback"),
      ],
    ],
    [
      "PREPARE that fails in the middle of others",
      async (c) => [
        await c.query("prepare sq as select name as s from people"),
        await c.ask(
          Buffer.concat([
            msg.query("deallocate sq; select 1/0"),
            msg.query("prepare sq as select upper(ssn) as s from people"),
            msg.query("execute sq"),
          ]),
          3,
        ),
        await c.query("execute sq"),
      ],
    ],
    [
      "the catalog changes while the next statement is already there",
      async (c) => [
        await c.query(
          "create table shadow.late (id int, ssn text); set search_path = shadow, public; create view public.late as select ssn from public.people",
        ),
        await c.ask(Buffer.concat([msg.query("drop table shadow.late"), msg.query("select 1")]), 2),
        await c.query("select upper(ssn) as s from late"),
        await c.query("drop view public.late"),
        await c.query("select ssn from public.people"),
      ],
    ],
    [
      "errors in the middle of a pipeline",
      async (c) => [
        await c.ask(
          Buffer.concat([
            batch(
              msg.parse("", "select 1/0"),
              msg.bind("", "", 0),
              msg.execute(""),
              msg.parse("late", "select name from people"),
            ),
            batch(msg.parse("late", "select ssn from people"), msg.bind("", "late", 0), msg.execute("")),
          ]),
          2,
        ),
      ],
    ],
  ];
  it.each(cases)("%s", async (_title, attack) => {
    const bare = await direct();
    expect((await attack(bare, direct)).some((heard) => markerOf(heard) !== null)).toBe(true);
    bare.end();
    const client = await through();
    for (const heard of await attack(client, through)) expectNoMarker(heard, "wire");
    client.end();
  });
});

describe("afterwards", () => {
  it("has run more than 300 cases", () => {
    const count = (groups: Readonly<Record<string, readonly unknown[]>>): number =>
      Object.values(groups).reduce((sum, list) => sum + list.length, 0);
    expect(count(READS) + count(FLOWS) + count(ORACLES)).toBeGreaterThan(300);
  });

  it("nothing of a secret is on the gateway's disk", () => {
    const files = readdirSync(gateway.folder, { recursive: true, withFileTypes: true }).filter((one) => one.isFile());
    expect(files.length).toBeGreaterThan(3);
    const found = files.flatMap((one) => {
      const path = join(one.parentPath, one.name);
      // A file of the running gateway may be replaced at any moment; its successor is in the list of the next run.
      const secret = existsSync(path) ? findSecret(readFileSync(path)) : null;
      return secret === null ? [] : [`${one.name}: ${secret}`];
    });
    expect(found).toEqual([]);
  });
});
