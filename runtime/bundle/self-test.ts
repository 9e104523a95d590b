import type { Effect, Manifest, TestVector, VectorValue } from "../../spec/contract/bundle/index.ts";
import {
  ABSENT,
  UNKNOWN,
  type FactRecord,
  type FactValue,
  type ProtocolName,
} from "../../spec/contract/facts/index.ts";
import { run, type CubeIndex, type FactSlots, type Machine } from "../vm/index.ts";
import { counts, verdictOf } from "./verdict.ts";

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
    const expected = shown(vector.verdict, vector.matched);
    for (const [by, matched] of [
      ["index", byIndex(bundle, vector, facts)],
      ["conditions", byConditions(bundle, vector, facts)],
    ] as const) {
      const found = shown(verdictOfRules(bundle, matched), matched);
      if (found !== expected) return { vector: i, expected, found: `${found} by its ${by}` };
    }
  }
  return null;
}

const shown = (verdict: string, matched: readonly number[]): string =>
  `${verdict} by rules ${matched.join(", ") || "none"}`;

function verdictOfRules({ manifest }: Testable, matched: readonly number[]): string {
  const has = (effect: Effect): boolean => matched.some((rule) => manifest.rules[rule]!.effect === effect);
  return verdictOf(has("deny"), has("approve"), has("allow"));
}

type Facts = ReadonlyMap<string, FactValue>;

function fires(bundle: Testable, rule: number, slots: FactSlots): boolean {
  const { condition, effect } = bundle.manifest.rules[rule]!;
  return condition < 0 || counts(effect, run(bundle.machine, condition, slots));
}

const slotsOf = ({ manifest }: Testable, facts: Facts): FactSlots =>
  manifest.facts.map((path) => facts.get(path) ?? ABSENT);

function byConditions(bundle: Testable, { protocol }: TestVector, facts: Facts): readonly number[] {
  const slots = slotsOf(bundle, facts);
  return bundle.rulesOf(protocol).filter((rule) => fires(bundle, rule, slots));
}

function byIndex(bundle: Testable, { protocol }: TestVector, facts: Facts): readonly number[] {
  const index = bundle.indexOf(protocol);
  const slots = slotsOf(bundle, facts);
  const rows = index.planes.map((plane) => plane.rowFor(facts.get(plane.path) ?? ABSENT));
  const { cubes, count } = index.select(rows, rows.length);
  const found = new Set<number>();
  for (const cube of cubes.subarray(0, count)) {
    const rule = index.rules[cube]!;
    if (index.exact[cube] === 1 || fires(bundle, rule, slots)) found.add(rule);
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
