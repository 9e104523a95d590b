import { isUtf8 } from "node:buffer";
import { err, ok, type Result } from "../../../base/result.ts";
import { DEPTH_MAX, SCALARS_MAX } from "./limits.ts";

const NUMBER = /-?(?:0|[1-9][0-9]*)(?:\.[0-9]+)?(?:[eE][+-]?[0-9]+)?/y;
const STRING = /"(?:[^"\\\u0000-\u001f]|\\(?:["\\/bfnrt]|u[0-9a-fA-F]{4}))*"/y;
const SPACE = /[ \t\n\r]*/y;
const NAME = /^[A-Za-z_][A-Za-z0-9_]*$/;

/** A key as paths write it: `.name`, or `["odd name"]`. */
export const keyStep = (key: string): string => (NAME.test(key) ? `.${key}` : `[${JSON.stringify(key)}]`);

/**
 * The scalars of a JSON text by path (`$.items[0].price`): strings as they read, numbers as they are written, `true`,
 * `false` and `null` as words. Strict: RFC 8259, UTF-8 without byte order mark, no key twice in an object, for readers
 * differ in which they take.
 *
 * @returns the scalars, or in words why the text can't be read in one way only
 */
export function readScalars(bytes: Buffer): Result<ReadonlyMap<string, string>, string> {
  if (!isUtf8(bytes)) return err("the JSON text is not UTF-8");
  const text = bytes.toString("utf8");
  const found = new Map<string, string>();
  let at = 0;
  let fault: string | null = null;
  const take = (pattern: RegExp): string | null => {
    pattern.lastIndex = at;
    const match = pattern.exec(text);
    if (match === null) return null;
    at += match[0].length;
    return match[0];
  };
  const bad = (why: string): false => {
    fault ??= `the JSON text can't be read at character ${at + 1}: ${why}`;
    return false;
  };
  const put = (path: string, value: string): boolean => {
    if (found.size >= SCALARS_MAX) return bad(`it holds more than ${SCALARS_MAX} values`);
    found.set(path, value);
    return true;
  };
  const value = (path: string, depth: number): boolean => {
    if (depth > DEPTH_MAX) return bad(`it nests deeper than ${DEPTH_MAX}`);
    take(SPACE);
    const sign = text[at];
    if (sign === '"') {
      const string = take(STRING);
      return string === null
        ? bad("a string is not closed or holds what no string may hold")
        : put(path, JSON.parse(string) as string);
    }
    if (sign === "{") return members(path, depth);
    if (sign === "[") return elements(path, depth);
    for (const word of ["true", "false", "null"]) {
      if (text.startsWith(word, at)) {
        at += word.length;
        return put(path, word);
      }
    }
    const number = take(NUMBER);
    return number === null || number === "" ? bad("expected a value") : put(path, number);
  };
  const members = (path: string, depth: number): boolean => {
    at++;
    const keys = new Set<string>();
    for (let first = true; ; first = false) {
      take(SPACE);
      if (text[at] === "}" && first) {
        at++;
        return true;
      }
      const string = take(STRING);
      if (string === null) return bad("expected a key in quotes");
      const key = JSON.parse(string) as string;
      if (keys.has(key)) return bad(`the key ${JSON.stringify(key.slice(0, 60))} is there twice`);
      keys.add(key);
      take(SPACE);
      if (text[at] !== ":") return bad("expected a colon");
      at++;
      if (!value(path + keyStep(key), depth + 1)) return false;
      take(SPACE);
      const sign = text[at];
      if (sign !== "," && sign !== "}") return bad("expected a comma or }");
      at++;
      if (sign === "}") return true;
    }
  };
  const elements = (path: string, depth: number): boolean => {
    at++;
    for (let index = 0; ; index++) {
      take(SPACE);
      if (text[at] === "]" && index === 0) {
        at++;
        return true;
      }
      if (!value(`${path}[${index}]`, depth + 1)) return false;
      take(SPACE);
      const sign = text[at];
      if (sign !== "," && sign !== "]") return bad("expected a comma or ]");
      at++;
      if (sign === "]") return true;
    }
  };
  if (value("$", 0)) {
    take(SPACE);
    if (at < text.length) bad("there is more behind the value");
  }
  return fault === null ? ok(found) : err(fault);
}
