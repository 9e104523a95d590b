import { ABSENT, UNKNOWN, type FactRecord, type FactType, type FactValue } from "../../spec/contract/facts/index.ts";
import { elementFits, literalHolds } from "./holds.ts";
import type { Literal, Node, Place } from "./literal.ts";
import { join } from "./literal.ts";
import { solveScalar, type Solved } from "./scalar.ts";
import { usualValue } from "./defaults.ts";

/** Values of the places of one group. `unknown`: the whole group is, whatever place is asked for. */
export interface GroupValues {
  readonly values: ReadonlyMap<Place, FactValue>;
  readonly unknown: boolean;
}

/** Finds an element for a formula: the values of its places, "none", or "inconclusive". */
export type ElementSolver = (formula: Node) => ReadonlyMap<Place, FactValue> | "none" | "inconclusive";

/** The places whose values hang together though they are two facts: the statement's kind is among its kinds. */
export interface Kinds {
  readonly kind: Place;
  readonly kinds: Place;
}

/** Values for all places that the literals speak of; they are all of one group. */
export function solveGroup(
  literals: readonly Literal[],
  kinds: Kinds | null,
  solveElement: ElementSolver,
): GroupValues | "none" | "inconclusive" {
  const alone = literals.length === 1 ? elementNamed(literals[0]!) : null;
  if (alone !== null) return { values: valueAt(literals[0]!.place, new Set<string>().add(alone)), unknown: false };
  const [first] = literals;
  if (literals.length === 1 && first!.place.key === null && first!.place.group !== kinds?.kind.group) {
    const solved = solvePlace(first!.place, literals, true, solveElement);
    return typeof solved === "string" ? solved : { values: valueAt(first!.place, solved.value), unknown: false };
  }
  const byPlace = new Map<Place, Literal[]>();
  for (const literal of literals) {
    const list = byPlace.get(literal.place);
    if (list === undefined) byPlace.set(literal.place, [literal]);
    else list.push(literal);
  }
  if (kinds !== null && literals[0]!.place.group === kinds.kind.group) return solveKinds(byPlace, kinds, solveElement);
  const values = new Map<Place, FactValue>();
  const one = byPlace.size === 1 && literals[0]!.place.key === null;
  let failed: "none" | "inconclusive" | null = null;
  for (const [place, own] of byPlace) {
    const solved = solvePlace(place, own, one, solveElement);
    if (typeof solved === "string") {
      failed = solved;
      break;
    }
    values.set(place, solved.value);
  }
  if (failed === null) return { values, unknown: false };
  // A map is unknown as a whole or not at all.
  if (!one && literals.every((literal) => literal.whenUnknown)) return { values: new Map(), unknown: true };
  return failed;
}

const valueAt = (place: Place, value: FactValue): Map<Place, FactValue> =>
  new Map<Place, FactValue>().set(place, value);

/** The element that a question after one of several texts, and nothing else, gives a set; null for all other questions. */
function elementNamed({ place, test }: Literal): string | null {
  if (place.type.kind !== "set" || place.type.of.kind !== "string") return null;
  if (test.kind !== "any" || test.formula.op !== "literal") return null;
  const { literal } = test.formula;
  if (literal.place.path !== `${place.path}[]` || literal.test.kind !== "atom" || literal.test.negated) return null;
  return literal.test.atom.kind === "one-of" ? (literal.test.atom.values[0] ?? null) : null;
}

function solvePlace(place: Place, own: readonly Literal[], unknownToo: boolean, solveElement: ElementSolver): Solved {
  return isCollection(place.type)
    ? solveSet(place, own, unknownToo, solveElement)
    : solveScalar(place, own, unknownToo);
}

const isCollection = (type: FactType): boolean => type.kind === "set" || type.kind === "list";

function solveSet(place: Place, own: readonly Literal[], unknownToo: boolean, solveElement: ElementSolver): Solved {
  if (place.optional && own.every((literal) => literalHolds(literal, ABSENT))) return { value: ABSENT };
  const elements = elementsFor(own, [], solveElement);
  if (typeof elements !== "string") return { value: collection(place.type, elements) };
  if (unknownToo && !place.known && own.every((literal) => literal.whenUnknown)) return { value: UNKNOWN };
  return elements;
}

