import {
  ABSENT,
  SQL_KINDS,
  UNKNOWN,
  factAt,
  factsOf,
  type FactValue,
  type ProtocolName,
  type SqlKind,
} from "../../spec/contract/facts/index.ts";

type Facts = ReadonlyMap<string, FactValue>;

/** The facts as an adapter would give them: nothing absent that never is, and what the schema says of statements true. */
export function lawful(protocol: ProtocolName, raw: Facts): Facts {
  const facts = new Map(raw);
  for (const fact of factsOf(protocol)) {
    const value = facts.get(fact.path) ?? ABSENT;
    if (value === ABSENT && !fact.optional) facts.set(fact.path, UNKNOWN);
    if (fact.type.kind === "address" && value === "nonsense") facts.set(fact.path, "10.0.0.1");
  }
  if (factAt(protocol, "statement.kind") === undefined) return facts;
  const kind = facts.get("statement.kind")!;
  if (typeof kind !== "string") {
    facts.set("statement.class", kind);
    return facts;
  }
  const klass = SQL_KINDS[kind as SqlKind];
  facts.set("statement.class", klass);
  const kinds = facts.get("statement.kinds");
  if (kinds instanceof Set) facts.set("statement.kinds", new Set([kind, ...(kinds as ReadonlySet<string>)]));
  if (!["delete", "merge", "truncate", "update"].includes(kind) && facts.get("statement.filtered") === false)
    facts.set("statement.filtered", true);
  if (klass !== "read" && facts.get("statement.read_only") === true) facts.set("statement.read_only", false);
  if (klass !== "write" && facts.get("statement.writes") === true) facts.set("statement.writes", false);
  return facts;
}
