/** Longest SASL message taken from a peer, in bytes. PostgreSQL takes 1,024 of a client; servers' messages carry a salt. */
export const SASL_MESSAGE_BYTES_MAX = 4_096;
/** Fewest PBKDF2 rounds that a client accepts of a server: fewer make a stolen proof cheap to guess (RFC 7677). */
export const ITERATIONS_MIN = 4_096;
/** Most rounds that a client computes for a server: about half a second of one core. */
export const ITERATIONS_MAX = 1_000_000;
/** Rounds of a new verifier: PostgreSQL's own default, so that the two can be exchanged. */
export const ITERATIONS_DEFAULT = 4_096;
/** Bytes of a new verifier's salt: PostgreSQL's own. */
export const SALT_BYTES = 16;
/** Longest salt accepted, in bytes. */
export const SALT_BYTES_MAX = 1_024;
/** Longest password taken, in bytes: what PostgreSQL's clients send at most, long enough for a token. */
export const PASSWORD_BYTES_MAX = 65_536;
/** Longest nonce accepted, in characters. */
export const NONCE_CHARS_MAX = 1_024;
