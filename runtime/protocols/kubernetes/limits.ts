/** Bytes of an answer, or of one event of a watch, that is read whole: tables, and errors under a mask. */
export const DOCUMENT_BYTES_MAX = 8 * 1024 * 1024;
/** Words of an exec's command, and characters of all of them. */
export const COMMAND_WORDS_MAX = 1_000;
export const COMMAND_CHARS_MAX = 64 * 1024;
/** Steps of a JSON patch. */
export const PATCH_STEPS_MAX = 10_000;
/** How deep an object may nest to be looked at for its containers. */
export const OBJECT_DEPTH_MAX = 64;
/** Bytes of a control frame of SPDY/3.1, and of its block of fields once it is unpacked. */
export const SPDY_CONTROL_BYTES_MAX = 64 * 1024;
/** Fields in a block. Those of streams here have three at most. */
export const SPDY_FIELDS_MAX = 16;
/** Streams that are open at once in a connection: a port-forward has two for each of its own connections. */
export const SPDY_STREAMS_MAX = 2_000;
/** Characters of a message that a `Status` carries. */
export const STATUS_CHARS_MAX = 4 * 1024;
