import { ok, type Result } from "../../../base/result.ts";
import { ABSENT, UNKNOWN, type FactValue } from "../../../spec/contract/facts/index.ts";
import { EventMasker, eventWord, type BodyMasks } from "../../enforce/mask/index.ts";
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
  type ReadBody,
  type ResponseHead,
  type WebAdapter,
} from "../http/index.ts";
import { MessageMask, isObject, type Answered, type Json, type JsonObject } from "./message-mask.ts";

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
        answer(head, masks, { method: value.method === LISTEN ? null : value.method, uri: value.uri }, (name) =>
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
function answer(
  head: ResponseHead,
  masks: BodyMasks | null,
  answered: Answered,
  mayCall: (tool: string) => boolean,
): AnswerPlan {
  const media = readMediaType(fieldOf(head.fields, "content-type"));
  const labels = new Set<string>();
  const active = masks === null || (!masks.readsFields && masks.scan === null) ? null : masks;
  const masked = active === null ? null : new MessageMask(active, labels, answered);
  const change = (text: string): string | null => changeMessage(text, masked, mayCall);
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
      const events = new EventMasker(change, active === null ? (word) => word : eventWord(active, labels));
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

/** One JSON-RPC message, changed; null when it is none. */
function changeMessage(text: string, masks: MessageMask | null, mayCall: (tool: string) => boolean): string | null {
  if (!readScalars(Buffer.from(text)).ok) return null;
  const message = JSON.parse(text) as Json;
  const all = Array.isArray(message) ? message : [message];
  const out: JsonObject[] = [];
  for (const one of all) {
    if (!isObject(one)) return null;
    const { result } = one;
    if (isObject(result) && Array.isArray(result["tools"]))
      result["tools"] = result["tools"].filter(
        (tool) => isObject(tool) && typeof tool["name"] === "string" && mayCall(tool["name"]),
      );
    out.push(masks === null ? one : masks.message(one));
  }
  return JSON.stringify(Array.isArray(message) ? out : out[0]);
}
