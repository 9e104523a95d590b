import { CHUNK_BYTES_MAX, CHUNK_LINE_BYTES_MAX, TRAILER_BYTES_MAX } from "./limits.ts";

const SIZE = 0;
const SIZE_LF = 1;
const DATA = 2;
const DATA_CR = 3;
const DATA_LF = 4;
const TRAILER = 5;
const DONE = 6;

const CR = 0x0d;
const LF = 0x0a;

/** The value of a hex digit, or -1. */
function hex(byte: number): number {
  if (byte >= 0x30 && byte <= 0x39) return byte - 0x30;
  const lower = byte | 0x20;
  return lower >= 0x61 && lower <= 0x66 ? lower - 0x57 : -1;
}

/**
 * Takes the chunks of a body apart (RFC 9112, section 7.1), strictly: no extensions, no spaces, no bare line feed. Trailer
 * fields are read over: they are not passed on, for a field there could say what was checked in the head.
 */
export class ChunkedReader {
  /** Why the body can't be read, or null. */
  fault: string | null = null;
  #state = SIZE;
  #size = 0;
  #digits = 0;
  #left = 0;
  #trailer = 0;
  /** What the trailer's current line has so far: 0 nothing, 1 something, 2 a CR after nothing, 3 a CR after something. */
  #line = 0;

  get done(): boolean {
    return this.#state === DONE;
  }

  /**
   * Reads `bytes[start, end)`; `data` is called with each run of the body.
   *
   * @returns the place behind what was read: `end`, or where the body is over
   */
  read(bytes: Buffer, start: number, end: number, data: (from: number, to: number) => void): number {
    let at = start;
    while (at < end && this.#state !== DONE && this.fault === null) {
      const byte = bytes[at]!;
      switch (this.#state) {
        case SIZE: {
          const digit = hex(byte);
          if (digit >= 0) {
            this.#size = this.#size * 16 + digit;
            if (++this.#digits > CHUNK_LINE_BYTES_MAX || this.#size > CHUNK_BYTES_MAX)
              this.fault = "a chunk is too large";
          } else if (byte === CR && this.#digits > 0) this.#state = SIZE_LF;
          else this.fault = "a chunk's size is not a plain hexadecimal number";
          at++;
          break;
        }
        case SIZE_LF:
          if (byte !== LF) this.fault = "the line of a chunk's size does not end in CR LF";
          this.#left = this.#size;
          this.#state = this.#size === 0 ? TRAILER : DATA;
          this.#size = 0;
          this.#digits = 0;
          at++;
          break;
        case DATA: {
          const take = Math.min(this.#left, end - at);
          data(at, at + take);
          at += take;
          this.#left -= take;
          if (this.#left === 0) this.#state = DATA_CR;
          break;
        }
        case DATA_CR:
          if (byte !== CR) this.fault = "a chunk is longer than it says";
          this.#state = DATA_LF;
          at++;
          break;
        case DATA_LF:
          if (byte !== LF) this.fault = "a chunk is longer than it says";
          this.#state = SIZE;
          at++;
          break;
        default:
          at = this.#readTrailer(byte, at);
      }
    }
    return at;
  }

  #readTrailer(byte: number, at: number): number {
    if (++this.#trailer > TRAILER_BYTES_MAX) this.fault = `the trailer is longer than ${TRAILER_BYTES_MAX} bytes`;
    else if (this.#line >= 2) {
      if (byte !== LF) this.fault = "a line of the trailer does not end in CR LF";
      else if (this.#line === 2) this.#state = DONE;
      this.#line = 0;
    } else if (byte === CR) this.#line += 2;
    else if (byte === LF) this.fault = "a line of the trailer ends without carriage return";
    else this.#line = 1;
    return at + 1;
  }
}

/** The line before a chunk of so many bytes, and what ends a chunk and the body. */
export const chunkHead = (bytes: number): string => `${bytes.toString(16)}\r\n`;
export const CHUNK_END = Buffer.from("\r\n");
export const BODY_END = Buffer.from("0\r\n\r\n");

/** A chunk with its line, in one piece. */
export function chunkOf(data: Uint8Array): Buffer {
  const head = chunkHead(data.length);
  const out = Buffer.allocUnsafe(head.length + data.length + 2);
  out.write(head, 0, "latin1");
  out.set(data, head.length);
  out[out.length - 2] = CR;
  out[out.length - 1] = LF;
  return out;
}
