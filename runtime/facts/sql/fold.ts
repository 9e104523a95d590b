import { RowScope } from "./row-scope.ts";
import { body, is, list, names, node, text, type Body, type Json } from "./tree.ts";

/** It depends on the rows at hand. */
const ROWS = Symbol("depends on rows");
/** The same for every row, but what it is can't be told here: a parameter, a function of constants, a sub-query of its own. */
const SAME = Symbol("the same for every row");

/** What a condition comes to without looking at any row. */
type Folded = boolean | number | string | null | typeof ROWS | typeof SAME;

/**
 * Whether a WHERE can exclude rows at all: it must look at a column of the rows at hand, and must not come to true whatever
 * that column holds. `TRUE`, `1=1`, `'a'='a'`, `NOT FALSE`, `x = 1 OR TRUE`, `x = x`, a parameter alone, a condition over
 * another relation and a sub-query that is not tied to the row exclude nothing.
 */
export function excludesRows(where: Json | undefined, scope: RowScope = RowScope.anyColumn()): boolean {
  if (where === undefined) return false;
  const found = new Fold(scope).value(where);
  // Never true: no row is touched, which is as narrow as it gets.
  return found === ROWS || found === false || found === null;
}

/** Whether a condition comes to true for whatever row it is asked of. */
export const alwaysHolds = (condition: Json | undefined): boolean =>
  condition !== undefined && new Fold(RowScope.anyColumn()).value(condition) === true;

class Fold {
  readonly #scope: RowScope;

  constructor(scope: RowScope) {
    this.#scope = scope;
  }

  value(json: Json | undefined): Folded {
    const found = node(json);
    if (found === null) return SAME;
    const { kind, body: b } = found;
    switch (kind) {
      case "A_Const":
        return constant(b);
      case "TypeCast":
        return this.#cast(b);
      case "ColumnRef":
        return this.#scope.names(b) ? ROWS : SAME;
      case "CurrentOfExpr":
        return ROWS;
      case "ParamRef":
        return SAME;
      case "BoolExpr":
        return this.#bool(text(b["boolop"]), list(b["args"]));
      case "NullTest":
        return nullTest(this.value(b["arg"]), text(b["nulltesttype"]));
      case "BooleanTest":
        return booleanTest(this.value(b["arg"]), text(b["booltesttype"]));
      case "A_Expr":
        return this.#operator(b);
      default:
        // Functions, sub-queries, CASE and the rest narrow only if a column of the row takes part in them.
        return this.#mentionsRows(json, this.#scope) ? ROWS : SAME;
    }
  }

  #cast(b: Body): Folded {
    const value = this.value(b["arg"]);
    if (value === ROWS || value === SAME || value === null) return value;
    const type = names(body(b["typeName"])["names"]).at(-1);
    if (type !== "bool") return type === "text" && typeof value === "string" ? value : SAME;
    if (typeof value === "string") return asBoolean(value);
    return typeof value === "number" ? value !== 0 : value;
  }

  #bool(op: string, args: readonly Json[]): Folded {
    const values = args.map((arg) => truth(this.value(arg)));
    switch (op) {
      case "NOT_EXPR": {
        const [value] = values;
        return typeof value === "boolean" ? !value : (value ?? SAME);
      }
      case "OR_EXPR":
        if (values.includes(true) || complementary(args)) return true;
        if (values.includes(SAME)) return SAME;
        return values.includes(ROWS) ? ROWS : values.includes(null) ? null : false;
      default:
        if (values.includes(false)) return false;
        if (values.includes(null)) return null;
        if (values.includes(ROWS)) return ROWS;
        return values.includes(SAME) ? SAME : true;
    }
  }

  #operator(b: Body): Folded {
    const operator = names(b["name"]).at(-1) ?? "";
    const kind = text(b["kind"]);
    const left = b["lexpr"];
    const right = b["rexpr"];
    // `x = x` holds for every row but those without a value.
    if (alwaysTrue(kind, operator, left, right)) return true;
    const a = this.value(left);
    const c = this.value(right);
    if (a === ROWS || c === ROWS) return ROWS;
    if (this.#mentionsRows(left, this.#scope) || this.#mentionsRows(right, this.#scope)) return ROWS;
    if (kind !== "AEXPR_OP") return SAME;
    if (a === null || c === null) return null;
    return compare(operator, a, c);
  }

  #mentionsRows(json: Json | undefined, scope: RowScope): boolean {
    if (json === undefined || json === null || typeof json !== "object") return false;
    if (Array.isArray(json)) return (json as readonly Json[]).some((item) => this.#mentionsRows(item, scope));
    for (const [key, value] of Object.entries(json)) {
      if (key === "CurrentOfExpr") return true;
      const inner = body(value);
      if (key === "ColumnRef") {
        if (scope.names(inner)) return true;
        continue;
      }
      // Its own columns don't tie a sub-query to the row at hand.
      if (this.#mentionsRows(value, key === "SelectStmt" ? scope.within(inner) : scope)) return true;
    }
    return false;
  }
}

