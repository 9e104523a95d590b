import { hasAnchor, type CodeRange, type RegexNode } from "../../lang/index.ts";

/** Inclusive range of code points. */
export type CharRange = CodeRange;

/** One step of a pattern: a character, a loop over any run of characters, or a whole linear-time expression. */
export type Part =
  | { readonly kind: "char"; readonly code: number }
  | { readonly kind: "not-slash" }
  /** Any run without `/`. */
  | { readonly kind: "segment" }
  | { readonly kind: "across" };

/** What an automaton is made from. `name` tells equal patterns, and stands in the bundle for people to read. */
export interface Pattern {
  readonly name: string;
  readonly parts: readonly Part[];
  /** Instead of parts: what is searched for, one way of each to begin and to end. */
  readonly searches?: readonly Search[];
}

/** An expression without anchors, with where it may begin and end. */
export interface Search {
  readonly node: RegexNode;
  readonly atStart: boolean;
  readonly atEnd: boolean;
}

const SEGMENT: Part = { kind: "segment" };
const ACROSS: Part = { kind: "across" };
const chars = (text: string): readonly Part[] =>
  [...text].map((char): Part => ({ kind: "char", code: char.codePointAt(0)! }));

/** `*`: any run without `/`; `**`: any run; `?`: one character that is not `/`; a backslash takes the next as it is. */
export function globPattern(text: string): Pattern {
  const found: Part[] = [];
  const all = [...text];
  for (let i = 0; i < all.length; i++) {
    const char = all[i]!;
    if (char === "\\" && i + 1 < all.length) found.push(...chars(all[++i]!));
    else if (char === "*" && all[i + 1] === "*") {
      found.push(ACROSS);
      i++;
    } else if (char === "*") found.push(SEGMENT);
    else if (char === "?") found.push({ kind: "not-slash" });
    else found.push(...chars(char));
  }
  return { name: `like ${JSON.stringify(text)}`, parts: tidyStars(found) };
}

/** Stars in a row are one star: the widest of them. */
function tidyStars(parts: readonly Part[]): readonly Part[] {
  const tidy: Part[] = [];
  for (const part of parts) {
    const last = tidy[tidy.length - 1];
    const star = part.kind === "segment" || part.kind === "across";
    if (star && (last?.kind === "across" || last?.kind === part.kind)) continue;
    if (part.kind === "across" && last?.kind === "segment") tidy.pop();
    tidy.push(part);
  }
  return tidy;
}

export const startsWithPattern = (text: string): Pattern => ({
  name: `starts with ${JSON.stringify(text)}`,
  parts: [...chars(text), ACROSS],
});

export const endsWithPattern = (text: string): Pattern => ({
  name: `ends with ${JSON.stringify(text)}`,
  parts: [ACROSS, ...chars(text)],
});

/** `matches`: null when an anchor stands where it is not the first or last thing of an alternative. */
export function matchesPattern(written: string, node: RegexNode): Pattern | null {
  const searches = (node.op === "alt" ? node.parts : [node]).map(searchOf);
  if (searches.some((one) => one === null)) return null;
  return { name: `matches ${written}`, parts: [], searches: searches as readonly Search[] };
}

function searchOf(node: RegexNode): Search | null {
  const parts = node.op === "seq" ? node.parts : [node];
  const from = parts.findIndex((part) => part.op !== "start");
  const to = parts.findLastIndex((part) => part.op !== "end");
  const atStart = parts.some((part) => part.op === "start");
  const atEnd = parts.some((part) => part.op === "end");
  const inner = from < 0 || to < from ? [] : parts.slice(from, to + 1);
  return inner.some(hasAnchor) ? null : { node: { op: "seq", parts: inner }, atStart, atEnd };
}
