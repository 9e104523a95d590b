import { describe, expect, it } from "vitest";
import { checkFiles } from "../check/index.ts";

const codes = (text: string): readonly string[] =>
  checkFiles([{ path: "a.policy", text }]).diagnostics.flatMap((one) =>
    one.severity === "error" ? [`${one.code} ${one.span.start}`] : [],
  );

describe("characters that are not seen", () => {
  it.each<readonly [title: string, text: string, expected: readonly string[]]>([
    ["a byte-order mark", "\ufeffallow a on sql", ["P0001 0", "P0008 0"]],
    ["text turned around in a comment", "// \u202e reversed\nallow a on sql", ["P0008 3"]],
    ["nothing wide in a text", 'allow a on sql when user.name == "a\u200bb"', ["P0008 35"]],
    ["as an escape it is seen", 'allow a on sql when user.name == "a\\u{200b}b"', []],
    ["a carriage return alone hides a rule in a comment", "// all\rdeny a on sql\nallow b on sql", ["P0009 6"]],
    ["line ends of two kinds are fine", "allow a on sql\r\n\nallow b on sql\r\n", []],
  ])("%s", (_title, text, expected) => {
    expect(codes(text)).toEqual(expected);
  });
});
