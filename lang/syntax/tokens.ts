import { Lexer, createToken, type IToken, type TokenType } from "chevrotain";

/** Any word: what may stand after a dot, or name a column or an annotation. */
export const Word = createToken({ name: "Word", pattern: Lexer.NA });
/** A word that may name something: identifiers and the keywords that mean something only in their place. */
export const Name = createToken({ name: "Name", pattern: Lexer.NA, label: "a name" });
export const Identifier = createToken({
  name: "Identifier",
  pattern: /[A-Za-z_][A-Za-z0-9_]*/,
  categories: [Name, Word],
  label: "a name",
});

/** Every word of the language, once. `reserved` words can't name anything; `contextual` ones can. */
export const KEYWORDS = {
  reserved: [
    "package",
    "let",
    "allow",
    "deny",
    "approve",
    "mask",
    "limit",
    "alert",
    "on",
    "when",
    "unless",
    "because",
    "by",
    "quorum",
    "within",
    "valid",
    "to",
    "with",
    "and",
    "or",
    "not",
    "in",
    "has",
    "any",
    "all",
    "like",
    "matches",
    "starts",
    "ends",
    "exists",
    "else",
    "true",
    "false",
    "expect",
    "for",
    "import",
    "never",
  ],
  contextual: [
    "columns",
    "fields",
    "values",
    "output",
    "test",
    "group",
    "rows",
    "once",
    "user",
    "target",
    "schema",
    "sql",
    "facts",
    "masked",
    "plain",
    "detect",
    "from",
    "export",
    "detector",
    "check",
    "even",
    "approved",
    "predicates",
    "trust",
    "bytes",
    "statements",
    "per",
    "time",
    "ssh",
    "http",
    "kubectl",
    "tool",
    "header",
    "body",
    "approvers",
    "matched",
  ],
} as const;
export type Keyword = (typeof KEYWORDS.reserved)[number] | (typeof KEYWORDS.contextual)[number];

function keyword(text: string, contextual: boolean): TokenType {
  return createToken({
    name: text,
    // Words are read as identifiers and told apart by a table, so that `allowed` is never `allow` and `ed`.
    pattern: Lexer.NA,
    categories: contextual ? [Name, Word] : [Word],
    label: `\`${text}\``,
  });
}

export const K = Object.fromEntries([
  ...KEYWORDS.reserved.map((text) => [text, keyword(text, false)]),
  ...KEYWORDS.contextual.map((text) => [text, keyword(text, true)]),
]) as Record<Keyword, TokenType>;

export const KEYWORD_TEXTS: readonly string[] = [...KEYWORDS.reserved, ...KEYWORDS.contextual];

const mark = (name: string, text: string): TokenType => createToken({ name, pattern: text, label: `\`${text}\`` });

export const M = {
  equal: mark("Equal", "=="),
  notEqual: mark("NotEqual", "!="),
  lessEqual: mark("LessEqual", "<="),
  greaterEqual: mark("GreaterEqual", ">="),
  less: mark("Less", "<"),
  greater: mark("Greater", ">"),
  assign: mark("Assign", "="),
  leftParen: mark("LeftParen", "("),
  rightParen: mark("RightParen", ")"),
  leftBracket: mark("LeftBracket", "["),
  rightBracket: mark("RightBracket", "]"),
  leftBrace: mark("LeftBrace", "{"),
  rightBrace: mark("RightBrace", "}"),
  comma: mark("Comma", ","),
  dot: mark("Dot", "."),
  colon: mark("Colon", ":"),
  star: mark("Star", "*"),
  at: mark("At", "@"),
} as const;

export const Duration = createToken({
  name: "Duration",
  pattern: /[0-9][0-9_]*(?:ms|s|m|h|d)\b/,
  label: "a duration such as 15m",
});
export const Int = createToken({ name: "Int", pattern: /-?[0-9][0-9_]*/, label: "a number" });
export const Text = createToken({ name: "Text", pattern: /"(?:[^"\\\n]|\\.)*"/, label: "a text in quotes" });
/** A text whose closing quote is missing: read to the end of the line, so that only this is told. */
export const OpenText = createToken({ name: "OpenText", pattern: /"(?:[^"\\\n]|\\.)*/ });
export const Regex = createToken({
  name: "Regex",
  pattern: /\/(?:[^/\\\n]|\\.)+\/(?:i(?![A-Za-z0-9_]))?/,
  label: "an expression such as /re/",
});
export const Comment = createToken({ name: "Comment", pattern: /\/\/[^\n]*/, group: "comments" });
export const Space = createToken({ name: "Space", pattern: /[ \t\r\n]+/, group: Lexer.SKIPPED, line_breaks: true });

/** What the parser may meet. */
export const allTokens: TokenType[] = [
  Space,
  Comment,
  Regex,
  Text,
  Duration,
  Int,
  Identifier,
  ...Object.values(K),
  ...Object.values(M),
  Word,
  Name,
];

/** `validate`: look for faults of the definitions themselves, which is for tests. */
export const makeLexer = (validate: boolean): Lexer =>
  new Lexer([Space, Comment, Regex, Text, OpenText, Duration, Int, Identifier, ...Object.values(M)], {
    positionTracking: "onlyOffset",
    ensureOptimizations: true,
    skipValidations: !validate,
  });

let lexer: Lexer | undefined;

const KEYWORD_BY_TEXT: ReadonlyMap<string, TokenType> = new Map(Object.entries(K));

/** The tokens of a text; what can't be read is among the errors, and comments are in the group `comments`. */
export function tokenize(text: string): ReturnType<Lexer["tokenize"]> & { readonly unterminated: readonly IToken[] } {
  lexer ??= makeLexer(false);
  const found = lexer.tokenize(text);
  const unterminated: IToken[] = [];
  for (const token of found.tokens) {
    if (token.tokenType === OpenText) {
      unterminated.push(token);
      token.tokenType = Text;
      token.tokenTypeIdx = Text.tokenTypeIdx!;
    }
    if (token.tokenType !== Identifier) continue;
    const keyword = KEYWORD_BY_TEXT.get(token.image);
    if (keyword === undefined) continue;
    token.tokenType = keyword;
    token.tokenTypeIdx = keyword.tokenTypeIdx!;
  }
  return { ...found, unterminated };
}
