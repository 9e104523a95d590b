/** Most policy files that are read below one folder. */
export const FILES_MAX = 10_000;
/** Deepest folder that is looked into, counted from the workspace folder. */
export const FOLDER_DEPTH_MAX = 32;
/** Largest policy file that is read from disk, in bytes; one that is larger is named as too large, not read. */
export const FILE_BYTES_MAX = 16 * 1024 * 1024;
/** Largest schema file that columns are completed from, in bytes. */
export const SCHEMA_BYTES_MAX = 4 * 1024 * 1024;
/** Most suggestions in one answer; the editor asks again when more is written. */
export const COMPLETIONS_MAX = 1000;
/** Most diagnostics shown of one file. */
export const DIAGNOSTICS_MAX = 500;
/** Turns of the event loop that diagnostics wait for while one change after the other comes in. */
export const TURNS_MAX = 64;
