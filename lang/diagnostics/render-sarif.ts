import { createHash } from "node:crypto";
import { lineOf, type SourceFile } from "../source/index.ts";
import type { Diagnostic, Page } from "./diagnostic.ts";
import { HELP_URI, helpUri } from "./help.ts";
import { regionOf, textsOf, type Region } from "./render-json.ts";

/** What GitHub takes of one run. Source: GitHub, "SARIF support for code scanning". */
const RESULTS_MAX = 25_000;
const TEXT_LENGTH_MAX = 1024;

const cut = (text: string): string =>
  text.length <= TEXT_LENGTH_MAX ? text : `${text.slice(0, TEXT_LENGTH_MAX - 1)}…`;

/**
 * SARIF 2.1.0 as GitHub's code scanning reads it: every rule with its page as help, results with places, fixes, and a
 * fingerprint that stays when lines move.
 *
 * @param pages every code that a diagnostic may have; a code without one is a fault of ours, and such a result is left without
 *   `ruleIndex`
 */
export function renderSarif(
  found: readonly Diagnostic[],
  files: readonly SourceFile[],
  version: string,
  pages: readonly Page[],
): string {
  const texts = textsOf(files);
  const indexOf = new Map(pages.map((page, i) => [page.code, i]));
  const seen = new Map<string, number>();
  const results = found.slice(0, RESULTS_MAX).map((one) => {
    const at = regionOf(one.span, texts);
    const ruleIndex = indexOf.get(one.code);
    return {
      ruleId: one.code,
      ...(ruleIndex === undefined ? {} : { ruleIndex }),
      level: one.severity,
      message: { text: cut(one.hint === undefined ? one.message : `${one.message}; ${one.hint}`) },
      locations: [{ physicalLocation: physical(at) }],
      ...(one.related.length === 0
        ? {}
        : {
            relatedLocations: one.related.map(({ span, label }, id) => ({
              id,
              message: { text: label },
              physicalLocation: physical(regionOf(span, texts)),
            })),
          }),
      partialFingerprints: { primaryLocationLineHash: fingerprint(one, at, texts, seen) },
      ...(one.fixes.length === 0 ? {} : { fixes: one.fixes.map((fix) => sarifFix(fix, texts)) }),
    };
  });
  const driver = {
    name: "policyc",
    semanticVersion: version,
    version,
    informationUri: HELP_URI,
    rules: pages.map(sarifRule),
  };
  const run = { tool: { driver }, columnKind: "utf16CodeUnits", results };
  return `${JSON.stringify({ $schema: "https://json.schemastore.org/sarif-2.1.0.json", version: "2.1.0", runs: [run] }, null, 2)}\n`;
}

function sarifRule(page: Page): object {
  const words = page.name.replaceAll("-", " ");
  const [first = page.text] = page.text.split("\n\n");
  return {
    id: page.code,
    name: page.name,
    shortDescription: { text: cut(words) },
    fullDescription: { text: cut(first) },
    help: { text: page.text, markdown: markdown(page.text) },
    helpUri: helpUri(page),
    defaultConfiguration: { level: page.severity },
    properties: {
      precision: "high",
      "problem.severity": page.severity,
      tags: [page.code.startsWith("L") ? "maintainability" : "correctness"],
    },
  };
}

/** A page's examples are set as code. */
const markdown = (text: string): string =>
  text
    .split("\n\n")
    .map((part) => (/^(before|after):/.test(part) ? `\`\`\`\n${part}\n\`\`\`` : part))
    .join("\n\n");

const region = (at: Region): object => ({
  startLine: at.line,
  startColumn: at.column,
  endLine: at.endLine,
  endColumn: at.endColumn,
});

/** A path as a URI relative to the checkout. */
const uriOf = (file: string): string => file.split("/").map(encodeURIComponent).join("/");

const physical = (at: Region): object => ({ artifactLocation: { uri: uriOf(at.file) }, region: region(at) });

function sarifFix(fix: Diagnostic["fixes"][number], texts: ReadonlyMap<string, string>): object {
  const byFile = new Map<string, object[]>();
  for (const { span, text } of fix.edits) {
    const at = regionOf(span, texts);
    const replacements = byFile.get(at.file) ?? [];
    replacements.push({ deletedRegion: region(at), insertedContent: { text } });
    byFile.set(at.file, replacements);
  }
  return {
    description: { text: fix.title },
    artifactChanges: [...byFile].map(([file, replacements]) => ({
      artifactLocation: { uri: uriOf(file) },
      replacements,
    })),
  };
}

/** Of the code, the file and the line's text without its spaces; the count tells equal lines apart. */
function fingerprint(
  one: Diagnostic,
  at: Region,
  texts: ReadonlyMap<string, string>,
  seen: Map<string, number>,
): string {
  const line = lineOf(texts.get(one.span.file) ?? "", at.line);
  const hash = createHash("sha256")
    .update([one.code, at.file, line.replaceAll(/\s+/g, "")].join("\0"))
    .digest("hex")
    .slice(0, 16);
  const count = (seen.get(hash) ?? 0) + 1;
  seen.set(hash, count);
  return `${hash}:${count}`;
}
