import { compile } from "../compiler/index.ts";
import { executableOf } from "../cli/commands/policy/decide.ts";
import { SessionPolicy, sqlFactReader } from "../runtime/decide/index.ts";
import type { UnitFacts } from "../runtime/facts/index.ts";
import { ABSENT, type FactValue } from "../spec/contract/facts/index.ts";
import { nsPerCall } from "./timing.ts";

const UNIT: UnitFacts = {
  kind: "select",
  kinds: ["select"],
  class: "read",
  readOnly: true,
  writes: false,
  filtered: true,
  rowLimit: null,
  schemas: ["public"],
  tables: ["public.customers"],
  tablesRead: ["public.customers"],
  tablesWritten: [],
  columns: ["public.customers.id", "public.customers.email"],
  functions: [],
  privileges: [],
  disables: [],
  nested: false,
};

/** Decisions per second, every rule evaluated: what a statement costs whose decision is not kept. */
export function benchDecisions(say: (line: string) => void): void {
  say("\nDecisions (not from the cache, every rule evaluated):");
  for (const count of [20, 100, 1000]) {
    const rules = Array.from(
      { length: count },
      (_, i) =>
        `deny r${i} on sql\n  when statement.kind in [drop_table, truncate] and statement.tables has "s.t${i}" and user.groups has "g${i % 10}"\n  because "no"\n`,
    );
    const { manifest } = compile(
      [{ path: "bench.policy", text: `allow all_reads on sql when statement.read_only\n${rules.join("")}` }],
      { sequence: 0 },
    );
    if (manifest === null) throw new Error("the bench policy does not compile");
    const session = new Map<string, FactValue>([["user.groups", new Set(["analyst"])]]);
    const policy = new SessionPolicy(executableOf(manifest), "postgres", (path) => session.get(path) ?? ABSENT);
    const own = sqlFactReader(UNIT, {
      nowMs: 0,
      startedMs: 0,
      inTransaction: false,
      prepared: false,
      statementCount: 1,
      parameters: null,
    });
    const ns = nsPerCall(() => void policy.decide(own), Math.max(50, Math.floor(200_000 / count)));
    say(`  ${count} rules: ${(ns / 1000).toFixed(2)} us, ${(1e9 / ns / 1000).toFixed(0)} k/s`);
  }
}
