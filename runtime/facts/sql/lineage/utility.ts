import type { CatalogIndex } from "../catalog.ts";
import { classOfFunction } from "../functions.ts";
import { is, list, names, text, type Body, type Json } from "../tree.ts";

/** Definitions by which code runs, or data flows, where no statement will name it. */
const HOOKS: Readonly<Record<string, string>> = {
  CreateTrigStmt: "a trigger runs code that is not analysed",
  CreateEventTrigStmt: "an event trigger runs code that is not analysed",
  AlterEventTrigStmt: "an event trigger runs code that is not analysed",
  AlterFunctionStmt: "it changes what a function means where it is in use",
  CreateCastStmt: "a cast may run code that is not analysed",
  CreateOpClassStmt: "an operator class runs code that is not analysed",
  CreateForeignServerStmt: "a foreign server opens a way around masks",
  AlterForeignServerStmt: "a foreign server opens a way around masks",
  CreateUserMappingStmt: "a foreign server opens a way around masks",
  CreateForeignTableStmt: "a foreign table may show masked columns under another name",
  ImportForeignSchemaStmt: "foreign tables may show masked columns under other names",
  CreateFdwStmt: "a foreign data wrapper opens a way around masks",
  CreateSubscriptionStmt: "a subscription opens a connection of its own",
  CreatePLangStmt: "a language runs code that is not analysed",
  CreateTransformStmt: "a transform runs code that is not analysed",
  LoadStmt: "a library runs code that is not analysed",
};

/**
 * Why a statement that is no query may carry a masked value to where no mask follows, whatever relations it names; null when it
 * can't. Expressions in it (defaults, generated columns, checks, index keys, USING) may call functions.
 */
export function utilityDanger(nodeKind: string, b: Body, catalog: CatalogIndex): string | null {
  const hook = HOOKS[nodeKind];
  if (hook !== undefined) return hook;
  if (nodeKind === "CreateFunctionStmt") {
    // A new one is opaque to whoever calls it. One that is there may be in use by triggers, views, indexes and defaults.
    const name = names(b["funcname"]).at(-1) ?? "";
    // Until its transaction ends the gateway does not see it, and would take it for the built-in one.
    const schema = names(b["funcname"]).at(-2);
    if (classOfFunction(null, name, () => false) !== "opaque" || schema === "information_schema")
      return `it takes the name of the built-in function ${name}`;
    if (b["replace"] === true && catalog.isUserFunction(name))
      return "it changes what a function means where it is in use";
  }
  if (nodeKind === "DefineStmt" && ["OBJECT_OPERATOR", "OBJECT_AGGREGATE"].includes(text(b["kind"])))
    return "it makes an operator or aggregate of functions that are not known to the analysis";
  if (nodeKind === "CreatePublicationStmt" && (b["for_all_tables"] === true || b["pubobjects"] !== undefined))
    return "a publication sends rows past the gateway";
  if (nodeKind === "RenameStmt" || nodeKind === "AlterObjectSchemaStmt") {
    const type = text(b["renameType"]) || text(b["objectType"]);
    if (/FUNCTION|PROCEDURE|ROUTINE|AGGREGATE|OPERATOR/.test(type))
      return "it changes what a function means where it is in use";
  }
  return callDanger(b, catalog, 0);
}

function callDanger(json: Json | undefined, catalog: CatalogIndex, depth: number): string | null {
  if (json === undefined || json === null || typeof json !== "object" || depth > 200) return null;
  const children: readonly Json[] = Array.isArray(json) ? (json as readonly Json[]) : Object.values(json);
  const call = is(json, "FuncCall");
  if (call !== null) {
    const path = names(call["funcname"]);
    const schema = path.length > 1 ? path.at(-2)! : null;
    if (classOfFunction(schema, path.at(-1) ?? "", (name) => catalog.isUserFunction(name)) === "opaque")
      return `function ${path.join(".")} is not known to the analysis`;
  }
  const operator = names(is(json, "A_Expr")?.["name"]).at(-1);
  if (operator !== undefined && catalog.isUserOperator(operator))
    return `operator ${operator} is made of a function that is not known to the analysis`;
  for (const child of children) {
    const found = callDanger(child, catalog, depth + 1);
    if (found !== null) return found;
  }
  return null;
}

/** Schemas whose name, which masks go by, a statement changes. */
export function schemasChanged(nodeKind: string, b: Body): readonly string[] {
  if (nodeKind === "RenameStmt" && text(b["renameType"]) === "OBJECT_SCHEMA") return [text(b["subname"])];
  if (nodeKind === "DropStmt" && text(b["removeType"]) === "OBJECT_SCHEMA")
    return list(b["objects"]).map((object) => text(is(object, "String")?.["sval"]));
  return [];
}
