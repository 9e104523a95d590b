import type { Accept, Automaton } from "../../spec/contract/bundle/index.ts";
import { ACCEPT_WHEN } from "../../spec/contract/bundle/index.ts";
import { AUTOMATON_STATES_MAX } from "./limits.ts";
import { InvariantError, assert } from "../../base/assert.ts";
import type { RegexNode } from "../../lang/index.ts";
import type { CharRange, Pattern, Search } from "./pattern.ts";

type When = Accept["when"];

/** A place that patterns can be at. Patterns that begin alike share their places. */
interface Place {
  readonly chars: Map<number, number>;
  readonly ranges: { readonly range: CharRange; readonly to: number }[];
  notSlash: number;
  /** Stays here: on any character but `/`, or on any. */
  readonly loop: "none" | "segment" | "across";
  /** Reached together with this one. */
  readonly also: number[];
  segment: number;
  across: number;
  readonly accepts: { readonly when: When; readonly atom: number }[];
}

const SLASH = 47;
const LAST_CODE_POINT = 0x10ffff;

class Places {
  readonly list: Place[] = [];

  constructor() {
    this.add("none");
  }

  add(loop: Place["loop"]): number {
    this.list.push({
      chars: new Map(),
      ranges: [],
      notSlash: -1,
      loop,
      also: [],
      segment: -1,
      across: -1,
      accepts: [],
    });
    return this.list.length - 1;
  }

  /** Follows a glob's parts from the start, making the places that are missing. */
  addPattern(pattern: Pattern, atom: number): void {
    const { parts, searches } = pattern;
    if (searches !== undefined) {
      for (const search of searches) this.#addSearch(search, atom);
      return;
    }
    const last = parts[parts.length - 1];
    const star = last?.kind === "segment" || last?.kind === "across" ? last.kind : null;
    let at = 0;
    for (const part of star === null ? parts : parts.slice(0, -1)) {
      const place = this.list[at]!;
      switch (part.kind) {
        case "char": {
          let to = place.chars.get(part.code);
          if (to === undefined) {
            to = this.add("none");
            place.chars.set(part.code, to);
          }
          at = to;
          break;
        }
        case "not-slash":
          if (place.notSlash < 0) place.notSlash = this.add("none");
          at = place.notSlash;
          break;
        case "segment":
        case "across":
          if (place[part.kind] < 0) {
            place[part.kind] = this.add(part.kind);
            place.also.push(place[part.kind]);
          }
          at = place[part.kind];
          break;
      }
    }
    this.list[at]!.accepts.push({ when: star ?? "end", atom });
  }

