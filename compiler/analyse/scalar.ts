import { ABSENT, UNKNOWN, type FactValue } from "../../spec/contract/facts/index.ts";
import { addressWithin } from "./address.ts";
import { USUAL_TIME, usualTexts, usualValue } from "./defaults.ts";
import { literalHolds } from "./holds.ts";
import { TIME_STARTS, TIME_STEPS_MAX } from "./limits.ts";
import type { Atom, Literal, Place } from "./literal.ts";
import { shortestText } from "./text.ts";

/** A value, none at all, or no answer within the limits. */
export type Solved = { readonly value: FactValue } | "none" | "inconclusive";

interface Asked {
  readonly atom: Atom;
  readonly negated: boolean;
}

/** A value of one place that all literals hold for; known values before unknown ones. */
export function solveScalar(place: Place, literals: readonly Literal[], unknownToo: boolean): Solved {
  if (place.optional && literals.every((literal) => literalHolds(literal, ABSENT))) return { value: ABSENT };
  const known = solveKnown(place, literals);
  if (known !== "none") return known;
  if (unknownToo && !place.known && literals.every((literal) => literal.whenUnknown)) return { value: UNKNOWN };
  return place.type.kind === "address" ? solveUnreadable(literals) : "none";
}

function solveKnown(place: Place, literals: readonly Literal[]): Solved {
  const asked: Asked[] = literals.flatMap(({ test }) => (test.kind === "atom" ? [test] : []));
  const fits = (value: FactValue): boolean => literals.every((literal) => literalHolds(literal, value));
  const first = (values: Iterable<FactValue>): Solved => {
    for (const value of values) if (fits(value)) return { value };
    return "none";
  };
  const usual = usualValue(place);
  const { type } = place;
  if (type.kind === "bool") return first([usual === true, usual !== true]);
  if (type.kind === "enum") return first(type.values);
  // A finite choice is tried out, whatever else is asked.
  const choice = asked.find(({ atom, negated }) => atom.kind === "one-of" && !negated)?.atom;
  if (choice?.kind === "one-of")
    return first(type.kind === "string" || type.kind === "address" ? choice.values : choice.values.map(Number));
  switch (type.kind) {
    case "int":
    case "duration":
    case "time":
      return solveNumber(place, asked, fits);
    case "string":
      return solveText(place, asked, fits);
    case "address": {
      const ranges = (no: boolean): readonly string[] =>
        asked.flatMap(({ atom, negated }) => (atom.kind === "range" && negated === no ? [atom.cidr] : []));
      const value = addressWithin(ranges(false), [...ranges(true), ...excludedBy(asked)]);
      if (value === null) return "none";
      return fits(value) ? { value } : "inconclusive";
    }
    default:
      return "inconclusive";
  }
}

/** An address that can't be read, which is in no range and outside none for certain. */
function solveUnreadable(literals: readonly Literal[]): Solved {
  const excluded = new Set(excludedBy(literals.flatMap(({ test }) => (test.kind === "atom" ? [test] : []))));
  let value = "unreadable";
  while (excluded.has(value)) value += "?";
  return literals.every((literal) => literalHolds(literal, value)) ? { value } : "none";
}

const excludedBy = (asked: readonly Asked[]): readonly string[] =>
  asked.flatMap(({ atom, negated }) => (atom.kind === "one-of" && negated ? atom.values : []));

function solveText(place: Place, asked: readonly Asked[], fits: (value: FactValue) => boolean): Solved {
  if (asked.some(({ atom, negated }) => atom.kind === "exists" && negated)) return "none";
  for (const value of usualTexts(place)) if (fits(value)) return { value };
  const machines = (no: boolean) =>
    asked.flatMap(({ atom, negated }) => (atom.kind === "pattern" && negated === no ? [atom.machine] : []));
  const wanted = machines(false);
  // What the search would find first: nothing shorter is accepted, and nothing else as short.
  for (const { shortest } of wanted) if (shortest !== null && fits(shortest)) return { value: shortest };
  const found = shortestText(wanted, machines(true), excludedBy(asked));
  if (found === "too-many-states") return "inconclusive";
  if (found === null) return "none";
  return fits(found.text) ? { value: found.text } : "inconclusive";
}

/** The number nearest to the usual one. */
function solveNumber(place: Place, asked: readonly Asked[], fits: (value: FactValue) => boolean): Solved {
  let low = Number.MIN_SAFE_INTEGER;
  let high = Number.MAX_SAFE_INTEGER;
  for (const { atom, negated } of asked) {
    if (atom.kind === "exists" && negated) return "none";
    if (atom.kind !== "order") continue;
    const op = negated ? ({ "<": ">=", "<=": ">", ">": "<=", ">=": "<" } as const)[atom.op] : atom.op;
    if (op === "<") high = Math.min(high, Math.ceil(atom.bound) - 1);
    if (op === "<=") high = Math.min(high, Math.floor(atom.bound));
    if (op === ">") low = Math.max(low, Math.floor(atom.bound) + 1);
    if (op === ">=") low = Math.max(low, Math.ceil(atom.bound));
  }
  if (low > high) return "none";
  const usual = place.type.kind === "time" ? USUAL_TIME : 0;
  const start = Math.min(Math.max(usual, low), high);
  const expressions = asked.filter(({ atom }) => atom.kind === "expression");
  if (expressions.length > 0) return solveTime(low, high, start, fits, expressions);
  const excluded = new Set(excludedBy(asked));
  for (let value = start; value <= high && value <= start + excluded.size; value++) if (fits(value)) return { value };
  for (let value = start; value >= low && value >= start - excluded.size; value--) if (fits(value)) return { value };
  return high - low > excluded.size ? "inconclusive" : "none";
}

const MINUTE = 60_000;
const WEEK = 7 * 24 * 60 * MINUTE;

/**
 * A time with the wanted hour, minute and weekday: a week is walked in steps of a minute, or of a quarter of an hour when
 * nobody asks for the minute (no zone is ahead of UTC by a part of one). All combinations of one zone stand in any week
 * without a change of the clock; with several zones, or between bounds, nothing found proves nothing.
 */
function solveTime(
  low: number,
  high: number,
  start: number,
  fits: (value: FactValue) => boolean,
  expressions: readonly Asked[],
): Solved {
  const atoms = expressions.flatMap(({ atom }) => (atom.kind === "expression" ? [atom] : []));
  const step = atoms.some((atom) => atom.minutes) ? MINUTE : 15 * MINUTE;
  const quarters = (month: number): number => Math.floor((month * 52) / TIME_STARTS) * WEEK;
  for (let part = 0; part < TIME_STARTS; part++) {
    const from = Math.ceil((start + quarters(part)) / step) * step;
    for (let i = 0; i < TIME_STEPS_MAX && i * step <= WEEK; i++) {
      const value = from + i * step;
      if (value > high) break;
      if (value >= low && fits(value)) return { value };
    }
    // One zone, no bounds: the first week has told all there is.
    if (new Set(atoms.map((atom) => atom.zone)).size === 1 && high - start > 2 * WEEK) return "none";
  }
  return "inconclusive";
}
