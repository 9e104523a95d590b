import { createHash } from "node:crypto";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { WebSocket, WebSocketServer } from "ws";
import { createRemoteJWKSet, jwtVerify } from "jose";
import { afterTheirEnd, readLog } from "../support/read-log.ts";
import { startHttpGateway, startTarget, type HttpTestGateway, type TestTarget } from "../support/http-gateway.ts";
import { runProgram } from "../support/programs.ts";

const TOKEN = "spt_test-token-of-ci";
const POLICY = `package http_tests
allow engineers on http
  when user.groups has "engineer"
allow analysts_read on http
  when user.groups has "analyst" and request.method in [GET, HEAD]
deny admin on http
  when request.path starts with "/admin"
  because "Nobody goes there."
deny large_refunds on http
  when request.json["$.kind"] == "refund"
  because "Refunds are made by hand."
deny tools on http
  when any u in request.uploads : u.filename like "*.exe"
approve purge on http
  when request.method == DELETE
  by group "dba-leads" quorum 1 within 5m valid once
  because "It can't be undone."
limit export on http
  when request.path starts with "/export"
  to 1000 bytes
`;

let target: TestTarget;
let sockets: WebSocketServer;
let gateway: HttpTestGateway;
let upgrades: readonly string[] = [];

const config = (): string =>
  `http:\n  holdMs: 400\n  serviceTokens:\n    - { name: ci, groups: [engineer], sha256: ${createHash("sha256").update(TOKEN).digest("hex")}, expires: 2099-01-01 }\n    - { name: old, groups: [engineer], sha256: ${createHash("sha256").update(`${TOKEN}2`).digest("hex")}, expires: 2020-01-01 }\n`;
const targets = (): string =>
  `  - { name: api, protocol: http, hosts: [api, 127.0.0.1], address: "127.0.0.1:${target.port}", labels: { env: production }, stripFields: [x-tenant] }\n  - { name: with-secret, protocol: http, address: "127.0.0.1:${target.port}", credential: { value: { env: API_TOKEN } } }\n  - { name: nobody, protocol: http, address: "127.0.0.1:1" }`;

beforeAll(async () => {
  target = await startTarget((request, body, response) => {
    const path = (request.url ?? "").split("?")[0];
    if (path === "/big" || path === "/export/big")
      return void response.setHeader("content-length", 3_000_000).end(Buffer.alloc(3_000_000, "x"));
    if (path === "/export/chunks") {
      response.write(Buffer.alloc(900, "x"));
      return void setImmediate(() => response.end(Buffer.alloc(900, "x")));
    }
    if (path === "/chunks") {
      response.write("one,");
      response.write("two");
      return void response.end();
    }
    if (path === "/empty") return void response.writeHead(204).end();
    if (path === "/cut") {
      response.writeHead(200, { "content-length": "100" });
      response.write("half");
      return void setImmediate(() => response.destroy());
    }
    if (path === "/slow") return;
    response.setHeader("content-type", "application/json");
    response.setHeader("sallyport-user", "from the target");
    response.end(JSON.stringify({ method: request.method, url: request.url, body }));
  });
  sockets = new WebSocketServer({ server: target.server });
  sockets.on("connection", (socket, request) => {
    upgrades = request.rawHeaders;
    socket.on("message", (data) => socket.send(`echo ${(data as Buffer).toString("utf8")}`));
  });
  gateway = await startHttpGateway({ policy: POLICY, targets: targets(), config: config(), env: { API_TOKEN: "t0p" } });
});
afterAll(async () => {
  await gateway.close();
  sockets.close();
  await target.close();
});

const ask = (user: string | null, path: string, init: RequestInit = {}): Promise<Response> =>
  fetch(gateway.url(path), {
    redirect: "manual",
    ...init,
    headers: { ...(user === null ? {} : gateway.as(user)), ...(init.headers as Record<string, string> | undefined) },
  });
const last = (): TestTarget["requests"][number] => target.requests.at(-1)!;
const credential = (user: string): string =>
  `Sallyport-Authorization: ${gateway.as(user)["sallyport-authorization"]}\r\n`;

