/** How deep a JSON text may nest. */
export const JSON_DEPTH_MAX = 512;
/** Longest key, in bytes as written. */
export const JSON_KEY_BYTES_MAX = 64 * 1024;
/** Longest number, in bytes. */
export const JSON_NUMBER_BYTES_MAX = 1024;
/** Longest string that a mask or a detector looks at, in bytes as written: it is held whole. Others pass at any length. */
export const JSON_VALUE_BYTES_MAX = 1024 * 1024;
/** Longest data of one server-sent event that is masked, in bytes. */
export const EVENT_BYTES_MAX = 1024 * 1024;
/** Longest form or multipart body that is masked, in bytes. */
export const FORM_BYTES_MAX = 4 * 1024 * 1024;
/** Parts of a multipart body. */
export const FORM_PARTS_MAX = 1_000;
/** States of the automaton that a mask's paths make. */
export const PATH_STATES_MAX = 2_048;
/** Longest path, in characters and in steps. */
export const PATH_CHARS_MAX = 1_024;
export const PATH_STEPS_MAX = 64;
