import { createHash } from "node:crypto";
import { readFileSync, readdirSync } from "node:fs";
import type { IncomingMessage } from "node:http";
import type { Socket } from "node:net";
import { join } from "node:path";
import { connect as connectTls, type TLSSocket } from "node:tls";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import type { KubernetesApi } from "../../cli/demo/kubernetes-api.ts";
import { systemClock } from "../../runtime/outside/index.ts";
import { SpdyReader, SpdyWriter, type SpdyFrame } from "../../runtime/protocols/kubernetes/index.ts";
import { AheadClock } from "../support/ahead-clock.ts";
import { certificates } from "../support/certificates.ts";
import { startHttpGateway, type HttpTestGateway } from "../support/http-gateway.ts";
import { startTestApi } from "../support/kubernetes-api.ts";
import { writeKubeconfigs } from "../support/kubeconfig.ts";
import { startForward } from "../support/port-forward.ts";
import { inPath, runProgram, type Ran } from "../support/programs.ts";
import { afterTheirEnd, readLog } from "../support/read-log.ts";

const POLICY = `package spdy_tests
allow engineers on kubernetes
  when user.groups has "engineer"
approve production_exec on kubernetes
  when request.subresource in ["exec", "attach"] and request.namespace == "production"
  by group "dba-leads" quorum 1 within 5m valid once
  because "A shell in production."
mask found on kubernetes
  values detect [email]
  with redact
  when request.subresource in ["exec", "attach"]
limit much on kubernetes
  to 100 bytes
  when request.subresource == "attach"
`;
const TOKEN = "spt_dev-token";
/** One that ends in an hour. */
const SHORT_TOKEN = "spt_short-token";
const HOUR_MS = 3_600_000;
/** Kubernetes' own clients speak SPDY/3.1 when they are told not to speak WebSocket. */
const OLD = { KUBECTL_REMOTE_COMMAND_WEBSOCKETS: "false", KUBECTL_PORT_FORWARD_WEBSOCKETS: "false" };

const clock = new AheadClock();

let api: KubernetesApi;
let gateway: HttpTestGateway;
let ca: Buffer;
let upgrade: ((request: IncomingMessage, socket: Socket) => boolean) | null = null;

beforeAll(async () => {
  const pki = certificates(["gateway", "api"]);
  ca = pki.ca;
  api = await startTestApi({ tls: pki.of["api"]!, upgrade: (request, socket) => upgrade?.(request, socket) === true });
  const sha = (text: string): string => createHash("sha256").update(text).digest("hex");
  const soon = new Date(systemClock.now() + HOUR_MS).toISOString().replace(/\.\d+/, "");
  gateway = await startHttpGateway({
    policy: POLICY,
    listen: `{ protocol: kubernetes, address: "127.0.0.1:0", target: cluster, tls: { certificate: gateway.crt, key: gateway.key } }`,
    targets: `  - { name: cluster, protocol: kubernetes, address: "127.0.0.1:${api.port}", labels: { env: production }, tls: { ca: ca.crt }, credential: { token: { env: SA_TOKEN } } }`,
    config: `http:\n  holdMs: 20000\n  serviceTokens:\n    - { name: dev, groups: [engineer], sha256: ${sha(TOKEN)}, expires: 2099-01-01 }\n    - { name: short, groups: [engineer], sha256: ${sha(SHORT_TOKEN)}, expires: ${soon} }\n`,
    parts: { clock },
    env: { SA_TOKEN: "service-account-token" },
    files: { "ca.crt": pki.ca, "gateway.crt": pki.of["gateway"]!.certificate, "gateway.key": pki.of["gateway"]!.key },
  });
  await writeKubeconfigs(gateway.folder, `https://127.0.0.1:${gateway.port}`, { dev: TOKEN });
});
afterAll(async () => {
  await gateway.close();
  await api.close();
});

const args = (...rest: readonly string[]): string[] => [
  "--kubeconfig",
  join(gateway.folder, "dev.kubeconfig"),
  "--cache-dir",
  join(gateway.folder, "cache"),
  ...rest,
];
const kubectl = (rest: readonly string[], input = ""): Promise<Ran> =>
  runProgram("kubectl", args(...rest), { env: OLD, input });
