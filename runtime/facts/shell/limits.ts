/** Longest command line that is read; a longer one counts as not readable. */
export const COMMAND_LINE_BYTES_MAX = 64 * 1024;
/** Simple commands in one line, with those of nested lines. */
export const COMMANDS_MAX = 500;
/** `sh -c` within `sh -c`. */
export const NESTING_MAX = 8;
/** Folders that a command may stand in, as far as one can tell; beyond it is not known. */
export const FOLDERS_MAX = 8;
