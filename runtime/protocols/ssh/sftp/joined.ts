/** Puts pieces that lie one behind the other together again: most of a stream passes through as it came. */
export class Joined {
  readonly #write: (bytes: Buffer) => void;
  #held: Buffer | null = null;

  constructor(write: (bytes: Buffer) => void) {
    this.#write = write;
  }

  put(bytes: Buffer): void {
    if (bytes.length === 0) return;
    const held = this.#held;
    this.#held = bytes;
    if (held === null) return;
    if (held.buffer === bytes.buffer && held.byteOffset + held.length === bytes.byteOffset)
      this.#held = Buffer.from(held.buffer, held.byteOffset, held.length + bytes.length);
    else this.#write(held);
  }

  /** Writes what is held: nothing comes behind it just now. */
  flush(): void {
    const held = this.#held;
    this.#held = null;
    if (held !== null) this.#write(held);
  }
}
