import { assert } from "../../../base/assert.ts";
import { ABSENT, type FactValue } from "../../../spec/contract/facts/index.ts";
import type { Automaton, Dimension } from "../../../spec/contract/bundle/index.ts";
import { parseAddress, parseRange } from "../../../spec/contract/bytecode/index.ts";
import { KEPT_TEXTS_MAX, KEPT_TEXT_LENGTH_MAX } from "../limits.ts";
import { Matcher } from "./automaton.ts";

/** The class of present values of which no atom but `exists` holds. */
export const DEFAULT_CLASS = 0;
export const ABSENT_CLASS = 1;
/** The fact could not be established, or is of a type that the schema does not say. */
export const UNKNOWN_CLASS = -1;

const NONE: readonly number[] = [];

/** The values of one fact, told apart by which atoms hold of them. Two values of one class are alike to every rule. */
export class Classes {
  /** A place for each atom, for whoever works a formula out; all 0 when nobody does. */
  readonly scratch: Uint8Array;
  readonly #kind: Dimension["kind"];
  readonly #exists: readonly number[];
  /** Atoms that hold of each text that a rule names. */
  readonly #constants = new Map<string, number[]>();
  readonly #matchers: readonly Matcher[];
  /** Numbers that rules compare with, ascending, and the class of each and of what lies between, once it is known. */
  readonly #bounds: readonly number[];
  readonly #intervals: Int32Array;
  readonly #numberAtoms: readonly { readonly atom: number; readonly holds: (value: number) => boolean }[];
  /** Atoms of address ranges: by length and shift, then by network. */
  readonly #ranges = new Map<string, { length: number; shift: bigint; networks: Map<bigint, number[]> }>();
  readonly #rangeAtoms: number[] = [];
  readonly #held: (readonly number[])[];
  /** Classes of texts that should be addresses but can't be read. */
  readonly #unclear = new Set<number>();
  readonly #classAt = new Map<string, number>();
  #kept = new Map<string, number>();
  #older = new Map<string, number>();

