/**
 * Bytes of a connection for the steps that read one message and wait for the next: sign-in, before a session's machine
 * takes over. Pure: whoever owns the socket pushes, the handshake takes.
 */
export class ByteStream {
  #chunks: Buffer[] = [];
  #have = 0;
  #ended = false;
  #wanted: { readonly bytes: number; readonly settle: (bytes: Buffer | null) => void } | null = null;

  push(chunk: Buffer): void {
    if (chunk.length === 0) return;
    this.#chunks.push(chunk);
    this.#have += chunk.length;
    this.#serve();
  }

  end(): void {
    this.#ended = true;
    this.#serve();
  }

  /** Bytes that came and were not taken. */
  get waiting(): number {
    return this.#have;
  }

  /** The next `bytes` bytes, or null when the connection ends before them. One call at a time. */
  take(bytes: number): Promise<Buffer | null> {
    return new Promise((settle) => {
      this.#wanted = { bytes, settle };
      this.#serve();
    });
  }

  /** Everything that was not taken, for the next reader. */
  rest(): Buffer {
    const all = Buffer.concat(this.#chunks, this.#have);
    this.#chunks = [];
    this.#have = 0;
    return all;
  }

  #serve(): void {
    const wanted = this.#wanted;
    if (wanted === null) return;
    if (this.#have >= wanted.bytes) {
      this.#wanted = null;
      const all = this.#chunks.length === 1 ? this.#chunks[0]! : Buffer.concat(this.#chunks, this.#have);
      const taken = all.subarray(0, wanted.bytes);
      const left = all.subarray(wanted.bytes);
      this.#chunks = left.length > 0 ? [left] : [];
      this.#have = left.length;
      wanted.settle(taken);
    } else if (this.#ended) {
      this.#wanted = null;
      wanted.settle(null);
    }
  }
}
