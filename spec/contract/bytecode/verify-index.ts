import {
  FORMULA,
  type Atom,
  type Automaton,
  type Constraint,
  type DecisionIndex,
  type DimensionKind,
} from "../bundle/decision-index.ts";
import type { Manifest } from "../bundle/manifest.ts";
import { CODE_LENGTH_MAX, CUBE_CONSTRAINTS_MAX, STACK_DEPTH_MAX } from "./limits.ts";

/** Which questions can be asked of which kind of value. */
const ASKABLE: Readonly<Record<Atom["kind"], readonly DimensionKind[]>> = {
  exists: ["bool", "int", "text", "address", "presence"],
  "one-of": ["bool", "int", "text", "address", "elements"],
  below: ["int"],
  "at-most": ["int"],
  above: ["int"],
  "at-least": ["int"],
  range: ["address"],
  pattern: ["text", "elements"],
};

/**
 * What is wrong with a bundle's index, or null. States what the selection takes for granted: every number lies in its
 * table, automata stay inside their states, formulas leave one value, and a cube that needs bytecode has some.
 */
export function indexFault(manifest: Manifest): string | null {
  const { index } = manifest;
  for (const [i, dimension] of index.dimensions.entries()) {
    const wrong = dimension.atoms.find((atom) => !ASKABLE[atom.kind].includes(dimension.kind));
    if (wrong !== undefined) return `dimension ${i} asks ${wrong.kind} of a ${dimension.kind}`;
  }
  for (const [i, automaton] of index.automata.entries()) {
    const wrong = automatonFault(index, automaton);
    if (wrong !== null) return `automaton ${i} ${wrong}`;
  }
  for (const [i, constraint] of index.constraints.entries()) {
    const wrong = constraintFault(index, constraint);
    if (wrong !== null) return `constraint ${i} ${wrong}`;
  }
  return cubesFault(manifest);
}

function automatonFault(index: DecisionIndex, automaton: Automaton): string | null {
  const { starts, inputs, inputCount, next, accepts } = automaton;
  const dimension = index.dimensions[automaton.dimension];
  if (dimension === undefined) return `reads dimension ${automaton.dimension}`;
  if (inputCount < 1 || starts.length !== inputs.length || starts[0] !== 0) return "has an alphabet with a hole";
  for (let i = 1; i < starts.length; i++) if (starts[i]! <= starts[i - 1]!) return "has an alphabet out of order";
  for (const input of inputs) if (input < 0 || input >= inputCount) return `reads input ${input}`;
  const states = next.length / inputCount;
  if (states < 1 || !Number.isInteger(states)) return "has half a state";
  for (const state of next) if (state >= states) return `goes to state ${state} of ${states}`;
  for (const { state, atoms } of accepts) {
    if (state < 0 || state >= states) return `accepts in state ${state} of ${states}`;
    if (atoms.some((atom) => dimension.atoms[atom]?.kind !== "pattern")) return "accepts for what is no pattern";
  }
  return null;
}

function constraintFault(index: DecisionIndex, { dimension, mode, formula }: Constraint): string | null {
  const of = index.dimensions[dimension];
  if (of === undefined) return `asks dimension ${dimension}`;
  if ((of.kind === "elements") !== (mode !== "is")) return `asks ${mode} of a ${of.kind}`;
  if (formula.length > CODE_LENGTH_MAX) return "is too long";
  let depth = 0;
  for (const mark of formula) {
    if (mark === FORMULA.and || mark === FORMULA.or) {
      if (depth < 2) return "joins less than two parts";
      depth--;
    } else if (mark !== FORMULA.yes && mark !== FORMULA.no && !(mark >= 0 && mark >> 2 < of.atoms.length)) {
      return `asks question ${mark}`;
    } else if (++depth > STACK_DEPTH_MAX) return "is nested too deep";
  }
  return depth === 1 ? null : `leaves ${depth} values`;
}

function cubesFault({ index, rules }: Manifest): string | null {
  let last = 0;
  const found = new Set<number>();
  const always = new Set<number>();
  for (const [i, cube] of index.cubes.entries()) {
    const rule = rules[cube.rule];
    if (rule === undefined || cube.rule < last) return `cube ${i} is of rule ${cube.rule}`;
    last = cube.rule;
    found.add(last);
    if (cube.constraints.length > CUBE_CONSTRAINTS_MAX) return `cube ${i} has too many constraints`;
    if (cube.constraints.some((one) => one < 0 || one >= index.constraints.length))
      return `cube ${i} names a constraint that is not there`;
    if (!cube.exact && rule.condition < 0) return `cube ${i} needs a condition that its rule does not have`;
    if (cube.exact && cube.constraints.length === 0) always.add(cube.rule);
  }
  const lost = rules.findIndex((rule, i) => rule.effect !== "allow" && !found.has(i));
  if (lost >= 0) return `rule ${lost} restricts, but no cube finds it`;
  const silent = rules.findIndex((rule, i) => rule.condition < 0 && !always.has(i));
  return silent < 0 ? null : `rule ${silent} always applies, but no cube says so`;
}
