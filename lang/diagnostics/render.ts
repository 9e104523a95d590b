import { lineOf, placeOf, type SourceFile } from "../source/index.ts";
import { catalogue } from "./catalogue.ts";
import type { Diagnostic } from "./diagnostic.ts";

const paint = (colour: boolean, code: number, text: string): string =>
  colour ? `\u001b[${code}m${text}\u001b[0m` : text;
const RED = 31;
const YELLOW = 33;
const BLUE = 34;
const BOLD = 1;

/** For a person at a terminal: the line with the place underlined, what is wrong, and what would mend it. */
export function renderTerminal(found: readonly Diagnostic[], files: readonly SourceFile[], colour: boolean): string {
  const texts = new Map(files.map((file) => [file.path, file.text]));
  return found.map((one) => renderOne(one, texts.get(one.span.file) ?? "", colour)).join("\n");
}

function renderOne(found: Diagnostic, text: string, colour: boolean): string {
  const { line, column } = placeOf(text, found.span.start);
  const source = lineOf(text, line).replaceAll("\t", " ");
  const length = Math.max(1, Math.min(found.span.end - found.span.start, source.length - column + 1));
  const gutter = " ".repeat(String(line).length);
  const tint = found.severity === "error" ? RED : YELLOW;
  const bar = paint(colour, BLUE, "|");
  const lines = [
    `${paint(colour, tint, `${found.severity}[${found.code}]`)}: ${paint(colour, BOLD, found.message)}`,
    `${gutter}${paint(colour, BLUE, "-->")} ${found.span.file}:${line}:${column}`,
    `${gutter} ${bar}`,
    `${paint(colour, BLUE, String(line))} ${bar} ${source}`,
    `${gutter} ${bar} ${" ".repeat(column - 1)}${paint(colour, tint, "^".repeat(length))}`,
  ];
  for (const other of found.related) lines.push(`${gutter} ${paint(colour, BLUE, "=")} ${other.label}`);
  if (found.hint !== undefined) lines.push(`${gutter} ${paint(colour, BLUE, "=")} help: ${found.hint}`);
  return `${lines.join("\n")}\n`;
}

interface JsonDiagnostic {
  readonly code: string;
  readonly severity: string;
  readonly file: string;
  readonly line: number;
  readonly column: number;
  readonly endLine: number;
  readonly endColumn: number;
  readonly message: string;
  readonly hint: string | null;
}

function toJson(found: Diagnostic, texts: ReadonlyMap<string, string>): JsonDiagnostic {
  const text = texts.get(found.span.file) ?? "";
  const from = placeOf(text, found.span.start);
  const to = placeOf(text, found.span.end);
  return {
    code: found.code,
    severity: found.severity,
    file: found.span.file,
    line: from.line,
    column: from.column,
    endLine: to.line,
    endColumn: to.column,
    message: found.message,
    hint: found.hint ?? null,
  };
}

/** Stable byte for byte: one object a diagnostic, in order of place. */
export function renderJson(found: readonly Diagnostic[], files: readonly SourceFile[]): string {
  const texts = new Map(files.map((file) => [file.path, file.text]));
  return `${JSON.stringify(
    found.map((one) => toJson(one, texts)),
    null,
    2,
  )}\n`;
}

/** SARIF 2.1.0, as code scanning services read it. */
export function renderSarif(found: readonly Diagnostic[], files: readonly SourceFile[], version: string): string {
  const texts = new Map(files.map((file) => [file.path, file.text]));
  const rules = Object.entries(catalogue).map(([name, entry]) => ({
    id: entry.code,
    name,
    shortDescription: { text: name.replaceAll("-", " ") },
    fullDescription: { text: entry.explain },
    defaultConfiguration: { level: entry.severity },
  }));
  const results = found.map((one) => {
    const at = toJson(one, texts);
    return {
      ruleId: one.code,
      level: one.severity,
      message: { text: one.hint === undefined ? one.message : `${one.message}; ${one.hint}` },
      locations: [
        {
          physicalLocation: {
            artifactLocation: { uri: one.span.file.replaceAll("\\", "/") },
            region: { startLine: at.line, startColumn: at.column, endLine: at.endLine, endColumn: at.endColumn },
          },
        },
      ],
    };
  });
  const run = { tool: { driver: { name: "policyc", version, rules } }, columnKind: "utf16CodeUnits", results };
  return `${JSON.stringify({ $schema: "https://json.schemastore.org/sarif-2.1.0.json", version: "2.1.0", runs: [run] }, null, 2)}\n`;
}

/** Workflow commands that put messages beside the lines of a pull request. */
export function renderGithub(found: readonly Diagnostic[], files: readonly SourceFile[]): string {
  const texts = new Map(files.map((file) => [file.path, file.text]));
  const escape = (text: string): string => text.replaceAll("%", "%25").replaceAll("\r", "%0D").replaceAll("\n", "%0A");
  return found
    .map((one) => {
      const at = toJson(one, texts);
      return `::${one.severity} file=${at.file},line=${at.line},col=${at.column},title=${one.code}::${escape(one.hint === undefined ? one.message : `${one.message}; ${one.hint}`)}\n`;
    })
    .join("");
}
