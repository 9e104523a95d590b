import { buildSchema } from "graphql";
import { describe, expect, it } from "vitest";
import { maskRule, masksOf } from "../../../test/support/body-masks.ts";
import type { ReadBody } from "./adapter.ts";
import { foldedPath, graphqlReach, type GraphqlReach } from "./graphql-request.ts";
import { headEnd, readRequestHead, type ResponseHead } from "./head.ts";
import { HttpAdapter } from "./http-adapter.ts";
import { normaliseRequest, type NormalRequest } from "./request.ts";

function request(line: string, ...fields: readonly string[]): NormalRequest {
  const bytes = Buffer.from(`${line} HTTP/1.1\r\nHost: api\r\n${fields.map((one) => `${one}\r\n`).join("")}\r\n`);
  const end = headEnd(bytes, 0, bytes.length, 0);
  const head = end.ok ? readRequestHead(bytes, 0, end.value) : end;
  const made = head.ok ? normaliseRequest(head.value) : head;
  if (!made.ok) throw new Error(made.error.why);
  return made.value;
}
const UPGRADE = [
  "Connection: Upgrade",
  "Upgrade: websocket",
  "Sec-WebSocket-Version: 13",
  "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==",
];

describe("what reaches GraphQL", () => {
  it.each<readonly [line: string, fields: readonly string[], paths: readonly string[], reach: GraphqlReach]>([
    ["POST /graphql", [], ["/graphql"], "operations"],
    ["POST /graph%71l", [], ["/graphql"], "operations"],
    ["PUT /GraphQL/", [], ["/graphql"], "operations"],
    ["POST /graphql", [], ["/GraphQL/"], "operations"],
    ["POST /graphql/admin", [], ["/graphql", "/graphql/admin"], "operations"],
    ["POST /graphql/other", [], ["/graphql"], "unknown"],
    ["OPTIONS /graphql", [], ["/graphql"], "unknown"],
    ["GET /graphql", UPGRADE, ["/graphql"], "unknown"],
    ["GET /x", [...UPGRADE, "Sec-WebSocket-Protocol: chat, graphql-ws"], [], "unknown"],
    ["GET /x", UPGRADE, ["/graphql"], "none"],
    ["POST /graphqlx", [], ["/graphql"], "none"],
    ["POST /x/graphql", [], ["/graphql"], "none"],
    ["POST /", [], ["/"], "operations"],
    ["POST /x", [], ["/"], "unknown"],
    ["POST /graphql", [], [], "none"],
  ])("%s %j under %j: %s", (line, fields, paths, reach) => {
    expect(graphqlReach(request(line, ...fields), paths.map(foldedPath))).toBe(reach);
  });
});

const schema = buildSchema("type Query { me: User version: String twice: String } type User { email: String }");
const adapter = new HttpAdapter({ paths: ["/graphql"], schema: () => schema });
const nothing = (): boolean => false;

const USERS = masksOf([
  maskRule("http", ["Query.twice"], { name: "mild", mask: { kind: "email", args: [] } }),
  maskRule("http", ["User.email", "*.twice"]),
]);

const JSON_HEAD: ResponseHead = {
  status: 200,
  reason: "OK",
  minor: 1,
  fields: [["content-type", "application/json"]],
};