const collection = (type: FactType, elements: readonly FactValue[]): FactValue =>
  type.kind === "set" ? new Set(elements as readonly string[]) : (elements as readonly string[]);

/** One element for each `any`, every one of them as each `all` wants it. `given` are in the set already. */
function elementsFor(
  own: readonly Literal[],
  given: readonly FactValue[],
  solveElement: ElementSolver,
): readonly FactValue[] | "none" | "inconclusive" {
  const alls = own.flatMap(({ test }) => (test.kind === "all" ? [test.formula] : []));
  const elements = [...given];
  for (const { test } of own) {
    if (test.kind === "atom") {
      if (test.negated) return "none";
      continue;
    }
    if (test.kind === "all" || elements.some((element) => elementFits(test.formula, element))) continue;
    const found = solveElement(join("and", [test.formula, ...alls]));
    if (typeof found === "string") return found;
    elements.push(elementOf(found, own[0]!.place));
  }
  return elements;
}

/** The element that its places' values make: the one value, or a record with all of its fields. */
function elementOf(values: ReadonlyMap<Place, FactValue>, of: Place): FactValue {
  const whole = `${of.path}[]`;
  for (const [place, value] of values) if (place.path === whole) return value;
  const type = of.type.kind === "set" || of.type.kind === "list" ? of.type.of : of.type;
  const base = { id: -1, path: whole, key: null, optional: false, known: true, group: whole, whole: null };
  if (type.kind !== "record") return usualValue({ ...base, type });
  const record: Record<string, FactRecord[string]> = {};
  for (const field of type.fields) {
    const path = `${whole}.${field.name}`;
    const found = [...values].find(([place]) => place.path === path)?.[1];
    record[field.name] = (found ?? usualValue({ ...base, path, type: field.type })) as FactRecord[string];
  }
  return record;
}

function allHold(literals: readonly Literal[], value: FactValue): boolean {
  for (let i = 0; i < literals.length; i++) if (!literalHolds(literals[i]!, value)) return false;
  return true;
}

function allFit(formulas: readonly Node[], element: FactValue): boolean {
  for (let i = 0; i < formulas.length; i++) if (!elementFits(formulas[i]!, element)) return false;
  return true;
}

function solveKinds(
  byPlace: ReadonlyMap<Place, readonly Literal[]>,
  { kind, kinds }: Kinds,
  solveElement: ElementSolver,
): GroupValues | "none" | "inconclusive" {
  const ofKind = byPlace.get(kind) ?? [];
  const ofKinds = byPlace.get(kinds) ?? [];
  const made = (one: FactValue, all: FactValue): GroupValues => ({
    values: valueAt(kind, one).set(kinds, all),
    unknown: false,
  });
  const values = kind.type.kind === "enum" ? kind.type.values : [];
  const kindsAll = ofKinds.flatMap(({ test }) => (test.kind === "all" ? [test.formula] : []));
  // A kind that is itself what an `any` asks for makes the smallest set.
  const anys = ofKinds.flatMap(({ test }) => (test.kind === "any" ? [test.formula] : []));
  const fits = (value: string): boolean => allHold(ofKind, value) && allFit(kindsAll, value);
  const best = values.find((value) => fits(value) && allFit(anys, value)) ?? values.find(fits);
  let inconclusive = false;
  if (best !== undefined) {
    const elements = elementsFor(ofKinds, [best], solveElement);
    if (typeof elements !== "string") return made(best, new Set(elements as readonly string[]));
    inconclusive ||= elements === "inconclusive";
  }
  const kindUnknown = ofKind.every((literal) => literal.whenUnknown);
  const kindsUnknown = ofKinds.every((literal) => literal.whenUnknown);
  if (kindUnknown && kindsUnknown) return made(UNKNOWN, UNKNOWN);
  const kindAlone = values.find((value) => ofKind.every((literal) => literalHolds(literal, value)));
  if (kindsUnknown && kindAlone !== undefined) return made(kindAlone, UNKNOWN);
  if (kindUnknown) {
    const some = values.find((value) => kindsAll.every((formula) => elementFits(formula, value)));
    const elements = some === undefined ? "none" : elementsFor(ofKinds, [some], solveElement);
    if (typeof elements !== "string") return made(UNKNOWN, new Set(elements as readonly string[]));
    inconclusive ||= elements === "inconclusive";
  }
  return inconclusive ? "inconclusive" : "none";
}
