import { body, is, isBody, list, names, node, text, type Body, type Json } from "../tree.ts";
import { SINGLE_VALUES, type Value } from "./value.ts";

/** What a column reference stands for; null when that can't be told. */
export type ColumnAt = (ref: Body) => Value | null;

/**
 * Whether an expression may fail, or do something that is noticed, depending on the values in it. `1 / (pin - 42)` tells by
 * failing whether pin is 42, whatever becomes of its result; so does a cast that does not fit, or a slow function that only
 * one arm of a CASE calls. A CASE can make any value of a guess, so only what fails for no value at all is listed as such;
 * what is not listed may fail.
 */
export class Failing {
  readonly #columnAt: ColumnAt;
  /** Rows of no named type are about: two of them may not be comparable. */
  readonly #rows: boolean;

  constructor(columnAt: ColumnAt, rows: boolean) {
    this.#columnAt = columnAt;
    this.#rows = rows;
  }

  may(json: Json | undefined): boolean {
    if (json === undefined || json === null || typeof json !== "object") return false;
    if (Array.isArray(json)) return (json as readonly Json[]).some((item) => this.may(item));
    const found = node(json);
    if (found === null) return Object.values(json).some((value) => this.may(value));
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
        return this.#call(b);
      case "A_Expr":
        return !this.#isTotal(b) || this.may(b["lexpr"]) || this.may(b["rexpr"]);
      case "TypeCast":
        return castMayFail(b) || this.may(b["arg"]);
      case "A_Indirection":
        return (
          this.may(b["arg"]) || list(b["indirection"]).some((part) => is(part, "A_Indices") !== null && this.may(part))
        );
      case "CaseExpr":
        return (b["arg"] !== undefined && this.#rows) || this.#parts(b);
      case "MinMaxExpr":
        return this.#rows || this.#parts(b);
      case "A_ArrayExpr":
        return !this.#isEven(list(b["elements"])) || this.#parts(b);
      case "JsonObjectConstructor":
      case "JsonArrayConstructor":
      case "JsonObjectAgg":
      case "JsonArrayAgg":
      case "JsonArrayQueryConstructor":
      case "JsonScalarExpr":
        return this.#makesJson(b) || this.#parts(b);
      case "BoolExpr":
      case "NullTest":
      case "BooleanTest":
      case "CaseWhen":
      case "CoalesceExpr":
      case "RowExpr":
      case "List":
      case "NamedArgExpr":
      case "CollateClause":
      case "ResTarget":
      case "JsonAggConstructor":
      case "JsonKeyValue":
      case "JsonValueExpr":
      case "JsonFormat":
      case "JsonOutput":
      case "JsonReturning":
      case "A_Indices":
      case "A_Star":
      case "String":
      case "Integer":
        return this.#parts(b);
      case "SubLink":
        // A scalar sub-select with more than one row fails, but that is told by its conditions, which are influences.
        return (
          (b["operName"] !== undefined && !COMPARISONS.has(names(b["operName"]).at(-1) ?? "")) ||
          (b["testexpr"] !== undefined && this.#rows) ||
          this.may(b["testexpr"])
        );
      default:
        return true;
    }
  }

  #parts(b: Body): boolean {
    return Object.values(b).some((value) => this.may(value));
  }

