import type pg from "pg";
import { startTestGateway } from "../support/gateway.ts";
import { prepareDatabase, startPostgres, type TestPostgres } from "../support/postgres.ts";
import type { Answer, Asked } from "./driver.ts";
import { outcomesSuite } from "./suite.ts";

const STATEMENTS: Readonly<Record<Asked, string>> = {
  allowed: "select 'passed' as a",
  denied: "delete from vault",
  held: "insert into carts values (1)",
  masked: "select email from people",
};

let server: TestPostgres;
let direct: pg.Client;

async function run(client: pg.Client, sql: string): Promise<Answer> {
  try {
    const { rows } = await client.query<Record<string, unknown>>(sql);
    return { status: "ok", shown: JSON.stringify(rows) };
  } catch (fault) {
    const { code = "", message, detail = "", hint = "" } = fault as pg.DatabaseError;
    return { status: code, shown: `${message}\n${detail}\n${hint}` };
  }
}

outcomesSuite({
  protocol: "sql",
  missing: false,
  requester: "dev",
  approver: { name: "lea", groups: ["dba-leads"] },
  rules: {
    denied: `statement.tables has "public.vault"`,
    held: `statement.tables has "public.carts"`,
    mask: "columns public.people.email",
  },
  secret: "secret-value@example.com",
  status: { ok: "ok", denied: "42501", unavailable: "58000", lost: "08006" },
  async begin() {
    server = await startPostgres();
    const tables = "create table vault (id int); insert into vault values (1); create table carts (id int)";
    await prepareDatabase(
      server,
      "shopdb",
      `${tables}; create table people (email text); insert into people values ('secret-value@example.com')`,
    );
    direct = await server.direct("shopdb");
    return server.port;
  },
  async end() {
    await direct?.end();
    await server?.stop();
  },
  async start(policy, port) {
    const gateway = await startTestGateway({ ...server, port }, { policy, database: "shopdb" });
    let sequence = 0;
    return {
      running: gateway.running,
      folder: gateway.folder,
      async open() {
        const client = await gateway.connect("dev");
        return { ask: (what) => run(client, STATEMENTS[what]), close: () => client.end() };
      },
      async policy(text) {
        const fault = await gateway.policy(text, ++sequence);
        if (fault !== null) throw new Error(fault);
      },
      close: () => gateway.close(),
    };
  },
  async happened(what) {
    const { rows } = await direct.query<{ n: number }>(
      what === "denied" ? "select 1 - count(*)::int as n from vault" : "select count(*)::int as n from carts",
    );
    return rows[0]!.n;
  },
});
