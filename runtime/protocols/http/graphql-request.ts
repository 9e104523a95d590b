import { err, ok, type Result } from "../../../base/result.ts";
import { readScalars } from "../../facts/index.ts";
import type { ReadBody } from "./adapter.ts";
import { bodyKind } from "./answer.ts";
import { readGraphqlBody, readOperation, type GraphqlOperation } from "./graphql.ts";
import { httpFault, type HttpFault } from "./head.ts";
import type { NormalRequest } from "./request.ts";

/** What a request is to GraphQL. `unknown`: it may reach it, and what it asks for is not to be read here. */
export type GraphqlReach = "none" | "operations" | "unknown";

/** What a request asks of GraphQL. */
export interface GraphqlAsk {
  readonly reach: GraphqlReach;
  readonly operations: readonly GraphqlOperation[];
  /** They came in a list, and so do the answers. */
  readonly list: boolean;
}

export const NO_GRAPHQL: GraphqlAsk = { reach: "none", operations: [], list: false };

/** What servers read of a query beside the body, or in front of it. */
const OF_THE_QUERY = /^\s*(query|operationname|variables|extensions)\b/i;

/** A path as the most lenient server compares it: in any case, with a slash at its end or without. */
export const foldedPath = (path: string): string => path.toUpperCase().toLowerCase().replace(/\/+$/, "");

/** @param paths where a target answers GraphQL, folded */
export function graphqlReach(request: NormalRequest, paths: readonly string[]): GraphqlReach {
  // Operations come later, in messages.
  if (request.websocket && /graphql/i.test(request.byName.get("sec-websocket-protocol") ?? "")) return "unknown";
  const path = foldedPath(request.target.path);
  if (paths.includes(path)) return request.websocket || request.method === "OPTIONS" ? "unknown" : "operations";
  // A server that is mounted at a path often answers below it too.
  return paths.some((one) => path.startsWith(`${one}/`)) ? "unknown" : "none";
}

/** Reads the operations of a request that reaches GraphQL. */
export function readGraphql(request: NormalRequest, body: ReadBody): Result<GraphqlAsk, HttpFault> {
  const { method, target } = request;
  const asks = method === "GET" || method === "HEAD";
  if (!asks && method !== "POST") return httpFault(405, "GraphQL is asked by POST or GET");
  const beside = asks ? undefined : target.query.find(([name]) => OF_THE_QUERY.test(name))?.[0];
  if (beside !== undefined)
    return httpFault(
      400,
      `the query has the field ${JSON.stringify(beside)}, which could stand in for the body's; send all of a GraphQL request in its body`,
    );
  const read = asks ? fromQuery(target.query) : fromBody(request, body);
  if (!read.ok) return httpFault(400, read.error);
  if (asks && read.value.operations.some((one) => one.kind !== "query"))
    return httpFault(405, "a GET runs no GraphQL mutation or subscription");
  return read;
}

function fromQuery(pairs: NormalRequest["target"]["query"]): Result<GraphqlAsk, string> {
  const fields = new Map(pairs);
  if (fields.size !== pairs.length) return err("the query has a field twice");
  const query = fields.get("query");
  if (typeof query !== "string") return err("a GraphQL request without its query's text can't be read");
  const one = readOperation({ query, operationName: fields.get("operationName") ?? null });
  return one.ok ? ok({ reach: "operations", operations: [one.value], list: false }) : one;
}

function fromBody(request: NormalRequest, body: ReadBody): Result<GraphqlAsk, string> {
  if (body.kind !== "read") return err("the GraphQL request has no body that can be read");
  if (bodyKind(request.contentType?.type ?? "") !== "json") return err("a GraphQL request is sent as application/json");
  const scalars = readScalars(body.bytes);
  if (!scalars.ok) return err(scalars.error);
  const operations = readGraphqlBody(body.bytes);
  return operations.ok
    ? ok({
        reach: "operations",
        operations: operations.value,
        list: /^\s*\[/.test(body.bytes.toString("latin1")),
      })
    : operations;
}
