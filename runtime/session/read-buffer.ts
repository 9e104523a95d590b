/** A new session reads into this much; one that fills it gets the large one. */
const SMALL_BYTES = 8 * 1024;
const LARGE_BYTES = 128 * 1024;
/** Least room for a read behind what is kept. */
const ROOM_BYTES = 4 * 1024;
/** After so many reads that would have fitted the small buffer, the large one is given back. */
const QUIET_READS = 256;

/**
 * The memory that one connection is read into, again and again. Bytes that are not consumed stay in front of the next
 * read, so that messages are whole in one piece; a message larger than the buffer gets one that fits, once.
 *
 * Views of it are handed out to be written; whoever does so must not read on before they are.
 */
export class ReadBuffer {
  bytes: Buffer = Buffer.allocUnsafeSlow(SMALL_BYTES);
  start = 0;
  end = 0;
  #quiet = 0;

  /** Where the next read goes. `need`: how many bytes the message that begins at `start` has, as far as is known. */
  room(need: number): Buffer {
    const kept = this.end - this.start;
    if (kept === 0) {
      this.start = 0;
      this.end = 0;
      if (this.bytes.length > LARGE_BYTES) this.bytes = Buffer.allocUnsafeSlow(LARGE_BYTES);
      return this.bytes;
    }
    const fits = this.bytes.length - this.start >= need && this.bytes.length - this.end >= ROOM_BYTES;
    if (!fits) {
      const size = Math.max(need + ROOM_BYTES, kept + ROOM_BYTES);
      const into = size <= this.bytes.length ? this.bytes : Buffer.allocUnsafeSlow(Math.max(size, LARGE_BYTES));
      this.bytes.copy(into, 0, this.start, this.end);
      this.bytes = into;
      this.start = 0;
      this.end = kept;
    }
    return this.bytes.subarray(this.end);
  }

  /** `count` bytes were read into the last room. */
  filled(count: number): void {
    const roomBytes = this.bytes.length - this.end;
    this.end += count;
    if (count === roomBytes && this.bytes.length < LARGE_BYTES) {
      this.#quiet = 0;
      this.#resize(LARGE_BYTES);
    } else if (count >= SMALL_BYTES) this.#quiet = 0;
    else this.#quiet++;
  }

  /** Everything before `at` is done with. */
  consumed(at: number): void {
    this.start = at;
    if (at < this.end) return;
    this.start = 0;
    this.end = 0;
    if (this.#quiet > QUIET_READS && this.bytes.length > SMALL_BYTES) {
      this.#quiet = 0;
      this.bytes = Buffer.allocUnsafeSlow(SMALL_BYTES);
    }
  }

  /** Goes on in new memory: the old is still being written by someone. */
  renew(): void {
    this.#resize(this.bytes.length);
  }

  #resize(size: number): void {
    const into = Buffer.allocUnsafeSlow(Math.max(size, this.end - this.start));
    this.bytes.copy(into, 0, this.start, this.end);
    this.end -= this.start;
    this.start = 0;
    this.bytes = into;
  }
}
