import { readFileSync } from "node:fs";
import * as fc from "fast-check";
import { describe, expect, it } from "vitest";
import { expectGolden } from "../../test/support/golden.ts";
import {
  applyFixes,
  checkFiles,
  fixFiles,
  cataloguePages,
  lintChecked,
  lintPages,
  renderGithub,
  renderJson,
  renderSarif,
  renderTerminal,
  unifiedDiff,
  withMends,
  type Diagnostic,
  type SourceFile,
} from "../index.ts";

const folder = new URL("testdata/", import.meta.url);
const pages = [...cataloguePages, ...lintPages];

function read(name: string): { readonly files: readonly SourceFile[]; readonly found: readonly Diagnostic[] } {
  const files = [{ path: `policies/${name}.policy`, text: readFileSync(new URL(`${name}.policy`, folder), "utf8") }];
  const check = checkFiles(files);
  return { files, found: [...withMends(files, check), ...lintChecked(files, check)] };
}

const NAMES = ["misspelt", "twice", "syntax", "lint"];

describe("messages as the user sees them", () => {
  it.each(NAMES)("%s, at a terminal", (name) => {
    const { files, found } = read(name);
    const shown = `${files[0]!.text}\n----\n${renderTerminal(found, files, false)}`;
    expectGolden(new URL(`${name}.terminal.golden`, folder).pathname, shown);
    expect(found.length).toBeGreaterThan(0);
  });

  it.each([
    ["json", renderJson],
    ["github", renderGithub],
    ["sarif", (found: readonly Diagnostic[], files: readonly SourceFile[]) => renderSarif(found, files, "1.2.3", [])],
  ] as const)("as %s", (format, render) => {
    const all = NAMES.map(read);
    const text = render(
      all.flatMap((one) => one.found),
      all.flatMap((one) => one.files),
    );
    expectGolden(new URL(`all.${format}.golden`, folder).pathname, text);
    expect(
      render(
        all.flatMap((one) => one.found),
        all.flatMap((one) => one.files),
      ),
    ).toBe(text);
  });

  it("no control character of a file reaches the terminal (fuzz)", () => {
    fc.assert(
      fc.property(fc.string({ unit: "binary", maxLength: 80 }), (noise) => {
        const files = [{ path: "a.policy", text: `allow a on sql when "${noise}\u001b[31m\u202e" == x` }];
        const shown = renderTerminal(checkFiles(files).diagnostics, files, false);
        expect(/[\u0000-\u0009\u000b-\u001f\u007f-\u009f\u202a-\u202e\u2066-\u2069]/.test(shown)).toBe(false);
      }),
    );
  });

  it("a long line is cut around the place", () => {
    const text = `allow a on sql when ${'user.name == "x" or '.repeat(50)}statement.knd == select or ${'user.name == "x" or '.repeat(50)}true`;
    const files = [{ path: "a.policy", text }];
    const shown = renderTerminal(
      checkFiles(files).diagnostics.filter((one) => one.code === "P0020"),
      files,
      false,
    ).split("\n");
    expect(Math.max(...shown.map((line) => line.length))).toBeLessThan(200);
    const at = shown[4]!.indexOf("^");
    expect(shown[3]!.slice(at, at + "statement.knd".length)).toBe("statement.knd");
  });
});

