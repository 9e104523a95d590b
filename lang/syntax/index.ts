export { parseFile } from "./parse.ts";
export { KEYWORD_TEXTS } from "./tokens.ts";
export { FILE_LENGTH_MAX, NESTING_MAX, SYNTAX_ERRORS_MAX } from "./limits.ts";
export { hasAnchor, parseRegex, type CodeRange, type RegexFault, type RegexNode } from "./regex.ts";
export { tokenize, type Token, type TokenKind } from "./tokenize.ts";
