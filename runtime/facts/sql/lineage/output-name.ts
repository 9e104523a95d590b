import { body, is, list, names, node, text, type Body, type Json } from "../tree.ts";

/** How sure PostgreSQL is of a name: one taken from a cast or a CASE gives way to one found deeper. */
type Found = { readonly name: string; readonly strong: boolean } | null;

const strong = (name: string): Found => ({ name, strong: true });

/** Names that the grammar gives to constructs of their own, by the node's kind. */
const BY_KIND: Readonly<Record<string, string>> = {
  GroupingFunc: "grouping",
  A_ArrayExpr: "array",
  RowExpr: "row",
  CoalesceExpr: "coalesce",
  XmlSerialize: "xmlserialize",
  JsonParseExpr: "json",
  JsonScalarExpr: "json_scalar",
  JsonSerializeExpr: "json_serialize",
  JsonObjectConstructor: "json_object",
  JsonArrayConstructor: "json_array",
  JsonArrayQueryConstructor: "json_array",
  JsonObjectAgg: "json_objectagg",
  JsonArrayAgg: "json_arrayagg",
  MergeSupportFunc: "merge_action",
};

/** And by the operation of nodes that stand for several. */
const BY_OPERATION: Readonly<Record<string, string>> = {
  IS_GREATEST: "greatest",
  IS_LEAST: "least",
  SVFOP_CURRENT_DATE: "current_date",
  SVFOP_CURRENT_TIME: "current_time",
  SVFOP_CURRENT_TIME_N: "current_time",
  SVFOP_CURRENT_TIMESTAMP: "current_timestamp",
  SVFOP_CURRENT_TIMESTAMP_N: "current_timestamp",
  SVFOP_LOCALTIME: "localtime",
  SVFOP_LOCALTIME_N: "localtime",
  SVFOP_LOCALTIMESTAMP: "localtimestamp",
  SVFOP_LOCALTIMESTAMP_N: "localtimestamp",
  SVFOP_CURRENT_ROLE: "current_role",
  SVFOP_CURRENT_USER: "current_user",
  SVFOP_USER: "user",
  SVFOP_SESSION_USER: "session_user",
  SVFOP_CURRENT_CATALOG: "current_catalog",
  SVFOP_CURRENT_SCHEMA: "current_schema",
  IS_XMLCONCAT: "xmlconcat",
  IS_XMLELEMENT: "xmlelement",
  IS_XMLFOREST: "xmlforest",
  IS_XMLPARSE: "xmlparse",
  IS_XMLPI: "xmlpi",
  IS_XMLROOT: "xmlroot",
  JSON_EXISTS_OP: "json_exists",
  JSON_QUERY_OP: "json_query",
  JSON_VALUE_OP: "json_value",
};

/**
 * The name that PostgreSQL gives to an output without an AS. Source: `FigureColname` in its parse_target.c.
 *
 * @returns an empty text when the name depends on columns that only a catalog knows
 */
export function outputName(expression: Json | undefined): string {
  return figure(expression)?.name ?? "?column?";
}

function figure(expression: Json | undefined): Found {
  const found = node(expression);
  if (found === null) return null;
  const { kind, body: b } = found;
  switch (kind) {
    case "ColumnRef":
      return lastName(b["fields"]);
    case "A_Indirection":
      return lastName(b["indirection"]) ?? figure(b["arg"]);
    case "FuncCall":
      return lastName(b["funcname"]);
    case "A_Expr":
      return text(b["kind"]) === "AEXPR_NULLIF" ? strong("nullif") : null;
    case "TypeCast": {
      const inner = figure(b["arg"]);
      if (inner?.strong === true) return inner;
      const type = names(body(b["typeName"])["names"]).at(-1);
      return type === undefined ? inner : { name: type, strong: false };
    }
    case "CollateClause":
      return figure(b["arg"]);
    case "CaseExpr": {
      const inner = figure(b["defresult"]);
      return inner?.strong === true ? inner : { name: "case", strong: false };
    }
    case "SubLink":
      return ofSubquery(b);
    case "MinMaxExpr":
    case "SQLValueFunction":
    case "XmlExpr":
    case "JsonFuncExpr": {
      const name = BY_OPERATION[text(b["op"])];
      return name === undefined ? null : strong(name);
    }
    default: {
      const name = BY_KIND[kind];
      return name === undefined ? null : strong(name);
    }
  }
}

/** The last of a list's names, past subscripts and stars. */
function lastName(parts: Json | undefined): Found {
  const name = names(parts)
    .filter((part) => part !== "")
    .at(-1);
  return name === undefined ? null : strong(name);
}

function ofSubquery(link: Body): Found {
  switch (text(link["subLinkType"])) {
    case "EXISTS_SUBLINK":
      return strong("exists");
    case "ARRAY_SUBLINK":
      return strong("array");
    case "EXPR_SUBLINK":
      return strong(firstOutput(is(link["subselect"], "SelectStmt") ?? {}));
    default:
      return null;
  }
}

/** Name of a query's first output: of a set operation that of its leftmost query. */
function firstOutput(select: Body): string {
  let query = select;
  for (let left = query["larg"]; left !== undefined; left = query["larg"]) query = body(left);
  if (list(query["valuesLists"]).length > 0) return "column1";
  const target = body(is(list(query["targetList"])[0], "ResTarget") ?? undefined);
  const given = text(target["name"]);
  if (given !== "") return given;
  const fields = list(is(target["val"], "ColumnRef")?.["fields"]);
  const parts = list(is(target["val"], "A_Indirection")?.["indirection"]);
  if (is((fields.length > 0 ? fields : parts).at(-1), "A_Star") !== null) return "";
  return outputName(target["val"]);
}
