import { describe, expect, it } from "vitest";
import { maskRule, masksOf } from "../../../test/support/body-masks.ts";
import type { BodyMasks } from "../../enforce/mask/index.ts";
import { MessageMask, type Answered, type JsonObject } from "./message-mask.ts";

const MAIL = "ana@example.com";
/** Finds the address, or digits that make a number of nine. */
const scan = (text: string): string => text.replaceAll(MAIL, "***").replaceAll(/\d{9}/g, "***");

const FIELDS = masksOf([maskRule("mcp", ["$..email"])]);
const DETECTED = masksOf([maskRule("mcp", [], { detect: ["email"] })], scan);
const CALLED: Answered = { method: "tools/call", uri: null };
const masked = (message: JsonObject, masks: BodyMasks, answered: Answered = CALLED): JsonObject =>
  JSON.parse(
    JSON.stringify(new MessageMask(masks, new Set(), answered).message({ jsonrpc: "2.0", id: 1, ...message })),
  ) as JsonObject;

describe("nothing passes because of where it stands", () => {
  it.each<readonly [title: string, message: JsonObject]>([
    ["a result that is a text", { result: MAIL }],
    ["a result that is a list", { result: [MAIL, { x: MAIL }] }],
    ["an error that is a text", { error: MAIL }],
    ["an error's message", { error: { code: 1, message: `duplicate ${MAIL}` } }],
    ["an error's data that is a text", { error: { code: 1, message: "", data: MAIL } }],
    ["an error's own member", { error: { code: 1, message: "", hint: MAIL } }],
    ["an error's code that is a text", { error: { code: MAIL } }],
    ["params that are a list", { method: "x", params: [MAIL] }],
    ["a log line", { method: "notifications/message", params: { level: "info", data: MAIL } }],
    ["progress", { method: "notifications/progress", params: { progressToken: 1, progress: 1, message: MAIL } }],
    ["content that is an object", { result: { content: { type: "text", text: MAIL } } }],
    ["content that is a text", { result: { content: MAIL } }],
    ["content that is a list of texts", { result: { content: [MAIL] } }],
    [
      "a message's content that is a list",
      { result: { messages: [{ role: "user", content: [{ type: "text", text: MAIL }] }] } },
    ],
    ["_meta of a result", { result: { content: [], _meta: { who: MAIL } } }],
    ["_meta of a content", { result: { content: [{ type: "text", text: "{}", _meta: { who: MAIL } }] } }],
    ["instructions", { result: { instructions: MAIL } }],
    ["completion", { result: { completion: { values: [MAIL] } } }],
    ["a link", { result: { content: [{ type: "resource_link", uri: `x://${MAIL}`, name: MAIL, description: MAIL }] } }],
    [
      "an embedded resource",
      { result: { content: [{ type: "resource", resource: { uri: `x://${MAIL}`, text: MAIL } }] } },
    ],
    ["structure that is none", { result: { content: [{ type: MAIL, role: MAIL, mimeType: `${MAIL}/x` }] } }],
    ["a member of the message that nobody knows", { extra: MAIL }],
    ["a method that is none", { method: MAIL, params: {} }],
    ["an id that is none", { id: MAIL, result: {} }],
    ["a list of tools that nobody asked for", { result: { tools: [{ name: "x", description: MAIL }] } }],
    ["a cursor that nobody asked for", { result: { nextCursor: MAIL } }],
    [
      "a value that a path names in an object nobody knows",
      { result: { unknown: { email: MAIL, deep: { email: MAIL } } } },
    ],
    ["structuredContent", { result: { structuredContent: { email: MAIL, list: [{ email: MAIL }] } } }],
    ["a text that is JSON", { result: { content: [{ type: "text", text: JSON.stringify({ email: MAIL }) }] } }],
  ])("%s", (_title, message) => {
    expect(JSON.stringify(masked(message, FIELDS))).not.toContain("ana@");
    expect(JSON.stringify(masked(message, DETECTED))).not.toContain("ana@");
  });

  it("numbers and flags that a path names, from wherever it may begin", () => {
    const masks = masksOf([maskRule("mcp", ["$.salary", "$.rows[1].ill"])]);
    const result = { salary: 5, _meta: { salary: 6, rows: [{ ill: true }, { ill: true }] }, x: { y: { salary: 7 } } };
    expect(masked({ result }, masks)["result"]).toEqual({
      salary: null,
      _meta: { salary: null, rows: [{ ill: true }, { ill: null }] },
      x: { y: { salary: null } },
    });
    expect(masked({ result: 123 }, masks)["result"]).toBe("***");
  });

  it("numbers and keys that a detector knows, also those too long to be read exactly", () => {
    expect(masked({ result: { a: 123456789, b: 1234567890123456789, c: 12, [MAIL]: 1 } }, DETECTED)["result"]).toEqual({
      a: null,
      b: null,
      c: 12,
      "***": 1,
    });
  });

  it("bytes that can't be read are emptied", () => {
    const result = {
      content: [
        { type: "image", data: "YW5h", mimeType: "image/png" },
        { type: "x", blob: "YW5h" },
      ],
    };
    for (const masks of [FIELDS, DETECTED]) expect(JSON.stringify(masked({ result }, masks))).not.toContain("YW5h");
  });
});

