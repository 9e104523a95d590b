import { TREE_DEPTH_MAX } from "../limits.ts";
import { changesState, classOfFunction, givesRowsByValue } from "../functions.ts";
import { body, is, isBody, list, names, node, text, type Body, type Json } from "../tree.ts";
import type { ColumnId } from "../analysis.ts";
import type { StatementContext } from "./context.ts";
import { Failing } from "./may-fail.ts";
import type { Query } from "./query.ts";
import { columnOf, wholeRow, type Scope } from "./scope.ts";
import { NOTHING, OPAQUE, SINGLE_VALUES, computed, type Value } from "./value.ts";

/** The tree is deeper than is walked: the statement is refused, not half understood. */
export class TooDeep extends Error {}

const COMPARISONS: ReadonlySet<string> = new Set(["=", "<>", "<", ">", "<=", ">=", "~~", "!~~"]);

const EQUALS: readonly string[] = ["="];
/** The operators that BETWEEN stands for. */
const BOUNDS: readonly (readonly string[])[] = [[">="], ["<="]];

/** What flows into the value of an expression. */
export class Expressions {
  readonly #context: StatementContext;
  readonly #query: Query;

  constructor(context: StatementContext, query: Query) {
    this.#context = context;
    this.#query = query;
  }

  value(json: Json | undefined, scope: Scope): Value {
    const found = node(json);
    if (found === null)
      return Array.isArray(json) ? computed(list(json).map((item) => this.value(item, scope))) : NOTHING;
    if (++this.#context.depth > TREE_DEPTH_MAX) throw new TooDeep();
    try {
      return this.#node(found.kind, found.body, scope);
    } finally {
      this.#context.depth--;
    }
  }

  /** An expression whose value is put out or stored. If it may fail, its failing tells of what is in it. */
  output(json: Json | undefined, scope: Scope): Value {
    const found = this.value(json, scope);
    if (found.sources.length > 0 && this.#mayFail(json, scope)) this.#context.influence(found.sources);
    return found;
  }

  #mayFail(json: Json | undefined, scope: Scope): boolean {
    const columnAt = (ref: Body): Value | null => {
      const fields = list(ref["fields"]);
      return is(fields.at(-1), "A_Star") === null ? this.#named(names(fields), scope) : null;
    };
    return new Failing(columnAt, this.#context.untypedRows).may(json);
  }

  /** An expression whose value is only observed: it filters, joins, sorts or groups. */
  influence(json: Json | undefined, scope: Scope): void {
    const found = this.value(json, scope);
    this.#context.influence(found.sources);
    if (found.opaque) this.#context.untraced("a condition could not be traced", false);
  }

  #all(parts: readonly (Json | undefined)[], scope: Scope): Value {
    return computed(parts.map((part) => this.value(part, scope)));
  }

  #node(kind: string, b: Body, scope: Scope): Value {
    switch (kind) {
      case "ColumnRef":
        return this.columnRef(b, scope);
      case "A_Const":
        this.#constant(b, [], true, false);
        return NOTHING;
      case "ParamRef":
      case "SQLValueFunction":
      case "SetToDefault":
      case "GroupingFunc":
      case "MergeSupportFunc":
        return NOTHING;
      case "CurrentOfExpr":
        this.#context.untraced("WHERE CURRENT OF a cursor", false);
        return NOTHING;
      case "TypeCast":
        return computed([this.type(b["typeName"], scope), this.value(b["arg"], scope)]);
      case "CollateClause":
        return computed([this.value(b["arg"], scope)]);
      case "A_Expr":
        return this.#operator(b, scope);
      case "BoolExpr":
        return this.#all(list(b["args"]), scope);
      case "NullTest":
      case "BooleanTest":
      case "NamedArgExpr":
        return this.#all([b["arg"]], scope);
      case "CoalesceExpr":
      case "MinMaxExpr":
        return this.#all(list(b["args"]), scope);
      case "RowExpr":
        this.#context.untypedRows = true;
        return this.#all(list(b["args"]), scope);
      case "A_ArrayExpr":
        return this.#all(list(b["elements"]), scope);
      case "List":
        return this.#all(list(b["items"]), scope);
      case "CaseExpr": {
        const found = this.#all([b["arg"], ...list(b["args"]), b["defresult"]], scope);
        // Each WHEN is compared with what stands behind CASE.
        return b["arg"] === undefined || this.#isKnownOperator(EQUALS) ? found : { ...found, opaque: true };
      }
      case "CaseWhen":
        return this.#all([b["expr"], b["result"]], scope);
      case "A_Indirection": {
        const parts = list(b["indirection"]).flatMap((part) => {
          const indices = is(part, "A_Indices");
          if (indices !== null) return [indices["lidx"], indices["uidx"]];
          return is(part, "String") !== null || is(part, "A_Star") !== null ? [] : [part];
        });
        return this.#all([b["arg"], ...parts], scope);
      }
      case "SubLink":
        return this.#subLink(b, scope);
      case "FuncCall":
        return this.functionCall(b, scope);
      case "XmlExpr":
        return this.#all([...list(b["named_args"]), ...list(b["args"])], scope);
      case "XmlSerialize":
        return computed([this.type(b["typeName"], scope), this.value(b["expr"], scope)]);
      case "ResTarget":
        return this.value(b["val"], scope);
      case "JsonObjectConstructor":
      case "JsonArrayConstructor":
      case "JsonFuncExpr":
      case "JsonValueExpr":
      case "JsonParseExpr":
      case "JsonScalarExpr":
      case "JsonSerializeExpr":
      case "JsonIsPredicate":
      case "JsonObjectAgg":
      case "JsonArrayAgg":
      case "JsonAggConstructor":
      case "JsonKeyValue":
      case "JsonArgument":
      case "JsonBehavior":
      case "JsonOutput":
      case "JsonReturning":
      case "JsonFormat":
      case "JsonTablePathSpec":
      case "JsonTableColumn":
      case "RangeTableFuncCol":
        return this.#children(b, scope);
      case "JsonArrayQueryConstructor": {
        const outputs = this.#query.select(body(is(b["query"], "SelectStmt") ?? b["query"]), scope);
        return outputs === null ? OPAQUE : computed(outputs);
      }
      case "SortBy":
        this.sortOperator(b);
        return this.value(b["node"], scope);
      default:
        this.#context.untraced(`the expression ${kind} is not known to the analysis`, true);
        return { ...this.#children(b, scope), opaque: true };
    }
  }

  /** XMLTABLE and JSON_TABLE: everything in them, which also tells how many rows there are. */
  tableFunction(b: Body, scope: Scope): Value {
    const { alias: _, ...parts } = b;
    const found = this.#children(parts, scope);
    this.#context.influence(found.sources);
    return found;
  }

  /** A type that something is made into. */
  type(json: Json | undefined, scope: Scope): Value {
    const b = body(json);
    const type = names(b["names"]);
    if (type.at(-1) === "record") this.#context.untypedRows = true;
    // Bare names in (…) are words of the type, as in geometry(Point).
    const modifiers = this.#all(
      list(b["typmods"]).filter((one) => is(one, "ColumnRef") === null),
      scope,
    );
    if (!this.#context.names.catalog.isUserCast(type.at(-1) ?? "")) return modifiers;
    this.#unknownCode(`a cast to ${type.join(".")} calls a function that is not known to the analysis`);
    return { ...modifiers, opaque: true };
  }

  #unknownCode(why: string): void {
    this.#context.changesState = true;
    this.#context.settings = true;
    this.#context.untraced(why, true);
  }

