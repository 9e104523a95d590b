import type { Expression } from "../../spec/contract/bundle/index.ts";

const ASCII = 128;
/** The state that nothing leaves; see `Expression`. */
const DEAD = 1;

/** A linear-time expression made ready: each character of a text is one step. */
export class ExpressionMatcher {
  readonly #next: Uint32Array;
  readonly #inputCount: number;
  readonly #starts: readonly number[];
  readonly #inputs: readonly number[];
  readonly #ascii: Uint32Array;
  readonly #accepts: Uint8Array;

  constructor(expression: Expression) {
    this.#next = expression.next;
    this.#inputCount = expression.inputCount;
    this.#starts = expression.starts;
    this.#inputs = expression.inputs;
    this.#accepts = new Uint8Array(expression.next.length / expression.inputCount);
    for (const state of expression.accepting) this.#accepts[state] = 1;
    this.#ascii = Uint32Array.from({ length: ASCII }, (_, code) => this.#inputOf(code));
  }

  /** Whether the text as a whole is accepted. Time linear in the text. */
  matches(text: string): boolean {
    let state = 0;
    for (let i = 0; i < text.length && state !== DEAD; i++) {
      let code = text.charCodeAt(i);
      if (code >= ASCII) {
        code = text.codePointAt(i)!;
        if (code > 0xffff) i++;
      }
      state = this.#next[state * this.#inputCount + (code < ASCII ? this.#ascii[code]! : this.#inputOf(code))]!;
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
      let code = text.charCodeAt(i);
      if (code >= ASCII) {
        code = text.codePointAt(i)!;
        if (code > 0xffff) i++;
      }
      state = this.#next[state * this.#inputCount + (code < ASCII ? this.#ascii[code]! : this.#inputOf(code))]!;
      if (state === DEAD) return end;
      if (this.#accepts[state] === 1) end = i + 1;
    }
    return end;
  }

  /** The class of a code point: the run that it falls into. */
  #inputOf(code: number): number {
    let low = 0;
    let high = this.#starts.length - 1;
    while (low < high) {
      const middle = (low + high + 1) >> 1;
      if (this.#starts[middle]! <= code) low = middle;
      else high = middle - 1;
    }
    return this.#inputs[low]!;
  }
}
