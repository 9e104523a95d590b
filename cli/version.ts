/** The version of both commands, as the package states it. */
export const VERSION = "0.1.0";
