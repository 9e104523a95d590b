import fc from "fast-check";
import { expect, it } from "vitest";
import { saslPrep } from "./saslprep.ts";

const prepared = (text: string): string => Buffer.from(saslPrep(Buffer.from(text, "utf8"))).toString("utf8");

// The first six are the examples of RFC 4013, section 3; the rest is what PostgreSQL does where the profile gives an error.
const cases: readonly (readonly [title: string, given: string, expected: string])[] = [
  ["soft hyphen is mapped to nothing", "I\u00adX", "IX"],
  ["ASCII is left alone", "user", "user"],
  ["case is kept", "USER", "USER"],
  ["compatibility forms are folded", "\u00aa", "a"],
  ["roman numeral nine", "\u2168", "IX"],
  ["mixed directions: raw", "\u06271", "\u06271"],
  ["control characters in ASCII: raw", "a\u0007", "a\u0007"],
  ["a prohibited control character: raw", "\u2168\u0085", "\u2168\u0085"],
  ["other spaces become the space", "a\u00a0\u3000b", "a  b"],
  ["nothing left: raw", "\u00ad", "\u00ad"],
  ["unassigned in Unicode 3.2: raw", "\u2168\u{1f600}", "\u2168\u{1f600}"],
  ["unassigned then, folded to an assigned one now: raw", "\ufa70", "\ufa70"],
  ["right to left is looked at before the normal form", "\ufb1d", "\u05d9\u05b4"],
  ["right to left", "\u0627\u0031\u0628", "\u0627\u0031\u0628"],
];
it.each(cases)("%s", (_title, given, expected) => expect(prepared(given)).toBe(expected));

it("leaves bytes that are not UTF-8 alone", () => {
  const bytes = Buffer.from([0x61, 0xff, 0xe2, 0x85]);
  expect(Buffer.from(saslPrep(bytes))).toEqual(bytes);
});

it("is stable once applied, and never throws", () => {
  fc.assert(
    fc.property(fc.string({ unit: "binary" }), (text) => {
      const once = prepared(text);
      expect(prepared(once)).toBe(once);
    }),
  );
});