  #isTotal(b: Body): boolean {
    const operator = names(b["name"]).at(-1) ?? "";
    const [left, right] = [b["lexpr"], b["rexpr"]];
    switch (text(b["kind"])) {
      case "AEXPR_OP":
      case "AEXPR_OP_ANY":
      case "AEXPR_OP_ALL":
        if (PATTERNS.has(operator)) return isFixed(right);
        if (operator === "||") return this.#joinsTexts(left, right);
        return COMPARISONS.has(operator) ? this.#isComparable(left, right) : TOTAL_OPERATORS.has(operator);
      case "AEXPR_LIKE":
      case "AEXPR_ILIKE":
        return isFixed(right);
      case "AEXPR_DISTINCT":
      case "AEXPR_NOT_DISTINCT":
      case "AEXPR_NULLIF":
      case "AEXPR_IN":
      case "AEXPR_BETWEEN":
      case "AEXPR_NOT_BETWEEN":
      case "AEXPR_BETWEEN_SYM":
      case "AEXPR_NOT_BETWEEN_SYM":
        return this.#isComparable(left, right);
      default:
        return false;
    }
  }

  /** Rows are compared column by column only where both are written out. */
  #isComparable(left: Json | undefined, right: Json | undefined): boolean {
    const [a, b] = [is(left, "RowExpr"), is(right, "RowExpr")];
    return !this.#rows || (a !== null && b !== null) || isFixed(left) || isFixed(right);
  }

  /** Arrays in one, or gathered, must have the same dimensions: as many as what is none has. */
  #isEven(elements: readonly Json[]): boolean {
    return elements.length < 2 || elements.every(isFixed) || elements.every((one) => this.#isScalar(one));
  }

  /** With a text that is no array's on one side it is no array on the other, and neither where both are single values. */
  #joinsTexts(left: Json | undefined, right: Json | undefined): boolean {
    return isPlainText(left) || isPlainText(right) || (this.#isScalar(left) && this.#isScalar(right));
  }

  /** A value that is no array. */
  #isScalar(json: Json | undefined): boolean {
    const found = node(json);
    if (found === null) return false;
    const { kind, body: b } = found;
    switch (kind) {
      case "ColumnRef": {
        const value = this.#columnAt(b);
        return value?.direct != null && value.type !== null && SINGLE_VALUES.has(value.type);
      }
      case "A_Const":
        return b["sval"] === undefined || isPlainText(json);
      case "TypeCast":
        return list(body(b["typeName"])["arrayBounds"]).length === 0 && this.#isScalarType(b);
      case "CaseExpr":
        return [...list(b["args"]).map((when) => is(when, "CaseWhen")?.["result"]), b["defresult"]].every(
          (arm) => arm === undefined || this.#isScalar(arm),
        );
      case "CoalesceExpr":
      case "MinMaxExpr":
        return list(b["args"]).every((arm) => this.#isScalar(arm));
      case "BoolExpr":
      case "NullTest":
      case "BooleanTest":
      case "RowExpr":
      case "JsonObjectConstructor":
      case "JsonArrayConstructor":
      case "JsonObjectAgg":
      case "JsonArrayAgg":
        return true;
      case "A_Expr":
        return this.#givesScalar(b);
      case "FuncCall":
        return MAKES_TEXT.has(names(b["funcname"]).at(-1) ?? "") || MAKES_SCALAR.has(names(b["funcname"]).at(-1) ?? "");
      default:
        return false;
    }
  }

  #givesScalar(b: Body): boolean {
    if (text(b["kind"]) === "AEXPR_NULLIF") return this.#isScalar(b["lexpr"]);
    if (text(b["kind"]) !== "AEXPR_OP") return true;
    const operator = names(b["name"]).at(-1) ?? "";
    if (operator === "||") return this.#joinsTexts(b["lexpr"], b["rexpr"]);
    return COMPARISONS.has(operator) || PATTERNS.has(operator) || PICKS.has(operator);
  }

  #isScalarType(cast: Body): boolean {
    const path = names(body(cast["typeName"])["names"]);
    return isTextType(cast) || (path[0] === "pg_catalog" && path.length === 2);
  }

  /** A column of a table, or a small number: nobody's guess can make an overflow of them. */
  #isBounded(json: Json | undefined): boolean {
    const found = node(json);
    if (found === null) return false;
    const { kind, body: b } = found;
    switch (kind) {
      case "ColumnRef": {
        const value = this.#columnAt(b);
        return value?.direct != null && value.type !== null && NUMBERS.has(value.type);
      }
      case "A_Const":
        return (
          b["isnull"] === true || b["ival"] !== undefined || /^\d{1,15}(?:\.\d+)?$/.test(text(body(b["fval"])["fval"]))
        );
      case "TypeCast":
        return !castMayFail(b) && isTruth(b["arg"]);
      case "CaseExpr":
        return [...list(b["args"]).map((when) => is(when, "CaseWhen")?.["result"]), b["defresult"]].every(
          (arm) => arm === undefined || this.#isBounded(arm),
        );
      case "CoalesceExpr":
        return list(b["args"]).every((arm) => this.#isBounded(arm));
      default:
        return false;
    }
  }

  /** A column of a table, as it is stored. */
  #isStored(json: Json | undefined): boolean {
    const ref = is(json, "ColumnRef");
    return ref !== null && this.#columnAt(ref)?.direct != null;
  }

  /** The same for every value of any column: a constant, or a place that a series gives. */
  #isFree(json: Json | undefined): boolean {
    const ref = is(json, "ColumnRef");
    return isFixed(json) || (ref !== null && this.#columnAt(ref)?.sources.length === 0);
  }

  #isKey(json: Json | undefined): boolean {
    return is(json, "A_Const")?.["sval"] !== undefined || this.#isStored(json);
  }

  /** Whether making JSON may fail: for a key that is NULL or there already, a text that is none, a type that is too short. */
  #makesJson(b: Body): boolean {
    if (b["unique"] === true || text(b["format_type"]) === "JS_FORMAT_JSON") return true;
    if (b["key"] !== undefined && !this.#isKey(b["key"])) return true;
    if (b["typeName"] !== undefined) {
      const type = body(b["typeName"]);
      if (list(type["typmods"]).length > 0 || !JSON_TYPES.has(names(type["names"]).at(-1) ?? "")) return true;
    }
    return Object.values(b).some((part) => {
      if (Array.isArray(part)) return (part as readonly Json[]).some((item) => this.#makesJson(innerOf(item)));
      return isBody(part) && this.#makesJson(innerOf(part));
    });
  }

  #call(b: Body): boolean {
    const name = names(b["funcname"]).at(-1) ?? "";
    const args = list(b["args"]);
    const parts = [...args, b["agg_filter"], ...list(b["agg_order"]).map((sort) => is(sort, "SortBy")?.["node"])];
    if (parts.some((part) => this.may(part))) return true;
    const [first, ...others] = args;
    switch (name) {
      case "abs":
      case "avg":
      case "bit_and":
      case "bit_or":
      case "bit_xor":
      case "stddev":
      case "stddev_pop":
      case "stddev_samp":
      case "sum":
      case "var_pop":
      case "var_samp":
      case "variance":
        return args.length !== 1 || !this.#isBounded(first);
      case "array_agg":
        return args.length !== 1 || !this.#isScalar(first);
      case "max":
      case "min":
      case "greatest":
      case "least":
        return this.#rows;
      case "age":
        return !args.every((arg) => this.#isStored(arg) || isNow(arg));
      case "date_trunc":
        return !isFixed(first) || others.length !== 1 || !this.#isStored(others[0]);
      case "date_part":
      case "extract":
        return !isFixed(first);
      case "format":
        // %I takes no NULL.
        return !/^(?:[^%]|%%|%[-*$\d]*[sL])*$/.test(constantText(first) ?? "%");
      case "length":
        return args.length !== 1;
      case "json_build_object":
      case "jsonb_build_object":
        return args.some((arg, i) => i % 2 === 0 && is(arg, "A_Const")?.["sval"] === undefined);
      case "json_object_agg":
      case "jsonb_object_agg":
        return !this.#isKey(first);
      case "percentile_cont":
      case "percentile_disc":
        return !args.every(isFixed);
      case "substr":
      case "substring":
      case "left":
      case "right":
        return !others.every((arg) => this.#isFree(arg));
    }
    if (TOTAL_IF_FIXED.has(name)) return !others.every(isFixed);
    return !TOTAL.has(name);
  }
}

const COMPARISONS: ReadonlySet<string> = new Set(["=", "!=", "<>", "<", ">", "<=", ">="]);
/** Operators whose right side is a pattern: one that is the statement's own either is one or not, whatever it is matched with. */
const PATTERNS: ReadonlySet<string> = new Set("~~ !~~ ~~* !~~* ~ ~* !~ !~*".split(" "));
/** Of a JSON document. */
const PICKS: ReadonlySet<string> = new Set(["->", "->>", "#>", "#>>"]);
const TOTAL_OPERATORS: ReadonlySet<string> = new Set("-> ->> #> #>> @> <@ && ? ?| ?& << >> <<= >>= -|-".split(" "));

/** Of int8, int2, int4, float4, float8, numeric. */
const NUMBERS: ReadonlySet<number> = new Set([20, 21, 23, 700, 701, 1700]);

const constantText = (json: Json | undefined): string | null => {
  const constant = body(is(json, "A_Const")?.["sval"]);
  return constant["sval"] === undefined ? null : text(constant["sval"]);
};

/** A text whose type is not said, and that is no array's: what it is joined with is no array then. */
function isPlainText(json: Json | undefined): boolean {
  const written = constantText(json);
  return written !== null && !/^\s*[[{]/.test(written);
}

/** The node's own parts, or those of a body that is written without its kind. */
const innerOf = (json: Json): Body => node(json)?.body ?? body(json);

/** A constant or parameter, perhaps cast: the same for every row. */
function isFixed(json: Json | undefined): boolean {
  if (is(json, "A_Const") !== null || is(json, "ParamRef") !== null) return true;
  const cast = is(json, "TypeCast");
  if (cast !== null) return isFixed(cast["arg"]);
  const items = is(json, "A_ArrayExpr")?.["elements"] ?? is(json, "List")?.["items"];
  if (items !== undefined) return list(items).every(isFixed);
  const sign = is(json, "A_Expr");
  return sign !== null && sign["lexpr"] === undefined && isFixed(sign["rexpr"]);
}

/** The time of the statement, or a date that is written out and finite. */
function isNow(json: Json | undefined): boolean {
  const constant = is(json, "TypeCast")?.["arg"] ?? json;
  const written = constantText(constant);
  if (written !== null) return /^\d{4}-\d\d-\d\d/.test(written) && !/bc/i.test(written);
  const call = names(is(json, "FuncCall")?.["funcname"]).at(-1);
  return is(json, "SQLValueFunction") !== null || call === "now" || call === "clock_timestamp";
}

/** Every value has a text form. */
const TEXTS: ReadonlySet<string> = new Set(["text", "varchar", "bpchar", "name", "char"]);
const JSON_TYPES: ReadonlySet<string> = new Set(["text", "json", "jsonb", "varchar", "bytea"]);

function isTextType(cast: Body): boolean {
  const type = body(cast["typeName"]);
  const path = names(type["names"]);
  const own = path.length === 1 || path[0] === "pg_catalog";
  return own && TEXTS.has(path.at(-1) ?? "") && list(type["arrayBounds"]).length === 0;
}

function castMayFail(b: Body): boolean {
  if (isFixed(b["arg"]) || isTextType(b)) return false;
  const path = names(body(b["typeName"])["names"]);
  if (path.length > 1 && path[0] !== "pg_catalog") return true;
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

const words = (list: string): ReadonlySet<string> => new Set(list.trim().split(/\s+/));

/** Fail for no value, whatever else they are given. */
const TOTAL = words(`
  any_value array_dims array_length array_lower array_ndims array_to_json array_to_string array_upper ascii bit_length bool_and bool_or
  btrim cardinality ceil ceiling char_length character_length clock_timestamp coalesce concat concat_ws count cume_dist current_date
  current_setting_null dense_rank every first_value floor gen_random_uuid generate_subscripts host hostmask initcap isempty isfinite
  json_agg json_agg_strict json_build_array json_strip_nulls json_typeof jsonb_agg jsonb_agg_strict jsonb_build_array
  jsonb_pretty jsonb_strip_nulls jsonb_typeof last_value lower lower_inc lower_inf ltrim masklen md5 mode network now nullif num_nonnulls
  num_nulls octet_length percent_rank pg_column_size pg_typeof position quote_ident quote_literal quote_nullable rank replace reverse
  row_number row_to_json rtrim sha224 sha256 sha384 sha512 starts_with string_agg string_to_array string_to_table strip strpos text
  to_json to_jsonb translate trim unnest upper upper_inc upper_inf
`);

/** Those whose further arguments decide whether they fail: constants fail always or never. */
const TOTAL_IF_FIXED = words(`
  encode lag lead lpad nth_value ntile regexp_count regexp_like regexp_match regexp_matches regexp_replace regexp_split_to_array
  regexp_split_to_table regexp_substr round rpad split_part to_char trunc
`);

/** Of those that fail for no value, the ones that give a text, and those that give something else that is no array. */
const MAKES_TEXT = words(`
  btrim concat concat_ws encode format host initcap left lower lpad ltrim md5 quote_ident quote_literal quote_nullable regexp_replace
  regexp_substr repeat replace reverse right rpad rtrim split_part string_agg substr substring text to_char translate trim upper
`);
const MAKES_SCALAR = words(`
  ascii avg bool_and bool_or cardinality char_length character_length count date_part date_trunc extract json_agg json_build_array
  json_build_object json_object_agg jsonb_agg jsonb_build_array jsonb_build_object jsonb_object_agg length now octet_length position
  rank row_number row_to_json starts_with strpos sum to_json to_jsonb
`);