describe("real clients", () => {
  it("curl: all methods, a body, what comes back", async () => {
    const curl = await runProgram("curl", [
      "-sS",
      "-i",
      "-H",
      "Host: api",
      "-H",
      credential("dev").trim(),
      "-d",
      "a=1",
      gateway.url("/orders?x=1"),
    ]);
    expect(curl.out).toContain("HTTP/1.1 200 OK");
    expect(curl.out).toContain('{"method":"POST","url":"/orders?x=1","body":"a=1"}');
    for (const method of ["PUT", "PATCH", "OPTIONS", "PROPFIND"]) {
      const one = await runProgram("curl", ["-sS", "-X", method, "-H", credential("dev").trim(), gateway.url("/x")]);
      expect(one.out).toContain(`"method":"${method}"`);
    }
    const head = await runProgram("curl", ["-sSI", "-H", credential("dev").trim(), gateway.url("/big")]);
    expect(head.out).toContain("content-length: 3000000");
  });

  it("curl with the gateway as its proxy", async () => {
    const via = (auth: readonly string[]): ReturnType<typeof runProgram> =>
      runProgram("curl", ["-sS", "-i", "-x", `http://127.0.0.1:${gateway.port}`, ...auth, "http://api/orders"]);
    expect((await via(["-U", "dev:dev"])).out).toContain('"url":"/orders"');
    expect((await via([])).out).toContain("HTTP/1.1 407");
    expect((await via(["-U", "dev:wrong"])).out).toMatch(/HTTP\/1\.1 407[\s\S]*name or password is wrong/);
  });

  it("curl: Expect 100-continue, chunked upload, many requests on one connection", async () => {
    const big = "z".repeat(300_000);
    const curl = await runProgram(
      "curl",
      [
        "-sS",
        "-H",
        credential("dev").trim(),
        "-H",
        "Expect: 100-continue",
        "-H",
        "Transfer-Encoding: chunked",
        "--data-binary",
        "@-",
        gateway.url("/up"),
        "--next",
        "-sS",
        "-H",
        credential("dev").trim(),
        gateway.url("/second"),
      ],
      { input: big },
    );
    expect(curl.stderr).toBe("");
    expect(target.requests.at(-2)!.body.length).toBe(big.length);
    expect(curl.stdout).toContain('"url":"/second"');
  });

  it("fetch: large, chunked and empty answers", async () => {
    expect((await (await ask("dev", "/big")).arrayBuffer()).byteLength).toBe(3_000_000);
    expect(await (await ask("dev", "/chunks")).text()).toBe("one,two");
    expect((await ask("dev", "/empty")).status).toBe(204);
    const bodies = await Promise.all(
      Array.from({ length: 64 }, async (_, i) => (await ask("dev", `/p/${i}`)).json() as Promise<{ url: string }>),
    );
    expect(bodies.map((one) => one.url)).toEqual(bodies.map((_, i) => `/p/${i}`));
  });

  it("large answers behind one another on the only connection to a target: none is held up by the one before", async () => {
    const own = await startHttpGateway({
      policy: POLICY,
      targets: `  - { name: api, protocol: http, hosts: [127.0.0.1], address: "127.0.0.1:${target.port}", connections: 1 }`,
    });
    for (let i = 0; i < 12; i++) {
      const sizes = await Promise.all(
        [0, 1, 2].map(
          async () => (await (await fetch(own.url("/big"), { headers: own.as("dev") })).arrayBuffer()).byteLength,
        ),
      );
      expect(sizes).toEqual([3_000_000, 3_000_000, 3_000_000]);
    }
    await own.close();
  });

  it("an answer that the target cuts off is cut off for the client", async () => {
    const answer = await ask("dev", "/cut");
    await expect(answer.text()).rejects.toThrow();
  });

  it("requests sent ahead are answered in order", async () => {
    const one = (path: string, more = ""): string =>
      `GET ${path} HTTP/1.1\r\nHost: api\r\n${more}${credential("dev")}\r\n`;
    const text = await gateway.raw(one("/1") + one("/2") + one("/3", "Connection: close\r\n"));
    expect([...text.matchAll(/"url":"(\/\d)"/g)].map((match) => match[1])).toEqual(["/1", "/2", "/3"]);
  });

  it("ws: text and binary both ways", async () => {
    const socket = new WebSocket(gateway.url("/live").replace("http", "ws"), {
      headers: { ...gateway.as("dev"), "x-forwarded-user": "root", SALLYPORT_USER: "root", "impersonate-user": "root" },
    });
    await new Promise((resolve, reject) => socket.once("open", resolve).once("error", reject));
    const echo = new Promise<string>((resolve) =>
      socket.once("message", (data) => resolve((data as Buffer).toString("utf8"))),
    );
    socket.send("hello");
    expect(await echo).toBe("echo hello");
    const long = new Promise<string>((resolve) =>
      socket.once("message", (data) => resolve((data as Buffer).toString("utf8"))),
    );
    socket.send("y".repeat(200_000));
    expect((await long).length).toBe(200_005);
    const closed = new Promise((resolve) => socket.once("close", resolve));
    socket.close(1000);
    await closed;
  });
});

