import type { FactType, FactValue, Truth } from "../../spec/contract/facts/index.ts";
import type { CheckedExpr } from "../../lang/index.ts";
import type { Machine } from "./machine.ts";

/** A question about one known value. `one-of` compares texts; numbers and booleans are compared by how they are written. */
export type Atom =
  | { readonly kind: "exists" }
  | { readonly kind: "one-of"; readonly values: readonly string[] }
  | { readonly kind: "order"; readonly op: "<" | "<=" | ">" | ">="; readonly bound: number }
  | { readonly kind: "pattern"; readonly machine: Machine }
  | { readonly kind: "range"; readonly cidr: string; readonly answers: Map<string, Truth> }
  /** A part of the time: `time.hour("Europe/Vienna") < 8`. The condition itself is asked. */
  | {
      readonly kind: "expression";
      readonly name: string;
      readonly expr: CheckedExpr;
      readonly zone: string;
      readonly minutes: boolean;
    };

/** What is asked of a fact: of its one value, or of its elements. An absent value says no to every atom. */
export type Test =
  | { readonly kind: "atom"; readonly atom: Atom; readonly negated: boolean }
  | { readonly kind: "any" | "all"; readonly formula: Node };

/** Where a value stands: a fact, a key of a map, an element of a set, a field of a record, or a condition taken whole. */
export interface Place {
  readonly id: number;
  readonly path: string;
  readonly key: string | null;
  /** Type of the value that is found there. */
  readonly type: FactType;
  /** Whether the value may be absent. */
  readonly optional: boolean;
  /** Elements and their fields are always known. */
  readonly known: boolean;
  /** Places of one group depend on each other and get their values together. */
  readonly group: string;
  /** A condition that is no question about one fact; its truth is the value. */
  readonly whole: CheckedExpr | null;
}

/** A two-valued question about one place. */
export interface Literal {
  readonly id: number;
  readonly place: Place;
  readonly test: Test;
  /** The answer when the value is unknown. */
  readonly whenUnknown: boolean;
}

/** A two-valued formula over literals, negations pushed down into them. */
export type Node =
  | { readonly op: "yes" }
  | { readonly op: "no" }
  | { readonly op: "literal"; readonly literal: Literal }
  | { readonly op: "and" | "or"; readonly parts: readonly Node[] };

export const YES: Node = { op: "yes" };
export const NO: Node = { op: "no" };

/** Values by place, as far as they were chosen. */
export type Values = ReadonlyMap<Place, FactValue>;

/** Parts up to which they are looked through for a literal, which is quicker than a set of so few. */
const SCANNED_MAX = 16;

/** Conjunction or disjunction, flat, without parts that say nothing. */
export function join(op: "and" | "or", parts: readonly Node[]): Node {
  const absorbing = op === "and" ? "no" : "yes";
  const neutral = op === "and" ? "yes" : "no";
  const flat: Node[] = [];
  let seen: Set<Literal> | null = null;
  for (let i = 0; i < parts.length; i++) {
    const part = parts[i]!;
    const inner = part.op === op ? part.parts : null;
    const count = inner === null ? 1 : inner.length;
    for (let j = 0; j < count; j++) {
      const one = inner === null ? part : inner[j]!;
      if (one.op === absorbing) return one;
      if (one.op === neutral) continue;
      if (one.op === "literal") {
        if (seen === null && flat.length > SCANNED_MAX) seen = literalsOf(flat);
        if (seen === null ? stands(one.literal, flat) : seen.has(one.literal)) continue;
        seen?.add(one.literal);
      }
      flat.push(one);
    }
  }
  if (flat.length === 0) return op === "and" ? YES : NO;
  return flat.length === 1 ? flat[0]! : { op, parts: flat };
}

function stands(literal: Literal, among: readonly Node[]): boolean {
  for (let i = 0; i < among.length; i++) {
    const one = among[i]!;
    if (one.op === "literal" && one.literal === literal) return true;
  }
  return false;
}

function literalsOf(nodes: readonly Node[]): Set<Literal> {
  const found = new Set<Literal>();
  for (const one of nodes) if (one.op === "literal") found.add(one.literal);
  return found;
}

/** Places and literals of one analysis, each once, so that they can be told apart by number. */
export class Literals {
  readonly #places = new Map<string, Place>();
  /** By place, and within a place by what is asked there. */
  readonly #literals: Map<string | number, Literal>[] = [];
  readonly #complements = new Map<Literal, Literal>();
  readonly #placeList: Place[] = [];
  #made = 0;
  #asked = 0;
  #answers = new Int32Array(256);

