/** Longest text that is analysed, in bytes. */
export const STATEMENT_BYTES_MAX = 1024 * 1024;
/** Brackets inside one another, before the parser sees the text. */
export const NESTING_MAX = 1000;
/** Longest run of operator characters: the parser's time grows with its square. */
export const OPERATOR_RUN_MAX = 256;
/** Most `/*` of one text: unterminated ones cost the parser the square of their number. */
export const COMMENT_OPENINGS_MAX = 1000;
/** Deepest parse tree that is walked. */
export const TREE_DEPTH_MAX = 2000;
/** Statements in one text: what is known of each is handed to the caller's thread, which must not stand still for long. */
export const STATEMENTS_MAX = 2_000;
/** Literals of one statement that are told apart; of more, the whole statement counts as one. */
export const LITERALS_MAX = 2_000;
/** Time one analysis may take in the worker. */
export const DEADLINE_MS = 2_000;
/** Stack of the worker, for deep trees. */
export const WORKER_STACK_MB = 64;
export const WORKER_HEAP_MB = 512;
/** Retained analyses, all sessions together. */
export const CACHE_BYTES_MAX = 64 * 1024 * 1024;
/** Texts longer than this are not keyed by their shape. */
export const TEMPLATE_BYTES_MAX = 8 * 1024;
/** Views on views: of deeper ones nothing is traced. */
export const VIEW_NESTING_MAX = 32;
/** Relations of one catalog. */
export const RELATIONS_MAX = 200_000;