describe("decisions", () => {
  it.each<readonly [title: string, user: string, path: string, init: RequestInit, status: number, says: RegExp]>([
    ["allowed by a rule", "ana", "/x", {}, 200, /"url":"\/x"/],
    [
      "no rule allows it",
      "ana",
      "/x",
      { method: "POST", headers: { "content-type": "application/json" }, body: "{}" },
      403,
      /no rule allows this.*ask your security team/is,
    ],
    ["denied by a rule with its reason", "dev", "/admin/users", {}, 403, /denied by rule admin: Nobody goes there\./],
    ["the path is decided on as it is decoded", "dev", "/%61dmin/users", {}, 403, /rule admin/],
    [
      "a field of a JSON body",
      "dev",
      "/pay",
      { method: "POST", headers: { "content-type": "application/json" }, body: '{"kind":"refund"}' },
      403,
      /large_refunds/,
    ],
    [
      "a field of a JSON body, escaped",
      "dev",
      "/pay",
      { method: "POST", headers: { "content-type": "application/json" }, body: '{"\\u006bind":"re\\u0066und"}' },
      403,
      /large_refunds/,
    ],
    [
      "a field of a form",
      "dev",
      "/pay",
      { method: "POST", body: new URLSearchParams({ kind: "refund" }) },
      403,
      /large_refunds/,
    ],
    [
      "another JSON body",
      "dev",
      "/pay",
      { method: "POST", headers: { "content-type": "application/json" }, body: '{"kind":"sale"}' },
      200,
      /sale/,
    ],
    [
      "a doubled key of a body that a rule reads",
      "dev",
      "/pay",
      { method: "POST", headers: { "content-type": "application/json" }, body: '{"kind":"sale","kind":"refund"}' },
      400,
      /twice/,
    ],
    [
      "a JSON body that is none",
      "dev",
      "/pay",
      { method: "POST", headers: { "content-type": "application/json" }, body: '{"kind":' },
      400,
      /JSON text/,
    ],
    [
      "a body that can't be read: what a rule asks of it is unknown",
      "dev",
      "/pay",
      { method: "POST", headers: { "content-type": "application/cbor" }, body: "x" },
      403,
      /large_refunds/,
    ],
    [
      "a coded body that a rule reads",
      "dev",
      "/pay",
      { method: "POST", headers: { "content-type": "application/json", "content-encoding": "gzip" }, body: "x" },
      415,
      /Content-Encoding/,
    ],
    [
      "a body longer than what is read",
      "dev",
      "/pay",
      { method: "POST", headers: { "content-type": "application/json" }, body: `{"a":"${"x".repeat(1_100_000)}"}` },
      403,
      /large_refunds/,
    ],
    ["over a limit of bytes, told before", "dev", "/export/big", {}, 403, /1000 bytes that rule export allows/],
  ])("%s", async (_title, user, path, init, status, says) => {
    const answer = await ask(user, path, init);
    expect([answer.status, await answer.text()]).toEqual([status, expect.stringMatching(says)]);
    if (status === 403) expect(answer.headers.get("content-type")).toBe("application/problem+json");
  });

  it("over a limit of bytes, in the middle: cut off", async () => {
    await expect(ask("dev", "/export/chunks").then((answer) => answer.text())).rejects.toThrow();
  });

  it("an upload's name", async () => {
    const form = new FormData();
    form.set("file", new File(["MZ"], "tool.exe"));
    form.set("kind", "sale");
    const answer = await ask("dev", "/up", { method: "POST", body: form });
    expect([answer.status, await answer.text()]).toEqual([403, expect.stringMatching(/rule tools/)]);
  });

  it("nothing of a refused request comes to the target", async () => {
    const before = target.requests.length;
    await ask("dev", "/admin/x", { method: "POST", body: "secret" });
    await ask("ana", "/x", { method: "PUT", body: "secret" });
    expect(target.requests.length).toBe(before);
  });
});

