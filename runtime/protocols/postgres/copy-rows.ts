import { TO_NULL, type ValueMask } from "../../enforce/mask/index.ts";
import type { CopyShape } from "../../facts/index.ts";
import { HEADER_BYTES } from "./messages.ts";
import { MALFORMED, copyRun, maskFields, rowBound, type MaskCount } from "./rows.ts";
import type { ResultMask, RowMask } from "./typed-masks.ts";

const NEWLINE = 0x0a;
const RETURN = 0x0d;
const BACKSLASH = 0x5c;

/** Signature, flags and the length of the header's extension. Source: PostgreSQL manual, "COPY", "Binary Format". */
const BINARY_SIGNATURE = Buffer.from("PGCOPY\n\xff\r\n\0", "latin1");
const BINARY_FLAGS_AND_LENGTH = 8;

/** Why a COPY can't be masked in the form it asks for, or null when it can. */
export function copyObstacle(copy: CopyShape): string | null {
  if (copy.unmodelled.length > 0) return `COPY option ${copy.unmodelled[0]!.toUpperCase()}`;
  if (copy.format === "binary") return null;
  const bytes = [copy.delimiter, ...(copy.format === "csv" ? [copy.quote, copy.escape] : [])];
  if (bytes.some((text) => text.length !== 1 || text.charCodeAt(0) > 126))
    return "a COPY delimiter, quote or escape that is not one ASCII character";
  if (copy.format === "csv" && copy.quote === copy.delimiter) return "a COPY quote equal to the delimiter";
  return null;
}

/**
 * Whether what values hold can be seen in the bytes of a line: the signs that may be escaped or doubled in it are none that a
 * detector looks for.
 */
const showsBytes = (shape: CopyShape): boolean =>
  shape.format === "binary" ||
  (["\t", ",", ";", "|"].includes(shape.delimiter) &&
    (shape.format === "text" || (shape.quote === '"' && ['"', "\\"].includes(shape.escape))));

/**
 * Masks the rows of COPY TO STDOUT. PostgreSQL sends one row a message; a message that does not hold exactly one is
 * malformed to us, and the copy is cut off.
 */
export class CopyMasker {
  readonly #shape: CopyShape;
  readonly #masks: RowMask;
  readonly #scanner: ResultMask["scanner"];
  readonly #delimiter: number;
  readonly #quote: number;
  readonly #escape: number;
  readonly #null: Buffer;
  /** 1 for each byte that stands in a line of text as it is in the value, and ends none. */
  readonly #plainBytes = new Uint8Array(256).fill(1);
  /** The last column that is masked: behind it nothing of a row is looked at but its end. */
  readonly #lastMasked: number;
  #headerDue: boolean;
  #signatureDue: boolean;
  #scratch = Buffer.allocUnsafe(4096);
  #masked = Buffer.allocUnsafe(4096);

