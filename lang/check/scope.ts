import { SCOPES, factsOf, type Fact, type ProtocolName } from "../../spec/contract/facts/index.ts";
import type { Identifier, LetDecl } from "../ast/index.ts";
import type { Environment, Known, Report } from "./packages.ts";

/** Declarations and imported names that something uses. */
export type Used = Set<object>;

/** What a condition may refer to while it is checked. */
export interface Scope {
  readonly protocols: readonly ProtocolName[];
  /** Facts that every protocol of the scope has, by path. */
  readonly facts: ReadonlyMap<string, Fact>;
  /** Names of the file that is being read. */
  readonly env: Environment;
  readonly used: Used;
  /** Lets whose value is being checked, so that a cycle is seen. */
  readonly opened: readonly LetDecl[];
  /** Variables of the enclosing quantifiers, innermost first. */
  readonly variables: readonly { readonly name: string; readonly type: Fact["type"] }[];
  readonly report: Report;
}

export const SCOPE_NAMES: readonly string[] = Object.keys(SCOPES);

const shared = new Map<string, ReadonlyMap<string, Fact>>();

/** Facts that all of these protocols have, with the same type. */
export function factsOfScope(protocols: readonly ProtocolName[]): ReadonlyMap<string, Fact> {
  const name = protocols.join();
  const known = shared.get(name);
  if (known !== undefined) return known;
  const [first, ...rest] = protocols;
  const found = new Map(
    (first === undefined ? [] : factsOf(first))
      .filter((fact) =>
        rest.every((other) => {
          const same = factsOf(other).find((one) => one.path === fact.path);
          return same !== undefined && sameSchema(same, fact);
        }),
      )
      .map((fact) => [fact.path, fact]),
  );
  shared.set(name, found);
  return found;
}

const sameSchema = (a: Fact, b: Fact): boolean =>
  a === b || (a.optional === b.optional && JSON.stringify(a.type) === JSON.stringify(b.type));

/** Marks a declaration as used, and the import that brought it. */
export function use<T extends object>(used: Used, known: Known<T>): T {
  used.add(known.decl);
  if (known.via !== null) used.add(known.via satisfies Identifier);
  return known.decl;
}