function constant(b: Body): Folded {
  if (b["isnull"] === true) return null;
  if (b["boolval"] !== undefined) return body(b["boolval"])["boolval"] === true;
  if (b["ival"] !== undefined) return Number(body(b["ival"])["ival"] ?? 0);
  if (b["fval"] !== undefined) {
    const written = text(body(b["fval"])["fval"]);
    const value = Number(written);
    // More digits than a double holds would make different numbers seem the same.
    return Number.isFinite(value) && written.length <= 15 ? value : SAME;
  }
  return b["sval"] === undefined ? SAME : text(body(b["sval"])["sval"]);
}

function asBoolean(value: string): Folded {
  const given = value.trim().toLowerCase();
  if (["t", "tr", "tru", "true", "y", "ye", "yes", "on", "1"].includes(given)) return true;
  return ["f", "fa", "fal", "fals", "false", "n", "no", "of", "off", "0"].includes(given) ? false : SAME;
}

/** A constant in quotes that stands as a condition is read as a boolean. */
const truth = (value: Folded): Folded =>
  typeof value === "string" ? asBoolean(value) : typeof value === "number" ? SAME : value;

function nullTest(value: Folded, test: string): Folded {
  if (value === ROWS || value === SAME) return value;
  return (value === null) === (test === "IS_NULL");
}

function booleanTest(given: Folded, test: string): Folded {
  const value = truth(given);
  if (value === ROWS || value === SAME) return value;
  const wanted = test.endsWith("TRUE") ? true : test.endsWith("FALSE") ? false : null;
  return (value === wanted) !== test.startsWith("IS_NOT");
}

function compare(operator: string, a: Folded, c: Folded): Folded {
  // Of other types the server converts one, and text is ordered by its collation.
  if (a === SAME || c === SAME || typeof a !== typeof c) return SAME;
  if (operator === "=") return a === c;
  if (operator === "<>") return a !== c;
  if (typeof a !== "number" || typeof c !== "number") return SAME;
  switch (operator) {
    case "<":
      return a < c;
    case "<=":
      return a <= c;
    case ">":
      return a > c;
    case ">=":
      return a >= c;
    default:
      return SAME;
  }
}

const REFLEXIVE: ReadonlySet<string> = new Set(["=", "<=", ">=", "~~", "~~*", "@>", "<@", "&&"]);

function alwaysTrue(kind: string, operator: string, left: Json | undefined, right: Json | undefined): boolean {
  if (kind === "AEXPR_IN")
    return operator === "=" && list(is(right, "List")?.["items"] ?? right).some((item) => same(item, left));
  if (kind === "AEXPR_BETWEEN" || kind === "AEXPR_BETWEEN_SYM") {
    const bounds = list(is(right, "List")?.["items"] ?? right);
    return bounds.length === 2 && bounds.every((bound) => same(bound, left));
  }
  if (kind === "AEXPR_NOT_DISTINCT") return same(left, right);
  if (kind === "AEXPR_LIKE" || kind === "AEXPR_ILIKE") {
    const pattern = is(right, "A_Const");
    if (operator.startsWith("~~") && pattern !== null && /^%+$/.test(text(body(pattern["sval"])["sval"]))) return true;
  }
  return (
    (kind === "AEXPR_OP" || kind === "AEXPR_LIKE" || kind === "AEXPR_ILIKE") &&
    REFLEXIVE.has(operator) &&
    same(left, right)
  );
}

/** Some alternative holds whenever another one does not: `x is null or x is not null`, `x = 1 or x <> 1`, `a or not a`. */
function complementary(args: readonly Json[]): boolean {
  return args.some((one, i) => args.slice(i + 1).some((other) => complements(one, other) || complements(other, one)));
}

const OPPOSITES: Readonly<Record<string, string>> = {
  "=": "<>",
  "<>": "=",
  "<": ">=",
  ">=": "<",
  ">": "<=",
  "<=": ">",
};

function complements(one: Json, other: Json): boolean {
  const not = is(other, "BoolExpr");
  if (not !== null && text(not["boolop"]) === "NOT_EXPR" && same(list(not["args"])[0], one)) return true;
  const a = is(one, "NullTest");
  const b = is(other, "NullTest");
  if (a !== null && b !== null) return same(a["arg"], b["arg"]) && a["nulltesttype"] !== b["nulltesttype"];
  const left = is(one, "A_Expr");
  const right = is(other, "A_Expr");
  if (left === null || right === null || text(left["kind"]) !== "AEXPR_OP" || text(right["kind"]) !== "AEXPR_OP")
    return false;
  const opposite = OPPOSITES[names(left["name"]).at(-1) ?? ""];
  return (
    opposite !== undefined &&
    opposite === names(right["name"]).at(-1) &&
    same(left["lexpr"], right["lexpr"]) &&
    same(left["rexpr"], right["rexpr"])
  );
}

/** The same expression, wherever it stands. */
function same(a: Json | undefined, b: Json | undefined): boolean {
  if (a === undefined || b === undefined) return false;
  const plain = (key: string, value: Json): Json | undefined => (key === "location" ? undefined : value);
  return JSON.stringify(a, plain) === JSON.stringify(b, plain);
}
