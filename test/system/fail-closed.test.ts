import { spawn, type ChildProcess } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { connect } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import pg from "pg";
import { afterAll, afterEach, beforeAll, describe, expect, it, vi } from "vitest";
import { freePort } from "../../cli/demo/embedded-postgres.ts";
import { FileLogStore } from "../../runtime/outside/index.ts";
import { checkLog, openRecorder, readLog } from "../../runtime/record/index.ts";
import type { GatewayParts } from "../../runtime/gateway/index.ts";
import { createPublicKey, createPrivateKey } from "node:crypto";
import { parseVerifierKey, verifierKey } from "../../spec/contract/record/index.ts";
import { startTestGateway, writeGatewayFolder, type TestGateway } from "../support/gateway.ts";
import { prepareDatabase, startPostgres, type TestPostgres } from "../support/postgres.ts";

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
const entryTypes = async (folder: string): Promise<string[]> => {
  const types: string[] = [];
  for await (const { type } of readLog(new FileLogStore(join(folder, "state", "log")))) types.push(type);
  return types;
};

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

describe("a gateway that is killed", () => {
  it("leaves a record that is whole, with the interrupted session closed as aborted", async () => {
    const ports = { gateway: await freePort(), control: await freePort() };
    const folder = await writeGatewayFolder(server, { policy: POLICY, database: "shopdb", ports });
    const run = async (): Promise<ChildProcess> => {
      const child = spawn(
        process.execPath,
        [join(import.meta.dirname, "../../cli/sallyport.ts"), "serve", "--config", join(folder, "sallyport.yaml")],
        {
          env: { ...process.env, TARGET_PASSWORD: server.password },
          stdio: ["ignore", "pipe", "inherit"],
        },
      );
      await once(child.stdout!, "data");
      return child;
    };
    const first = await run();
    const client = new pg.Client({
      host: "127.0.0.1",
      port: ports.gateway,
      user: "ana",
      password: "ana",
      database: "shop",
    });
    client.on("error", () => undefined);
    await client.connect();
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
    const gone = once(first, "exit");
    first.kill("SIGKILL");
    await gone;
    expect(await running).toBe("failed");
    const second = await run();
    const stopped = once(second, "exit");
    second.kill("SIGTERM");
    await stopped;
    const key = parseVerifierKey(
      verifierKey(
        "sallyport.local/audit",
        createPublicKey(createPrivateKey(readFileSync(join(folder, "state", "log.key")))),
      ),
    )!;
    expect(await checkLog(new FileLogStore(join(folder, "state", "log")), key)).toMatchObject({
      ok: true,
      findings: [],
      sessions: 1,
    });
    const types = await entryTypes(folder);
    expect(types).toContain("session.aborted");
    expect(types.filter((type) => type === "statement")).toHaveLength(2);
    // No raw value of a masked column is on disk.
    const { execFileSync } = await import("node:child_process");
    const found = execFileSync("sh", ["-c", `grep -rla 'secret@' '${join(folder, "state")}' || true`], {
      encoding: "utf8",
    });
    expect(found).toBe("");
    rmSync(folder, { recursive: true, force: true });
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
