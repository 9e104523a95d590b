/** The fact could not be established: whatever is said of it is unknown. */
export const UNKNOWN = Symbol("unknown");
/** There is no such fact here. It equals nothing. */
export const ABSENT = Symbol("absent");

/** A fact's value. Sets and lists of enumerations hold the values' names; times and durations are milliseconds. */
export type FactValue =
  | boolean
  | number
  | string
  | readonly string[]
  | ReadonlySet<string>
  | ReadonlyMap<string, string>
  | typeof UNKNOWN
  | typeof ABSENT;

/** The three truth values. */
export type Truth = boolean | typeof UNKNOWN;