describe("what the target sees", () => {
  it("who asks, signed; nothing that a client claims", async () => {
    await ask("dev", "/x", {
      headers: {
        "X-Forwarded-User": "root",
        "Impersonate-User": "root",
        "X-Tenant": "other",
        "Remote-User": "root",
        "Sallyport-Identity": "forged",
        Authorization: "Bearer of-the-target",
        Cookie: "a=b; sallyport-session=stolen",
      },
    });
    const { headers } = last();
    expect(headers["sallyport-user"]).toBe("dev");
    expect(headers.authorization).toBe("Bearer of-the-target");
    expect(headers["x-tenant"]).toBe(undefined);
    expect(headers.cookie).toBe("a=b");
    expect(headers["x-forwarded-for"]).toBe("127.0.0.1");
    expect(Object.entries(headers).filter(([, value]) => value === "root" || value === "forged")).toEqual([]);
    expect(headers["sallyport-authorization"]).toBe(undefined);
    const keys = createRemoteJWKSet(new URL(gateway.url("/.sallyport/jwks.json")));
    const { payload } = await jwtVerify(headers["sallyport-identity"] as string, keys, {
      audience: "api",
      issuer: "sallyport.local/audit",
    });
    expect(payload).toMatchObject({ sub: "dev", groups: ["engineer"], amr: ["password"] });
  });

  it("the same on the way to a WebSocket, in any spelling", async () => {
    const socket = new WebSocket(gateway.url("/live").replace("http", "ws"), {
      headers: {
        ...gateway.as("dev"),
        "X-FORWARDED-USER": "root",
        sallyport_identity: "root",
        "Remote.User": "root",
        "x-tenant": "root",
      },
    });
    await new Promise((resolve, reject) => socket.once("open", resolve).once("error", reject));
    socket.terminate();
    expect(upgrades).not.toContain("root");
    expect(upgrades).toContain("sallyport-identity");
    expect(upgrades.map((one) => one.toLowerCase())).not.toContain("sec-websocket-extensions");
  });

  it("the target's credential, and not the client's", async () => {
    const curl = await runProgram("curl", [
      "-sS",
      "-H",
      "Host: with-secret",
      "-H",
      "Authorization: Bearer mine",
      "-H",
      credential("dev").trim(),
      gateway.url("/x"),
    ]);
    expect(curl.status).toBe(0);
    expect(last().headers.authorization).toBe("Bearer t0p");
  });

  it("the client is not told what the target calls itself by our names", async () => {
    expect((await ask("dev", "/x")).headers.get("sallyport-user")).toBe(null);
  });
});

describe("who asks", () => {
  it.each<readonly [title: string, headers: Record<string, string>, status: number, says: RegExp]>([
    ["nobody", {}, 401, /Nothing says who you are/],
    [
      "a wrong password",
      { "sallyport-authorization": `Basic ${Buffer.from("dev:x").toString("base64")}` },
      401,
      /wrong/,
    ],
    ["an unknown scheme", { "sallyport-authorization": "Digest x" }, 401, /not Bearer/],
    ["a service token", { "sallyport-authorization": `Bearer ${TOKEN}` }, 200, /"url"/],
    ["an expired service token", { "sallyport-authorization": `Bearer ${TOKEN}2` }, 401, /expired/],
    ["an unknown service token", { "sallyport-authorization": "Bearer spt_guess" }, 401, /not known/],
    [
      "a token of no issuer",
      { "sallyport-authorization": "Bearer eyJhbGciOiJub25lIn0.e30." },
      401,
      /Send sallyport-authorization/,
    ],
    [
      "two fields at once",
      { "sallyport-authorization": `Bearer ${TOKEN}`, "proxy-authorization": `Bearer ${TOKEN}` },
      407,
      /send one/,
    ],
    ["a forged cookie", { cookie: "sallyport-session=eyJhbGciOiJub25lIn0.e30." }, 401, /sign-in has ended/],
  ])("%s", async (_title, headers, status, says) => {
    const fields = Object.entries(headers)
      .map(([name, value]) => `${name}: ${value}\r\n`)
      .join("");
    const text = await gateway.raw(`GET /x HTTP/1.0\r\nHost: api\r\n${fields}\r\n`);
    expect(text).toMatch(new RegExp(`^HTTP/1.1 ${status} `));
    expect(text).toMatch(says);
  });

  it("another identity on the same connection is another session", async () => {
    const one = (user: string, more = ""): string => `GET /x HTTP/1.1\r\nHost: api\r\n${more}${credential(user)}\r\n`;
    await gateway.raw(one("dev") + one("ana") + one("dev", "Connection: close\r\n"));
    expect(target.requests.slice(-3).map((one) => one.headers["sallyport-user"])).toEqual(["dev", "ana", "dev"]);
  });

  it("an unknown host, and a target that is not there", async () => {
    expect(await gateway.raw(`GET /x HTTP/1.0\r\nHost: elsewhere\r\n${credential("dev")}\r\n`)).toMatch(
      /^HTTP\/1.1 421 .*No target is called elsewhere/s,
    );
    expect(await gateway.raw(`GET /x HTTP/1.0\r\nHost: nobody\r\n${credential("dev")}\r\n`)).toMatch(
      /^HTTP\/1.1 502 .*can't be reached/s,
    );
  });
});

