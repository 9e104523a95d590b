// Records conversations of real clients with a real PostgreSQL into runtime/protocols/postgres/testdata, for the tests that
// replay them: `node tools/capture-postgres.ts`. Needs psql and pgbench in the PATH.
import { mkdtempSync, rmSync, writeFileSync, chmodSync, readdirSync } from "node:fs";
import { connect, createServer, type AddressInfo, type Socket } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import pg from "pg";
import postgres from "postgres";
import { startEmbedded, type EmbeddedPostgres } from "../cli/demo/embedded-postgres.ts";
import { CATALOG_QUERIES } from "../runtime/facts/index.ts";
import { writeLine, type Line } from "../test/support/transcript.ts";
import { runProgram } from "../test/support/programs.ts";

const FOLDER = fileURLToPath(new URL("../runtime/protocols/postgres/testdata/", import.meta.url));
const DATABASE = "shop";

const SCHEMA = `
create table customers (id int primary key, full_name text not null, email text, born date);
insert into customers values
  (1, 'Ada Brand', 'secret1@mail.example', '1990-01-02'), (2, 'Ben Cole', null, '1985-07-30'),
  (3, 'Cleo Dahl', 'secret3@mail.example', null), (4, 'Dan Elm', 'secret4@mail.example', '2001-12-31');
create table orders (id int primary key, customer_id int references customers, total numeric(10,2), paid bool, note text);
insert into orders select i, 1 + i % 4, i * 9.75, i % 2 = 0, case when i % 3 = 0 then 'rush' end from generate_series(1, 12) i;
`;

/** A relay that writes down what passes after sign-in. */
class Tap {
  readonly #conversations: Line[][] = [];
  readonly #server;
  readonly #sockets = new Set<Socket>();

