import { EMAIL_DOMAIN_BYTES_MAX, EMAIL_LOCAL_BYTES_MAX } from "../limits.ts";
import {
  HIGH,
  KIND,
  LETTER,
  MORE,
  NO,
  WORD,
  YES,
  alphabet,
  isDigit,
  isWord,
  type Candidate,
  type Verdict,
} from "./candidate.ts";

/** What an unquoted name part is made of. Source: RFC 5322 section 3.2.3 (atext and dots), and UTF-8 as RFC 6531 allows. */
export const LOCAL = alphabet("0-9A-Za-z.!#$%&'*+/=?^_`{|}~-");
for (let byte = 0x80; byte < 256; byte++) LOCAL[byte] = 1;
const DOT = 0x2e;
const HYPHEN = 0x2d;
const TOP_LABEL_MIN = 2;

/** An address whose `@` is the byte before `at`. */
export function verifyEmail(bytes: Uint8Array, start: number, at: number, end: number, out: Candidate): Verdict {
  const sign = at - 1;
  let from = sign;
  const earliest = Math.max(start, sign - EMAIL_LOCAL_BYTES_MAX);
  while (from > earliest && LOCAL[bytes[from - 1]!] === 1) from--;
  // A sentence's own signs may touch it; quotes and brackets of many texts are letters here by the RFC.
  while (from < sign && (KIND[bytes[from]!]! & (WORD | HIGH)) === 0 && bytes[from] !== 0x5f) from++;
  if (from === sign) return NO;
  out.from = from;
  let i = at;
  let dots = 0;
  let label = at;
  /** Where the longest domain that is whole ends. */
  let whole = -1;
  const stop = Math.min(end, at + EMAIL_DOMAIN_BYTES_MAX);
  for (; i < stop; i++) {
    const byte = bytes[i]!;
    if ((KIND[byte]! & (WORD | HIGH)) !== 0) continue;
    if (byte === HYPHEN && i > label) continue;
    if (byte !== DOT || i === label) break;
    if (dots > 0 && isTop(bytes, label, i)) whole = i;
    dots++;
    label = i + 1;
  }
  if (i >= end && !out.final && i - at < EMAIL_DOMAIN_BYTES_MAX) return MORE;
  let last = i;
  while (last > label && bytes[last - 1] === HYPHEN) last--;
  if (dots > 0 && isTop(bytes, label, last)) whole = last;
  if (whole < 0) return NO;
  out.to = whole;
  return YES;
}

/** The last label is at least two letters long and no number. */
function isTop(bytes: Uint8Array, from: number, to: number): boolean {
  if (to - from < TOP_LABEL_MIN) return false;
  return (KIND[bytes[from]!]! & (LETTER | HIGH)) !== 0;
}

const PHONE_DIGITS_MIN = 8;
const PHONE_DIGITS_MAX = 15;
const PHONE_SEPARATORS = alphabet(" ./()-");

/** A number in international form whose `+` is two bytes before `at`. Source: ITU-T E.164. */
export function verifyPhone(bytes: Uint8Array, start: number, at: number, end: number, out: Candidate): Verdict {
  const from = at - 2;
  if (from > start && isWord(bytes[from - 1])) return NO;
  if (bytes[from + 1] === 0x30) return NO;
  let digits = 0;
  let to = from + 1;
  let separators = 0;
  let i = from + 1;
  for (; i < end; i++) {
    const byte = bytes[i]!;
    if (isDigit(byte)) {
      digits++;
      separators = 0;
      to = i + 1;
      if (digits > PHONE_DIGITS_MAX) return NO;
    } else if (PHONE_SEPARATORS[byte] !== 1 || ++separators > 2) break;
  }
  out.from = from;
  if (i >= end && !out.final) return MORE;
  if (digits < PHONE_DIGITS_MIN || (isWord(bytes[to]) && to < end)) return NO;
  out.to = to;
  return YES;
}
