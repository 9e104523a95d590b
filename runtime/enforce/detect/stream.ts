import { HOLD_BYTES_MAX, KEY_BLOCK_BYTES_MAX } from "./limits.ts";
import type { Scanner } from "./scanner.ts";

/** Where a stream's pieces go, in order. The bytes may be used again after the call. */
export interface StreamSink {
  /** Bytes in which nothing was found. */
  text(bytes: Uint8Array, from: number, to: number): void;
  /** A match: `Scanner.names[detector]`. */
  match(detector: number, bytes: Uint8Array, from: number, to: number): void;
}

/** What precedes the bytes at hand, for the boundaries of words and numbers. */
const CONTEXT_BYTES = 64;

/**
 * Scans a stream whose chunks are cut anywhere: what it tells does not depend on the cuts. Bytes that might be the beginning
 * of a match are held back, at most `HOLD_BYTES_MAX`; a match that grows beyond that is told in pieces, of which only the
 * first is a match and the others are left out.
 */
export class StreamScanner {
  readonly #scanner: Scanner;
  readonly #sink: StreamSink;
  /** Context that is settled, then what is held back. */
  #bytes: Uint8Array = new Uint8Array(0);
  #settled = 0;
  /** The stream is inside of a match that was too long to hold: such bytes are left out. */
  #tail: Uint8Array | null = null;
  #tailLeft = 0;

  constructor(scanner: Scanner, sink: StreamSink) {
    this.#scanner = scanner;
    this.#sink = sink;
  }

  /** Bytes held back. */
  get held(): number {
    return this.#bytes.length - this.#settled;
  }

  push(chunk: Uint8Array): void {
    const rest = this.#swallow(chunk);
    if (rest.length === 0) return;
    const bytes = new Uint8Array(this.#bytes.length + rest.length);
    bytes.set(this.#bytes);
    bytes.set(rest, this.#bytes.length);
    const from = this.#settled;
    let told = from;
    const onMatch = (detector: number, at: number, to: number): void => {
      if (at > told) this.#sink.text(bytes, told, at);
      this.#sink.match(detector, bytes, at, to);
      told = to;
    };
    const held = this.#scanner.scanPart(bytes, 0, from, bytes.length, onMatch);
    if (held > told) this.#sink.text(bytes, told, held);
    this.#keep(bytes, Math.max(held, told));
    if (this.held > HOLD_BYTES_MAX) {
      this.flush();
      // The last match reached the end of what was held: the rest of it is still to come.
      this.#tail = this.#cutTail;
      this.#tailLeft = KEY_BLOCK_BYTES_MAX;
    }
  }

  /** Nothing more may be waited for (the stream ends, or is idle): what is held is told as it is. */
  flush(): void {
    const bytes = this.#bytes;
    const from = this.#settled;
    this.#cutTail = null;
    if (from >= bytes.length) return;
    let told = from;
    this.#scanner.scanPartFinally(bytes, 0, from, bytes.length, (detector, at, to) => {
      if (at > told) this.#sink.text(bytes, told, at);
      this.#sink.match(detector, bytes, at, to);
      told = to;
    });
    if (told < bytes.length) this.#sink.text(bytes, told, bytes.length);
    else this.#cutTail = this.#scanner.tail;
    this.#keep(bytes, bytes.length);
  }

  #cutTail: Uint8Array | null = null;

  #keep(bytes: Uint8Array, settled: number): void {
    const context = Math.max(0, settled - CONTEXT_BYTES);
    this.#bytes = bytes.slice(context);
    this.#settled = settled - context;
  }

  #swallow(chunk: Uint8Array): Uint8Array {
    const tail = this.#tail;
    if (tail === null) return chunk;
    let i = 0;
    while (i < chunk.length && this.#tailLeft > 0 && tail[chunk[i]!] === 1) {
      i++;
      this.#tailLeft--;
    }
    if (i === chunk.length) return chunk.subarray(i);
    this.#tail = null;
    return chunk.subarray(i);
  }
}
