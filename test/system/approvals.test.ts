import { rmSync } from "node:fs";
import { createConnection } from "node:net";
import { join } from "node:path";
import type pg from "pg";
import { afterAll, afterEach, beforeAll, describe, expect, it } from "vitest";
import { systemClock, type Clock } from "../../runtime/outside/index.ts";
import { startTestGateway, type TestGateway } from "../support/gateway.ts";
import { prepareDatabase, startPostgres, type TestPostgres } from "../support/postgres.ts";
import { afterTheirEnd, readLog } from "../support/read-log.ts";

/** Statements that wait for people, through a real client, a real PostgreSQL and the control API. */
const POLICY = `package test
allow everything on sql
approve unfiltered_write on sql
  when statement.writes and not statement.filtered
  by group "dba-leads" quorum 1 within 15m valid once
  because "It changes every row of a table."
approve payments on sql
  when statement.kind == update and user.name == "kim"
  by group "dba-leads" quorum 2 within 15m valid 1h
mask pii on sql
  columns public.people.email
  with { *: redact }
  unless user.groups has "privacy"
`;

let server: TestPostgres;
let gateway: TestGateway;
const clients: pg.Client[] = [];

beforeAll(async () => {
  server = await startPostgres();
  await prepareDatabase(
    server,
    "shopdb",
    "create table carts (id int, note text); insert into carts select i, 'n' || i from generate_series(1, 5) i; create table people (id int, email text); insert into people values (1, 'ann@mail.example')",
  );
  gateway = await startTestGateway(server, {
    policy: POLICY,
    database: "shopdb",
    config: "approvals: { noticeEveryMs: 100 }\n",
  });
});
afterEach(async () => {
  for (const client of clients.splice(0)) await client.end().catch(() => undefined);
});
afterAll(async () => {
  await gateway?.close();
  await server?.stop();
});

interface Session {
  readonly client: pg.Client;
  readonly notices: string[];
  /** Resolves with the id of the request that the client is told next. */
  asked(): Promise<string>;
}

async function connect(user: string, to = gateway): Promise<Session> {
  const client = await to.connect(user);
  clients.push(client);
  const notices: string[] = [];
  const known = new Set<string>();
  const waiting: ((id: string) => void)[] = [];
  client.on("notice", (notice) => {
    notices.push(notice.message ?? "");
    const id = /approval (apr_\w+)/.exec(notice.message ?? "")?.[1];
    if (id === undefined || known.has(id)) return;
    known.add(id);
    waiting.shift()?.(id);
  });
  return { client, notices, asked: () => new Promise((resolve) => waiting.push(resolve)) };
}

async function decide(
  id: string,
  verb: "approve" | "deny",
  user: string,
  to = gateway,
  reason = "checked",
): Promise<{ status: number; state?: string; code?: string }> {
  const answer = await fetch(`http://127.0.0.1:${to.controlPort}/v1/approvals/${id}/${verb}`, {
    method: "POST",
    headers: { authorization: `Basic ${btoa(`${user}:${user}`)}`, "content-type": "application/json" },
    body: JSON.stringify({ reason }),
  });
  return { status: answer.status, ...((await answer.json()) as object) };
}

const sidOf = (id: string): string | undefined => gateway.running.gateway.approvals.get(id)?.session;
const stateOf = (id: string): string | undefined => gateway.running.gateway.approvals.get(id)?.state;
const failure = (running: Promise<unknown>): Promise<string> =>
  running.then(
    () => "no error",
    (fault: { code?: string; message: string }) => `${fault.code}: ${fault.message}`,
  );
const atServer = async (sql: string): Promise<unknown> => {
  const direct = await server.direct("shopdb");
  const { rows } = await direct.query<{ value: unknown }>(sql);
  await direct.end();
  return rows[0]?.value;
};

