import { TO_NULL, type DetectPlan, type ValueMask } from "../../enforce/mask/index.ts";

const OPEN = 0x7b;
const CLOSE = 0x7d;
const COMMA = 0x2c;
const QUOTE = 0x22;
const BACKSLASH = 0x5c;
const NULL_TEXT = Uint8Array.from("NULL", (one) => one.charCodeAt(0));
const HEADER_BYTES = 12;
const DIMENSION_BYTES = 8;

/**
 * The mask of an array's elements for the array: dimensions and NULLs stay. An array that can't be read becomes NULL.
 *
 * @param scanner for detection: an array in which it finds nothing is not touched
 */
export function arrayMask(element: ValueMask, binary: boolean, scanner?: DetectPlan["scanner"]): ValueMask {
  const base = element.bound(0);
  const writer = binary ? new BinaryArray(element) : new TextArray(element);
  return {
    spec: element.spec,
    // Bounds grow evenly with the bytes; each element may be escaped, and there is one for every two bytes at most.
    bound: (bytes) => 2 * ((bytes / 2 + 1) * (base + 6) + element.bound(bytes)) + bytes,
    ...(scanner === undefined
      ? {}
      : {
          touches: (source: Uint8Array, start: number, end: number): boolean =>
            // Numbers in binary form show no digits.
            binary || scanner.mayMatch(source, start, end),
        }),
    write: (source, start, end, out, at) => writer.write(source, start, end, out, at),
  };
}

function copy(source: Uint8Array, start: number, end: number, out: Uint8Array, at: number): number {
  for (let i = start; i < end; i++) out[at++] = source[i]!;
  return at;
}

const BOUNDS = /^(?:\[-?\d+:-?\d+\])+=$/;
const latin1 = (bytes: Uint8Array, start: number, end: number): string =>
  String.fromCharCode(...bytes.subarray(start, Math.min(end, start + BOUNDS_BYTES_MAX)));
/** Longest bounds: of six dimensions. */
const BOUNDS_BYTES_MAX = 160;

/** Source: PostgreSQL manual, "Array Input and Output Syntax". */
class TextArray {
  readonly #element: ValueMask;
  #plain = Buffer.alloc(0);
  #masked = Buffer.alloc(0);

  constructor(element: ValueMask) {
    this.#element = element;
  }

  write(source: Uint8Array, start: number, end: number, out: Uint8Array, at: number): number {
    if (this.#plain.length < end - start) this.#plain = Buffer.alloc((end - start) * 2);
    let i = start;
    // Bounds that do not begin with 1 stand in front: `[0:1]={…}`.
    while (i < end && source[i] !== OPEN) i++;
    if (i > start && (i === end || !BOUNDS.test(latin1(source, start, i)))) return TO_NULL;
    at = copy(source, start, i, out, at);
    let depth = 0;
    while (i < end) {
      const byte = source[i]!;
      if (byte === OPEN || byte === CLOSE || byte === COMMA) {
        depth += byte === OPEN ? 1 : byte === CLOSE ? -1 : 0;
        out[at++] = byte;
        i++;
        if (depth === 0) break;
        continue;
      }
      const from = i;
      let length = 0;
      const quoted = byte === QUOTE;
      if (quoted) i++;
      for (; i < end; i++) {
        const one = source[i]!;
        if (one === BACKSLASH && i + 1 < end) this.#plain[length++] = source[++i]!;
        else if (quoted ? one === QUOTE : one === COMMA || one === CLOSE) break;
        else this.#plain[length++] = one;
      }
      if (i >= end) return TO_NULL;
      if (quoted) i++;
      const isNull = !quoted && length === NULL_TEXT.length && NULL_TEXT.every((one, k) => this.#plain[k] === one);
      const { touches } = this.#element;
      at =
        isNull || (touches !== undefined && !touches(this.#plain, 0, length))
          ? copy(source, from, i, out, at)
          : this.#put(length, out, at);
    }
    return depth === 0 && i === end ? at : TO_NULL;
  }

  #put(length: number, out: Uint8Array, at: number): number {
    const room = this.#element.bound(length);
    if (this.#masked.length < room) this.#masked = Buffer.alloc(room * 2);
    const after = this.#element.write(this.#plain, 0, length, this.#masked, 0);
    if (after === TO_NULL) return copy(NULL_TEXT, 0, NULL_TEXT.length, out, at);
    out[at++] = QUOTE;
    for (let i = 0; i < after; i++) {
      const byte = this.#masked[i]!;
      if (byte === QUOTE || byte === BACKSLASH) out[at++] = BACKSLASH;
      out[at++] = byte;
    }
    out[at++] = QUOTE;
    return at;
  }
}

/** Source: src/backend/utils/adt/arrayfuncs.c, array_send. */
class BinaryArray {
  readonly #element: ValueMask;

  constructor(element: ValueMask) {
    this.#element = element;
  }

  write(source: Uint8Array, start: number, end: number, out: Uint8Array, at: number): number {
    const view = new DataView(source.buffer, source.byteOffset, source.byteLength);
    const target = new DataView(out.buffer, out.byteOffset, out.byteLength);
    if (end - start < HEADER_BYTES) return TO_NULL;
    const dimensions = view.getInt32(start);
    const header = HEADER_BYTES + dimensions * DIMENSION_BYTES;
    if (dimensions < 0 || dimensions > 6 || end - start < header) return TO_NULL;
    const began = at;
    at = copy(source, start, start + header, out, at);
    let i = start + header;
    while (i < end) {
      if (end - i < 4) return TO_NULL;
      const length = view.getInt32(i);
      i += 4;
      if (length === -1) {
        target.setInt32(at, -1);
        at += 4;
        continue;
      }
      if (length < 0 || length > end - i) return TO_NULL;
      const { touches } = this.#element;
      if (touches !== undefined && !touches(source, i, i + length)) {
        at = copy(source, i - 4, i + length, out, at);
      } else {
        const after = this.#element.write(source, i, i + length, out, at + 4);
        if (after === TO_NULL) {
          target.setInt32(at, -1);
          at += 4;
          target.setInt32(began + 4, 1);
        } else {
          target.setInt32(at, after - at - 4);
          at = after;
        }
      }
      i += length;
    }
    return at;
  }
}
