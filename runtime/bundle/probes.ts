import type { Constraint, Cube, Manifest } from "../../spec/contract/bundle/index.ts";
import { ABSENT, UNKNOWN, factAt, type FactValue, type Truth } from "../../spec/contract/facts/index.ts";
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
 * was lost shows by that; and for each that allows, for facts that a cube answers to though its condition is not true. Where
 * no test need have been written, the index is held against the conditions here.
 */
export function runProbes(bundle: Probed): StrayedRule | null {
  const { rules, index } = bundle.manifest;
  const read = factsReadBy(bundle.manifest);
  const cubesOf = Map.groupBy(index.cubes, ({ rule }) => rule);
  const planes = new Map<number, Plane>();
  const most = Math.min(PROBES_PER_RULE_MAX, Math.ceil(PROBES_MAX / Math.max(1, rules.length)));
  for (const [rule, { condition, effect, name }] of rules.entries()) {
    const cubes = cubesOf.get(rule) ?? [];
    if (condition < 0) continue;
    const search = new Search(bundle, rule, read[condition]!, cubes, planes, most);
    const facts = effect === "allow" ? search.widenedFor() : search.lostFor();
    if (facts !== null) return { rule: name, facts };
  }
  return null;
}

/** The search for one rule: facts are unknown until one of them is chosen so that it keeps a cube from answering, or lets it. */
class Search {
  #left: number;
  readonly #bundle: Probed;
  readonly #condition: number;
  readonly #cubes: readonly Cube[];
  readonly #planes: Map<number, Plane>;
  readonly #values: ReadonlyMap<string, readonly FactValue[]>;
  readonly #chosen = new Map<string, FactValue>();
  readonly #places: ReadonlyMap<string, number>;
  readonly #slots: FactValue[];

  constructor(
    bundle: Probed,
    rule: number,
    read: readonly number[],
    cubes: readonly Cube[],
    planes: Map<number, Plane>,
    most: number,
  ) {
    const { manifest } = bundle;
    const { condition, protocols } = manifest.rules[rule]!;
    this.#bundle = bundle;
    this.#condition = condition;
    this.#cubes = cubes;
    this.#planes = planes;
    this.#left = most;
    const named = namedBy(manifest, condition);
    this.#places = new Map(read.map((fact) => [manifest.facts[fact]!, fact]));
    this.#slots = new Array<FactValue>(manifest.facts.length).fill(UNKNOWN);
    this.#values = new Map(
      read.map((fact) => {
        const path = manifest.facts[fact]!;
        const schema = protocols[0] === undefined ? undefined : factAt(protocols[0], path);
        return [path, schema === undefined ? [UNKNOWN, ABSENT] : probeValues(schema.type, named)];
      }),
    );
  }

  /** The condition with what was chosen: true or false only if it stays so whatever the unknown comes to be. */
  #truth(): Truth {
    return run(this.#bundle.machine, this.#condition, this.#slots);
  }

  #choose(path: string, value: FactValue): void {
    this.#chosen.set(path, value);
    this.#put(path, value);
  }

  #undo(path: string): void {
    this.#chosen.delete(path);
    this.#put(path, UNKNOWN);
  }

  #put(path: string, value: FactValue): void {
    const place = this.#places.get(path);
    if (place !== undefined) this.#slots[place] = value;
  }

  /** The facts, in words, for which a cube alone lets an allowing rule fire; null when none are found. */
  widenedFor(): string | null {
    for (const { exact, constraints } of this.#cubes) {
      const found = exact ? this.#widenedBy(constraints, 0) : null;
      if (found !== null) return found;
    }
    return null;
  }

  #widenedBy(constraints: readonly number[], at: number): string | null {
    const number = constraints[at];
    if (number === undefined) return --this.#left >= 0 && this.#truth() !== true ? this.#shown() : null;
    const plane = this.#planeOf(number);
    const { path } = plane;
    if (this.#chosen.has(path)) return this.#fails(number) ? null : this.#widenedBy(constraints, at + 1);
    for (const value of this.#values.get(path) ?? [UNKNOWN, ABSENT]) {
      if (this.#left <= 0 || plane.rowFor(value).count === 0) continue;
      this.#choose(path, value);
      const found = this.#widenedBy(constraints, at + 1);
      this.#undo(path);
      if (found !== null) return found;
    }
    return null;
  }

  /** The facts, in words, for which a restricting rule is lost; null when none are found. */
  lostFor(): string | null {
    if (--this.#left < 0 || this.#truth() === false) return null;
    const cube = this.#cubes.find((one) => !one.constraints.some((constraint) => this.#fails(constraint)));
    if (cube === undefined) return this.#shown();
    for (const number of cube.constraints) {
      const plane = this.#planeOf(number);
      const { path } = plane;
      if (this.#chosen.has(path)) continue;
      for (const value of this.#values.get(path) ?? [UNKNOWN, ABSENT]) {
        if (this.#left <= 0 || plane.rowFor(value).count > 0) continue;
        this.#choose(path, value);
        const found = this.lostFor();
        this.#undo(path);
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
