import { BOOL, INT, STRING, enumOf, fact, listOf, mapOf, recordOf, setOf, type Fact } from "./schema.ts";

export const HTTP_METHODS = [
  "GET",
  "HEAD",
  "POST",
  "PUT",
  "PATCH",
  "DELETE",
  "OPTIONS",
  "TRACE",
  "CONNECT",
  "other",
] as const;
export type HttpMethod = (typeof HTTP_METHODS)[number];

export const GRAPHQL_OPERATIONS = ["query", "mutation", "subscription"] as const;

const UPLOAD = recordOf("Upload", [
  { name: "field", type: STRING, doc: "The form field." },
  { name: "filename", type: STRING, doc: "The name that the client gave; empty when it gave none." },
  { name: "content_type", type: STRING, doc: "The type that the client stated." },
  { name: "bytes", type: INT, doc: "Its size." },
]);

/** Facts of one HTTP request. Everything is the normalised form, which is also what is sent on. */
export const HTTP_FACTS = [
  fact(
    "request.method",
    enumOf("HttpMethod", HTTP_METHODS),
    "execution",
    "The method; one without a name here is `other`.",
  ),
  fact("request.path", STRING, "execution", "The path, decoded once, without dot segments or empty segments."),
  fact("request.segments", listOf(STRING), "execution", "The path's segments."),
  fact(
    "request.query",
    mapOf(STRING),
    "execution",
    "The query's fields; a field given twice is refused before any rule.",
  ),
  fact("request.host", STRING, "execution", "The host that is asked for, in lower case, without the port."),
  fact("request.headers", mapOf(STRING), "execution", "The request's fields by name in lower case."),
  fact("request.content_type", STRING, "execution", "The body's media type, without parameters.", "optional"),
  fact("request.body_bytes", INT, "execution", "The body's size, when it is known before it comes.", "optional"),
  fact("request.json", mapOf(STRING), "execution", "Scalars of a JSON or form body by path: `$.items[0].price`."),
  fact("request.uploads", listOf(UPLOAD), "execution", "Files of a multipart body."),
  fact(
    "request.upgrade",
    STRING,
    "execution",
    "The protocol that the connection is to change to: `websocket`.",
    "optional",
  ),
  fact(
    "graphql.operation",
    enumOf("GraphqlOperation", GRAPHQL_OPERATIONS),
    "execution",
    "What the operation is.",
    "optional",
  ),
  fact("graphql.name", STRING, "execution", "The operation's name.", "optional"),
  fact(
    "graphql.fields",
    setOf(STRING),
    "execution",
    "Every field selected, by its path without aliases: `user.email`.",
  ),
  fact("graphql.introspection", BOOL, "execution", "Whether the schema itself is asked for."),
] as const satisfies readonly Fact[];

export const MCP_FACTS = [
  fact("mcp.method", STRING, "execution", "The method of the message: `tools/call`."),
  fact("tool.name", STRING, "execution", "The tool that is called.", "optional"),
  fact("tool.arguments", mapOf(STRING), "execution", "Scalars of the call's arguments by path: `$.path`."),
  fact("resource.uri", STRING, "execution", "The resource that is read.", "optional"),
  fact("prompt.name", STRING, "execution", "The prompt that is asked for.", "optional"),
  fact("request.path", STRING, "execution", "The path of the HTTP request that carries the message."),
  fact("request.host", STRING, "execution", "The host that is asked for, in lower case, without the port."),
  fact("request.headers", mapOf(STRING), "execution", "The request's fields by name in lower case."),
] as const satisfies readonly Fact[];
