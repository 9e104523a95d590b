import { ABSENT, UNKNOWN, type FactRecord, type FactValue, type Truth } from "../../spec/contract/facts/index.ts";
import { cidrContains, evaluate } from "../../lang/index.ts";
import type { Atom, Literal, Node, Place } from "./literal.ts";
import { machineAccepts } from "./machine.ts";

// In what follows loops go by number: `for … of` makes an object for each step until V8 has optimised the code, which in a
// check it seldom has.

const ANSWERS_MAX = 4096;

/** What a known, present value answers; unknown for an address that can't be read. */
function atomHolds(atom: Atom, value: FactValue, place: Place): Truth {
  switch (atom.kind) {
    case "exists":
      return true;
    case "one-of":
      return atom.values.includes(String(value));
    case "order":
      if (typeof value !== "number") return false;
      switch (atom.op) {
        case "<":
          return value < atom.bound;
        case "<=":
          return value <= atom.bound;
        case ">":
          return value > atom.bound;
        case ">=":
          return value >= atom.bound;
      }
      break;
    case "pattern":
      return typeof value === "string" && machineAccepts(atom.machine, value);
    case "range":
      return typeof value === "string" ? liesWithin(atom, value) : UNKNOWN;
    case "expression":
      return evaluate(atom.expr, new Map([[place.path, value]])) === true;
  }
}

/** The elements of a set or list; nothing for an absent one. */
export function elementsOf(value: FactValue): Iterable<FactValue> {
  if (value instanceof Set) return value as ReadonlySet<string>;
  return Array.isArray(value) ? (value as readonly FactValue[]) : [];
}

/** The value that a place of an element's formula speaks of. */
function partOf(place: Place, element: FactValue): FactValue {
  if (typeof element !== "object" || element instanceof Set || element instanceof Map) return element;
  const dot = place.path.lastIndexOf("].");
  return dot < 0 ? element : ((element as FactRecord)[place.path.slice(dot + 2)] ?? ABSENT);
}

export function elementFits(formula: Node, element: FactValue): boolean {
  switch (formula.op) {
    case "yes":
      return true;
    case "no":
      return false;
    case "literal":
      return literalHolds(formula.literal, partOf(formula.literal.place, element));
    case "and":
      for (let i = 0; i < formula.parts.length; i++) if (!elementFits(formula.parts[i]!, element)) return false;
      return true;
    case "or":
      for (let i = 0; i < formula.parts.length; i++) if (elementFits(formula.parts[i]!, element)) return true;
      return false;
  }
}

export function literalHolds({ test, whenUnknown, place }: Literal, value: FactValue): boolean {
  if (value === UNKNOWN) return whenUnknown;
  switch (test.kind) {
    case "atom": {
      const found = value !== ABSENT && atomHolds(test.atom, value, place);
      return found === UNKNOWN ? whenUnknown : found !== test.negated;
    }
    case "any":
      for (const element of elementsOf(value)) if (elementFits(test.formula, element)) return true;
      return false;
    case "all":
      for (const element of elementsOf(value)) if (!elementFits(test.formula, element)) return false;
      return true;
  }
}

/** Asked of the same few addresses again and again, so that answers are kept. */
function liesWithin({ cidr, answers }: Extract<Atom, { kind: "range" }>, address: string): Truth {
  const known = answers.get(address);
  if (known !== undefined) return known;
  const answer = cidrContains(cidr, address);
  if (answers.size < ANSWERS_MAX) answers.set(address, answer);
  return answer;
}