describe("fail closed", () => {
  it("no bundle", async () => {
    const bare = await startHttpGateway({ policy: "", targets: targets(), config: config(), env: { API_TOKEN: "t" } });
    try {
      const answer = await fetch(bare.url("/x"), { headers: bare.as("dev") });
      expect([answer.status, await answer.text()]).toEqual([503, expect.stringMatching(/no policy bundle/)]);
    } finally {
      await bare.close();
    }
  });

  it("the record can't be written", async () => {
    const other = await startHttpGateway({
      policy: POLICY,
      targets: targets(),
      config: config(),
      env: { API_TOKEN: "t" },
    });
    try {
      expect((await fetch(other.url("/x"), { headers: other.as("dev") })).status).toBe(200);
      other.running.gateway.recorder.fail("the disk is full");
      const before = target.requests.length;
      const answer = await fetch(other.url("/x"), { headers: other.as("dev") }).then(
        (one) => one.status,
        () => 0,
      );
      expect([0, 503]).toContain(answer);
      expect(target.requests.length).toBe(before);
    } finally {
      await other.close();
    }
  });

  it("a target that speaks no HTTP, and one that smuggles", async () => {
    const { createServer } = await import("node:net");
    for (const [answer, says] of [
      ["SSH-2.0-OpenSSH\r\n\r\n", /does not begin with HTTP/],
      ["HTTP/1.1 200 OK\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n", /both/],
      ["HTTP/1.1 200 OK\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\n", /twice/],
      ["HTTP/1.1 200 OK\r\nX : y\r\n\r\n", /space before its colon/],
      ["HTTP/1.1 200 OK\r\nX: a\r\n b\r\n\r\n", /folded/],
      ["HTTP/1.1 999 OK\r\n\r\n", /status/],
      [`${"HTTP/1.1 100 Continue\r\n\r\n".repeat(40)}`, /interim/],
      ["HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: tcp\r\n\r\n", /without being asked/],
      [`HTTP/1.1 200 OK\r\nX: ${"x".repeat(40_000)}\r\n\r\n`, /longer than/],
    ] as const) {
      const hostile = createServer(
        (socket) => void socket.on("data", () => socket.end(answer)).on("error", () => undefined),
      );
      await new Promise<void>((resolve) => hostile.listen(0, "127.0.0.1", () => resolve()));
      const { port } = hostile.address() as { port: number };
      const own = await startHttpGateway({
        policy: POLICY,
        targets: `  - { name: api, protocol: http, hosts: [api, 127.0.0.1], address: "127.0.0.1:${port}" }`,
      });
      const got = await fetch(own.url("/x"), { headers: own.as("dev") });
      expect([got.status, await got.text()]).toEqual([502, expect.stringMatching(says)]);
      await own.close();
      hostile.close();
    }
  });

  it("no connection is used again after a bad request: what follows is not read", async () => {
    const before = target.requests.length;
    const text = await gateway.raw(
      `GET /a//b HTTP/1.1\r\nHost: api\r\n${credential("dev")}\r\nGET /x HTTP/1.1\r\nHost: api\r\n${credential("dev")}\r\n`,
    );
    expect(text.match(/HTTP\/1\.1 /g)).toEqual(["HTTP/1.1 "]);
    expect(text).toMatch(/^HTTP\/1.1 400 .*empty segment/s);
    expect(target.requests.length).toBe(before);
  });

  it("a body in chunks that lie ends the connection, and nothing of it goes on as a request", async () => {
    const before = target.requests.length;
    const text = await gateway.raw(
      `POST /x HTTP/1.1\r\nHost: api\r\nTransfer-Encoding: chunked\r\n${credential("dev")}\r\n5;x=y\r\nhello\r\n0\r\n\r\nGET /smuggled HTTP/1.1\r\nHost: api\r\n\r\n`,
    );
    expect(text).not.toContain("smuggled");
    expect(target.requests.slice(before).map((one) => one.url)).not.toContain("/smuggled");
  });

  it("a request that does not come to its end is answered in time", async () => {
    const slow = await startHttpGateway({
      policy: POLICY,
      targets: targets(),
      config: `${config()}limits: { handshakeMs: 300 }\n`,
      env: { API_TOKEN: "t" },
    });
    expect(await slow.raw("GET / HTTP/1.1\r\nHost: ap")).toMatch(/^HTTP\/1.1 408/);
    await slow.close();
  });

  it("a target that does not answer in time", async () => {
    const slow = await startHttpGateway({
      policy: POLICY,
      targets: targets(),
      config: `${config()}  upstreamMs: 300\n`,
      env: { API_TOKEN: "t" },
    });
    const answer = await fetch(slow.url("/slow"), { headers: slow.as("dev") });
    expect([answer.status, await answer.text()]).toEqual([504, expect.stringMatching(/in time/)]);
    await slow.close();
  });
});

