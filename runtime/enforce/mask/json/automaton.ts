import { err, ok, type Result } from "../../../../base/result.ts";
import { compareMasks, type MaskSpec } from "../../../../spec/contract/bundle/index.ts";
import { PATH_STATES_MAX } from "./limits.ts";
import type { PathStep } from "./path.ts";

/**
 * A place in a JSON text, as far as masks mind: which mask is on the value here, and what place each key or element leads to.
 * The text is walked and the states with it; no value is built.
 */
export interface PlaceState {
  /** Number of the mask on scalars here, or -1. */
  readonly mask: number;
  /** Keys that lead somewhere of their own: as UTF-8, and the place. */
  readonly keys: readonly { readonly bytes: Uint8Array; readonly next: number }[];
  /** One bit for each length, in bytes modulo 32, that one of the keys has. */
  readonly lengths: number;
  /** Where every other key leads. */
  readonly other: number;
  readonly elements: readonly { readonly index: number; readonly next: number }[];
  /** Where every other element leads. */
  readonly element: number;
}

/** State 0 is the root. */
export type Places = readonly PlaceState[];

export function placeState(place: Omit<PlaceState, "lengths">): PlaceState {
  return { ...place, lengths: place.keys.reduce((all, { bytes }) => all | (1 << bytes.length), 0) };
}

/** Nothing is masked anywhere. */
export const NO_PLACES: Places = [placeState({ mask: -1, keys: [], other: 0, elements: [], element: 0 })];

export interface PlacedPattern {
  readonly steps: readonly PathStep[];
  /** Number of its mask in the plan's list. */
  readonly mask: number;
}

const encoder = new TextEncoder();

/**
 * Joins paths into one automaton by the subset construction. Where several masks meet the strictest stands.
 *
 * @param masks what a pattern's `mask` means
 * @returns the states, or in words why not (paths that multiply into too many states)
 */
export function buildPlaces(patterns: readonly PlacedPattern[], masks: readonly MaskSpec[]): Result<Places, string> {
  /** A position: pattern number * 256 + steps done. Positions at the end stay, for what is below is masked too. */
  const position = (pattern: number, step: number): number => pattern * 256 + step;
  const states: PlaceState[] = [];
  const byKey = new Map<string, number>();
  const queue: (readonly number[])[] = [];
  const names = [
    ...new Set(patterns.flatMap(({ steps }) => steps.flatMap((s) => (s.kind === "name" ? [s.name] : [])))),
  ];
  const indexes = [
    ...new Set(patterns.flatMap(({ steps }) => steps.flatMap((s) => (s.kind === "index" ? [s.index] : [])))),
  ];
  const maskOf = (one: number): number => patterns[Math.floor(one / 256)]!.mask;
  const isEnd = (one: number): boolean => patterns[Math.floor(one / 256)]!.steps.length === one % 256;
  /** The strictest mask that a set has come to holds for all below, so what could only come to a milder one is left out. */
  const stateOf = (positions: ReadonlySet<number>): number => {
    let end = -1;
    for (const one of positions)
      if (isEnd(one) && (end < 0 || compareMasks(masks[maskOf(one)]!, masks[maskOf(end)]!) < 0)) end = one;
    const sorted = [...positions]
      .filter((one) => one === end || end < 0 || compareMasks(masks[maskOf(one)]!, masks[maskOf(end)]!) < 0)
      .sort((a, b) => a - b);
    const key = sorted.join();
    const known = byKey.get(key);
    if (known !== undefined) return known;
    const made = queue.length;
    byKey.set(key, made);
    queue.push(sorted);
    return made;
  };
  const after = (positions: readonly number[], taken: (step: PathStep) => boolean): number => {
    const next = new Set<number>();
    for (const one of positions) {
      const [pattern, done] = [Math.floor(one / 256), one % 256];
      const step = patterns[pattern]!.steps[done];
      if (step === undefined) {
        next.add(one);
        continue;
      }
      if (step.deep) next.add(one);
      if (taken(step)) next.add(position(pattern, done + 1));
    }
    return stateOf(next);
  };
  stateOf(new Set(patterns.map((_, i) => position(i, 0))));
  for (let i = 0; i < queue.length; i++) {
    if (queue.length > PATH_STATES_MAX) return err(`the paths of the masks make more than ${PATH_STATES_MAX} states`);
    const positions = queue[i]!;
    let mask = -1;
    for (const one of positions) {
      if (isEnd(one)) mask = maskOf(one);
    }
    const other = after(positions, (step) => step.kind === "any");
    const element = other;
    states.push(
      placeState({
        mask,
        other,
        element,
        keys: names.flatMap((name) => {
          const next = after(positions, (step) => step.kind === "any" || (step.kind === "name" && step.name === name));
          return next === other ? [] : [{ bytes: encoder.encode(name), next }];
        }),
        elements: indexes.flatMap((index) => {
          const next = after(
            positions,
            (step) => step.kind === "any" || (step.kind === "index" && step.index === index),
          );
          return next === element ? [] : [{ index, next }];
        }),
      }),
    );
  }
  return ok(states);
}

/** Where an element leads. */
export function placeOfElement(place: PlaceState, index: number): number {
  const { elements } = place;
  for (let k = 0; k < elements.length; k++) if (elements[k]!.index === index) return elements[k]!.next;
  return place.element;
}

/** Where a key leads, given as UTF-8. */
export function placeOfKey(place: PlaceState, key: Buffer): number {
  return place.keys.find(({ bytes }) => key.equals(bytes))?.next ?? place.other;
}
