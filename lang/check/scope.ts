import { SCOPES, factsOf, type Fact, type ProtocolName } from "../../spec/contract/facts/index.ts";
import type { LetDecl } from "../ast/index.ts";
import type { Diagnostic } from "../diagnostics/index.ts";

/** What a condition may refer to while it is checked. */
export interface Scope {
  readonly protocols: readonly ProtocolName[];
  /** Facts that every protocol of the scope has, by path. */
  readonly facts: ReadonlyMap<string, Fact>;
  readonly lets: ReadonlyMap<string, LetDecl>;
  readonly usedLets: Set<string>;
  /** Lets whose value is being checked, so that a cycle is seen. */
  readonly opened: readonly string[];
  /** Variables of the enclosing quantifiers, innermost first. */
  readonly variables: readonly { readonly name: string; readonly type: Fact["type"] }[];
  readonly report: (found: Diagnostic) => void;
}

export function factsOfScope(protocols: readonly ProtocolName[]): ReadonlyMap<string, Fact> {
  const [first, ...rest] = protocols;
  if (first === undefined) return new Map();
  const shared = factsOf(first).filter((fact) =>
    rest.every((other) => factsOf(other).some((found) => found.path === fact.path)),
  );
  return new Map(shared.map((fact) => [fact.path, fact]));
}

export const SCOPE_NAMES: readonly string[] = Object.keys(SCOPES);
