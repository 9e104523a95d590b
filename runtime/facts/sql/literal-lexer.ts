/** A literal of the text: byte offsets. */
export interface LexedLiteral {
  readonly start: number;
  readonly end: number;
  readonly kind: "string" | "number";
}

const QUOTE = 0x27;
const DOUBLE = 0x22;
const BACKSLASH = 0x5c;
const DOLLAR = 0x24;

const isDigit = (byte: number): boolean => byte >= 0x30 && byte <= 0x39;
const isWordStart = (byte: number): boolean =>
  (byte >= 0x41 && byte <= 0x5a) || (byte >= 0x61 && byte <= 0x7a) || byte === 0x5f || byte >= 0x80;
const isWord = (byte: number): boolean => isWordStart(byte) || isDigit(byte) || byte === DOLLAR;

/**
 * Every literal of a text, as PostgreSQL's scanner sees them with standard_conforming_strings on. Null when the text can't be
 * followed to its end (something is left open). Source: PostgreSQL manual, "Lexical Structure".
 */
export function lexLiterals(bytes: Uint8Array): readonly LexedLiteral[] | null {
  const found: LexedLiteral[] = [];
  const length = bytes.length;
  let at = 0;
  while (at < length) {
    const byte = bytes[at]!;
    if (byte === 0x2d && bytes[at + 1] === 0x2d) {
      while (at < length && bytes[at] !== 0x0a && bytes[at] !== 0x0d) at++;
    } else if (byte === 0x2f && bytes[at + 1] === 0x2a) {
      const end = skipComment(bytes, at);
      if (end < 0) return null;
      at = end;
    } else if (byte === DOUBLE) {
      const end = skipQuoted(bytes, at, DOUBLE, false);
      if (end < 0) return null;
      at = end;
    } else if (byte === QUOTE) {
      const end = skipQuoted(bytes, at, QUOTE, false);
      if (end < 0) return null;
      found.push({ start: at, end, kind: "string" });
      at = end;
    } else if (byte === DOLLAR && !isDigit(bytes[at + 1] ?? 0)) {
      const end = skipDollar(bytes, at);
      if (end === -1) return null;
      if (end > at + 1) found.push({ start: at, end, kind: "string" });
      at = end;
    } else if (byte === DOLLAR) {
      at++;
      while (at < length && isDigit(bytes[at]!)) at++;
    } else if (isDigit(byte) || (byte === 0x2e && isDigit(bytes[at + 1] ?? 0))) {
      const end = skipNumber(bytes, at);
      found.push({ start: at, end, kind: "number" });
      at = end;
    } else if (isWordStart(byte)) {
      const start = at;
      while (at < length && isWord(bytes[at]!)) at++;
      // E'…', B'…', X'…', N'…' and U&'…' are one literal with their prefix.
      const one = at - start === 1 ? bytes[start]! | 0x20 : 0;
      const prefixed = bytes[at] === QUOTE && (one === 0x65 || one === 0x62 || one === 0x78 || one === 0x6e);
      const unicode = one === 0x75 && bytes[at] === 0x26 && (bytes[at + 1] === QUOTE || bytes[at + 1] === DOUBLE);
      if (prefixed || unicode) {
        const open = unicode ? at + 1 : at;
        const mark = bytes[open]!;
        const end = skipQuoted(bytes, open, mark, one === 0x65);
        if (end < 0) return null;
        if (mark === QUOTE) found.push({ start, end, kind: "string" });
        at = end;
      }
    } else at++;
  }
  return found;
}

function skipComment(bytes: Uint8Array, start: number): number {
  let depth = 0;
  for (let at = start; at < bytes.length; at++) {
    if (bytes[at] === 0x2f && bytes[at + 1] === 0x2a) {
      depth++;
      at++;
    } else if (bytes[at] === 0x2a && bytes[at + 1] === 0x2f) {
      depth--;
      at++;
      if (depth === 0) return at + 1;
    }
  }
  return -1;
}

/** Behind the closing quote; a doubled quote stands for itself, and strings parted by a line break are one. */
function skipQuoted(bytes: Uint8Array, start: number, quote: number, escapes: boolean): number {
  let at = start + 1;
  while (at < bytes.length) {
    const byte = bytes[at]!;
    if (escapes && byte === BACKSLASH) at += 2;
    else if (byte === quote) {
      if (bytes[at + 1] === quote) at += 2;
      else {
        const next = quote === QUOTE ? continued(bytes, at + 1) : -1;
        if (next < 0) return at + 1;
        at = next + 1;
      }
    } else at++;
  }
  return -1;
}

/** Where a string goes on after white space with a line break in it, or -1. */
function continued(bytes: Uint8Array, start: number): number {
  let newline = false;
  for (let at = start; at < bytes.length; at++) {
    const byte = bytes[at]!;
    if (byte === 0x0a || byte === 0x0d) newline = true;
    else if (byte === QUOTE) return newline ? at : -1;
    else if (byte !== 0x20 && byte !== 0x09 && byte !== 0x0b && byte !== 0x0c) return -1;
  }
  return -1;
}

/** `$tag$ … $tag$`; one past the dollar when it opens nothing; -1 when it is left open. */
function skipDollar(bytes: Uint8Array, start: number): number {
  let at = start + 1;
  while (at < bytes.length && bytes[at] !== DOLLAR && isWord(bytes[at]!)) at++;
  if (bytes[at] !== DOLLAR) return start + 1;
  const tag = bytes.subarray(start, at + 1);
  const close = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length).indexOf(tag, at + 1);
  return close < 0 ? -1 : close + tag.length;
}

function skipNumber(bytes: Uint8Array, start: number): number {
  let at = start;
  const hex = bytes[at] === 0x30 && /[xob]/i.test(String.fromCharCode(bytes[at + 1] ?? 0));
  if (hex) at += 2;
  while (at < bytes.length) {
    const byte = bytes[at]!;
    const sign = (byte === 0x2b || byte === 0x2d) && !hex && (bytes[at - 1]! | 0x20) === 0x65;
    if (!isDigit(byte) && byte !== 0x2e && byte !== 0x5f && !isWordStart(byte) && !sign) break;
    at++;
  }
  return at;
}
