/** Largest policy file, in UTF-16 units. */
export const FILE_LENGTH_MAX = 4 * 1024 * 1024;
/** Deepest nesting of brackets, `not`s and quantifiers in one file. */
export const NESTING_MAX = 200;
/** Syntax errors told of one file; past it the rest is most likely noise. */
export const SYNTAX_ERRORS_MAX = 50;
/** Longest expression between slashes, in UTF-16 units. */
export const REGEX_LENGTH_MAX = 2000;
/** Deepest nesting of groups in one expression. */
export const REGEX_NESTING_MAX = 50;
/** Highest count in `{m,n}`. */
export const REGEX_REPEAT_MAX = 1000;
/** Parts of one expression when repetitions are written out. */
export const REGEX_SIZE_MAX = 5000;
