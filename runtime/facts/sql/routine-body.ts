import { body, is, list, names, optionText, text, type Body, type Json } from "./tree.ts";

/**
 * Words without which the body of a routine can neither change rights nor switch a guard off: the statements that do it,
 * dynamic SQL, settings, the catalog's own tables, and escapes that could spell any of them.
 */
const TELLING_WORDS =
  /\b(?:execute|alter|grant|revoke|create|drop|reassign|set|reset|set_config|current_setting|security|call|perform|pg_\w*|dblink\w*|query_to_xml\w*)\b|\bu&|\\/i;

const READABLE_LANGUAGES: ReadonlySet<string> = new Set(["sql", "plpgsql"]);

/** Whether code in quotes may change rights or guards when it runs. What can't be read as SQL or PL/pgSQL may. */
export function mayChangeRights(options: Json | undefined): boolean {
  let language = "plpgsql";
  const bodies: string[] = [];
  for (const option of list(options)) {
    const given = body(is(option, "DefElem") ?? undefined);
    const name = text(given["defname"]);
    if (name === "language") language = optionText(given["arg"]) ?? "";
    else if (name === "as") {
      const items = is(given["arg"], "List");
      bodies.push(...(items === null ? [optionText(given["arg"]) ?? ""] : names(items["items"])));
    }
  }
  if (bodies.length === 0) return false;
  return !READABLE_LANGUAGES.has(language.toLowerCase()) || bodies.some((one) => TELLING_WORDS.test(one));
}

/** Whether the statement holds such code. */
export function holdsTellingCode(nodeKind: string, b: Body): boolean {
  if (nodeKind === "DoStmt") return mayChangeRights(b["args"]);
  return nodeKind === "CreateFunctionStmt" && mayChangeRights(b["options"]);
}
