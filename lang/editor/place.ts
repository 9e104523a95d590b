import { tokenize, type Token } from "../syntax/index.ts";

export type PlaceItem = "top" | "package" | "import" | "let" | "columns" | "detector" | "rule" | "never" | "test";

/** Where the cursor stands, found from the words before it: what comes after it need not be there yet. */
export interface Place {
  readonly item: PlaceItem;
  /** The item's words up to the one that is being written, without comments. */
  readonly tokens: readonly Token[];
  /** What is written of the word, or of the text between quotes. */
  readonly prefix: string;
  /** What a completion replaces. */
  readonly start: number;
  readonly end: number;
  readonly inText: boolean;
  readonly inComment: boolean;
  /** Whether only blanks stand before the word, and how many. */
  readonly indent: number | null;
}

/** Words that begin an item when they stand at the beginning of a line. */
const BEGINS = /^(?:package|import|export|let|detector|never|test|allow|deny|approve|mask|limit|alert)\b|^@/;
const EFFECT = /^(?:allow|deny|approve|mask|limit|alert)$/;

export function placeAt(text: string, offset: number): Place {
  const lineStart = text.lastIndexOf("\n", offset - 1) + 1;
  const state = stateOf(text.slice(lineStart, offset));
  const begin = itemStart(text, lineStart);
  if (state.kind === "text") {
    const start = lineStart + state.from + 1;
    const rest = /^(?:[^"\\\n]|\\.)*"/.exec(text.slice(offset));
    const end = rest === null ? offset : offset + rest[0].length - 1;
    return { ...itemOf(text.slice(begin, start - 1), begin), ...word(text, start, offset, end, true, false) };
  }
  const start = offset - /[A-Za-z0-9_]*$/.exec(text.slice(lineStart, offset))![0].length;
  const end = offset + /^[A-Za-z0-9_]*/.exec(text.slice(offset, offset + 200))![0].length;
  return {
    ...itemOf(text.slice(begin, start), begin),
    ...word(text, start, offset, end, false, state.kind === "comment"),
  };
}

function word(text: string, start: number, offset: number, end: number, inText: boolean, inComment: boolean) {
  const before = text.slice(text.lastIndexOf("\n", start - 1) + 1, start);
  return {
    prefix: text.slice(start, offset),
    start,
    end,
    inText,
    inComment,
    indent: before.trim() === "" ? before.length : null,
  };
}

/** Whether the end of a piece of a line stands in a text, an expression or a comment. Neither goes over its line. */
function stateOf(line: string): { readonly kind: "code" | "text" | "comment"; readonly from: number } {
  let at = 0;
  while (at < line.length) {
    const char = line[at]!;
    if (char === '"' || (char === "/" && line[at + 1] !== "/")) {
      const from = at++;
      while (at < line.length && line[at] !== char) at += line[at] === "\\" ? 2 : 1;
      if (at >= line.length) return { kind: char === '"' ? "text" : "code", from };
    } else if (char === "/") return { kind: "comment", from: at };
    at++;
  }
  return { kind: "code", from: at };
}

/** Where reading has to begin so that the item around a line is read whole. */
function itemStart(text: string, lineStart: number): number {
  let from = lineStart;
  while (from > 0) {
    const previous = text.lastIndexOf("\n", from - 2) + 1;
    if (BEGINS.test(text.slice(previous, from))) return previous;
    from = previous;
  }
  return 0;
}

/** The item that the end of a piece of text stands in, and its words. */
function itemOf(text: string, offset: number): { readonly item: PlaceItem; readonly tokens: readonly Token[] } {
  const tokens = tokenize(text)
    .filter((token) => token.kind !== "comment")
    .map((token) => ({ ...token, start: token.start + offset, end: token.end + offset }));
  let item: PlaceItem = "top";
  let start = 0;
  let depth = 0;
  for (const [i, token] of tokens.entries()) {
    if (token.kind === "mark" && "({[".includes(token.text)) depth++;
    else if (token.kind === "mark" && ")}]".includes(token.text)) {
      depth = Math.max(0, depth - 1);
      if (depth === 0 && item === "test" && token.text === "}") {
        item = "top";
        start = i + 1;
      }
    } else if (depth === 0) {
      const found = beginning(tokens, i, item);
      if (found === null) continue;
      // What stands before a rule, its annotations and `export`, is part of it.
      if (!(item === "rule" && onlyAnnotations(tokens.slice(start, i)))) start = i;
      item = found;
    }
  }
  return { item, tokens: tokens.slice(start) };
}

const onlyAnnotations = (tokens: readonly Token[]): boolean =>
  tokens[0]?.text === "@" && !tokens.some((token) => token.kind === "keyword" && EFFECT.test(token.text));

function beginning(tokens: readonly Token[], i: number, item: PlaceItem): PlaceItem | null {
  const { text, kind } = tokens[i]!;
  const next = tokens[i + 1];
  const previous = tokens[i - 1];
  if (previous?.text === "." || previous?.text === "@") return null;
  if (text === "@") return "rule";
  if (kind !== "keyword" && kind !== "name") return null;
  switch (text) {
    case "package":
    case "import":
    case "let":
    case "never":
      return text;
    case "export":
      return "top";
    case "detector":
      return (item !== "rule" && item !== "test") || tokens[i + 2]?.text === "=" ? "detector" : null;
    case "columns":
      // In a rule it is a clause, unless a name and `=` follow.
      return (item !== "rule" && item !== "test" && previous?.text !== "let") || tokens[i + 2]?.text === "="
        ? "columns"
        : null;
    case "test":
      return next === undefined || next.kind === "text" ? "test" : null;
    default:
      return EFFECT.test(text) && previous?.text !== "expect" ? "rule" : null;
  }
}
