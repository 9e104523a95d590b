import { writeFileSync } from "node:fs";
import { join } from "node:path";
import pg from "pg";
import postgres from "postgres";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { startTestGateway, type TestGateway } from "../support/gateway.ts";
import { prepareDatabase, startPostgres, systemBinaries, type TestPostgres } from "../support/postgres.ts";
import { inPath, runProgram, type Ran } from "../support/programs.ts";

const POLICY = `package test
allow everybody_reads on sql
  when statement.read_only
allow housekeeping on sql
  when statement.class in [transaction, session]
allow writers on sql
  when user.groups has any ["engineer", "unmasked"]
deny drops on sql
  when statement.kind in [drop_table, drop_database]
  because "Objects are dropped by migrations."
mask pii on sql
  columns public.customers.{email, national_id, born, card}
  with { email: email, card: last(4), *: redact }
  unless user.groups has any ["privacy", "unmasked"]
limit few on sql
  to 3 rows
  when user.groups has "contractor"
`;

const SCHEMA = `
create table customers (id int primary key, full_name text, email text, national_id text, born date, card varchar(20), note text);
insert into customers select i, 'Name ' || i, 'secret' || i || '@mail.example', 'MARK-' || i, date '1990-01-01' + i, '411111111111' || (1000 + i), case when i % 2 = 0 then null else 'note' || E'\\t' || 'x\\\\y' end from generate_series(1, 20) i;
create table orders (id int primary key, customer_id int, total int);
insert into orders select i, i, i * 10 from generate_series(1, 20) i;
create view customer_mail as select id, email as mail from customers;
create function leak(int) returns text language sql as 'select email from customers where id = $1';
`;

/** Nothing of a masked column may be in what a masked user sees. */
const SECRETS = ["secret", "MARK-", "1990-01", "4111111"];

function expectNoSecret(seen: unknown): void {
  const text = typeof seen === "string" ? seen : JSON.stringify(seen);
  for (const secret of SECRETS) expect(text).not.toContain(secret);
}

