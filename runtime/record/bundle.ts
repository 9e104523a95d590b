import { TILE_WIDTH } from "../../spec/contract/record/index.ts";

/** The last bundle of entries, as its file will hold it: sixteen bits of length before each. Not an object for each entry. */
export class OpenBundle {
  #bytes = Buffer.allocUnsafe(64 * 1024);
  #used = 0;
  #count = 0;

  get count(): number {
    return this.#count;
  }

  /** The entries so far. */
  encoded(): Buffer {
    return Buffer.from(this.#bytes.subarray(0, this.#used));
  }

  /** Adds the entry at `source[from, to)`, which is copied. Answers the whole bundle once it is full, and begins the next. */
  add(source: Buffer, from = 0, to = source.length): Buffer | null {
    const end = this.#used + 2 + to - from;
    if (end > this.#bytes.length) this.#bytes = Buffer.concat([this.encoded()], Math.max(end, this.#bytes.length * 2));
    this.#bytes.writeUInt16BE(to - from, this.#used);
    source.copy(this.#bytes, this.#used + 2, from, to);
    this.#used = end;
    if (++this.#count < TILE_WIDTH) return null;
    const full = this.encoded();
    this.#used = 0;
    this.#count = 0;
    return full;
  }
}
