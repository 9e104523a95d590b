/** Bytes that may wait for a client, or for a target, before the other side is no longer read. */
export const WAITING_BYTES_MAX = 256 * 1024;
/** Bytes of a client that are kept while its request is worked on. */
export const AHEAD_BYTES_MAX = 64 * 1024;
/** Requests that may wait for a connection to one target. */
export const QUEUE_MAX = 4_096;
/** Connections to a target that are kept open unused, and for how long. Below what servers keep them for. */
export const IDLE_MAX = 128;
export const IDLE_MS = 4_000;
/** How long a connection to a target may take. */
export const CONNECT_MS = 10_000;
/** Identities that one client connection may change between. */
export const SESSIONS_OF_CONNECTION_MAX = 32;
/** Time for the rest of a refused request to come before the connection is dropped. */
export const LINGER_MS = 2_000;
/** How often deadlines are looked at. */
export const SWEEP_MS = 1_000;
/** A body that grows by more than this when it is decoded is a bomb, once so many bytes came out. */
export const DECODED_RATIO_MAX = 200;
export const DECODED_FREE_BYTES = 8 * 1024 * 1024;
/** Bytes of an answer to a request of the gateway's own (introspection). */
export const OWN_ANSWER_BYTES_MAX = 16 * 1024 * 1024;
/** Bytes of a form on a page of the gateway's own. */
export const FORM_BYTES_MAX = 8 * 1024;
