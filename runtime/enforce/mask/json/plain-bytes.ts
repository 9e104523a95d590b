import { LOOK_BYTES_MAX, STOPS_MAX, look } from "./look.ts";

/** Finds the bytes of a text that a string can't take as they are: a window of the text is looked at ahead. */
export class PlainBytes {
  static readonly #free: PlainBytes[] = [];
  /** Where such bytes are in the window, and the first that is not in front of what was asked for last. */
  readonly #stops = new Uint16Array(STOPS_MAX);
  #stop = 0;
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
    const stops = this.#stops;
    for (;;) {
      if (i >= this.#to || i < this.#from) {
        if (i >= end) return end;
        this.#from = i;
        this.#to = Math.min(end, i + LOOK_BYTES_MAX);
        this.#stop = 0;
        if (look(b, i, this.#to, stops)) this.beyondAscii = true;
      }
      const at = i - this.#from;
      let k = this.#stop;
      // The end of the window is a stop, too.
      while (stops[k]! < at) k++;
      while (k > 0 && stops[k - 1]! >= at) k--;
      this.#stop = k;
      i = this.#from + stops[k]!;
      if (i < this.#to) return i;
      i = this.#to;
    }
  }
}
