/** Largest Cedar file, in UTF-16 units. */
export const CEDAR_LENGTH_MAX = 1024 * 1024;
/** Deepest nesting of an expression. */
export const CEDAR_NESTING_MAX = 100;
/** Faults told of one file. */
export const CEDAR_FAULTS_MAX = 100;
