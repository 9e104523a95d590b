import { readFileSync } from "node:fs";
import * as fc from "fast-check";
import { describe, expect, it } from "vitest";
import { checkFiles, hasErrors } from "../check/index.ts";
import { formatText } from "../format/index.ts";
import { fixFiles, lintFiles, lintRule, LINT_RULES, sameDecisions, type LintLevel } from "./index.ts";

const SHOP = readFileSync(new URL("../../policies/shop/shop.policy", import.meta.url), "utf8");
const file = (text: string) => [{ path: "a.policy", text }];
const levelsOf = (code: string): ReadonlyMap<string, LintLevel> => new Map([[code, "warn"]]);
const codesOf = (text: string, levels?: ReadonlyMap<string, LintLevel>): readonly string[] =>
  lintFiles(file(text), levels).findings.map((one) => one.code);
const marked = (text: string, code: string): readonly string[] =>
  lintFiles(file(text), levelsOf(code))
    .findings.filter((one) => one.code === code)
    .map((one) => text.slice(one.span.start, one.span.end));
const fixed = (text: string) => fixFiles(file(text), (now) => lintFiles(now).findings);

/** What the examples import. */
const PEOPLE = [
  {
    path: "people.policy",
    text: 'package company.people\nexport let production = target.labels["env"] == "production"\nexport let dba = user.groups has "dba"\n',
  },
];

describe("the table of rules", () => {
  it("has at least thirty rules, codes in order, none twice", () => {
    expect(LINT_RULES.length).toBeGreaterThanOrEqual(30);
    const codes = LINT_RULES.map((rule) => rule.code);
    expect([...codes].sort()).toEqual(codes);
    expect(new Set(codes).size).toBe(codes.length);
    expect(new Set(LINT_RULES.map((rule) => rule.name)).size).toBe(codes.length);
  });

  it.each(LINT_RULES.map((rule) => [rule.code, rule] as const))(
    "%s: its page's examples are what it says",
    (code, rule) => {
      for (const text of [rule.before, rule.after]) {
        const { check } = lintFiles(text.includes("import ") ? [...file(text), ...PEOPLE] : file(text));
        expect(check.diagnostics.filter((one) => one.severity === "error")).toEqual([]);
      }
      expect(codesOf(rule.before, levelsOf(code))).toContain(code);
      expect(codesOf(rule.after, levelsOf(code))).not.toContain(code);
      expect(rule.what.length + rule.why.length).toBeGreaterThan(50);
      expect(lintRule(code)).toBe(rule);
      expect(lintRule(rule.name)).toBe(rule);
    },
  );

  it("finds nothing in the sample", () => {
    expect(lintFiles(file(SHOP)).findings.map((one) => `${one.code} ${one.message}`)).toEqual([]);
  });
});

