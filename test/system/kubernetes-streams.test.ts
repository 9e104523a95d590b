import { createHash } from "node:crypto";
import type { IncomingMessage } from "node:http";
import type { Socket } from "node:net";
import { connect as connectTls } from "node:tls";
import { afterAll, afterEach, beforeAll, describe, expect, it } from "vitest";
import { WebSocket, WebSocketServer } from "ws";
import { systemClock } from "../../runtime/outside/index.ts";
import { AheadClock } from "../support/ahead-clock.ts";
import { certificates } from "../support/certificates.ts";
import type { GatewayParts } from "../../runtime/gateway/index.ts";
import { MemoryLogStore, openRecorder, readLog } from "../../runtime/record/index.ts";
import { startHttpGateway, type HttpTestGateway } from "../support/http-gateway.ts";
import type { KubernetesApi } from "../../cli/demo/kubernetes-api.ts";
import { startTestApi } from "../support/kubernetes-api.ts";

const POLICY = `package kubernetes_streams
allow engineers on kubernetes
  when user.groups has "engineer"
mask found on kubernetes
  values detect [email]
  with redact
  when request.subresource == "exec"
`;
/** `short` ends in an hour. */
const TOKENS = { dev: "spt_dev-token", short: "spt_short-token" };
const HOUR_MS = 3_600_000;
const EXEC = "/api/v1/namespaces/shop/pods/web-0/exec?command=id&stdout=1";
const FORWARD = "/api/v1/namespaces/shop/pods/web-0/portforward?ports=80";

let api: KubernetesApi;
let gateway: HttpTestGateway;
const pki = certificates(["gateway", "api", "sallyport"]);
const { ca } = pki;
let upgrade: ((request: IncomingMessage, socket: Socket) => boolean) | null = null;

beforeAll(async () => {
  api = await startTestApi({
    tls: pki.of["api"]!,
    instead: () => false,
    upgrade: (request, socket) => upgrade?.(request, socket) === true,
  });
  gateway = await start();
});
afterAll(async () => {
  await gateway.close();
  await api.close();
});

const sha = (text: string): string => createHash("sha256").update(text).digest("hex");
const soon = new Date(systemClock.now() + HOUR_MS).toISOString().replace(/\.\d+/, "");
const start = (parts: Partial<GatewayParts> = {}): Promise<HttpTestGateway> =>
  startHttpGateway({
    policy: POLICY,
    listen: `{ protocol: kubernetes, address: "127.0.0.1:0", target: cluster, tls: { certificate: gateway.crt, key: gateway.key } }`,
    targets: `  - { name: cluster, protocol: kubernetes, address: "127.0.0.1:${api.port}", tls: { ca: ca.crt }, credential: { token: { env: SA_TOKEN } } }`,
    config: `http:\n  serviceTokens:\n    - { name: dev, groups: [engineer], sha256: ${sha(TOKENS.dev)}, expires: 2099-01-01 }\n    - { name: short, groups: [engineer], sha256: ${sha(TOKENS.short)}, expires: ${soon} }\n`,
    env: { SA_TOKEN: "service-account-token" },
    files: { "ca.crt": ca, "gateway.crt": pki.of["gateway"]!.certificate, "gateway.key": pki.of["gateway"]!.key },
    parts,
  });

const shellOf = ({ port }: HttpTestGateway, token = TOKENS.dev): WebSocket =>
  new WebSocket(
    `wss://127.0.0.1:${port}/api/v1/namespaces/shop/pods/web-0/exec?command=sh&stdin=1&stdout=1`,
    "v4.channel.k8s.io",
    { ca, headers: { authorization: `Bearer ${token}` } },
  );

it("under a mask neither pings nor the reason of an end tell what the server puts into them", async () => {
  const server = new WebSocketServer({ noServer: true });
  upgrade = (request, socket) => {
    server.handleUpgrade(request, socket, Buffer.alloc(0), (far) => {
      far.on("pong", (data: Buffer) => far.close(4001, `${data.toString()} gone`));
      far.ping("ana@example.com");
    });
    return true;
  };
  const socket = new WebSocket(`wss://127.0.0.1:${gateway.port}${EXEC}`, "v4.channel.k8s.io", {
    ca,
    headers: { authorization: `Bearer ${TOKENS.dev}` },
  });
  const seen: string[] = [];
  socket.on("ping", (data: Buffer) => seen.push(`ping ${data.toString()}`));
  await new Promise((resolve, reject) => {
    socket.once("error", reject);
    socket.once("close", (code, reason) => resolve(seen.push(`${code} ${reason.toString()}`)));
  });
  upgrade = null;
  expect(seen).toEqual(["ping ", "4001 "]);
});

