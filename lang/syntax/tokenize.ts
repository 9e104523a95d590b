import { lex } from "./quick-lexer.ts";
import { Comment, Duration, Identifier, Int, K, Regex, Text } from "./tokens.ts";

export type TokenKind = "keyword" | "name" | "text" | "number" | "duration" | "expression" | "comment" | "mark";

/** One word or mark of a file, for tools that look at text which need not be a policy yet. Offsets as in `Span`. */
export interface Token {
  readonly kind: TokenKind;
  readonly text: string;
  readonly start: number;
  readonly end: number;
}

const KINDS = new Map<unknown, TokenKind>([
  [Identifier, "name"],
  [Text, "text"],
  [Int, "number"],
  [Duration, "duration"],
  [Regex, "expression"],
  [Comment, "comment"],
  ...Object.values(K).map((token) => [token, "keyword"] as const),
]);

/** Every token of a text, comments among them, in order of place. Characters that begin none are passed over. */
export function tokenize(text: string): readonly Token[] {
  const { tokens, comments } = lex(text);
  const all = comments.length === 0 ? tokens : [...tokens, ...comments].sort((a, b) => a.startOffset - b.startOffset);
  return all.map((token) => ({
    kind: KINDS.get(token.tokenType) ?? "mark",
    text: token.image,
    start: token.startOffset,
    end: token.startOffset + token.image.length,
  }));
}
