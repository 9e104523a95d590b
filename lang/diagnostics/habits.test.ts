import { describe, expect, it } from "vitest";
import { applyFixes, checkFiles } from "../index.ts";

/** What newcomers write as other languages have it: the first error's help, and the condition once safe fixes are made. */
const CASES: readonly (readonly [scope: string, condition: string, help: string, mended: string | null])[] = [
  ["sql", 'statement.kind == "select"', "did you mean `select`?", "statement.kind == select"],
  ["sql", '"Select" == statement.kind', "did you mean `select`?", "select == statement.kind"],
  ["sql", 'statement.kind in ["selct", update]', "did you mean `select`?", "statement.kind in [select, update]"],
  ["sql", 'statement.kind == "what"', "its values are words without quotes", null],
  ["http", 'request.method == "get"', "did you mean `GET`?", "request.method == GET"],
  ["sql", 'target.labels.env == "x"', 'did you mean `target.labels["env"]`?', 'target.labels["env"] == "x"'],
  ["sql", 'user.groups has ["a", "b"]', "of several it is `has any […]` or `has all […]`", null],
  ["sql", "statement.read_only = true", "values are compared with `==`", null],
  ["sql", "statement.read_only && statement.writes", "write `and`", null],
  ["sql", "statement.read_only || statement.writes", "write `or`", null],
  ["sql", "!statement.read_only", "write `not`", null],
  ["sql", "user.name == 'ana'", "texts stand between double quotes", null],
  ["sql", "statement.read_only # reads", "comments begin with `//`", null],
  ["http", 'request.path startswith "/v1"', "write `starts with`", null],
  ["http", 'request.path starts_with "/v1"', "write `starts with`", null],
  ["http", 'request.path contains "v1"', "a set is asked with `has`", null],
];

describe("habits from other languages", () => {
  it.each(CASES)("on %s: %s", (scope, condition, help, mended) => {
    const file = { path: "a.policy", text: `package a\nallow x on ${scope}\n  when ${condition}\n` };
    const errors = checkFiles([file]).diagnostics.filter((one) => one.severity === "error");
    expect(errors.map((one) => one.hint).join("\n")).toContain(help);
    const fixes = errors.flatMap((one) => one.fixes).filter((fix) => fix.safe);
    expect(fixes.length > 0).toBe(mended !== null);
    if (mended === null) return;
    const [fixed] = applyFixes([file], errors).files;
    expect(fixed!.text).toBe(file.text.replace(condition, mended));
    expect(checkFiles([fixed!]).diagnostics.filter((one) => one.severity === "error")).toEqual([]);
  });

  it("a set compared with one value is told how sets are asked, and nobody is told of the parser's own words", () => {
    const [found] = checkFiles([
      { path: "a.policy", text: 'package a\nallow x on sql\n  when user.groups == "a"\n' },
    ]).diagnostics.filter((one) => one.severity === "error");
    expect(found!.message).toBe("expected a single value (sets are asked with `has`), found a set of texts");
    const { diagnostics } = checkFiles([{ path: "a.policy", text: "package a\nallow x on sql when true )\n" }]);
    expect(diagnostics.map((one) => one.message).join()).not.toContain("EOF");
  });
});
