import { LOOK_BYTES_MAX, LOOK_WORDS_MAX, look } from "./look.ts";

/** Finds the bytes of a text that a string can't take as they are: a window of the text is looked at ahead. */
export class PlainBytes {
  static readonly #free: PlainBytes[] = [];
  readonly #words = new Uint32Array(LOOK_WORDS_MAX);
  #from = 0;
  #to = 0;
  /** Whether there may be bytes beyond ASCII in what was looked at so far. */
  beyondAscii = false;

  /** For one text; to be given back. A mask may come by another text meanwhile, which then has its own. */
  static take(): PlainBytes {
    return PlainBytes.#free.pop() ?? new PlainBytes();
  }

  giveBack(): void {
    this.#from = 0;
    this.#to = 0;
    this.beyondAscii = false;
    PlainBytes.#free.push(this);
  }

  /** The first byte at or behind `i` that a string can't take as it is; `end` when there is none. */
  next(b: Uint8Array, i: number, end: number): number {
    const words = this.#words;
    for (;;) {
      if (i >= this.#to || i < this.#from) {
        if (i >= end) return end;
        this.#from = i;
        this.#to = Math.min(end, i + LOOK_BYTES_MAX);
        if (look(b, i, this.#to, words)) this.beyondAscii = true;
      }
      const from = this.#from;
      let at = (i - from) >> 5;
      let word = words[at]! & (-1 << ((i - from) & 31));
      // The bit behind the window's last byte is set.
      while (word === 0) word = words[++at]! | 0;
      i = from + (at << 5) + 31 - Math.clz32(word & -word);
      if (i < this.#to) return i;
      i = this.#to;
    }
  }
}
