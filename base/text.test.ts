import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { editDistance, listing, nearest, plural } from "./text.ts";

/** The recurrence as it is written in textbooks: slow and plainly right. */
function slowDistance(a: string, b: string): number {
  if (a === "" || b === "") return a.length + b.length;
  const change = slowDistance(a.slice(1), b.slice(1)) + (a[0] === b[0] ? 0 : 1);
  const swaps = a.length > 1 && a[0] === b[1] && a[1] === b[0];
  const swap = swaps ? slowDistance(a.slice(2), b.slice(2)) + 1 : Number.POSITIVE_INFINITY;
  return Math.min(change, swap, slowDistance(a.slice(1), b) + 1, slowDistance(a, b.slice(1)) + 1);
}

describe("edit distance", () => {
  it("counts swapped neighbours once, and is one more than the limit past it", () => {
    const word = fc.string({ maxLength: 5, unit: fc.constantFrom("a", "b", "c") });
    fc.assert(
      fc.property(word, word, fc.nat(6), (a, b, limit) => {
        expect(editDistance(a, b, limit)).toBe(Math.min(slowDistance(a, b), limit + 1));
      }),
    );
  });
});

describe("what was probably meant", () => {
  it.each<readonly [word: string, candidates: readonly string[], found: string | undefined]>([
    ["statment", ["statement", "target", "user"], "statement"],
    ["USER", ["user"], "user"],
    ["wehn", ["when", "unless"], "when"],
    ["wnhe", ["when", "unless"], undefined],
    ["whan", ["when", "unless"], "when"],
    ["xyz", ["statement", "target"], undefined],
    ["a", [], undefined],
  ])("%s", (word, candidates, found) => {
    expect(nearest(word, candidates)).toBe(found);
  });
});

describe("words", () => {
  it.each([
    [plural(0, "row"), "0 rows"],
    [plural(1, "row"), "1 row"],
    [plural(2, "entry", "entries"), "2 entries"],
    [listing([]), ""],
    [listing(["a"]), "a"],
    [listing(["a", "b"]), "a or b"],
    [listing(["a", "b", "c"], "and"), "a, b and c"],
  ])("%s", (made, wanted) => {
    expect(made).toBe(wanted);
  });
});
