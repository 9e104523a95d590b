import { ok, type Result } from "../../../base/result.ts";
import { ABSENT, UNKNOWN, type FactValue } from "../../../spec/contract/facts/index.ts";
import { maskJson, type BodyMasks } from "../../enforce/mask/index.ts";
import { EventMasker } from "../../enforce/mask/index.ts";
import { readScalars } from "../../facts/index.ts";
import {
  WholeBody,
  bodyKind,
  fieldOf,
  httpFault,
  readMediaType,
  requestText,
  type AnswerPlan,
  type BodyTransform,
  type HttpFault,
  type Inspection,
  type NormalRequest,
  type OwnFacts,
  type Permits,
  type ReadBody,
  type ResponseHead,
  type WebAdapter,
} from "../http/index.ts";

/** What the facts call requests that carry no message of the client's own: the stream of the server, and the end of a session. */
const LISTEN = "session/listen";
const END = "session/end";
/** An answer of the client to the server (sampling, elicitation, roots). */
const ANSWER = "client/answer";

const NO_MAP: ReadonlyMap<string, string> = new Map();

/** What a message asks for. */
interface Asked {
  readonly method: string;
  readonly tool: string | null;
  readonly arguments: FactValue;
  readonly uri: string | null;
  readonly prompt: string | null;
}

const asks = (method: string): Asked => ({ method, tool: null, arguments: NO_MAP, uri: null, prompt: null });

/**
 * The Model Context Protocol over streamable HTTP (specification of 2025-06-18): each POST is one JSON-RPC message, answered
 * with JSON or with events. Tools that would be denied are left out of lists.
 */
export class McpAdapter implements WebAdapter {
  readonly protocol = "mcp";

  wantsBody(): boolean {
    return true;
  }

  inspect(request: NormalRequest, body: ReadBody): Result<Inspection, HttpFault> {
    const asked = read(request, body);
    if (!asked.ok) return asked;
    const { value } = asked;
    return ok({
      actions: [factsOf(request, value)],
      kinds: [value.tool === null ? value.method : `${value.method} ${value.tool}`],
      text: requestText(request, body),
      // The stream of a session may bring the answer to any earlier question again.
      alwaysAnswers: value.method === "tools/list" || value.method === LISTEN,
      answer: (head, masks, permits) =>
        answer(head, masks, (name) =>
          permits(factsOf(request, { ...asks("tools/call"), tool: name, arguments: UNKNOWN }), ["tool.arguments"]),
        ),
    });
  }
}

function read(request: NormalRequest, body: ReadBody): Result<Asked, HttpFault> {
  // What is said after an upgrade is not read as MCP.
  if (request.websocket) return httpFault(400, "MCP is spoken over streamable HTTP; an upgrade is not taken");
  if (request.method === "GET") return ok(asks(LISTEN));
  if (request.method === "DELETE") return ok(asks(END));
  if (request.method !== "POST") return httpFault(405, "an MCP server takes POST, GET and DELETE");
  if (request.byName.has("content-encoding")) return httpFault(415, "an MCP message is sent without Content-Encoding");
  if (body.kind === "too-large") return httpFault(413, "the MCP message is longer than what is read");
  if (body.kind !== "read" || request.contentType?.type !== "application/json")
    return httpFault(415, "an MCP message is sent as application/json");
  const scalars = readScalars(body.bytes);
  if (!scalars.ok) return httpFault(400, scalars.error);
  const message = JSON.parse(body.bytes.toString("utf8")) as unknown;
  if (Array.isArray(message)) return httpFault(400, "a list of MCP messages is not taken; send them one by one");
  if (typeof message !== "object" || message === null || scalars.value.get("$.jsonrpc") !== "2.0")
    return httpFault(400, "the body is no JSON-RPC 2.0 message");
  const { method, params } = message as { method?: unknown; params?: unknown };
  if (method === undefined && ("result" in message || "error" in message)) return ok(asks(ANSWER));
  if (typeof method !== "string") return httpFault(400, "the JSON-RPC message has no method");
  const text = (name: string): string | null => {
    const value = (params as Record<string, unknown> | undefined)?.[name];
    return typeof value === "string" ? value : null;
  };
  const prefix = "$.params.arguments";
  const args = new Map<string, string>();
  for (const [path, value] of scalars.value)
    if (path.startsWith(prefix)) args.set(`$${path.slice(prefix.length)}`, value);
  const tool = method === "tools/call" ? text("name") : null;
  if (method === "tools/call" && tool === null) return httpFault(400, "tools/call names no tool");
  const uri = method.startsWith("resources/") ? text("uri") : null;
  if (method === "resources/read" && uri === null) return httpFault(400, "resources/read names no resource");
  return ok({ method, tool, arguments: args, uri, prompt: method === "prompts/get" ? text("name") : null });
}

function factsOf(request: NormalRequest, asked: Asked): OwnFacts {
  return (path) => {
    switch (path) {
      case "mcp.method":
        return asked.method;
      case "tool.name":
        return asked.tool ?? ABSENT;
      case "tool.arguments":
        return asked.arguments;
      case "resource.uri":
        return asked.uri ?? ABSENT;
      case "prompt.name":
        return asked.prompt ?? ABSENT;
      case "request.path":
        return request.target.path;
      case "request.host":
        return request.authority.host;
      case "request.headers":
        return request.byName;
      default:
        return /^(mcp|tool|resource|prompt|request)\./.test(path) ? UNKNOWN : undefined;
    }
  };
}

