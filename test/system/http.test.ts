import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { startHttpGateway, startTarget, type HttpTestGateway, type TestTarget } from "../support/http-gateway.ts";
import { runProgram } from "../support/programs.ts";

const POLICY = `package http_tests
allow engineers on http
  when user.groups has "engineer"
allow analysts_read on http
  when user.groups has "analyst" and request.method in [GET, HEAD]
deny admin on http
  when request.path starts with "/admin"
  because "Nobody goes there."
`;

let target: TestTarget;
let gateway: HttpTestGateway;

beforeAll(async () => {
  target = await startTarget((request, body, response) => {
    if (request.url === "/big") return void response.end(Buffer.alloc(3_000_000, "x"));
    if (request.url === "/chunks") {
      response.write("one,");
      response.write("two");
      return void response.end();
    }
    if (request.url === "/empty") return void response.writeHead(204).end();
    if (request.url === "/cut") {
      response.writeHead(200, { "content-length": "100" });
      response.write("half");
      return void setImmediate(() => response.destroy());
    }
    response.setHeader("content-type", "application/json");
    response.end(JSON.stringify({ method: request.method, url: request.url, body }));
  });
  gateway = await startHttpGateway({
    policy: POLICY,
    targets: `  - { name: api, protocol: http, hosts: [api, 127.0.0.1], address: "127.0.0.1:${target.port}", labels: { env: production } }`,
  });
});
afterAll(async () => {
  await gateway.close();
  await target.close();
});

describe("clients", () => {
  it("curl", async () => {
    const curl = await runProgram("curl", [
      "-sS",
      "-i",
      "-H",
      "Host: api",
      "-H",
      `Sallyport-Authorization: ${gateway.as("dev")["sallyport-authorization"]}`,
      "-d",
      "a=1",
      gateway.url("/orders?x=1"),
    ]);
    expect(curl.out).toContain("HTTP/1.1 200 OK");
    expect(curl.out).toContain('{"method":"POST","url":"/orders?x=1","body":"a=1"}');
  });
});
