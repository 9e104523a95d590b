import { END_STOPS, LOOK_BYTES_MAX, STOPS_MAX, look } from "./look.ts";

/** The places in a text whose bytes a string can't take as they are: a window of the text is looked at ahead. */
export class PlainBytes {
  static readonly #free: PlainBytes[] = [];
  /** The window: where it begins and ends in the text. */
  from = 0;
  to = 0;
  /** Such places in the window, counted from where it begins, in their order; behind them, more than once, its length. */
  readonly stops = new Uint16Array(STOPS_MAX + END_STOPS);
  #stop = 0;
  /** Whether there may be bytes beyond ASCII in what was looked at so far. */
  beyondAscii = false;

  /** For one text; to be given back. A mask may come by another text meanwhile, which then has its own. */
  static take(): PlainBytes {
    return PlainBytes.#free.pop() ?? new PlainBytes();
  }

  giveBack(): void {
    this.from = 0;
    this.to = 0;
    this.beyondAscii = false;
    PlainBytes.#free.push(this);
  }

  /** Puts the window where `i` is in it. Answers which of `stops` is the first at or behind `i`. */
  seek(b: Uint8Array, i: number, end: number): number {
    if (i >= this.to || i < this.from) this.#look(b, i, end);
    const { stops, from } = this;
    let k = this.#stop;
    while (stops[k]! < i - from) k++;
    while (k > 0 && stops[k - 1]! >= i - from) k--;
    this.#stop = k;
    return k;
  }

  /** The first byte at or behind `i` that a string can't take as it is; `end` when there is none. */
  next(b: Uint8Array, i: number, end: number): number {
    while (i < end) {
      i = this.stops[this.seek(b, i, end)]! + this.from;
      if (i < this.to) return i;
    }
    return end;
  }

  #look(b: Uint8Array, i: number, end: number): void {
    this.from = i;
    this.to = Math.min(end, i + LOOK_BYTES_MAX);
    this.#stop = 0;
    if (look(b, i, this.to, this.stops)) this.beyondAscii = true;
  }
}
