import { placeOf, type SourceFile, type Span } from "../source/index.ts";
import type { Diagnostic } from "./diagnostic.ts";

/** Raised when a reader of the old form would misread the new one. */
export const JSON_VERSION = 1;

/** A place as other tools count it: lines and columns from 1, columns in UTF-16 units, the end not included. */
export interface Region {
  readonly file: string;
  readonly line: number;
  readonly column: number;
  readonly endLine: number;
  readonly endColumn: number;
}

export function regionOf(span: Span, texts: ReadonlyMap<string, string>): Region {
  const text = texts.get(span.file) ?? "";
  const from = placeOf(text, span.start);
  const to = placeOf(text, span.end);
  return {
    file: span.file.replaceAll("\\", "/"),
    line: from.line,
    column: from.column,
    endLine: to.line,
    endColumn: to.column,
  };
}

export const textsOf = (files: readonly SourceFile[]): ReadonlyMap<string, string> =>
  new Map(files.map((file) => [file.path, file.text]));

/** Diagnostics as `spec/formats/diagnostics.md` says; stable byte for byte, in order of place. */
export function renderJson(found: readonly Diagnostic[], files: readonly SourceFile[]): string {
  const texts = textsOf(files);
  const diagnostics = found.map((one) => ({
    code: one.code,
    name: one.name,
    severity: one.severity,
    ...regionOf(one.span, texts),
    message: one.message,
    hint: one.hint ?? null,
    related: one.related.map(({ span, label }) => ({ ...regionOf(span, texts), label })),
    fixes: one.fixes.map(({ title, safe, edits }) => ({
      title,
      safe,
      edits: edits.map(({ span, text }) => ({ ...regionOf(span, texts), text })),
    })),
  }));
  return `${JSON.stringify({ version: JSON_VERSION, diagnostics }, null, 2)}\n`;
}