describe("SARIF as GitHub's code scanning takes it", () => {
  interface Region {
    startLine: number;
    startColumn: number;
    endLine: number;
    endColumn: number;
  }
  interface Physical {
    artifactLocation: { uri: string };
    region: Region;
  }
  interface Sarif {
    $schema: string;
    version: string;
    runs: {
      tool: {
        driver: {
          name: string;
          rules: {
            id: string;
            name: string;
            shortDescription: { text: string };
            fullDescription: { text: string };
            help: { text: string; markdown: string };
            helpUri: string;
            defaultConfiguration: { level: string };
            properties: { tags: string[]; precision: string; "problem.severity": string };
          }[];
        };
      };
      columnKind: string;
      results: {
        ruleId: string;
        ruleIndex: number;
        level: string;
        message: { text: string };
        locations: { physicalLocation: Physical }[];
        relatedLocations?: { id: number; message: { text: string }; physicalLocation: Physical }[];
        partialFingerprints: { primaryLocationLineHash: string };
        fixes?: {
          description: { text: string };
          artifactChanges: {
            artifactLocation: { uri: string };
            replacements: { deletedRegion: Region; insertedContent: { text: string } }[];
          }[];
        }[];
      }[];
    }[];
  }
  const all = NAMES.map(read);
  const found = all.flatMap((one) => one.found);
  const sarif = JSON.parse(
    renderSarif(
      found,
      all.flatMap((one) => one.files),
      "1.2.3",
      pages,
    ),
  ) as Sarif;
  const [run] = sarif.runs;
  const LEVELS = ["none", "note", "warning", "error"];

  it("is one run of version 2.1.0, its tool named", () => {
    expect(sarif.version).toBe("2.1.0");
    expect(sarif.$schema).toMatch(/^https:\/\/json\.schemastore\.org\/sarif-2\.1\.0\.json$/);
    expect(sarif.runs).toHaveLength(1);
    expect(run!.tool.driver.name).toBe("policyc");
    expect(run!.columnKind).toBe("utf16CodeUnits");
  });

  it("every rule has an id of its own, descriptions within their limits, and help", () => {
    const { rules } = run!.tool.driver;
    expect(new Set(rules.map((rule) => rule.id)).size).toBe(rules.length);
    expect(rules.length).toBe(pages.length);
    for (const rule of rules) {
      expect(rule.name.length).toBeLessThanOrEqual(255);
      for (const text of [rule.shortDescription.text, rule.fullDescription.text]) {
        expect(text.length).toBeGreaterThan(0);
        expect(text.length).toBeLessThanOrEqual(1024);
      }
      expect(rule.help.text.length).toBeGreaterThan(0);
      expect(rule.help.markdown.length).toBeGreaterThan(0);
      expect(new URL(rule.helpUri).protocol).toBe("https:");
      expect(LEVELS).toContain(rule.defaultConfiguration.level);
      expect(rule.properties.tags.length).toBeLessThanOrEqual(20);
      expect(["very-high", "high", "medium", "low"]).toContain(rule.properties.precision);
      expect(["error", "warning", "recommendation"]).toContain(rule.properties["problem.severity"]);
    }
  });

  const isPlace = ({ artifactLocation, region }: Physical): void => {
    // Relative to the checkout, without a scheme, and a URI.
    expect(artifactLocation.uri).toMatch(/^[^/:\\ ][^:\\ ]*$/);
    isRegion(region);
  };
  const isRegion = (region: Region): void => {
    expect(region.startLine).toBeGreaterThanOrEqual(1);
    expect(region.startColumn).toBeGreaterThanOrEqual(1);
    const before = region.startLine < region.endLine || region.startColumn <= region.endColumn;
    expect(region.startLine <= region.endLine && before).toBe(true);
  };

  it("every result names its rule, one place, and a fingerprint of its own", () => {
    const { results, tool } = run!;
    expect(results).toHaveLength(found.length);
    for (const result of results) {
      expect(tool.driver.rules[result.ruleIndex]!.id).toBe(result.ruleId);
      expect(LEVELS).toContain(result.level);
      expect(result.message.text.length).toBeGreaterThan(0);
      expect(result.locations).toHaveLength(1);
      isPlace(result.locations[0]!.physicalLocation);
      for (const [i, related] of (result.relatedLocations ?? []).entries()) {
        expect(related.id).toBe(i);
        expect(related.message.text.length).toBeGreaterThan(0);
        isPlace(related.physicalLocation);
      }
      for (const fix of result.fixes ?? []) {
        expect(fix.description.text.length).toBeGreaterThan(0);
        for (const change of fix.artifactChanges) {
          expect(change.replacements.length).toBeGreaterThan(0);
          for (const one of change.replacements) isRegion(one.deletedRegion);
        }
      }
      expect(result.partialFingerprints.primaryLocationLineHash).toMatch(/^[0-9a-f]{16}:[1-9][0-9]*$/);
    }
    const prints = results.map((result) => result.partialFingerprints.primaryLocationLineHash);
    expect(new Set(prints).size).toBe(prints.length);
    expect(results.some((result) => result.relatedLocations !== undefined)).toBe(true);
    expect(results.some((result) => result.fixes !== undefined)).toBe(true);
  });

  it("a fingerprint stays when lines are put before it", () => {
    const one = { path: "a.policy", text: "allow a on sql when statement.knd == select\n" };
    const two = { ...one, text: `// more\n\n${one.text}` };
    const prints = [one, two].map((file) => {
      const report = JSON.parse(renderSarif(checkFiles([file]).diagnostics, [file], "1", pages)) as Sarif;
      return report.runs[0]!.results[0]!.partialFingerprints;
    });
    expect(prints[0]).toEqual(prints[1]);
  });

  it("a path is written as a URI", () => {
    const file = { path: "a b/ü.policy", text: "allow a on sql when statement.knd == select\n" };
    const report = JSON.parse(renderSarif(checkFiles([file]).diagnostics, [file], "1", pages)) as Sarif;
    expect(report.runs[0]!.results[0]!.locations[0]!.physicalLocation.artifactLocation.uri).toBe("a%20b/%C3%BC.policy");
  });
});

