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

  /** Adds an entry, which is copied. Answers the whole bundle once it is full, and begins the next. */
  add(entry: Uint8Array): Buffer | null {
    const end = this.#used + 2 + entry.length;
    if (end > this.#bytes.length) this.#bytes = Buffer.concat([this.encoded()], Math.max(end, this.#bytes.length * 2));
    this.#bytes.writeUInt16BE(entry.length, this.#used);
    this.#bytes.set(entry, this.#used + 2);
    this.#used = end;
    if (++this.#count < TILE_WIDTH) return null;
    const full = this.encoded();
    this.#used = 0;
    this.#count = 0;
    return full;
  }
}