it("the gateway stops in the middle of a shell: recording, outcome and end are in the record, in this order", async () => {
  const store = new MemoryLogStore();
  const own = await start({ openRecord: (options) => openRecorder(store, options) });
  const shell = shellOf(own);
  const closed = new Promise((resolve) => shell.once("close", resolve));
  await new Promise((resolve, reject) => {
    shell.once("open", () => shell.send(Buffer.from("\0echo one\n")));
    shell.once("error", reject);
    shell.once("message", resolve);
  });
  await own.close();
  await closed;
  const types: string[] = [];
  for await (const { type } of readLog(store)) types.push(type);
  expect(types.slice(-4)).toEqual(["recording", "outcome", "session.end", "log.stop"]);
});

it("a sign-in's end ends a stream, though nothing moves", async () => {
  const clock = new AheadClock();
  const own = await start({ clock });
  const shell = shellOf(own, TOKENS.short);
  const end = new Promise<string>((resolve) =>
    shell.once("close", (code, reason) => resolve(`${code} ${reason.toString()}`)),
  );
  await new Promise((resolve, reject) => {
    shell.once("open", resolve);
    shell.once("error", reject);
  });
  clock.advance(2 * HOUR_MS);
  expect(await end).toBe("1008 sallyport: your sign-in has expired. Sign in again.");
  await own.close();
});

describe("a stream goes on only as long as the policy would let it", () => {
  const stopped = `${POLICY}\ndeny streams on kubernetes\n  when request.subresource in ["exec", "portforward"]\n  because "Not today."\n`;
  afterEach(() => gateway.policy(POLICY));

  it("exec: its end says why", async () => {
    const shell = shellOf(gateway);
    const shown: string[] = [];
    const line = (text: string): void => shell.send(Buffer.from(`\0${text}\n`));
    const end = new Promise<string>((resolve) =>
      shell.once("close", (code, reason) => resolve(`${code} ${reason.toString()}`)),
    );
    await new Promise((resolve, reject) => {
      shell.once("open", () => line("echo one"));
      shell.once("error", reject);
      shell.on("message", (data: Buffer) => {
        shown.push(data.toString("latin1"));
        resolve(null);
      });
    });
    expect(await gateway.policy(stopped)).toBe(null);
    line("echo two");
    expect(await end).toMatch(/^1008 sallyport: .*rule streams: Not today\./);
    expect(shown).toEqual(["\x01one\n"]);
  });

  it("port-forward: nothing more goes through", async () => {
    let got = "";
    upgrade = (request, socket) => {
      const key = createHash("sha1")
        .update(`${request.headers["sec-websocket-key"]}258EAFA5-E914-47DA-95CA-C5AB0DC85B11`)
        .digest("base64");
      socket.write(
        `HTTP/1.1 101 X\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Accept: ${key}\r\n\r\n`,
      );
      socket.on("data", (chunk: Buffer) => {
        got += chunk.toString();
        socket.write(`echo:${got}`);
      });
      return true;
    };
    const text = await new Promise<string>((resolve) => {
      const socket = connectTls({ host: "127.0.0.1", port: gateway.port, ca }, () =>
        socket.write(
          `GET ${FORWARD} HTTP/1.1\r\nHost: k\r\nAuthorization: Bearer ${TOKENS.dev}\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n`,
        ),
      );
      let seen = "";
      socket.on("data", (chunk: Buffer) => {
        seen += chunk.toString();
        if (seen.endsWith("\r\n\r\n")) socket.write("one;");
        if (seen.endsWith("echo:one;")) void gateway.policy(stopped).then(() => socket.write("two;"));
      });
      socket.on("close", () => resolve(seen));
    });
    upgrade = null;
    expect([got, text.endsWith("echo:one;")]).toEqual(["one;", true]);
  });
});
