const ASCII = 128;

/** The input classes of an automaton: runs of code points that it reads alike. */
export class Alphabet {
  readonly #starts: readonly number[];
  readonly #inputs: readonly number[];
  readonly #ascii: Uint32Array;

  constructor({ starts, inputs }: { readonly starts: readonly number[]; readonly inputs: readonly number[] }) {
    this.#starts = starts;
    this.#inputs = inputs;
    this.#ascii = Uint32Array.from({ length: ASCII }, (_, code) => this.#find(code));
  }

  inputOf(code: number): number {
    return code < ASCII ? this.#ascii[code]! : this.#find(code);
  }

  /** The last run that begins at or before the code point. */
  #find(code: number): number {
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

/** The code point that begins at a place of a text; of more than one unit when it is above 0xffff. */
export function codeAt(text: string, at: number): number {
  const unit = text.charCodeAt(at);
  return unit < ASCII ? unit : text.codePointAt(at)!;
}