  /** Everything below a node whose parts need no telling apart. */
  #children(b: Body, scope: Scope): Value {
    const values: Value[] = [];
    for (const key in b) {
      const child = b[key]!;
      if (key === "typeName") values.push(this.type(child, scope));
      else if (Array.isArray(child)) values.push(...(child as readonly Json[]).map((item) => this.value(item, scope)));
      else if (node(child) !== null) values.push(this.value(child, scope));
      else if (isBody(child)) values.push(this.#children(child, scope));
    }
    return computed(values);
  }

  columnRef(b: Body, scope: Scope): Value {
    const fields = list(b["fields"]);
    const star = fields.length > 0 && is(fields[fields.length - 1], "A_Star") !== null;
    const path = names(star ? fields.slice(0, -1) : fields);
    const found = star ? this.#starValue(path, scope) : this.#named(path, scope);
    if (found === null) {
      this.#context.unresolved = true;
      this.#context.untraced(`column ${path.join(".")} could not be resolved`, false);
      return OPAQUE;
    }
    this.#context.touch(found.sources);
    // The row of a sub-select is of no named type.
    if (path.length === 1 && scope.item(path[0]!, null)?.relation === null) this.#context.untypedRows = true;
    return found;
  }

  #starValue(path: readonly string[], scope: Scope): Value | null {
    if (path.length === 0) {
      const all = scope.star();
      return all === null ? null : computed(all);
    }
    const item = scope.item(path[path.length - 1]!, path.length > 1 ? path[path.length - 2]! : null);
    return item === null ? null : wholeRow(item);
  }

  #named(path: readonly string[], scope: Scope): Value | null {
    const column = path[path.length - 1]!;
    if (path.length === 1) return scope.column(column);
    const alias = path[path.length - 2]!;
    const item = scope.item(alias, path.length > 2 ? path[path.length - 3]! : null);
    if (item === null) {
      // `a.b` may also be field b of composite column a.
      const outer = path.length === 2 ? scope.column(alias) : null;
      return outer === null ? null : computed([outer]);
    }
    return columnOf(item, column) ?? systemColumn(column) ?? functionNotation(item);
  }

  /** Whether an operator is the database's own; another one runs code that is not known. */
  #isKnownOperator(path: readonly string[]): boolean {
    const operator = path.at(-1) ?? "";
    const own = path.length < 2 || path[0] === "pg_catalog";
    if (own && !this.#context.names.catalog.isUserOperator(operator)) return true;
    this.#unknownCode(`operator ${operator} is made of a function that is not known to the analysis`);
    return false;
  }

  /** ORDER BY … USING. */
  sortOperator(sortBy: Body): void {
    if (sortBy["useOp"] !== undefined) this.#isKnownOperator(names(sortBy["useOp"]));
  }

  #operator(b: Body, scope: Scope): Value {
    const operator = names(b["name"]).at(-1) ?? "";
    const [left, right] = [b["lexpr"], b["rexpr"]];
    const kind = text(b["kind"]);
    const meant = kind.includes("BETWEEN") ? BOUNDS : [names(b["name"])];
    if (!meant.every((path) => this.#isKnownOperator(path)))
      return { ...this.#all([left, right], scope), opaque: true };
    const compares =
      (kind === "AEXPR_OP" && COMPARISONS.has(operator)) ||
      kind === "AEXPR_IN" ||
      kind === "AEXPR_BETWEEN" ||
      kind === "AEXPR_LIKE";
    const plain = kind === "AEXPR_OP" || kind === "AEXPR_IN";
    const leftConstants = compares ? constantsOf(left) : null;
    const rightConstants = compares ? constantsOf(right) : null;
    if (rightConstants !== null && leftConstants === null) {
      const value = this.value(left, scope);
      const slot = plain && operator !== "~~" && operator !== "!~~" && is(left, "ColumnRef") !== null;
      for (const constant of rightConstants) this.#constant(constant, value.sources, value.opaque, slot);
      return computed([value, this.#casts(right, scope)]);
    }
    if (leftConstants !== null && rightConstants === null) {
      const value = this.value(right, scope);
      for (const constant of leftConstants)
        this.#constant(constant, value.sources, value.opaque, kind === "AEXPR_OP" && is(right, "ColumnRef") !== null);
      return computed([value, this.#casts(left, scope)]);
    }
    return this.#all([left, right], scope);
  }

  /** The types that constants are cast to. */
  #casts(json: Json | undefined, scope: Scope): Value {
    const cast = is(json, "TypeCast");
    if (cast !== null) return computed([this.type(cast["typeName"], scope), this.#casts(cast["arg"], scope)]);
    const items = is(json, "List")?.["items"] ?? (Array.isArray(json) ? json : undefined);
    return items === undefined ? NOTHING : computed(list(items).map((item) => this.#casts(item, scope)));
  }

  /** Notes a literal. */
  #constant(b: Body, columns: readonly ColumnId[], loose: boolean, slot: boolean): void {
    if (b["isnull"] === true || b["boolval"] !== undefined) return;
    const location = b["location"];
    this.#context.constants.push({ location: typeof location === "number" ? location : 0, columns, loose, slot });
  }

  /** How many rows of a result: a number there is nobody's value. */
  count(json: Json, scope: Scope): void {
    const constant = is(json, "A_Const");
    if (constant !== null && constant["ival"] !== undefined) this.#constant(constant, [], false, false);
    else this.influence(json, scope);
  }

  /** A value that is assigned to a column: a literal belongs to that column. */
  assigned(json: Json | undefined, scope: Scope, target: readonly ColumnId[], slot: boolean): Value {
    const constants = constantsOf(json);
    if (constants === null) return this.output(json, scope);
    for (const constant of constants)
      this.#constant(constant, target, target.length === 0, slot && is(json, "A_Const") !== null);
    return this.#casts(json, scope);
  }

  functionCall(b: Body, scope: Scope): Value {
    const path = names(b["funcname"]);
    const name = path[path.length - 1] ?? "";
    const schema = path.length > 1 ? path[path.length - 2]! : null;
    const args = list(b["args"]);
    const found = classOfFunction(schema, name, (candidate) => this.#context.names.catalog.isUserFunction(candidate));
    // `ssn(u)` is another way to write u.ssn.
    const field =
      found === "opaque" && schema === null && args.length === 1 ? this.#attribute(name, args[0], scope) : null;
    if (field !== null) return field;
    this.#context.functions.add(
      `${schema ?? (found === "opaque" ? "" : "pg_catalog")}${schema === null && found === "opaque" ? "" : "."}${name}`,
    );
    const given = args.map((arg) => this.value(arg, scope));
    let value = computed(given);
    const sorted = list(b["agg_order"]);
    for (const part of [b["agg_filter"], ...sorted]) if (part !== undefined) this.influence(part, scope);
    // percentile_disc and mode give one of the values that they sort.
    if (b["agg_within_group"] === true) value = computed([value, this.#all(sorted, scope)]);
    if (b["over"] !== undefined) this.window(body(b["over"]), scope);
    switch (found) {
      case "nothing":
        // How many values a mixture has, or how many of something worked out are there, tells whether a guess is among them.
        if (name !== "count" || !given.every((one) => one.direct !== null)) this.#context.influence(value.sources);
        // How many there are is told, of what they are nothing; a ranking tells the order of what it is over, an influence.
        return { ...NOTHING, sources: value.sources, opaque: value.opaque, reveals: "nothing" };
      case "no-data":
        // It reads no stored data, but make_date(x, 1, 1) is as telling as x, and generate_series gives as many rows.
        this.#context.influence(value.sources);
        return value;
      case "passes":
        if (givesRowsByValue(name) && !this.#isFixedArray(args, scope)) this.#context.influence(value.sources);
        return value;
      case "stateful":
        if (changesState(name)) this.#context.changesState = true;
        if (name === "set_config") this.#context.setConfig(args);
        if (value.sources.length > 0) this.#context.store(value.sources);
        if (name === "current_setting") return { ...value, opaque: value.sources.length > 0 };
        return value;
      case "opaque":
        this.#context.changesState = true;
        this.#context.settings = true;
        this.#context.unknownCall(path);
        // What it makes of its arguments is its own: refused with the call, or vouched for with it.
        return { ...NOTHING, opaque: value.opaque };
    }
  }

  /** One array that is written out with single values in it: it has as many elements as are written. */
  #isFixedArray(args: readonly Json[], scope: Scope): boolean {
    const elements = args.length === 1 ? is(args[0], "A_ArrayExpr") : null;
    return list(elements?.["elements"]).some((one) => {
      const column = is(one, "ColumnRef");
      const type = column === null ? null : this.columnRef(column, scope).type;
      return type !== null && SINGLE_VALUES.has(type);
    });
  }

  #attribute(name: string, argument: Json | undefined, scope: Scope): Value | null {
    const ref = is(argument, "ColumnRef");
    const path = ref === null ? [] : names(ref["fields"]);
    if (path.length !== 1 || path[0] === "") return null;
    const item = scope.item(path[0]!, null);
    const found = item === null || item.columns === null ? null : columnOf(item, name);
    if (found === null) return null;
    this.#context.touch(found.sources);
    return found;
  }

  window(b: Body, scope: Scope): void {
    for (const part of [...list(b["partitionClause"]), ...list(b["orderClause"]), b["startOffset"], b["endOffset"]]) {
      if (part !== undefined) this.influence(part, scope);
    }
  }

  #subLink(b: Body, scope: Scope): Value {
    const outputs = this.#query.anyQuery(b["subselect"], scope);
    const test = b["testexpr"] === undefined ? NOTHING : this.value(b["testexpr"], scope);
    const operator = b["operName"] === undefined ? EQUALS : names(b["operName"]);
    if (b["testexpr"] !== undefined && !this.#isKnownOperator(operator))
      return { ...computed([...(outputs ?? []), test]), opaque: true };
    if (text(b["subLinkType"]) === "EXISTS_SUBLINK") return NOTHING;
    if (outputs === null) return OPAQUE;
    const single = outputs.length === 1 && text(b["subLinkType"]) === "EXPR_SUBLINK" ? outputs[0]! : null;
    // A scalar sub-select of one column is that value, though the server does not announce it so.
    return single === null ? computed([...outputs, test]) : { ...single, direct: null };
  }
}

const SYSTEM_COLUMNS: ReadonlySet<string> = new Set(["ctid", "xmin", "xmax", "cmin", "cmax", "tableoid"]);
const systemColumn = (name: string): Value | null => (SYSTEM_COLUMNS.has(name) ? NOTHING : null);

/** `u.lower` may call lower(u): whatever it is, all of the row may flow into it. */
function functionNotation(item: Parameters<typeof wholeRow>[0]): Value {
  return { ...wholeRow(item), opaque: true };
}

/** The constants of a constant, a cast constant, or a list of them; null when anything else is in it. */
function constantsOf(json: Json | undefined): readonly Body[] | null {
  const constant = is(json, "A_Const");
  if (constant !== null) return [constant];
  const cast = is(json, "TypeCast");
  if (cast !== null) return constantsOf(cast["arg"]);
  const items = is(json, "List")?.["items"] ?? (Array.isArray(json) ? json : undefined);
  if (items === undefined) return null;
  const parts = list(items).map(constantsOf);
  return parts.every((part) => part !== null) ? parts.flat() : null;
}
