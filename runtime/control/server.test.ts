import { once } from "node:events";
import { createServer, request as httpRequest, type IncomingMessage, type Server } from "node:http";
import { connect, type AddressInfo } from "node:net";
import fc from "fast-check";
import { exportJWK, generateKeyPair, SignJWT } from "jose";
import { afterAll, beforeAll, beforeEach, describe, expect, it } from "vitest";
import { err, ok, type Result } from "../../base/result.ts";
import { makeVerifier } from "../credentials/index.ts";
import { Approvals, ApprovalStore } from "../enforce/approve/index.ts";
import { Directory, FAILURES_MAX } from "../identity/index.ts";
import { systemClock, systemRandom } from "../outside/index.ts";
import { BODY_BYTES_MAX, URL_CHARS_MAX } from "./limits.ts";
import { controlListener, type Health } from "./server.ts";

const verifier = await makeVerifier("opal", Buffer.alloc(16, 1));
const keys = await generateKeyPair("ES256");
const noFetch = (): Promise<Response> => Promise.reject(new Error("there is no network here"));
const issuer = {
  issuer: "https://id.example",
  audience: "sallyport",
  jwks: { keys: { keys: [{ ...(await exportJWK(keys.publicKey)), alg: "ES256" }] } },
  nameClaim: "sub",
  groupsClaim: "groups",
  maxAgeMs: 60_000,
  requiredClaims: {},
};

let directory: Directory;
let approvals: Approvals;
let server: Server;
let port = 0;
let health: Health;
let reload: Result<{ readonly digest: string }, string>;
let recorded: boolean;
let broken: boolean;

