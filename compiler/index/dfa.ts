import type { CodeRange, RegexNode } from "../../lang/index.ts";

/** How an expression is laid over a text: found anywhere in it, or from its first character on. */
export type DfaMode = "search" | "anchored";

/** A deterministic automaton over code points. State 0 is the first; state 1 leads nowhere and accepts nothing. */
export interface Dfa {
  readonly starts: readonly number[];
  readonly inputs: readonly number[];
  readonly inputCount: number;
  readonly next: Uint32Array;
  /** For each state the expressions (by place in the input) that are satisfied when the text ends there. */
  readonly accepts: readonly (readonly number[])[];
}

/** A place of the non-deterministic automaton: edges on characters, and edges that need none. */
interface Place {
  readonly on: { readonly ranges: readonly CodeRange[]; readonly to: number }[];
  readonly free: number[];
  readonly ifStart: number[];
  readonly ifEnd: number[];
  accepts: number;
}

const EVERYTHING: readonly CodeRange[] = [[0, 0x10ffff]];

class Nfa {
  readonly places: Place[] = [];

  add(): number {
    this.places.push({ on: [], free: [], ifStart: [], ifEnd: [], accepts: -1 });
    return this.places.length - 1;
  }

  /** Puts the node between `from` and a place that it answers. */
  build(node: RegexNode, from: number): number {
    switch (node.op) {
      case "chars": {
        const to = this.add();
        this.places[from]!.on.push({ ranges: node.ranges, to });
        return to;
      }
      case "start":
      case "end": {
        const to = this.add();
        this.places[from]![node.op === "start" ? "ifStart" : "ifEnd"].push(to);
        return to;
      }
      case "seq":
        return node.parts.reduce((at, part) => this.build(part, at), from);
      case "alt": {
        const to = this.add();
        for (const part of node.parts) {
          const begin = this.add();
          this.places[from]!.free.push(begin);
          this.places[this.build(part, begin)]!.free.push(to);
        }
        return to;
      }
      case "repeat": {
        let at = from;
        for (let i = 0; i < node.min; i++) at = this.build(node.of, at);
        const out = this.add();
        this.places[at]!.free.push(out);
        if (node.max === null) {
          const loop = this.add();
          this.places[at]!.free.push(loop);
          const back = this.build(node.of, loop);
          this.places[back]!.free.push(loop, out);
        } else {
          for (let i = node.min; i < node.max; i++) {
            const begin = this.add();
            this.places[at]!.free.push(begin);
            at = this.build(node.of, begin);
            this.places[at]!.free.push(out);
          }
        }
        return out;
      }
    }
  }

  closure(raw: Iterable<number>, atStart: boolean, atEnd: boolean): readonly number[] {
    const set = new Set(raw);
    for (const at of set) {
      const place = this.places[at]!;
      for (const to of place.free) set.add(to);
      if (atStart) for (const to of place.ifStart) set.add(to);
      if (atEnd) for (const to of place.ifEnd) set.add(to);
    }
    return [...set].sort((a, b) => a - b);
  }
}

interface Alphabet {
  readonly starts: number[];
  readonly inputs: number[];
  readonly representatives: number[];
}

/** Runs of code points that no edge tells apart, numbered by the edges that take them. */
function alphabetOf(places: readonly Place[]): Alphabet {
  const edges = places.flatMap((place) => place.on.map((edge) => edge.ranges));
  const bounds = new Set<number>([0]);
  for (const ranges of edges)
    for (const [low, high] of ranges) {
      bounds.add(low);
      if (high < 0x10ffff) bounds.add(high + 1);
    }
  const starts = [...bounds].sort((a, b) => a - b);
  const signatures: string[][] = starts.map(() => []);
  for (const [i, ranges] of edges.entries())
    for (const [low, high] of ranges)
      for (let run = lowerBound(starts, low); run < starts.length && starts[run]! <= high; run++)
        signatures[run]!.push(String(i));
  const known = new Map<string, number>();
  const representatives: number[] = [];
  const inputs = signatures.map((signature, run) => {
    const name = signature.join();
    let input = known.get(name);
    if (input === undefined) {
      input = representatives.length;
      known.set(name, input);
      representatives.push(starts[run]!);
    }
    return input;
  });
  return { starts, inputs, representatives };
}

