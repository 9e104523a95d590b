/** What looking closer at a trigger comes to. */
export const NO = 0;
export const YES = 1;
/** Only what follows the bytes at hand can tell; never answered when they are all there is. */
export const MORE = 2;
export type Verdict = typeof NO | typeof YES | typeof MORE;

/** Where a verifier puts what it found: `[from, to)`. For MORE `from` is where the match would begin. */
export interface Candidate {
  from: number;
  to: number;
  /** Nothing follows the bytes at hand. */
  final: boolean;
  /** What a match that ends where the bytes end could have gone on with; null when it is whole. */
  tail: Uint8Array | null;
}

/**
 * Looks closer at a trigger whose last byte is at `at`. Reads `bytes[start, end)` only, a bounded way back and forth.
 */
export type Verify = (bytes: Uint8Array, start: number, at: number, end: number, out: Candidate) => Verdict;

/** What a byte is, for the boundaries of words and numbers. */
export const DIGIT = 1;
export const UPPER = 2;
export const LOWER = 4;
export const HIGH = 8;
export const LETTER = UPPER | LOWER;
export const WORD = DIGIT | LETTER;
export const KIND = Uint8Array.from({ length: 256 }, (_, byte) => {
  if (byte >= 0x30 && byte <= 0x39) return DIGIT;
  if (byte >= 0x41 && byte <= 0x5a) return UPPER;
  if (byte >= 0x61 && byte <= 0x7a) return LOWER;
  return byte >= 0x80 ? HIGH : 0;
});

export const isDigit = (byte: number | undefined): boolean => byte !== undefined && byte >= 0x30 && byte <= 0x39;
export const isWord = (byte: number | undefined): boolean => byte !== undefined && (KIND[byte]! & WORD) !== 0;

/** Bytes of an alphabet as a table. */
export function alphabet(text: string): Uint8Array {
  const table = new Uint8Array(256);
  for (let i = 0; i < text.length; i++) {
    const from = text.charCodeAt(i);
    const ranged = text[i + 1] === "-" && i + 2 < text.length;
    const to = ranged ? text.charCodeAt(i + 2) : from;
    for (let byte = from; byte <= to; byte++) table[byte] = 1;
    if (ranged) i += 2;
  }
  return table;
}