describe("fixes", () => {
  const FIXED: readonly string[] = LINT_RULES.filter((rule) =>
    lintFiles(file(rule.before), levelsOf(rule.code)).findings.some(
      (one) => one.code === rule.code && one.fixes.some((fix) => fix.safe),
    ),
  ).map((rule) => rule.code);

  it("at least twelve rules have one that is safe", () => {
    expect(FIXED.length).toBeGreaterThanOrEqual(12);
  });

  it.each(FIXED)("%s: makes the page's before into its after", (code) => {
    const rule = lintRule(code)!;
    const { files, takenBack } = fixFiles([...file(rule.before), ...PEOPLE], (now) =>
      lintFiles(now).findings.filter((one) => one.code === code),
    );
    expect(takenBack).toEqual([]);
    const shape = (text: string): string => formatText({ path: "a.policy", text }).text;
    expect(shape(files[0]!.text)).toBe(shape(rule.after));
  });

  it.each<readonly [title: string, before: string, after: string]>([
    [
      "several in one line",
      'when "ana" == user.name and not not statement.nested',
      'when user.name == "ana" and statement.nested',
    ],
    ["one that makes another possible", 'when not not (not user.name == "x")', 'when user.name != "x"'],
    [
      "a chain inside brackets",
      'when statement.writes and (user.name == "a" or user.name == "b")',
      'when statement.writes and user.name in ["a", "b"]',
    ],
    [
      "brackets that are needed stay",
      "when not (statement.writes and statement.nested)",
      "when not (statement.writes and statement.nested)",
    ],
    ["a comment is not lost", 'when "ana" == // who\n user.name', 'when "ana" == // who\n user.name'],
    [
      "other operands keep their chain",
      'when user.name == "a" or target.name == "b"',
      'when user.name == "a" or target.name == "b"',
    ],
  ])("%s", (_title, before, after) => {
    expect(fixed(`allow a_read on sql\n  ${before}\n`).files[0]!.text).toBe(`allow a_read on sql\n  ${after}\n`);
  });

  it("takes back what would change a decision", () => {
    const text = 'allow a_read on sql\n  when user.name == "x"\n';
    const at = text.indexOf('"x"');
    const [one] = lintFiles(file('allow a_read on sql\n  when "x" == user.name\n')).findings;
    const wrong = {
      ...one!,
      fixes: [{ title: "", safe: true, edits: [{ span: { file: "a.policy", start: at, end: at + 3 }, text: '"y"' }] }],
    };
    const result = fixFiles(file(text), () => [wrong]);
    expect(result.files[0]!.text).toBe(text);
    expect(result.takenBack).toEqual([wrong]);
  });

  it("leaves a file with syntax errors alone", () => {
    const text = "allow a_read on sql\n  when not not statement.nested and\n";
    expect(fixed(text).files[0]!.text).toBe(text);
  });

  const operand = fc.constantFrom(
    "statement.writes",
    "statement.nested",
    'user.name == "a"',
    '"b" == user.name',
    'user.groups has "x"',
    'user.groups has any ["y"]',
    "statement.kind in [select, select]",
    "statement.kind == values",
    "(statement.filtered)",
    'user.name like "a"',
    "statement.read_only == false",
    "(statement.row_limit else 5) > 3",
    'any t in statement.tables : (t == "a" or t == "b")',
    "true",
  );
  const { condition } = fc.letrec<{ condition: string }>((tie) => ({
    condition: fc.oneof(
      { depthSize: "small", withCrossShrink: true },
      operand,
      tie("condition").map((inner) => `not ${inner.startsWith("any") ? `(${inner})` : inner}`),
      fc
        .tuple(tie("condition"), fc.constantFrom("and", "or"), tie("condition"))
        .map(([a, op, b]) => `(${a}) ${op} (${b})`),
      fc.tuple(operand, fc.constantFrom("and", "or"), operand).map(([a, op, b]) => `(${a} ${op} ${b})`),
    ),
  }));

  it("of any condition keep every decision, and end (fuzz)", () => {
    fc.assert(
      fc.property(condition, condition, (when, unless) => {
        const text = `allow a_read on sql\n  when ${when}\n\ndeny b_read on sql\n  when ${when}\n  unless ${unless}\n  because "One two three."\n`;
        const before = checkFiles(file(text));
        fc.pre(!hasErrors(before.diagnostics));
        const { files, takenBack } = fixed(text);
        expect(takenBack).toEqual([]);
        const after = checkFiles(files);
        expect(hasErrors(after.diagnostics)).toBe(false);
        expect(sameDecisions(before.policy, after.policy)).toBe(true);
        const left = lintFiles(files).findings.filter((one) => one.fixes.some((fix) => fix.safe));
        expect(left.map((one) => `${one.code} in ${files[0]!.text}`)).toEqual([]);
      }),
      { numRuns: 60 },
    );
  });

  it("the comparison of decisions sees a changed one", () => {
    const policy = (text: string) => checkFiles(file(text)).policy;
    const one = policy('allow a on sql\n  when user.name == "x" and statement.writes');
    expect(sameDecisions(one, policy('allow a on sql\n  when statement.writes and user.name == "x"'))).toBe(true);
    expect(sameDecisions(one, policy('allow a on sql\n  when statement.writes or user.name == "x"'))).toBe(false);
    expect(sameDecisions(one, policy('allow a on sql\n  when user.name == "y" and statement.writes'))).toBe(false);
    expect(sameDecisions(one, policy('deny a on sql\n  when user.name == "x" and statement.writes'))).toBe(false);
  });
});