describe("what stays", () => {
  it.each<readonly [title: string, answered: Answered, message: JsonObject]>([
    ["an empty answer", CALLED, { id: "a-1", result: {} }],
    [
      "what clients find their way by",
      CALLED,
      {
        result: {
          content: [{ type: "text", text: '{"a":"b"}', annotations: { audience: ["user"], priority: 0.5 } }],
          isError: false,
        },
      },
    ],
    ["JSON that no path names", CALLED, { result: { structuredContent: { name: "Ana", n: 1, list: ["x"] } } }],
    [
      "a request of the server",
      CALLED,
      {
        method: "sampling/createMessage",
        params: { messages: [{ role: "user", content: { type: "text", text: "[]" } }], maxTokens: 9 },
      },
    ],
    ["progress", CALLED, { method: "notifications/progress", params: { progressToken: "t-1", progress: 1, total: 2 } }],
    [
      "a log line's data",
      CALLED,
      { method: "notifications/message", params: { level: "info", data: { a: "free text" } } },
    ],
    [
      "tools",
      { method: "tools/list", uri: null },
      {
        result: {
          tools: [
            {
              name: "find",
              description: "Finds people.",
              inputSchema: { type: "object", properties: { email: { type: "string", description: "Whom." } } },
            },
          ],
          nextCursor: "cGFnZTI=",
        },
      },
    ],
    [
      "prompts",
      { method: "prompts/list", uri: null },
      { result: { prompts: [{ name: "p", description: "A prompt." }] } },
    ],
    [
      "resources",
      { method: "resources/list", uri: null },
      { result: { resources: [{ uri: "file:///a b", name: "a b", mimeType: "text/plain" }] } },
    ],
    [
      "a resource that was asked for",
      { method: "resources/read", uri: "file:///a b" },
      { result: { contents: [{ uri: "file:///a b", mimeType: "application/json; charset=utf-8", text: "{}" }] } },
    ],
    [
      "the beginning",
      { method: "initialize", uri: null },
      {
        result: {
          protocolVersion: "2025-06-18",
          capabilities: { tools: { listChanged: true }, logging: {} },
          serverInfo: { name: "My server", version: "1.0" },
        },
      },
    ],
    [
      "a tool's name on the stream of a session",
      { method: null, uri: null },
      { result: { tools: [{ name: "find" }] } },
    ],
  ])("%s", (_title, answered, message) => {
    const whole = { jsonrpc: "2.0", id: 1, ...message };
    expect(masked(message, FIELDS, answered)).toEqual(whole);
    expect(masked(message, DETECTED, answered)).toEqual(whole);
  });
});
