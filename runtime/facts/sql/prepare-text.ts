/** Bytes that may stand in a word. */
const isWord = (byte: number): boolean =>
  (byte >= 0x61 && byte <= 0x7a) ||
  (byte >= 0x41 && byte <= 0x5a) ||
  (byte >= 0x30 && byte <= 0x39) ||
  byte === 0x5f ||
  byte === 0x24 ||
  byte >= 0x80;

/**
 * The statement inside of `PREPARE name [ ( type, … ) ] AS statement`, found behind the first bare AS outside of brackets:
 * AS is reserved, so neither the name nor a type can be that word. Null when there is none.
 */
export function preparedText(bytes: Uint8Array, start: number, end: number): Uint8Array | null {
  let depth = 0;
  let at = start;
  while (at < end) {
    const byte = bytes[at]!;
    if (byte === 0x2d && bytes[at + 1] === 0x2d) {
      while (at < end && bytes[at] !== 0x0a && bytes[at] !== 0x0d) at++;
    } else if (byte === 0x2f && bytes[at + 1] === 0x2a) {
      at = behindComment(bytes, at, end);
    } else if (byte === 0x22) {
      at++;
      while (at < end && bytes[at] !== 0x22) at++;
      at++;
    } else if (isWord(byte)) {
      const from = at;
      while (at < end && isWord(bytes[at]!)) at++;
      const isAs = at - from === 2 && (bytes[from]! | 0x20) === 0x61 && (bytes[from + 1]! | 0x20) === 0x73;
      if (isAs && depth === 0) return bytes.slice(at, end);
    } else {
      if (byte === 0x28) depth++;
      if (byte === 0x29) depth--;
      at++;
    }
  }
  return null;
}

function behindComment(bytes: Uint8Array, start: number, end: number): number {
  let depth = 0;
  let at = start;
  while (at < end) {
    if (bytes[at] === 0x2f && bytes[at + 1] === 0x2a) depth++;
    else if (bytes[at] === 0x2a && bytes[at + 1] === 0x2f) depth--;
    else {
      at++;
      continue;
    }
    at += 2;
    if (depth === 0) break;
  }
  return at;
}
