import { mkdtempSync, readFileSync, readdirSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { connect } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type pg from "pg";
import { afterAll, afterEach, beforeAll, describe, expect, it, vi } from "vitest";
import { buildCommand } from "../../cli/commands/policy/build.ts";
import { FileLogStore } from "../../runtime/outside/index.ts";
import { checkLog, openRecorder, readLog } from "../../runtime/record/index.ts";
import type { GatewayParts } from "../../runtime/gateway/index.ts";
import { createPublicKey, createPrivateKey } from "node:crypto";
import { parseVerifierKey, verifierKey, type ReadEntry } from "../../spec/contract/record/index.ts";
import { msg } from "../bypass/wire.ts";
import { gatewayProcess, type GatewayProcess } from "../support/gateway-process.ts";
import { quietIo, startTestGateway, type TestGateway } from "../support/gateway.ts";
import { prepareDatabase, startPostgres, type TestPostgres } from "../support/postgres.ts";
import { RawSession } from "../support/raw-session.ts";

/** Everything is denied when something is broken: each row of the table in `docs/fail-closed.md` is a test here. */
const POLICY =
  'package test\nallow everything on sql\nmask pii on sql\n  columns public.people.email\n  with redact\n  unless user.groups has "unmasked"\n';

let server: TestPostgres;
let gateway: TestGateway;
let toClose: TestGateway | null = null;

beforeAll(async () => {
  server = await startPostgres();
  await prepareDatabase(
    server,
    "shopdb",
    "create table people (id int, email text); insert into people values (1, 'secret@x.y')",
  );
});
afterEach(async () => {
  vi.restoreAllMocks();
  await toClose?.close();
  toClose = null;
});
afterAll(() => server.stop());

const start = async (
  options: { policy?: string; config?: string; parts?: Partial<GatewayParts> } = {},
): Promise<void> => {
  gateway = await startTestGateway(server, { policy: POLICY, database: "shopdb", ...options });
  toClose = gateway;
};
const refused = (client: pg.Client, sql: string): Promise<pg.DatabaseError> =>
  client.query(sql).then(
    () => Promise.reject(new Error("it passed")),
    (fault: pg.DatabaseError) => fault,
  );
const entries = async (folder: string): Promise<ReadEntry["value"][]> => {
  const found: ReadEntry["value"][] = [];
  for await (const { value } of readLog(new FileLogStore(join(folder, "state", "log")))) found.push(value);
  return found;
};
const entryTypes = async (folder: string): Promise<unknown[]> => (await entries(folder)).map(({ type }) => type);

describe("fail closed", () => {
  it("no bundle: people may sign in, nothing passes, and the client is told", async () => {
    await start({ policy: "" });
    const client = await gateway.connect("ana");
    const fault = await refused(client, "select 1");
    expect(fault).toMatchObject({ code: "58000" });
    expect(fault.message).toContain("no policy bundle");
    await client.end();
  });

  it("a bad bundle is refused, the old one stays, both are recorded; sessions go on", async () => {
    await start();
    const client = await gateway.connect("ana");
    expect((await client.query("select email from people")).rows).toEqual([{ email: "***" }]);
    const good = readFileSync(join(gateway.folder, "test.bundle"));
    const bad = Buffer.from(good);
    bad[bad.length >> 1]! ^= 1;
    writeFileSync(join(gateway.folder, "test.bundle"), bad);
    expect(await gateway.running.reload()).toMatch(/signature|MessagePack|canonical/);
    expect((await client.query("select email from people")).rows).toEqual([{ email: "***" }]);
    // A good one is in force for the same session's next statement.
    expect(
      await gateway.policy(
        `${POLICY}deny people on sql when statement.tables has "public.people" because "closed"\n`,
        2,
      ),
    ).toBe(null);
    expect((await refused(client, "select email from people")).message).toContain("denied by rule people: closed");
    expect(await gateway.policy(POLICY, 1)).toContain("lower than the active one");
    expect((await refused(client, "select email from people")).code).toBe("42501");
    await client.end();
    const types = await entryTypes(gateway.folder);
    expect(types.filter((type) => type === "bundle.loaded")).toHaveLength(2);
    expect(types.filter((type) => type === "bundle.refused").length).toBeGreaterThanOrEqual(2);
  });

  it("a statement that can't be read, or is too large, is refused and the session goes on", async () => {
    await start({ config: "limits: { statementBytes: 4096 }\n" });
    const client = await gateway.connect("ana");
    expect((await refused(client, `select '${"x".repeat(5000)}'`)).message).toContain("at most 4096");
    expect((await refused(client, `select ${"(".repeat(2000)}`)).code).toBe("42501");
    expect((await client.query("select 1 as a")).rows).toEqual([{ a: 1 }]);
    await client.end();
  });

  it("a record that can't be written lets nothing through, and says so", async () => {
    // The writer is on this thread, where its disk can be made to fail.
    const log = mkdtempSync(join(tmpdir(), "sallyport-full-"));
    await start({ parts: { openRecord: (options) => openRecorder(new FileLogStore(log), options) } });
    const client = await gateway.connect("ana");
    await client.query("select 1");
    vi.spyOn(FileLogStore.prototype, "append").mockRejectedValue(
      Object.assign(new Error("ENOSPC: no space left on device, write"), { code: "ENOSPC" }),
    );
    const seen = await client.query("select email from people").then(
      () => "passed",
      () => "refused",
    );
    expect(seen).toBe("refused");
    await expect(gateway.connect("ana")).rejects.toThrow(/record can't be written/);
    expect(gateway.said.join("")).toContain("the record failed");
    await client.end().catch(() => undefined);
    rmSync(log, { recursive: true, force: true });
  });

  it("a target that goes away in the middle ends the session, and that is recorded", async () => {
    const own = await startPostgres();
    await prepareDatabase(own, "shopdb", "create table people (id int, email text)");
    gateway = await startTestGateway(own, { policy: POLICY, database: "shopdb" });
    toClose = gateway;
    const client = await gateway.connect("ana");
    const ended = new Promise<void>((resolve) => client.once("end", () => resolve()));
    const running = client.query("select pg_sleep(60)").then(
      () => "passed",
      () => "failed",
    );
    const watcher = await own.direct("shopdb");
    while (
      (await watcher.query("select 1 from pg_stat_activity where state = 'active' and query like 'select pg_sleep%'"))
        .rows.length === 0
    );
    await own.kill();
    expect(await running).toBe("failed");
    await ended;
    await gateway.running.gateway.recorder.flush();
    const types = await entryTypes(gateway.folder);
    expect(types.slice(-2)).toEqual(["outcome", "session.end"]);
    await watcher.end().catch(() => undefined);
  });

  it("a target that goes away in the middle of a result ends the session: no end of the result is made up", async () => {
    await start();
    const user = { user: "ana", password: "ana", database: "shop", minor: 0 };
    const session = await RawSession.connect({ port: gateway.port, ...user });
    await session.ask(msg.query("select generate_series(1, 100000000), repeat('x', 500)"), "D", 10);
    // The number that the client is told is the one of the server's own process.
    process.kill(session.processId, "SIGKILL");
    const rest = await session.ask(Buffer.alloc(0));
    expect(rest.at(-1)).toBe("closed");
    expect(rest.filter((line) => line.startsWith("S C ") || line.startsWith("S Z "))).toEqual([]);
    await gateway.running.gateway.recorder.flush();
    const [outcome, end] = (await entries(gateway.folder)).slice(-2);
    expect(outcome).toMatchObject({ type: "outcome", status: "lost" });
    expect(end).toMatchObject({
      type: "session.end",
      why: expect.stringContaining("in the middle of a result") as string,
    });
    // The server begins anew after such a death; until then nobody is let in, and then everybody.
    await expect
      .poll(() =>
        gateway.connect("ana").then(
          (client) => client.end().then(() => "in"),
          () => "not yet",
        ),
      )
      .toBe("in");
  });

  it("a message of no known type ends that session and no other", async () => {
    await start();
    const other = await gateway.connect("ana");
    const user = { user: "ana", password: "ana", database: "shop", minor: 0 };
    const session = await RawSession.connect({ port: gateway.port, ...user });
    const [error, end] = await session.ask(Buffer.from("y\0\0\0\x04", "latin1"));
    expect(error).toMatch(/^S E .*FATAL.*08P01.*'y' is not one that a client may send/);
    expect(end).toBe("closed");
    expect((await other.query("select 1 as a")).rows).toEqual([{ a: 1 }]);
    await other.end();
  });

  it("a catalog that can't be read refuses every statement", async () => {
    await start();
    const client = await gateway.connect("ana");
    // The session's own connection stands; the one for catalog look-ups is turned away.
    const admin = await server.direct();
    await admin.query("alter database shopdb with allow_connections false");
    const fault = await refused(client, "select email from people");
    expect(fault.code).toBe("58000");
    expect(fault.message).toContain("catalog can't be read");
    await admin.query("alter database shopdb with allow_connections true");
    expect((await client.query("select email from people")).rows).toEqual([{ email: "***" }]);
    await admin.end();
    await client.end();
  });

  it.each<readonly [title: string, bytes: Buffer]>([
    ["an HTTP request", Buffer.from("GET / HTTP/1.1\r\nHost: x\r\n\r\n")],
    ["a length of two gigabytes", Buffer.from([0x7f, 0xff, 0xff, 0xff, 0, 3, 0, 0])],
    ["zeros", Buffer.alloc(64)],
    ["a replication start", startup({ user: "ana", database: "shop", replication: "database" })],
    ["a parameter given twice", Buffer.concat([startup({ user: "ana" })])],
    [
      "an option off the list",
      startup({ user: "ana", database: "shop", options: "-c session_replication_role=replica" }),
    ],
    ["another encoding", startup({ user: "ana", database: "shop", client_encoding: "SJIS" })],
  ])("the first packet is %s", async (title, bytes) => {
    await start();
    const socket = connect(gateway.port, "127.0.0.1");
    const sent = title === "a parameter given twice" ? doubled() : bytes;
    socket.write(sent);
    const seen: Buffer[] = [];
    for await (const chunk of socket) seen.push(chunk as Buffer);
    const text = Buffer.concat(seen).toString("latin1");
    expect(text === "" || text.includes("FATAL")).toBe(true);
  });

  it("connections past the limit are told so", async () => {
    await start({ config: "limits: { connections: 2 }\n" });
    const [a, b] = [await gateway.connect("ana"), await gateway.connect("ana")];
    await expect(gateway.connect("ana")).rejects.toMatchObject({ code: "53300" });
    await a.end();
    await b.end();
  });
});

describe("a gateway of its own", () => {
  let gateway: GatewayProcess;
  afterEach(async () => {
    await gateway.end("SIGKILL");
    rmSync(gateway.folder, { recursive: true, force: true });
  });

  /** The record as an auditor finds it. */
  const audited = (): ReturnType<typeof checkLog> => {
    const state = join(gateway.folder, "state");
    const key = createPublicKey(createPrivateKey(readFileSync(join(state, "log.key"))));
    const verifier = parseVerifierKey(verifierKey("sallyport.local/audit", key))!;
    return checkLog(new FileLogStore(join(state, "log")), verifier);
  };

  it("killed, leaves a record that is whole, with the interrupted session closed as aborted", async () => {
    gateway = await gatewayProcess(server, { policy: POLICY, database: "shopdb" });
    await gateway.start();
    const client = await gateway.connect("ana");
    await client.query("select email from people");
    const running = client.query("select pg_sleep(60)").then(
      () => "passed",
      () => "failed",
    );
    const watcher = await server.direct("shopdb");
    while (
      (await watcher.query("select 1 from pg_stat_activity where state = 'active' and query like 'select pg_sleep%'"))
        .rows.length === 0
    );
    await watcher.end();
    await gateway.end("SIGKILL");
    expect(await running).toBe("failed");
    await gateway.start();
    expect(await gateway.end("SIGTERM")).toBe(0);
    expect(await audited()).toMatchObject({ ok: true, findings: [], sessions: 1 });
    const types = await entryTypes(gateway.folder);
    expect(types).toContain("session.aborted");
    expect(types.filter((type) => type === "statement")).toHaveLength(2);
    // No raw value of a masked column is on disk.
    const state = join(gateway.folder, "state");
    for (const file of readdirSync(state, { recursive: true, withFileTypes: true }))
      if (file.isFile()) expect(readFileSync(join(file.parentPath, file.name)).includes("secret@")).toBe(false);
  });

  it("on a full disk lets nothing through that it can't record, ends the sessions, and goes on once there is space", async () => {
    gateway = await gatewayProcess(server, { policy: POLICY, database: "shopdb" });
    const direct = await server.direct("shopdb");
    await direct.query("create table if not exists filled (id int, filling text)");
    await gateway.start({ fileBytesMax: 2_500_000 });
    const client = await gateway.connect("ana");
    const ended = new Promise<void>((resolve) => client.once("end", () => resolve()));
    let fault: unknown = null;
    let passed = 0;
    for (; fault === null && passed < 200; passed++)
      fault = await client.query(`insert into filled values (${passed}, '${"x".repeat(30_000)}')`).then(
        () => null,
        (error: unknown) => error,
      );
    expect(fault).not.toBe(null);
    await gateway.said(/the record failed: the disk is full; make space and start the gateway again/);
    await ended;
    await expect(gateway.connect("ana")).rejects.toThrow(/record can't be written/);
    expect(await gateway.end("SIGTERM")).toBe(0);
    // Whatever the database was made to do is in the record, and the session's end too.
    const { rows } = await direct.query<{ n: number }>("select count(*)::int as n from filled");
    const recorded = await entries(gateway.folder);
    const inserts = recorded.filter(
      ({ type, kinds }) => type === "statement" && JSON.stringify(kinds) === '["insert"]',
    );
    expect(rows[0]!.n).toBeGreaterThan(10);
    expect(rows[0]!.n).toBeLessThanOrEqual(inserts.length);
    expect(recorded.some(({ type }) => type === "session.end")).toBe(true);
    expect(await audited()).toMatchObject({ ok: true, findings: [] });
    await gateway.start();
    const again = await gateway.connect("ana");
    expect((await again.query("select email from people")).rows).toEqual([{ email: "***" }]);
    await again.end();
    await direct.end();
    expect(await gateway.end("SIGTERM")).toBe(0);
    expect(await audited()).toMatchObject({ ok: true, findings: [] });
  });

  it("takes a bundle that is put in place, at once or when told by SIGHUP, and stays with the old one where it is bad", async () => {
    gateway = await gatewayProcess(server, { policy: POLICY, database: "shopdb" });
    await gateway.start();
    const client = await gateway.connect("ana");
    const file = join(gateway.folder, "test.bundle");
    const first = readFileSync(file);
    /** As a deployment does it: written beside, then renamed. */
    const put = (bytes: Uint8Array): void => {
      writeFileSync(`${file}.new`, bytes);
      renameSync(`${file}.new`, file);
    };
    const build = async (text: string, sequence: number): Promise<Buffer> => {
      writeFileSync(join(gateway.folder, "next.policy"), text);
      const said: string[] = [];
      const options = ["-o", "next.bundle", "--key", "bundle.key", "--no-test", "--sequence", String(sequence)];
      expect(await buildCommand([...options, "next.policy"], quietIo(gateway.folder, said)), said.join("")).toBe(0);
      return readFileSync(join(gateway.folder, "next.bundle"));
    };
    const seen = (): Promise<string> =>
      client.query("select email from people").then(
        ({ rows }) => JSON.stringify(rows),
        (error: Error) => error.message,
      );
    expect(await seen()).toBe('[{"email":"***"}]');
    put(await build(`${POLICY}deny people on sql when statement.tables has "public.people" because "closed"\n`, 2));
    await expect.poll(seen, { timeout: 20_000 }).toContain("denied by rule people: closed");
    const bad = Buffer.from(first);
    bad[bad.length >> 1]! ^= 1;
    put(bad);
    await gateway.said(/the new bundle is refused, the old one stays/);
    gateway.signal("SIGHUP");
    await gateway.said(/not reloaded, all stays as it was/);
    expect(await seen()).toContain("denied by rule people: closed");
    put(await build(POLICY, 3));
    gateway.signal("SIGHUP");
    await gateway.said(/sallyport: reloaded/);
    expect(await seen()).toBe('[{"email":"***"}]');
    await client.end();
    expect(await gateway.end("SIGTERM")).toBe(0);
    const types = await entryTypes(gateway.folder);
    expect(types.filter((type) => type === "bundle.loaded")).toHaveLength(3);
    expect(types.filter((type) => type === "bundle.refused").length).toBeGreaterThanOrEqual(2);
    expect(await audited()).toMatchObject({ ok: true, findings: [] });
  });
});

function startup(parameters: Readonly<Record<string, string>>): Buffer {
  return packet(Object.entries(parameters));
}

const doubled = (): Buffer =>
  packet([
    ["user", "ana"],
    ["user", "all"],
    ["database", "shop"],
  ]);

function packet(parameters: readonly (readonly [string, string])[]): Buffer {
  const body = Buffer.from(`${parameters.map(([name, value]) => `${name}\0${value}\0`).join("")}\0`);
  const head = Buffer.alloc(8);
  head.writeInt32BE(8 + body.length, 0);
  head.writeInt32BE(3 << 16, 4);
  return Buffer.concat([head, body]);
}
