import { NO, YES, MORE, isDigit, type Candidate, type Verdict } from "./candidate.ts";

const DIGITS_MIN = 12;
const DIGITS_MAX = 19;
/** Digits of a card come in one piece or in groups, none of them shorter. */
const GROUP_MIN = 3;
/** With a separator in front of each group but the first. */
const CARD_BYTES_MAX = 25;
const HYPHEN = 0x2d;
const SPACE = 0x20;

/**
 * Whether the digits can be a card of a scheme that issues numbers of that length. Source: ISO/IEC 7812 and the schemes'
 * public ranges.
 */
function issued(first: number, count: number): boolean {
  // `first`: the first four digits.
  const two = Math.floor(first / 100);
  const three = Math.floor(first / 10);
  if (first >= 4000 && first <= 4999) return count === 13 || count === 16 || count === 19;
  if ((two >= 51 && two <= 55) || (first >= 2221 && first <= 2720)) return count === 16;
  if (two === 34 || two === 37) return count === 15;
  if ((three >= 300 && three <= 305) || two === 36 || two === 38 || two === 39 || three === 309)
    return count >= 14 && count <= 19;
  if (first === 6011 || two === 65 || (three >= 644 && three <= 649) || two === 62 || two === 60 || two === 81)
    return count >= 16;
  if (first >= 3528 && first <= 3589) return count >= 16;
  if (
    two === 50 ||
    (two >= 56 && two <= 58) ||
    two === 63 ||
    two === 67 ||
    two === 64 ||
    two === 66 ||
    two === 68 ||
    two === 61
  )
    return count >= DIGITS_MIN;
  return first >= 2200 && first <= 2204 ? count >= 16 : false;
}

/**
 * A payment card number that ends at `at`: 12 to 19 digits of a known range, Luhn, in one piece or in groups parted by one
 * space or one hyphen each. The longest one that fits is taken.
 */
export function verifyCard(bytes: Uint8Array, start: number, at: number, end: number, out: Candidate): Verdict {
  if (at + 1 >= end) {
    out.from = Math.max(start, at - CARD_BYTES_MAX);
    if (!out.final) return MORE;
  } else if (isDigit(bytes[at + 1])) return NO;
  let count = 0;
  let sum = 0;
  let group = 0;
  let separator = 0;
  let from = -1;
  for (let i = at; i >= start && count < DIGITS_MAX; i--) {
    const byte = bytes[i]!;
    if (!isDigit(byte)) {
      // The first separator that is met is the only one allowed.
      if (group < GROUP_MIN || (byte !== SPACE && byte !== HYPHEN) || (separator !== 0 && separator !== byte)) break;
      separator = byte;
      group = 0;
      continue;
    }
    const digit = byte - 0x30;
    sum += (count & 1) === 0 ? digit : digit < 5 ? digit * 2 : digit * 2 - 9;
    count++;
    group++;
    if (count < DIGITS_MIN || sum % 10 !== 0 || (i > start && isDigit(bytes[i - 1]))) continue;
    if (separator !== 0 && group < GROUP_MIN) continue;
    if (issued(firstFour(bytes, i), count)) from = i;
  }
  if (from < 0) return NO;
  out.from = from;
  out.to = at + 1;
  return separator === 0 ? YES : longer(bytes, separator, end, out);
}

/** A card in groups may go on behind groups that would be a card of their own: the longest one is taken. */
function longer(bytes: Uint8Array, separator: number, end: number, out: Candidate): Verdict {
  let digits = 0;
  let sum = 0;
  let group = 0;
  const first = firstFour(bytes, out.from);
  // From the left, digits that are doubled change places with each further one, so both sums are kept.
  let other = 0;
  for (let i = out.from; ; i++) {
    const byte = i < end ? bytes[i]! : -1;
    if (byte === -1 && !out.final) return MORE;
    if (isDigit(byte)) {
      const digit = byte - 0x30;
      const before = sum;
      sum = other + digit;
      other = before + (digit < 5 ? digit * 2 : digit * 2 - 9);
      digits++;
      group++;
      if (digits > DIGITS_MAX) return YES;
      continue;
    }
    if (group < GROUP_MIN) return YES;
    if (digits >= DIGITS_MIN && sum % 10 === 0 && issued(first, digits)) out.to = Math.max(out.to, i);
    if (byte !== separator) return YES;
    group = 0;
  }
}

function firstFour(bytes: Uint8Array, from: number): number {
  let value = 0;
  for (let i = from, taken = 0; taken < 4; i++) {
    const byte = bytes[i]!;
    if (!isDigit(byte)) continue;
    value = value * 10 + byte - 0x30;
    taken++;
  }
  return value;
}
