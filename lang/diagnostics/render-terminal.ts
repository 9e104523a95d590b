import { lineOf, placeOf, type SourceFile, type Span } from "../source/index.ts";
import type { Diagnostic } from "./diagnostic.ts";

const paint = (colour: boolean, code: number, text: string): string =>
  colour ? `\u001b[${code}m${text}\u001b[0m` : text;
const RED = 31;
const YELLOW = 33;
const BLUE = 34;
const BOLD = 1;

/** Longest piece of a source line that is shown; longer lines are cut around the place. */
const LINE_WIDTH_MAX = 160;
/** Lines of a place over several that are shown. */
const PLACE_LINES_MAX = 4;

/**
 * For a person at a terminal: the line with the place underlined, what is wrong, the other places that belong to it, and what
 * would mend it. The last line says how to read more.
 */
export function renderTerminal(found: readonly Diagnostic[], files: readonly SourceFile[], colour: boolean): string {
  const texts = new Map(files.map((file) => [file.path, file.text]));
  return found.map((one) => renderOne(one, texts, colour)).join("\n");
}

function renderOne(found: Diagnostic, texts: ReadonlyMap<string, string>, colour: boolean): string {
  const tint = found.severity === "error" ? RED : YELLOW;
  const lastLines = [found, ...found.related].map(({ span }) => {
    const text = texts.get(span.file) ?? "";
    const first = placeOf(text, span.start).line;
    return Math.min(placeOf(text, Math.max(span.start, span.end - 1)).line, first + PLACE_LINES_MAX - 1);
  });
  const width = String(Math.max(...lastLines)).length;
  const blank = " ".repeat(width);
  const bar = paint(colour, BLUE, "|");
  const note = paint(colour, BLUE, "=");
  const excerpt = (span: Span, mark: string, label: string): readonly string[] =>
    excerptOf(texts.get(span.file) ?? "", span, mark, label).map(({ line, text }) =>
      `${line === null ? blank : paint(colour, BLUE, String(line).padStart(width))} ${bar} ${text}`.trimEnd(),
    );
  const place = (span: Span): string => {
    const { line, column } = placeOf(texts.get(span.file) ?? "", span.start);
    return `${span.file}:${line}:${column}`;
  };
  const lines = [
    `${paint(colour, tint, `${found.severity}[${found.code}]`)}: ${paint(colour, BOLD, visible(found.message))}`,
    `${blank}${paint(colour, BLUE, "-->")} ${place(found.span)}`,
    `${blank} ${bar}`,
    ...excerpt(found.span, paint(colour, tint, "^"), ""),
  ];
  for (const { span, label } of found.related) {
    lines.push(`${blank}${paint(colour, BLUE, ":::")} ${place(span)}`);
    lines.push(...excerpt(span, paint(colour, BLUE, "-"), visible(label)));
  }
  if (found.hint !== undefined) lines.push(`${blank} ${note} help: ${visible(found.hint)}`);
  const fix = found.fixes.find((one) => one.safe);
  if (fix !== undefined) lines.push(`${blank} ${note} fix: ${visible(fix.title)} (--fix does it)`);
  lines.push(`${blank} ${note} more: policyc explain ${found.code}`);
  return `${lines.join("\n")}\n`;
}

interface ExcerptLine {
  readonly line: number | null;
  readonly text: string;
}

/** The lines of a place, each with its marks below it; the label stands behind the last mark. */
function excerptOf(text: string, span: Span, mark: string, label: string): readonly ExcerptLine[] {
  const first = placeOf(text, span.start);
  const last = placeOf(text, Math.max(span.start, span.end - 1));
  const lineCount = last.line - first.line + 1;
  const shown = Array.from({ length: Math.min(lineCount, PLACE_LINES_MAX) }, (_, i) => lineOf(text, first.line + i));
  return shown.flatMap((source, i): readonly ExcerptLine[] => {
    const line = source.replace(/\r$/, "");
    const indent = /^\s*/.exec(line)![0].length;
    const from = i === 0 ? first.column - 1 : indent;
    const lineEnd = first.line + i === last.line ? last.column : line.length;
    const marks = Math.max(1, Math.min(lineEnd, line.length) - from);
    // A cut keeps the place in sight: it begins a little before it.
    const cut = line.length > LINE_WIDTH_MAX ? Math.max(0, from - 40) : 0;
    const piece = line.slice(cut, cut + LINE_WIDTH_MAX);
    const count = Math.max(1, Math.min(marks, LINE_WIDTH_MAX - (from - cut)));
    const isLast = i === shown.length - 1;
    const more = isLast && lineCount > shown.length ? " …" : "";
    const tail = isLast && label !== "" ? ` ${label}` : "";
    return [
      { line: first.line + i, text: `${cut > 0 ? "…" : ""}${visible(piece)}` },
      { line: null, text: `${" ".repeat(from - cut + (cut > 0 ? 1 : 0))}${mark.repeat(count)}${more}${tail}` },
    ];
  });
}

/** Tabs and control characters take one place each, and none of them reaches the terminal. */
const visible = (text: string): string =>
  text.replaceAll(/[\u0000-\u001f\u007f-\u009f\u200b-\u200f\u202a-\u202e\u2066-\u2069\ufeff]/g, (char) =>
    char === "\t" ? " " : "\u00b7",
  );
