import type { Expression } from "../../spec/contract/bundle/index.ts";
import { Alphabet, codeAt } from "./alphabet.ts";

/** The state that nothing leaves; see `Expression`. */
const DEAD = 1;

/** A linear-time expression made ready: each character of a text is one step. */
export class ExpressionMatcher {
  readonly #next: Uint32Array;
  readonly #inputCount: number;
  readonly #alphabet: Alphabet;
  readonly #accepts: Uint8Array;

  constructor(expression: Expression) {
    this.#next = expression.next;
    this.#inputCount = expression.inputCount;
    this.#alphabet = new Alphabet(expression);
    this.#accepts = new Uint8Array(expression.next.length / expression.inputCount);
    for (const state of expression.accepting) this.#accepts[state] = 1;
  }

  /** Whether the text as a whole is accepted. Time linear in the text. */
  matches(text: string): boolean {
    let state = 0;
    for (let i = 0; i < text.length && state !== DEAD; i++) {
      const code = codeAt(text, i);
      if (code > 0xffff) i++;
      state = this.#next[state * this.#inputCount + this.#alphabet.inputOf(code)]!;
    }
    return this.#accepts[state] === 1;
  }

  /**
   * Where the longest match that begins at `from` ends, in UTF-16 units; -1 when none begins there. Looks at most
   * `lengthMax` units ahead.
   */
  longestAt(text: string, from: number, lengthMax: number): number {
    let state = 0;
    let end = this.#accepts[0] === 1 ? from : -1;
    const stop = Math.min(text.length, from + lengthMax);
    for (let i = from; i < stop; i++) {
      const code = codeAt(text, i);
      if (code > 0xffff) i++;
      state = this.#next[state * this.#inputCount + this.#alphabet.inputOf(code)]!;
      if (state === DEAD) return end;
      if (this.#accepts[state] === 1) end = i + 1;
    }
    return end;
  }
}
