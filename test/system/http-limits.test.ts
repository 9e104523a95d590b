import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { startHttpGateway, startTarget, type HttpTestGateway, type TestTarget } from "../support/http-gateway.ts";
import { readLog } from "../support/read-log.ts";

/** What a decision asks for beside its verdict, on requests. */
const POLICY = `package http_limits
allow engineers on http
  when user.groups has any ["engineer", "analyst"]
limit metered on http
  when request.path starts with "/metered"
  to 2 statements per 1h
limit rows_of_nothing on http
  when request.path starts with "/rows"
  to 5 rows
alert told on http
  when request.path starts with "/told"
  to "ops"
`;

let target: TestTarget;
let gateway: HttpTestGateway;

beforeAll(async () => {
  target = await startTarget((_request, _body, response) => void response.end("{}"));
  gateway = await startHttpGateway({
    policy: POLICY,
    targets: `  - { name: api, protocol: http, hosts: [api, 127.0.0.1], address: "127.0.0.1:${target.port}" }`,
  });
});
afterAll(async () => {
  await gateway?.close();
  await target?.close();
});

const ask = (user: string, path: string): Promise<Response> => fetch(gateway.url(path), { headers: gateway.as(user) });

describe("limits and alerts on requests", () => {
  it("over a limit over time, each user alone", async () => {
    for (const status of [200, 200, 403]) expect((await ask("dev", "/metered/x")).status).toBe(status);
    expect(await (await ask("dev", "/metered/x")).text()).toMatch(/rule metered allows 2 statements in 3600 seconds/);
    expect((await ask("ana", "/metered/x")).status).toBe(200);
  });

  it("a limit that can't be carried out here refuses", async () => {
    const answer = await ask("dev", "/rows/x");
    expect([answer.status, await answer.text()]).toEqual([403, expect.stringMatching(/rows_of_nothing is of rows/)]);
  });

  it("an alert is recorded, and the request goes on", async () => {
    expect((await ask("dev", "/told/x")).status).toBe(200);
    const alerts = (await readLog(join(gateway.folder, "state/log"))).filter(({ type }) => type === "alert");
    expect(alerts.map(({ value }) => value)).toMatchObject([{ rule: "told", channels: ["ops"] }]);
  });
});
