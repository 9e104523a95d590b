/** Check digits over decimal digits, given as numbers 0 to 9. */

/** Source: ISO/IEC 7812-1 annex B. */
export function luhn(digits: ArrayLike<number>, count: number = digits.length): boolean {
  let sum = 0;
  for (let i = 0; i < count; i++) {
    const digit = digits[count - 1 - i]!;
    sum += (i & 1) === 0 ? digit : digit < 5 ? digit * 2 : digit * 2 - 9;
  }
  return count > 1 && sum % 10 === 0;
}

/** Remainder by 97 of a text of digits and letters (A is 10 … Z is 35). Source: ISO 7064. */
export function mod97(text: string): number {
  let rest = 0;
  for (let i = 0; i < text.length; i++) {
    const code = text.charCodeAt(i);
    const value = code < 0x3a ? code - 0x30 : (code & ~0x20) - 0x37;
    rest = (value > 9 ? rest * 100 + value : rest * 10 + value) % 97;
  }
  return rest;
}

const DAYS = [31, 29, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31];
/** Whether a month has such a day in some year. */
export const isDay = (month: number, day: number): boolean =>
  month >= 1 && month <= 12 && day >= 1 && day <= DAYS[month - 1]!;
