/** How long a target may take to answer and sign the gateway in. */
export const UPSTREAM_MS = 15_000;
/** How often a silent target is asked whether it is there, and how often it may fail to answer. */
export const KEEPALIVE_MS = 15_000;
export const KEEPALIVE_COUNT = 4;
/** Requests of sign-in on one connection: each key of a full agent is asked about, and then one is used. */
export const SIGN_IN_REQUESTS_MAX = 40;
/** Signatures that do not fit, on one connection. */
export const SIGN_IN_FAILURES_MAX = 3;
/** Bytes that may wait for a client before the target is no longer read. */
export const TO_CLIENT_BYTES_MAX = 1024 * 1024;
/** Bytes that a client may type ahead while it waits for an approval. */
export const TYPED_AHEAD_BYTES_MAX = 64 * 1024;
/** Ports and sockets that one connection may have listened on at the target. */
export const LISTENERS_MAX = 32;
/** Connections that a target's listener may have open through one client at once. */
export const FORWARDED_MAX = 256;
/** How long a target must be silent before what was held back to look for masks is shown. */
export const HOLD_BACK_MS = 50;
/** How often it is looked in that time: at its beginning, its end, and between. */
export const HOLD_BACK_LOOKS = 3;
/** Keys that may come out unreadable in a row. */
export const KEY_TRIES_MAX = 16;
/** Longest packet of the transport, without its length and its tag. RFC 4253 (section 6.1) asks for no less. */
export const PACKET_BYTES_MAX = 35_000;
/** Pieces of memory for packets that are not whole yet, kept for the next one. */
export const SPARE_PACKETS_MAX = 32;