  constructor(shape: CopyShape, { masks, always, scanner }: ResultMask) {
    this.#shape = shape;
    this.#masks = masks;
    this.#scanner = always || !showsBytes(shape) ? null : scanner;
    this.#delimiter = shape.delimiter.charCodeAt(0);
    this.#quote = shape.quote.charCodeAt(0);
    this.#escape = shape.escape.charCodeAt(0);
    this.#null = Buffer.from(shape.nullText, "utf8");
    for (const byte of [BACKSLASH, this.#delimiter, 8, 9, 10, 11, 12, 13]) this.#plainBytes[byte] = 0;
    this.#lastMasked = masks.findLastIndex((mask) => mask !== null);
    this.#headerDue = shape.header && shape.format !== "binary";
    this.#signatureDue = shape.format === "binary";
  }

  /** Whether a message can pass as it is: nothing in its bytes can be what is looked for. */
  passes(source: Buffer, start: number, end: number): boolean {
    return (
      this.#scanner !== null &&
      !this.#headerDue &&
      !this.#signatureDue &&
      !this.#scanner.mayMatch(source, start + HEADER_BYTES, end)
    );
  }

  /** Most bytes that a message of `bytes` can become: quoting and escaping at most double what masks put out. */
  bound(bytes: number): number {
    return 2 * (rowBound(bytes, this.#masks) + this.#masks.length * (this.#null.length + 2)) + HEADER_BYTES + 2;
  }

  /** One CopyData message, with its header, into `out`; answers the place after it, or MALFORMED. */
  mask(source: Buffer, start: number, end: number, out: Buffer, at: number, count: MaskCount): number {
    if (this.#headerDue) {
      this.#headerDue = false;
      return copyRun(source, start, end, out, at);
    }
    out[at] = source[start]!;
    const body = start + HEADER_BYTES;
    const after =
      this.#shape.format === "text"
        ? this.#text(source, body, end, out, at + HEADER_BYTES, count)
        : this.#shape.format === "csv"
          ? this.#csv(source, body, end, out, at + HEADER_BYTES, count)
          : this.#binary(source, body, end, out, at + HEADER_BYTES, count);
    if (after === MALFORMED) return MALFORMED;
    out.writeInt32BE(after - at - 1, at + 1);
    return after;
  }

  #room(bytes: number): void {
    if (this.#scratch.length < bytes) this.#scratch = Buffer.allocUnsafe(bytes * 2);
  }

  #maskInto(mask: ValueMask, source: Buffer, start: number, end: number): number {
    const need = mask.bound(end - start);
    if (this.#masked.length < need) this.#masked = Buffer.allocUnsafe(need * 2);
    return mask.write(source, start, end, this.#masked, 0);
  }

  #text(source: Buffer, start: number, end: number, out: Buffer, at: number, count: MaskCount): number {
    const masks = this.#masks;
    const delimiter = this.#delimiter;
    const plain = this.#plainBytes;
    let field = 0;
    let from = start;
    let run = start;
    let escaped = false;
    for (let i = start; ; i++) {
      while (i < end && plain[source[i]!] === 1) i++;
      if (i >= end) break;
      const byte = source[i]!;
      if (byte === BACKSLASH) {
        escaped = true;
        i++;
        continue;
      }
      const last = byte === NEWLINE;
      if (!last && byte !== delimiter) continue;
      if (field >= masks.length) return MALFORMED;
      const mask = masks[field];
      if (mask !== null && mask !== undefined && (mask.hidesNull === true || !this.#isNull(source, from, i))) {
        const length = this.#plainText(source, from, i, escaped);
        if (mask.touches === undefined || mask.touches(this.#plain, this.#plainAt, this.#plainAt + length)) {
          at = copyRun(source, run, from, out, at);
          at = this.#textField(mask, length, out, at);
          count.replaced++;
          run = i;
        }
      }
      if (field === this.#lastMasked && !last && field < masks.length - 1) {
        // Newlines inside of values are escaped: the one that is there ends the row, and nothing may follow it.
        return source.indexOf(NEWLINE, i) === end - 1 ? copyRun(source, run, end, out, at) : MALFORMED;
      }
      field++;
      from = i + 1;
      escaped = false;
      if (last && i !== end - 1) return MALFORMED;
    }
    if (from !== end || field !== masks.length) return MALFORMED;
    return copyRun(source, run, end, out, at);
  }

  #isNull(source: Buffer, from: number, to: number): boolean {
    const text = this.#null;
    if (to - from !== text.length) return false;
    for (let i = 0; i < text.length; i++) if (source[from + i] !== text[i]) return false;
    return true;
  }

  /** The field without its escapes: in `#plain` from `#plainAt` on. Answers its length. */
  #plainText(source: Buffer, from: number, to: number, escaped: boolean): number {
    if (!escaped) {
      this.#plain = source;
      this.#plainAt = from;
      return to - from;
    }
    this.#room(to - from);
    this.#plain = this.#scratch;
    this.#plainAt = 0;
    return unescapeText(source, from, to, this.#scratch);
  }

  #plain: Buffer = this.#scratch;
  #plainAt = 0;

  #textField(mask: ValueMask, plainBytes: number, out: Buffer, at: number): number {
    const end = mask.write(this.#plain, this.#plainAt, this.#plainAt + plainBytes, out, at);
    if (end === TO_NULL) return copyRun(this.#null, 0, this.#null.length, out, at);
    for (let i = at; i < end; i++) {
      if (this.#plainBytes[out[i]!] === 1) continue;
      if (this.#masked.length < end - i) this.#masked = Buffer.allocUnsafe((end - i) * 2);
      return this.#escapeText(this.#masked, copyRun(out, i, end, this.#masked, 0), out, i);
    }
    return end;
  }

  #escapeText(masked: Buffer, length: number, out: Buffer, at: number): number {
    const delimiter = this.#delimiter;
    for (let i = 0; i < length; i++) {
      const byte = masked[i]!;
      if (byte === BACKSLASH || byte === delimiter) out[at++] = BACKSLASH;
      else if (byte >= 8 && byte <= RETURN) {
        out[at++] = BACKSLASH;
        out[at++] = ESCAPE_LETTERS.charCodeAt(byte - 8);
        continue;
      }
      out[at++] = byte;
    }
    return at;
  }

  #csv(source: Buffer, start: number, end: number, out: Buffer, at: number, count: MaskCount): number {
    let field = 0;
    let i = start;
    let run = start;
    this.#room(end - start);
    for (;;) {
      const from = i;
      let length = 0;
      let wasQuoted = false;
      let quoted = false;
      for (; i < end; i++) {
        const byte = source[i]!;
        if (quoted) {
          if (
            byte === this.#escape &&
            i + 1 < end &&
            (source[i + 1] === this.#quote || source[i + 1] === this.#escape)
          ) {
            this.#scratch[length++] = source[++i]!;
          } else if (byte === this.#quote) quoted = false;
          else this.#scratch[length++] = byte;
          continue;
        }
        if (byte === this.#quote) {
          quoted = true;
          wasQuoted = true;
        } else if (byte === this.#delimiter || byte === NEWLINE || byte === RETURN) break;
        else this.#scratch[length++] = byte;
      }
      if (i >= end || quoted || field >= this.#masks.length) return MALFORMED;
      const mask = this.#masks[field];
      const shown =
        mask === null || mask === undefined || (mask.hidesNull !== true && !wasQuoted && this.#isNull(source, from, i));
      if (!shown && (mask.touches?.(this.#scratch, 0, length) ?? true)) {
        at = copyRun(source, run, from, out, at);
        at = this.#csvField(mask, length, out, at);
        count.replaced++;
        run = i;
      }
      field++;
      if (source[i] !== this.#delimiter) break;
      i++;
    }
    if (source[i] === RETURN && source[i + 1] === NEWLINE) i++;
    if (i !== end - 1 || field !== this.#masks.length) return MALFORMED;
    return copyRun(source, run, end, out, at);
  }

  #csvField(mask: ValueMask, scratchBytes: number, out: Buffer, at: number): number {
    const length = this.#maskInto(mask, this.#scratch, 0, scratchBytes);
    if (length === TO_NULL) return copyRun(this.#null, 0, this.#null.length, out, at);
    out[at++] = this.#quote;
    for (let i = 0; i < length; i++) {
      const byte = this.#masked[i]!;
      if (byte === this.#quote || byte === this.#escape) out[at++] = this.#escape;
      out[at++] = byte;
    }
    out[at++] = this.#quote;
    return at;
  }

  #binary(source: Buffer, start: number, end: number, out: Buffer, at: number, count: MaskCount): number {
    let from = start;
    if (this.#signatureDue) {
      this.#signatureDue = false;
      const fixed = BINARY_SIGNATURE.length + BINARY_FLAGS_AND_LENGTH;
      if (
        end - from < fixed ||
        source.compare(BINARY_SIGNATURE, 0, BINARY_SIGNATURE.length, from, from + BINARY_SIGNATURE.length) !== 0
      )
        return MALFORMED;
      const flags = source.readUInt32BE(from + BINARY_SIGNATURE.length);
      const extension = source.readUInt32BE(from + BINARY_SIGNATURE.length + 4);
      if (flags !== 0 || extension !== 0) return MALFORMED;
      at = copyRun(source, from, from + fixed, out, at);
      from += fixed;
      if (from === end) return at;
    }
    if (end - from === 2 && source.readInt16BE(from) === -1) return copyRun(source, from, end, out, at);
    return maskFields(source, from, end, this.#masks, out, at, count);
  }
}

/** Bytes 8 to 13: backspace, tab, newline, vertical tab, form feed, return. */
const ESCAPE_LETTERS = "btnvfr";

function unescapeText(source: Buffer, from: number, to: number, out: Buffer): number {
  let at = 0;
  for (let i = from; i < to; i++) {
    let byte = source[i]!;
    if (byte === BACKSLASH && i + 1 < to) {
      byte = source[++i]!;
      const letter = ESCAPE_LETTERS.indexOf(String.fromCharCode(byte));
      if (letter >= 0) byte = 8 + letter;
    }
    out[at++] = byte;
  }
  return at;
}
