import { NOTHING_SHOWN, type CapturedAction, type RunCase } from "../../../compiler/index.ts";
import type { FactMap } from "../../../lang/index.ts";
import { ABSENT, factsOf } from "../../../spec/contract/facts/index.ts";
import {
  HttpAdapter,
  normaliseRequest,
  type Inspection,
  type ReadBody,
  type WebAdapter,
} from "../../../runtime/protocols/http/index.ts";
import { McpAdapter } from "../../../runtime/protocols/mcp/index.ts";

/** Every fact is wanted: a test does not know which rules are in force. */
const READS_ALL = (): boolean => true;

/** The facts of a test's request, found as the gateway finds them: normal form, body, GraphQL on `/graphql`. */
export function captureHttp({ row }: RunCase, session: FactMap): CapturedAction | string {
  const { action } = row;
  if (action.form !== "http") return "this is no HTTP request";
  const target = session.get("target.name");
  const fields = action.headers.map(([name, value]): readonly [string, string] => [name.toLowerCase(), value]);
  if (!fields.some(([name]) => name === "host"))
    fields.unshift(["host", typeof target === "string" ? target.toLowerCase() : "localhost"]);
  return capture(
    "http",
    new HttpAdapter({ paths: ["/graphql"], schema: () => null }),
    action.method,
    action.path,
    fields,
    action.body,
    session,
  );
}

/** The facts of a test's tool call: a `tools/call` message as an MCP client sends it. */
export function captureTool({ row }: RunCase, session: FactMap): CapturedAction | string {
  const { action } = row;
  if (action.form !== "tool") return "this is no tool call";
  const target = session.get("target.name");
  const message = {
    jsonrpc: "2.0",
    id: 1,
    method: "tools/call",
    params: { name: action.name, arguments: action.args },
  };
  const fields = [
    ["host", typeof target === "string" ? target.toLowerCase() : "localhost"],
    ["content-type", "application/json"],
  ] as const;
  return capture("mcp", new McpAdapter(), "POST", "/mcp", fields, JSON.stringify(message), session);
}

function capture(
  protocol: "http" | "mcp",
  adapter: WebAdapter,
  method: string,
  target: string,
  fields: readonly (readonly [string, string])[],
  body: string | null,
  session: FactMap,
): CapturedAction | string {
  const bytes = body === null ? null : Buffer.from(body);
  const length = bytes === null ? [] : [["content-length", String(bytes.length)] as const];
  const request = normaliseRequest({ method, target, minor: 1, fields: [...fields, ...length] });
  if (!request.ok) return `the gateway does not take this request: ${request.error.why}`;
  const read: ReadBody = bytes === null ? { kind: "none" } : { kind: "read", bytes };
  const inspected = adapter.inspect(request.value, read, READS_ALL);
  if (!inspected.ok) return `the gateway does not take this request: ${inspected.error.why}`;
  return { protocol, units: unitsOf(protocol, inspected.value, session), show: () => NOTHING_SHOWN };
}

function unitsOf(protocol: "http" | "mcp", { actions }: Inspection, session: FactMap): readonly FactMap[] {
  return actions.map((own) => {
    const facts = new Map(session);
    for (const { path } of factsOf(protocol)) {
      // What a test states of its own accord stands in place of what would be found.
      if (session.has(path)) continue;
      const value = own(path);
      if (value !== undefined && value !== ABSENT) facts.set(path, value);
    }
    return facts;
  });
}
