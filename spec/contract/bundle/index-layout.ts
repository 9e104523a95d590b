import {
  ACCEPT_WHEN,
  CONSTRAINT_MODES,
  DIMENSION_KINDS,
  type Accept,
  type Atom,
  type Automaton,
  type Constraint,
  type Cube,
  type DecisionIndex,
  type Dimension,
} from "./decision-index.ts";
import { array, each, fail, flag, int, ints, member, text, textOrNull, texts, type Where } from "./read.ts";
import { encodeTable, readTable } from "./table.ts";

/** Places of the index in a bundle; reader and writer side by side, as in `layout.ts`. */
const ATOM_KINDS = ["exists", "one-of", "below", "at-most", "above", "at-least", "range", "pattern"] as const;

export function encodeIndex(index: DecisionIndex): unknown[] {
  return [
    index.dimensions.map((one) => [
      one.path,
      one.key,
      DIMENSION_KINDS.indexOf(one.kind),
      one.atoms.map((atom) => [ATOM_KINDS.indexOf(atom.kind), atomOperand(atom)]),
    ]),
    index.automata.map((one) => [
      one.dimension,
      one.starts,
      one.inputs,
      one.inputCount,
      encodeTable(one.next),
      one.accepts.map((accept) => [accept.state, ACCEPT_WHEN.indexOf(accept.when), accept.atoms]),
    ]),
    index.constraints.map((one) => [one.dimension, CONSTRAINT_MODES.indexOf(one.mode), one.whenUnknown, one.formula]),
    index.cubes.map((one) => [one.rule, one.exact, one.constraints]),
  ];
}

function atomOperand(atom: Atom): unknown {
  switch (atom.kind) {
    case "exists":
      return null;
    case "one-of":
      return atom.values;
    case "range":
      return atom.cidr;
    case "pattern":
      return atom.text;
    default:
      return atom.bound;
  }
}

export function readIndex(raw: unknown, where: string): DecisionIndex {
  const [dimensions, automata, constraints, cubes] = array(raw, where, 4);
  return {
    dimensions: each(dimensions, `${where}.dimensions`, readDimension),
    automata: each(automata, `${where}.automata`, readAutomaton),
    constraints: each(constraints, `${where}.constraints`, (item, at): Constraint => {
      const places = array(item, at, 4);
      return {
        dimension: int(places[0], at),
        mode: member(CONSTRAINT_MODES, places[1], at),
        whenUnknown: flag(places[2], at),
        formula: ints(places[3], at),
      };
    }),
    cubes: each(cubes, `${where}.cubes`, (item, at): Cube => {
      const places = array(item, at, 3);
      return { rule: int(places[0], at), exact: flag(places[1], at), constraints: ints(places[2], at) };
    }),
  };
}

function readDimension(raw: unknown, where: Where): Dimension {
  const [path, key, kind, atoms] = array(raw, where, 4);
  return {
    path: text(path, where),
    key: textOrNull(key, where),
    kind: member(DIMENSION_KINDS, kind, where),
    atoms: array(atoms, where).map((item) => readAtom(item, where)),
  };
}

function readAtom(raw: unknown, where: Where): Atom {
  const [kindNumber, operand] = array(raw, where, 2);
  const kind = member(ATOM_KINDS, kindNumber, where);
  switch (kind) {
    case "exists":
      return operand === null ? { kind } : fail(where, "has a question with an operand too many");
    case "one-of":
      return { kind, values: texts(operand, where) };
    case "range":
      return { kind, cidr: text(operand, where) };
    case "pattern":
      return { kind, text: text(operand, where) };
    default:
      return { kind, bound: int(operand, where) };
  }
}

function readAutomaton(raw: unknown, where: Where): Automaton {
  const [dimension, starts, inputs, inputCount, next, accepts] = array(raw, where, 6);
  return {
    dimension: int(dimension, where),
    starts: ints(starts, where),
    inputs: ints(inputs, where),
    inputCount: int(inputCount, where),
    next: readTable(next, where),
    accepts: array(accepts, where).map((item): Accept => {
      const [state, when, atoms] = array(item, where, 3);
      return { state: int(state, where), when: member(ACCEPT_WHEN, when, where), atoms: ints(atoms, where) };
    }),
  };
}
