import { body, is, list, names, node, text, type Json } from "./tree.ts";

/** What a condition comes to without looking at any row; `null` when that can't be told. */
type Folded = boolean | number | string | null | typeof ROWS;

/** It depends on a column, a parameter or anything else that a row may decide. */
const ROWS = Symbol("depends on rows");

/**
 * Whether a WHERE can exclude rows at all: it must look at a column, and must not come to true whatever that column holds.
 * `TRUE`, `1=1`, `'a'='a'`, `NOT FALSE`, `x = 1 OR TRUE` and a sub-query without a column of the statement exclude nothing.
 */
export function excludesRows(where: Json | undefined): boolean {
  if (where === undefined) return false;
  const found = fold(where);
  if (found === ROWS) return true;
  // Never true: no row is touched, which is as narrow as it gets.
  return found === false || found === null;
}

function fold(json: Json | undefined): Folded {
  const found = node(json);
  if (found === null) return ROWS;
  const { kind, body: b } = found;
  switch (kind) {
    case "A_Const": {
      if (b["isnull"] === true) return null;
      if (b["boolval"] !== undefined) return body(b["boolval"])["boolval"] === true;
      if (b["ival"] !== undefined) return Number(body(b["ival"])["ival"] ?? 0);
      if (b["fval"] !== undefined) return Number(text(body(b["fval"])["fval"]));
      return text(body(b["sval"])["sval"]);
    }
    case "TypeCast": {
      const value = fold(b["arg"]);
      const type = names(body(b["typeName"])["names"]).at(-1);
      if (type === "bool" && typeof value === "string")
        return ["t", "true", "yes", "on", "1", "y"].includes(value.toLowerCase());
      return type === "bool" && typeof value === "number" ? value !== 0 : value;
    }
    case "ColumnRef":
    case "ParamRef":
    case "CurrentOfExpr":
      return ROWS;
    case "BoolExpr":
      return foldBool(text(b["boolop"]), list(b["args"]).map(fold));
    case "NullTest": {
      const value = fold(b["arg"]);
      if (value === ROWS) return ROWS;
      return (value === null) === (text(b["nulltesttype"]) === "IS_NULL");
    }
    case "BooleanTest": {
      const value = fold(b["arg"]);
      if (value === ROWS) return ROWS;
      const test = text(b["booltesttype"]);
      const positive = test === "IS_TRUE" ? value === true : test === "IS_FALSE" ? value === false : value === null;
      return test.startsWith("IS_NOT")
        ? !(test === "IS_NOT_TRUE" ? value === true : test === "IS_NOT_FALSE" ? value === false : value === null)
        : positive;
    }
    case "A_Expr":
      return foldOperator(b);
    default:
      // Functions, sub-queries, CASE and the rest narrow only if a column or parameter takes part in them.
      return mentionsRows(json) ? ROWS : true;
  }
}

function foldBool(op: string, args: readonly Folded[]): Folded {
  switch (op) {
    case "NOT_EXPR":
      return typeof args[0] === "boolean" ? !args[0] : args[0] === undefined ? ROWS : args[0];
    case "OR_EXPR":
      if (args.includes(true)) return true;
      return args.includes(ROWS) ? ROWS : args.every((arg) => arg === false || arg === null) ? false : true;
    default:
      if (args.includes(false) || args.includes(null)) return false;
      return args.includes(ROWS) ? ROWS : true;
  }
}

function foldOperator(b: ReturnType<typeof body>): Folded {
  const left = fold(b["lexpr"]);
  const right = fold(b["rexpr"]);
  if (left === ROWS || right === ROWS) return mentionsRows(b["lexpr"]) || mentionsRows(b["rexpr"]) ? ROWS : true;
  if (left === null || right === null) return null;
  switch (names(b["name"]).at(-1)) {
    case "=":
      return left === right;
    case "<>":
      return left !== right;
    case "<":
      return left < right;
    case "<=":
      return left <= right;
    case ">":
      return left > right;
    case ">=":
      return left >= right;
    default:
      return true;
  }
}

const ROW_NODES: ReadonlySet<string> = new Set(["ColumnRef", "ParamRef", "CurrentOfExpr"]);

function mentionsRows(json: Json | undefined): boolean {
  if (json === undefined || json === null || typeof json !== "object") return false;
  if (Array.isArray(json)) return (json as readonly Json[]).some(mentionsRows);
  // A sub-query's own columns don't tie it to the row at hand; one that is correlated does, but can't be told here.
  for (const [key, value] of Object.entries(json)) {
    if (ROW_NODES.has(key)) return true;
    if (key === "SelectStmt") {
      const where = is(json, "SelectStmt")?.["whereClause"];
      if (where !== undefined && mentionsRows(where)) return true;
      continue;
    }
    if (mentionsRows(value)) return true;
  }
  return false;
}
