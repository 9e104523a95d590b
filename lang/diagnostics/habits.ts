/** What other languages write, and how it is said here: signs, and words that are no words of this language. */
const HABITS: ReadonlyMap<string, string> = new Map([
  ["&", "write `and`"],
  ["|", "write `or`"],
  ["!", "write `not`"],
  ["=", "values are compared with `==`"],
  ["'", 'texts stand between double quotes: "…"'],
  ["`", 'texts stand between double quotes: "…"'],
  ["#", "comments begin with `//`"],
  ["-", "comments begin with `//`; texts and patterns stand between double quotes"],
  ["startswith", "write `starts with`"],
  ["endswith", "write `ends with`"],
  ["contains", 'a set is asked with `has`, a text with `like "*…*"`'],
  ["is", "values are compared with `==`"],
]);

/** What to write in the place of a sign or word, if it is one that people bring along; by its first sign otherwise. */
export const habit = (found: string): string | undefined =>
  HABITS.get(found.toLowerCase().replaceAll("_", "")) ?? (/^\w/.test(found) ? undefined : HABITS.get(found[0] ?? ""));
