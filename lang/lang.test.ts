import { readFileSync } from "node:fs";
import * as fc from "fast-check";
import { describe, expect, it } from "vitest";
import { allCodes, checkFiles, explainCode, formatText, parseFile, renderTerminal } from "./index.ts";

const SHOP = readFileSync(new URL("../policies/shop/shop.policy", import.meta.url), "utf8");

const codes = (text: string): string[] =>
  checkFiles([{ path: "a.policy", text }]).diagnostics.map(
    (one) => `${one.code} ${text.slice(one.span.start, one.span.end)}`,
  );
/** The rest of a policy, so that only what is looked at is told. */
const errors = (text: string): string[] => codes(text).filter((found) => !/^P00(4[0-9]|52)/.test(found));

describe("what the checker says, and where", () => {
  it.each<readonly [title: string, text: string, expected: readonly string[]]>([
    ["an unknown fact", "allow a on sql when statement.knd == select", ["P0020 statement.knd"]],
    ["an unknown value", "allow a on sql when statement.kind == selct", ["P0024 selct"]],
    ["a value in a list", "allow a on sql when statement.kind in [select, selct]", ["P0024 selct"]],
    ["a number for a text", "allow a on sql when user.name == 5", ["P0022 5"]],
    ["a set as a condition", "allow a on sql when user.groups", ["P0023 user.groups"]],
    ["an optional fact", "allow a on sql when statement.row_limit > 5", ["P0025 statement.row_limit"]],
    [
      "an optional fact that was tested",
      "allow a on sql when exists statement.row_limit and statement.row_limit > 5",
      [],
    ],
    [
      "tested on the wrong side",
      "allow a on sql when not exists statement.row_limit and statement.row_limit > 5",
      ["P0025 statement.row_limit"],
    ],
    ["tested by or", "allow a on sql when not exists statement.row_limit or statement.row_limit > 5", []],
    ["with a default", "allow a on sql when (statement.row_limit else 0) > 5", []],
    ["two rules of a name", "allow a on sql\nallow a on sql", ["P0012 a"]],
    ["a clause of another effect", "allow a on sql quorum 2", ["P0014 quorum 2"]],
    ["a clause twice", "allow a on sql when true when false", ["P0013 when false"]],
    ["approval by nobody", 'approve a on sql because "x"', ["P0015 a"]],
    ["a mask that is none", "mask m on sql columns a.b.c with emial", ["P0028 emial"]],
    ["a column set that is not there", "mask m on sql columns pii with redact", ["P0020 pii"]],
    ["a pattern of two parts", "mask m on sql columns a.b with redact", ["P0027 a.b"]],
    ["an unknown scope", "allow a on sqll", ["P0011 sqll"]],
    ["a let that uses itself", "let x = x\nallow a on sql when x", ["P0031 x"]],
    ["a bad range", 'allow a on sql when client.address within cidr("10.0.0.0/33")', ['P0030 "10.0.0.0/33"']],
    ["a good range", 'allow a on sql when client.address within cidr("10.0.0.0/8")', []],
    ["quantifiers", 'allow a on sql when any t in statement.tables : t like "public.*" and t != "public.x"', []],
    ["labels need no test", 'allow a on sql when target.labels["env"] == "x"', []],
    [
      "a test of a rule that is not there",
      'allow a on sql\ntest "t" { user "u" sql "select 1" expect deny by b }',
      ["P0051 b"],
    ],
    [
      "every error, not the first",
      'allow a on sql when statement.knd == select\ndeny b on sql when user.nme == "x"',
      ["P0020 statement.knd", "P0020 user.nme"],
    ],
  ])("%s", (_title, text, expected) => {
    expect(errors(text)).toEqual(expected);
  });

  it("shows the line, the place, and what would mend it", () => {
    const text = "allow a on sql\n  when statement.kind == selct\n";
    const files = [{ path: "a.policy", text }];
    const shown = renderTerminal(
      checkFiles(files).diagnostics.filter((one) => one.severity === "error"),
      files,
      false,
    );
    expect(shown).toBe(
      [
        "error[P0024]: `selct` is not a SqlKind",
        " --> a.policy:2:26",
        "  |",
        "2 |   when statement.kind == selct",
        "  |                          ^^^^^",
        "  = help: did you mean `select`?",
        "  = fix: replace it with `select` (--fix does it)",
        "  = more: policyc explain P0024",
        "",
      ].join("\n"),
    );
  });

  it("goes on after a syntax error", () => {
    const found = codes('allow a on\nallow b on sql when ==\ndeny c on sql when user.nme == "x"\n');
    expect(found.filter((one) => one.startsWith("P0002"))).not.toHaveLength(0);
  });

  it("explains every code", () => {
    for (const code of allCodes) expect(explainCode(code)?.text.length).toBeGreaterThan(20);
    expect(new Set(allCodes).size).toBe(allCodes.length);
  });

  it("finds nothing in the sample", () => {
    expect(codes(SHOP)).toEqual([]);
  });
});

