import type { Manifest, TestVector, VectorValue } from "../../spec/contract/bundle/index.ts";
import {
  ABSENT,
  UNKNOWN,
  type FactRecord,
  type FactValue,
  type ProtocolName,
} from "../../spec/contract/facts/index.ts";
import { run, type CubeIndex, type Machine } from "../vm/index.ts";

interface Testable {
  readonly manifest: Manifest;
  readonly machine: Machine;
  rulesOf(protocol: ProtocolName): readonly number[];
  indexOf(protocol: ProtocolName): CubeIndex;
}

export interface FailedVector {
  readonly vector: number;
  readonly expected: string;
  readonly found: string;
}

/** Runs a bundle's own test vectors, each by its index and by its conditions alone; the first that fails, or null. */
export function runVectors(bundle: Testable): FailedVector | null {
  for (const [i, vector] of bundle.manifest.vectors.entries()) {
    const facts = new Map(vector.facts.map(({ path, value }): [string, FactValue] => [path, toFactValue(value)]));
    const expected = vector.matched.join(", ");
    for (const [by, matched] of [
      ["index", byIndex(bundle, vector, facts)],
      ["conditions", byConditions(bundle, vector, facts)],
    ] as const) {
      const found = matched.join(", ");
      if (found !== expected)
        return { vector: i, expected: `rules ${expected || "none"}`, found: `rules ${found || "none"} by its ${by}` };
    }
  }
  return null;
}

type Facts = ReadonlyMap<string, FactValue>;

/** A condition's answer as it counts for its rule. */
function fires({ manifest, machine }: Testable, rule: number, facts: Facts): boolean {
  const { condition, effect } = manifest.rules[rule]!;
  if (condition < 0) return true;
  const slots = manifest.facts.map((path) => facts.get(path) ?? ABSENT);
  const found = run(machine, condition, slots);
  return found === UNKNOWN ? effect !== "allow" : found;
}

function byConditions(bundle: Testable, { protocol }: TestVector, facts: Facts): readonly number[] {
  return bundle.rulesOf(protocol).filter((rule) => fires(bundle, rule, facts));
}

function byIndex(bundle: Testable, { protocol }: TestVector, facts: Facts): readonly number[] {
  const index = bundle.indexOf(protocol);
  const rows = index.planes.map((plane) => plane.rowFor(facts.get(plane.path) ?? ABSENT));
  const { cubes, count } = index.select(rows, rows.length);
  const found = new Set<number>();
  for (const cube of cubes.subarray(0, count)) {
    const rule = index.rules[cube]!;
    if (index.exact[cube] === 1 || fires(bundle, rule, facts)) found.add(rule);
  }
  return [...found];
}

function toFactValue(value: VectorValue | null): FactValue {
  if (value === null) return UNKNOWN;
  if (typeof value !== "object") return value;
  if ("records" in value && Array.isArray(value.records)) return value.records as readonly FactRecord[];
  return Array.isArray(value)
    ? new Set(value as readonly string[])
    : new Map(Object.entries(value as Record<string, string>));
}
