import { GraphQLError, buildSchema, graphql } from "graphql";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { startHttpGateway, startTarget, type HttpTestGateway, type TestTarget } from "../support/http-gateway.ts";

const SCHEMA = `
interface Person { id: ID! email: String }
type User implements Person { id: ID! email: String ssn: String friends: [User!] }
type Robot implements Person { id: ID! email: String }
union Found = User | Robot
type Query { me: User people: [Person] find: [Found] version: String email: String broken: String }
type Mutation { rename(name: String!): User }
`;
const POLICY = `package graphql_and_tools
allow people on http
  when user.groups has any ["analyst", "privacy"]
deny mutations on http
  when exists graphql.operation and graphql.operation == mutation
  because "Nothing is changed here."
deny friends on http
  when graphql.fields has "me.friends.ssn"
mask users on http
  fields "User.email", "User.ssn"
  with { email: email, *: redact }
  unless user.groups has "privacy"
allow agents on mcp
  when user.groups has any ["engineer", "privacy"]
deny shell on mcp
  when exists tool.name and tool.name == "run_shell"
  because "No shells."
deny outside on mcp
  when exists tool.name and tool.name == "read_file" and not ((tool.arguments["$.path"] else "") starts with "/srv/")
  because "Only files of the service."
mask results on mcp
  fields "$..email"
  with email
  unless user.groups has "privacy"
`;

const ANA = {
  id: "1",
  email: "ana@example.com",
  ssn: "123",
  friends: [{ id: "2", email: "bob@example.com", ssn: "456" }],
  __typename: "User",
};
const ROBOT = { id: "9", email: "robot@example.com", __typename: "Robot" };
const schema = buildSchema(SCHEMA);
const root = {
  me: ANA,
  people: [ANA, ROBOT],
  find: [ANA, ROBOT],
  version: "1",
  email: "root@example.com",
  rename: ANA,
  broken: () => {
    throw new GraphQLError("duplicate ana@example.com", { extensions: { code: "CONFLICT", value: "ana@example.com" } });
  },
};

const TOOLS = [{ name: "run_shell" }, { name: "read_file" }, { name: "list_users" }];
const answerTool = (message: { method?: string; id?: number; params?: { name?: string } }): object => {
  const { method, id } = message;
  if (method === "tools/list") return { jsonrpc: "2.0", id, result: { tools: TOOLS } };
  if (method === "tools/call")
    return {
      jsonrpc: "2.0",
      id,
      result: {
        content: [
          { type: "text", text: JSON.stringify([ANA]) },
          { type: "text", text: "plain ana@example.com" },
          { type: "image", data: "YW5hQGV4YW1wbGUuY29t", mimeType: "image/png" },
        ],
        structuredContent: { user: ANA },
      },
    };
  return {
    jsonrpc: "2.0",
    id,
    error: { code: -32603, message: "failed for ana@example.com", data: { email: "ana@example.com" } },
  };
};

let target: TestTarget;
let gateway: HttpTestGateway;

beforeAll(async () => {
  target = await startTarget((request, body, response) => {
    if (request.url === "/mcp") {
      if (request.method === "GET")
        return void response
          .writeHead(200, { "content-type": "text/event-stream" })
          .end(`data: ${JSON.stringify(answerTool({ method: "tools/list", id: 9 }))}\n\n`);
      const message = JSON.parse(body) as { id?: number; method?: string };
      if (message.id === undefined) return void response.writeHead(202).end();
      const answer = JSON.stringify(answerTool(message));
      if (request.headers.accept === "text/event-stream")
        response.writeHead(200, { "content-type": "text/event-stream" }).end(`event: message\ndata: ${answer}\n\n`);
      else response.writeHead(200, { "content-type": "application/json" }).end(answer);
      return;
    }
    const asked = JSON.parse(body) as { query: string } | { query: string }[];
    const run = ({ query }: { query: string }): Promise<object> =>
      Promise.resolve(graphql({ schema, source: query, rootValue: root }));
    void (Array.isArray(asked) ? Promise.all(asked.map(run)) : run(asked)).then((answer) =>
      response.writeHead(200, { "content-type": "application/json" }).end(JSON.stringify(answer)),
    );
  });
  gateway = await startHttpGateway({
    policy: POLICY,
    targets: `  - { name: api, protocol: http, hosts: [127.0.0.1], address: "127.0.0.1:${target.port}", graphql: { paths: [/graphql] } }\n  - { name: file, protocol: http, hosts: [file], address: "127.0.0.1:${target.port}", graphql: { schema: schema.graphql } }\n  - { name: tools, protocol: mcp, hosts: [localhost], address: "127.0.0.1:${target.port}" }`,
    files: { "schema.graphql": SCHEMA },
  });
  // The schema is asked for once the gateway listens.
  while (!target.requests.some((one) => one.body.includes("__schema")))
    await new Promise((resolve) => setImmediate(resolve));
});
afterAll(async () => {
  await gateway.close();
  await target.close();
});

