import type { PolicyFile } from "../ast/index.ts";
import { nearest } from "../../base/text.ts";
import type { Fix } from "../diagnostics/index.ts";
import type { Span } from "../source/index.ts";
import type { LintInput } from "./input.ts";
import { linesOf } from "./rewrite.ts";

/** One code of a `// lint-ignore L001, L002: reason`. */
export interface Ignore {
  readonly code: string;
  /** The comment. */
  readonly span: Span;
  /** What it covers: a line, or the whole rule, let or test that follows. */
  readonly covers: Span;
  readonly removal: Fix;
}

export interface BadIgnore {
  readonly code: "L100" | "L102";
  readonly span: Span;
  readonly message: string;
  readonly hint: string;
}

const FORM = /^\/\/\s*lint-ignore\b\s*([^:]*?)\s*(?::\s*(.*?)\s*)?$/;

/** The ignores of a file, and those that can't be read. */
export function ignoresOf(
  tree: PolicyFile,
  input: LintInput,
  codes: ReadonlySet<string>,
): { readonly ignores: readonly Ignore[]; readonly bad: readonly BadIgnore[] } {
  const ignores: Ignore[] = [];
  const bad: BadIgnore[] = [];
  const text = input.fileText(tree.path);
  for (const { text: comment, span } of tree.comments) {
    const found = FORM.exec(comment.trimEnd());
    if (found === null) continue;
    const named = found[1]!.split(/[\s,]+/).filter((code) => code !== "");
    if (named.length === 0 || (found[2] ?? "") === "") {
      const what = named.length === 0 ? "names no code" : "gives no reason";
      bad.push({
        code: "L100",
        span,
        message: `this lint-ignore ${what}, so it ignores nothing`,
        hint: "write `// lint-ignore L001: REASON`",
      });
      continue;
    }
    const removal: Fix = {
      title: "remove the comment",
      edits: [{ span: linesOf(text, span), text: "" }],
      safe: named.length === 1,
    };
    const covers = coveredBy(span, tree, text);
    for (const code of named) {
      if (codes.has(code)) ignores.push({ code, span, covers, removal });
      else {
        const near = nearest(code, codes);
        bad.push({
          code: "L102",
          span,
          message: `no rule of the linter has the code ${code}`,
          hint: near === undefined ? "policyc lint --rules lists them" : `did you mean ${near}?`,
        });
      }
    }
  }
  return { ignores, bad };
}

/** A comment behind something covers that line; one on a line of its own covers the item, or the line, that follows. */
function coveredBy(span: Span, tree: PolicyFile, text: string): Span {
  const lineStart = text.lastIndexOf("\n", span.start - 1) + 1;
  const endOf = (offset: number): number => {
    const end = text.indexOf("\n", offset);
    return end < 0 ? text.length : end;
  };
  if (text.slice(lineStart, span.start).trim() !== "") return { ...span, start: lineStart, end: endOf(span.start) };
  const inside = tree.items.some((item) => item.span.start < span.start && item.span.end > span.end);
  const next = inside ? undefined : tree.items.find((item) => item.span.start >= span.end);
  if (next !== undefined) return next.span;
  // Further comments may stand between it and its line.
  let start = endOf(span.end) + 1;
  while (start < text.length && /^\s*(\/\/|$)/.test(text.slice(start, endOf(start)))) start = endOf(start) + 1;
  return { ...span, start: Math.min(start, text.length), end: endOf(Math.min(start, text.length)) };
}
