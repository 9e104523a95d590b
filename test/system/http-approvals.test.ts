import { connect } from "node:net";
import { afterAll, afterEach, beforeAll, describe, expect, it } from "vitest";
import { startHttpGateway, startTarget, type HttpTestGateway, type TestTarget } from "../support/http-gateway.ts";

const POLICY = `package http_approvals
allow engineers on http
  when user.groups has "engineer"
allow analysts_read on http
  when user.groups has "analyst" and request.method in [GET, HEAD]
approve purge on http
  when request.method == DELETE or request.path == "/live"
  by group "dba-leads" quorum 1 within 5m valid once
  because "It can't be undone."
`;

let target: TestTarget;
let gateway: HttpTestGateway;

beforeAll(async () => {
  target = await startTarget((request, body, response) => {
    response.setHeader("content-type", "application/json");
    response.end(JSON.stringify({ method: request.method, url: request.url, body }));
  });
  gateway = await startHttpGateway({
    policy: POLICY,
    targets: `  - { name: api, protocol: http, hosts: [api, 127.0.0.1], address: "127.0.0.1:${target.port}" }`,
    config: "http: { holdMs: 400 }\n",
  });
});
afterAll(async () => {
  await gateway.close();
  await target.close();
});

const ask = (user: string, path: string, init: RequestInit = {}): Promise<Response> =>
  fetch(gateway.url(path), {
    ...init,
    headers: { ...gateway.as(user), ...(init.headers as Record<string, string> | undefined) },
  });
const last = (): TestTarget["requests"][number] => target.requests.at(-1)!;
const credential = (user: string): string =>
  `Sallyport-Authorization: ${gateway.as(user)["sallyport-authorization"]}\r\n`;

