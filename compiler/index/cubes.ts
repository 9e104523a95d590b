import { join, keyOf } from "./formula.ts";
import { ANY_PER_SET_MAX, CUBES_PER_RULE_MAX } from "./limits.ts";
import type { Literal, Node } from "./node.ts";

/** A conjunction of literals. Not exact: it is only necessary, and the bytecode has the last word. */
export interface DraftCube {
  readonly exact: boolean;
  readonly literals: readonly Literal[];
}

const EVERYTHING: DraftCube = { exact: true, literals: [] };
const LEFT_TO_BYTECODE: readonly DraftCube[] = [{ exact: false, literals: [] }];

/**
 * The disjunction of cubes that a predicate is. Together the exact and the inexact cubes cover it: an exact cube fires only
 * when it holds, and when it holds some cube does. Past the limits a part is left to the bytecode.
 */
export function cubesOf(node: Node): readonly DraftCube[] {
  switch (node.op) {
    case "yes":
      return [EVERYTHING];
    case "no":
      return [];
    case "opaque":
      return LEFT_TO_BYTECODE;
    case "literal":
      return [{ exact: true, literals: [node.literal] }];
    case "or": {
      const all = node.parts.flatMap((part) => cubesOf(part));
      if (all.some((cube) => cube.exact && cube.literals.length === 0)) return [EVERYTHING];
      // A cube that asks nothing makes the others useless: they would only run the same code again.
      if (all.some((cube) => cube.literals.length === 0)) return LEFT_TO_BYTECODE;
      return all.length > CUBES_PER_RULE_MAX ? LEFT_TO_BYTECODE : distinct(all);
    }
    case "and":
      // The fewest cubes first, so that what is left out by the limit is what would have multiplied them.
      return node.parts
        .map((part) => cubesOf(part))
        .sort((a, b) => a.length - b.length)
        .reduce((all, part) => product(all, part), [EVERYTHING] as readonly DraftCube[]);
  }
}

function product(left: readonly DraftCube[], right: readonly DraftCube[]): readonly DraftCube[] {
  if (left.length * right.length > CUBES_PER_RULE_MAX) return left.map((cube) => ({ ...cube, exact: false }));
  return distinct(
    left.flatMap((a) =>
      right.flatMap((b) => {
        const cube = conjunction(a, b);
        return cube === null ? [] : [cube];
      }),
    ),
  );
}

/** Null when the two contradict each other outright. */
function conjunction(a: DraftCube, b: DraftCube): DraftCube | null {
  const literals: Literal[] = [];
  const at = new Map<string, number>();
  const anyCount = new Map<number, number>();
  let exact = a.exact && b.exact;
  for (const literal of [...a.literals, ...b.literals]) {
    const merges = literal.mode !== "any";
    const name = `${literal.dimension} ${literal.mode} ${literal.whenUnknown} ${merges ? "" : keyOf(literal.formula)}`;
    const known = at.get(name);
    if (known !== undefined) {
      const formula = join("and", [literals[known]!.formula, literal.formula]);
      if (literal.mode === "is" && formula.op === "no") return null;
      literals[known] = { ...literal, formula };
      continue;
    }
    if (literal.mode === "any") {
      const count = (anyCount.get(literal.dimension) ?? 0) + 1;
      anyCount.set(literal.dimension, count);
      if (count > ANY_PER_SET_MAX) {
        exact = false;
        continue;
      }
    }
    at.set(name, literals.length);
    literals.push(literal);
  }
  return { exact, literals };
}

function distinct(cubes: readonly DraftCube[]): readonly DraftCube[] {
  const found = new Map<string, DraftCube>();
  for (const cube of cubes) {
    const name = cube.literals
      .map((one) => `${one.dimension} ${one.mode} ${one.whenUnknown} ${keyOf(one.formula)}`)
      .sort()
      .join("|");
    const known = found.get(name);
    found.set(name, known === undefined || (!known.exact && cube.exact) ? cube : known);
  }
  return [...found.values()];
}
