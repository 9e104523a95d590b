import { createHmac } from "node:crypto";
import { Ff1 } from "./ff1.ts";

const CARD_DIGITS_MIN = 12;
const CARD_DIGITS_MAX = 19;
/** Encrypting again until the result fits can't take long: more than every tenth result does. */
const WALK_MAX = 10_000;

/** A key of its own for each use of the gateway's secret. */
const derived = (secret: Uint8Array, use: string): Buffer =>
  createHmac("sha256", secret).update(`sallyport mask ${use}`).digest();

/**
 * Values to others of the same form: digits to digits, letters to letters of the same case, everything else as it is. Equal
 * values become equal ones, and different ones different.
 */
export class FormatPreserving {
  readonly #digits: Ff1;
  readonly #letters: Ff1;

  constructor(secret: Uint8Array) {
    this.#digits = new Ff1(derived(secret, "ff1 digits"), 10);
    this.#letters = new Ff1(derived(secret, "ff1 letters"), 26);
  }

  /**
   * A text with its digits and letters replaced. What is too short to be encrypted becomes stars; null when that is all.
   * A number with a valid Luhn digit stays one.
   */
  text(value: string): string | null {
    const digits: number[] = [];
    const letters: number[] = [];
    for (let i = 0; i < value.length; i++) {
      const code = value.charCodeAt(i);
      if (isDigit(code)) digits.push(code - 0x30);
      else if (isLetter(code)) letters.push((code | 0x20) - 0x61);
      // Of another alphabet: it can't be replaced, so it may not stay.
      else if (code >= 0x80) return null;
    }
    const newDigits = this.#digitsOf(digits);
    const newLetters = this.#letters.takes(letters.length) ? this.#letters.encrypt(letters) : null;
    if (newDigits === null && newLetters === null) return null;
    let out = "";
    let digit = 0;
    let letter = 0;
    for (let i = 0; i < value.length; i++) {
      const code = value.charCodeAt(i);
      if (isDigit(code)) out += newDigits === null ? "*" : String(newDigits[digit++]);
      else if (isLetter(code)) {
        out += newLetters === null ? "*" : String.fromCharCode((code & 0x20) + 0x41 + newLetters[letter++]!);
      } else out += value[i]!;
    }
    return out;
  }

  #digitsOf(digits: readonly number[]): readonly number[] | null {
    const card =
      digits.length >= CARD_DIGITS_MIN && digits.length <= CARD_DIGITS_MAX && luhnDigit(digits, 1) === digits.at(-1);
    const body = card ? digits.slice(0, -1) : digits;
    if (!this.#digits.takes(body.length)) return null;
    const encrypted = this.#digits.encrypt(body);
    return card ? [...encrypted, luhnDigit([...encrypted, 0], 1)] : encrypted;
  }

  /** A whole number to another one with as many digits, in `[-max - 1, max]`; null when it has too few digits. */
  integer(value: string, max: bigint): string | null {
    const match = /^(-?)([1-9]\d*)$/.exec(value);
    if (match === null || !this.#digits.takes(match[2]!.length)) return null;
    let digits: readonly number[] = [...match[2]!].map(Number);
    for (let walk = 0; walk < WALK_MAX; walk++) {
      digits = this.#digits.encrypt(digits);
      if (digits[0] !== 0 && BigInt(digits.join("")) <= max) return match[1]! + digits.join("");
    }
    return null;
  }
}

const isDigit = (code: number): boolean => code >= 0x30 && code <= 0x39;
const isLetter = (code: number): boolean => (code >= 0x41 && code <= 0x5a) || (code >= 0x61 && code <= 0x7a);

/** The check digit for all digits but the last `skip`. */
function luhnDigit(digits: readonly number[], skip: number): number {
  let sum = 0;
  for (let i = digits.length - 1 - skip, double = true; i >= 0; i--, double = !double) {
    const digit = digits[i]!;
    sum += !double ? digit : digit < 5 ? digit * 2 : digit * 2 - 9;
  }
  return (10 - (sum % 10)) % 10;
}
