import type { Family } from "./families.ts";

/** Families of built-in types by pg_type.oid. Source: src/include/catalog/pg_type.dat of PostgreSQL. */
const FAMILY_OF: ReadonlyMap<number, Family> = new Map<number, Family>([
  [25, "text"],
  [1043, "text"],
  [1042, "text"],
  [19, "text"],
  [705, "text"],
  [2275, "text"],
  [21, "int2"],
  [23, "int4"],
  [20, "int8"],
  [26, "oid"],
  [1700, "decimal"],
  [700, "float"],
  [701, "float"],
  [16, "bool"],
  [1082, "date"],
  [1083, "time"],
  [1266, "timetz"],
  [1114, "timestamp"],
  [1184, "timestamptz"],
  [1186, "interval"],
  [2950, "uuid"],
  [17, "bytes"],
  [869, "address"],
  [650, "network"],
  [829, "mac"],
  [774, "mac8"],
  [114, "json"],
  [3802, "jsonb"],
  [142, "xml"],
]);

/** Array types and the types of their elements. */
const ELEMENT_OF: ReadonlyMap<number, number> = new Map([
  [1000, 16],
  [1001, 17],
  [1003, 19],
  [1005, 21],
  [1007, 23],
  [1016, 20],
  [1028, 26],
  [1009, 25],
  [1014, 1042],
  [1015, 1043],
  [1263, 2275],
  [1021, 700],
  [1022, 701],
  [1231, 1700],
  [1182, 1082],
  [1183, 1083],
  [1270, 1266],
  [1115, 1114],
  [1185, 1184],
  [1187, 1186],
  [2951, 2950],
  [1041, 869],
  [651, 650],
  [1040, 829],
  [775, 774],
  [199, 114],
  [3807, 3802],
  [143, 142],
]);

/** `other` for types that extensions and users make, and for those that no mask speaks of. */
export const familyOf = (type: number): Family => FAMILY_OF.get(type) ?? "other";

/** pg_type.oid of an array's elements, or 0 when the type is no array that is known. */
export const elementOf = (type: number): number => ELEMENT_OF.get(type) ?? 0;

/** float4 has half the bytes of float8. */
export const FLOAT4 = 700;
