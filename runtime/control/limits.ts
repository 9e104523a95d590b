/** Largest body of a request, in bytes. */
export const BODY_BYTES_MAX = 16 * 1024;
/** Longest reason that an approver can give, in characters. */
export const REASON_CHARS_MAX = 1_000;
/** Longest path and query, in characters. */
export const URL_CHARS_MAX = 2_048;
/** Longest Authorization header, in characters: a token of `TOKEN_BYTES_MAX` and its scheme. */
export const AUTHORIZATION_CHARS_MAX = 33 * 1024;
/** Passwords checked at the same time; each takes a thread of the pool for its rounds. */
export const CHECKS_AT_ONCE_MAX = 2;
