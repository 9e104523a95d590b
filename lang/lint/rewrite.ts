import type { Expr, Item } from "../ast/index.ts";
import type { Fix } from "../diagnostics/index.ts";
import { printInPlaceOf } from "../format/index.ts";
import type { Span } from "../source/index.ts";
import type { LintInput } from "./input.ts";

/**
 * A fix that writes another expression where one stands; none where the place holds a comment, or brackets that belong to
 * what stands around it.
 */
export function rewrite(input: LintInput, at: Expr, by: Expr, title?: string): readonly Fix[] {
  const text = input.textOf(at.span);
  if (!selfContained(text)) return [];
  const put = printInPlaceOf(by, at);
  return [{ title: title ?? `write \`${shorten(put)}\` instead`, edits: [{ span: at.span, text: put }], safe: true }];
}

export const shorten = (text: string): string => (text.length <= 60 ? text : `${text.slice(0, 59)}…`);

/** Whether every bracket of a piece of source is opened and closed in it, and no comment is in it. */
export function selfContained(text: string): boolean {
  let depth = 0;
  for (let i = 0; i < text.length; i++) {
    const char = text[i]!;
    if (char === '"') {
      for (i++; i < text.length && text[i] !== '"'; i++) if (text[i] === "\\") i++;
    } else if (char === "/" && text[i + 1] === "/") return false;
    else if (char === "(" || char === "[") depth++;
    else if ((char === ")" || char === "]") && --depth < 0) return false;
  }
  return depth === 0;
}

/** The place of an item with its line break, so that nothing is left of it; comments stay. */
export function wholeLines(input: LintInput, item: Item): Span {
  return linesOf(input.fileText(item.span.file), item.span);
}

export function linesOf(text: string, span: Span): Span {
  const lineStart = text.lastIndexOf("\n", span.start - 1) + 1;
  const start = text.slice(lineStart, span.start).trim() === "" ? lineStart : span.start;
  const rest = /^[ \t]*\r?\n/.exec(text.slice(span.end));
  return { ...span, start, end: start === lineStart && rest !== null ? span.end + rest[0].length : span.end };
}
