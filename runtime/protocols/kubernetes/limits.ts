/** Bytes of an answer, or of one event of a watch, that is read whole: tables, and errors under a mask. */
export const DOCUMENT_BYTES_MAX = 8 * 1024 * 1024;
/** Words of an exec's command, and characters of all of them. */
export const COMMAND_WORDS_MAX = 1_000;
export const COMMAND_CHARS_MAX = 64 * 1024;
/** Steps of a JSON patch. */
export const PATCH_STEPS_MAX = 10_000;
/** How deep an object may nest to be looked at for its containers. */
export const OBJECT_DEPTH_MAX = 64;
/** Bytes of the head of a frame of SPDY/3.1, and of a block of its fields. */
export const SPDY_FIELDS_BYTES_MAX = 64 * 1024;
/** Characters of a message that a `Status` carries. */
export const STATUS_CHARS_MAX = 4 * 1024;
