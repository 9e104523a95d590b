import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { FF1_LENGTH_MAX, Ff1 } from "./ff1.ts";

const DIGITS = "0123456789abcdefghijklmnopqrstuvwxyz";
const AES128 = "2b7e151628aed2a6abf7158809cf4f3c";
const AES192 = `${AES128}ef4359d8d580aa4f`;
const AES256 = `${AES192}7f036d6f04fc6a94`;

const numeralsOf = (text: string): number[] => [...text].map((digit) => DIGITS.indexOf(digit));
const textOf = (numerals: readonly number[]): string => numerals.map((numeral) => DIGITS[numeral]).join("");

/** Source: NIST, FF1samples.pdf, the examples that belong to SP 800-38G, samples 1 to 9. */
const SAMPLES = [
  [AES128, 10, "", "0123456789", "2433477484"],
  [AES128, 10, "39383736353433323130", "0123456789", "6124200773"],
  [AES128, 36, "3737373770717273373737", "0123456789abcdefghi", "a9tv40mll9kdu509eum"],
  [AES192, 10, "", "0123456789", "2830668132"],
  [AES192, 10, "39383736353433323130", "0123456789", "2496655549"],
  [AES192, 36, "3737373770717273373737", "0123456789abcdefghi", "xbj3kv35jrawxv32ysr"],
  [AES256, 10, "", "0123456789", "6657667009"],
  [AES256, 10, "39383736353433323130", "0123456789", "1001623463"],
  [AES256, 36, "3737373770717273373737", "0123456789abcdefghi", "xs8a0azh2avyalyzuwd"],
] as const;

describe("FF1", () => {
  it.each(SAMPLES)("key %s, radix %i, tweak '%s': %s", (key, radix, tweak, plain, cipher) => {
    const ff1 = new Ff1(Buffer.from(key, "hex"), radix, Buffer.from(tweak, "hex"));
    expect(textOf(ff1.encrypt(numeralsOf(plain)))).toBe(cipher);
    expect(textOf(ff1.decrypt(numeralsOf(cipher)))).toBe(plain);
  });

  // Above 77 decimal digits the round's number is longer than one cipher block, which the samples don't reach.
  it("decrypts what it encrypted, whatever key, radix, tweak and length", () => {
    const inputs = fc
      .record({
        key: fc.constantFrom(16, 24, 32).chain((size) => fc.uint8Array({ minLength: size, maxLength: size })),
        tweak: fc.uint8Array({ maxLength: 40 }),
        radix: fc.integer({ min: 2, max: 36 }),
        length: fc.integer({ min: 20, max: 200 }),
      })
      .chain(({ key, tweak, radix, length }) =>
        fc
          .array(fc.integer({ min: 0, max: radix - 1 }), { minLength: length, maxLength: length })
          .map((plain) => ({ ff1: new Ff1(key, radix, tweak), radix, plain })),
      );
    fc.assert(
      fc.property(inputs, ({ ff1, radix, plain }) => {
        const cipher = ff1.encrypt(plain);
        expect(cipher).toHaveLength(plain.length);
        expect(cipher.every((numeral) => numeral >= 0 && numeral < radix)).toBe(true);
        expect(ff1.decrypt(cipher)).toEqual(plain);
      }),
    );
  });

  it("takes no domain of fewer than a million values, and no more numerals than its limit", () => {
    const ff1 = new Ff1(Buffer.alloc(16), 10);
    expect(ff1.takes(5)).toBe(false);
    expect(ff1.takes(6)).toBe(true);
    expect(ff1.takes(FF1_LENGTH_MAX + 1)).toBe(false);
    expect(() => ff1.encrypt([1, 2, 3])).toThrow(RangeError);
  });
});
