import type { TestVector, VectorValue } from "../../spec/contract/bundle/index.ts";
import { UNKNOWN, factAt, factsOf, type FactValue, type ProtocolName } from "../../spec/contract/facts/index.ts";
import { decideByOracle, type CheckedPolicy, type CheckedTest, type TestCase } from "../../lang/index.ts";

/** Facts that a case of a test states of itself: who, on what, when, and what the test lists. */
export function statedFacts(test: CheckedTest, one: TestCase): ReadonlyMap<string, FactValue> {
  const time = test.timeMs ?? 0;
  const facts = new Map<string, FactValue>([
    ["user.name", one.user.name],
    ["user.groups", new Set(one.user.groups)],
    ["user.auth_method", "password"],
    ["target.name", one.target.name],
    ["target.labels", new Map(Object.entries(one.target.labels))],
    ["client.address", "127.0.0.1"],
    ["client.tls", true],
    ["session.id", "test"],
    ["session.started", time],
    ["session.age", 0],
    ["time", time],
  ]);
  if (factAt(protocolOf(one), "target.database") !== undefined) facts.set("target.database", one.target.name);
  for (const { path, value } of test.facts)
    facts.set(path, Array.isArray(value) ? new Set(value as readonly string[]) : (value as FactValue));
  return facts;
}

const PROTOCOLS_OF_FORMS = { sql: "postgres", ssh: "ssh", kubectl: "kubernetes", http: "http", tool: "mcp" } as const;

/** The protocol whose rules decide a case. */
export const protocolOf = ({ action }: TestCase): ProtocolName =>
  action.form === "facts" ? action.protocol : PROTOCOLS_OF_FORMS[action.form];

const VECTORS_MAX = 200;

/**
 * Test vectors of a bundle: for each test the facts it states, once with everything else absent and once with the statement's
 * facts unknown, and what the oracle makes of them. The gateway runs them before it takes the bundle in.
 */
export function vectorsOf(policy: CheckedPolicy): readonly TestVector[] {
  const vectors: TestVector[] = [];
  const seen = new Set<string>();
  for (const test of policy.tests) {
    for (const one of test.cases) {
      const protocol = protocolOf(one);
      const stated = statedFacts(test, one);
      const unknown = new Map(stated);
      // What the action itself would show is not worked out here.
      for (const fact of factsOf(protocol))
        if (fact.lifetime !== "session" && !stated.has(fact.path)) unknown.set(fact.path, UNKNOWN);
      for (const facts of [stated, unknown]) {
        const { verdict, matched } = decideByOracle(policy.rules, protocol, facts);
        const vector: TestVector = {
          protocol,
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
  }
  return vectors;
}

function toVector(value: FactValue): VectorValue | null {
  if (typeof value === "symbol") return null;
  if (value instanceof Set) return [...(value as ReadonlySet<string>)].sort();
  if (value instanceof Map) return Object.fromEntries(value as ReadonlyMap<string, string>);
  return value as boolean | number | string | readonly string[];
}