beforeAll(async () => {
  server = createServer((request, response) => {
    controlListener({
      approvals,
      directory,
      administrators: ["platform"],
      health: () => health,
      status: () => {
        if (broken) throw new Error("the secret inside");
        return { version: "1" };
      },
      sessions: () => [
        { user: "ann", id: "s1" },
        { user: "tom", id: "s2" },
      ],
      reverseToken: () => Promise.resolve(null),
      reloadBundle: () => Promise.resolve(reload),
    })(request, response);
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  port = (server.address() as AddressInfo).port;
});
afterAll(() => server.close());
beforeEach(() => {
  const person = (name: string, ...groups: string[]) => ({ name, groups, verifier });
  directory = new Directory(
    [
      person("ann", "analyst"),
      person("bob", "leads"),
      person("eve", "leads"),
      person("kim"),
      person("ops", "platform"),
    ],
    [issuer],
    Buffer.from("secret"),
    systemClock,
    noFetch,
  );
  recorded = true;
  broken = false;
  approvals = new Approvals(new ApprovalStore(":memory:"), systemClock, systemRandom, () => Promise.resolve(recorded));
  health = { healthy: true, problems: [] };
  reload = ok({ digest: "d2" });
});

interface Answer {
  readonly status: number;
  readonly headers: IncomingMessage["headers"];
  readonly text: string;
  readonly json: Record<string, unknown>;
}

const basic = (user: string, password = "opal"): string =>
  `Basic ${Buffer.from(`${user}:${password}`).toString("base64")}`;

function send(
  method: string,
  path: string,
  user: string | null,
  over: { headers?: Record<string, string>; body?: string } = {},
): Promise<Answer> {
  return new Promise((resolve, reject) => {
    const headers = {
      ...(user === null ? {} : { authorization: user.includes(" ") ? user : basic(user) }),
      ...(method === "POST" ? { "content-type": "application/json" } : {}),
      ...over.headers,
    };
    const request = httpRequest({ host: "127.0.0.1", port, method, path, headers, agent: false }, (response) => {
      let text = "";
      response.setEncoding("utf8").on("data", (chunk: string) => (text += chunk));
      response.on("end", () => {
        const json =
          /json/.test(response.headers["content-type"] ?? "") && text !== ""
            ? (JSON.parse(text) as Record<string, unknown>)
            : {};
        resolve({ status: response.statusCode!, headers: response.headers, text, json });
      });
    });
    request.on("error", reject);
    request.end(over.body ?? (method === "POST" ? "{}" : undefined));
  });
}

async function ask(requester = "ann"): Promise<string> {
  const record = await approvals.request(
    {
      digest: "d",
      bundle: "b",
      session: "s1",
      requester,
      target: "shop",
      summary: "delete from orders",
      rules: [
        {
          name: "unfiltered_write",
          because: "It changes every row.",
          groups: ["leads"],
          users: [],
          quorum: 1,
          withinMs: 60_000,
          validMs: 0,
        },
      ],
    },
    () => undefined,
  );
  return record!.id;
}

describe("who may do what", () => {
  const cases: readonly (readonly [
    title: string,
    method: string,
    path: string,
    user: string | null,
    status: number,
    code: string | undefined,
  ])[] = [
    ["health, without a sign-in", "GET", "/healthz", null, 200, undefined],
    ["status, without", "GET", "/v1/status", null, 401, "unauthenticated"],
    ["status", "GET", "/v1/status", "kim", 200, undefined],
    ["the list, without a sign-in", "GET", "/v1/approvals", null, 401, "unauthenticated"],
    ["a wrong password", "GET", "/v1/approvals", basic("bob", "Opal"), 401, "unauthenticated"],
    ["a name that nobody has", "GET", "/v1/approvals", basic("nobody"), 401, "unauthenticated"],
    ["no colon", "GET", "/v1/approvals", `Basic ${btoa("bob")}`, 401, "unauthenticated"],
    ["another scheme", "GET", "/v1/approvals", "Digest x", 401, "unauthenticated"],
    ["a made-up token", "GET", "/v1/approvals", "Bearer a.b.c", 401, "unauthenticated"],
    ["an approver looks", "GET", "/v1/approvals/ID", "bob", 200, undefined],
    ["the requester looks", "GET", "/v1/approvals/ID", "ann", 200, undefined],
    ["an administrator looks", "GET", "/v1/approvals/ID", "ops", 200, undefined],
    ["somebody else looks", "GET", "/v1/approvals/ID", "kim", 404, "not-found"],
    ["an id that is none", "GET", "/v1/approvals/apr_none", "bob", 404, "not-found"],
    ["an approver approves", "POST", "/v1/approvals/ID/approve", "bob", 200, undefined],
    ["an approver denies", "POST", "/v1/approvals/ID/deny", "bob", 200, undefined],
    ["the requester approves", "POST", "/v1/approvals/ID/approve", "ann", 403, "own-request"],
    ["somebody else approves", "POST", "/v1/approvals/ID/approve", "kim", 404, "not-found"],
    ["an administrator is no approver", "POST", "/v1/approvals/ID/approve", "ops", 403, "not-eligible"],
    ["nobody approves", "POST", "/v1/approvals/ID/approve", null, 401, "unauthenticated"],
    ["approve by GET", "GET", "/v1/approvals/ID/approve", "bob", 405, "wrong-method"],
    ["an administrator reloads", "POST", "/v1/bundle/reload", "ops", 200, undefined],
    ["an approver reloads", "POST", "/v1/bundle/reload", "bob", 403, "not-administrator"],
    ["a page that is none", "GET", "/v2", "bob", 404, "not-found"],
    ["an unknown state", "GET", "/v1/approvals?state=open", "bob", 400, "bad-query"],
  ];
  it.each(cases)("%s", async (_title, method, path, user, status, code) => {
    const answer = await send(method, path.replace("ID", await ask()), user);
    expect(answer.status).toBe(status);
    expect(answer.json["code"]).toBe(code);
    expect(answer.headers["cache-control"]).toBe("no-store");
    expect(answer.headers["access-control-allow-origin"]).toBeUndefined();
    if (status >= 400) expect(answer.headers["content-type"]).toBe("application/problem+json; charset=utf-8");
  });
});

it("an approval from the list to the grant", async () => {
  const id = await ask();
  const list = await send("GET", "/v1/approvals?state=pending", "bob");
  expect(list.json["approvals"]).toMatchObject([
    {
      id,
      state: "pending",
      requester: "ann",
      summary: "delete from orders",
      mayDecide: true,
      rules: [{ quorum: 1, granted: 0 }],
    },
  ]);
  expect((await send("GET", "/v1/approvals", "ann")).json["approvals"]).toMatchObject([{ id, mayDecide: false }]);
  expect((await send("GET", "/v1/approvals", "kim")).json["approvals"]).toEqual([]);
  const granted = await send("POST", `/v1/approvals/${id}/approve`, "bob", { body: '{"reason":"checked"}' });
  expect(granted.json).toMatchObject({
    state: "approved",
    decidedBy: "bob",
    reason: "checked",
    votes: [{ by: "bob", reason: "checked" }],
    mayDecide: false,
  });
  expect(await send("POST", `/v1/approvals/${id}/approve`, "eve")).toMatchObject({
    status: 409,
    json: { code: "not-pending" },
  });
});

it("what can't be recorded has no effect and says so", async () => {
  const id = await ask();
  recorded = false;
  expect(await send("POST", `/v1/approvals/${id}/approve`, "bob")).toMatchObject({
    status: 503,
    json: { code: "not-recorded" },
  });
  expect(approvals.get(id)?.state).toBe("pending");
});

it("sessions: one's own, and all for administrators", async () => {
  expect((await send("GET", "/v1/sessions", "ann")).json["sessions"]).toEqual([{ user: "ann", id: "s1" }]);
  expect((await send("GET", "/v1/sessions", "ops")).json["sessions"]).toHaveLength(2);
});

it("a token signs in too", async () => {
  const token = await new SignJWT({ groups: ["leads"] })
    .setProtectedHeader({ alg: "ES256" })
    .setIssuer("https://id.example")
    .setAudience("sallyport")
    .setSubject("tom")
    .setIssuedAt()
    .setExpirationTime("1m")
    .sign(keys.privateKey);
  const id = await ask();
  expect(await send("POST", `/v1/approvals/${id}/approve`, `Bearer ${token}`)).toMatchObject({
    status: 200,
    json: { decidedBy: "tom" },
  });
});

it("health tells what is broken; a refused bundle tells why", async () => {
  health = { healthy: false, problems: ["no policy bundle is in force"] };
  expect(await send("GET", "/healthz", null)).toMatchObject({
    status: 503,
    json: { status: "failing", problems: ["no policy bundle is in force"] },
  });
  reload = err("bad signature");
  expect(await send("POST", "/v1/bundle/reload", "ops")).toMatchObject({
    status: 422,
    json: { detail: "bad signature" },
  });
});

it("a fault inside ends one request and tells nothing of the inside", async () => {
  broken = true;
  const answer = await send("GET", "/v1/status", "bob");
  expect(answer.status).toBe(500);
  expect(answer.text).not.toContain("secret inside");
  expect((await send("GET", "/healthz", null)).status).toBe(200);
});

it("guessing is slowed down, for names that exist and others alike", async () => {
  for (const name of ["bob", "nobody"]) {
    for (let i = 0; i < FAILURES_MAX; i++)
      expect((await send("GET", "/v1/status", basic(name, "guess"))).status).toBe(401);
    expect((await send("GET", "/v1/status", basic(name))).status).toBe(429);
  }
  expect((await send("GET", "/v1/status", "eve")).status).toBe(200);
});

describe("a page in a browser can't reach it", () => {
  const cases: readonly (readonly [title: string, headers: Record<string, string>, status: number])[] = [
    ["a name that was rebound to this machine", { host: "evil.example" }, 421],
    ["that name with the right port", { host: "evil.example:PORT" }, 421],
    ["another port", { host: "127.0.0.1:1" }, 421],
    ["another origin", { origin: "https://evil.example" }, 403],
    ["an origin without a name", { origin: "null" }, 403],
    ["another port of this machine", { origin: "http://127.0.0.1:1" }, 403],
    ["a navigation from elsewhere", { "sec-fetch-site": "cross-site" }, 403],
    ["a sibling site", { "sec-fetch-site": "same-site" }, 403],
    ["its own page", { origin: "http://127.0.0.1:PORT", "sec-fetch-site": "same-origin" }, 200],
    ["localhost", { host: "localhost:PORT" }, 200],
  ];
  it.each(cases)("%s", async (_title, headers, status) => {
    const filled = Object.fromEntries(
      Object.entries(headers).map(([name, value]) => [name, value.replace("PORT", String(port))]),
    );
    expect((await send("GET", "/healthz", null, { headers: filled })).status).toBe(status);
    const id = await ask();
    expect((await send("POST", `/v1/approvals/${id}/approve`, "bob", { headers: filled })).status).toBe(status);
    expect(approvals.get(id)?.state).toBe(status === 200 ? "approved" : "pending");
  });
  it.each(["text/plain", "application/x-www-form-urlencoded", "multipart/form-data; boundary=x", ""])(
    "a form of type %j",
    async (type) => {
      const id = await ask();
      expect(
        (await send("POST", `/v1/approvals/${id}/approve`, "bob", { headers: { "content-type": type } })).status,
      ).toBe(415);
      expect(approvals.get(id)?.state).toBe("pending");
    },
  );
});

describe("bodies", () => {
  it.each([
    ["nothing", "", "bad-body"],
    ["no JSON", "{", "bad-body"],
    ["a list", "[]", "bad-body"],
    ["null", "null", "bad-body"],
    ["an unknown field", '{"id":"x"}', "bad-body"],
    ["a reason that is no text", '{"reason":1}', "bad-body"],
    ["an endless reason", JSON.stringify({ reason: "x".repeat(1_001) }), "bad-body"],
    ["too many bytes", JSON.stringify({ reason: "x".repeat(BODY_BYTES_MAX) }), "too-large"],
  ])("%s", async (_title, body, code) => {
    const id = await ask();
    const answer = await send("POST", `/v1/approvals/${id}/approve`, "bob", { body });
    expect(answer.json["code"]).toBe(code);
    expect(approvals.get(id)?.state).toBe("pending");
  });
  it("an address without end", async () => {
    expect((await send("GET", `/v1/approvals?state=${"x".repeat(URL_CHARS_MAX)}`, "bob")).status).toBe(414);
  });
});

it("any request is answered, and none but a good one decides", async () => {
  const id = await ask();
  const token = fc.string({ unit: fc.constantFrom(...'abcXYZ019-_./?&=%:;, "{}[]'), maxLength: 20 });
  const header = fc.constantFrom(
    "content-type",
    "x-y",
    "accept",
    "content-encoding",
    "expect",
    "cookie",
    "if-none-match",
  );
  await fc.assert(
    fc.asyncProperty(
      fc.constantFrom("GET", "POST", "PUT", "DELETE", "HEAD", "OPTIONS", "PATCH"),
      fc.oneof(
        token.map((text) => `/${text}`),
        token.map((text) => `/v1/approvals/${text}`),
        fc.constantFrom(`/v1/approvals/${id}/approve`, `/v1/approvals/${id}/deny`),
      ),
      fc.dictionary(header, token, { maxKeys: 2 }),
      fc.oneof(fc.constant(undefined), fc.json(), fc.string()),
      // Somebody who asked, and so may look, but not decide.
      fc.constantFrom(null, "ann"),
      async (method, path, headers, body, user) => {
        const safe = { ...headers, ...(headers["expect"] === undefined ? {} : { expect: "x" }) };
        const answer = await send(method, path.replaceAll(" ", "+"), user, {
          headers: safe,
          ...(body === undefined || method === "HEAD" ? {} : { body }),
        });
        expect(answer.status).not.toBe(500);
        expect(approvals.get(id)?.state).toBe("pending");
      },
    ),
    { numRuns: 150 },
  );
});

it("bytes that are no HTTP end one connection", async () => {
  await fc.assert(
    fc.asyncProperty(fc.uint8Array({ minLength: 1, maxLength: 200 }), async (bytes) => {
      const socket = connect({ host: "127.0.0.1", port });
      socket.on("error", () => undefined);
      socket.on("data", () => undefined);
      socket.end(bytes);
      await once(socket, "close");
    }),
    { numRuns: 50 },
  );
  expect((await send("GET", "/healthz", null)).status).toBe(200);
});

it("the inbox page loads nothing from elsewhere and is framed by nobody", async () => {
  const page = await send("GET", "/", null);
  expect(page.status).toBe(200);
  const policy = page.headers["content-security-policy"]!;
  expect(policy).toContain("default-src 'none'");
  expect(policy).toContain("frame-ancestors 'none'");
  expect(policy).not.toContain("unsafe");
  expect(page.text).not.toMatch(/https?:|src=|innerHTML/);
});