/** Answers are read whole, message by message: lists are cut down, results masked. */
function answer(head: ResponseHead, masks: BodyMasks | null, mayCall: (tool: string) => boolean): AnswerPlan {
  const media = readMediaType(fieldOf(head.fields, "content-type"));
  const labels = new Set<string>();
  const change = (text: string): string | null => changeMessage(text, masks, mayCall, labels);
  switch (bodyKind(media?.type ?? "")) {
    case "json":
      return {
        kind: "mask",
        transform: {
          ...wholeOf((body) => {
            const out = change(body.toString("utf8"));
            return out === null ? "the answer is no JSON-RPC message" : { out: Buffer.from(out), masked: [] };
          }),
          masked: () => [...labels],
        },
      };
    case "events": {
      const events = new EventMasker(change);
      return {
        kind: "mask",
        transform: {
          get fault() {
            return events.fault;
          },
          push: (chunk) => events.push(chunk),
          end: () => events.end(),
          masked: () => [...labels],
        },
      };
    }
    default:
      return { kind: "unreadable", why: `an MCP answer of type ${media?.type ?? "unknown"} can't be read` };
  }
}

function wholeOf(
  change: (body: Buffer) => { readonly out: Buffer; readonly masked: readonly string[] } | string,
): BodyTransform {
  const whole = new WholeBody(change, null);
  return {
    get fault() {
      return whole.fault;
    },
    push: (chunk) => whole.push(chunk),
    end: () => whole.end(),
    masked: () => [],
  };
}

const HIDDEN_TEXT = "***";

/** One JSON-RPC message, changed; null when it is none. */
function changeMessage(
  text: string,
  masks: BodyMasks | null,
  mayCall: (tool: string) => boolean,
  labels: Set<string>,
): string | null {
  if (!readScalars(Buffer.from(text)).ok) return null;
  const message = JSON.parse(text) as Json;
  const all = Array.isArray(message) ? message : [message];
  for (const one of all) {
    if (!isObject(one)) return null;
    const { result } = one;
    if (isObject(result)) {
      if (Array.isArray(result["tools"]))
        result["tools"] = result["tools"].filter(
          (tool) => isObject(tool) && typeof tool["name"] === "string" && mayCall(tool["name"]),
        );
      if (masks !== null) maskResult(result, masks, labels);
    }
    if (masks !== null && isObject(one["error"])) maskAll(one["error"], ["message", "data"], masks, labels);
    // What the server tells of its own accord: progress, log lines, questions to the client.
    if (masks !== null && isObject(one["params"])) one["params"] = maskValue(one["params"], masks, labels);
  }
  return JSON.stringify(message);
}

type Json = null | boolean | number | string | Json[] | JsonObject;
interface JsonObject {
  [key: string]: Json;
}
const isObject = (value: Json | undefined): value is JsonObject =>
  typeof value === "object" && value !== null && !Array.isArray(value);

/** Results of tools (`structuredContent`, `content`), resources (`contents`) and prompts (`messages`). */
function maskResult(result: JsonObject, masks: BodyMasks, labels: Set<string>): void {
  if (result["structuredContent"] !== undefined)
    result["structuredContent"] = maskValue(result["structuredContent"], masks, labels);
  for (const list of ["content", "contents", "messages"]) {
    const items = result[list];
    if (!Array.isArray(items)) continue;
    for (const item of items) {
      if (!isObject(item)) continue;
      maskContent(item, masks, labels);
      for (const inner of ["resource", "content"]) {
        const one = item[inner];
        if (isObject(one)) maskContent(one, masks, labels);
      }
    }
  }
}

/** Text that is JSON is masked as such; other text only scanned: under a mask of fields it is hidden. So is what is no text. */
function maskContent(item: JsonObject, masks: BodyMasks, labels: Set<string>): void {
  const text = item["text"];
  if (typeof text === "string") item["text"] = maskString(text, masks, labels);
  for (const binary of ["data", "blob"]) {
    if (item[binary] === undefined) continue;
    item[binary] = "";
    labels.add(`${binary} that can't be read`);
  }
}

function maskString(text: string, masks: BodyMasks, labels: Set<string>): string {
  const json = /^\s*[[{]/.test(text) ? maskJson(Buffer.from(text), masks) : null;
  const made =
    json !== null
      ? json.toString("utf8")
      : masks.readsFields
        ? HIDDEN_TEXT
        : masks.scan === null
          ? text
          : masks.scan(text);
  if (made !== text) labels.add(json === null && masks.readsFields ? "text that is not JSON" : "results");
  return made;
}

function maskValue(value: Json, masks: BodyMasks, labels: Set<string>): Json {
  const text = JSON.stringify(value);
  const made = maskJson(Buffer.from(text), masks);
  if (made === null) return HIDDEN_TEXT;
  const out = made.toString("utf8");
  if (out !== text) labels.add("results");
  return JSON.parse(out) as Json;
}

function maskAll(error: JsonObject, names: readonly string[], masks: BodyMasks, labels: Set<string>): void {
  for (const name of names) {
    const value = error[name];
    if (typeof value === "string") error[name] = maskString(value, masks, labels);
    else if (value !== undefined) error[name] = maskValue(value, masks, labels);
  }
}

export type { Permits };
