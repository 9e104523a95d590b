import { CONNECTION_FACTS } from "./connection.ts";
import type { Fact } from "./schema.ts";
import { SQL_FACTS } from "./sql.ts";

/** The protocols that have a fact schema. A bundle's rules name protocols only; families are expanded when it is built. */
export const PROTOCOLS = ["postgres"] as const;
export type ProtocolName = (typeof PROTOCOLS)[number];

/** Words that may stand after `on`, and the protocols each stands for. */
export const SCOPES: Readonly<Record<string, readonly ProtocolName[]>> = {
  postgres: ["postgres"],
  sql: ["postgres"],
  "*": PROTOCOLS,
};

/** Words that the language keeps for protocols whose fact schema is still to come. */
export const PLANNED_SCOPES: readonly string[] = ["mysql", "ssh", "http", "kubernetes"];

const BY_PROTOCOL: Readonly<Record<ProtocolName, readonly Fact[]>> = {
  postgres: [...CONNECTION_FACTS, ...SQL_FACTS],
};

/** All facts of a protocol. */
export function factsOf(protocol: ProtocolName): readonly Fact[] {
  return BY_PROTOCOL[protocol];
}