  /**
   * Room for the answers of one candidate, shared by all: `start` and `start + 1` in a literal's place are its no and its yes,
   * whatever else stands there is another's answer and says nothing.
   */
  answers(): { readonly room: Int32Array; readonly start: number } {
    if (this.#answers.length < this.#made) this.#answers = new Int32Array(this.#made * 2);
    this.#asked += 2;
    if (this.#asked >= 2 ** 31 - 2) {
      this.#answers = new Int32Array(this.#answers.length);
      this.#asked = 2;
    }
    return { room: this.#answers, start: this.#asked };
  }

  place(wanted: Omit<Place, "id">): Place {
    const name = `${wanted.path}\u0000${wanted.key === null ? "" : `=${wanted.key}`}`;
    const known = this.#places.get(name);
    if (known !== undefined) return known;
    const place = { ...wanted, id: this.#placeList.length };
    this.#places.set(name, place);
    this.#placeList.push(place);
    return place;
  }

  get places(): readonly Place[] {
    return this.#placeList;
  }

  literal(place: Place, test: Test, whenUnknown: boolean): Literal {
    const own = (this.#literals[place.id] ??= new Map());
    const name = nameOfTest(test, whenUnknown);
    const known = own.get(name);
    if (known !== undefined) return known;
    const literal = { id: this.#made++, place, test, whenUnknown };
    own.set(name, literal);
    return literal;
  }

  node(place: Place, test: Test, whenUnknown: boolean): Node {
    if (place.known && test.kind !== "atom") {
      if (test.kind === "any" && test.formula.op === "no") return NO;
      if (test.kind === "all" && test.formula.op === "yes") return YES;
    }
    return { op: "literal", literal: this.literal(place, test, whenUnknown) };
  }

  /** The literal that holds exactly when this one does not. */
  complementOf(literal: Literal): Literal {
    const known = this.#complements.get(literal);
    if (known !== undefined) return known;
    const { place, test, whenUnknown } = literal;
    const other: Test =
      test.kind === "atom"
        ? { ...test, negated: !test.negated }
        : { kind: test.kind === "any" ? "all" : "any", formula: this.complement(test.formula) };
    const made = this.literal(place, other, !whenUnknown);
    this.#complements.set(literal, made);
    return made;
  }

  complement(node: Node): Node {
    switch (node.op) {
      case "yes":
        return NO;
      case "no":
        return YES;
      case "literal":
        return { op: "literal", literal: this.complementOf(node.literal) };
      case "and":
      case "or":
        return join(
          node.op === "and" ? "or" : "and",
          node.parts.map((part) => this.complement(part)),
        );
    }
  }
}

/** Equal formulas over equal literals have equal names. */
export function nameOfNode(node: Node): string {
  switch (node.op) {
    case "yes":
    case "no":
      return node.op;
    case "literal":
      return `#${node.literal.id}`;
    case "and":
    case "or":
      return `(${node.op} ${node.parts.map(nameOfNode).sort().join(" ")})`;
  }
}

/** Equal tests of one place have equal names. The usual ones have short ones: a number, or the one text asked for. */
function nameOfTest(test: Test, whenUnknown: boolean): string | number {
  if (test.kind !== "atom") {
    const { formula } = test;
    if (formula.op === "literal") return formula.literal.id * 4 + (test.kind === "any" ? 2 : 0) + (whenUnknown ? 1 : 0);
    return `${whenUnknown ? "? " : ""}${test.kind} ${nameOfNode(formula)}`;
  }
  const { atom } = test;
  if (atom.kind === "one-of" && atom.values.length === 1)
    return (whenUnknown ? (test.negated ? "?!=" : "?=") : test.negated ? "!=" : "=") + atom.values[0]!;
  return `${whenUnknown ? "? " : ""}${test.negated ? "not " : ""}${nameOfAtom(atom)}`;
}

/** Lengths stand before the texts, so that no text can be taken for two. */
function nameOfTexts(texts: readonly string[]): string {
  let name = "";
  for (let i = 0; i < texts.length; i++) name += `${texts[i]!.length}:${texts[i]!}`;
  return name;
}

function nameOfAtom(atom: Atom): string {
  switch (atom.kind) {
    case "exists":
      return "exists";
    case "one-of":
      return `one-of ${nameOfTexts(atom.values)}`;
    case "order":
      return `${atom.op} ${atom.bound}`;
    case "pattern":
      return atom.machine.name;
    case "range":
      return `within ${atom.cidr}`;
    case "expression":
      return `expression ${atom.name}`;
  }
}
