/** What a look for the end of a token answers when there is none: it may come with the next bytes, or can't come. */
export const CUT = -1;
export const INVALID = -2;

const BACKSLASH = 0x5c;
export const QUOTE = 0x22;
const MINUS = 0x2d;

export const NULL: Buffer = Buffer.from("null");

/** 1: white space. 2: begins or goes on with a number. */
export const CLASS = new Uint8Array(256);
for (const byte of [0x20, 0x09, 0x0a, 0x0d]) CLASS[byte] = 1;
for (const byte of Buffer.from("0123456789+-.eE")) CLASS[byte] = 2;

/** Bytes that a string takes without a further look. */
export const PLAIN = new Uint8Array(256).fill(1, 0x20);
PLAIN[QUOTE] = 0;
PLAIN[BACKSLASH] = 0;

export const isDigit = (byte: number): boolean => byte >= 0x30 && byte <= 0x39;
const isHex = (byte: number): boolean =>
  isDigit(byte) || (byte >= 0x41 && byte <= 0x46) || (byte >= 0x61 && byte <= 0x66);

export function isAscii(b: Uint8Array, from: number, to: number): boolean {
  let all = 0;
  for (let i = from; i < to; i++) all |= b[i]!;
  return all < 0x80;
}

/** Behind the escape that begins at `i`. */
export function escapeEnd(b: Buffer, i: number, end: number): number {
  if (i + 1 >= end) return CUT;
  switch (b[i + 1]) {
    case 0x22:
    case 0x5c:
    case 0x2f:
    case 0x62:
    case 0x66:
    case 0x6e:
    case 0x72:
    case 0x74:
      return i + 2;
    case 0x75:
      for (let j = i + 2; j < i + 6; j++) {
        if (j >= end) return CUT;
        if (!isHex(b[j]!)) return INVALID;
      }
      return i + 6;
    default:
      return INVALID;
  }
}

/** Behind the number that begins at `i`; `CUT` when it may go on. */
export function numberEnd(b: Buffer, i: number, end: number): number {
  let j = i;
  while (j < end && CLASS[b[j]!] === 2) j++;
  if (j >= end) return CUT;
  let at = i;
  if (b[at] === MINUS) at++;
  if (b[at] === 0x30) at++;
  else {
    const first = at;
    while (at < j && isDigit(b[at]!)) at++;
    if (at === first) return INVALID;
  }
  if (at < j && b[at] === 0x2e) {
    const first = ++at;
    while (at < j && isDigit(b[at]!)) at++;
    if (at === first) return INVALID;
  }
  if (at < j && (b[at] === 0x65 || b[at] === 0x45)) {
    at++;
    if (b[at] === 0x2b || b[at] === MINUS) at++;
    const first = at;
    while (at < j && isDigit(b[at]!)) at++;
    if (at === first) return INVALID;
  }
  return at === j ? j : INVALID;
}

/** A whole string with its quotes, read. Bytes that are no UTF-8 become U+FFFD, as they would for the reader. */
export function readString(b: Buffer, from: number, to: number): string {
  return JSON.parse(b.toString("utf8", from, to)) as string;
}
