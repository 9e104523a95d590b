import { TO_NULL, type ValueMask } from "../value-mask.ts";
import { NULL, PLAIN, QUOTE } from "./tokens.ts";

/** Runs shorter than this are copied here: a call costs more. */
const SHORT_RUN = 64;
const NOTHING: Buffer = Buffer.alloc(0);
const NO_VIEW = new DataView(new ArrayBuffer(0));

/** A piece of JSON text with parts of it replaced, from front to back. What is not replaced is copied as it was written. */
export class ChangedText {
  #source: Buffer = NOTHING;
  #sourceView: DataView | null = null;
  #out: Buffer = NOTHING;
  #outView = NO_VIEW;
  /** Bytes of what goes out so far, and how far the source was copied or replaced. */
  #used = 0;
  #done = 0;

  begin(source: Buffer): void {
    this.#source = source;
    this.#sourceView = null;
    this.#out = NOTHING;
    this.#used = 0;
    this.#done = 0;
  }

  /** The text up to `end`: new memory, or null when nothing of it is replaced. */
  finish(end: number): Buffer | null {
    if (this.#done === 0) return null;
    this.#copy(end, 0);
    const made = this.#out.subarray(0, this.#used);
    this.#source = NOTHING;
    this.#sourceView = null;
    this.#out = NOTHING;
    return made;
  }

  /** Puts bytes in the place of `[from, to)`. */
  replace(from: number, to: number, bytes: Uint8Array): void {
    this.#copy(from, bytes.length);
    this.#out.set(bytes, this.#used);
    this.#used += bytes.length;
    this.#done = to;
  }

  /** Masks the string without escapes that is in quotes at `open` and `close`. */
  mask(open: number, close: number, by: ValueMask): void {
    this.#copy(open, by.bound(close - open - 1) + 4);
    const out = this.#out;
    const at = this.#used;
    const end = by.write(this.#source, open + 1, close, out, at + 1);
    if (end === TO_NULL) return this.replace(open, close + 1, NULL);
    for (let i = at + 1; i < end; i++) {
      // Most masks show parts of the value, stars and digits; this one wrote what must be escaped.
      if (PLAIN[out[i]!] === 0)
        return this.replace(open, close + 1, Buffer.from(JSON.stringify(out.toString("utf8", at + 1, end))));
    }
    out[at] = QUOTE;
    out[end] = QUOTE;
    this.#used = end + 1;
    this.#done = close + 1;
  }

  /** Copies what was not yet, up to `to`, and makes room for `more` bytes. */
  #copy(to: number, more: number): void {
    const source = this.#source;
    let o = this.#used;
    const from = this.#done;
    const length = to - from;
    if (o + length + more > this.#out.length) this.#grow(o + length + more);
    if (length < SHORT_RUN) {
      const view = (this.#sourceView ??= new DataView(source.buffer, source.byteOffset, source.length));
      const into = this.#outView;
      let i = from;
      for (; i + 4 <= to; i += 4, o += 4) into.setInt32(o, view.getInt32(i, true), true);
      for (; i < to; i++) this.#out[o++] = source[i]!;
    } else {
      source.copy(this.#out, o, from, to);
      o += length;
    }
    this.#used = o;
    this.#done = to;
  }

  #grow(least: number): void {
    const source = this.#source.length;
    const grown = Buffer.allocUnsafe(Math.max(least, this.#out.length * 2, source + (source >> 2) + 64));
    this.#out.copy(grown, 0, 0, this.#used);
    this.#out = grown;
    this.#outView = new DataView(grown.buffer, grown.byteOffset, grown.length);
  }
}