  constructor(dimension: Dimension, automata: readonly Automaton[]) {
    this.scratch = new Uint8Array(dimension.atoms.length);
    this.#kind = dimension.kind;
    this.#matchers = automata.map((automaton) => new Matcher(automaton));
    const bounds = new Set<number>();
    const numberAtoms: { atom: number; holds: (value: number) => boolean }[] = [];
    const exists: number[] = [];
    for (const [atom, one] of dimension.atoms.entries()) {
      switch (one.kind) {
        case "exists":
          exists.push(atom);
          break;
        case "one-of":
          if (dimension.kind === "int") {
            const values = new Set(one.values.map(Number));
            for (const value of values) bounds.add(value);
            numberAtoms.push({ atom, holds: (value) => values.has(value) });
          } else for (const value of one.values) push(this.#constants, value, atom);
          break;
        case "below":
        case "at-most":
        case "above":
        case "at-least":
          bounds.add(one.bound);
          numberAtoms.push({ atom, holds: ORDER[one.kind](one.bound) });
          break;
        case "range":
          this.#addRange(one.cidr, atom);
          break;
        case "pattern":
          break;
      }
    }
    this.#exists = exists;
    this.#bounds = [...bounds].filter((bound) => !Number.isNaN(bound)).sort((a, b) => a - b);
    this.#intervals = new Int32Array(this.#bounds.length * 2 + 1).fill(UNKNOWN_CLASS);
    this.#numberAtoms = numberAtoms;
    this.#held = [exists, NONE];
    this.#classAt.set(exists.join(), DEFAULT_CLASS);
  }

  /** Atoms that hold of a class, ascending. */
  held(of: number): readonly number[] {
    return this.#held[of] ?? NONE;
  }

  /** Atoms that nobody can answer for a class: of an address that can't be read, which ranges it lies in. */
  unclear(of: number): readonly number[] {
    return this.#unclear.has(of) ? this.#rangeAtoms : NONE;
  }

  /** Of a single value; sets are asked element by element. */
  classOf(value: FactValue): number {
    if (value === ABSENT) return ABSENT_CLASS;
    switch (this.#kind) {
      case "text":
      case "address":
        return typeof value === "string" ? this.classOfText(value) : UNKNOWN_CLASS;
      case "bool":
        return typeof value === "boolean" ? this.classOfText(value ? "true" : "false") : UNKNOWN_CLASS;
      case "int":
        return typeof value === "number" && !Number.isNaN(value) ? this.#classOfNumber(value) : UNKNOWN_CLASS;
      case "presence":
        return typeof value === "symbol" ? UNKNOWN_CLASS : DEFAULT_CLASS;
      case "elements":
        return UNKNOWN_CLASS;
    }
  }

  classOfText(text: string): number {
    const known = this.#kept.get(text);
    if (known !== undefined) return known;
    // Without patterns a text that no rule names needs no keeping: texts come from clients.
    if (this.#matchers.length === 0 && this.#ranges.size === 0 && !this.#constants.has(text)) return DEFAULT_CLASS;
    const found = this.#older.get(text) ?? this.#findText(text);
    if (text.length > KEPT_TEXT_LENGTH_MAX) return found;
    if (this.#kept.size >= KEPT_TEXTS_MAX) {
      this.#older = this.#kept;
      this.#kept = new Map();
    }
    this.#kept.set(text, found);
    return found;
  }

  #findText(text: string): number {
    const held = new Set<number>(this.#exists);
    for (const atom of this.#constants.get(text) ?? NONE) held.add(atom);
    for (const matcher of this.#matchers) matcher.match(text, held);
    const unclear = this.#ranges.size > 0 && !this.#findRanges(text, held);
    return this.#classWith(held, unclear);
  }

  #classOfNumber(value: number): number {
    let low = 0;
    let high = this.#bounds.length;
    while (low < high) {
      const middle = (low + high) >> 1;
      if (this.#bounds[middle]! < value) low = middle + 1;
      else high = middle;
    }
    const interval = low * 2 + (this.#bounds[low] === value ? 1 : 0);
    let found = this.#intervals[interval]!;
    if (found < 0) {
      const held = new Set<number>(this.#exists);
      for (const { atom, holds } of this.#numberAtoms) if (holds(value)) held.add(atom);
      found = this.#classWith(held);
      this.#intervals[interval] = found;
    }
    return found;
  }

  #classWith(held: ReadonlySet<number>, unclear = false): number {
    const atoms = [...held].sort((a, b) => a - b);
    const name = unclear ? `${atoms.join()}?` : atoms.join();
    const known = this.#classAt.get(name);
    if (known !== undefined) return known;
    const made = this.#held.push(atoms) - 1;
    this.#classAt.set(name, made);
    if (unclear) this.#unclear.add(made);
    return made;
  }

  #addRange(cidr: string, atom: number): void {
    const range = parseRange(cidr);
    assert(range !== null, "the verifier lets no range pass that can't be read");
    const name = `${range.length}/${range.shift}`;
    const group = this.#ranges.get(name) ?? { length: range.length, shift: range.shift, networks: new Map() };
    this.#ranges.set(name, group);
    this.#rangeAtoms.push(atom);
    push(group.networks, range.network, atom);
  }

  /** Adds the ranges that have an address; false when it can't be read. */
  #findRanges(text: string, held: Set<number>): boolean {
    const address = parseAddress(text);
    if (address === null) return false;
    for (const { length, shift, networks } of this.#ranges.values())
      if (length === address.length) for (const atom of networks.get(address.bits >> shift) ?? NONE) held.add(atom);
    return true;
  }
}

const ORDER = {
  below: (bound: number) => (value: number) => value < bound,
  "at-most": (bound: number) => (value: number) => value <= bound,
  above: (bound: number) => (value: number) => value > bound,
  "at-least": (bound: number) => (value: number) => value >= bound,
};

function push<K>(map: Map<K, number[]>, key: K, atom: number): void {
  const known = map.get(key);
  if (known === undefined) map.set(key, [atom]);
  else known.push(atom);
}
