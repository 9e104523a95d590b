/** What is to be done with a packet whose head was handed over. */
export interface FrameTaker {
  /** The session can't go on; says what was wrong. */
  readonly fault?: string;
  /** Gets what of a long packet is behind its head. Without it that is dropped. */
  readonly rest?: (bytes: Buffer) => void;
}

const NOTHING = Buffer.alloc(0);

/**
 * Cuts a stream into packets: four bytes of length, then so many. Packets of one kind (those that carry a file's bytes) are
 * handed over by their head alone, and the rest passes through in the pieces in which it comes; others are collected whole.
 */
export class FrameReader {
  readonly #bytesMax: number;
  readonly #bulk: number;
  readonly #headOf: (packet: Buffer) => number;
  readonly #take: (packet: Buffer) => FrameTaker;
  /** Bytes that are not handed over yet. */
  #kept: Buffer = NOTHING;
  /** Of the packet under way: what of it is still to come behind its head. */
  #left = 0;
  #rest: ((bytes: Buffer) => void) | null = null;
  #paused = false;
  #running = false;
  /** Length of the packet that is being handed over. */
  bodyLength = 0;
  /** What is handed over, as it came: with the length of the whole packet in front. */
  framed: Buffer = NOTHING;

  constructor(
    bytesMax: number,
    bulk: number,
    headOf: (packet: Buffer) => number,
    take: (packet: Buffer) => FrameTaker,
  ) {
    this.#bytesMax = bytesMax;
    this.#bulk = bulk;
    this.#headOf = headOf;
    this.#take = take;
  }

  pause(): void {
    this.#paused = true;
  }

  /** Goes on with what was kept. Answers what was wrong with it, or null. */
  resume(): string | null {
    this.#paused = false;
    return this.#running ? null : this.#run();
  }

  /** Takes a piece of the stream; when this returns, only what was handed over of it is still the piece's own memory. */
  push(chunk: Buffer): string | null {
    this.#kept = this.#kept.length === 0 ? chunk : Buffer.concat([this.#kept, chunk]);
    const fault = this.#running ? null : this.#run();
    if (this.#kept.buffer === chunk.buffer) this.#kept = Buffer.from(this.#kept);
    return fault;
  }

  #run(): string | null {
    this.#running = true;
    try {
      while (!this.#paused) {
        const more = this.#step();
        if (more !== true) return more === false ? null : more;
      }
      return null;
    } finally {
      this.#running = false;
    }
  }

  /** One packet, or a piece of one: true when there may be more, false when more bytes are needed, or what is wrong. */
  #step(): boolean | string {
    if (this.#left > 0) {
      if (this.#kept.length === 0) return false;
      const piece = this.#kept.subarray(0, this.#left);
      this.#kept = this.#kept.subarray(piece.length);
      this.#left -= piece.length;
      this.#rest?.(piece);
      return true;
    }
    if (this.#kept.length < 5) return false;
    const length = this.#kept.readUInt32BE(0);
    if (length < 1 || length > this.#bytesMax) return `a packet of ${length} bytes; 1 to ${this.#bytesMax} are allowed`;
    const here = Math.min(this.#kept.length - 4, length);
    const body = this.#kept.subarray(4, 4 + here);
    let handed = length;
    if (body[0] === this.#bulk) handed = Math.min(length, this.#headOf(body));
    if (here < handed) return false;
    // All of it that is here, when it is not long: one write instead of two.
    const packet = body[0] === this.#bulk ? body : body.subarray(0, handed);
    this.bodyLength = length;
    this.framed = this.#kept.subarray(0, 4 + packet.length);
    this.#kept = this.#kept.subarray(4 + packet.length);
    this.#left = length - packet.length;
    const taken = this.#take(packet);
    if (taken.fault !== undefined) return taken.fault;
    this.#rest = taken.rest ?? null;
    return true;
  }
}
