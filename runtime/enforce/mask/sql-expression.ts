import type { MaskSpec } from "../../../spec/contract/bundle/index.ts";
import { INTEGER_MAX, ZERO, type Family } from "./families.ts";
import { familyOf } from "./postgres-types.ts";

/** A name as SQL takes it, whatever is in it. */
export const quoted = (name: string): string => `"${name.replaceAll('"', '""')}"`;

const TYPE_NAMES: Readonly<Partial<Record<Family, string>>> = {
  int2: "int2",
  int4: "int4",
  int8: "int8",
  oid: "oid",
  decimal: "numeric",
  bool: "bool",
  date: "date",
  time: "time",
  timetz: "timetz",
  timestamp: "timestamp",
  timestamptz: "timestamptz",
  interval: "interval",
  uuid: "uuid",
  bytes: "bytea",
  address: "inet",
  network: "cidr",
  mac: "macaddr",
  mac8: "macaddr8",
  json: "json",
  jsonb: "jsonb",
  xml: "xml",
};

const PG = "pg_catalog.";
/** NULL of the column's own type, which need not be named for that; the column itself is never looked at. */
const nullLike = (column: string): string => `case when false then ${column} end`;
const unlessNull = (column: string, expression: string): string =>
  `case when ${column} is not null then ${expression} end`;

/**
 * A mask as an expression of PostgreSQL over a column, of the same outcome as the gateway's own; null when the database can't
 * compute it (a key of the gateway would have to be told to it). Every function is named with its schema, so that nothing on
 * the session's path takes its place.
 *
 * @param column quoted
 * @param type pg_type.oid
 */
export function maskExpression(spec: MaskSpec, type: number, column: string): string | null {
  const family = familyOf(type);
  if (spec.kind === "null") return nullLike(column);
  if (family === "text") return textExpression(spec, `${column}::${PG}text`, column);
  switch (spec.kind) {
    case "full": {
      const zero = ZERO[family];
      const name = TYPE_NAMES[family];
      if (zero === null || name === undefined) return null;
      return unlessNull(column, `${PG}${name} '${zero}'`);
    }
    case "date":
      if (family === "date") return `${PG}date_trunc('${spec.args[0]}', ${column}::${PG}timestamp)::${PG}date`;
      return family === "timestamp" || family === "timestamptz"
        ? `${PG}date_trunc('${spec.args[0]}', ${column})`
        : null;
    case "bucket":
    case "round":
      return numberExpression(spec, family, column);
    case "hash":
    case "token":
    case "format":
    case "json":
    case "network":
      return null;
    default:
      return nullLike(column);
  }
}

function numberExpression(spec: MaskSpec, family: Family, column: string): string | null {
  const step = `${spec.args[0]}::${PG}numeric`;
  const how = spec.kind === "bucket" ? "floor" : "round";
  const max = INTEGER_MAX[family];
  const name = TYPE_NAMES[family];
  if (family !== "decimal" && max === undefined) return null;
  const value = `(${PG}${how}(${column}::${PG}numeric OPERATOR(${PG}/) ${step}) OPERATOR(${PG}*) ${step})`;
  if (max === undefined) return `case when ${column} OPERATOR(${PG}<>) 'NaN'::${PG}numeric then ${value} end`;
  const fits = `${value} OPERATOR(${PG}>=) (${-max - 1n})::${PG}numeric and ${value} OPERATOR(${PG}<=) ${max}::${PG}numeric`;
  return `case when ${fits} then ${value}::${PG}${name} end`;
}

const join = (...parts: readonly string[]): string => parts.join(` OPERATOR(${PG}||) `);
const STARS = `'***'::${PG}text`;

function textExpression(spec: MaskSpec, text: string, column: string): string | null {
  const longer = (count: number): string => `${PG}char_length(${text}) OPERATOR(${PG}>) ${count}`;
  const shown = (count: number, expression: string): string =>
    unlessNull(column, `case when ${longer(count)} then ${expression} else ${STARS} end`);
  switch (spec.kind) {
    case "redact":
    case "full":
      return unlessNull(column, STARS);
    case "first":
      return shown(Number(spec.args[0]), join(`${PG}left(${text}, ${spec.args[0]})`, STARS));
    case "last":
      return shown(Number(spec.args[0]), join(STARS, `${PG}right(${text}, ${spec.args[0]})`));
    case "partial":
      return shown(
        Number(spec.args[0]) + Number(spec.args[1]),
        join(`${PG}left(${text}, ${spec.args[0]})`, STARS, `${PG}right(${text}, ${spec.args[1]})`),
      );
    case "email": {
      const name = `${PG}substring(${text}, '^(.+)@')`;
      const top = `coalesce(${PG}substring(${text}, '^.+@.*([.][A-Za-z]{2,24})$'), ''::${PG}text)`;
      const first = `case when ${PG}char_length(${name}) OPERATOR(${PG}>) 1 then ${PG}left(${name}, 1) else ''::${PG}text end`;
      return unlessNull(
        column,
        `case when ${name} is null then ${STARS} else ${join(first, `'***@***'::${PG}text`, top)} end`,
      );
    }
    default:
      return null;
  }
}