describe("the formatter", () => {
  const format = (text: string): string => formatText({ path: "a.policy", text }).text;

  it("leaves the sample as it is", () => {
    expect(format(SHOP)).toBe(SHOP);
  });

  it("keeps comments, and gives each clause its line", () => {
    const text =
      '// one\nallow a on sql // two\n  // three\n when (user.name=="x") or   (not (statement.writes and  user.groups has "y"))\n// four\n';
    const once = format(text);
    for (const word of ["one", "two", "three", "four"]) expect(once).toContain(`// ${word}`);
    expect(once).toContain('  when user.name == "x" or not (statement.writes and user.groups has "y")\n');
    expect(format(once)).toBe(once);
  });

  it("changes nothing the second time, and nothing of the meaning (fuzz)", () => {
    const lines = SHOP.split("\n");
    fc.assert(
      fc.property(
        fc.array(fc.nat(lines.length - 1), { minLength: 1, maxLength: 30 }),
        fc.boolean(),
        (picked, spaced) => {
          const text = picked.map((i) => lines[i]).join(spaced ? "\n\n  " : "\n");
          const once = formatText({ path: "a.policy", text });
          if (once.diagnostics.length > 0) {
            expect(once.text).toBe(text);
            return;
          }
          const twice = formatText({ path: "a.policy", text: once.text });
          expect(twice.text).toBe(once.text);
          const shape = (source: string): string =>
            JSON.stringify(parseFile({ path: "a.policy", text: source }).tree.items, (key, value: unknown) =>
              key === "span" ? undefined : value,
            );
          expect(shape(once.text)).toBe(shape(text));
        },
      ),
    );
  });
});

describe("fuzz: no text makes it throw", () => {
  const words = [
    "allow",
    "deny",
    "mask",
    "on",
    "sql",
    "when",
    "(",
    ")",
    "[",
    "]",
    "{",
    "}",
    "and",
    "or",
    "not",
    "any",
    "x",
    "in",
    ":",
    "statement.kind",
    "==",
    '"t"',
    "5",
    "15m",
    "columns",
    "with",
    "*",
    ".",
    ",",
    "@",
    "test",
    "expect",
    "by",
    "else",
    "exists",
    "let",
    "=",
    "//",
    "\\",
    "é",
    "\n",
  ];
  it("of words", () => {
    fc.assert(
      fc.property(fc.array(fc.constantFrom(...words), { maxLength: 60 }), (picked) => {
        checkFiles([{ path: "a.policy", text: picked.join(" ") }]);
        formatText({ path: "a.policy", text: picked.join(" ") });
      }),
      { numRuns: 1000 },
    );
  });
  it("of any characters", () => {
    fc.assert(
      fc.property(
        fc.string({ unit: "binary", maxLength: 200 }),
        (text) => void checkFiles([{ path: "a.policy", text }]),
      ),
      { numRuns: 500 },
    );
  });
  it("nested deep", () => {
    for (const text of [
      "(".repeat(100_000),
      `allow a on sql when ${"not ".repeat(50_000)}true`,
      "[".repeat(5000),
      "{".repeat(5000),
    ]) {
      expect(codes(text).some((one) => one.startsWith("P0004"))).toBe(true);
    }
  });
});
