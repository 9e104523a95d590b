/**
 * Access to the parser's tree: JSON whose nodes are objects with one key, the node's kind. Nothing is taken for granted of
 * it; what is missing reads as empty.
 */
export type Json = string | number | boolean | null | readonly Json[] | { readonly [key: string]: Json };
export type Body = { readonly [key: string]: Json };

const NO_BODY: Body = {};
const NO_LIST: readonly Json[] = [];

export const isBody = (value: Json | undefined): value is Body =>
  typeof value === "object" && value !== null && !Array.isArray(value);

export function body(value: Json | undefined): Body {
  return isBody(value) ? value : NO_BODY;
}

export function list(value: Json | undefined): readonly Json[] {
  return Array.isArray(value) ? (value as readonly Json[]) : NO_LIST;
}

export function text(value: Json | undefined): string {
  return typeof value === "string" ? value : "";
}

/** Kind and body of a wrapped node, or null when it is none. */
export function node(value: Json | undefined): { readonly kind: string; readonly body: Body } | null {
  if (!isBody(value)) return null;
  for (const kind in value) {
    const inner = value[kind];
    if (isBody(inner) && kind[0]! >= "A" && kind[0]! <= "Z") return { kind, body: inner };
    return null;
  }
  return null;
}

export function is(value: Json | undefined, kind: string): Body | null {
  return isBody(value) && isBody(value[kind]) ? (value[kind] as Body) : null;
}

/** The texts of a list of String nodes. */
export function names(value: Json | undefined): readonly string[] {
  return list(value).map((item) => text(is(item, "String")?.["sval"]));
}

/** A DefElem's argument as text, for options. */
export function optionText(value: Json | undefined): string | null {
  const string = is(value, "String");
  if (string !== null) return text(string["sval"]);
  const boolean = is(value, "Boolean");
  if (boolean !== null) return boolean["boolval"] === true ? "true" : "false";
  const integer = is(value, "Integer");
  if (integer !== null) return String(integer["ival"] ?? 0);
  return null;
}
