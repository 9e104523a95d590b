import type { ILexingError, IToken, TokenType } from "chevrotain";
import { Comment, Duration, Identifier, Int, K, M, OpenText, Regex, Text, tokenize } from "./tokens.ts";

const IDENTIFIER = sticky(Identifier);
const TEXT = sticky(Text);
const OPEN_TEXT = sticky(OpenText);
const REGEX = sticky(Regex);
const COMMENT = sticky(Comment);
const DURATION = sticky(Duration);
const INT = sticky(Int);

function sticky({ PATTERN }: TokenType): RegExp {
  return new RegExp((PATTERN as RegExp).source, "y");
}

const KEYWORDS: ReadonlyMap<string, TokenType> = new Map(Object.entries(K));
/** By length: of two marks that begin alike the longer one is meant. */
const MARKS: readonly ReadonlyMap<string, TokenType>[] = [2, 1].map(
  (length) =>
    new Map(
      Object.values(M).flatMap((type): [string, TokenType][] => {
        const text = type.PATTERN as string;
        return text.length === length ? [[text, type]] : [];
      }),
    ),
);

export interface Lexed {
  readonly tokens: IToken[];
  readonly comments: readonly IToken[];
  /** Texts whose closing quote is missing; they are among the tokens. */
  readonly unterminated: readonly IToken[];
}

/** The tokens of a text, and what could not be read. */
export function lex(text: string): Lexed & { readonly errors: readonly ILexingError[] } {
  const quick = lexQuickly(text);
  if (quick !== null) return { ...quick, errors: [] };
  const { groups, ...found } = tokenize(text);
  return { ...found, comments: groups["comments"] ?? [] };
}

/**
 * The tokens of a text in which every character belongs to one; null for all others, which the library's lexer tells the
 * errors of. What it finds out about the patterns at each start is not needed here.
 */
export function lexQuickly(text: string): Lexed | null {
  const tokens: IToken[] = [];
  const comments: IToken[] = [];
  const unterminated: IToken[] = [];
  let at = 0;
  const read = (pattern: RegExp): string | null => {
    pattern.lastIndex = at;
    return pattern.test(text) ? text.slice(at, pattern.lastIndex) : null;
  };
  const put = (type: TokenType, image: string, to: IToken[] = tokens): IToken => {
    const token = { image, startOffset: at, tokenType: type, tokenTypeIdx: type.tokenTypeIdx! } as IToken;
    to.push(token);
    at += image.length;
    return token;
  };
  while (at < text.length) {
    const code = text.charCodeAt(at);
    if (code === 32 || (code >= 9 && code <= 13)) {
      if (code === 11 || code === 12) return null;
      at++;
    } else if (isLetter(code)) {
      const word = read(IDENTIFIER)!;
      put(KEYWORDS.get(word) ?? Identifier, word);
    } else if (code === 34) {
      const whole = read(TEXT);
      if (whole !== null) put(Text, whole);
      else unterminated.push(put(Text, read(OPEN_TEXT)!));
    } else if (code === 47) {
      const comment = read(COMMENT);
      const image = comment ?? read(REGEX);
      if (image === null) return null;
      if (comment !== null) put(Comment, image, comments);
      else put(Regex, image);
    } else if (code === 45 || (code >= 48 && code <= 57)) {
      const duration = read(DURATION);
      const image = duration ?? read(INT);
      if (image === null) return null;
      put(duration === null ? Int : Duration, image);
    } else {
      const [two, one] = [text.slice(at, at + 2), text[at]!];
      const long = MARKS[0]!.get(two);
      const type = long ?? MARKS[1]!.get(one);
      if (type === undefined) return null;
      put(type, long === undefined ? one : two);
    }
  }
  return { tokens, comments, unterminated };
}

const isLetter = (code: number): boolean => (code >= 97 && code <= 122) || (code >= 65 && code <= 90) || code === 95;
