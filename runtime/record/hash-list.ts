import { HASH_BYTES } from "../../spec/contract/record/index.ts";

/** Hashes behind one another: millions of them without an object each. */
export class HashList {
  #bytes = Buffer.allocUnsafe(HASH_BYTES * 1024);
  #length = 0;

  get length(): number {
    return this.#length;
  }

  push(hash: Uint8Array): void {
    const at = this.#length++ * HASH_BYTES;
    if (at === this.#bytes.length) this.#bytes = Buffer.concat([this.#bytes], at * 2);
    this.#bytes.set(hash, at);
  }

  at(index: number): Buffer {
    return this.#bytes.subarray(index * HASH_BYTES, (index + 1) * HASH_BYTES);
  }

  /** The hashes from `start` on, without a gap between them; fewer than `count` at the end. */
  slice(start: number, count: number): Buffer {
    return this.#bytes.subarray(start * HASH_BYTES, Math.min(start + count, this.#length) * HASH_BYTES);
  }
}