describe("answers under a mask by type", () => {
  const NONE: ReadBody = { kind: "none" };

  it("what may answer an operation that was not read is not shown", () => {
    const inspected = adapter.inspect(request("GET /graphql/x"), NONE, nothing);
    expect(inspected.ok && inspected.value.answer(JSON_HEAD, USERS, nothing)).toMatchObject({
      kind: "unreadable",
      why: expect.stringMatching(/not read.*people/) as string,
    });
  });

  it.each<readonly [title: string, asked: string, answer: string, shown: string]>([
    ["data", "{ me { email } }", '{"data":{"me":{"email":"a"}}}', '{"data":{"me":{"email":"***"}}}'],
    ["texts of errors", "{ version }", '{"errors":[{"message":"a"},"a"]}', '{"errors":[{"message":"***"},"***"]}'],
    ["errors that are no list", "{ version }", '{"errors":{"message":"a"}}', '{"errors":{"message":"***"}}'],
    ["an error that is a text", "{ version }", '{"errors":"a"}', '{"errors":"***"}'],
    [
      "structure of an error",
      "{ version }",
      '{"errors":[{"locations":[{"line":1}],"path":["x",0],"extensions":{"code":"C","n":1}}]}',
      '{"errors":[{"locations":[{"line":1}],"path":["x",0],"extensions":{"code":"C","n":null}}]}',
    ],
    ["extensions", "{ version }", '{"extensions":{"trace":"a"}}', '{"extensions":{"trace":"***"}}'],
    ["members that nobody knows", "{ version }", '{"data":null,"more":{"a":"a"}}', '{"data":null,"more":{"a":"***"}}'],
    [
      "keys that were not asked for",
      "{ version }",
      '{"data":{"version":"1","a":"a"}}',
      '{"data":{"version":"1","a":"***"}}',
    ],
    ["__typename", "{ me { t: __typename } }", '{"data":{"me":{"t":"User"}}}', '{"data":{"me":{"t":"User"}}}'],
    ["a text in place of an object", "{ me { email } }", '{"data":{"me":"a"}}', '{"data":{"me":"***"}}'],
    [
      "a list that was not asked for",
      "{ me { email } }",
      '[{"data":{"me":{"email":"a"}}}]',
      '[{"data":{"me":{"email":"***"}}}]',
    ],
    ["an answer that is a text", "{ version }", '"a"', '"***"'],
    [
      "introspection",
      "{ __schema { types { name } } }",
      '{"data":{"__schema":{"types":[{"name":"A"}]}}}',
      '{"data":{"__schema":{"types":[{"name":"A"}]}}}',
    ],
    [
      "a field that two masks name: the strictest holds",
      "{ twice }",
      '{"data":{"twice":"ana@example.com"}}',
      '{"data":{"twice":"***"}}',
    ],
  ])("%s", (_title, query, answer, shown) => {
    const body = Buffer.from(JSON.stringify({ query }));
    const fields = [`Content-Length: ${body.length}`, "Content-Type: application/json"];
    const inspected = adapter.inspect(request("POST /graphql", ...fields), { kind: "read", bytes: body }, nothing);
    const plan = inspected.ok ? inspected.value.answer(JSON_HEAD, USERS, nothing) : null;
    const out = plan?.kind === "mask" ? [plan.transform.push(Buffer.from(answer)), plan.transform.end()] : [];
    expect(Buffer.concat(out).toString()).toBe(shown);
  });

  it("a list that is answered with one object", () => {
    const body = Buffer.from('[{"query":"{ version }"}]');
    const fields = [`Content-Length: ${body.length}`, "Content-Type: application/json"];
    const inspected = adapter.inspect(request("POST /graphql", ...fields), { kind: "read", bytes: body }, nothing);
    const plan = inspected.ok ? inspected.value.answer(JSON_HEAD, USERS, nothing) : null;
    const answer = Buffer.from('{"errors":[{"message":"a"}],"data":{"a":"a"}}');
    const out = plan?.kind === "mask" ? [plan.transform.push(answer), plan.transform.end()] : [];
    expect(Buffer.concat(out).toString()).toBe('{"errors":[{"message":"***"}],"data":{"a":"***"}}');
  });

  it("paths that have nothing to do with it are not touched", () => {
    const inspected = adapter.inspect(request("GET /other"), NONE, nothing);
    const plan = inspected.ok ? inspected.value.answer(JSON_HEAD, USERS, nothing) : null;
    const body = Buffer.from('{"email":"ana@example.com"}');
    expect(plan?.kind === "mask" && plan.transform.push(body).toString()).toBe(body.toString());
  });
});