function lowerBound(of: readonly number[], value: number): number {
  let low = 0;
  let high = of.length;
  while (low < high) {
    const middle = (low + high) >> 1;
    if (of[middle]! < value) low = middle + 1;
    else high = middle;
  }
  return low;
}

/** One automaton for all these expressions, by the subset construction, made minimal; null past `statesMax` states. */
export function buildDfa(nodes: readonly RegexNode[], mode: DfaMode, statesMax: number): Dfa | null {
  const nfa = new Nfa();
  const root = nfa.add();
  // In a search every place of the text is a place to begin.
  const again = nfa.add();
  nfa.places[root]!.free.push(again);
  if (mode === "search") nfa.places[again]!.on.push({ ranges: EVERYTHING, to: again });
  for (const [i, node] of nodes.entries()) {
    const begin = nfa.add();
    nfa.places[again]!.free.push(begin);
    const end = nfa.places[nfa.build(node, begin)]!;
    const found = nfa.add();
    end.free.push(found);
    nfa.places[found]!.accepts = i;
    // What was found once stays found.
    if (mode === "search") nfa.places[found]!.on.push({ ranges: EVERYTHING, to: found });
  }
  const { starts, inputs, representatives } = alphabetOf(nfa.places);
  const sets: (readonly number[])[] = [];
  const known = new Map<string, number>();
  const stateOf = (set: readonly number[]): number => {
    const name = set.join();
    let state = known.get(name);
    if (state === undefined) {
      state = sets.length;
      known.set(name, state);
      sets.push(set);
    }
    return state;
  };
  stateOf(nfa.closure([root], true, false));
  stateOf([]);
  const next: number[] = [];
  for (let state = 0; state < sets.length; state++) {
    if (sets.length > statesMax) return null;
    for (const code of representatives) {
      const to = new Set<number>();
      for (const at of sets[state]!)
        for (const edge of nfa.places[at]!.on)
          if (edge.ranges.some(([low, high]) => code >= low && code <= high)) to.add(edge.to);
      next.push(stateOf(nfa.closure(to, false, false)));
    }
  }
  const accepts = sets.map((set, state) => {
    const atEnd = nfa.closure(set, state === 0, true);
    return [...new Set(atEnd.map((at) => nfa.places[at]!.accepts).filter((i) => i >= 0))].sort((a, b) => a - b);
  });
  return minimise({ starts, inputs, inputCount: representatives.length, next: Uint32Array.from(next), accepts });
}

/** States that no text tells apart become one (Moore); the first state stays 0, the dead one 1. */
function minimise(dfa: Dfa): Dfa {
  const { next, inputCount, accepts } = dfa;
  const count = accepts.length;
  let classes = accepts.map((one) => one.join());
  let classCount = new Set(classes).size;
  for (;;) {
    const names = new Map<string, string>();
    const refined = classes.map((name, state) => {
      let signature = name;
      for (let input = 0; input < inputCount; input++) signature += ` ${classes[next[state * inputCount + input]!]!}`;
      let short = names.get(signature);
      if (short === undefined) {
        short = `c${names.size}`;
        names.set(signature, short);
      }
      return short;
    });
    classes = refined;
    if (names.size === classCount) break;
    classCount = names.size;
  }
  // The dead state keeps its own number even when the first state is just as dead.
  const order: number[] = [0, 1];
  const numberOf = new Map<string, number>([
    [classes[1]!, 1],
    [classes[0]!, classes[0] === classes[1] ? 1 : 0],
  ]);
  for (let state = 2; state < count; state++) {
    if (numberOf.has(classes[state]!)) continue;
    numberOf.set(classes[state]!, order.length);
    order.push(state);
  }
  const table = new Uint32Array(order.length * inputCount);
  for (const [number, state] of order.entries())
    for (let input = 0; input < inputCount; input++)
      table[number * inputCount + input] = numberOf.get(classes[next[state * inputCount + input]!]!)!;
  return { ...dfa, next: table, accepts: order.map((state) => accepts[state]!) };
}