const query = async (user: string, body: unknown, path = "/graphql"): Promise<{ status: number; text: string }> => {
  const answer = await fetch(gateway.url(path), {
    method: "POST",
    headers: { ...gateway.as(user), "content-type": "application/json" },
    body: typeof body === "string" ? body : JSON.stringify(body),
  });
  return { status: answer.status, text: await answer.text() };
};

describe("GraphQL", () => {
  it.each<readonly [title: string, source: string, wanted: object]>([
    ["a field", "{ me { id email } }", { me: { id: "1", email: "a***@***.com" } }],
    ["an alias", "{ x: me { y: email } }", { x: { y: "a***@***.com" } }],
    [
      "an alias that takes another field's name",
      "{ me { id: email email: id } }",
      { me: { id: "a***@***.com", email: "1" } },
    ],
    [
      "a fragment",
      "{ me { ...f } } fragment f on User { ...g } fragment g on User { e: email }",
      { me: { e: "a***@***.com" } },
    ],
    [
      "an inline fragment",
      "{ find { ... on User { email } ... on Robot { mail: email } } }",
      { find: [{ email: "a***@***.com" }, { mail: "robot@example.com" }] },
    ],
    [
      "an interface: any type that may stand there",
      "{ people { email } }",
      { people: [{ email: "a***@***.com" }, { email: "r***@***.com" }] },
    ],
    ["lists in lists", "{ me { friends { email } } }", { me: { friends: [{ email: "b***@***.com" }] } }],
    ["any type's field", "{ me { s: ssn } }", { me: { s: "***" } }],
    ["a field of the same name on another type", "{ version email }", { version: "1", email: "root@example.com" }],
    ["what @include leaves to a variable", "{ me { email @include(if: true) } }", { me: { email: "a***@***.com" } }],
  ])("%s", async (_title, source, wanted) => {
    const masked = await query("ana", { query: source });
    expect([masked.status, JSON.parse(masked.text)]).toEqual([200, { data: wanted }]);
    const plain = await query("kim", { query: source });
    expect(plain.text).not.toContain("***");
  });

  it("a list of operations", async () => {
    const { text } = await query("ana", [{ query: "{ me { e: email } }" }, { query: "{ email }" }]);
    expect(JSON.parse(text)).toEqual([
      { data: { me: { e: "a***@***.com" } } },
      { data: { email: "root@example.com" } },
    ]);
  });

  it("errors tell what clients find their way by, and no texts", async () => {
    const { text } = await query("ana", { query: "{ x: broken version }" });
    expect(JSON.parse(text)).toEqual({
      errors: [
        {
          message: "***",
          locations: [{ line: 1, column: 3 }],
          path: ["x"],
          extensions: { code: "CONFLICT", value: "***" },
        },
      ],
      data: { x: null, version: "1" },
    });
    expect((await query("kim", { query: "{ broken }" })).text).toContain("duplicate ana@example.com");
  });

  it("a list behind much white space", async () => {
    const { text } = await query("ana", `${" ".repeat(200)}[{"query":"{ me { email } }"}]`);
    expect(text).toContain("a***@***.com");
    expect(text).not.toContain("ana@example.com");
  });

  it.each<readonly [title: string, body: unknown, status: number, says: RegExp]>([
    ["a mutation", { query: 'mutation { rename(name: "x") { id } }' }, 403, /rule mutations/],
    [
      "a mutation in a list",
      [{ query: "{ version }" }, { query: 'mutation { rename(name: "x") { id } }' }],
      403,
      /rule mutations/,
    ],
    [
      "the mutation that operationName chooses",
      { query: 'query A { version } mutation B { rename(name: "x") { id } }', operationName: "B" },
      403,
      /rule mutations/,
    ],
    ["a field by its path, under aliases", { query: "{ a: me { b: friends { c: ssn } } }" }, 403, /rule friends/],
    ["a persisted query", { extensions: { persistedQuery: { sha256Hash: "x" } } }, 400, /persisted/],
    ["two operations and no name", { query: "query A { version } query B { version }" }, 400, /which one/],
    [
      "a fragment that holds itself",
      { query: "{ me { ...f } } fragment f on User { friends { ...f } }" },
      400,
      /holds itself/,
    ],
    ["no GraphQL", { query: "{" }, 400, /can't be read/],
    ["query twice", '{"query":"{ version }","query":"mutation { rename(name: \\"x\\") { id } }"}', 400, /twice/],
    ["too deep", { query: `${"{ me { friends ".repeat(40)}{ id }${" } }".repeat(40)}` }, 400, /deeper|can't be read/],
  ])("refused: %s", async (_title, body, status, says) => {
    const got = await query("ana", body);
    expect([got.status, got.text]).toEqual([status, expect.stringMatching(says)]);
  });

  it.each(["/GraphQL", "/graphql/", "/GRAPHQL/"])("%s, which servers take for the same path", async (path) => {
    const masked = await query("ana", { query: "{ me { email } }" }, path);
    expect([masked.status, JSON.parse(masked.text)]).toEqual([200, { data: { me: { email: "a***@***.com" } } }]);
    const denied = await query("ana", { query: 'mutation { rename(name: "x") { id } }' }, path);
    expect([denied.status, denied.text]).toEqual([403, expect.stringMatching(/rule mutations/)]);
  });

  it("below its path, where servers may answer as well, nobody knows what is asked", async () => {
    for (const path of ["/graphql/x", "/GraphQL/x"]) {
      const denied = await query("ana", { query: "{ me { email } }" }, path);
      expect([denied.status, denied.text]).toEqual([403, expect.stringMatching(/rule mutations/)]);
    }
    expect((await query("ana", { query: "{ version }" }, "/graphqlx")).status).toBe(200);
  });

  it.each<readonly [method: string, path: string, status: number]>([
    ["PUT", "/graphql", 405],
    ["PATCH", "/GraphQL", 405],
    ["DELETE", "/graphql/", 405],
    ["POST", `/graphql?query=${encodeURIComponent('mutation { rename(name: "x") { id } }')}`, 400],
    ["POST", "/graphql?operationName=B", 400],
  ])("%s %s is not taken: it could be read in another way", async (method, path, status) => {
    const before = target.requests.length;
    const answer = await fetch(gateway.url(path), {
      method,
      headers: { ...gateway.as("ana"), "content-type": "application/json" },
      body: '{"query":"{ version }"}',
    });
    expect([answer.status, target.requests.length]).toEqual([status, before]);
  });

  it("a HEAD is read as the GET that it stands for", async () => {
    const head = (source: string): Promise<number> =>
      fetch(gateway.url(`/graphql?query=${encodeURIComponent(source)}`), {
        method: "HEAD",
        headers: gateway.as("ana"),
      }).then(({ status }) => status);
    expect(await head("{ me { friends { ssn } } }")).toBe(403);
    expect(await head('mutation { rename(name: "x") { id } }')).toBe(405);
  });

  it.each([
    ["/graphql", ""],
    ["/GraphQL/", ""],
    ["/live", "Sec-WebSocket-Protocol: graphql-transport-ws\r\n"],
  ])("a WebSocket at %s brings operations later: what a rule asks of them is not known", async (path, protocol) => {
    const text = await gateway.raw(
      `GET ${path} HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n${protocol}Sallyport-Authorization: ${gateway.as("ana")["sallyport-authorization"]}\r\n\r\n`,
      (got) => got.includes("rule"),
    );
    expect(text).toMatch(/^HTTP\/1\.1 403 /);
    expect(text).toContain("mutations");
  });

  it("texts that are no JSON are not taken as an operation, nor a GET with a mutation", async () => {
    const get = (source: string): Promise<Response> =>
      fetch(gateway.url(`/graphql?query=${encodeURIComponent(source)}`), { headers: gateway.as("ana") });
    expect((await get('mutation { rename(name: "x") { id } }')).status).toBe(405);
    const text = await fetch(gateway.url("/graphql"), {
      method: "POST",
      headers: { ...gateway.as("ana"), "content-type": "text/plain" },
      body: '{"query":"{ version }"}',
    });
    expect(text.status).toBe(400);
  });
});

describe("MCP", () => {
  const call = async (
    user: string,
    message: unknown,
    accept = "application/json",
  ): Promise<{ status: number; text: string }> => {
    const body = typeof message === "string" ? message : JSON.stringify(message);
    const text = await gateway.raw(
      `POST /mcp HTTP/1.0\r\nHost: localhost\r\nAccept: ${accept}\r\nContent-Type: application/json\r\nContent-Length: ${Buffer.byteLength(body)}\r\nSallyport-Authorization: ${gateway.as(user)["sallyport-authorization"]}\r\n\r\n${body}`,
    );
    return { status: Number(text.slice(9, 12)), text: text.slice(text.indexOf("\r\n\r\n") + 4) };
  };
  const tool = (name: string, args: object = {}): object => ({
    jsonrpc: "2.0",
    id: 1,
    method: "tools/call",
    params: { name, arguments: args },
  });

  it.each<readonly [title: string, user: string, message: unknown, status: number, says: RegExp]>([
    ["a tool", "dev", tool("list_users"), 200, /"result"/],
    ["a denied tool", "dev", tool("run_shell"), 403, /rule shell: No shells\./],
    [
      "a denied tool, its name escaped",
      "dev",
      '{"jsonrpc":"2.0","id":1,"method":"tools\\/call","params":{"name":"run\\u005fshell"}}',
      403,
      /rule shell/,
    ],
    ["an argument that is allowed", "dev", tool("read_file", { path: "/srv/a" }), 200, /"result"/],
    ["an argument that is not", "dev", tool("read_file", { path: "/etc/shadow" }), 403, /rule outside/],
    [
      "a method twice",
      "dev",
      '{"jsonrpc":"2.0","id":1,"method":"ping","method":"tools/call","params":{"name":"run_shell"}}',
      400,
      /twice/,
    ],
    ["a list of messages", "dev", [tool("list_users")], 400, /one by one/],
    ["no JSON-RPC", "dev", { method: "tools/call" }, 400, /JSON-RPC/],
    ["nobody's agent", "ana", tool("list_users"), 403, /no rule allows this/],
    ["a notification", "dev", { jsonrpc: "2.0", method: "notifications/initialized" }, 202, /^$/],
  ])("%s", async (_title, user, message, status, says) => {
    const got = await call(user, message);
    expect([got.status, got.text]).toEqual([status, expect.stringMatching(says)]);
  });

  it.each(["application/json", "text/event-stream"])("denied tools are not in the list, as %s", async (accept) => {
    const { text } = await call("dev", { jsonrpc: "2.0", id: 3, method: "tools/list" }, accept);
    expect([...text.matchAll(/"name":"(\w+)"/g)].map((match) => match[1])).toEqual(["read_file", "list_users"]);
  });

  it("nor in what comes on the stream of the session", async () => {
    const text = await gateway.raw(
      `GET /mcp HTTP/1.0\r\nHost: localhost\r\nSallyport-Authorization: ${gateway.as("dev")["sallyport-authorization"]}\r\n\r\n`,
    );
    expect(text).toContain("list_users");
    expect(text).not.toContain("run_shell");
  });

  it("no upgrade is taken: what came after it would not be read", async () => {
    const text = await gateway.raw(
      `GET /mcp HTTP/1.1\r\nHost: localhost\r\nConnection: Upgrade, close\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSallyport-Authorization: ${gateway.as("dev")["sallyport-authorization"]}\r\n\r\n`,
    );
    expect(text).toMatch(/^HTTP\/1\.1 400 /);
    expect(text).toContain("streamable HTTP");
  });

  it.each(["application/json", "text/event-stream"])(
    "results are masked, what can't be read is hidden, as %s",
    async (accept) => {
      const { text } = await call("dev", tool("list_users"), accept);
      expect(text).not.toMatch(/ana@example|bob@example|YW5h/);
      expect(text).toContain("a***@***.com");
      expect((await call("kim", tool("list_users"), accept)).text).toContain("YW5h");
      expect((await call("dev", { jsonrpc: "2.0", id: 1, method: "fail" }, accept)).text).not.toContain("ana@example");
    },
  );
});
