import { parseFile } from "../../syntax/index.ts";
import type { Span } from "../../source/index.ts";
import type { Condition, LintInput } from "../input.ts";
import { printedExpr } from "../walk.ts";

const PAIRS_MAX = 50;

/**
 * Pairs of round brackets of a condition without which it would be the same tree. Each pair is tried on its own, so of two
 * pairs that need one of each other the outer one is told first. Cost: one parse of the condition for each pair.
 */
export function redundantBrackets(
  condition: Condition,
  input: LintInput,
): readonly { readonly open: Span; readonly close: Span }[] {
  const whole = input.textOf(condition.span);
  // Brackets behind a word are a call's.
  if (!/(?:^|[^a-z0-9_])\(/i.test(whole)) return [];
  const head = /^(when|unless|let\s+\w+\s*=)/.exec(whole)?.[0] ?? "";
  const text = whole.slice(head.length);
  // The style has no needless brackets: where it has as many, none is needless, and nothing need be tried.
  if (bracketsIn(text) <= bracketsIn(printedExpr(condition.expr))) return [];
  const wanted = shapeOf(text);
  if (wanted === null) return [];
  const base = condition.span.start + head.length;
  const at = (offset: number): Span => ({ ...condition.span, start: base + offset, end: base + offset + 1 });
  const found: { open: Span; close: Span }[] = [];
  for (const [open, close] of pairsOf(text).slice(0, PAIRS_MAX)) {
    // Blanks keep words apart that only the bracket had kept apart.
    const without = `${text.slice(0, open)} ${text.slice(open + 1, close)} ${text.slice(close + 1)}`;
    if (shapeOf(without) !== wanted) continue;
    found.push({ open: at(open), close: at(close) });
  }
  return outermost(found);
}

/** How many round brackets open in a text, without those in quotes. */
const bracketsIn = (text: string): number => text.replaceAll(/"(?:[^"\\]|\\.)*"/g, "").split("(").length - 1;

/** Of pairs inside one another only the outer one: leaving out both may be too many. */
function outermost(
  found: readonly { readonly open: Span; readonly close: Span }[],
): readonly { readonly open: Span; readonly close: Span }[] {
  return found.filter(
    (one) => !found.some((other) => other.open.start < one.open.start && other.close.end > one.close.end),
  );
}

function shapeOf(text: string): string | null {
  const { tree, diagnostics } = parseFile({ path: "", text: `let x = ${text}` });
  if (diagnostics.length > 0) return null;
  return JSON.stringify(tree.items, (key, value: unknown) => (key === "span" ? undefined : value));
}

/** Places of matching brackets that open an expression, not the arguments of a call. */
function pairsOf(text: string): readonly (readonly [number, number])[] {
  const pairs: [number, number][] = [];
  const opened: { at: number; call: boolean }[] = [];
  for (let i = 0; i < text.length; i++) {
    const char = text[i]!;
    if (char === '"') {
      for (i++; i < text.length && text[i] !== '"'; i++) if (text[i] === "\\") i++;
    } else if (char === "/" && text[i + 1] === "/") {
      while (i < text.length && text[i] !== "\n") i++;
    } else if (char === "(") opened.push({ at: i, call: /[a-z0-9_]$/i.test(text.slice(0, i)) });
    else if (char === ")") {
      const open = opened.pop();
      if (open !== undefined && !open.call) pairs.push([open.at, i]);
    }
  }
  return pairs;
}