const recordings = (): readonly string[] =>
  readdirSync(join(gateway.folder, "state/recordings")).map((name) =>
    readFileSync(join(gateway.folder, "state/recordings", name), "utf8"),
  );

describe.skipIf(!inPath("kubectl"))("kubectl over SPDY/3.1", () => {
  it("exec: masked output, the exit code, and a recording of what was shown", async () => {
    const ran = await kubectl(["exec", "-n", "shop", "web-0", "--", "cat", "/app/customers.csv"]);
    expect([ran.stdout, ran.status]).toEqual(["id,email\n1,***\n2,***\n", 0]);
    const failed = await kubectl(["exec", "-n", "shop", "web-0", "--", "nosuch"]);
    expect(failed.stderr).toContain("nosuch: not found");
    expect(failed.status).toBe(127);
    expect(api.seen.at(-1)!.headers.upgrade?.toLowerCase()).toBe("spdy/3.1");
    const cast = recordings().find((text) => text.includes("customers.csv"))!;
    expect(JSON.parse(cast.split("\n")[0]!)).toMatchObject({ version: 3, term: { cols: 80, rows: 24 } });
    expect(cast).toContain("1,***");
    expect(cast).toMatch(/"x", "0"\]\n$/);
    expect(recordings().find((text) => text.includes("nosuch"))).toMatch(/"x", "127"\]\n$/);
    expect(recordings().join("")).not.toContain("example.com");
  });

  it("input goes through", async () => {
    const ran = await kubectl(["exec", "-i", "-n", "shop", "web-0", "--", "sh"], "hostname\nexit 3\n");
    expect([ran.stdout, ran.status]).toEqual(["web-0\n", 3]);
    const much = "0123456789abcdef\n".repeat(40_000);
    const echoed = await kubectl(["exec", "-i", "-n", "shop", "web-0", "--", "cat"], much);
    expect([echoed.stdout === much, echoed.status]).toEqual([true, 0]);
  });

  it("exec waits for approval before there is a stream", async () => {
    const before = api.seen.length;
    const running = kubectl(["exec", "-n", "production", "orders-0", "--", "hostname"]);
    let id: string | undefined;
    while (id === undefined) {
      id = gateway.running.gateway.approvals.list("pending")[0]?.id;
      await new Promise((resolve) => setImmediate(resolve));
    }
    expect(api.seen.slice(before).some((one) => one.url.includes("/exec"))).toBe(false);
    await gateway.running.gateway.approvals.approve(id, { name: "lea", groups: ["dba-leads"] }, null);
    const ran = await running;
    expect([ran.stdout, ran.status]).toEqual(["orders-0\n", 0]);
  });

  it("port-forward carries connections both ways", async () => {
    const forward = await startForward(args("port-forward", "-n", "shop", "pod/web-0", ":8080"), OLD);
    const all = [forward.get(), forward.get(), forward.get()];
    expect(await Promise.all(all)).toEqual(["web-0:8080\n", "web-0:8080\n", "web-0:8080\n"]);
    await forward.close();
  });
});

/** One end of SPDY/3.1 that the test holds in its hands. */
class End {
  readonly frames: SpdyFrame[] = [];
  readonly socket: Socket;
  closed = false;
  readonly #reader = new SpdyReader();
  readonly #writer = new SpdyWriter();
  #wake: () => void = () => undefined;

  constructor(socket: Socket) {
    this.socket = socket;
    socket.on("error", () => undefined);
    socket.on("data", (chunk: Buffer) => this.take(chunk));
    socket.on("close", () => {
      this.closed = true;
      this.#wake();
    });
  }