describe.each([
  ["simple", (client: pg.Client, sql: string) => client.query(sql)],
  ["extended", (client: pg.Client, sql: string) => client.query({ text: sql, values: [], name: `s${sql.length}` })],
] as const)("in the %s protocol", (_name, query) => {
  it("a statement waits, is told why again and again, and runs once it is granted", async () => {
    const { client, asked, notices } = await connect("dev");
    const told = asked();
    const running = query(client, "update carts set note = 'a'");
    const id = await told;
    expect(await atServer("select count(*)::int as value from carts where note = 'a'")).toBe(0);
    await new Promise((resolve) => client.once("notice", resolve));
    expect(notices[0]).toContain("unfiltered_write: It changes every row of a table.");
    expect(await decide(id, "approve", "dev")).toMatchObject({ status: 403, code: "own-request" });
    expect(await decide(id, "approve", "ana")).toMatchObject({ status: 404 });
    expect(await decide(id, "approve", "lea")).toMatchObject({ status: 200 });
    expect((await running).rowCount).toBe(5);
    expect(stateOf(id)).toBe("used");
    await client.query("select 1");
    await server.direct("shopdb").then(async (direct) => {
      await direct.query("update carts set note = 'n'");
      await direct.end();
    });
  });

  it("denied, nothing runs and the session goes on", async () => {
    const { client, asked } = await connect("dev");
    const told = asked();
    const running = failure(query(client, "delete from carts"));
    await decide(await told, "deny", "lea", gateway, "add a WHERE");
    expect(await running).toMatch(/^42501: .*lea.*add a WHERE/);
    expect((await client.query("select count(*)::int as n from carts")).rows[0]).toEqual({ n: 5 });
  });
});

it("bound to its parameters: other values ask again", async () => {
  const { client, asked } = await connect("dev");
  const sql = "update carts set note = $1";
  const told = asked();
  const running = client.query(sql, ["x"]);
  const id = await told;
  const { client: other, asked: askedOther } = await connect("dev");
  const toldOther = askedOther();
  const runningOther = failure(other.query(sql, ["y"]));
  const idOther = await toldOther;
  expect(idOther).not.toBe(id);
  await decide(id, "approve", "lea");
  await running;
  expect(stateOf(idOther)).toBe("pending");
  await decide(idOther, "deny", "lea");
  expect(await runningOther).toMatch(/^42501/);
  expect(await atServer("select string_agg(distinct note, ',') as value from carts")).toBe("x");
});

it("a grant for an hour takes two people, and serves the same statement again without asking, but no other", async () => {
  const { client, asked, notices } = await connect("kim");
  const told = asked();
  const running = client.query("update carts set note = 'p' where id = 1");
  const id = await told;
  expect(await decide(id, "approve", "lea")).toMatchObject({ status: 200, state: "pending" });
  expect(await decide(id, "approve", "lea")).toMatchObject({ status: 409, code: "already-voted" });
  expect(await decide(id, "approve", "max")).toMatchObject({ status: 200, state: "approved" });
  await running;
  notices.length = 0;
  await client.query("update carts set note = 'p' where id = 1");
  expect(notices).toEqual([]);
  const again = asked();
  const other = failure(client.query("update carts set note = 'p' where id = 2"));
  await decide(await again, "deny", "lea");
  expect(await other).toMatch(/^42501/);
});

it("in an open transaction it is refused at once, and the transaction fails as it does at the server", async () => {
  const { client } = await connect("dev");
  await client.query("begin");
  expect(await failure(client.query("delete from carts"))).toMatch(/^42501: .*transaction/);
  await client.query("rollback");
});

it("a client that leaves withdraws its request", async () => {
  const { client, asked } = await connect("dev");
  const told = asked();
  const running = failure(client.query("delete from carts"));
  const id = await told;
  (client as unknown as { connection: { stream: { destroy(): void } } }).connection.stream.destroy();
  await running;
  await expect.poll(() => stateOf(id)).toBe("withdrawn");
  expect(await decide(id, "approve", "lea")).toMatchObject({ status: 409 });
  expect(await atServer("select count(*)::int as value from carts")).toBe(5);
  const folder = join(gateway.folder, "state", "log");
  const ends = async (): Promise<number> => {
    await gateway.running.gateway.recorder.flush();
    const entries = await readLog(folder);
    return entries.filter(({ type, value }) => type === "session.end" && value.sid === sidOf(id)).length;
  };
  await expect.poll(ends).toBe(1);
  const entries = await readLog(folder);
  expect(afterTheirEnd(entries)).toEqual([]);
  const refused = entries.flatMap(({ type, value }) =>
    type === "statement" && value.sid === sidOf(id) ? [value["refused"]] : [],
  );
  expect(refused).toEqual([expect.stringContaining("the approval request is withdrawn")]);
});

