import { readFileSync, readdirSync } from "node:fs";
import { describe, expect, it } from "vitest";
import { checkFiles, formatText, type SourceFile } from "../../lang/index.ts";

/** Policies in the guide are policies: each block is checked, beside the blocks whose package it says that it needs. */
const GUIDE = new URL("../../docs/guide/", import.meta.url);
const READMES = ["../../policies/library/README.md"].map((path) => new URL(path, import.meta.url));

interface Block {
  readonly needs: string | null;
  readonly text: string;
}

const blocksOf = (page: URL): readonly Block[] =>
  [...readFileSync(page, "utf8").matchAll(/^```policy(?: with ([\w.]+))?\n(.*?)^```$/gms)].map((match) => ({
    needs: match[1] ?? null,
    text: match[2]!,
  }));

const library = readdirSync(new URL("../../policies/library/", import.meta.url))
  .filter((name) => name.endsWith(".policy"))
  .map((name) => ({
    path: name,
    text: readFileSync(new URL(`../../policies/library/${name}`, import.meta.url), "utf8"),
  }));

const pages = [
  ...readdirSync(GUIDE)
    .filter((name) => name.endsWith(".md"))
    .map((name) => new URL(name, GUIDE)),
  ...READMES,
];

describe("policies in the documents", () => {
  for (const page of pages) {
    const blocks = blocksOf(page);
    if (blocks.length === 0) continue;
    it(page.pathname.split("/").slice(-2).join("/"), () => {
      for (const { needs, text } of blocks) {
        const beside: readonly SourceFile[] = [
          ...blocks
            .filter((one) => needs !== null && one.text.includes(`package ${needs}`))
            .map((one) => ({ path: "needs", text: one.text })),
          ...(text.includes("from library.") ? library : []),
        ];
        const errors = checkFiles([{ path: "block", text }, ...beside]).diagnostics.filter(
          (one) => one.severity === "error",
        );
        expect(errors.map((one) => `${one.code} ${one.message}\n${text}`)).toEqual([]);
        expect(formatText({ path: "block", text }).diagnostics).toEqual([]);
      }
    });
  }

  it("are found: more than a dozen, on several pages", () => {
    const found = pages.map((page) => blocksOf(page).length).filter((count) => count > 0);
    expect(found.length).toBeGreaterThan(5);
    expect(found.reduce((sum, count) => sum + count, 0)).toBeGreaterThan(12);
  });

  it("the library is in order by itself", () => {
    expect(library.length).toBeGreaterThan(3);
    expect(checkFiles(library).diagnostics.map((one) => one.message)).toEqual([]);
  });
});
