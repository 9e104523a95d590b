/**
 * What a value is, whatever the database calls it: each protocol maps its own types to these. A masked value keeps its family,
 * so that drivers can read it; where no mask of that kind exists the value becomes NULL.
 */
export const FAMILIES = [
  "text",
  "int2",
  "int4",
  "int8",
  "oid",
  "decimal",
  "float",
  "bool",
  "date",
  "time",
  "timetz",
  "timestamp",
  "timestamptz",
  "interval",
  "uuid",
  "bytes",
  "address",
  "network",
  "mac",
  "mac8",
  "json",
  "jsonb",
  "xml",
  "other",
] as const;
export type Family = (typeof FAMILIES)[number];

/** The value that stands for none at all, in text form; null where a family has no such value that all of its types take. */
export const ZERO: Readonly<Record<Family, string | null>> = {
  text: "***",
  int2: "0",
  int4: "0",
  int8: "0",
  oid: "0",
  decimal: "0",
  float: "0",
  bool: "f",
  date: "1970-01-01",
  time: "00:00:00",
  timetz: "00:00:00+00",
  timestamp: "1970-01-01 00:00:00",
  timestamptz: "1970-01-01 00:00:00+00",
  interval: "00:00:00",
  uuid: "00000000-0000-0000-0000-000000000000",
  bytes: "\\x",
  address: "0.0.0.0",
  network: "0.0.0.0/32",
  mac: "00:00:00:00:00:00",
  mac8: "00:00:00:00:00:00:00:00",
  json: "{}",
  jsonb: "{}",
  xml: "",
  other: null,
};

/** Largest value of each family of whole numbers. */
export const INTEGER_MAX: Readonly<Partial<Record<Family, bigint>>> = {
  int2: 32_767n,
  int4: 2_147_483_647n,
  int8: 9_223_372_036_854_775_807n,
};