it("a client that cancels withdraws its request, and hears what the server would have said", async () => {
  const { client, asked } = await connect("dev");
  const told = asked();
  const running = failure(client.query("delete from carts"));
  const id = await told;
  const { processID, secretKey } = client as unknown as { processID: number; secretKey: number };
  const request = Buffer.alloc(16);
  [16, 80877102, processID, secretKey].forEach((value, i) => request.writeInt32BE(value, i * 4));
  createConnection(gateway.port, "127.0.0.1").end(request);
  expect(await running).toBe(
    "57014: sallyport: canceling statement due to user request; the approval request is withdrawn",
  );
  expect(stateOf(id)).toBe("withdrawn");
  expect((await client.query("select count(*)::int as n from carts")).rows[0]).toEqual({ n: 5 });
});

it("approvers see the statement as the record has it: no value that a mask hides", async () => {
  const { client, asked } = await connect("dev");
  const told = asked();
  const running = failure(client.query("update people set email = 'bob@mail.example'"));
  const id = await told;
  const summary = gateway.running.gateway.approvals.get(id)!.summary;
  await decide(id, "deny", "lea");
  await running;
  expect(summary).toContain("update people");
  expect(summary).not.toContain("bob@mail.example");
});

it("a policy that changes while a statement waits does not let it through", async () => {
  const { client, asked } = await connect("dev");
  const told = asked();
  const running = failure(client.query("update carts set note = 'q'"));
  const id = await told;
  expect(
    await gateway.policy(`${POLICY}deny writes on sql\n  when statement.writes\n  because "Frozen."\n`),
  ).toBeNull();
  await decide(id, "approve", "lea");
  expect(await running).toMatch(/^42501/);
  expect(await atServer("select count(*)::int as value from carts where note = 'q'")).toBe(0);
  expect(await gateway.policy(POLICY)).toBeNull();
});

it("what an alert and a limit over time say only after the wait is told and counted then, and nothing twice", async () => {
  let later = 0;
  const clock: Clock = { ...systemClock, now: () => systemClock.now() + later };
  const own = await startTestGateway(server, {
    policy: `package test
allow everything on sql
approve writes on sql
  when statement.writes
  by group "dba-leads" quorum 1 within 15m
alert always on sql
  to "ops"
  when statement.writes
alert late on sql
  to "ops"
  when statement.writes and session.age > 5m
limit asked on sql
  to 2 statements per 1h
  when statement.writes
limit old on sql
  to 1 statements per 1h
  when statement.writes and session.age > 5m
`,
    database: "shopdb",
    keepFolder: true,
    parts: { clock },
  });
  const ask = async (id: number): Promise<{ approval: string; ended: Promise<string> }> => {
    const { client, asked } = await connect("dev", own);
    const told = asked();
    const ended = failure(client.query(`update carts set note = note where id = ${id}`));
    return { approval: await told, ended };
  };
  const first = await ask(1);
  const second = await ask(2);
  later = 6 * 60_000;
  await decide(first.approval, "approve", "lea", own);
  expect(await first.ended).toBe("no error");
  await decide(second.approval, "approve", "lea", own);
  expect(await second.ended).toMatch(/^42501: sallyport: rule old allows 1 statement in 3600 seconds/);
  await own.close();
  const alerts = (await readLog(join(own.folder, "state", "log"))).filter(({ type }) => type === "alert");
  expect(alerts.map(({ value }) => value["rule"])).toEqual(["always", "always", "late", "late"]);
  rmSync(own.folder, { recursive: true, force: true });
});

it("a restart loses no request and grants none", async () => {
  const options = { policy: POLICY, database: "shopdb", keepFolder: true };
  const first = await startTestGateway(server, options);
  const before = await connect("dev", first);
  const told = before.asked();
  const lost = failure(before.client.query("update carts set note = 'r'"));
  const id = await told;
  await first.close();
  expect(await lost).not.toBe("no error");
  const second = await startTestGateway(server, { ...options, folder: first.folder });
  const after = await connect("dev", second);
  expect(second.running.gateway.approvals.list("pending").map((one) => one.id)).toEqual([id]);
  expect(await decide(id, "approve", "lea", second)).toMatchObject({ status: 200 });
  expect((await after.client.query("update carts set note = 'r'")).rowCount).toBe(5);
  expect(after.notices).toEqual([]);
  await after.client.end();
  await second.close();
  rmSync(first.folder, { recursive: true, force: true });
});
