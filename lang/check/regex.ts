import type { RegexLiteral } from "../ast/index.ts";
import type { CheckedRegex } from "../checked/index.ts";
import { diagnostic } from "../diagnostics/index.ts";
import { hasAnchor, parseRegex, type RegexNode } from "../syntax/index.ts";
import type { Report } from "./packages.ts";

/** Reads what stands between the slashes; null when it can't be read, which was reported at its place. */
export function checkRegex(node: RegexLiteral, report: Report): CheckedRegex | null {
  const found = parseRegex(node.source, node.ignoreCase);
  if (found.ok) {
    return { source: node.source, ignoreCase: node.ignoreCase, syntax: found.value, span: node.span };
  }
  const { at, why } = found.error;
  const start = Math.min(node.span.start + 1 + at, node.span.end - 1);
  report(diagnostic("bad-expression", { ...node.span, start, end: start + 1 }, { why }));
  return null;
}

/** As `checkRegex`, for what is searched in streams and values: there is no beginning or end to hold on to, and it is never empty. */
export function checkSearched(node: RegexLiteral, report: Report): CheckedRegex | null {
  const found = checkRegex(node, report);
  if (found === null) return null;
  const why = hasAnchor(found.syntax)
    ? "`^` and `$` have no meaning in a stream: it is found wherever it stands"
    : canBeEmpty(found.syntax)
      ? "it matches the empty text, and so would be found everywhere"
      : null;
  if (why === null) return found;
  report(diagnostic("bad-expression", node.span, { why }));
  return null;
}

function canBeEmpty(node: RegexNode): boolean {
  switch (node.op) {
    case "start":
    case "end":
      return true;
    case "chars":
      return false;
    case "repeat":
      return node.min === 0 || canBeEmpty(node.of);
    case "seq":
      return node.parts.every(canBeEmpty);
    case "alt":
      return node.parts.some(canBeEmpty);
  }
}