  /** A place that is reached with `from`, and that nothing else shares. */
  #beside(from: number): number {
    const made = this.add("none");
    this.list[from]!.also.push(made);
    return made;
  }

  #addSearch({ node, atStart, atEnd }: Search, atom: number): void {
    if (!atStart && this.list[0]!.across < 0) {
      this.list[0]!.across = this.add("across");
      this.list[0]!.also.push(this.list[0]!.across);
    }
    const end = this.#addNode(node, this.#beside(atStart ? 0 : this.list[0]!.across));
    // What was found stays found, whatever follows.
    this.list[end]!.accepts.push({ when: atEnd ? "end" : "across", atom });
  }

  /** Follows an expression from a place; answers the place where it ends. */
  #addNode(node: RegexNode, from: number): number {
    switch (node.op) {
      case "chars": {
        const to = this.add("none");
        for (const range of node.ranges) this.list[from]!.ranges.push({ range, to });
        return to;
      }
      case "seq":
        return node.parts.reduce((at, part) => this.#addNode(part, at), from);
      case "alt": {
        const to = this.add("none");
        for (const part of node.parts) this.list[this.#addNode(part, this.#beside(from))]!.also.push(to);
        return to;
      }
      case "repeat": {
        let at = from;
        for (let i = 0; i < node.min; i++) at = this.#addNode(node.of, at);
        const out = this.#beside(at);
        if (node.max === null) {
          const loop = this.#beside(at);
          this.list[this.#addNode(node.of, loop)]!.also.push(loop, out);
        } else {
          for (let i = node.min; i < node.max; i++) {
            at = this.#addNode(node.of, this.#beside(at));
            this.list[at]!.also.push(out);
          }
        }
        return out;
      }
      case "start":
      case "end":
        throw new InvariantError("anchors inside an expression are left to the bytecode");
    }
  }
}

/**
 * One automaton for all these patterns, by the subset construction; null when it has more than `statesMax` states. Linear
 * in the text whatever the patterns: each character is one step.
 */
export function buildAutomaton(
  dimension: number,
  patterns: readonly (readonly [atom: number, pattern: Pattern])[],
  statesMax: number,
): Automaton | null {
  const places = new Places();
  for (const [atom, pattern] of patterns) places.addPattern(pattern, atom);
  const alphabet = alphabetOf(places.list);
  const { inputCount, representatives } = alphabet;
  const sets: (readonly number[])[] = [];
  const known = new Map<string, number>();
  const stateOf = (raw: Iterable<number>): number => {
    const set = closure(places.list, raw);
    const name = set.join();
    const state = known.get(name);
    if (state !== undefined) return state;
    known.set(name, sets.length);
    sets.push(set);
    return sets.length - 1;
  };
  stateOf([0]);
  const next: number[] = [];
  for (let state = 0; state < sets.length; state++) {
    if (sets.length > statesMax) return null;
    const set = sets[state]!;
    // A character that no place names goes where every such character goes.
    const usual = new Map<boolean, number>();
    for (let input = 0; input < inputCount; input++) {
      const code = representatives[input]!;
      const named = set.some((at) => places.list[at]!.chars.has(code) || places.list[at]!.ranges.length > 0);
      const slash = code === SLASH;
      let to = named ? undefined : usual.get(slash);
      if (to === undefined) {
        to = stateOf(step(places.list, set, code));
        if (!named) usual.set(slash, to);
      }
      next.push(to);
    }
  }
  return {
    dimension,
    starts: alphabet.starts,
    inputs: alphabet.inputs,
    inputCount,
    next: Uint32Array.from(next),
    accepts: sets.flatMap((set, state) => acceptsOf(places.list, set, state)),
  };
}

function acceptsOf(places: readonly Place[], set: readonly number[], state: number): readonly Accept[] {
  const found = set.flatMap((at) => places[at]!.accepts);
  return ACCEPT_WHEN.flatMap((when) => {
    const atoms = [...new Set(found.filter((one) => one.when === when).map((one) => one.atom))].sort((a, b) => a - b);
    return atoms.length === 0 ? [] : [{ state, when, atoms }];
  });
}

function closure(places: readonly Place[], raw: Iterable<number>): readonly number[] {
  const set = new Set(raw);
  for (const at of set) for (const also of places[at]!.also) set.add(also);
  return [...set].sort((a, b) => a - b);
}

function step(places: readonly Place[], set: readonly number[], code: number): ReadonlySet<number> {
  const to = new Set<number>();
  for (const at of set) {
    const place = places[at]!;
    const named = place.chars.get(code);
    if (named !== undefined) to.add(named);
    for (const { range, to: target } of place.ranges) if (code >= range[0] && code <= range[1]) to.add(target);
    if (place.notSlash >= 0 && code !== SLASH) to.add(place.notSlash);
    if (place.loop === "across" || (place.loop === "segment" && code !== SLASH)) to.add(at);
  }
  return to;
}

/** Code points that every place treats alike are one input. */
function alphabetOf(places: readonly Place[]): {
  readonly starts: readonly number[];
  readonly inputs: readonly number[];
  readonly inputCount: number;
  readonly representatives: readonly number[];
} {
  const named = new Set<number>([SLASH, ...places.flatMap((place) => [...place.chars.keys()])]);
  const ranges = new Map(places.flatMap((place) => place.ranges.map(({ range }) => [range.join(), range] as const)));
  const bounds = new Set<number>([0]);
  for (const code of named) bounds.add(code).add(code + 1);
  for (const [low, high] of ranges.values()) bounds.add(low).add(high + 1);
  const cuts = [...bounds].filter((cut) => cut <= LAST_CODE_POINT).sort((a, b) => a - b);
  const starts: number[] = [];
  const inputs: number[] = [];
  const inputOf = new Map<string, number>();
  const representatives: number[] = [];
  for (const start of cuts) {
    const within = [...ranges.values()].map(([low, high]) => (start >= low && start <= high ? 1 : 0)).join("");
    const name = `${named.has(start) ? start : ""}:${within}`;
    let input = inputOf.get(name);
    if (input === undefined) {
      input = representatives.length;
      inputOf.set(name, input);
      representatives.push(start);
    }
    if (inputs[inputs.length - 1] === input) continue;
    starts.push(start);
    inputs.push(input);
  }
  return { starts, inputs, inputCount: representatives.length, representatives };
}

/** All patterns of a dimension in few automata: halved until the states suffice, which for each pattern alone they do. */
export function buildAutomata(
  dimension: number,
  patterns: readonly (readonly [atom: number, pattern: Pattern])[],
  statesMax = AUTOMATON_STATES_MAX,
): readonly Automaton[] {
  if (patterns.length === 0) return [];
  const whole = buildAutomaton(dimension, patterns, statesMax);
  if (whole !== null) return [whole];
  assert(patterns.length > 1, "a pattern that needs too many states by itself was left to the bytecode");
  const half = Math.ceil(patterns.length / 2);
  return [patterns.slice(0, half), patterns.slice(half)].flatMap((part) => buildAutomata(dimension, part, statesMax));
}