describe("workflow commands", () => {
  it("escape what would end them", () => {
    const file = { path: "a,b:c.policy", text: 'allow a on sql when user.name == "%" or "\\q" == x' };
    for (const line of renderGithub(checkFiles([file]).diagnostics, [file])
      .trimEnd()
      .split("\n")) {
      expect(line).toMatch(
        /^::(error|warning) file=a%2Cb%3Ac\.policy,line=1,endLine=1,col=\d+,endColumn=\d+,title=[PL]\d{4} [a-z-]+::.+$/,
      );
    }
  });
});

describe("making fixes", () => {
  const at = (start: number, end: number, text: string, safe = true): Diagnostic => ({
    code: "X",
    name: "x",
    severity: "warning",
    span: { file: "a", start, end },
    message: "",
    hint: undefined,
    related: [],
    fixes: [{ title: text, edits: [{ span: { file: "a", start, end }, text }], safe }],
  });
  const text = (found: readonly Diagnostic[]): string =>
    applyFixes([{ path: "a", text: "0123456789" }], found).files[0]!.text;

  it("makes several, whatever their order", () => {
    expect(text([at(8, 9, "x"), at(1, 3, "ab"), at(5, 5, "+")])).toBe("0ab34+567x9");
  });
  it("leaves out what touches an earlier one, what is not safe, and what is of another file", () => {
    expect(text([at(1, 3, "ab"), at(2, 5, "no"), at(3, 4, "no"), at(6, 7, "no", false)])).toBe("0ab3456789");
    const other = { ...at(1, 2, "no").fixes[0]!, edits: [{ span: { file: "b", start: 1, end: 2 }, text: "no" }] };
    expect(text([{ ...at(1, 2, "no"), fixes: [other] }])).toBe("0123456789");
  });
  it("makes a misspelt name right", () => {
    const mended = fixFiles(read("misspelt").files, (now) => withMends(now, checkFiles(now)));
    expect(mended.takenBack).toEqual([]);
    expect(checkFiles(mended.files).diagnostics.filter((one) => one.severity === "error")).toEqual([]);
  });
});

describe("unified differences", () => {
  /** What `patch` does with it. */
  function patched(before: string, diff: string): string {
    if (diff === "") return before;
    const lines = before.split("\n");
    const out: string[] = [];
    let at = 0;
    for (const line of diff.split("\n").slice(2, -1)) {
      const hunk = /^@@ -(\d+),(\d+) \+(\d+),(\d+) @@$/.exec(line);
      if (hunk !== null) {
        const from = Math.max(0, Number(hunk[1]) - 1);
        out.push(...lines.slice(at, from));
        at = from;
        expect(out.length).toBe(Math.max(0, Number(hunk[3]) - 1));
      } else if (line.startsWith("+")) out.push(line.slice(1));
      else {
        expect(line.slice(1)).toBe(lines[at]);
        at++;
        if (line.startsWith(" ")) out.push(line.slice(1));
      }
    }
    return [...out, ...lines.slice(at)].join("\n");
  }
  it("make the one text into the other", () => {
    const body = fc
      .array(fc.constantFrom("a", "b", "c", "", "d"), { maxLength: 30 })
      .map((all) => all.map((one) => `${one}\n`).join(""));
    fc.assert(
      fc.property(body, body, (before, after) => {
        expect(patched(before, unifiedDiff("f", before, after))).toBe(after);
      }),
      { numRuns: 500 },
    );
  });
  it("show three lines around a change", () => {
    const before = Array.from({ length: 20 }, (_, i) => `${i}\n`).join("");
    expect(unifiedDiff("f", before, before.replace("10\n", "ten\n"))).toBe(
      "--- a/f\n+++ b/f\n@@ -8,7 +8,7 @@\n 7\n 8\n 9\n-10\n+ten\n 11\n 12\n 13\n",
    );
  });
});
