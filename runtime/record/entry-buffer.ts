import { canonicalJson } from "../../spec/contract/record/index.ts";
import { FRAME_HEAD_BYTES } from "./frames.ts";
import { ARENA_BYTES, PENDING_BYTES_MAX } from "./limits.ts";

const QUOTE = 0x22;
const BACKSLASH = 0x5c;
/** Texts up to here are written byte by byte, which beats a call into the engine. */
const SHORT_UNITS = 128;
const LOOP_BYTES = 24;

/**
 * Entries one behind the other, in memory that a writer on another thread can read. An entry is put together from pieces that
 * were encoded before and a few that are its own, so that nothing is allocated for it.
 *
 * Whoever writes an entry asks for `room` first; after that the calls do not check.
 */
export class EntryBuffer {
  bytes: Buffer;
  /** End of the last whole frame. */
  used = 0;
  #at = 0;

  constructor(bytes = ARENA_BYTES) {
    this.bytes = sharedBuffer(bytes);
  }

  /** False when so many bytes more are past what may wait. */
  room(bytes: number): boolean {
    const need = this.used + FRAME_HEAD_BYTES + bytes;
    if (need <= this.bytes.length) return true;
    if (need > PENDING_BYTES_MAX) return false;
    const bigger = sharedBuffer(Math.max(this.bytes.length * 2, need));
    this.bytes.copy(bigger, 0, 0, this.used);
    this.bytes = bigger;
    return true;
  }

  begin(): void {
    this.#at = this.used + FRAME_HEAD_BYTES;
  }

  /** Bytes of the entry so far. */
  get entryBytes(): number {
    return this.#at - this.used - FRAME_HEAD_BYTES;
  }

  /** The entry is whole. */
  end(): void {
    this.bytes.writeUInt32BE(this.entryBytes, this.used);
    this.used = this.#at;
  }

  /** Empties it; memory that a burst took is given back. */
  clear(): void {
    this.used = 0;
    if (this.bytes.length > 16 * ARENA_BYTES) this.bytes = sharedBuffer(ARENA_BYTES);
  }

  /** Bytes that are JSON already. */
  raw(piece: Uint8Array): void {
    const { bytes } = this;
    const { length } = piece;
    if (length > LOOP_BYTES) bytes.set(piece, this.#at);
    else for (let i = 0, at = this.#at; i < length; i++) bytes[at++] = piece[i]!;
    this.#at += length;
  }

  /** Text that is JSON already. */
  text(json: string): void {
    this.#at += this.bytes.write(json, this.#at, "utf8");
  }

  /** A whole number from 0 to 2^53. */
  number(value: number): void {
    let digits = 1;
    for (let limit = 10; value >= limit; limit *= 10) digits++;
    let rest = value;
    for (let at = this.#at + digits - 1; at >= this.#at; at--) {
      const next = Math.floor(rest / 10);
      this.bytes[at] = 0x30 + (rest - next * 10);
      rest = next;
    }
    this.#at += digits;
  }

  /** A text as a JSON string. */
  string(value: string): void {
    const { bytes } = this;
    let at = this.#at;
    if (value.length <= SHORT_UNITS) {
      bytes[at++] = QUOTE;
      let i = 0;
      for (; i < value.length; i++) {
        const unit = value.charCodeAt(i);
        if (unit < 0x20 || unit > 0x7e || unit === QUOTE || unit === BACKSLASH) break;
        bytes[at++] = unit;
      }
      if (i === value.length) {
        bytes[at++] = QUOTE;
        this.#at = at;
        return;
      }
    }
    this.text(canonicalJson(value));
  }
}

/** Zeros, so that the byte before each entry, the leaf prefix, is there. */
const sharedBuffer = (bytes: number): Buffer => Buffer.from(new SharedArrayBuffer(bytes));