describe("approval", () => {
  const lea = { name: "lea", groups: ["dba-leads"] };
  const pending = (): string => gateway.running.gateway.approvals.list("pending")[0]!.id;
  afterEach(async () => {
    for (const one of gateway.running.gateway.approvals.list("pending"))
      await gateway.running.gateway.approvals.withdraw(one.id, "the test is over");
  });
  const json = { "content-type": "application/json" };
  const untilPending = async (): Promise<string> => {
    for (;;) {
      const one = gateway.running.gateway.approvals.list("pending")[0];
      if (one !== undefined) return one.id;
      await new Promise((resolve) => setImmediate(resolve));
    }
  };

  it("a request is held, and goes on once it is approved", async () => {
    const before = target.requests.length;
    const answer = ask("dev", "/orders/1", { method: "DELETE" });
    const id = await untilPending();
    expect(target.requests.length).toBe(before);
    expect(gateway.running.gateway.approvals.get(id)!.summary).toBe("DELETE 127.0.0.1/orders/1");
    await gateway.running.gateway.approvals.approve(id, lea, null);
    expect((await answer).status).toBe(200);
    expect(last().method).toBe("DELETE");
  });

  it("denied while it is held", async () => {
    const answer = ask("dev", "/orders/2", { method: "DELETE" });
    await gateway.running.gateway.approvals.deny(await untilPending(), lea, "not today");
    expect([(await answer).status, await (await answer).text()]).toEqual([
      403,
      expect.stringMatching(/lea denied the approval: not today/),
    ]);
  });

  it("nobody answers: 403 with the approval's id, then the same request with it", async () => {
    const first = await ask("dev", "/orders/3", { method: "DELETE", body: '{"why":"x"}', headers: json });
    const problem = (await first.json()) as { approval: string; statusUrl: string; type: string };
    expect([first.status, first.headers.get("content-type"), problem.type]).toEqual([
      403,
      "application/problem+json",
      "urn:sallyport:approval-pending",
    ]);
    const status = async (): Promise<unknown> => (await ask("dev", problem.statusUrl)).json();
    expect(await status()).toMatchObject({ approval: problem.approval, state: "pending" });
    expect((await ask("ana", problem.statusUrl)).status).toBe(404);
    await gateway.running.gateway.approvals.approve(problem.approval, lea, null);
    expect(await status()).toMatchObject({ state: "approved" });
    const named = { "approval-id": problem.approval };
    const other = await ask("dev", "/orders/4", { method: "DELETE", headers: named });
    expect([other.status, await other.text()]).toEqual([403, expect.stringMatching(/for another request/)]);
    const changed = await ask("dev", "/orders/3", {
      method: "DELETE",
      body: '{"why":"y"}',
      headers: { ...named, ...json },
    });
    expect(changed.status).toBe(403);
    const again = await ask("dev", "/orders/3", {
      method: "DELETE",
      body: '{"why":"x"}',
      headers: { ...named, ...json },
    });
    expect([again.status, last().body]).toEqual([200, '{"why":"x"}']);
    const twice = await ask("dev", "/orders/3", {
      method: "DELETE",
      body: '{"why":"x"}',
      headers: { ...named, ...json },
    });
    expect(twice.status).toBe(403);
  });

  it("Prefer: respond-async gives 202 and Location at once", async () => {
    const answer = await ask("dev", "/orders/5", { method: "DELETE", headers: { prefer: "respond-async" } });
    expect([answer.status, answer.headers.get("location"), answer.headers.get("preference-applied")]).toEqual([
      202,
      `/.sallyport/approvals/${pending()}`,
      "respond-async",
    ]);
    await gateway.running.gateway.approvals.approve(pending(), lea, null);
    expect((await ask("dev", "/orders/5", { method: "DELETE" })).status).toBe(200);
  });

  /** Sends a request with these lines in its head, and answers the status and the approval that it waits for. */
  const send = async (line: string, ...head: readonly string[]): Promise<readonly [status: number, id: string]> => {
    const hosts = head.some((one) => one.startsWith("Host:")) ? head : ["Host: api", ...head];
    const text = await gateway.raw(
      `${line} HTTP/1.1\r\n${hosts.map((one) => `${one}\r\n`).join("")}${credential("dev")}\r\n`,
      (got) => /\r\n\r\n[\s\S]*\}\s*$/.test(got),
    );
    return [Number(text.slice(9, 12)), /"approval":"([^"]+)"/.exec(text)?.[1] ?? ""];
  };
  const UPGRADE = [
    "Connection: Upgrade",
    "Upgrade: websocket",
    "Sec-WebSocket-Version: 13",
    "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==",
  ];

  it.each<readonly [title: string, line: string, approved: readonly string[], other: readonly string[]]>([
    ["another preference", "DELETE /a", ["Prefer: return=minimal"], ["Prefer: handling=lenient"]],
    ["a preference more", "DELETE /b", ["Prefer: respond-async"], ["Prefer: respond-async, handling=lenient"]],
    ["a text in a preference", "DELETE /c", ['Prefer: a="b, wait=5"'], ['Prefer: a="b, wait=6"']],
    ["a condition is left out", "DELETE /d", ['If-Match: "1"'], []],
    ["another condition", "DELETE /e", ['If-Match: "1"'], ["If-Match: *"]],
    ["a condition is put in", "DELETE /f", [], ['If-None-Match: "1"']],
    ["a field that is empty", "DELETE /g", [], ["X-Force:"]],
    ["another port", "DELETE /h", ["Host: api"], ["Host: api:8080"]],
    ["an upgrade", "GET /live", [], UPGRADE],
  ])("an approval is for exactly what was asked, not for %s", async (_title, line, approved, other) => {
    const [status, id] = await send(line, ...approved);
    expect([status === 403 || status === 202, id]).toEqual([true, expect.stringMatching(/./)]);
    await gateway.running.gateway.approvals.approve(id, lea, null);
    const before = target.requests.length;
    const [held, another] = await send(line, ...other);
    expect([held === 403 || held === 202, another === id || another === "", target.requests.length]).toEqual([
      true,
      false,
      before,
    ]);
    // The grant is still there for what it was given for.
    expect((await send(line, ...approved))[0]).toBe(200);
  });

  it.each<readonly [title: string, approved: readonly string[], again: readonly string[]]>([
    ["without waiting for it again", ["Prefer: respond-async"], []],
    ["without, beside another preference", ["Prefer: respond-async, return=minimal"], ["Prefer: return=minimal"]],
    ["with another time to wait", ["Prefer: return=minimal, wait=5"], ["Prefer: wait=9, return=minimal"]],
    ["by another program", ["User-Agent: a"], ["User-Agent: b", "X-Request-Id: 2"]],
  ])("the same request uses its grant: %s", async (_title, approved, again) => {
    const [, id] = await send("DELETE /same", ...approved);
    await gateway.running.gateway.approvals.approve(id, lea, null);
    expect((await send("DELETE /same", ...again))[0]).toBe(200);
  });

  it("a client that leaves withdraws its request", async () => {
    const socket = connect(gateway.port, "127.0.0.1");
    socket.write(`DELETE /orders/6 HTTP/1.1\r\nHost: api\r\n${credential("dev")}\r\n`);
    const id = await untilPending();
    socket.destroy();
    while (gateway.running.gateway.approvals.get(id)!.state === "pending")
      await new Promise((resolve) => setImmediate(resolve));
    expect(gateway.running.gateway.approvals.get(id)!.state).toBe("withdrawn");
  });

  it("a body that is too long to be held", async () => {
    const answer = await ask("dev", "/orders/7", {
      method: "DELETE",
      headers: { "content-type": "application/json" },
      body: `"${"x".repeat(1_100_000)}"`,
    });
    expect(answer.status).toBe(403);
  });
});
