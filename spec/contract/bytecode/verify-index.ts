import {
  FORMULA,
  type Atom,
  type Automaton,
  type Constraint,
  type DecisionIndex,
  type DimensionKind,
} from "../bundle/decision-index.ts";
import type { Manifest } from "../bundle/manifest.ts";
import { factAt, type FactType, type ProtocolName } from "../facts/index.ts";
import { parseRange } from "./address.ts";
import { tableFault } from "./alphabet.ts";
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
 * table, automata stay inside their states, formulas leave one value, every question can be answered, and a cube that needs
 * bytecode has some.
 */
export function indexFault(manifest: Manifest): string | null {
  const { index } = manifest;
  for (const [i, dimension] of index.dimensions.entries()) {
    const wrong = dimension.atoms.find((atom) => !ASKABLE[atom.kind].includes(dimension.kind));
    if (wrong !== undefined) return `dimension ${i} asks ${wrong.kind} of a ${dimension.kind}`;
    const range = dimension.atoms.find((atom) => atom.kind === "range" && parseRange(atom.cidr) === null);
    if (range?.kind === "range") return `dimension ${i} asks for range ${range.cidr}, which can't be read`;
  }
  for (const [i, automaton] of index.automata.entries()) {
    const wrong = automatonFault(index, automaton);
    if (wrong !== null) return `automaton ${i} ${wrong}`;
  }
  const silent = silentPattern(index);
  if (silent !== null) return silent;
  for (const [i, constraint] of index.constraints.entries()) {
    const wrong = constraintFault(index, constraint);
    if (wrong !== null) return `constraint ${i} ${wrong}`;
  }
  return cubesFault(manifest) ?? kindFault(manifest);
}

function automatonFault(index: DecisionIndex, automaton: Automaton): string | null {
  const { inputCount, next, accepts } = automaton;
  const dimension = index.dimensions[automaton.dimension];
  if (dimension === undefined) return `reads dimension ${automaton.dimension}`;
  const wrong = tableFault(automaton);
  if (wrong !== null) return wrong;
  const states = next.length / inputCount;
  const accepting = new Set<string>();
  for (const { state, when, atoms } of accepts) {
    if (accepting.has(`${when} ${state}`)) return `accepts twice in state ${state}`;
    accepting.add(`${when} ${state}`);
    if (state < 0 || state >= states) return `accepts in state ${state} of ${states}`;
    if (atoms.some((atom) => dimension.atoms[atom]?.kind !== "pattern")) return "accepts for what is no pattern";
  }
  return null;
}

/** A pattern that no automaton of its dimension accepts for would never hold. */
function silentPattern({ dimensions, automata }: DecisionIndex): string | null {
  const answered = dimensions.map(() => new Set<number>());
  for (const { dimension, accepts } of automata)
    for (const { atoms } of accepts) for (const atom of atoms) answered[dimension]!.add(atom);
  for (const [i, { atoms }] of dimensions.entries()) {
    const silent = atoms.find((atom, j) => atom.kind === "pattern" && !answered[i]!.has(j));
    if (silent?.kind === "pattern") return `dimension ${i} asks ${silent.text}, which no automaton answers`;
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

/** The value of a map at a key is a text. */
const kindOfValue = (type: FactType, key: string | null): FactType | null =>
  key === null ? type : type.kind === "map" ? type.of : null;

/** Whether values of this type can be told apart in this way. */
function kindFits(kind: DimensionKind, type: FactType): boolean {
  switch (kind) {
    case "bool":
      return type.kind === "bool";
    case "int":
      return type.kind === "int" || type.kind === "duration" || type.kind === "time";
    case "text":
      return type.kind === "string" || type.kind === "enum";
    case "address":
      return type.kind === "address";
    case "elements":
    case "presence":
      return (type.kind === "set" || type.kind === "list") && (type.of.kind === "string" || type.of.kind === "enum");
  }
}

/**
 * A dimension whose kind is not that of the fact, in a protocol whose rules ask it: every value would be unknown, or none.
 * Facts that the protocol does not have are the loader's to name.
 */
function kindFault({ index, rules }: Manifest): string | null {
  /** For each protocol, the dimensions in which nothing is wrong. */
  const right = new Map<ProtocolName, Uint8Array>();
  const faultOf = (dimension: number, protocol: ProtocolName): string | null => {
    const { path, key, kind } = index.dimensions[dimension]!;
    const fact = factAt(protocol, path);
    const type = fact === undefined ? null : kindOfValue(fact.type, key);
    return fact === undefined || (type !== null && kindFits(kind, type))
      ? null
      : `dimension ${dimension} takes ${key === null ? path : `${path}["${key}"]`} for a ${kind}`;
  };
  for (const { rule, constraints } of index.cubes)
    for (const protocol of rules[rule]!.protocols) {
      let own = right.get(protocol);
      if (own === undefined) right.set(protocol, (own = new Uint8Array(index.dimensions.length)));
      for (const number of constraints) {
        const { dimension } = index.constraints[number]!;
        if (own[dimension] === 1) continue;
        const fault = faultOf(dimension, protocol);
        if (fault !== null) return fault;
        own[dimension] = 1;
      }
    }
  return null;
}
