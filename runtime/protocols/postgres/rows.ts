import { TO_NULL } from "../../enforce/mask/index.ts";
import { HEADER_BYTES } from "./messages.ts";
import type { RowMask } from "./typed-masks.ts";

/** Below this many bytes a loop beats a call of `copy`. */
const LOOP_BYTES = 64;

export function copyRun(source: Buffer, start: number, end: number, out: Buffer, at: number): number {
  if (end - start <= LOOP_BYTES) {
    for (let i = start; i < end; i++) out[at++] = source[i]!;
    return at;
  }
  source.copy(out, at, start, end);
  return at + end - start;
}

/** The row is not what its column count and lengths say. */
export const MALFORMED = -2;

/**
 * The most bytes that a masked row takes. What a mask puts out grows evenly with what it gets, and its columns share the row's
 * bytes: so the one that grows most, over all of them, is enough.
 */
export function rowBound(bytes: number, masks: RowMask): number {
  let base = 0;
  let growth = 0;
  for (const mask of masks) {
    if (mask === null) continue;
    const least = mask.bound(0);
    base += least;
    growth = Math.max(growth, mask.bound(bytes) - least);
  }
  return bytes + base + growth;
}

function writeInt32(out: Buffer, value: number, at: number): void {
  out[at] = value >>> 24;
  out[at + 1] = (value >>> 16) & 255;
  out[at + 2] = (value >>> 8) & 255;
  out[at + 3] = value & 255;
}

/** Counts what was replaced, so that the outcome can say so. */
export interface MaskCount {
  replaced: number;
}

/**
 * The fields of one row: a 16-bit count, then for each a 32-bit length (-1: NULL) and its bytes. The form is that of
 * DataRow and of a tuple of binary COPY.
 */
function maskFields(
  source: Buffer,
  start: number,
  end: number,
  masks: RowMask,
  out: Buffer,
  at: number,
  count: MaskCount,
): number {
  if (end - start < 2) return MALFORMED;
  const columns = (source[start]! << 8) | source[start + 1]!;
  if (columns !== masks.length) return MALFORMED;
  let run = start;
  let read = start + 2;
  for (let i = 0; i < columns; i++) {
    if (read + 4 > end) return MALFORMED;
    const length = (source[read]! << 24) | (source[read + 1]! << 16) | (source[read + 2]! << 8) | source[read + 3]!;
    const from = read + 4;
    if (length < -1 || length > end - from) return MALFORMED;
    const mask = masks[i];
    read = length === -1 ? from : from + length;
    if (mask === null || mask === undefined || (length === -1 && mask.hidesNull !== true)) continue;
    if (mask.touches !== undefined && !mask.touches(source, from, read)) continue;
    at = copyRun(source, run, from - 4, out, at);
    const lengthAt = at;
    const after = mask.write(source, from, read, out, at + 4);
    if (after === TO_NULL) {
      writeInt32(out, -1, lengthAt);
      at = lengthAt + 4;
    } else {
      writeInt32(out, after - lengthAt - 4, lengthAt);
      at = after;
    }
    count.replaced++;
    run = read;
  }
  if (read !== end) return MALFORMED;
  return copyRun(source, run, end, out, at);
}

/**
 * Rewrites a whole DataRow message at `source[start, end)` into `out` at `at`; answers the place after it, or MALFORMED.
 * `out` has room for `rowBound(end - start, masks)` bytes.
 */
export function maskDataRow(
  source: Buffer,
  start: number,
  end: number,
  masks: RowMask,
  out: Buffer,
  at: number,
  count: MaskCount,
): number {
  out[at] = source[start]!;
  const after = maskFields(source, start + HEADER_BYTES, end, masks, out, at + HEADER_BYTES, count);
  if (after === MALFORMED) return MALFORMED;
  writeInt32(out, after - at - 1, at + 1);
  return after;
}

export { maskFields };
