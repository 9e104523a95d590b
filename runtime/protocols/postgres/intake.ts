/** Collects the bytes of messages that arrive in pieces, so that bytes sent one by one cost linear time. */
export class Intake {
  #chunks: Buffer[] = [];
  #have = 0;
  #need = 0;

  get bytes(): number {
    return this.#have;
  }

  /** All bytes so far in one piece, or null while fewer than were asked for have come. */
  push(chunk: Buffer): Buffer | null {
    if (this.#have === 0) {
      if (chunk.length >= this.#need) return chunk;
    }
    this.#chunks.push(chunk);
    this.#have += chunk.length;
    return this.#have < this.#need ? null : this.#take();
  }

  #take(): Buffer {
    const all = this.#chunks.length === 1 ? this.#chunks[0]! : Buffer.concat(this.#chunks, this.#have);
    this.#chunks = [];
    this.#have = 0;
    this.#need = 0;
    return all;
  }

  /** Keeps `rest` for the next push, which answers only when `need` bytes are there in all. */
  keep(rest: Buffer, need: number): void {
    this.#chunks = rest.length > 0 ? [rest] : [];
    this.#have = rest.length;
    this.#need = need;
  }
}
