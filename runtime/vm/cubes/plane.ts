import { FORMULA, type Constraint } from "../../../spec/contract/bundle/index.ts";
import { ELEMENTS_MAX } from "../../../spec/contract/bytecode/index.ts";
import { ABSENT, UNKNOWN, type FactValue } from "../../../spec/contract/facts/index.ts";
import { ROW_WORDS_MAX } from "../limits.ts";
import { ABSENT_CLASS, DEFAULT_CLASS, type Classes } from "./classes.ts";

/** What is known of an atom; 0: it does not hold. */
const HELD = 1;
const UNCLEAR = 2;

/** One bit for each cube: whether a value lets it fire. */
export interface Row {
  readonly words: Int32Array;
  /** How many bits are set, or of a row that was put together from others about how many: by it rows are put in order. */
  readonly count: number;
}

export interface PlacedConstraint {
  readonly constraint: Constraint;
  /** Cubes that ask it, ascending. */
  readonly cubes: readonly number[];
}

/**
 * All that cubes ask of one fact in one way. A value, by its class, gives the row of cubes that it lets fire; cubes that ask
 * nothing here are in every row. Rows are made when their class is first seen.
 */
export class Plane {
  readonly path: string;
  readonly key: string | null;
  readonly mode: Constraint["mode"];
  readonly classes: Classes;
  /** Cubes that ask something here. */
  readonly asking: Int32Array;
  /** The last row was that of an unknown value, or of one of which something asked here is unknown. */
  sawUnknown = false;
  readonly #constraints: readonly (PlacedConstraint & { readonly byDefault: boolean })[];
  /** For each atom, the constraints that read it. */
  readonly #readers: ReadonlyMap<number, readonly number[]>;
  readonly #wordCount: number;
  readonly #full: Row;
  readonly #free: Row;
  readonly #unknown: Row;
  /** What elements were put together to last. */
  readonly #joined: { readonly words: Int32Array; count: number };
  /** What is known of each atom while a row is made; nothing else is kept there. */
  readonly #held: Uint8Array;
  #rows: (Row | undefined)[] = [];
  #rowWords = 0;

  constructor(
    place: { readonly path: string; readonly key: string | null; readonly mode: Constraint["mode"] },
    classes: Classes,
    constraints: readonly PlacedConstraint[],
    cubeCount: number,
  ) {
    this.path = place.path;
    this.key = place.key;
    this.mode = place.mode;
    this.classes = classes;
    this.#wordCount = (cubeCount + 31) >> 5;
    this.#held = classes.scratch;
    const readers = new Map<number, number[]>();
    const asking = new Int32Array(this.#wordCount);
    this.#mark(classes.held(DEFAULT_CLASS), HELD);
    this.#constraints = constraints.map((one, i) => {
      const { formula } = one.constraint;
      for (const mark of formula) {
        if (mark < 0) continue;
        const list = readers.get(mark >> 2);
        if (list === undefined) readers.set(mark >> 2, [i]);
        else if (list[list.length - 1] !== i) list.push(i);
      }
      for (const cube of one.cubes) asking[cube >> 5]! |= 1 << (cube & 31);
      return { constraint: one.constraint, cubes: one.cubes, byDefault: holds(formula, this.#held, false) };
    });
    this.#mark(classes.held(DEFAULT_CLASS), 0);
    this.#readers = readers;
    this.asking = asking;
    const full = new Int32Array(this.#wordCount);
    for (let cube = 0; cube < cubeCount; cube++) full[cube >> 5]! |= 1 << (cube & 31);
    this.#full = { words: full, count: cubeCount };
    this.#free = row(full.map((word, i) => word & ~asking[i]!));
    const unknown = this.#free.words.slice();
    for (const { constraint, cubes } of constraints) {
      const { mode, whenUnknown, formula } = constraint;
      if (mode === "is" ? holds(formula, this.#held, true) : whenUnknown) flip(unknown, cubes);
    }
    this.#unknown = row(unknown);
    this.#joined = { words: new Int32Array(this.#wordCount), count: 0 };
    // Every other row is made from this one, so the first decision finds it made.
    this.#makeRow(DEFAULT_CLASS);
  }

  /** The cubes that a value of the fact lets fire. The answer may be overwritten by the next call. */
  rowFor(fact: FactValue): Row {
    this.sawUnknown = false;
    const value = this.key === null ? fact : atKey(fact, this.key);
    if (this.mode === "is") {
      const found = this.classes.classOf(value);
      if (found < 0) return this.#unknownRow();
      this.sawUnknown = this.classes.unclear(found).length > 0;
      return this.#rowOf(found);
    }
    if (value === ABSENT) return this.mode === "any" ? this.#free : this.#full;
    // Lists and sets each have a loop of their own: one that takes both is slow for either.
    let found = this.mode === "any" ? this.#free : this.#full;
    if (value instanceof Set && value.size <= ELEMENTS_MAX) {
      for (const item of value as ReadonlySet<string>) found = this.#with(found, item);
      return found;
    }
    if (!Array.isArray(value) || value.length > ELEMENTS_MAX) return this.#unknownRow();
    for (const item of value as readonly string[]) found = this.#with(found, item);
    return found;
  }

  #unknownRow(): Row {
    this.sawUnknown = true;
    return this.#unknown;
  }

  /** The row of some elements with one more: some element must let a cube fire, or every one. */
  #with(found: Row, item: string): Row {
    const one = this.#rowOf(this.classes.classOfText(item));
    const neutral = this.mode === "any" ? this.#free : this.#full;
    if (one === found || one.count === neutral.count) return found;
    return found === neutral ? one : this.#join(found, one);
  }

  #join(a: Row, b: Row): Row {
    const joined = this.#joined;
    const [words, left, right] = [joined.words, a.words, b.words];
    if (this.mode === "any") {
      for (let i = 0; i < words.length; i++) words[i] = left[i]! | right[i]!;
      joined.count = a.count + b.count;
    } else {
      for (let i = 0; i < words.length; i++) words[i] = left[i]! & right[i]!;
      joined.count = Math.min(a.count, b.count);
    }
    return joined;
  }

  #rowOf(of: number): Row {
    return this.#rows[of] ?? this.#makeRow(of);
  }

