import { createHash } from "node:crypto";
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from "vitest";
import { WebSocket, WebSocketServer } from "ws";
import { systemClock, type Clock } from "../../runtime/outside/index.ts";
import { MemoryLogStore, openRecorder } from "../../runtime/record/index.ts";
import { startHttpGateway, startTarget, type HttpTestGateway, type TestTarget } from "../support/http-gateway.ts";

const ALLOW = `package sockets
allow engineers on http
  when user.groups has "engineer"
`;
const HOURS = `${ALLOW}deny long on http
  when session.age > 1h
  because "An hour is enough."
`;
const POLICY = `${ALLOW}allow others on http
  when user.groups has any ["analyst", "privacy"]
mask people on http
  fields "$..email"
  with redact
  when user.groups has "analyst"
mask cards on http
  values detect [credit_card]
  with redact
  when user.groups has "engineer"
`;
const TOKEN = "spt_of-the-robot-that-runs-out";
const CARD = "4111111111111111";

/** A log in memory whose disk stands still, or fails, when told to. */
class HeldStore extends MemoryLogStore {
  #free: Promise<void> | null = null;
  #release: () => void = () => undefined;
  #asked: () => void = () => undefined;
  broken = false;

  /** Nothing is written until `release`; resolves once something is to be written. */
  hold(): Promise<void> {
    this.#free = new Promise((release) => (this.#release = release));
    return new Promise((asked) => (this.#asked = asked));
  }

  release(): void {
    this.#free = null;
    this.#release();
  }

  override async append(bytes: Uint8Array): Promise<void> {
    this.#asked();
    await this.#free;
    if (this.broken) throw new Error("the disk is gone");
    await super.append(bytes);
  }
}

let target: TestTarget;
let sockets: WebSocketServer;
let gateway: HttpTestGateway;
let store: HeldStore;
let later = 0;
/** The target's side of the last conversation. */
let far: WebSocket;
/** What happened, in order. */
let seen: string[] = [];

const clock: Clock = { ...systemClock, now: () => systemClock.now() + later };

beforeAll(async () => {
  target = await startTarget((_request, _body, response) => void response.end("{}"));
  sockets = new WebSocketServer({ server: target.server });
  sockets.on("connection", (socket) => {
    far = socket;
    socket.on("message", (data) => {
      const text = (data as Buffer).toString("utf8");
      seen.push(`target got ${text}`);
      if (text.startsWith("{")) socket.send(text);
    });
    socket.on("ping", (data: Buffer) => seen.push(`target got ping ${data.toString()}`));
    socket.on("pong", (data: Buffer) => seen.push(`target got pong ${data.toString()}`));
  });
});
afterAll(async () => {
  sockets.close();
  await target.close();
});
beforeEach(async () => {
  seen = [];
  later = 0;
  store = new HeldStore();
  gateway = await startHttpGateway({
    policy: POLICY,
    targets: `  - { name: api, protocol: http, hosts: [api, 127.0.0.1], address: "127.0.0.1:${target.port}" }`,
    config: `http:\n  serviceTokens:\n    - { name: robot, groups: [engineer], sha256: ${createHash("sha256").update(TOKEN).digest("hex")}, expires: 2099-01-01 }\n`,
    parts: { clock, openRecord: (options) => openRecorder(store, options) },
  });
});
afterEach(async () => {
  store.release();
  await gateway.close();
});

const openAs = (headers: Readonly<Record<string, string>>): Promise<WebSocket> =>
  new Promise((resolve, reject) => {
    const socket = new WebSocket(gateway.url("/live").replace("http", "ws"), { headers });
    socket.on("message", (data) => seen.push(`client got ${(data as Buffer).toString("utf8")}`));
    socket.on("ping", (data: Buffer) => seen.push(`client got ping ${data.toString()}`));
    socket.on("pong", (data: Buffer) => seen.push(`client got pong ${data.toString()}`));
    socket.on("error", reject);
    socket.on("open", () => resolve(socket));
  });
const open = (user: string): Promise<WebSocket> => openAs(gateway.as(user));
const next = (socket: WebSocket, event: string): Promise<void> =>
  new Promise((resolve) => socket.once(event, () => resolve()));
const closing = (socket: WebSocket): Promise<string> =>
  new Promise((resolve) => socket.once("close", (code, reason) => resolve(`${code} ${reason.toString()}`)));
const echo = async (socket: WebSocket, text: string): Promise<void> => {
  const came = next(socket, "message");
  socket.send(text);
  await came;
};

describe("nothing is sent before its record is durable", () => {
  /** Time enough for anything that would not wait. */
  const meanwhile = async (): Promise<void> => {
    for (let i = 0; i < 3; i++) await (await fetch(`http://127.0.0.1:${target.port}/`)).text();
  };

  it("messages to the target, in order, with pings and the end in their places", async () => {
    const socket = await open("dev");
    const asked = store.hold();
    socket.send("1");
    await asked;
    socket.ping("x");
    socket.send("2");
    socket.close(1000);
    await meanwhile();
    seen.push("durable");
    const closed = closing(far);
    store.release();
    expect(await closed).toBe("1000 ");
    expect(seen).toEqual(["durable", "target got 1", "target got ping ", "target got 2"]);
  });

  it("messages to the client", async () => {
    const socket = await open("dev");
    const asked = store.hold();
    far.send("{}");
    await asked;
    far.send('{"a":1}');
    far.close(4000);
    await meanwhile();
    seen.push("durable");
    const closed = closing(socket);
    store.release();
    expect(await closed).toBe("4000 ");
    expect(seen).toEqual(["durable", "client got {}", 'client got {"a":1}']);
  });

  it("when the record fails, what waits is not sent, and both are cut off", async () => {
    const socket = await open("dev");
    const asked = store.hold();
    const closed = [closing(socket), closing(far)];
    socket.send("1");
    await asked;
    store.broken = true;
    store.release();
    // Every session of a gateway that can't record is cut, this one too.
    expect(await Promise.all(closed)).toEqual(["1006 ", "1001 ended by the gateway"]);
    expect(seen).toEqual([]);
  });

  it("a side that reads late gets all of it", async () => {
    const socket = await open("kim");
    const text = JSON.stringify("x".repeat(600_000));
    const count = 16;
    for (const [from, to] of [
      [socket, far],
      [far, socket],
    ] as const) {
      to.pause();
      for (let i = 0; i < count; i++) from.send(text);
      await meanwhile();
      seen = [];
      to.resume();
      while (seen.length < count) await next(to, "message");
      expect(new Set(seen).size).toBe(1);
    }
  });

  it("the client is not read while too much waits", async () => {
    const socket = await open("dev");
    const asked = store.hold();
    const text = "x".repeat(60_000);
    for (let i = 0; i < 200; i++) socket.send(text);
    await asked;
    await meanwhile();
    // What the gateway did not take waits at the client.
    expect(socket.bufferedAmount).toBeGreaterThan(0);
    expect(seen).toEqual([]);
    store.release();
    while (seen.length < 200) await next(far, "message");
    expect(new Set(seen)).toEqual(new Set([`target got ${text}`]));
  });
});

describe("a conversation goes on only as long as the policy would let it", () => {
  it("the sign-in runs out", async () => {
    const socket = await openAs({ host: "api", "sallyport-authorization": `Bearer ${TOKEN}` });
    await echo(socket, '{"a":1}');
    later = Date.UTC(2099, 0, 2) - systemClock.now();
    const closed = closing(socket);
    socket.send("2");
    expect(await closed).toBe("1008 sallyport: your sign-in has expired. Sign in again.");
    expect(seen).not.toContain("target got 2");
  });

  it("answers stop too", async () => {
    const socket = await openAs({ host: "api", "sallyport-authorization": `Bearer ${TOKEN}` });
    later = Date.UTC(2099, 0, 2) - systemClock.now();
    const closed = closing(socket);
    far.send("{}");
    expect(await closed).toMatch(/^1008 sallyport: your sign-in has expired/);
    expect(seen).toEqual([]);
  });

  it.each<readonly [title: string, policy: string, says: RegExp]>([
    ["nobody is let in", "package sockets\nallow nobody on http\n  when user.groups has 'x'\n", /no rule allows this/],
    ["a rule denies it", `${POLICY}deny stop on http\n  because "Enough."\n`, /rule stop: Enough\./],
    ["a mask is new", `${POLICY}mask more on http\n  fields "$..name"\n  with redact\n`, /other masks or limits/],
    ["a mask is another", POLICY.replace("credit_card", "iban"), /other masks or limits/],
    ["a limit is new", `${POLICY}limit little on http\n  to 1000 bytes\n`, /other masks or limits/],
    [
      "an approval is asked for",
      `${POLICY}approve first on http\n  by group "dba-leads" quorum 1 within 5m valid once\n`,
      /asks for an approval/,
    ],
  ])("the policy changes: %s", async (_title, policy, says) => {
    const socket = await open("dev");
    await echo(socket, '{"a":1}');
    expect(await gateway.policy(policy.replaceAll("'", '"'))).toBe(null);
    const closed = closing(socket);
    socket.send("2");
    expect(await closed).toMatch(/^1008 sallyport: /);
    expect(await closed).toMatch(says);
    expect(seen).not.toContain("target got 2");
  });

  it("a change that has nothing to do with it is not felt", async () => {
    const socket = await open("dev");
    await echo(socket, '{"a":1}');
    expect(await gateway.policy(`${POLICY}deny delete on http\n  when request.method == DELETE\n`)).toBe(null);
    await echo(socket, `{"a":${CARD}}`);
    expect(seen.at(-1)).toBe('client got {"a":null}');
    socket.close();
  });

  it("a rule looks at the clock", async () => {
    expect(await gateway.policy(HOURS)).toBe(null);
    const socket = await open("dev");
    await echo(socket, '{"a":1}');
    later = 2 * 3_600_000;
    const closed = closing(socket);
    socket.send("2");
    expect(await closed).toMatch(/^1008 sallyport: .*rule long: An hour is enough\./);
  });
});

describe("control frames", () => {
  it.each<readonly [user: string, reason: string, shown: string]>([
    ["ana", `gone: ana@example.com`, "4001 "],
    ["dev", `unpaid: ${CARD}`, "4001 unpaid: ***"],
    ["kim", `unpaid: ${CARD}`, `4001 unpaid: ${CARD}`],
  ])("the reason of an end is masked as a text: for %s, %s", async (user, reason, shown) => {
    const socket = await open(user);
    const closed = closing(socket);
    far.close(4001, reason);
    expect(await closed).toBe(shown);
  });

  it("what a side puts into its pings comes back to it, and not to the other", async () => {
    const socket = await open("kim");
    const pongs = [next(socket, "pong"), next(far, "pong")];
    far.ping("of the target");
    socket.ping("of the client");
    await Promise.all(pongs);
    expect([...seen].sort()).toEqual([
      "client got ping ",
      "client got pong of the client",
      "target got ping ",
      "target got pong of the target",
    ]);
    socket.close();
  });
});
