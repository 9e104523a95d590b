import { mkdirSync, readFileSync, readdirSync, writeFileSync } from "node:fs";
import { describe, expect, it } from "vitest";
import {
  allCodes,
  cataloguePages,
  EXAMPLES,
  renderTerminal,
  type Example,
  type SourceFile,
} from "../../../lang/index.ts";
import { findingsOf } from "./check.ts";

/** Every message of the language as its reader sees it: source and message, kept as goldens beside the catalogue. */
const GOLDENS = new URL("../../../lang/diagnostics/testdata/codes/", import.meta.url);
const UPDATE =
  process.env["UPDATE_GOLDENS"] === "1" || process.argv.includes("-u") || process.argv.includes("--update");

const filesOf = (example: Example): readonly SourceFile[] =>
  typeof example === "string"
    ? [{ path: "example.policy", text: `${example}\n` }]
    : Object.entries(example).map(([path, text]) => ({ path, text: `${text}\n` }));

/** Examples that are too long to be written out. */
const MADE: Readonly<Record<string, { readonly before: string; readonly after: string }>> = {
  "file-too-large": { before: `// ${"x".repeat(4 * 1024 * 1024)}\n`, after: "// x\n" },
  "nested-too-deep": {
    before: `allow a on sql when ${"(".repeat(201)}statement.writes${")".repeat(201)}`,
    after: "allow a on sql when ((statement.writes))",
  },
  "covering-not-analysed": {
    before: Array.from({ length: 2001 }, (_, i) => `allow r${i} on sql when user.name == "u${i}"`).join("\n"),
    after: 'allow r1 on sql when user.name == "u1"',
  },
  "too-many-cases": {
    before: `allow a on sql\ntest "t" {\n${["a", "b", "c"].map((name) => `  for ${name} in [${Array.from({ length: 11 }, (_, i) => `"${i}"`).join(", ")}]\n`).join("")}  user a in b\n  sql c\n  expect allow\n}`,
    after: 'allow a on sql\ntest "t" {\n  for a in ["1"]\n  user a\n  sql "select 1"\n  expect allow\n}',
  },
};

const codesIn = (files: readonly SourceFile[]): readonly string[] => findingsOf(files, null).map((one) => one.code);

describe("pages", () => {
  it("are at least sixty, each with a text", () => {
    expect(allCodes.length).toBeGreaterThanOrEqual(60);
    expect(new Set(allCodes).size).toBe(allCodes.length);
    for (const { code, text } of cataloguePages) expect([code, text.length > 60]).toEqual([code, true]);
  });

  it.each(cataloguePages.map((page) => [page.code, page.name] as const))(
    "%s %s: the first example has it, the second has not",
    (code, name) => {
      const example = EXAMPLES[name as keyof typeof EXAMPLES] ?? MADE[name];
      expect(example).toBeDefined();
      expect(codesIn(filesOf(example!.before))).toContain(code);
      expect(codesIn(filesOf(example!.after))).not.toContain(code);
    },
  );

  it("of examples are printed as they were (else look at the difference, and run with UPDATE_GOLDENS=1)", () => {
    const made = new Map(
      cataloguePages.flatMap(({ code, name }): (readonly [string, string])[] => {
        const example = EXAMPLES[name as keyof typeof EXAMPLES];
        if (example === null || example === undefined) return [];
        const files = filesOf(example.before);
        const source = files.map((file) => `--- ${file.path}\n${file.text}`).join("");
        const found = findingsOf(files, null).filter((one) => one.code === code);
        return [[`${code}.golden`, `${source}--- what is said\n${renderTerminal(found, files, false)}`]];
      }),
    );
    mkdirSync(GOLDENS, { recursive: true });
    if (UPDATE) for (const [name, text] of made) writeFileSync(new URL(name, GOLDENS), text);
    expect(readdirSync(GOLDENS).sort()).toEqual([...made.keys()].sort());
    for (const [name, text] of made) expect(readFileSync(new URL(name, GOLDENS), "utf8")).toBe(text);
  });
});
