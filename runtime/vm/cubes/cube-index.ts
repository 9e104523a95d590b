import type { Constraint, DecisionIndex } from "../../../spec/contract/bundle/index.ts";
import { Classes } from "./classes.ts";
import { Plane, type PlacedConstraint, type Row } from "./plane.ts";

interface DraftPlane {
  readonly dimension: number;
  readonly mode: Constraint["mode"];
  readonly asked: Map<number, number[]>;
}
const MODE_NUMBERS = { is: 0, any: 1, all: 2 } as const satisfies Record<Constraint["mode"], number>;
const MODES = 3;

/** The cubes of some of a bundle's rules, made ready to be selected from. */
export class CubeIndex {
  readonly planes: readonly Plane[];
  /** The rule of each cube; ascending. */
  readonly rules: Int32Array;
  /** 1: the cube says all; 0: the rule's condition must be run. */
  readonly exact: Uint8Array;
  readonly wordCount: number;
  readonly #selected: Int32Array;
  readonly #answer: { readonly cubes: Int32Array; count: number };

  constructor(index: DecisionIndex, applies: (rule: number) => boolean, classesOf: (dimension: number) => Classes) {
    const cubes = index.cubes.filter((cube) => applies(cube.rule));
    this.rules = Int32Array.from(cubes, (cube) => cube.rule);
    this.exact = Uint8Array.from(cubes, (cube) => (cube.exact ? 1 : 0));
    this.wordCount = (cubes.length + 31) >> 5;
    this.#selected = new Int32Array(cubes.length);
    this.#answer = { cubes: this.#selected, count: 0 };
    // A cube that asks one fact twice in the same way asks it in two planes.
    const planes = new Map<number, DraftPlane>();
    const { constraints } = index;
    for (let i = 0; i < cubes.length; i++) {
      const asked = cubes[i]!.constraints;
      for (let j = 0; j < asked.length; j++) {
        const number = asked[j]!;
        const { dimension, mode } = constraints[number]!;
        // Which time it is that this cube asks the fact in this way.
        let time = 0;
        for (let k = 0; k < j; k++) {
          const other = constraints[asked[k]!]!;
          if (other.dimension === dimension && other.mode === mode) time++;
        }
        const name = (time * MODES + MODE_NUMBERS[mode]) * index.dimensions.length + dimension;
        let plane = planes.get(name);
        if (plane === undefined) planes.set(name, (plane = { dimension, mode, asked: new Map() }));
        const asking = plane.asked.get(number);
        if (asking === undefined) plane.asked.set(number, [i]);
        else asking.push(i);
      }
    }
    // By fact, so that each is read once.
    const byPath = [...planes.values()].sort((a, b) => {
      const [left, right] = [index.dimensions[a.dimension]!.path, index.dimensions[b.dimension]!.path];
      return left === right ? a.dimension - b.dimension : left < right ? -1 : 1;
    });
    this.planes = byPath.map(({ dimension, mode, asked }) => {
      const { path, key } = index.dimensions[dimension]!;
      const placed = [...asked].map(([number, asking]): PlacedConstraint => ({
        constraint: index.constraints[number]!,
        cubes: asking,
      }));
      return new Plane({ path, key, mode }, classesOf(dimension), placed, cubes.length);
    });
  }

  /**
   * The cubes that are in every row: the first `count` places of the answer, ascending. Rows are taken from the emptiest to
   * the fullest, so that most words are done with after one or two of them. The next call overwrites the answer.
   */
  select(rows: Row[], count: number): { readonly cubes: Int32Array; readonly count: number } {
    sortByCount(rows, count);
    const cubes = this.#selected;
    const answer = this.#answer;
    if (count === 0) {
      for (let cube = 0; cube < cubes.length; cube++) cubes[cube] = cube;
      answer.count = cubes.length;
      return answer;
    }
    const first = rows[0]!.words;
    const second = rows[count > 1 ? 1 : 0]!.words;
    let found = 0;
    for (let at = 0; at < first.length; at++) {
      let word = first[at]! & second[at]!;
      for (let i = 2; word !== 0 && i < count; i++) word &= rows[i]!.words[at]!;
      while (word !== 0) {
        const lowest = word & -word;
        cubes[found++] = at * 32 + 31 - Math.clz32(lowest);
        word ^= lowest;
      }
    }
    answer.count = found;
    return answer;
  }
}

/** In place, the first `count`; a handful of rows, so by insertion. */
function sortByCount(rows: Row[], count: number): void {
  for (let i = 1; i < count; i++) {
    const one = rows[i]!;
    let at = i - 1;
    while (at >= 0 && rows[at]!.count > one.count) {
      rows[at + 1] = rows[at]!;
      at--;
    }
    rows[at + 1] = one;
  }
}

/** The classes of each dimension of a bundle, made when they are first asked for and shared by all protocols. */
export function classesOf(index: DecisionIndex): (dimension: number) => Classes {
  const made = new Map<number, Classes>();
  const automata = Map.groupBy(index.automata, (one) => one.dimension);
  return (dimension) => {
    const known = made.get(dimension);
    if (known !== undefined) return known;
    const classes = new Classes(index.dimensions[dimension]!, automata.get(dimension) ?? []);
    made.set(dimension, classes);
    return classes;
  };
}
