import { body, is, isBody, list, names, node, text, type Body, type Json } from "../tree.ts";

/**
 * Whether an expression may fail, or do something that is noticed, depending on the values in it. `1 / (pin - 42)` tells by
 * failing whether pin is 42, whatever becomes of its result; so does a cast that does not fit, or a slow function that only
 * one arm of a CASE calls. What is not listed may fail.
 */
export function mayFail(json: Json | undefined): boolean {
  if (json === undefined || json === null || typeof json !== "object") return false;
  if (Array.isArray(json)) return (json as readonly Json[]).some(mayFail);
  const found = node(json);
  if (found === null) return Object.values(json).some((value) => mayFail(value));
  const { kind, body: b } = found;
  switch (kind) {
    case "A_Const":
    case "ColumnRef":
    case "ParamRef":
    case "SQLValueFunction":
    case "SetToDefault":
    case "GroupingFunc":
    case "TypeName":
      return false;
    case "SelectStmt":
      // Its own outputs are looked at where they are computed.
      return false;
    case "FuncCall":
      return callMayFail(b);
    case "A_Expr":
      return !operatorIsTotal(b) || mayFail(b["lexpr"]) || mayFail(b["rexpr"]);
    case "TypeCast":
      return castMayFail(b) || mayFail(b["arg"]);
    case "A_Indirection":
      return (
        mayFail(b["arg"]) || list(b["indirection"]).some((part) => is(part, "A_Indices") !== null && mayFail(part))
      );
    case "BoolExpr":
    case "NullTest":
    case "BooleanTest":
    case "CaseExpr":
    case "CaseWhen":
    case "CoalesceExpr":
    case "MinMaxExpr":
    case "RowExpr":
    case "A_ArrayExpr":
    case "List":
    case "NamedArgExpr":
    case "CollateClause":
    case "ResTarget":
    case "JsonObjectConstructor":
    case "JsonArrayConstructor":
    case "JsonObjectAgg":
    case "JsonArrayAgg":
    case "JsonAggConstructor":
    case "JsonKeyValue":
    case "JsonValueExpr":
    case "JsonFormat":
    case "JsonOutput":
    case "JsonReturning":
    case "JsonArrayQueryConstructor":
    case "JsonScalarExpr":
    case "A_Indices":
    case "A_Star":
    case "String":
    case "Integer":
      return Object.values(b).some((value) => mayFail(value));
    case "SubLink":
      // A scalar sub-select with more than one row fails, but that is told by its conditions, which are influences.
      return mayFail(b["testexpr"]);
    default:
      return true;
  }
}

const TOTAL_OPERATORS: ReadonlySet<string> = new Set(
  "= <> != < > <= >= || -> ->> #> #>> ~~ !~~ ~~* !~~* @> <@ && ? ?| ?& << >> <<= >>= -|-".split(" "),
);

function operatorIsTotal(b: Body): boolean {
  switch (text(b["kind"])) {
    case "AEXPR_OP":
      return TOTAL_OPERATORS.has(names(b["name"]).at(-1) ?? "") || isPattern(b);
    case "AEXPR_DISTINCT":
    case "AEXPR_NOT_DISTINCT":
    case "AEXPR_NULLIF":
    case "AEXPR_IN":
    case "AEXPR_LIKE":
    case "AEXPR_ILIKE":
    case "AEXPR_BETWEEN":
    case "AEXPR_NOT_BETWEEN":
    case "AEXPR_BETWEEN_SYM":
    case "AEXPR_NOT_BETWEEN_SYM":
    case "AEXPR_OP_ANY":
    case "AEXPR_OP_ALL":
      return true;
    default:
      return false;
  }
}

/** A regular expression that is the statement's own either compiles or not, whatever it is matched with. */
const isPattern = (b: Body): boolean =>
  ["~", "~*", "!~", "!~*"].includes(names(b["name"]).at(-1) ?? "") && isFixed(b["rexpr"]);

/** A constant or parameter, perhaps cast: the same for every row. */
function isFixed(json: Json | undefined): boolean {
  if (is(json, "A_Const") !== null || is(json, "ParamRef") !== null) return true;
  const cast = is(json, "TypeCast");
  if (cast !== null) return isFixed(cast["arg"]);
  const array = is(json, "A_ArrayExpr");
  if (array !== null) return list(array["elements"]).every(isFixed);
  const sign = is(json, "A_Expr");
  return sign !== null && sign["lexpr"] === undefined && isFixed(sign["rexpr"]);
}

