import { existsSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { afterAll, beforeAll, beforeEach, describe, expect, it } from "vitest";
import { startTestGateway, type TestGateway } from "../support/gateway.ts";
import { prepareDatabase, startPostgres, type TestPostgres } from "../support/postgres.ts";
import { inPath, runProgram } from "../support/programs.ts";

/**
 * Drivers of other languages, from Debian's packages: each runs one program, with and without the gateway, and prints what it
 * got. The answers must be the same but for the mask.
 */
const POLICY = `package drivers
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
create table people (id int primary key, name text, email text, born date, tags text[], doc jsonb, n bigint, amount numeric(12,2), ok boolean, at timestamptz, raw bytea);
insert into people select i, 'Name ' || i, 'person' || i || '@mail.example', date '1990-01-01' + i, array['a', 'b c'], '{"k": [1, null]}', 9007199254740993 + i, i * 1.25, i % 2 = 0, '2024-01-01 10:00:00+00', '\\x00ff' from generate_series(1, 300) i;
create table written (id int primary key, t text);
`;

const PROGRAMS = fileURLToPath(new URL("programs/", import.meta.url));
const PYTHON = "/usr/bin/python3";
const PSYCOPG = "/usr/lib/python3/dist-packages/psycopg2/__init__.py";
const PGJDBC = "/usr/share/java/postgresql.jar";

interface Driver {
  readonly name: string;
  readonly missing: boolean;
  readonly program: string;
  readonly args: readonly string[];
}
const DRIVERS: readonly Driver[] = [
  {
    name: "psycopg2",
    missing: !existsSync(PYTHON) || !existsSync(PSYCOPG),
    program: PYTHON,
    args: [`${PROGRAMS}psycopg_client.py`],
  },
  {
    name: "pgjdbc",
    missing: !inPath("javac") || !existsSync(PGJDBC),
    program: "java",
    args: ["-Xshare:auto", "-cp", PGJDBC, `${PROGRAMS}JdbcClient.java`],
  },
];

let server: TestPostgres;
let gateway: TestGateway;
beforeAll(async () => {
  server = await startPostgres();
  for (const name of ["drivers", "drivers_direct"]) await prepareDatabase(server, name, SCHEMA);
  gateway = await startTestGateway(server, { policy: POLICY, database: "drivers" });
});
afterAll(async () => {
  await gateway?.close();
  await server?.stop();
});

beforeEach(async () => {
  // One driver dropped it.
  const client = await server.direct("drivers_direct");
  await client.query("create table if not exists written (id int primary key, t text)");
  await client.end();
});

const masked = (text: string): string => text.replaceAll(/person\d+@mail\.example/g, "p***@***.example");

describe.each(DRIVERS)("$name", ({ missing, program, args }) => {
  const run = (port: number, user: string, password: string, database: string) =>
    runProgram(program, [...args, String(port), user, database], { env: { PGPASSWORD: password } });

  it.skipIf(missing)(
    "statements, parameters, cursors, batches, transactions, COPY, errors: the same but for the mask",
    async () => {
      const plain = await run(server.port, server.user, server.password, "drivers_direct");
      expect(plain.status, plain.out).toBe(0);
      const seen = await run(gateway.port, "ana", "ana", "shop");
      expect(seen.status, seen.out).toBe(0);
      // Without the gateway the table is dropped; with it, the reason is told.
      expect(plain.stdout).toContain("drop: done");
      expect(seen.stdout).toMatch(/drop: 42501 .*Objects are dropped by migrations\./);
      const others = (text: string): readonly string[] => text.split("\n").filter((line) => !line.startsWith("drop: "));
      expect(others(seen.stdout)).toEqual(others(masked(plain.stdout)));
      expect(plain.stdout).toContain("person7@mail.example");
      expect(seen.stdout).not.toContain("person7@");
      expect(plain.stdout).toContain("end\n");
    },
  );

  it.skipIf(missing)("who may see everything does", async () => {
    const seen = await run(gateway.port, "all", "all", "shop");
    expect(seen.status, seen.out).toBe(0);
    expect(seen.stdout).toContain("person7@mail.example");
  });
});