describe("places", () => {
  it.each<readonly [code: string, text: string, expected: readonly string[]]>([
    ["L001", 'allow a_b on sql when exists client.application and client.application == "x"', []],
    ["L001", 'deny a_b on sql when (client.application else "") == "x" because "One two three."', []],
    [
      "L001",
      'deny a_b on http when request.headers["x-team"] == "y" because "One two three."',
      ['request.headers["x-team"] == "y"'],
    ],
    ["L002", 'deny a_b on sql when any t in statement.tables : t like "HR.*"', ['"HR.*"']],
    ["L005", 'allow a_b on http when request.path like "**"', []],
    ["L006", "allow a_b on sql when not statement.kind in [drop_table]", ["statement.kind in [drop_table]"]],
    ["L006", "allow a_b on sql when statement.class == session and statement.kind != set_role", []],
    ["L009", 'allow a_b on sql when not client.address within cidr("::/0")', ['"::/0"']],
    ["L020", 'let dba = user.groups has "dba"\napprove a_b on sql when dba by group "dba"', ['"dba"']],
    ["L021", 'approve a_b on sql when statement.class == dcl by group "x" quorum 1', ["quorum 1"]],
    ["L042", "allow Rule_7 on sql when statement.read_only", ["Rule_7"]],
    ["L064", "allow a_b on sql when ((statement.read_only))", ["((statement.read_only))"]],
    ["L064", 'allow a_b on sql when client.address within cidr("10.0.0.0/8")', []],
    [
      "L067",
      "allow a_b on sql when statement.kind == select or statement.kind == values or statement.kind == show",
      ["statement.kind == select or statement.kind == values or statement.kind == show"],
    ],
  ])("%s in %s", (code, text, expected) => {
    expect(marked(text, code)).toEqual(expected);
  });
});

describe("ignores", () => {
  const RULE = 'allow admins on *\n  when user.groups has "admin"\n';
  it.each<readonly [title: string, text: string, expected: readonly string[]]>([
    ["over a rule", `// lint-ignore L003: break-glass\n${RULE}`, []],
    ["with a comment between", `// lint-ignore L003: break-glass\n// More of it.\n${RULE}`, []],
    ["behind the line", RULE.replace("*\n", "* // lint-ignore L003: break-glass\n"), []],
    [
      "over a line inside",
      RULE.replace("  when", "  // lint-ignore L066: as the others\n  when")
        .replace("has", "has any [")
        .replace('"admin"', '"admin"]')
        .replace("on *", "on sql")
        .replace("L066", "L065"),
      [],
    ],
    ["of another code", `// lint-ignore L004: break-glass\n${RULE}`, ["L101", "L003"]],
    ["two codes, one of them used", `// lint-ignore L003, L004: break-glass\n${RULE}`, ["L101"]],
    [
      "another rule is not covered",
      `// lint-ignore L003: break-glass\n${RULE}\n${RULE.replace("admins", "owners")}`,
      ["L080", "L003"],
    ],
    ["without a reason", `// lint-ignore L003\n${RULE}`, ["L100", "L003"]],
    ["with an empty reason", `// lint-ignore L003:  \n${RULE}`, ["L100", "L003"]],
    ["without a code", `// lint-ignore: because\n${RULE}`, ["L100", "L003"]],
    ["of a code that is none", `// lint-ignore L993: because\n${RULE}`, ["L102", "L003"]],
    ["a comment that only speaks of it", `// see lint-ignore L003\n${RULE}`, ["L003"]],
  ])("%s", (_title, text, expected) => {
    expect(codesOf(text)).toEqual(expected);
  });

  it("levels: off says nothing, error is one", () => {
    expect(codesOf(RULE, new Map([["L003", "off"]]))).toEqual([]);
    expect(lintFiles(file(RULE), new Map([["L003", "error"]])).findings[0]!.severity).toBe("error");
    // What is off can't be found, so its ignore is not unused.
    expect(codesOf(`// lint-ignore L003: x\n${RULE}`, new Map([["L003", "off"]]))).toEqual([]);
  });
});

describe("fuzz: no text makes the linter throw", () => {
  const lines = [...new Set([...SHOP.split("\n"), ...LINT_RULES.flatMap((rule) => rule.before.split("\n"))])];
  it("of lines", () => {
    fc.assert(
      fc.property(fc.array(fc.constantFrom(...lines), { maxLength: 30 }), (picked) => {
        const text = picked.join("\n");
        lintFiles(file(text));
        fixed(text);
      }),
      { numRuns: 150 },
    );
  });
  it("of any characters", () => {
    fc.assert(
      fc.property(
        fc.string({ unit: "binary", maxLength: 200 }),
        (text) => void lintFiles(file(`// lint-ignore ${text}`)),
      ),
      { numRuns: 200 },
    );
  });
});
