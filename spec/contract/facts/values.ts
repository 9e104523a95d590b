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
  | readonly FactRecord[]
  | FactRecord
  | typeof UNKNOWN
  | typeof ABSENT;

/** One entry of a list of records: every field of its type, by name. */
export interface FactRecord {
  readonly [field: string]: boolean | number | string | readonly string[];
}

/** The three truth values. */
export type Truth = boolean | typeof UNKNOWN;
