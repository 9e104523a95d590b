import { readFileSync } from "node:fs";
import { describe, expect, it } from "vitest";
import { tokenize } from "../lang/syntax/index.ts";
import { PEOPLE, SAMPLE } from "../test/support/sample-policy.ts";
import { currentGrammar, grammar } from "./gen-grammar.ts";

it("the TextMate grammar is up to date (else run: node tools/gen-grammar.ts)", async () => {
  expect(currentGrammar()).toBe(await grammar());
});

interface Rule {
  readonly name?: string;
  readonly match?: string;
  readonly begin?: string;
  readonly end?: string;
  readonly captures?: Readonly<Record<string, { readonly name: string }>>;
}

/** The scopes that a line's characters get, by the rules of TextMate: at each place the first rule that matches earliest. */
function scopesOf(line: string, rules: readonly Rule[]): readonly string[] {
  const scopes = new Array<string>(line.length).fill("");
  let at = 0;
  while (at < line.length) {
    let best: { readonly rule: Rule; readonly match: RegExpExecArray } | null = null;
    for (const rule of rules) {
      const pattern = new RegExp(rule.match ?? rule.begin!, "gd");
      pattern.lastIndex = at;
      const match = pattern.exec(line);
      if (match !== null && match[0] !== "" && (best === null || match.index < best.match.index))
        best = { rule, match };
    }
    if (best === null) break;
    const { rule, match } = best;
    let end = match.index + match[0].length;
    if (rule.begin !== undefined) {
      while (end < line.length && line[end] !== '"') end += line[end] === "\\" ? 2 : 1;
      end = Math.min(line.length, end + 1);
    }
    scopes.fill(rule.name ?? "", match.index, end);
    for (const [group, { name }] of Object.entries(rule.captures ?? {})) {
      const [from, to] = match.indices![Number(group)]!;
      scopes.fill(name, from, to);
    }
    at = end;
  }
  return scopes;
}

const KINDS: Readonly<Record<string, RegExp>> = {
  text: /^string\.quoted/,
  comment: /^comment/,
  expression: /^string\.regexp/,
  number: /^constant\.numeric/,
  duration: /^constant\.numeric/,
};

describe("the grammar", () => {
  const rules = (JSON.parse(currentGrammar()) as { patterns: Rule[] }).patterns;

  it.each([
    ["sample", SAMPLE],
    ["names", PEOPLE],
    ["shop", readFileSync(new URL("../policies/shop/shop.policy", import.meta.url), "utf8")],
  ])("sees texts, numbers, comments and words where the lexer does: %s", (_title, text) => {
    const scopes = text.split("\n").map((line) => scopesOf(line, rules));
    const wrong: string[] = [];
    let words = 0;
    for (const token of tokenize(text)) {
      const before = text.slice(0, token.start).split("\n");
      const found = scopes[before.length - 1]![before.at(-1)!.length]!;
      const expected =
        token.kind === "keyword" &&
        text[token.start - 1] !== "." &&
        text[token.end] !== "." &&
        text[token.start - 1] !== "@"
          ? /^(keyword|constant\.language|support\.constant|entity|variable)/
          : KINDS[token.kind];
      if (expected === undefined) continue;
      words++;
      if (!expected.test(found)) wrong.push(`${token.kind} ${token.text}: ${found}`);
    }
    expect(wrong).toEqual([]);
    expect(words).toBeGreaterThan(10);
  });

  it.each([
    ["deny drop_table_x on sql", "drop_table_x", "entity.name.function.policy"],
    ["  expect deny by drops", "deny", "keyword.control.effect.policy"],
    ["  when statement.kind == select", "kind", "variable.other.property.policy"],
    ['@owner("x")', "owner", "entity.name.decorator.policy"],
    ["columns pii = a.b.c", "pii", "entity.name.type.policy"],
    ["  columns pii, cards", "columns", "keyword.other.clause.policy"],
    ['  because "not // a comment"', "// a", "string.quoted.double.policy"],
  ])("%s: %s", (line, word, scope) => {
    expect(scopesOf(line, rules)[line.indexOf(word)]).toBe(scope);
  });
});
