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
/** Marks by their first character's code, longer ones first: of two that begin alike the longer one is meant. */
const MARKS: { readonly text: string; readonly type: TokenType }[][] = [];
for (const type of Object.values(M)) {
  const text = type.PATTERN as string;
  const alike = (MARKS[text.charCodeAt(0)] ??= []);
  if (text.length > 1) alike.unshift({ text, type });
  else alike.push({ text, type });
}

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
  // Few names stand in many places: each is kept once.
  const names = new Map<string, string>();
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
      const keyword = KEYWORDS.get(word);
      if (keyword !== undefined) put(keyword, keyword.name);
      else {
        const name = names.get(word);
        if (name === undefined) names.set(word, word);
        put(Identifier, name ?? word);
      }
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
      const mark = MARKS[code]?.find((one) => text.startsWith(one.text, at));
      if (mark === undefined) return null;
      put(mark.type, mark.text);
    }
  }
  return { tokens, comments, unterminated };
}

const isLetter = (code: number): boolean => (code >= 97 && code <= 122) || (code >= 65 && code <= 90) || code === 95;