  /** The row of the default class, and the bits in which another differs from it. */
  #makeRow(of: number): Row {
    this.#rowWords += this.#wordCount;
    if (this.#rowWords > ROW_WORDS_MAX) {
      this.#rows = [];
      this.#rowWords = this.#wordCount;
    }
    let words: Int32Array;
    if (of === DEFAULT_CLASS) {
      words = this.#free.words.slice();
      for (const { byDefault, cubes } of this.#constraints) if (byDefault) flip(words, cubes);
    } else {
      words = this.#rowOf(DEFAULT_CLASS).words.slice();
      const held = this.classes.held(of);
      const unclear = this.classes.unclear(of);
      this.#mark(held, HELD);
      this.#mark(unclear, UNCLEAR);
      const changed = of === ABSENT_CLASS ? this.classes.held(DEFAULT_CLASS) : [...held, ...unclear];
      const seen = new Set<number>();
      for (const atom of changed) for (const reader of this.#readers.get(atom) ?? []) seen.add(reader);
      for (const reader of seen) {
        const { constraint, cubes, byDefault } = this.#constraints[reader]!;
        if (holds(constraint.formula, this.#held, false) !== byDefault) flip(words, cubes);
      }
      this.#mark(changed, 0);
    }
    const made = row(words);
    this.#rows[of] = made.count === this.#free.count ? this.#free : made;
    return this.#rows[of]!;
  }

  #mark(atoms: readonly number[], held: 0 | typeof HELD | typeof UNCLEAR): void {
    for (const atom of atoms) this.#held[atom] = held;
  }
}

function atKey(fact: FactValue, key: string): FactValue {
  if (fact instanceof Map) return (fact as ReadonlyMap<string, string>).get(key) ?? ABSENT;
  return fact === ABSENT ? ABSENT : UNKNOWN;
}

/** A formula in postfix form, for a value that holds these atoms, or that is unknown. */
function holds(formula: readonly number[], held: Uint8Array, unknown: boolean): boolean {
  // Most formulas ask one thing.
  const [only] = formula;
  if (formula.length === 1 && only! >= 0) return leafHolds(only!, held, unknown);
  const stack: boolean[] = [];
  for (const mark of formula) {
    if (mark >= 0) stack.push(leafHolds(mark, held, unknown));
    else if (mark === FORMULA.yes || mark === FORMULA.no) stack.push(mark === FORMULA.yes);
    else {
      const right = stack.pop()!;
      const left = stack.pop()!;
      stack.push(mark === FORMULA.and ? left && right : left || right);
    }
  }
  return stack[0] === true;
}

function leafHolds(mark: number, held: Uint8Array, unknown: boolean): boolean {
  const known = held[mark >> 2];
  return unknown || known === UNCLEAR ? (mark & 1) === 1 : (known === HELD) !== ((mark & 2) === 2);
}

function flip(words: Int32Array, cubes: readonly number[]): void {
  for (const cube of cubes) words[cube >> 5]! ^= 1 << (cube & 31);
}

function row(words: Int32Array): Row {
  let count = 0;
  for (const word of words) count += bitsOf(word);
  return { words, count };
}

function bitsOf(word: number): number {
  let v = word - ((word >>> 1) & 0x55555555);
  v = (v & 0x33333333) + ((v >>> 2) & 0x33333333);
  return Math.imul((v + (v >>> 4)) & 0x0f0f0f0f, 0x01010101) >>> 24;
}