it("everything is in the record, without secrets", async () => {
  const own = await startHttpGateway({
    policy: `${POLICY}mask mail on http\n  fields "$..email", "$..url", "$..body"\n  with redact\n  unless user.groups has "engineer"\n`,
    targets: targets(),
    config: config(),
    env: { API_TOKEN: "t" },
  });
  await (await fetch(own.url("/find?email=a%40b.at&token=geheim&ok=1"), { headers: own.as("dev") })).text();
  await (
    await fetch(own.url("/x"), {
      method: "POST",
      headers: { ...own.as("dev"), "content-type": "application/json" },
      body: '{"email":"a@b.at","password":"geheim","n":1}',
    })
  ).text();
  await (await fetch(own.url("/admin"), { headers: own.as("dev") })).text();
  await (await fetch(own.url("/admin/probe"), { headers: own.as("dev") })).text();
  await own.raw("nonsense\r\n\r\n");
  await own.running.gateway.recorder.flush();
  const entries = await readLog(join(own.folder, "state", "log"));
  expect(afterTheirEnd(entries)).toEqual([]);
  const text = JSON.stringify(entries);
  expect(text).not.toContain("geheim");
  expect(text).not.toContain("a@b.at");
  const statements = entries
    .filter((one) => one.type === "statement")
    .map((one) => one.value as Record<string, unknown>);
  expect(
    statements.map((one) => [one["phase"], one["text"], (one["decision"] as { verdict: string }).verdict]),
  ).toEqual([
    ["request", "GET 127.0.0.1/find?email=«hidden»&token=«hidden»&ok=1", "allow"],
    ["request", 'POST 127.0.0.1/x\napplication/json, 44 bytes\n{"email":"***","password":"«hidden»","n":1}', "allow"],
    ["request", "GET 127.0.0.1/admin", "deny"],
    ["request", "GET 127.0.0.1/admin/probe", "deny"],
  ]);
  const outcomes = entries.filter((one) => one.type === "outcome").map((one) => one.value as Record<string, unknown>);
  expect(outcomes.map((one) => [one["status"], one["tag"], one["sample"]])).toEqual([
    ["ok", "200 OK", [['{"method":"GET","url":"***","body":"***"}']]],
    ["ok", "200 OK", [[expect.stringMatching(/^\{"method":"POST","url":"\*\*\*"/)]]],
  ]);
  expect(entries.map((one) => one.type)).toEqual(expect.arrayContaining(["session.refused"]));
  await own.close();
});
