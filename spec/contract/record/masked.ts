import { canonicalJson } from "./canonical.ts";

declare const masked: unique symbol;

/**
 * Text that went through masking. The record takes statement texts and results in this type only, so that unmasked text
 * does not compile.
 */
export type Masked = string & { readonly [masked]: true };

/** Only `runtime/enforce/mask` may call this: it answers for the text. A tidy test holds the line. */
export const maskedByPolicy = (text: string): Masked => text as Masked;

/** A part of masked text is masked. Positions as for `slice`. */
export const partOfMasked = (text: Masked, start: number, end: number): Masked => text.slice(start, end) as Masked;

export type MaskedList = readonly (Masked | null | MaskedList)[];

/** Masked texts in canonical JSON are masked. */
export const listOfMasked = (list: MaskedList): Masked => canonicalJson(list) as Masked;

/** Names of columns are no values of theirs. In canonical JSON. */
export const listOfColumns = (names: readonly string[]): Masked => canonicalJson(names) as Masked;

/** Most bytes that one UTF-16 unit takes in canonical JSON: a control character without a short escape. */
const UNIT_BYTES_MAX = 6;

/**
 * Cuts a text into pieces of at most so many bytes of canonical JSON each (quotes not counted), never inside a character.
 *
 * @returns at least one piece; joined they are the text
 */
export function splitMasked(text: Masked, bytesMax: number): readonly Masked[] {
  if (text.length * UNIT_BYTES_MAX <= bytesMax) return [text];
  const pieces: Masked[] = [];
  let start = 0;
  let bytes = 0;
  for (let at = 0; at < text.length;) {
    const point = text.codePointAt(at)!;
    const cost = jsonBytes(point);
    if (bytes + cost > bytesMax && at > start) {
      pieces.push(partOfMasked(text, start, at));
      start = at;
      bytes = 0;
    }
    bytes += cost;
    at += point > 0xffff ? 2 : 1;
  }
  pieces.push(partOfMasked(text, start, text.length));
  return pieces;
}

/** Bytes of one code point in a JSON text. A lone surrogate becomes U+FFFD, which has three. */
function jsonBytes(point: number): number {
  if (point < 0x20) return point >= 0x08 && point <= 0x0d && point !== 0x0b ? 2 : 6;
  if (point < 0x80) return point === 0x22 || point === 0x5c ? 2 : 1;
  return point < 0x800 ? 2 : point > 0xffff ? 4 : 3;
}
