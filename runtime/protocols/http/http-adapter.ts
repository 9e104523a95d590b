import {
  buildClientSchema,
  buildSchema,
  getIntrospectionQuery,
  type GraphQLSchema,
  type IntrospectionQuery,
} from "graphql";
import { err, ok, type Result } from "../../../base/result.ts";
import { ABSENT, HTTP_METHODS, UNKNOWN, type FactRecord, type FactValue } from "../../../spec/contract/facts/index.ts";
import { readScalars } from "../../facts/index.ts";
import type { BodyMasks, RequestText } from "../../enforce/mask/index.ts";
import type { AnswerPlan, Inspection, OwnFacts, ReadBody, WebAdapter } from "./adapter.ts";
import { bodyKind, chained, jsonTransform, planAnswer } from "./answer.ts";
import { boundaryOf, readForm, readParts } from "./forms.ts";
import { NO_GRAPHQL, foldedPath, graphqlReach, readGraphql, type GraphqlAsk } from "./graphql-request.ts";
import { graphqlPlaces, type GraphqlOperation } from "./graphql.ts";
import { fieldOf, httpFault, type HttpFault, type ResponseHead } from "./head.ts";
import type { NormalRequest } from "./request.ts";
import { readMediaType } from "./fields.ts";

/** A target's GraphQL: where it answers, and its schema as far as it is known. */
export interface GraphqlSettings {
  readonly paths: readonly string[];
  readonly schema: () => GraphQLSchema | null;
}

const METHODS: ReadonlySet<string> = new Set(HTTP_METHODS);
const NO_MAP: ReadonlyMap<string, string> = new Map();
const BODY_FACTS = ["request.json", "request.uploads"];

/** What the facts say of a body. */
interface BodyFacts {
  readonly json: FactValue;
  readonly uploads: FactValue;
}
const NO_BODY: BodyFacts = { json: NO_MAP, uploads: [] };
const UNKNOWN_BODY: BodyFacts = { json: UNKNOWN, uploads: UNKNOWN };

/** Plain HTTP, with GraphQL where a target speaks it. */
export class HttpAdapter implements WebAdapter {
  readonly protocol = "http";
  readonly #graphql: GraphqlSettings | null;
  readonly #paths: readonly string[];

  constructor(graphql: GraphqlSettings | null) {
    this.#graphql = graphql;
    this.#paths = (graphql?.paths ?? []).map(foldedPath);
  }

