import type { Automaton } from "../../../spec/contract/bundle/index.ts";
import { Alphabet, codeAt } from "../alphabet.ts";

const SLASH = 47;
const NONE: readonly number[] = [];

/** An automaton made ready: each character of a text is one step, whatever the patterns. */
export class Matcher {
  readonly #next: Uint32Array;
  readonly #inputCount: number;
  readonly #alphabet: Alphabet;
  readonly #atEnd = new Map<number, readonly number[]>();
  readonly #across = new Map<number, readonly number[]>();
  readonly #segment = new Map<number, readonly number[]>();
  /** 1 for states that answer as soon as they are reached. */
  readonly #answers: Uint8Array;

  constructor(automaton: Automaton) {
    this.#next = automaton.next;
    this.#inputCount = automaton.inputCount;
    this.#alphabet = new Alphabet(automaton);
    this.#answers = new Uint8Array(automaton.next.length / automaton.inputCount);
    for (const { state, when, atoms } of automaton.accepts) {
      (when === "end" ? this.#atEnd : when === "across" ? this.#across : this.#segment).set(state, atoms);
      if (when !== "end") this.#answers[state] = 1;
    }
  }

  /** Adds the atoms that hold of a text to `found`. */
  match(text: string, found: Set<number>): void {
    let state = 0;
    const waiting = new Set<number>();
    if (this.#answers[0] === 1) this.#answer(0, found, waiting);
    for (let i = 0; i < text.length; i++) {
      const code = codeAt(text, i);
      if (code > 0xffff) i++;
      const input = this.#alphabet.inputOf(code);
      state = this.#next[state * this.#inputCount + input]!;
      // What waited for a text without a further `/` is over.
      if (code === SLASH) waiting.clear();
      if (this.#answers[state] === 1) this.#answer(state, found, waiting);
    }
    for (const atom of waiting) found.add(atom);
    for (const atom of this.#atEnd.get(state) ?? NONE) found.add(atom);
  }

  #answer(state: number, found: Set<number>, waiting: Set<number>): void {
    for (const atom of this.#across.get(state) ?? NONE) found.add(atom);
    for (const atom of this.#segment.get(state) ?? NONE) waiting.add(atom);
  }
}
