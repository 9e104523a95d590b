import { TABLE_LENGTH_MAX } from "../bytecode/limits.ts";

/** What the readers of the payload's places throw, and only the payload's reader catches. */
export class Malformed extends Error {
  readonly where: string;
  constructor(where: string, why: string) {
    super(why);
    this.where = where;
  }
}

export const fail = (where: string, why: string): never => {
  throw new Malformed(where, why);
};

export function array(value: unknown, where: string, length?: number): readonly unknown[] {
  if (!Array.isArray(value)) return fail(where, "is not a list");
  if (length !== undefined && value.length !== length) return fail(where, `has ${value.length} places, not ${length}`);
  if (value.length > TABLE_LENGTH_MAX) return fail(where, `has more than ${TABLE_LENGTH_MAX} entries`);
  return value as readonly unknown[];
}
export const text = (value: unknown, where: string): string =>
  typeof value === "string" ? value : fail(where, "is not a text");
export const textOrNull = (value: unknown, where: string): string | null =>
  value === null ? null : text(value, where);
export const int = (value: unknown, where: string): number =>
  typeof value === "number" && Number.isSafeInteger(value) ? value : fail(where, "is not a whole number");
export const intOrNull = (value: unknown, where: string): number | null => (value === null ? null : int(value, where));
export const texts = (value: unknown, where: string): readonly string[] =>
  array(value, where).map((item, i) => text(item, `${where}[${i}]`));
export const ints = (value: unknown, where: string): readonly number[] =>
  array(value, where).map((item, i) => int(item, `${where}[${i}]`));
export function member<T>(of: readonly T[], value: unknown, where: string): T {
  return of[int(value, where)] ?? fail(where, "is not a known kind");
}
export const flag = (value: unknown, where: string): boolean =>
  typeof value === "boolean" ? value : fail(where, "is not true or false");