  take(chunk: Buffer): void {
    this.frames.push(...this.#reader.push(chunk));
    this.#wake();
  }

  send(...frames: readonly SpdyFrame[]): void {
    for (const frame of frames) this.socket.write(this.#writer.write(frame));
  }

  /** Resolves once it holds of what came; fails when nothing more comes. */
  async until(holds: (end: End) => boolean): Promise<void> {
    while (!holds(this)) {
      if (this.closed) throw new Error(`it closed after ${JSON.stringify(this.frames)}`);
      await new Promise<void>((wake) => (this.#wake = wake));
    }
  }

  text(stream: number): string {
    return this.frames.map((one) => (one.kind === "data" && one.stream === stream ? one.data.toString() : "")).join("");
  }
  sum(stream: number): number {
    return this.frames.reduce(
      (sum, one) => sum + (one.kind === "window_update" && one.stream === stream ? one.delta : 0),
      0,
    );
  }
  has(kind: SpdyFrame["kind"]): boolean {
    return this.frames.some((one) => one.kind === kind);
  }
}

/** Opens a stream through the gateway, to a target whose other end the test holds too. */
async function both(
  what: string,
  protocol = "v4.channel.k8s.io",
  token = TOKEN,
): Promise<{ client: End; target: End }> {
  const target = new Promise<End>((resolve) => {
    upgrade = (_request, socket) => {
      socket.write(
        `HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: SPDY/3.1\r\nX-Stream-Protocol-Version: ${protocol}\r\n\r\n`,
      );
      resolve(new End(socket));
      return true;
    };
  });
  const client = await new Promise<End>((resolve, reject) => {
    const socket: TLSSocket = connectTls({ host: "127.0.0.1", port: gateway.port, ca }, () =>
      socket.write(
        `POST /api/v1/namespaces/shop/pods/web-0/${what} HTTP/1.1\r\nHost: k\r\nAuthorization: Bearer ${token}\r\nConnection: Upgrade\r\nUpgrade: SPDY/3.1\r\nX-Stream-Protocol-Version: ${protocol}\r\nContent-Length: 0\r\n\r\n`,
      ),
    );
    let head = "";
    const read = (chunk: Buffer): void => {
      head += chunk.toString("latin1");
      const end = head.indexOf("\r\n\r\n");
      if (end < 0) return;
      socket.off("data", read);
      if (!head.startsWith("HTTP/1.1 101 ")) return reject(new Error(head));
      const made = new End(socket);
      made.take(Buffer.from(head.slice(end + 4), "latin1"));
      resolve(made);
    };
    socket.on("data", read);
    socket.on("error", reject);
  });
  const held = await target;
  upgrade = null;
  return { client, target: held };
}

const opens = (stream: number, type: string, more: Readonly<Record<string, string>> = {}): SpdyFrame => ({
  kind: "syn_stream",
  stream,
  priority: 0,
  fin: false,
  fields: new Map([["streamtype", type], ...Object.entries(more)]),
});
const answers = (stream: number): SpdyFrame => ({
  kind: "syn_reply",
  stream,
  fin: false,
  fields: new Map([["x", "y"]]),
});
const data = (stream: number, text: string, fin = false): SpdyFrame => ({
  kind: "data",
  stream,
  fin,
  data: Buffer.from(text),
});
const EXEC = "exec?command=cat&stdin=1&stdout=1";

/** An exec with its streams open: 1 error, 3 stdin, 5 stdout. */
async function open(what = EXEC, token = TOKEN): Promise<{ client: End; target: End }> {
  const ends = await both(what, undefined, token);
  ends.client.send(opens(1, "error"), opens(3, "stdin"), opens(5, "stdout"));
  await ends.target.until((end) => end.frames.length === 3);
  ends.target.send(answers(1), answers(3), answers(5));
  await ends.client.until((end) => end.frames.length === 3);
  return ends;
}

describe("frames through the gateway", () => {
  it("streams, pings, settings and the end go through; what a reply says beside that does not", async () => {
    const { client, target } = await open();
    expect(client.frames).toEqual([1, 3, 5].map((stream) => ({ ...answers(stream), fields: new Map() })));
    client.send({ kind: "ping", id: 1 }, data(3, "in"), data(3, "", true));
    await target.until((end) => end.has("ping") && end.text(3) === "in");
    target.send({ kind: "ping", id: 1 }, { kind: "window_update", stream: 3, delta: 2 });
    await client.until((end) => end.has("ping") && end.sum(3) === 2);
    target.send(data(5, "out", true), data(1, '{"status":"Success"}', true), { kind: "goaway", last: 5, status: 0 });
    await client.until((end) => end.has("goaway"));
    expect([client.text(5), client.text(1)]).toEqual(["out", '{"status":"Success"}']);
    target.socket.end();
    await client.until((end) => end.closed);
  });

  it("a value that comes in pieces is masked, and what follows its end comes behind it", async () => {
    const { client, target } = await open();
    for (const piece of ["to kla", "ra.eder@exam", "ple.com;", " klara.eder@example.com"]) target.send(data(5, piece));
    target.send(data(5, "", true), data(1, '{"status":"Success"}', true));
    await client.until((end) => end.text(1) !== "");
    expect(client.text(5)).toBe("to ***; ***");
    const order = client.frames.filter((one) => one.kind === "data").map((one) => one.stream);
    expect(order.indexOf(1)).toBeGreaterThan(order.lastIndexOf(5));
    client.socket.destroy();
  });

  it("windows: no more than the client grants, and the target is granted what it sent, whatever it was masked to", async () => {
    const { client, target } = await open();
    client.send({ kind: "settings", clear: false, entries: [{ flags: 0, id: 7, value: 10 }] });
    await target.until((end) => end.has("settings"));
    const line = "klara.eder@example.com\n";
    target.send(data(5, line.repeat(4)), data(5, "end", true));
    await client.until((end) => end.text(5).length === 10);
    client.send({ kind: "ping", id: 1 });
    await target.until((end) => end.has("ping"));
    target.send({ kind: "ping", id: 1 });
    await client.until((end) => end.has("ping"));
    expect(client.text(5)).toBe("***\n***\n**");
    client.send({ kind: "window_update", stream: 5, delta: 5 }, { kind: "window_update", stream: 0, delta: 1 });
    await client.until((end) => end.text(5).length === 15);
    client.send({ kind: "window_update", stream: 5, delta: 1_000 });
    await client.until((end) => end.frames.some((one) => one.kind === "data" && one.fin));
    expect(client.text(5)).toBe("***\n".repeat(4) + "end");
    await target.until((end) => end.sum(0) === line.length * 4 + 3);
    expect(target.sum(5)).toBe(line.length * 4 + 3);
    client.socket.destroy();
  });

  it("a client that grants nothing and never spoke of windows gets all of it", async () => {
    const { client, target } = await open();
    const much = "0123456789abcde\n".repeat(20_000);
    target.send(data(5, much, true));
    await client.until((end) => end.text(5).length === much.length);
    expect(target.has("window_update")).toBe(false);
    client.socket.destroy();
  });

  it("a port-forward's data goes both ways as it is", async () => {
    const { client, target } = await both("portforward?ports=80", "portforward.k8s.io");
    client.send(opens(1, "error", { port: "80", requestid: "0" }), opens(3, "data", { port: "80", requestid: "0" }));
    await target.until((end) => end.frames.length === 2);
    expect(target.frames[1]).toEqual(opens(3, "data", { port: "80", requestid: "0" }));
    target.send(answers(1), answers(3));
    client.send(data(3, "ask klara.eder@example.com"));
    await target.until((end) => end.text(3) === "ask klara.eder@example.com");
    target.send(data(3, "\0\xffanswer", true));
    await client.until((end) => end.text(3) === "\0\xffanswer");
    client.socket.destroy();
  });

  it.each<readonly [string, (ends: { client: End; target: End }) => void, RegExp]>([
    [
      "an unknown frame",
      ({ client }) => client.socket.write(Buffer.from([0x80, 3, 0, 8, 0, 0, 0, 0])),
      /unknown type 8/,
    ],
    ["junk of the client's", ({ client }) => client.socket.write("GET / HTTP/1.1\r\n\r\n"), /the client/],
    ["junk of the target's", ({ target }) => target.socket.write(Buffer.alloc(64, 0xff)), /the target/],
    ["a stream of the target's", ({ target }) => target.send(opens(2, "stdout")), /the target opens a stream/],
    ["a second stdout", ({ client }) => client.send(opens(7, "stdout")), /second stream stdout/],
    ["input where output is", ({ client }) => client.send(data(5, "x")), /on the stream stdout/],
    ["output where input is", ({ target }) => target.send(data(3, "x")), /on the stream stdin/],
  ])("ends with a word to the client: %s", async (_, send, why) => {
    const ends = await open();
    send(ends);
    await ends.client.until((end) => end.has("goaway"));
    const said = JSON.parse(ends.client.text(1)) as { status: string; message: string };
    expect(said).toMatchObject({ status: "Failure", message: expect.stringMatching(why) as string });
    expect(ends.client.text(5)).toBe("");
    await ends.target.until((end) => end.has("goaway"));
    expect(ends.target.frames.some((one) => one.kind === "data")).toBe(false);
  });

  it("more than a rule allows ends it", async () => {
    const { client, target } = await open("attach?stdin=1&stdout=1");
    target.send(data(5, "x\n".repeat(30)), data(5, "y\n".repeat(30)));
    await client.until((end) => end.has("goaway"));
    expect(client.text(5)).toBe("x\n".repeat(30));
    expect(client.text(1)).toContain("more than the 100 bytes that a rule allows");
  });

  it("another policy that denies it ends it before anything more passes", async () => {
    const { client, target } = await open();
    await gateway.policy(
      `${POLICY}\ndeny input on kubernetes\n  when request.subresource == "exec"\n  because "Not today."\n`,
    );
    client.send(data(3, "rm -r /"));
    await client.until((end) => end.has("goaway"));
    expect(client.text(1)).toContain("Not today.");
    await target.until((end) => end.has("goaway"));
    expect(target.text(3)).toBe("");
    await gateway.policy(POLICY);
  });

  it("a sign-in's end ends it, though nothing moves", async () => {
    const { client, target } = await open(EXEC, SHORT_TOKEN);
    clock.advance(2 * HOUR_MS);
    await client.until((end) => end.has("goaway"));
    expect(client.text(1)).toContain("your sign-in has expired");
    await target.until((end) => end.has("goaway"));
  });

  it("the record has the exec with its recording, and the bytes that were shown", async () => {
    const { client, target } = await open();
    target.send(data(5, "klara.eder@example.com\n", true), data(1, '{"status":"Success"}', true));
    await client.until((end) => end.text(1) !== "");
    target.socket.end();
    await client.until((end) => end.closed);
    const entries = await readLog(join(gateway.folder, "state", "log"));
    expect(afterTheirEnd(entries)).toEqual([]);
    const log = JSON.stringify(entries);
    expect(log).toContain("create pods/exec");
    expect(log).toContain('"asciicast-v3"');
    expect(log).not.toContain("klara");
  });

  it("fuzz: changed frames from either side end the stream or pass, show nothing unmasked, and the gateway goes on", async () => {
    let seed = 7;
    const random = (below: number): number => {
      seed = (Math.imul(seed, 1_103_515_245) + 12_345) >>> 0;
      return Math.floor((seed / 0x1_0000_0000) * below);
    };
    for (let round = 0; round < 40; round++) {
      const { client, target } = await open();
      const writer = new SpdyWriter();
      const bytes = Buffer.concat(
        [
          data(5, "klara.eder@example.com\n"),
          { kind: "ping", id: 3 } as const,
          data(5, "", true),
          data(1, "{}", true),
        ].map((frame) => writer.write(frame)),
      );
      for (let i = random(3); i >= 0; i--) bytes[random(30)] = random(256);
      (round % 2 === 0 ? target : client).socket.write(bytes);
      target.socket.end();
      await client.until((end) => end.closed);
      const shown = client.frames.map((one) => (one.kind === "data" ? one.data.toString("latin1") : "")).join("");
      if (bytes.includes("klara.eder@example.com")) expect(shown).not.toContain("klara.eder@example.com");
      target.socket.destroy();
      client.socket.destroy();
    }
    const { client } = await open();
    client.socket.destroy();
  });
});
