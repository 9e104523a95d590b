/** Most states of the automaton that all detectors of a rule set share. */
export const TRIGGER_STATES_MAX = 20_000;
/** A declared detector's match must be complete within so many bytes of its beginning; what follows a complete one is taken along. */
export const DECLARED_MATCH_BYTES_MAX = 256;
/** Of a declared detector's expression so many bytes are put into the shared automaton; the rest is looked at one by one. */
export const DECLARED_PREFIX_BYTES_MAX = 4;
/** Longest name part of an e-mail address. Source: RFC 5321 section 4.5.3.1.1. */
export const EMAIL_LOCAL_BYTES_MAX = 64;
/** Longest domain. Source: RFC 5321 section 4.5.3.1.2. */
export const EMAIL_DOMAIN_BYTES_MAX = 255;
/** How far the end of a key's block is looked for. */
export const KEY_BLOCK_BYTES_MAX = 32 * 1024;
/** Longest token that is followed to its end; what is longer is hidden up to there and beyond while its alphabet lasts. */
export const TOKEN_BYTES_MAX = 16 * 1024;
/** Bytes of a stream that are held back at most while they might be the beginning of a match. */
export const HOLD_BYTES_MAX = 4096;
