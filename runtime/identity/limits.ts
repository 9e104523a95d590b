/** Longest token, in characters. */
export const TOKEN_BYTES_MAX = 32 * 1024;
/** Most groups that a token may name. One with more is refused: leaving some out could leave out the one that a rule denies. */
export const GROUPS_MAX = 1_000;
/** Longest name of a person or group out of a token, in characters. */
export const NAME_CHARS_MAX = 256;
/** How far the issuer's clock may be off, in seconds. */
export const CLOCK_SKEW_S = 30;
/** How long the fetch of an issuer's keys may take. */
export const KEYS_FETCH_MS = 5_000;
/** Least time between two fetches that an unknown key id causes: a flood of made-up tokens is no flood at the issuer. */
export const KEYS_COOLDOWN_MS = 30_000;
/** How long fetched keys are taken as current. */
export const KEYS_AGE_MS_MAX = 600_000;
/** Failed sign-ins of one name or address before it must wait, and for how long. */
export const FAILURES_MAX = 10;
export const FAILURES_WINDOW_MS = 60_000;
/** Names and addresses whose failures are remembered; beyond that the oldest are forgotten. */
export const FAILURES_KEPT_MAX = 10_000;
/** Longest public SSH key: RSA with 16,384 bits, with room. */
export const SSH_KEY_BYTES_MAX = 4_096;
export const SSH_RSA_BITS_MIN = 2_048;
export const SSH_RSA_BITS_MAX = 16_384;
/** Longest SSH certificate. OpenSSH's own are a few hundred bytes. */
export const SSH_CERTIFICATE_BYTES_MAX = 32_768;
/** Names that one certificate is good for; addresses in one of its options. */
export const SSH_PRINCIPALS_MAX = 256;
/** Longest revocation list. */
export const SSH_REVOCATION_BYTES_MAX = 16 * 1024 * 1024;
/** Serial numbers that one bitmap of a revocation list may span. */
export const SSH_REVOCATION_BITMAP_BITS_MAX = 8 * 1024 * 1024;
/** Sign-ins of SSH that wait for a browser: all, and those of one address. Each holds a connection. */
export const BROWSER_SIGN_INS_MAX = 256;
export const BROWSER_SIGN_INS_OF_ADDRESS_MAX = 8;
/** Wrong passwords and wrong people that one such sign-in bears. */
export const BROWSER_SIGN_IN_FAILURES_MAX = 5;
