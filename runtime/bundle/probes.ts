import type { Constraint, Cube, Manifest } from "../../spec/contract/bundle/index.ts";
import { ABSENT, UNKNOWN, factAt, type FactValue } from "../../spec/contract/facts/index.ts";
import { Plane, run, type Classes, type Machine } from "../vm/index.ts";
import { factsReadBy } from "./facts-read.ts";
import { PROBES_MAX, PROBES_PER_RULE_MAX } from "./limits.ts";
import { namedBy, probeValues } from "./probe-values.ts";

interface Probed {
  readonly manifest: Manifest;
  readonly machine: Machine;
  readonly classesOf: (dimension: number) => Classes;
}

export interface StrayedRule {
  readonly rule: string;
  readonly facts: string;
}

/**
 * Looks, for each rule that restricts, for facts that no cube of it answers to though its condition is not false: a cube that
 * was lost shows by that. Where no test need have been written, the index is held against the conditions here.
 */
export function runProbes(bundle: Probed): StrayedRule | null {
  const { rules, index } = bundle.manifest;
  const cubesOf = Map.groupBy(index.cubes, ({ rule }) => rule);
  const planes = new Map<number, Plane>();
  const most = Math.min(PROBES_PER_RULE_MAX, Math.ceil(PROBES_MAX / Math.max(1, rules.length)));
  for (const [rule, { condition, effect, name }] of rules.entries()) {
    const cubes = cubesOf.get(rule) ?? [];
    if (condition < 0 || effect === "allow" || cubes.some(({ constraints }) => constraints.length === 0)) continue;
    const facts = new Search(bundle, rule, cubes, planes, most).lostFor();
    if (facts !== null) return { rule: name, facts };
  }
  return null;
}

/** The search for one rule: facts are unknown until one of them is chosen so that it keeps a cube from answering. */
class Search {
  #left: number;
  readonly #bundle: Probed;
  readonly #condition: number;
  readonly #cubes: readonly Cube[];
  readonly #planes: Map<number, Plane>;
  readonly #values: ReadonlyMap<string, readonly FactValue[]>;
  readonly #chosen = new Map<string, FactValue>();

  constructor(bundle: Probed, rule: number, cubes: readonly Cube[], planes: Map<number, Plane>, most: number) {
    const { manifest } = bundle;
    const { condition, protocols } = manifest.rules[rule]!;
    this.#bundle = bundle;
    this.#condition = condition;
    this.#cubes = cubes;
    this.#planes = planes;
    this.#left = most;
    const named = namedBy(manifest, condition);
    this.#values = new Map(
      factsReadBy(manifest)[condition]!.map((fact) => {
        const path = manifest.facts[fact]!;
        const schema = protocols[0] === undefined ? undefined : factAt(protocols[0], path);
        return [path, schema === undefined ? [UNKNOWN, ABSENT] : probeValues(schema.type, named)];
      }),
    );
  }

  /** The facts, in words, for which the rule is lost; null when none are found. */
  lostFor(): string | null {
    if (--this.#left < 0) return null;
    const { manifest, machine } = this.#bundle;
    // What is false while so much is unknown stays false whatever it comes to be.
    const slots = manifest.facts.map((path) => this.#chosen.get(path) ?? UNKNOWN);
    if (run(machine, this.#condition, slots) === false) return null;
    const cube = this.#cubes.find((one) => !one.constraints.some((constraint) => this.#fails(constraint)));
    if (cube === undefined) return this.#shown();
    for (const number of cube.constraints) {
      const { path } = this.#planeOf(number);
      if (this.#chosen.has(path)) continue;
      for (const value of this.#values.get(path) ?? []) {
        this.#chosen.set(path, value);
        const found = this.#fails(number) ? this.lostFor() : null;
        this.#chosen.delete(path);
        if (found !== null) return found;
      }
    }
    return null;
  }

  /** Whether a chosen fact settles that the constraint does not hold. */
  #fails(number: number): boolean {
    const plane = this.#planeOf(number);
    const value = this.#chosen.get(plane.path);
    return value !== undefined && plane.rowFor(value).count === 0;
  }

  /** A constraint by itself, as if one cube asked it. */
  #planeOf(number: number): Plane {
    const known = this.#planes.get(number);
    if (known !== undefined) return known;
    const { index } = this.#bundle.manifest;
    const constraint: Constraint = index.constraints[number]!;
    const { path, key } = index.dimensions[constraint.dimension]!;
    const classes = this.#bundle.classesOf(constraint.dimension);
    const made = new Plane({ path, key, mode: constraint.mode }, classes, [{ constraint, cubes: [0] }], 1);
    this.#planes.set(number, made);
    return made;
  }

  #shown(): string {
    const chosen = [...this.#chosen].map(([path, value]) => `${path} is ${shown(value)}`);
    const rest = chosen.length < this.#values.size ? ["what else it reads is unknown"] : [];
    return [...chosen, ...rest].join(", ");
  }
}

function shown(value: FactValue): string {
  if (value === UNKNOWN) return "unknown";
  if (value === ABSENT) return "absent";
  if (value instanceof Map) return JSON.stringify(Object.fromEntries(value as ReadonlyMap<string, string>));
  return JSON.stringify(value instanceof Set ? [...(value as ReadonlySet<string>)] : value);
}
