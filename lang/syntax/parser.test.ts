import { readFileSync } from "node:fs";
import type { IToken } from "chevrotain";
import * as fc from "fast-check";
import { describe, expect, it } from "vitest";
import { currentLookahead, lookaheadSource } from "../../tools/gen-lookahead.ts";
import { Sentences } from "../../test/support/sentences.ts";
import { cataloguePages } from "../diagnostics/index.ts";
import { LINT_RULES } from "../lint/index.ts";
import { PolicyParser } from "./parser.ts";
import { lexQuickly } from "./quick-lexer.ts";
import { QuickParser } from "./quick-parser.ts";
import { makeLexer, tokenize } from "./tokens.ts";

const SHOP = readFileSync(new URL("../../policies/shop/shop.policy", import.meta.url), "utf8");
const SHOP_TESTS = readFileSync(new URL("../../policies/shop/shop_test.policy", import.meta.url), "utf8");

describe("the grammar itself", () => {
  it("has no fault: nothing ambiguous, nothing that recurses at once, no token that hides another", () => {
    // Faults are thrown as they are found.
    expect(() => new PolicyParser({ recovery: true, validate: true })).not.toThrow();
    expect(makeLexer(true).lexerDefinitionErrors).toEqual([]);
  });

  it("what finds such faults does find them", () => {
    const seen = tokenize("allow a on sql");
    class Ambiguous extends PolicyParser {
      readonly twice = this.RULE("twice", () => {
        this.OR([{ ALT: () => this.SUBRULE(this.file) }, { ALT: () => this.SUBRULE1(this.file) }]);
      });

      constructor() {
        super({ recovery: true, validate: true });
        this.performSelfAnalysis();
      }
    }
    expect(seen.errors).toEqual([]);
    expect(() => new Ambiguous()).toThrow(/twice/);
  });
});

describe("words and marks", () => {
  it("are those that the library reads, or nothing where that has an error (fuzz)", () => {
    const parts = fc.constantFrom(
      ...[
        '"',
        "/",
        "//",
        "\\",
        "\n",
        "\r\n",
        "\f",
        "\v",
        " ",
        "=",
        "==",
        "!",
        "!=",
        "<",
        "<=",
        "-",
        "-1",
        "1_0",
        "15m",
        "15ms",
        "1mx",
      ],
      ...[
        "a",
        "allow",
        "_",
        "(",
        ")",
        "[",
        "]",
        "{",
        "}",
        ",",
        ".",
        ":",
        "*",
        "@",
        "i",
        "ü",
        "\u2028",
        "'",
        "#",
        "/a/i",
        "/a/ix",
        '"a\\',
      ],
    );
    let whole = 0;
    const check = (text: string): void => {
      const [quick, slow] = [lexQuickly(text), tokenize(text)];
      expect(quick === null).toBe(slow.errors.length > 0);
      if (quick === null) return;
      whole++;
      const plain = (tokens: readonly IToken[]) =>
        tokens.map(({ image, startOffset, tokenType, tokenTypeIdx }) => [
          image,
          startOffset,
          tokenType.name,
          tokenTypeIdx,
        ]);
      expect(plain(quick.tokens)).toEqual(plain(slow.tokens));
      expect(plain(quick.comments)).toEqual(plain(slow.groups["comments"] ?? []));
      expect(plain(quick.unterminated)).toEqual(plain(slow.unterminated));
    };
    for (const text of [SHOP, SHOP_TESTS]) check(text);
    fc.assert(
      fc.property(
        fc.oneof(
          fc.array(parts, { maxLength: 30 }).map((some) => some.join("")),
          fc.string(),
        ),
        check,
      ),
      { numRuns: 2000 },
    );
    expect(whole).toBeGreaterThan(100);
  });
});

/** A word of a sentence that is taken out, or that is put in as a number says, or both. */
interface Change {
  readonly at: number;
  readonly gone: number;
  readonly put: number | null;
}

describe("reading without going on after errors", () => {
  const quick = new QuickParser();
  const recovering = new PolicyParser({ recovery: true, validate: false });
  const read = (text: string) => {
    recovering.begin("a.policy", tokenize(text).tokens);
    recovering.file();
    return { items: recovering.items, errors: recovering.errors.length };
  };
  /** Both readers at one text; whether it has no error. */
  const compare = (text: string): boolean => {
    const [items, slow] = [quick.read("a.policy", tokenize(text).tokens), read(text)];
    expect([text, items === null]).toEqual([text, slow.errors > 0]);
    if (items !== null) expect(items).toEqual(slow.items);
    return items !== null;
  };

  it("gives the same tree as going on does, or none where that has an error (fuzz)", () => {
    const pieces = [...SHOP.split(/(?<=\s)/), ...SHOP_TESTS.split(/(?<=\s)/)];
    const texts = fc.oneof(
      fc.array(fc.constantFrom(...pieces), { maxLength: 60 }).map((parts) => parts.join("")),
      // A whole policy with one piece taken out or put in.
      fc
        .tuple(fc.constantFrom(SHOP, SHOP_TESTS), fc.nat(), fc.nat(30), fc.constantFrom("", ...pieces))
        .map(([text, at, length, put]) => {
          const start = at % text.length;
          return text.slice(0, start) + put + text.slice(start + length);
        }),
    );
    let whole = 0;
    const check = (text: string): void => {
      if (compare(text)) whole++;
    };
    for (const page of cataloguePages) check(page.text);
    for (const { before, after } of LINT_RULES) for (const text of [before, after]) check(text);
    check(SHOP);
    check(SHOP_TESTS);
    expect(whole).toBeGreaterThan(LINT_RULES.length);
    fc.assert(fc.property(texts, check), { numRuns: 300 });
  });

  it("and so for sentences that the grammar makes, and for those with words put in, taken out or changed (fuzz)", () => {
    const sentences = new Sentences(recovering);
    let whole = 0;
    const check = (numbers: readonly number[], changes: readonly Change[]): void => {
      const words = sentences.made(numbers);
      for (const { at, gone, put } of changes)
        words.splice(at % (words.length + 1), gone, ...(put === null ? [] : [sentences.anyWord(put)]));
      if (compare(words.join(" "))) whole++;
    };
    // Without bias: small numbers would take the first alternatives again and again.
    const numbers = fc.noBias(fc.array(fc.nat(), { minLength: 50, maxLength: 300, size: "max" }));
    const changes = fc.array(fc.record({ at: fc.nat(), gone: fc.nat(1), put: fc.option(fc.nat()) }), { maxLength: 2 });
    fc.assert(fc.property(numbers, changes, check), { numRuns: 500 });
    // And always the same ones, which leave out nothing of the grammar.
    fc.assert(fc.property(numbers, changes, check), { numRuns: 2500, seed: 1 });
    expect(sentences.untaken()).toEqual([]);
    expect(whole).toBeGreaterThan(500);
  });

  it("goes by the table that the grammar gives (else run: node tools/gen-lookahead.ts)", async () => {
    expect(currentLookahead()).toBe(await lookaheadSource());
  });
});
