import { TABLE_LENGTH_MAX } from "../bytecode/limits.ts";

/** What the readers of the payload's places throw, and only the payload's reader catches. */
export class Malformed extends Error {
  readonly where: string;
  constructor(where: string, why: string) {
    super(why);
    this.where = where;
  }
}

/** A place in the payload, put into words only when something is wrong there: a large bundle has a hundred thousand. */
export type Where = string | { readonly toString: () => string };

/** The entry of a list that is being read. */
class Entry {
  readonly #list: string;
  index = 0;

  constructor(list: string) {
    this.#list = list;
  }

  toString(): string {
    return `${this.#list}[${this.index}]`;
  }
}

/** `part`: what of the place it is, such as `.effect`. */
export const fail = (where: Where, why: string, part = ""): never => {
  throw new Malformed(`${where.toString()}${part}`, why);
};

export function array(value: unknown, where: Where, length?: number, part = ""): readonly unknown[] {
  if (!Array.isArray(value)) return fail(where, "is not a list", part);
  if (length !== undefined && value.length !== length)
    return fail(where, `has ${value.length} places, not ${length}`, part);
  if (value.length > TABLE_LENGTH_MAX) return fail(where, `has more than ${TABLE_LENGTH_MAX} entries`, part);
  return value as readonly unknown[];
}

/** A list, each of its entries read; `where` names the list, and each entry its place in it. */
export function each<T>(value: unknown, list: string, read: (item: unknown, where: Where) => T): readonly T[] {
  const items = array(value, list);
  const at = new Entry(list);
  const found: T[] = [];
  for (let i = 0; i < items.length; i++) {
    at.index = i;
    found.push(read(items[i], at));
  }
  return found;
}

export const text = (value: unknown, where: Where, part = ""): string =>
  typeof value === "string" ? value : fail(where, "is not a text", part);
export const textOrNull = (value: unknown, where: Where, part = ""): string | null =>
  value === null ? null : text(value, where, part);
export const int = (value: unknown, where: Where, part = ""): number =>
  typeof value === "number" && Number.isSafeInteger(value) ? value : fail(where, "is not a whole number", part);
export const intOrNull = (value: unknown, where: Where): number | null => (value === null ? null : int(value, where));

/** The list itself, seen to hold nothing but texts. */
export function texts(value: unknown, where: Where, part = ""): readonly string[] {
  const items = array(value, where, undefined, part);
  for (let i = 0; i < items.length; i++)
    if (typeof items[i] !== "string") return fail(where, "is not a text", `${part}[${i}]`);
  return items as readonly string[];
}

/** The list itself, seen to hold nothing but whole numbers. */
export function ints(value: unknown, where: Where, part = ""): readonly number[] {
  const items = array(value, where, undefined, part);
  for (let i = 0; i < items.length; i++)
    if (!Number.isSafeInteger(items[i])) return fail(where, "is not a whole number", `${part}[${i}]`);
  return items as readonly number[];
}

export function member<T>(of: readonly T[], value: unknown, where: Where, part = ""): T {
  return of[int(value, where, part)] ?? fail(where, "is not a known kind", part);
}
export const flag = (value: unknown, where: Where, part = ""): boolean =>
  typeof value === "boolean" ? value : fail(where, "is not true or false", part);