  constructor(target: EmbeddedPostgres) {
    this.#server = createServer((client) => {
      const upstream = connect(target.port, target.host);
      const both = [client, upstream];
      for (const socket of both) {
        this.#sockets.add(socket);
        socket.on("error", () => both.forEach((one) => one.destroy()));
      }
      client.on("close", () => upstream.end());
      upstream.on("close", () => client.end());
      let signedIn = false;
      const lines: Line[] = [];
      this.#conversations.push(lines);
      const messages = (body: (type: string, body: Buffer) => void): ((chunk: Buffer) => void) => {
        let held = Buffer.alloc(0);
        return (chunk) => {
          held = Buffer.concat([held, chunk]);
          while (held.length >= 5 && held.length >= 1 + held.readInt32BE(1)) {
            const end = 1 + held.readInt32BE(1);
            body(String.fromCharCode(held[0]!), held.subarray(5, end));
            held = Buffer.from(held.subarray(end));
          }
        };
      };
      const fromServer = messages((type, body) => {
        if (signedIn) lines.push({ from: "S", type, body: Buffer.from(body) });
        else if (type === "Z") signedIn = true;
      });
      const fromClient = messages((type, body) => void lines.push({ from: "C", type, body: Buffer.from(body) }));
      client.on("data", (chunk: Buffer) => {
        if (signedIn) fromClient(chunk);
        upstream.write(chunk);
      });
      upstream.on("data", (chunk: Buffer) => {
        fromServer(chunk);
        client.write(chunk);
      });
    });
  }

  /** What the longest connection said; pgbench looks around on another one first. */
  get lines(): readonly Line[] {
    return this.#conversations.reduce((longest, one) => (one.length > longest.length ? one : longest));
  }

  async listen(): Promise<number> {
    await new Promise<void>((resolve) => this.#server.listen(0, "127.0.0.1", resolve));
    return (this.#server.address() as AddressInfo).port;
  }

  async close(): Promise<void> {
    for (const socket of this.#sockets) socket.destroy();
    await new Promise((resolve) => this.#server.close(resolve));
  }
}

interface Place {
  readonly port: number;
  readonly folder: string;
  readonly target: EmbeddedPostgres;
}

// Before sign-in nothing is recorded, so nothing of it need be encrypted.
const env = { PGPASSWORD: "direct", PGAPPNAME: "capture", PGSSLMODE: "disable", PGGSSENCMODE: "disable" };

async function psql({ port }: Place, commands: readonly string[], input = ""): Promise<void> {
  const args = ["-X", "-q", "-h", "127.0.0.1", "-p", String(port), "-U", "admin", DATABASE];
  await runProgram("psql", [...args, ...commands.flatMap((command) => ["-c", command])], { env, input });
}

async function pgbench({ port, folder }: Place, mode: string, script: string): Promise<void> {
  const file = join(folder, "script.sql");
  writeFileSync(file, script);
  const args = ["-n", "-M", mode, "-c", "1", "-t", "2", "-f", file];
  const ran = await runProgram("pgbench", ["-h", "127.0.0.1", "-p", String(port), "-U", "admin", ...args, DATABASE], {
    env,
  });
  if (ran.status !== 0) throw new Error(ran.out);
}

async function nodePostgres({ port }: Place, run: (client: pg.Client) => Promise<unknown>): Promise<void> {
  const client = new pg.Client({ host: "127.0.0.1", port, user: "admin", password: "direct", database: DATABASE });
  client.on("error", () => undefined);
  await client.connect();
  await run(client);
  await client.end();
}

async function postgresJs({ port }: Place, run: (sql: postgres.Sql) => Promise<unknown>): Promise<void> {
  const sql = postgres({
    host: "127.0.0.1",
    port,
    user: "admin",
    password: "direct",
    database: DATABASE,
    max: 1,
    fetch_types: false,
    onnotice: () => undefined,
  });
  await run(sql);
  await sql.end();
}

const quiet = (promise: Promise<unknown>): Promise<unknown> => promise.catch(() => undefined);
const POINT = "\\set id random(3, 4)\nselect id, email from customers where id = :id;\n";

/** What is recorded: name of the file, what it shows, and who does what. */
const CONVERSATIONS: readonly (readonly [name: string, shows: string, run: (place: Place) => Promise<unknown>])[] = [
  [
    "psql-simple",
    "rows, an empty query, several statements in one message, a command without rows",
    (place) =>
      psql(place, [
        "select id, email, born from customers order by id",
        ";",
        "select 1 as one; select full_name, email from customers where id = 3",
        "create temp table scratch (a int, b text)",
        "insert into scratch values (1, 'one'), (2, null) returning a",
      ]),
  ],
  [
    "psql-errors",
    "errors with a position, with detail and constraint, and a failed transaction",
    (place) =>
      psql(
        place,
        [],
        "select no_such_column from orders;\ninsert into orders values (1, 1, 5, true, null);\nbegin;\nselect 1/0;\nselect 2;\ncommit;\nselect id, email from customers where id = 1;\n",
      ),
  ],
  [
    "psql-notices",
    "notices and warnings between answers",
    (place) =>
      psql(place, [
        "drop table if exists nothing_here",
        "commit",
        "set client_min_messages = debug1",
        "select id from orders where id = 1",
      ]),
  ],
  [
    "psql-copy-out",
    "COPY to the client as text, CSV and binary",
    (place) =>
      psql(place, [
        "copy customers to stdout",
        "copy (select id, email from customers order by id) to stdout (format csv, header)",
        "copy (select id, email, full_name from customers order by id) to stdout (format binary)",
      ]),
  ],
  [
    "psql-copy-in",
    "COPY from the client, good and bad",
    (place) =>
      psql(
        place,
        ["create temp table c (a int, b text)", "copy c from stdin", "select * from c", "copy c from stdin"],
        "5\tfive\n6\t\\N\n\\.\nx\ty\n\\.\n",
      ),
  ],
  [
    "psql-cursor",
    "a cursor of SQL's own in a transaction, and a prepared statement of SQL's own",
    (place) =>
      psql(place, [
        "begin",
        "declare c cursor for select id, email from customers order by id",
        "fetch 2 from c",
        "fetch all from c",
        "close c",
        "commit",
        "prepare p (int) as select email from customers where id = $1",
        "execute p (3)",
        "deallocate p",
      ]),
  ],
  ["pgbench-simple", "pgbench, simple protocol", (place) => pgbench(place, "simple", POINT)],
  ["pgbench-extended", "pgbench, extended protocol", (place) => pgbench(place, "extended", POINT)],
  ["pgbench-prepared", "pgbench, prepared statements", (place) => pgbench(place, "prepared", POINT)],
  [
    "pgbench-pipeline",
    "libpq's pipeline mode: several statements before one Sync",
    (place) =>
      pgbench(
        place,
        "extended",
        "\\startpipeline\nselect id, email from customers where id = 1;\nselect total from orders where id = 2;\nselect email from customers where id = 3;\n\\endpipeline\n",
      ),
  ],
  [
    "node-postgres",
    "parameters, NULL, a named statement used twice, an error, binary results",
    (place) =>
      nodePostgres(place, async (client) => {
        await client.query("select id, email from customers where id = $1", [1]);
        await client.query("select $1::int as n, $2::text as t", [null, "it's"]);
        for (const id of [1, 4]) {
          await client.query({
            name: "by-id",
            text: "select full_name, email from customers where id = $1",
            values: [id],
          });
        }
        await quiet(client.query("select $1::int", ["x"]));
        await client.query({
          text: "select id, email, born from customers where id < $1",
          values: [4],
          binary: true,
        } as pg.QueryConfig);
        await client.query("select total, paid from orders where id = $1", [3]);
      }),
  ],
  [
    "node-postgres-portal",
    "a portal that is suspended and executed again",
    (place) =>
      nodePostgres(place, (client) =>
        client.query({ text: "select id, email from customers order by id", values: [], rows: 3 } as pg.QueryConfig),
      ),
  ],
  [
    "node-postgres-cancel",
    "a statement that another connection cancels",
    (place) =>
      nodePostgres(place, async (client) => {
        const running = quiet(client.query("select pg_sleep(30)"));
        const other = new pg.Client({ ...place.target, database: DATABASE });
        await other.connect();
        const asleep = "select pid from pg_stat_activity where state = 'active' and query like 'select pg_sleep%'";
        for (let rows: { pid: number }[] = []; rows.length === 0;) {
          rows = (await other.query<{ pid: number }>(asleep)).rows;
          if (rows.length > 0) await other.query("select pg_cancel_backend($1)", [rows[0]!.pid]);
        }
        await other.end();
        await running;
        await client.query("select 1 as still_here");
      }),
  ],
  [
    "node-postgres-listen",
    "notifications between statements, and a setting that the server reports",
    (place) =>
      nodePostgres(place, async (client) => {
        await client.query("listen news");
        const heard = new Promise((resolve) => client.once("notification", resolve));
        await client.query("notify news, 'hello'");
        await heard;
        await client.query("set timezone = 'UTC'");
        await client.query("select count(*) from orders");
      }),
  ],
  [
    "postgres-js",
    "pipelined statements, one of them failing, and a simple one",
    (place) =>
      postgresJs(place, async (sql) => {
        await Promise.allSettled([
          sql`select id, email from customers where id = ${1}`,
          sql`select 1 / ${0}::int as boom`,
          sql`select total from orders where id = ${2}`,
        ]);
        await sql`select email, born from customers where id in (1, 2)`.simple();
        await sql`update orders set note = ${"seen"} where id = ${1}`;
      }),
  ],
  [
    "postgres-js-transaction",
    "a transaction with a savepoint rolled back",
    (place) =>
      postgresJs(place, (sql) =>
        sql.begin(async (tx) => {
          await tx`insert into orders values (100, 1, 1, false, null)`;
          await tx.savepoint((sp) => sp`insert into orders values (100, 1, 1, false, null)`).catch(() => undefined);
          await tx`select id, email from customers where id = 4`;
          await tx`delete from orders where id = 100`;
        }),
      ),
  ],
  [
    "postgres-js-cursor",
    "rows fetched two at a time from a portal",
    (place) =>
      postgresJs(place, async (sql) => {
        for await (const rows of sql`select id, email from customers order by id`.cursor(3)) void rows;
      }),
  ],
];

const folder = mkdtempSync(join(tmpdir(), "sallyport-capture-"));
chmodSync(folder, 0o755);
const target = await startEmbedded({ data: join(folder, "data"), password: "direct", settings: ["fsync=off"] });
const admin = new pg.Client({ ...target, database: "postgres" });
await admin.connect();
await admin.query(`create database ${DATABASE}`);
await admin.end();
const direct = new pg.Client({ ...target, database: DATABASE });
await direct.connect();
await direct.query(SCHEMA);
for (const name of readdirSync(FOLDER)) if (name.endsWith(".transcript")) rmSync(join(FOLDER, name));
for (const [name, shows, run] of CONVERSATIONS) {
  const tap = new Tap(target);
  await run({ port: await tap.listen(), folder, target });
  await tap.close();
  const text = tap.lines.map(writeLine).join("\n");
  writeFileSync(join(FOLDER, `${name}.transcript`), `# ${shows}\n${text}\n`);
  process.stdout.write(`${name}: ${tap.lines.length} messages\n`);
}
// The tables that the statements name, as the gateway reads them, without those of the system.
const catalog: Record<string, unknown> = {};
for (const [name, sql] of Object.entries(CATALOG_QUERIES)) {
  const { rows } = await direct.query<(string | null)[]>({ text: sql, rowMode: "array" });
  const own = rows.map((row) => row.map((value) => (value === null ? null : String(value))));
  catalog[name] = own.filter((row) => Number(row[0]) >= 16_384 || name === "functions");
}
writeFileSync(join(FOLDER, "catalog.json"), `${JSON.stringify(catalog, null, 2)}\n`);
await direct.end();
await target.stop();
rmSync(folder, { recursive: true, force: true });
