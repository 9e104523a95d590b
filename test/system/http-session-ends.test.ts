import { connect, type Socket } from "node:net";
import type { ServerResponse } from "node:http";
import { afterAll, afterEach, beforeAll, beforeEach, expect, it } from "vitest";
import { WebSocket, WebSocketServer } from "ws";
import { MemoryLogStore, openRecorder, readLog } from "../../runtime/record/index.ts";
import type { ReadEntry } from "../../spec/contract/record/index.ts";
import { startHttpGateway, startTarget, type HttpTestGateway, type TestTarget } from "../support/http-gateway.ts";
import { afterTheirEnd } from "../support/read-log.ts";

/** The end of a session stands behind all that came of its requests, however they end. */
const POLICY = `package ends
allow engineers on http
  when user.groups has "engineer"
approve purge on http
  when request.path == "/held"
  by group "dba-leads" quorum 1 within 5m valid once
limit little on http
  when request.path == "/much"
  to 64 bytes
`;

let target: TestTarget;
let sockets: WebSocketServer;
let gateway: HttpTestGateway;
let store: MemoryLogStore;
let stopped: Promise<void> | null = null;
/** Answers that the target began and does not end. */
let begun: ServerResponse[] = [];
let asked: () => void = () => undefined;

beforeAll(async () => {
  target = await startTarget((request, _body, response) => {
    response.write("x".repeat(16));
    if (request.url === "/much") response.write("x".repeat(100));
    begun.push(response);
    asked();
  });
  sockets = new WebSocketServer({ server: target.server });
});
afterAll(async () => {
  sockets.close();
  await target.close();
});
beforeEach(async () => {
  begun = [];
  stopped = null;
  store = new MemoryLogStore();
  gateway = await startHttpGateway({
    policy: POLICY,
    targets: `  - { name: api, protocol: http, hosts: [api, 127.0.0.1], address: "127.0.0.1:${target.port}" }`,
    parts: { openRecord: (options) => openRecorder(store, options) },
  });
});
afterEach(() => stop());

const requestOf = (path: string): string =>
  `GET ${path} HTTP/1.1\r\nHost: api\r\nSallyport-Authorization: ${gateway.as("dev")["sallyport-authorization"]}\r\n\r\n`;
const send = (path: string): Socket => {
  const socket = connect(gateway.port, "127.0.0.1");
  socket.on("error", () => undefined);
  socket.write(requestOf(path));
  return socket;
};
const stop = (): Promise<void> => (stopped ??= gateway.close());
const answering = (): Promise<void> => new Promise((resolve) => (asked = resolve));
const turn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));
const untilHeld = async (): Promise<string> => {
  for (;;) {
    const one = gateway.running.gateway.approvals.list("pending")[0];
    if (one !== undefined) return one.id;
    await turn();
  }
};
const untilEnded = async (): Promise<void> => {
  while (gateway.running.gateway.live().length > 0) await turn();
};

/** Stops the gateway. Of its sessions, what was recorded: `type`, of an outcome its status, of the end why. */
async function recorded(): Promise<readonly string[]> {
  await stop();
  const entries: ReadEntry[] = [];
  for await (const entry of readLog(store)) entries.push(entry);
  expect(afterTheirEnd(entries)).toEqual([]);
  return entries
    .filter(({ value }) => value["sid"] !== undefined)
    .map(({ type, value }) => [type, value["status"] ?? value["why"] ?? value["step"] ?? ""].join(" ").trim());
}

it("the client leaves while an answer comes", async () => {
  const comes = answering();
  const socket = send("/slow");
  await comes;
  socket.destroy();
  await untilEnded();
  expect(await recorded()).toEqual([
    "session.start",
    "statement",
    "outcome cut",
    "session.end the client's connection closed",
  ]);
});

it("the client leaves while its request waits for approval", async () => {
  const socket = send("/held");
  const id = await untilHeld();
  socket.destroy();
  while (gateway.running.gateway.approvals.get(id)!.state === "pending") await turn();
  await untilEnded();
  expect(await recorded()).toEqual([
    "session.start",
    "approval requested",
    "approval withdrawn",
    "statement",
    "session.end the client's connection closed",
  ]);
});

it.each([
  ["an answer is cut off for its length", "/much"],
  ["the target breaks off in the middle", "/slow"],
])("%s", async (_title, path) => {
  const comes = answering();
  send(path);
  await comes;
  if (path === "/slow") begun[0]!.destroy();
  await untilEnded();
  expect(await recorded()).toEqual([
    "session.start",
    "statement",
    "outcome cut",
    "session.end the client's connection closed",
  ]);
});

it("a client that keeps its side open does not keep the gateway from stopping", async () => {
  const idle = connect({ port: gateway.port, host: "127.0.0.1", allowHalfOpen: true });
  await new Promise((resolve) => idle.once("connect", resolve));
  const comes = answering();
  const socket = connect({ port: gateway.port, host: "127.0.0.1", allowHalfOpen: true });
  socket.on("error", () => undefined);
  socket.resume();
  socket.write(requestOf("/whole"));
  await comes;
  const answered = new Promise((resolve) => socket.once("data", resolve));
  begun[0]!.end();
  await answered;
  await recorded();
  idle.destroy();
  socket.destroy();
});

it("the gateway stops while requests wait, are answered, and messages may come", async () => {
  send("/held");
  await untilHeld();
  const comes = answering();
  send("/slow");
  await comes;
  const socket = new WebSocket(gateway.url("/live").replace("http", "ws"), { headers: gateway.as("dev") });
  const closed = new Promise((resolve) => socket.once("close", resolve));
  await new Promise((resolve) => socket.once("open", resolve));
  await stop();
  await closed;
  const all = await recorded();
  expect(all.filter((one) => one.startsWith("session.end"))).toEqual(Array(3).fill("session.end the gateway stopped"));
  expect(all.filter((one) => one.startsWith("outcome")).sort()).toEqual(["outcome cut", "outcome ok"]);
  expect(all.filter((one) => one === "statement").length).toBe(3);
});
