/**
 * Reads the data types of RFC 4251, section 5, out of bytes of others. Nothing is copied. What is not there, or longer than
 * what is left, is told by `null`, and stays told: a reader that failed answers null to everything after.
 */
export class SshReader {
  readonly #bytes: Buffer;
  #at = 0;
  #failed = false;

  constructor(bytes: Buffer) {
    this.#bytes = bytes;
  }

  get failed(): boolean {
    return this.#failed;
  }

  /** Everything was read, and it was all there. */
  get done(): boolean {
    return !this.#failed && this.#at === this.#bytes.length;
  }

  get position(): number {
    return this.#at;
  }

  #take(count: number): Buffer | null {
    if (this.#failed || count > this.#bytes.length - this.#at) {
      this.#failed = true;
      return null;
    }
    const found = this.#bytes.subarray(this.#at, this.#at + count);
    this.#at += count;
    return found;
  }

  byte(): number | null {
    return this.#take(1)?.[0] ?? null;
  }

  uint32(): number | null {
    return this.#take(4)?.readUInt32BE() ?? null;
  }

  uint64(): bigint | null {
    return this.#take(8)?.readBigUInt64BE() ?? null;
  }

  /** A string: its length and so many bytes. */
  string(): Buffer | null {
    const length = this.uint32();
    return length === null ? null : this.#take(length);
  }

  /** A string that is text. Null also when it is not valid UTF-8, or holds a zero byte. */
  text(): string | null {
    const bytes = this.string();
    if (bytes === null) return null;
    const text = bytes.toString("utf8");
    if (text.includes("\0") || !Buffer.from(text).equals(bytes)) {
      this.#failed = true;
      return null;
    }
    return text;
  }
}

export function sshString(bytes: Buffer | string): Buffer {
  const body = typeof bytes === "string" ? Buffer.from(bytes) : bytes;
  const head = Buffer.alloc(4);
  head.writeUInt32BE(body.length);
  return Buffer.concat([head, body]);
}
