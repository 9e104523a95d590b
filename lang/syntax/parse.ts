import { EOF, MismatchedTokenException, type IRecognitionException, type IToken } from "chevrotain";
import type { Item, PolicyFile } from "../ast/index.ts";
import { diagnostic, type Diagnostic } from "../diagnostics/index.ts";
import type { SourceFile, Span } from "../source/index.ts";
import { FILE_LENGTH_MAX, NESTING_MAX, SYNTAX_ERRORS_MAX } from "./limits.ts";
import { textValue } from "./literals.ts";
import { PolicyParser } from "./parser.ts";
import { lex } from "./quick-lexer.ts";
import { QuickParser } from "./quick-parser.ts";
import { K, M, Text } from "./tokens.ts";
import { unseenIn } from "./unseen.ts";

let quick: QuickParser | undefined;
let recovering: PolicyParser | undefined;

/** Most files have no error, so that is tried first: what tells errors and goes on after them is slow to make and to run. */
function readTokens(
  path: string,
  tokens: IToken[],
): { readonly items: readonly Item[]; readonly errors: readonly IRecognitionException[] } {
  quick ??= new QuickParser();
  const items = quick.read(path, tokens);
  if (items !== null) return { items, errors: [] };
  recovering ??= new PolicyParser({ recovery: true, validate: false });
  recovering.begin(path, tokens);
  recovering.file();
  return recovering;
}

/** Reads one file. Never throws for any text: what can't be read is told, and the tree holds the rest. */
export function parseFile(file: SourceFile): {
  readonly tree: PolicyFile;
  readonly diagnostics: readonly Diagnostic[];
} {
  const empty: PolicyFile = { path: file.path, items: [], comments: [] };
  const whole: Span = { file: file.path, start: 0, end: Math.min(file.text.length, 1) };
  if (file.text.length > FILE_LENGTH_MAX) {
    const params = { length: file.text.length, lengthMax: FILE_LENGTH_MAX };
    return { tree: empty, diagnostics: [diagnostic("file-too-large", whole, params)] };
  }
  const { tokens, errors, comments, unterminated } = lex(file.text);
  const diagnostics: Diagnostic[] = errors.slice(0, SYNTAX_ERRORS_MAX).map((error) => {
    const span = { file: file.path, start: error.offset, end: error.offset + error.length };
    return diagnostic("unknown-character", span, {
      text: file.text.slice(error.offset, error.offset + Math.min(error.length, 20)),
    });
  });
  for (const token of unterminated.slice(0, SYNTAX_ERRORS_MAX))
    diagnostics.push(diagnostic("unterminated-text", spanOf(file.path, token), {}));
  diagnostics.push(...unseenIn(file));
  const deep = tooDeep(tokens);
  if (deep !== null) {
    diagnostics.push(diagnostic("nested-too-deep", spanOf(file.path, deep), { depthMax: NESTING_MAX }));
    return { tree: empty, diagnostics };
  }
  // By number: `for … of` makes an object for each of the many words until V8 has optimised the code.
  for (let i = 0; i < tokens.length; i++) {
    const token = tokens[i]!;
    // Without a backslash there is no escape.
    if (token.tokenType !== Text || !token.image.includes("\\")) continue;
    const { bad } = textValue(token.image);
    if (bad.length > 0) diagnostics.push(diagnostic("bad-escape", spanOf(file.path, token), { escape: bad[0]! }));
  }
  const parser = readTokens(file.path, tokens);
  const { items } = parser;
  for (const error of parser.errors.slice(0, SYNTAX_ERRORS_MAX)) diagnostics.push(syntaxError(file, error));
  const told = comments.map((token) => ({ text: token.image, span: spanOf(file.path, token) }));
  return { tree: { path: file.path, items, comments: told }, diagnostics };
}

function spanOf(path: string, token: IToken): Span {
  return { file: path, start: token.startOffset, end: token.startOffset + token.image.length };
}

/** The first token at which nesting passes the limit, so that the parser's own stack is never the limit. */
function tooDeep(tokens: readonly IToken[]): IToken | null {
  let depth = 0;
  let prefixes = 0;
  for (let i = 0; i < tokens.length; i++) {
    const token = tokens[i]!;
    const type = token.tokenType;
    if (type === M.leftParen || type === M.leftBracket || type === M.leftBrace) depth++;
    else if (type === M.rightParen || type === M.rightBracket || type === M.rightBrace) depth--;
    // `not not not …` and `any x in xs: any y in ys: …` nest without brackets.
    if (type === K.not || type === M.colon) prefixes++;
    else if (type === K.when || type === K.unless || type === K.let || type === M.comma || type === M.rightBrace)
      prefixes = 0;
    if (depth + prefixes > NESTING_MAX) return token;
  }
  return null;
}

function syntaxError(file: SourceFile, error: IRecognitionException): Diagnostic {
  const atEnd = error.token.tokenType === EOF;
  const at = atEnd || error.token.startOffset < 0 ? file.text.trimEnd().length : error.token.startOffset;
  const span: Span = { file: file.path, start: at, end: atEnd ? at : at + error.token.image.length };
  const found = atEnd ? "the end of the file" : `\`${error.token.image.slice(0, 40)}\``;
  return diagnostic("syntax", span, { found, expected: expectedOf(error) });
}

/** The labels in the library's message: `one of these possible Token sequences: 1. [a] 2. [b]`, or `token of type --> x <--`. */
function expectedOf(error: IRecognitionException): readonly string[] {
  if (error instanceof MismatchedTokenException) {
    const single = /--> (.*?) <--/.exec(error.message)?.[1];
    // That nothing more was expected is said of the token that is too much.
    return single === undefined || single === EOF.name ? [] : [single];
  }
  const labels = [...error.message.matchAll(/\[((?:`[^`]*`|[^\]`])+)/g)].map((match) =>
    (match[1] ?? "").split(",")[0]!.trim(),
  );
  const unique = [...new Set(labels)].filter((label) => label !== "");
  return unique.length > 6 ? [...unique.slice(0, 5), "…"] : unique;
}