/** Every value has a text form. */
const TEXTS: ReadonlySet<string> = new Set(["text", "varchar", "bpchar", "name", "char"]);

function castMayFail(b: Body): boolean {
  if (isFixed(b["arg"])) return false;
  const type = body(b["typeName"]);
  const path = names(type["names"]);
  if (path.length > 1 && path[0] !== "pg_catalog") return true;
  if (TEXTS.has(path.at(-1) ?? "")) return false;
  // A boolean, and what is made of a comparison, counts as a number in either way.
  return !(["int4", "bool"].includes(path.at(-1) ?? "") && isTruth(b["arg"]));
}

function isTruth(json: Json | undefined): boolean {
  const found = node(json);
  if (found === null) return false;
  if (found.kind === "A_Expr")
    return ["=", "<>", "<", ">", "<=", ">=", "~~", "!~~"].includes(names(found.body["name"]).at(-1) ?? "");
  return ["BoolExpr", "NullTest", "BooleanTest"].includes(found.kind);
}

/** Fail for no value, whatever else they are given. */
const TOTAL = new Set(
  `any_value array_agg array_append array_cat array_dims array_length array_lower array_ndims array_prepend array_to_json array_to_string
  array_upper ascii avg bit_and bit_or bit_xor bit_length bool_and bool_or btrim cardinality char_length character_length coalesce
  concat concat_ws count cume_dist dense_rank every first_value format greatest host hostmask initcap isempty isfinite
  json_agg json_agg_strict json_build_array json_build_object json_object_agg json_strip_nulls json_typeof jsonb_agg jsonb_agg_strict
  jsonb_build_array jsonb_build_object jsonb_object_agg jsonb_pretty jsonb_strip_nulls jsonb_typeof
  lag last_value lead least length lower lower_inc lower_inf ltrim masklen max md5 min mode network nth_value ntile nullif
  num_nonnulls num_nulls octet_length percent_rank percentile_cont percentile_disc pg_column_size pg_typeof quote_ident quote_literal
  quote_nullable rank regexp_count replace reverse row_number row_to_json rtrim sha224 sha256 sha384 sha512 starts_with stddev
  stddev_pop stddev_samp string_agg strip strpos position sum text to_json to_jsonb to_tsvector translate trim unnest upper upper_inc
  upper_inf var_pop var_samp variance abs now clock_timestamp current_date gen_random_uuid current_setting_null
  regexp_match regexp_matches regexp_replace regexp_split_to_array regexp_split_to_table regexp_substr regexp_like string_to_array
  string_to_table split_part left right substr substring lpad rpad repeat round trunc ceil ceiling floor
  date_trunc date_part extract to_char encode age generate_subscripts`
    .trim()
    .split(/\s+/),
);

/** Of those, the ones whose further arguments decide whether they fail: constants fail always or never. */
const TOTAL_IF_FIXED = new Set(
  `format regexp_count regexp_match regexp_matches regexp_replace regexp_split_to_array regexp_split_to_table regexp_substr regexp_like
  split_part left right substr substring lpad rpad repeat round trunc date_trunc date_part extract to_char encode ntile nth_value lag lead
  json_object_agg jsonb_object_agg json_build_object jsonb_build_object percentile_cont percentile_disc to_tsvector`
    .trim()
    .split(/\s+/),
);
/** Those whose value comes last, not first. */
const VALUE_LAST = new Set(["date_trunc", "date_part", "extract", "to_tsvector"]);

function callMayFail(b: Body): boolean {
  const path = names(b["funcname"]);
  const name = path.at(-1) ?? "";
  const args = list(b["args"]);
  const parts = [...args, b["agg_filter"], ...list(b["agg_order"]).map((sort) => is(sort, "SortBy")?.["node"])];
  if (!TOTAL.has(name) || parts.some(mayFail)) return true;
  if (!TOTAL_IF_FIXED.has(name)) return false;
  if (name.endsWith("_build_object")) return args.some((arg, i) => i % 2 === 0 && !isFixed(arg));
  // A place in a text that a series gives (one character a row) is the same for every value.
  const others = VALUE_LAST.has(name) ? args.slice(0, -1) : args.slice(1);
  const byPlace = ["substr", "substring", "left", "right"].includes(name);
  return !others.every((arg) => isFixed(arg) || (byPlace && isBody(is(arg, "ColumnRef"))));
}
