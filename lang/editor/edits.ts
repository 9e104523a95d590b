import type { SourceFile, Span } from "../source/index.ts";

/** A piece of text put in place of another. */
export interface Edit {
  readonly span: Span;
  readonly text: string;
}

/** A file's text after those edits that are its own. Edits must not overlap. */
export function applyEdits(file: SourceFile, edits: readonly Edit[]): string {
  let out = "";
  let at = 0;
  for (const { span, text } of edits
    .filter((one) => one.span.file === file.path)
    .sort((a, b) => a.span.start - b.span.start)) {
    out += file.text.slice(at, span.start) + text;
    at = span.end;
  }
  return out + file.text.slice(at);
}

/**
 * The smallest single edit that turns one text into the other, so that an editor keeps the cursor where it was. Null when
 * they are the same.
 */
export function minimalEdit(file: SourceFile, text: string): Edit | null {
  const old = file.text;
  if (old === text) return null;
  let start = 0;
  while (start < old.length && start < text.length && old[start] === text[start]) start++;
  let end = 0;
  while (end < old.length - start && end < text.length - start && old.at(-1 - end) === text.at(-1 - end)) end++;
  return { span: { file: file.path, start, end: old.length - end }, text: text.slice(start, text.length - end) };
}
