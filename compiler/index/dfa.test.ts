import * as fc from "fast-check";
import { describe, expect, it } from "vitest";
import { parseRegex, regexFinds, regexIs, type RegexNode } from "../../lang/index.ts";
import { ExpressionMatcher } from "../../runtime/vm/index.ts";
import { buildDfa, type Dfa } from "./dfa.ts";

const node = (source: string, ignoreCase = false): RegexNode => {
  const found = parseRegex(source, ignoreCase);
  if (!found.ok) throw new Error(`${source}: ${found.error.why}`);
  return found.value;
};
const matcher = (dfa: Dfa): ExpressionMatcher =>
  new ExpressionMatcher({
    ...dfa,
    source: "",
    accepting: dfa.accepts.flatMap((one, i) => (one.length > 0 ? [i] : [])),
  });

/** Expressions out of parts that V8 reads in the same way, so that it can judge. */
const atom = fc.constantFrom("a", "b", "/", "é", "\\d", "\\w", "[ab]", "[^a]", ".", "(?:ab|b)", "\\.", "[a-c]");
const repeated = fc.tuple(atom, fc.constantFrom("", "*", "+", "?", "{2}", "{1,3}", "{0,1}")).map(([a, r]) => a + r);
const sequence = fc.array(repeated, { minLength: 0, maxLength: 4 }).map((parts) => parts.join(""));
const expression = fc
  .tuple(fc.constantFrom("", "^"), fc.array(sequence, { minLength: 1, maxLength: 3 }), fc.constantFrom("", "$"))
  .map(([start, parts, end]) => `${start}(${parts.join("|")})${end}`);
const text = fc.string({ unit: fc.constantFrom("a", "b", "c", "/", "é", "1", ".", "A", "\n", "😀"), maxLength: 8 });

describe("expressions", () => {
  it("are found where V8 finds them, by the plain meaning and by the automaton", () => {
    fc.assert(
      fc.property(expression, fc.boolean(), fc.array(text, { minLength: 1, maxLength: 8 }), (source, i, texts) => {
        const read = node(source, i);
        const dfa = buildDfa([read], "search", 20_000);
        const fast = matcher(dfa!);
        const judge = new RegExp(source, i ? "iu" : "u");
        for (const one of texts) {
          expect([source, one, regexFinds(read, one)]).toEqual([source, one, judge.test(one)]);
          expect([source, one, fast.matches(one)]).toEqual([source, one, judge.test(one)]);
        }
      }),
      { numRuns: 500 },
    );
  });

  it("match as a whole as V8 does, and longest matches end where the plain meaning ends them", () => {
    fc.assert(
      fc.property(sequence, text, (source, one) => {
        const read = node(source);
        const fast = matcher(buildDfa([read], "anchored", 20_000)!);
        expect(fast.matches(one)).toBe(new RegExp(`^(?:${source})$`, "u").test(one));
        expect(regexIs(read, one)).toBe(fast.matches(one));
        const chars = [...one];
        const longest = Array.from({ length: chars.length + 1 }, (_, i) => chars.slice(0, i).join(""))
          .filter((prefix) => regexIs(read, prefix))
          .at(-1);
        expect(fast.longestAt(one, 0, 1000)).toBe(longest?.length ?? -1);
      }),
      { numRuns: 500 },
    );
  });

  it("of several, each says for itself", () => {
    const dfa = buildDfa([node("a+b"), node("^b"), node("c$")], "search", 1000)!;
    const run = (value: string): readonly number[] => {
      let state = 0;
      for (const char of value) {
        const code = char.codePointAt(0)!;
        const at = dfa.starts.findLastIndex((start) => start <= code);
        state = dfa.next[state * dfa.inputCount + dfa.inputs[at]!]!;
      }
      return dfa.accepts[state]!;
    };
    expect(run("xaab")).toEqual([0]);
    expect(run("b")).toEqual([1]);
    expect(run("bab..c")).toEqual([0, 1, 2]);
    expect(run("")).toEqual([]);
  });

  it("that need too many states are given up, at once", () => {
    expect(buildDfa([node("(?:a|b)*a(?:a|b){20}")], "search", 4000)).toBeNull();
  });

  it.each([
    ["(?=a)", 0, "linear time"],
    ["a\\b", 1, "word boundaries"],
    ["(a)\\1", 3, "references"],
    ["a**", 0, "repetition of a repetition"],
    ["*a", 0, "nothing before"],
    ["(a", 0, "not closed"],
    ["a)", 1, "closes nothing"],
    ["[a", 0, "not closed"],
    ["[b-a]", 1, "backwards"],
    ["a{2,1}", 6, "lower"],
    ["a{2000}", 1, "1000 times"],
    ["(?:a{1000}){1000}", 0, "repetitions"],
    ["a{", 1, "count"],
    ["\\", 0, "stands for nothing"],
    ["\\q", 0, "means nothing"],
    ["\\u{110000}", 0, "in hex"],
    ["(".repeat(60), 51, "nested"],
  ])("%s is refused with its place", (source, at, why) => {
    const found = parseRegex(source, false);
    expect(found.ok ? null : { at: found.error.at, fits: found.error.why.includes(why) }).toMatchObject({ fits: true });
    if (!found.ok && !source.startsWith("((") && source !== "a{2,1}") expect(found.error.at).toBe(at);
  });

  it("fuzz: any text is read or refused, never thrown at", () => {
    fc.assert(
      fc.property(fc.string({ maxLength: 30 }), fc.boolean(), (source, i) => {
        const found = parseRegex(source, i);
        if (found.ok) buildDfa([found.value], "search", 500);
      }),
      { numRuns: 3000 },
    );
    fc.assert(
      fc.property(fc.string({ unit: fc.constantFrom(..."ab\\[](){}*+?|^$.,-01d"), maxLength: 20 }), (source) => {
        const found = parseRegex(source, false);
        if (found.ok) buildDfa([found.value], "anchored", 500);
      }),
      { numRuns: 3000 },
    );
  });
});
