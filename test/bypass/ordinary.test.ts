import type pg from "pg";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { startTestGateway, type TestGateway } from "../support/gateway.ts";
import { prepareDatabase, startPostgres, type TestPostgres } from "../support/postgres.ts";
import { inPath, runProgram } from "../support/programs.ts";
import { MIGRATIONS, ORDINARY, ORDINARY_POLICY, ORDINARY_SCHEMA, SHOWN } from "./ordinary.ts";

/**
 * Ordinary work under active masks: statements of ORMs, of BI tools, of psql's own commands, of people and of migrations. Each
 * is run with and without the gateway on databases that are the same; what it gives must be the same but for the masks.
 */
let server: TestPostgres;
let gateway: TestGateway;
let direct: pg.Client;
let masked: pg.Client;

beforeAll(async () => {
  server = await startPostgres();
  for (const name of ["ordinary", "ordinary_direct"]) await prepareDatabase(server, name, ORDINARY_SCHEMA);
  gateway = await startTestGateway(server, { policy: ORDINARY_POLICY, database: "ordinary" });
  direct = await server.direct("ordinary_direct");
  masked = await gateway.connect("ana");
});
afterAll(async () => {
  await direct?.end();
  await masked?.end();
  await gateway?.close();
  await server?.stop();
});

interface Answer {
  readonly rows: readonly (readonly (string | null)[])[];
  readonly count: number | null;
  readonly command: string;
  readonly error: string | null;
}

async function ask(client: pg.Client, sql: string): Promise<Answer> {
  try {
    const found = await client.query<(string | null)[]>({
      text: sql,
      rowMode: "array",
      types: { getTypeParser: () => (value: string) => value },
    } as pg.QueryArrayConfig);
    return { rows: found.rows, count: found.rowCount, command: found.command, error: null };
  } catch (fault) {
    return { rows: [], count: null, command: "", error: (fault as Error).message };
  }
}

/** Numbers of objects differ from one database to the other. */
const OIDS = /\b[1-9]\d{4,}\b/g;
const sameObjects = (rows: Answer["rows"]): Answer["rows"] =>
  rows.map((row) => row.map((value) => value?.replaceAll(OIDS, "#") ?? null));

let ran = 0;

describe.each(Object.entries(ORDINARY))("%s", (_group, statements) => {
  it.each(statements.map(([sql, masks]) => [sql, masks ?? {}] as const))("%s", async (sql, masks) => {
    if (sql.startsWith("copy")) {
      // node-postgres has no COPY of its own: psql has.
      expect(await copied(sql, gateway.port, "ana", "shop")).toBe(
        await copied(sql, server.port, server.user, "ordinary_direct"),
      );
      ran++;
      return;
    }
    const plain = await ask(direct, sql);
    const seen = await ask(masked, sql);
    expect(plain.error, "without the gateway").toBeNull();
    expect(seen.error).toBeNull();
    const expected = sameObjects(plain.rows).map((row) =>
      row.map((value, i) => {
        const mask = masks[i];
        if (mask === undefined || value === null) return value;
        return mask === "redact" ? "***" : SHOWN[mask]!(value);
      }),
    );
    expect(sameObjects(seen.rows)).toEqual(expected);
    expect([seen.command, seen.count]).toEqual([plain.command, plain.count]);
    ran++;
  });
});

async function copied(sql: string, port: number, user: string, database: string): Promise<string> {
  const found = await psql(port, user, database, ["-c", sql]);
  expect(found.status, found.stderr).toBe(0);
  return found.stdout;
}

const psql = (port: number, user: string, database: string, args: readonly string[]) =>
  runProgram("psql", ["-X", "-h", "127.0.0.1", "-p", String(port), "-U", user, "-d", database, ...args], {
    env: { PGPASSWORD: user === "ana" || user === "all" ? user : server.password, PAGER: "cat" },
  });