  wantsBody(request: NormalRequest, reads: (prefix: string) => boolean): boolean {
    return graphqlReach(request, this.#paths) === "operations" || BODY_FACTS.some((path) => reads(path));
  }

  inspect(request: NormalRequest, body: ReadBody, reads: (prefix: string) => boolean): Result<Inspection, HttpFault> {
    if (reads("request.query")) {
      const names = request.target.query.map(([name]) => name);
      const twice = names.find((name, i) => names.indexOf(name) !== i);
      if (twice !== undefined)
        return httpFault(400, `the query's field ${JSON.stringify(twice)} is given twice, and a rule reads the query`);
    }
    const facts = bodyFacts(request, body, reads);
    if (!facts.ok) return facts;
    const reach = graphqlReach(request, this.#paths);
    const asked = reach === "operations" ? readGraphql(request, body) : ok<GraphqlAsk>({ ...NO_GRAPHQL, reach });
    if (!asked.ok) return asked;
    const { operations } = asked.value;
    const actions =
      operations.length === 0
        ? [httpFacts(request, facts.value, statedBytes(request, body), reach === "unknown" ? "unknown" : null)]
        : operations.map((one) => httpFacts(request, facts.value, statedBytes(request, body), one));
    return ok({
      actions,
      kinds:
        operations.length === 0
          ? [request.method]
          : [...new Set(operations.map((one) => `${request.method} ${one.kind}`))],
      text: requestText(request, body),
      alwaysAnswers: false,
      answer: (head, masks) => this.#answer(head, masks, asked.value),
    });
  }

  #answer(head: ResponseHead, masks: BodyMasks | null, { reach, operations, list }: GraphqlAsk): AnswerPlan {
    if (masks === null || masks.typeFields.length === 0 || reach === "none") return planAnswer(head, masks);
    const rules = masks.rules.join(", ");
    if (reach === "unknown")
      return { kind: "unreadable", why: `it may answer GraphQL that was not read, and mask ${rules} applies` };
    const schema = this.#graphql!.schema();
    if (schema === null)
      return { kind: "unreadable", why: `the target's GraphQL schema is not known, and mask ${rules} applies` };
    const type = readMediaType(fieldOf(head.fields, "content-type"))?.type ?? "";
    if (bodyKind(type) !== "json")
      return {
        kind: "unreadable",
        why: `a GraphQL answer of type ${type || "unknown"} can't be read, and mask ${rules} applies`,
      };
    const places = graphqlPlaces(operations, list, schema, masks);
    if (!places.ok) return { kind: "unreadable", why: `the answer can't be masked: ${places.error}` };
    const byType = jsonTransform(places.value.masks, places.value.places, false, false);
    const rest = planAnswer(head, masks);
    return { kind: "mask", transform: rest.kind === "mask" ? chained(byType, rest.transform) : byType };
  }
}

/** Reads a schema from text: SDL, or the answer to an introspection query. */
export function readSchema(text: string): Result<GraphQLSchema, string> {
  try {
    if (!/^\s*\{/.test(text)) return ok(buildSchema(text));
    const value = JSON.parse(text) as { data?: IntrospectionQuery } & IntrospectionQuery;
    return ok(buildClientSchema(value.data ?? value));
  } catch (fault) {
    return err(`the GraphQL schema can't be read: ${fault instanceof Error ? fault.message : String(fault)}`);
  }
}

export const introspectionBody = (): string =>
  JSON.stringify({ query: getIntrospectionQuery({ descriptions: false }) });

function bodyFacts(
  request: NormalRequest,
  body: ReadBody,
  reads: (prefix: string) => boolean,
): Result<BodyFacts, HttpFault> {
  if (body.kind === "none" || (body.kind === "read" && body.bytes.length === 0)) return ok(NO_BODY);
  if (body.kind !== "read" || !BODY_FACTS.some((path) => reads(path))) return ok(UNKNOWN_BODY);
  if (request.byName.has("content-encoding"))
    return httpFault(415, "a rule reads the body, so send it without Content-Encoding");
  const { contentType } = request;
  const charset = contentType?.parameters.get("charset");
  if (charset !== undefined && !/^(utf-?8|us-ascii)$/i.test(charset))
    return httpFault(415, "a rule reads the body, so send it in UTF-8");
  switch (bodyKind(contentType?.type ?? "")) {
    case "json": {
      const scalars = readScalars(body.bytes);
      return scalars.ok ? ok({ json: scalars.value, uploads: [] }) : httpFault(400, scalars.error);
    }
    case "form": {
      const fields = readForm(body.bytes);
      if (!fields.ok) return httpFault(400, fields.error);
      const json = new Map<string, string>();
      for (const [name, value] of fields.value) {
        if (json.has(`$.${name}`)) return httpFault(400, `the form's field ${JSON.stringify(name)} is given twice`);
        json.set(`$.${name}`, value ?? "");
      }
      return ok({ json, uploads: [] });
    }
    case "multipart": {
      const boundary = boundaryOf(contentType!.parameters);
      if (boundary === null) return httpFault(400, "the multipart body has no plain boundary");
      const parts = readParts(body.bytes, boundary);
      if (!parts.ok) return httpFault(400, parts.error);
      const json = new Map<string, string>();
      const uploads: FactRecord[] = [];
      for (const { name, filename, contentType: type, content } of parts.value) {
        if (filename !== null) uploads.push({ field: name, filename, content_type: type, bytes: content.length });
        else if (json.has(`$.${name}`)) return httpFault(400, `the part ${JSON.stringify(name)} is there twice`);
        else json.set(`$.${name}`, content.toString("utf8"));
      }
      return ok({ json, uploads });
    }
    default:
      // A type that can't be read: a rule that asks for a field is told that nobody knows.
      return ok(UNKNOWN_BODY);
  }
}

/** The size that is known before the body comes. */
export function statedBytes(request: NormalRequest, body: ReadBody): number | null {
  if (body.kind === "read") return body.bytes.length;
  if (request.framing.kind === "length") return request.framing.bytes;
  return request.framing.kind === "none" ? 0 : null;
}

/** What record and approvers see of a request. */
export function requestText(request: NormalRequest, body: ReadBody): RequestText {
  const kind = bodyKind(request.contentType?.type ?? "");
  const has = request.framing.kind !== "none" && !(request.framing.kind === "length" && request.framing.bytes === 0);
  return {
    method: request.method,
    host: request.authority.host,
    path: request.target.path,
    query: request.target.query,
    body: has
      ? {
          type: request.contentType?.type ?? "a body of no type",
          bytes: statedBytes(request, body),
          text: body.kind === "read" && (kind === "json" || kind === "form") ? body.bytes : null,
          form: kind === "form",
        }
      : null,
  };
}

/** The facts of one request, or of one GraphQL operation in it, under their paths. `unknown`: it may run operations that can't be read. */
export function httpFacts(
  request: NormalRequest,
  body: BodyFacts,
  bytes: number | null,
  operation: GraphqlOperation | "unknown" | null,
): OwnFacts {
  return (path) => {
    if (operation === "unknown" && path.startsWith("graphql.")) return UNKNOWN;
    const asked = operation === "unknown" ? null : operation;
    switch (path) {
      case "request.method":
        return METHODS.has(request.method) ? request.method : "other";
      case "request.path":
        return request.target.path;
      case "request.segments":
        return request.target.segments;
      case "request.query":
        return new Map(request.target.query.map(([name, value]) => [name, value ?? ""]));
      case "request.host":
        return request.authority.host;
      case "request.headers":
        return request.byName;
      case "request.content_type":
        return request.contentType?.type ?? ABSENT;
      case "request.body_bytes":
        // Sent in chunks and not read: nobody knows, and a rule that asks is told so.
        return bytes ?? UNKNOWN;
      case "request.json":
        return body.json;
      case "request.uploads":
        return body.uploads;
      case "request.upgrade":
        return request.websocket ? "websocket" : ABSENT;
      case "graphql.operation":
        return asked?.kind ?? ABSENT;
      case "graphql.name":
        return asked?.name ?? ABSENT;
      case "graphql.fields":
        return asked?.fields ?? NO_FIELDS;
      case "graphql.introspection":
        return asked?.introspection ?? false;
      default:
        // A fact of the request that is not worked out here is not known, and never absent.
        return path.startsWith("request.") || path.startsWith("graphql.") ? UNKNOWN : undefined;
    }
  };
}

const NO_FIELDS: ReadonlySet<string> = new Set();
