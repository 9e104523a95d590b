import {
  PROTOCOLS,
  SCOPES,
  factsOf,
  type Fact,
  type FactType,
  type ProtocolName,
} from "../../spec/contract/facts/index.ts";

/** Facts that all of the protocols have; with none given, those that any protocol has. */
export function factsFor(protocols: readonly ProtocolName[]): ReadonlyMap<string, Fact> {
  if (protocols.length === 0) {
    const found = new Map<string, Fact>();
    for (const protocol of PROTOCOLS)
      for (const fact of factsOf(protocol)) if (!found.has(fact.path)) found.set(fact.path, fact);
    return found;
  }
  const [first, ...rest] = protocols;
  const shared = factsOf(first!).filter((fact) =>
    rest.every((other) => factsOf(other).some((known) => known.path === fact.path)),
  );
  return new Map(shared.map((fact) => [fact.path, fact]));
}

/** The protocols that words after `on` stand for; words that stand for none are passed over. */
export function protocolsOf(scopes: readonly string[]): readonly ProtocolName[] {
  const found = new Set(scopes.flatMap((scope) => (Object.hasOwn(SCOPES, scope) ? SCOPES[scope]! : [])));
  return PROTOCOLS.filter((protocol) => found.has(protocol));
}

/** Protocols that have a fact of this path. */
export function protocolsWith(path: string): readonly ProtocolName[] {
  return PROTOCOLS.filter((protocol) => factsOf(protocol).some((fact) => fact.path === path));
}

/** What a set, list or map holds. */
export const elementOf = (type: FactType): FactType | null =>
  type.kind === "set" || type.kind === "list" || type.kind === "map" ? type.of : null;
