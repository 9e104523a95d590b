import type { RegexNode } from "../../lang/index.ts";
import { buildDfa } from "../index/index.ts";
import { REGEX_STATES_MAX } from "./limits.ts";

/**
 * A reader of texts, one code point at a time. `State` is any text; equal states go on alike. Deterministic, so that a
 * negated pattern is the same machine with the other answer.
 */
export interface Machine {
  readonly name: string;
  readonly start: string;
  readonly step: (state: string, code: number) => string;
  readonly accepts: (state: string) => boolean;
  /** Code points of one class are read alike. */
  readonly classOf: (code: number) => number;
  /** First code points of runs that are of one class. */
  readonly cuts: readonly number[];
  /** Answers that were given, by text. */
  readonly answers: Map<string, boolean>;
  /** The one shortest text that is accepted, where it is known without a search. */
  readonly shortest: string | null;
}

type Part = { readonly code: number } | "any-char" | "segment" | "across";

const SLASH = 47;
const codeOf = (char: string): number => char.codePointAt(0)!;

/** `*`: any run without `/`; `**`: any run; `?`: one character that is not `/`; a backslash takes the next as it is. */
function globParts(pattern: string): readonly Part[] {
  const parts: Part[] = [];
  const chars = [...pattern];
  for (let i = 0; i < chars.length; i++) {
    const char = chars[i]!;
    if (char === "\\" && i + 1 < chars.length) parts.push({ code: codeOf(chars[++i]!) });
    else if (char === "*" && chars[i + 1] === "*") {
      parts.push("across");
      i++;
    } else if (char === "*") parts.push("segment");
    else parts.push(char === "?" ? "any-char" : { code: codeOf(char) });
  }
  return parts;
}

const exactly = (text: string): readonly Part[] => [...text].map((char) => ({ code: codeOf(char) }));

export const globMachine = (pattern: string): Machine =>
  machineOf(`like ${JSON.stringify(pattern)}`, globParts(pattern));

export const affixMachine = (side: "start" | "end", text: string): Machine =>
  side === "start"
    ? machineOf(`starts with ${JSON.stringify(text)}`, [...exactly(text), "across"])
    : machineOf(`ends with ${JSON.stringify(text)}`, ["across", ...exactly(text)]);

/** The set of places that the pattern may be at, written as a text. Steps are remembered: the same are asked often. */
function machineOf(name: string, parts: readonly Part[]): Machine {
  const steps = new Map<string, string>();
  const placesOf = new Map<string, readonly number[]>();
  const named = (places: Set<number>): string => {
    for (const place of places) if (parts[place] === "segment" || parts[place] === "across") places.add(place + 1);
    const sorted = [...places].sort((a, b) => a - b);
    const key = sorted.join();
    placesOf.set(key, sorted);
    return key;
  };
  const codes = [...new Set([SLASH, ...parts.flatMap((part) => (typeof part === "object" ? [part.code] : []))])];
  const own = new Set(codes);
  return {
    name,
    start: named(new Set([0])),
    step: (state, code) => {
      const input = own.has(code) ? code : -1;
      const key = `${state}:${input}`;
      const known = steps.get(key);
      if (known !== undefined) return known;
      const next = new Set<number>();
      for (const place of placesOf.get(state)!) {
        const part = parts[place];
        if (part === undefined) continue;
        if (part === "across" || (part === "segment" && code !== SLASH)) next.add(place);
        else if (part === "any-char" ? code !== SLASH : part !== "segment" && part.code === code) next.add(place + 1);
      }
      const found = named(next);
      steps.set(key, found);
      return found;
    },
    accepts: (state) => placesOf.get(state)!.includes(parts.length),
    classOf: (code) => (own.has(code) ? code : -1),
    cuts: codes.flatMap((code) => [code, code + 1]),
    answers: new Map(),
    shortest: parts.includes("any-char")
      ? null
      : String.fromCodePoint(...parts.flatMap((part) => (typeof part === "object" ? [part.code] : []))),
  };
}

/** Accepts exactly these texts. */
export function wordsMachine(words: readonly string[]): Machine {
  const prefixes = new Set<string>();
  for (const word of words) {
    let prefix = "";
    prefixes.add(prefix);
    for (const char of word) prefixes.add((prefix += char));
  }
  const all = new Set(words);
  const codes = new Set(words.flatMap((word) => [...word].map(codeOf)));
  return {
    name: `one of ${JSON.stringify(words)}`,
    start: ":",
    step: (state, code) => {
      if (state === "") return "";
      const next = state.slice(1) + String.fromCodePoint(code);
      return prefixes.has(next) ? `:${next}` : "";
    },
    accepts: (state) => state !== "" && all.has(state.slice(1)),
    classOf: (code) => (codes.has(code) ? code : -1),
    cuts: [...codes].flatMap((code) => [code, code + 1]),
    answers: new Map(),
    shortest: null,
  };
}

/** Accepts texts in which the expression is found; null when its automaton has too many states. */
export function regexMachine(name: string, syntax: RegexNode): Machine | null {
  const dfa = buildDfa([syntax], "search", REGEX_STATES_MAX);
  if (dfa === null) return null;
  const { starts, inputs, inputCount, next, accepts } = dfa;
  const classOf = (code: number): number => {
    let low = 0;
    let high = starts.length - 1;
    while (low < high) {
      const middle = (low + high + 1) >> 1;
      if (starts[middle]! <= code) low = middle;
      else high = middle - 1;
    }
    return inputs[low]!;
  };
  // State 1 is the one that nothing leaves and nothing is accepted in.
  const named = (state: number): string => (state === 1 ? "" : String(state));
  return {
    name,
    start: "0",
    step: (state, code) => (state === "" ? "" : named(next[Number(state) * inputCount + classOf(code)]!)),
    accepts: (state) => state !== "" && accepts[Number(state)]!.length > 0,
    classOf,
    cuts: starts,
    answers: new Map(),
    shortest: null,
  };
}

const ANSWERS_MAX = 4096;

/** Whether a machine takes a text; asked of the same texts again and again, so that answers are kept. */
export function machineAccepts(machine: Machine, text: string): boolean {
  const known = machine.answers.get(text);
  if (known !== undefined) return known;
  const answer = run(machine, text);
  if (machine.answers.size < ANSWERS_MAX) machine.answers.set(text, answer);
  return answer;
}

function run(machine: Machine, text: string): boolean {
  let state = machine.start;
  for (const char of text) state = machine.step(state, codeOf(char));
  return machine.accepts(state);
}
