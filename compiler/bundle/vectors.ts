import type { TestVector, VectorValue } from "../../spec/contract/bundle/index.ts";
import { UNKNOWN, factsOf, type FactValue } from "../../spec/contract/facts/index.ts";
import { decideByOracle, type CheckedPolicy, type CheckedTest } from "../../lang/index.ts";

/** Facts that a test states of itself: who, on what, and what it lists. */
export function statedFacts(test: CheckedTest): ReadonlyMap<string, FactValue> {
  const facts = new Map<string, FactValue>([
    ["user.name", test.user.name],
    ["user.groups", new Set(test.user.groups)],
    ["user.auth_method", "password"],
    ["target.name", test.target.name],
    ["target.labels", new Map(Object.entries(test.target.labels))],
    ["target.database", test.target.name],
    ["client.address", "127.0.0.1"],
    ["client.tls", true],
    ["session.id", "test"],
    ["session.started", 0],
    ["session.age", 0],
    ["time", 0],
  ]);
  for (const { path, value } of test.facts)
    facts.set(path, Array.isArray(value) ? new Set(value as readonly string[]) : (value as FactValue));
  return facts;
}

const VECTORS_MAX = 200;

/**
 * Test vectors of a bundle: for each test the facts it states, once with everything else absent and once with the statement's
 * facts unknown, and what the oracle makes of them. The gateway runs them before it takes the bundle in.
 */
export function vectorsOf(policy: CheckedPolicy): readonly TestVector[] {
  const vectors: TestVector[] = [];
  const seen = new Set<string>();
  const statementFacts = factsOf("postgres").filter((fact) => fact.path.startsWith("statement."));
  for (const test of policy.tests) {
    const stated = statedFacts(test);
    const unknown = new Map(stated);
    for (const fact of statementFacts) if (!stated.has(fact.path)) unknown.set(fact.path, UNKNOWN);
    for (const facts of [stated, unknown]) {
      const { verdict, matched } = decideByOracle(policy.rules, "postgres", facts);
      const vector: TestVector = {
        protocol: "postgres",
        facts: [...facts]
          .map(([path, value]) => ({ path, value: toVector(value) }))
          .sort((a, b) => (a.path < b.path ? -1 : 1)),
        verdict,
        matched,
      };
      const key = JSON.stringify(vector);
      if (!seen.has(key) && vectors.length < VECTORS_MAX) vectors.push(vector);
      seen.add(key);
    }
  }
  return vectors;
}

function toVector(value: FactValue): VectorValue | null {
  if (typeof value === "symbol") return null;
  if (value instanceof Set) return [...(value as ReadonlySet<string>)].sort();
  if (value instanceof Map) return Object.fromEntries(value as ReadonlyMap<string, string>);
  return value as boolean | number | string | readonly string[];
}
