import canonicalize from "canonicalize";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { canonicalJson, parseCanonical, type CanonicalValue } from "./canonical.ts";

const utf8 = (text: string): Uint8Array => new TextEncoder().encode(text);

describe("canonical JSON", () => {
  it("is what the reference implementation of RFC 8785 writes", () => {
    fc.assert(
      fc.property(fc.jsonValue({ stringUnit: "grapheme" }), (value) => {
        expect(canonicalJson(value as CanonicalValue)).toBe(canonicalize(value));
      }),
    );
  });

  it("comes back as it was, and any other way to write it is refused", () => {
    fc.assert(
      fc.property(fc.jsonValue(), (value) => {
        const text = canonicalJson(value as CanonicalValue);
        expect(canonicalJson(parseCanonical(utf8(text))!)).toBe(text);
        const spaced = JSON.stringify(JSON.parse(text), null, 1);
        expect(parseCanonical(utf8(spaced)) === undefined).toBe(spaced !== text);
      }),
    );
  });

  it.each<readonly [why: string, text: string]>([
    ["keys out of order", '{"b":1,"a":2}'],
    ["a key twice", '{"a":1,"a":1}'],
    ["a space", '{"a": 1}'],
    ["a number written longer", "1.0"],
    ["an exponent written out", "1e2"],
    ["minus zero", "-0"],
    ["an escape that is not needed", '"\\u0061"'],
    ["upper case in an escape", '"\\u001F"'],
    ["a lone surrogate", '"\\ud800"'],
    ["more than one value", "1 2"],
    ["nothing", ""],
  ])("refuses %s", (_, text) => {
    expect(parseCanonical(utf8(text))).toBeUndefined();
  });

  it("refuses bytes that are not UTF-8", () => {
    expect(parseCanonical(new Uint8Array([0x22, 0xff, 0x22]))).toBeUndefined();
  });

  it("leaves out what is undefined, orders keys by UTF-16 units, and has no form for NaN", () => {
    expect(canonicalJson({ b: undefined, "\u{1f600}": 1, "\ufb33": 2 })).toBe('{"\u{1f600}":1,"\ufb33":2}');
    expect(() => canonicalJson(Number.NaN)).toThrow(TypeError);
    expect(() => canonicalJson([Number.POSITIVE_INFINITY])).toThrow(TypeError);
  });
});