describe.each([
  ["embedded PostgreSQL", "embedded" as const],
  ["the system's PostgreSQL", "system" as const],
])("%s", (_name, which) => {
  let server: TestPostgres;
  let gateway: TestGateway;
  const missing = which === "system" && systemBinaries() === null;

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

  const test = missing ? it.skip : it;

  describe("masking", () => {
    test("text and binary results, simple and extended", async () => {
      const client = await gateway.connect("ana");
      const row = {
        id: 1,
        full_name: "Name 1",
        email: "s***@***.example",
        national_id: "***",
        born: null,
        card: "***1001",
      };
      const columns = "id, full_name, email, national_id, born, card";
      expect((await client.query(`select ${columns} from customers where id = 1`)).rows).toEqual([row]);
      expect((await client.query(`select ${columns} from customers where id = $1`, [1])).rows).toEqual([row]);
      // @types/pg does not know it, node-postgres does.
      const binary = {
        text: `select ${columns} from customers where id = $1`,
        values: [1],
        binary: true,
      } as pg.QueryConfig;
      expect((await client.query(binary)).rows).toEqual([row]);
      await client.end();
    });

    test("a named statement, again and again", async () => {
      const client = await gateway.connect("ana");
      for (const id of [1, 2, 3]) {
        const { rows } = await client.query({
          name: "mail",
          text: "select email from customers where id = $1",
          values: [id],
        });
        expect(rows).toEqual([{ email: "s***@***.example" }]);
      }
      await client.end();
    });

    test("NULL stays NULL, other columns are untouched", async () => {
      const client = await gateway.connect("ana");
      const through = await client.query("select id, note, email from customers order by id");
      const direct = await server.direct("shopdb");
      const plain = await direct.query("select id, note from customers order by id");
      expect(through.rows.map(({ id, note }: { id: number; note: string | null }) => ({ id, note }))).toEqual(
        plain.rows,
      );
      await direct.end();
      await client.end();
    });

    test.for<readonly [title: string, sql: string]>([
      ["aliases", "select national_id as full_name, email as id from customers"],
      ["star", "select * from customers"],
      ["whole row", "select c from customers c"],
      ["json", "select row_to_json(c) from customers c"],
      ["expressions", "select upper(email) || national_id from customers"],
      ["sub-selects", "select x from (select national_id as x from customers) s"],
      ["WITH", "with c as (select email e from customers) select e from c"],
      ["aggregates", "select min(national_id), string_agg(email, ',') from customers"],
      ["unions", "select full_name from customers union all select email from customers"],
      ["scalar sub-selects", "select (select email from customers where id = 1)"],
      ["casts of dates", "select born::text, to_char(born, 'YYYY-MM-DD') from customers"],
      ["views over it", "select mail from customer_mail"],
      ["windows", "select lag(email) over (order by id) from customers"],
    ])("%s", async ([, sql]) => {
      const client = await gateway.connect("ana");
      const { rows } = await client.query(sql);
      expect(rows.length).toBeGreaterThan(0);
      expectNoSecret(rows);
      await client.end();
    });

    test.for<readonly [title: string, sql: string]>([
      ["conditions", "select id from customers where email like 'secret1%'"],
      ["sorting", "select id from customers order by national_id"],
      ["joins", "select 1 from customers a join customers b on a.email = b.email"],
      ["storing elsewhere", "create temp table t as select email from customers"],
      ["functions over it", "select leak(1)"],
      ["text of SQL", "select query_to_xml('select email from customers', true, true, '')"],
      ["statistics", "select most_common_vals from pg_stats where tablename = 'customers'"],
      ["plans", "explain select email from customers"],
      ["unknown names", "select * from no_such_table"],
    ])("refuses %s", async ([, sql]) => {
      const client = await gateway.connect("ana");
      const fault = await client.query(sql).then(
        (result) => Promise.reject(new Error(`it passed: ${JSON.stringify(result.rows)}`)),
        (error: pg.DatabaseError) => error,
      );
      expect(fault.code).toBe("42501");
      expectNoSecret(JSON.stringify(fault) + fault.message);
      expect((await client.query("select 1 as still_here")).rows).toEqual([{ still_here: 1 }]);
      await client.end();
    });

    test("errors of the server quote nothing", async () => {
      const client = await gateway.connect("ana");
      const fault = await client.query("select full_name::int, email from customers").then(
        () => null,
        (error: pg.DatabaseError) => error,
      );
      expect(fault?.code).toBe("22P02");
      expect(fault?.message).not.toContain("Name 1");
      expectNoSecret(JSON.stringify(fault) + String(fault?.message));
      await client.end();
    });

    test("cursors and SQL-level prepared statements carry their masks", async () => {
      const client = await gateway.connect("ana");
      await client.query("begin");
      await client.query("declare c cursor for select id, email from customers order by id");
      expect((await client.query("fetch 1 from c")).rows).toEqual([{ id: 1, email: "s***@***.example" }]);
      await client.query("commit");
      await client.query("prepare p as select email from customers where id = 2");
      expect((await client.query("execute p")).rows).toEqual([{ email: "s***@***.example" }]);
      await client.query("deallocate p");
      await client.end();
    });

    test("whoever may see, sees", async () => {
      const client = await gateway.connect("kim");
      expect(
        (await client.query("select email, born::text from customers where email = 'secret1@mail.example'")).rows,
      ).toEqual([{ email: "secret1@mail.example", born: "1990-01-02" }]);
      await client.end();
    });
  });

  describe("blocking", () => {
    test("in simple and extended protocol the session goes on", async () => {
      const client = await gateway.connect("dev");
      for (const values of [undefined, []]) {
        const fault = await client.query("drop table orders", values).catch((error: pg.DatabaseError) => error);
        expect(fault).toMatchObject({ code: "42501", severity: "ERROR" });
        expect((fault as pg.DatabaseError).message).toBe(
          "sallyport: denied by rule drops: Objects are dropped by migrations.",
        );
        expect((fault as pg.DatabaseError).detail).toMatch(/^Decision [0-9a-z]{26}\.\d+\.$/);
      }
      expect((await client.query("select count(*)::int as n from orders")).rows).toEqual([{ n: 20 }]);
      await client.end();
    });

    test("inside a transaction it fails the transaction, as any error does", async () => {
      const client = await gateway.connect("dev");
      await client.query("begin");
      await client.query("update orders set total = 999 where id = 1");
      await expect(client.query("drop table orders")).rejects.toMatchObject({ code: "42501" });
      await expect(client.query("select 1")).rejects.toMatchObject({ code: "25P02" });
      expect((await client.query("commit")).command).toBe("ROLLBACK");
      expect((await client.query("select total from orders where id = 1")).rows).toEqual([{ total: 10 }]);
      await client.end();
    });

    test("a batch with one such statement is not run at all", async () => {
      const client = await gateway.connect("dev");
      await expect(
        client.query("update orders set total = 7 where id = 2; drop table orders; select 1"),
      ).rejects.toMatchObject({ code: "42501" });
      expect((await client.query("select total from orders where id = 2")).rows).toEqual([{ total: 20 }]);
      await client.end();
    });

    test("in a pipeline what came before is rolled back and the rest skipped", async () => {
      const sql = postgres({
        host: "127.0.0.1",
        port: gateway.port,
        user: "dev",
        password: "dev",
        database: "shop",
        max: 1,
        onnotice: () => undefined,
      });
      const all = await Promise.allSettled([sql`select 1 as a`, sql`drop table orders`, sql`select 2 as b`]);
      expect(all.map((one) => one.status)).toEqual(["fulfilled", "rejected", "fulfilled"]);
      await sql.end();
    });

    test("a syntax error is the server's own", async () => {
      const client = await gateway.connect("dev");
      await expect(client.query("selec 1")).rejects.toMatchObject({
        code: "42601",
        message: 'syntax error at or near "selec"',
        position: "1",
      });
      await client.end();
    });
  });

  test("row limits stop a result", async () => {
    const client = await gateway.connect("con");
    // The rest is cancelled at the server; that must not come too late, and hit the next statement.
    for (let again = 0; again < 20; again++) {
      await expect(client.query("select id from orders")).rejects.toMatchObject({ code: "54000" });
      expect((await client.query("select id from orders where id <= 3")).rows).toHaveLength(3);
    }
    await client.end();
  });

  describe("like the server itself, where no rule applies", () => {
    test("same rows, types, tags, errors, notices and parameters", async () => {
      const through = await gateway.connect("all");
      const direct = await server.direct("shopdb");
      const statements = [
        "select 1 as a, 'x'::text as b, null as c, now() is not null as d, array[1,2] as e, '{\"k\":1}'::jsonb as f",
        "create temp table tt (a int, b text)",
        "insert into tt values (1, 'one'), (2, 'two') returning *",
        "update tt set b = upper(b)",
        "select * from tt order by a desc",
        "delete from tt where a = 1",
        "select 1/0",
        "select * from nope",
        "do $$ begin raise notice 'hello %', 42; end $$",
        "begin",
        "savepoint s",
        "select 1/0",
        "rollback to s",
        "select count(*) from tt",
        "commit",
        "show server_version",
        "",
        "select 1; select 2",
        "truncate tt",
        "explain (costs off) select * from tt",
      ];
      const run = async (client: pg.Client, sql: string): Promise<unknown> => {
        const notices: string[] = [];
        const note = (message: { message: string | undefined }): void => void notices.push(message.message ?? "");
        client.on("notice", note);
        const result = await client.query(sql).then(
          (found: pg.QueryResult | pg.QueryResult[]) =>
            (Array.isArray(found) ? found : [found]).map(({ command, rowCount, rows, fields }) => ({
              command,
              rowCount,
              rows: rows as unknown[],
              fields: fields.map(({ name, dataTypeID, dataTypeModifier, format }) => ({
                name,
                dataTypeID,
                dataTypeModifier,
                format,
              })),
            })),
          (error: pg.DatabaseError) => ({
            code: error.code,
            message: error.message,
            detail: error.detail,
            hint: error.hint,
            position: error.position,
            routine: error.routine,
          }),
        );
        client.off("notice", note);
        return { result, notices };
      };
      for (const sql of statements)
        expect({ sql, answer: await run(through, sql) }).toEqual({ sql, answer: await run(direct, sql) });
      await direct.end();
      await through.end();
    });

    (inPath("psql") ? test : it.skip)("COPY in and out", async () => {
      const run = async (user: string, ...commands: string[]): Promise<string> => {
        const args = ["-X", "-q", "-h", "127.0.0.1", "-p", String(gateway.port), "-U", user, "shop"];
        const commandArgs = commands.flatMap((command) => ["-c", command]);
        const options = { env: { PGPASSWORD: user }, input: "5\tfive\n6\t\\N\n" };
        return (await runProgram("psql", [...args, ...commandArgs], options)).out;
      };
      expect(await run("all", "create temp table c (a int, b text)", "copy c from stdin", "copy c to stdout")).toBe(
        "5\tfive\n6\t\\N\n",
      );
      for (const format of ["text", "csv", "csv, header"]) {
        const seen = await run(
          "ana",
          `copy (select id, email, national_id, note from customers order by id) to stdout (format ${format})`,
        );
        expectNoSecret(seen);
        expect(seen.trim().split("\n").length).toBeGreaterThanOrEqual(20);
      }
      const table = await run("ana", "copy customers to stdout");
      expectNoSecret(table);
      expect(table.trim().split("\n")).toHaveLength(20);
      const binary = await run("ana", "copy customers to stdout (format binary)");
      expectNoSecret(binary);
      expect(binary).toContain("Name 20");
    });
  });

  test("cancel reaches the running statement", async () => {
    const client = await gateway.connect("all");
    const running = client.query("select pg_sleep(60)").then(
      () => null,
      (error: pg.DatabaseError) => error,
    );
    const canceller = new pg.Client({ host: "127.0.0.1", port: gateway.port });
    // As node-postgres does it: a second connection with the first one's key. Asked until it is running.
    const direct = await server.direct("shopdb");
    for (;;) {
      const { rows } = await direct.query(
        "select 1 from pg_stat_activity where query like 'select pg_sleep(60)%' and state = 'active'",
      );
      if (rows.length > 0) break;
    }
    (canceller as unknown as { cancel(client: pg.Client, query: unknown): void }).cancel(
      client,
      (client as unknown as { activeQuery?: unknown; _activeQuery?: unknown })._activeQuery ??
        (client as unknown as { activeQuery: unknown }).activeQuery,
    );
    expect(await running).toMatchObject({ code: "57014" });
    await direct.end();
    await client.end();
  });

  test("the target sees who it is", async () => {
    const client = await gateway.connect("all");
    const direct = await server.direct("shopdb");
    const { rows } = await direct.query(
      "select application_name from pg_stat_activity where application_name like '% via sallyport %'",
    );
    expect(rows).toContainEqual({
      application_name: expect.stringMatching(/^all via sallyport [0-9a-z]{26}$/) as string,
    });
    await direct.end();
    await client.end();
  });

  describe("real clients", () => {
    const where = (program: string): typeof it | typeof it.skip => (!missing && inPath(program) ? it : it.skip);
    const run = (program: string, user: string, args: readonly string[]): Promise<Ran> =>
      runProgram(program, ["-h", "127.0.0.1", "-p", String(gateway.port), "-U", user, ...args], {
        env: { PGPASSWORD: user },
      });

    where("psql")("psql", async () => {
      const { out } = await run("psql", "ana", [
        "-X",
        "shop",
        "-c",
        "select email from customers where id = 1",
        "-c",
        "\\d customers",
        "-c",
        "\\dt",
      ]);
      expect(out).toContain("s***@***.example");
      expect(out).toContain("national_id");
      expect(out).toContain("orders");
      expectNoSecret(out);
    });

    where("pgbench").each(["simple", "extended", "prepared"])("pgbench, %s protocol", async (mode) => {
      const script = join(gateway.folder, `pgbench-${mode}.sql`);
      writeFileSync(
        script,
        "\\set id random(1, 20)\nselect email, total from customers c join orders o on o.customer_id = c.id where c.id = :id;\n",
      );
      const { stdout, out } = await run("pgbench", "ana", [
        "-n",
        "-M",
        mode,
        "-c",
        "4",
        "-t",
        "25",
        "-f",
        script,
        "shop",
      ]);
      expect(stdout, out).toContain("number of transactions actually processed: 100/100");
      expect(stdout).toContain("number of failed transactions: 0");
    });

    where("pg_dump")("pg_dump leaks nothing", async () => {
      const { out } = await run("pg_dump", "ana", ["shop"]);
      expectNoSecret(out);
    });
  });
});