describe.skipIf(!inPath("psql"))("psql's own commands, each query as psql sends it", () => {
  const COMMANDS = [
    "\\d",
    "\\d+",
    "\\d people",
    "\\d+ people",
    "\\d orders_person",
    "\\d+ open_orders",
    "\\dt",
    "\\dt+",
    "\\di",
    "\\di+",
    "\\ds",
    "\\dv",
    "\\dv+",
    "\\dm",
    "\\dn",
    "\\dn+",
    "\\du",
    "\\du+",
    "\\dg",
    "\\l",
    "\\df",
    "\\df+ order_total",
    "\\dT",
    "\\dT+ mood",
    "\\dp people",
    "\\z",
    "\\ddp",
    "\\dD",
    "\\dC",
    "\\dc",
    "\\dO",
    "\\db",
    "\\db+",
    "\\dA",
    "\\dA+",
    "\\dL",
    "\\dx",
    "\\dx+",
    "\\dF",
    "\\dFd",
    "\\dFp",
    "\\dFt",
    "\\dP",
    "\\drds",
    "\\dRp",
    "\\dX",
    "\\dy",
    "\\des",
    "\\dew",
    "\\det",
    "\\dl",
    "\\dd",
    "\\da count",
    "\\do ||",
    "\\sf order_total",
    "\\sv open_orders",
    "\\dconfig work_mem",
  ];
  it.each(COMMANDS)("%s", async (command) => {
    const [plain, seen] = await Promise.all([
      psql(server.port, server.user, "ordinary_direct", ["-c", command]),
      psql(gateway.port, "ana", "shop", ["-c", command]),
    ]);
    const shown = (text: string): string => text.replaceAll("ordinary_direct", "ordinary").replaceAll(OIDS, "#");
    expect(seen.stderr).toBe(plain.stderr);
    expect(shown(seen.stdout)).toBe(shown(plain.stdout));
    ran++;
  });
});

describe.skipIf(!inPath("psql"))("several statements in one message, as psql -c sends them", () => {
  it.each([
    "begin; select name, city from people where id = 1; commit",
    "begin; set local statement_timeout = 10000; select count(*) from orders; rollback",
    "set search_path = public; select name from people order by id limit 2",
    "select set_config('search_path', '', false); select count(*) from public.people; reset search_path",
    "begin; savepoint a; select id from orders where id = 1; rollback to a; select upper(name) from people where id = 1; commit",
    "prepare several as select city from people where id = 1; execute several; deallocate several",
    "discard plans; select name from people where id = 1",
    "begin; declare several cursor for select name from people where id < 4; fetch 2 from several; close several; commit",
    "create table fresh (a int); select upper(name) from people where id = 1; drop table fresh",
  ])("%s", async (sql) => {
    const [plain, seen] = await Promise.all([
      psql(server.port, server.user, "ordinary_direct", ["-c", sql]),
      psql(gateway.port, "ana", "shop", ["-c", sql]),
    ]);
    expect(plain.status, plain.stderr).toBe(0);
    expect(seen.stderr).toBe(plain.stderr);
    expect(seen.stdout).toBe(plain.stdout);
    ran++;
  });
});

describe.skipIf(!inPath("psql"))("psql's commands that read stored passwords", () => {
  it.each(["\\dRs", "\\deu"])("%s is refused, and says why", async (command) => {
    const seen = await psql(gateway.port, "ana", "shop", ["-c", command]);
    expect(seen.stderr).toMatch(
      /refused under mask.*pg_(?:subscription|user_mappings) shows data or statements of others/,
    );
  });
});

describe("migrations of those who may", () => {
  it.each(MIGRATIONS.map((sql, i) => [i + 1, sql] as const))("%i: %s", async (_number, sql) => {
    const client = await gateway.connect("all");
    try {
      expect((await ask(client, sql)).error).toBeNull();
      ran++;
    } finally {
      await client.end();
    }
  });
});

it("there are at least 150 of them", () => {
  if (inPath("psql")) expect(ran).toBeGreaterThanOrEqual(150);
});
