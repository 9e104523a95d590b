import { InvariantError } from "../../../base/assert.ts";
import { TRIGGER_STATES_MAX } from "./limits.ts";

/** One step of a trigger: the bytes that may stand there, and whether the step may be left out. */
export interface TriggerStep {
  readonly bytes: ReadonlySet<number>;
  readonly optional: boolean;
}
export type Trigger = readonly TriggerStep[];

/**
 * Reads a trigger: characters, classes (`[0-9A-F]`), each perhaps with `?` or `{n}`. For the tables of this folder only: what
 * it can't read is a fault of ours.
 */
export function trigger(text: string): Trigger {
  const steps: TriggerStep[] = [];
  let at = 0;
  while (at < text.length) {
    let bytes: ReadonlySet<number>;
    if (text[at] === "[") {
      const close = text.indexOf("]", at);
      bytes = bytesOf(text.slice(at + 1, close));
      at = close + 1;
    } else bytes = new Set([text.charCodeAt(at++)]);
    const count = /^\{(\d+)\}/.exec(text.slice(at));
    if (text[at] === "?") {
      steps.push({ bytes, optional: true });
      at++;
    } else if (count !== null) {
      for (let i = 0; i < Number(count[1]); i++) steps.push({ bytes, optional: false });
      at += count[0].length;
    } else steps.push({ bytes, optional: false });
  }
  return steps;
}

function bytesOf(text: string): ReadonlySet<number> {
  const found = new Set<number>();
  for (let i = 0; i < text.length; i++) {
    const from = text.charCodeAt(i);
    const ranged = text[i + 1] === "-" && i + 2 < text.length;
    const to = ranged ? text.charCodeAt(i + 2) : from;
    for (let byte = from; byte <= to; byte++) found.add(byte);
    if (ranged) i += 2;
  }
  return found;
}

/** A deterministic automaton that finds where any of several triggers ends, wherever in the bytes it begins. */
export interface TriggerAutomaton {
  /** The class of each byte. */
  readonly classes: Uint8Array;
  /** State (a multiple of the number of classes) plus class gives the next state. It begins in state 0. */
  readonly next: Uint32Array;
  /** From this state on a trigger has just ended. */
  readonly accepting: number;
  readonly classCount: number;
  /** Triggers that end in a state, by `state / classCount`. */
  readonly ends: readonly (readonly number[])[];
  /** How many bytes back the earliest trigger that is under way may have begun, by `state / classCount`. */
  readonly reach: Uint16Array;
}

/**
 * Subsets of steps, as usual; the steps with which every trigger begins are in all of them and are left out. Of a few
 * thousand states at most, in some milliseconds.
 */
export function buildAutomaton(triggers: readonly Trigger[]): TriggerAutomaton {
  const { classes, count, sample } = classesOf(triggers);
  // An item is `trigger * stepsMax + steps taken`.
  const stepsMax = Math.max(0, ...triggers.map((one) => one.length)) + 1;
  /** The classes on which an item goes on, each with where it goes, steps that may be left out included. */
  type Moves = readonly (readonly [place: number, to: readonly number[]])[];
  const goes: (Moves | undefined)[] = [];
  const goesFrom = (item: number): Moves => {
    const done = goes[item];
    if (done !== undefined) return done;
    const steps = triggers[Math.floor(item / stepsMax)]!;
    const taken = item % stepsMax;
    const own: [number, number[]][] = [];
    for (const [c, byte] of sample.entries()) {
      const to: number[] = [];
      for (let step = taken; step < steps.length; step++) {
        if (steps[step]!.bytes.has(byte)) to.push(item + step - taken + 1);
        if (!steps[step]!.optional) break;
      }
      if (to.length > 0) own.push([c, to]);
    }
    goes[item] = own;
    return own;
  };
  const fresh: number[][] = sample.map(() => []);
  for (const i of triggers.keys()) for (const [c, to] of goesFrom(i * stepsMax)) fresh[c]!.push(...to);
  const states = new Map<string, number>([["", 0]]);
  const sets: (readonly number[])[] = [[]];
  const moves: number[][] = [];
  /** By the list itself: those of `fresh` come again and again. */
  const known = new WeakMap<readonly number[], number>();
  const stateOf = (items: readonly number[]): number => {
    const same = known.get(items);
    if (same !== undefined) return same;
    const set = [...new Set(items)].sort((a, b) => a - b);
    const key = set.join();
    let state = states.get(key);
    if (state === undefined) {
      if (sets.length >= TRIGGER_STATES_MAX) throw new InvariantError("the triggers of detectors need too many states");
      state = sets.length;
      states.set(key, state);
      sets.push(set);
    }
    known.set(items, state);
    return state;
  };
  for (let i = 0; i < sets.length; i++) {
    // On most bytes nothing that is under way goes on: then only beginnings are left, the same ones for every state.
    const reached: (number[] | undefined)[] = [];
    for (const item of sets[i]!) for (const [c, to] of goesFrom(item)) (reached[c] ??= [...fresh[c]!]).push(...to);
    const row = fresh.map((beginnings, c) => stateOf(reached[c] ?? beginnings));
    moves.push(row);
  }
  const ends = sets.map((set) =>
    set.flatMap((item) => {
      const one = Math.floor(item / stepsMax);
      return item % stepsMax === triggers[one]!.length ? [one] : [];
    }),
  );
  // Accepting states last, so that one comparison tells them.
  const order = sets
    .map((_, i) => i)
    .sort((a, b) => Math.min(1, ends[a]!.length) - Math.min(1, ends[b]!.length) || a - b);
  const place = new Map(order.map((old, i) => [old, i]));
  const next = new Uint32Array(sets.length * count);
  for (const [i, old] of order.entries())
    for (let c = 0; c < count; c++) next[i * count + c] = place.get(moves[old]![c]!)! * count;
  const firstAccepting = order.findIndex((old) => ends[old]!.length > 0);
  return {
    classes,
    next,
    classCount: count,
    accepting: (firstAccepting < 0 ? sets.length : firstAccepting) * count,
    ends: order.map((old) => ends[old]!),
    reach: Uint16Array.from(order, (old) => Math.max(0, ...sets[old]!.map((item) => item % stepsMax))),
  };
}

/** Bytes that no trigger tells apart are one class. */
function classesOf(triggers: readonly Trigger[]): {
  readonly classes: Uint8Array;
  readonly count: number;
  readonly sample: readonly number[];
} {
  const sets = new Map<string, ReadonlySet<number>>();
  for (const steps of triggers) for (const { bytes } of steps) sets.set([...bytes].join(), bytes);
  const distinct = [...sets.values()];
  const byKey = new Map<string, number>();
  const sample: number[] = [];
  const classes = new Uint8Array(256);
  for (let byte = 0; byte < 256; byte++) {
    const key = distinct.map((set) => (set.has(byte) ? "1" : "0")).join("");
    let found = byKey.get(key);
    if (found === undefined) {
      found = sample.length;
      byKey.set(key, found);
      sample.push(byte);
    }
    classes[byte] = found;
  }
  return { classes, count: sample.length, sample };
}
