/** Largest policy file, in UTF-16 units. */
export const FILE_LENGTH_MAX = 4 * 1024 * 1024;
/** Deepest nesting of brackets, `not`s and quantifiers in one file. */
export const NESTING_MAX = 200;
/** Syntax errors told of one file; past it the rest is most likely noise. */
export const SYNTAX_ERRORS_MAX = 50;
