import { CONNECTION_FACTS } from "./connection.ts";
import { HTTP_FACTS, MCP_FACTS } from "./http.ts";
import { KUBERNETES_FACTS } from "./kubernetes.ts";
import type { Fact } from "./schema.ts";
import { SQL_FACTS } from "./sql.ts";
import { SSH_FACTS } from "./ssh.ts";

/**
 * The protocols that have a fact schema. A bundle's rules name protocols only; families are expanded when it is built. The
 * place in this list is part of the bundle's format: add at the end.
 */
export const PROTOCOLS = ["postgres", "mysql", "ssh", "http", "kubernetes", "mcp"] as const;
export type ProtocolName = (typeof PROTOCOLS)[number];

/** Words that may stand after `on`, and the protocols each stands for. */
export const SCOPES: Readonly<Record<string, readonly ProtocolName[]>> = {
  postgres: ["postgres"],
  mysql: ["mysql"],
  sql: ["postgres", "mysql"],
  ssh: ["ssh"],
  http: ["http"],
  kubernetes: ["kubernetes"],
  mcp: ["mcp"],
  "*": PROTOCOLS,
};

const BY_PROTOCOL: Readonly<Record<ProtocolName, readonly Fact[]>> = {
  postgres: [...CONNECTION_FACTS, ...SQL_FACTS],
  mysql: [...CONNECTION_FACTS, ...SQL_FACTS],
  ssh: [...CONNECTION_FACTS, ...SSH_FACTS],
  http: [...CONNECTION_FACTS, ...HTTP_FACTS],
  kubernetes: [...CONNECTION_FACTS, ...KUBERNETES_FACTS],
  mcp: [...CONNECTION_FACTS, ...MCP_FACTS],
};

const FACT_BY_PATH = new Map(
  PROTOCOLS.map((protocol) => [protocol, new Map(BY_PROTOCOL[protocol].map((fact) => [fact.path, fact]))]),
);

/** All facts of a protocol. */
export function factsOf(protocol: ProtocolName): readonly Fact[] {
  return BY_PROTOCOL[protocol];
}

/** One fact of a protocol, or undefined when it has none of that path. */
export function factAt(protocol: ProtocolName, path: string): Fact | undefined {
  return FACT_BY_PATH.get(protocol)!.get(path);
}
