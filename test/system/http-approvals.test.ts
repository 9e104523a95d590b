import { connect } from "node:net";
import { afterAll, afterEach, beforeAll, describe, expect, it } from "vitest";
import { startHttpGateway, startTarget, type HttpTestGateway, type TestTarget } from "../support/http-gateway.ts";

const POLICY = `package http_approvals
allow engineers on http
  when user.groups has "engineer"
allow analysts_read on http
  when user.groups has "analyst" and request.method in [GET, HEAD]
approve purge on http
  when request.method == DELETE
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
