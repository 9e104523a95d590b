import { TREE_DEPTH_MAX } from "../limits.ts";
import type { CatalogRelation } from "../catalog.ts";
import { body, is, list, names, node, text, type Body, type Json } from "../tree.ts";
import { StatementContext, columnId } from "./context.ts";
import { Expressions, TooDeep } from "./expression.ts";
import { Scope, UNKNOWN_ITEM, columnOf, type FromPart, type ScopeItem } from "./scope.ts";
import { NOTHING, OPAQUE, computed, either, sameSources, unionColumns, type NamedValue, type Value } from "./value.ts";
import { outputName } from "./output-name.ts";
import { isExpanded, readView, type ViewReading } from "./view.ts";

type Outputs = readonly NamedValue[] | null;

/** Called for each data-changing statement in a WITH; answers what its RETURNING gives. */
export type NestedStatement = (json: Json, query: Query, scope: Scope | null) => Outputs;

/** Query levels: FROM, WITH, set operations, and what each output column is made of. */
export class Query {
  readonly context: StatementContext;
  readonly expressions: Expressions;
  readonly #nested: NestedStatement;
  /** Names of WITH in force, innermost last. */
  readonly #ctes: Map<string, Outputs>[] = [];

  constructor(context: StatementContext, nested: NestedStatement) {
    this.context = context;
    this.expressions = new Expressions(context, this);
    this.#nested = nested;
  }

  /** A query node of any kind. */
  anyQuery(json: Json | undefined, parent: Scope | null): Outputs {
    const select = is(json, "SelectStmt");
    if (select !== null) return this.select(select, parent);
    const found = node(json);
    if (found === null) return null;
    return this.#nested(json!, this, parent);
  }

  select(b: Body, parent: Scope | null): Outputs {
    if (++this.context.depth > TREE_DEPTH_MAX) throw new TooDeep();
    if (b["lockingClause"] !== undefined) this.context.changesState = true;
    const withNames = this.withClause(b["withClause"], parent);
    try {
      return this.#body(b, parent);
    } finally {
      if (withNames) this.#ctes.pop();
      this.context.depth--;
    }
  }

  /** Brings the names of a WITH into force; the caller takes them back with `endWith`. */
  withClause(json: Json | undefined, parent: Scope | null): boolean {
    if (json === undefined) return false;
    const b = body(json);
    const level = new Map<string, Outputs>();
    this.#ctes.push(level);
    const recursive = b["recursive"] === true;
    // PostgreSQL orders recursive WITH queries by what they read: one may name another that is written later.
    if (recursive)
      for (const item of list(b["ctes"]))
        level.set(text(body(is(item, "CommonTableExpr") ?? undefined)["ctename"]), null);
    for (const item of list(b["ctes"])) {
      const cte = body(is(item, "CommonTableExpr") ?? undefined);
      const name = text(cte["ctename"]);
      const columns = names(cte["aliascolnames"]);
      const evaluate = (): Outputs => renamed(this.anyQuery(cte["ctequery"], parent), columns);
      if (recursive) level.set(name, this.#fixpoint(name, cte, columns, level, evaluate));
      else level.set(name, evaluate());
      if (cte["search_clause"] !== undefined || cte["cycle_clause"] !== undefined)
        level.set(name, withGenerated(level.get(name)!, cte));
    }
    return true;
  }

  endWith(): void {
    this.#ctes.pop();
  }

  /** A recursive query sees itself: first as its non-recursive arm, then again until nothing more flows in. */
  #fixpoint(
    name: string,
    cte: Body,
    columns: readonly string[],
    level: Map<string, Outputs>,
    evaluate: () => Outputs,
  ): Outputs {
    const select = is(cte["ctequery"], "SelectStmt");
    const first =
      select !== null && text(select["op"]) !== "SETOP_NONE"
        ? renamed(this.select(body(select["larg"]), null), columns)
        : null;
    level.set(name, first);
    let previous = first;
    for (let round = 0; round < RECURSION_ROUNDS_MAX; round++) {
      const next = evaluate();
      if (next === null || previous === null)
        return next === null ? null : (level.set(name, next), this.#again(name, level, next, evaluate));
      const joined = next.map((value, i) => ({ ...either(value, previous?.[i] ?? NOTHING), name: value.name }));
      level.set(name, joined);
      if (joined.every((value, i) => sameSources(value, previous![i] ?? NOTHING))) return joined;
      previous = joined;
    }
    this.context.untraced(`recursive query ${name} did not settle`, false);
    return previous?.map((value) => ({ ...value, opaque: true })) ?? null;
  }

  #again(name: string, level: Map<string, Outputs>, found: Outputs, evaluate: () => Outputs): Outputs {
    const next = evaluate();
    if (next === null || found === null) return next;
    const joined = next.map((value, i) => ({ ...either(value, found[i] ?? NOTHING), name: value.name }));
    level.set(name, joined);
    return joined;
  }

  /** Whether a WITH in force gives the name. */
  givesName(name: string): boolean {
    return this.#cte(name) !== undefined;
  }

  #cte(name: string): Outputs | undefined {
    for (let i = this.#ctes.length - 1; i >= 0; i--) {
      const found = this.#ctes[i]!.get(name);
      if (found !== undefined) return found;
    }
    return undefined;
  }

  #body(b: Body, parent: Scope | null): Outputs {
    const op = text(b["op"]);
    if (op !== "" && op !== "SETOP_NONE") return this.#setOperation(b, op, parent);
    const scope = new Scope(parent);
    for (const item of list(b["fromClause"])) this.from(item, scope);
    if (b["valuesLists"] !== undefined) return this.#values(b, scope);
    const outputs = this.targets(list(b["targetList"]), scope);
    const { expressions } = this;
    if (b["whereClause"] !== undefined) expressions.influence(b["whereClause"], scope);
    if (b["havingClause"] !== undefined) expressions.influence(b["havingClause"], scope);
    for (const group of list(b["groupClause"])) this.#key(group, scope, outputs);
    this.#sort(b, scope, outputs);
    for (const window of list(b["windowClause"])) expressions.window(body(is(window, "WindowDef") ?? undefined), scope);
    const distinct = list(b["distinctClause"]);
    if (distinct.length > 0) {
      const on = distinct.filter((item) => node(item) !== null);
      // DISTINCT tells which values are equal.
      if (on.length === 0) for (const output of outputs ?? []) this.context.influence(output.sources);
      for (const item of on) this.#key(item, scope, outputs);
    }
    this.#limit(b, scope);
    return outputs;
  }

  #sort(b: Body, scope: Scope, outputs: Outputs): void {
    for (const sort of list(b["sortClause"])) {
      const by = is(sort, "SortBy");
      if (by !== null) this.expressions.sortOperator(by);
      this.#key(by?.["node"] ?? sort, scope, outputs);
    }
  }

  #limit(b: Body, scope: Scope): void {
    for (const part of [b["limitCount"], b["limitOffset"]]) if (part !== undefined) this.expressions.count(part, scope);
  }

  /** A sort or group key: a number is an output's place, a bare name an output's name before it is a column. */
  #key(json: Json, scope: Scope, outputs: Outputs): void {
    const constant = is(json, "A_Const");
    if (constant !== null && constant["ival"] !== undefined) {
      const place = body(constant["ival"])["ival"];
      const output = outputs?.[(typeof place === "number" ? place : 0) - 1];
      if (output === undefined && outputs === null) this.context.untraced("a sort or group key by place", false);
      this.context.influence(output?.sources ?? []);
      this.expressions.value(json, scope);
      return;
    }
    const fields = names(is(json, "ColumnRef")?.["fields"]);
    const named = fields.length === 1 ? outputs?.find((output) => output.name === fields[0]) : undefined;
    if (named !== undefined) {
      this.context.influence(named.sources);
      // The name may mean a column of FROM instead (GROUP BY prefers that one), so both count.
      const column = scope.column(fields[0]!);
      if (column !== null) this.context.influence(column.sources);
      return;
    }
    // Keys in brackets, as in GROUP BY (1, 2), are keys each.
    const several = is(json, "GroupingSet") ?? is(json, "RowExpr");
    if (several !== null) {
      for (const item of list(several["content"] ?? several["args"])) this.#key(item, scope, outputs);
      return;
    }
    this.expressions.influence(json, scope);
  }

  #setOperation(b: Body, op: string, parent: Scope | null): Outputs {
    const left = this.select(body(b["larg"]), parent);
    const right = this.select(body(b["rarg"]), parent);
    if (left === null || right === null) return null;
    const all = b["all"] === true;
    // All but UNION ALL compare rows, which tells which are equal.
    if (!all || op !== "SETOP_UNION") for (const output of [...left, ...right]) this.context.influence(output.sources);
    const outputs = left.map((value, i): NamedValue => {
      const other = right[i] ?? NOTHING;
      const joined = op === "SETOP_EXCEPT" ? value : either(value, other);
      // The server announces no origin for the columns of a set operation.
      return { ...joined, direct: null, name: value.name };
    });
    const scope = new Scope(parent);
    this.#sort(b, scope, outputs);
    this.#limit(b, scope);
    return outputs;
  }

  #values(b: Body, scope: Scope): Outputs {
    let outputs: NamedValue[] | null = null;
    for (const row of list(b["valuesLists"])) {
      const values = list(is(row, "List")?.["items"]).map((item) => this.expressions.output(item, scope));
      outputs =
        outputs === null
          ? values.map((value, i) => ({ ...value, direct: null, name: `column${i + 1}` }))
          : outputs.map((output, i) => ({ ...either(output, values[i] ?? NOTHING), direct: null, name: output.name }));
    }
    this.#sort(b, scope, outputs);
    this.#limit(b, scope);
    return outputs ?? [];
  }

  /** A select list or RETURNING. Null when a `*` could not be expanded. */
  targets(items: readonly Json[], scope: Scope): Outputs {
    const outputs: NamedValue[] = [];
    let known = true;
    for (const item of items) {
      const target = body(is(item, "ResTarget") ?? undefined);
      const ref = is(target["val"], "ColumnRef");
      const fields = list(ref?.["fields"]);
      if (ref !== null && is(fields.at(-1), "A_Star") !== null) {
        const expanded = this.#expand(names(fields.slice(0, -1)), scope);
        if (expanded === null) {
          this.context.untraced("a * over columns that are not known", false);
          known = false;
        } else {
          for (const column of expanded) this.context.touch(column.sources);
          outputs.push(...expanded);
        }
        continue;
      }
      const indirection = is(target["val"], "A_Indirection");
      if (indirection !== null && list(indirection["indirection"]).some((part) => is(part, "A_Star") !== null)) {
        // (row).*: as many columns as the row's type has.
        this.expressions.output(target["val"], scope);
        this.context.untraced("a row that is expanded into its columns", false);
        known = false;
        continue;
      }
      const value = this.expressions.output(target["val"], scope);
      const given = target["name"] === undefined ? "" : text(target["name"]);
      outputs.push({ ...value, name: given !== "" ? given : outputName(target["val"]) });
    }
    return known ? outputs : null;
  }

  #expand(path: readonly string[], scope: Scope): readonly NamedValue[] | null {
    if (path.length === 0) return scope.star();
    const item = scope.item(path.at(-1)!, path.length > 1 ? path.at(-2)! : null);
    return item?.columns ?? null;
  }

  // ---- FROM --------------------------------------------------------------------------------------------------------

  from(json: Json, scope: Scope): void {
    const part = this.#part(json, scope);
    if (part.items.length > 1) scope.joins.push(part);
  }

  #part(json: Json, scope: Scope): FromPart {
    const found = node(json);
    if (found === null) return { items: [], columns: [] };
    const { kind, body: b } = found;
    switch (kind) {
      case "RangeVar":
        return this.#add(scope, this.table(b, "read", placeOf(b)));
      case "RangeSubselect": {
        // Only LATERAL sees its neighbours: without it their names are those of the levels around.
        const outputs = this.anyQuery(b["subquery"], b["lateral"] === true ? scope : scope.parent);
        return this.#add(scope, aliased(b["alias"], "", outputs, OPAQUE));
      }
      case "RangeFunction":
        return this.#add(scope, this.#functionItem(b, scope));
      case "JoinExpr":
        return this.#join(b, scope);
      case "RangeTableSample":
        for (const part of [...list(b["args"]), b["repeatable"]])
          if (part !== undefined) this.expressions.influence(part, new Scope(scope.parent));
        return this.#add(scope, this.table(body(is(b["relation"], "RangeVar") ?? undefined), "read"));
      case "JsonTable":
      case "RangeTableFunc": {
        const value = this.expressions.tableFunction(b, scope);
        return this.#add(scope, aliased(b["alias"], "", null, { ...value, direct: null, opaque: true }));
      }
      default:
        this.context.untraced(`${kind} in FROM is not known to the analysis`, true);
        return this.#add(scope, UNKNOWN_ITEM(aliasName(body(b)["alias"])));
    }
  }

  #add(scope: Scope, item: ScopeItem): FromPart {
    scope.items.push(item);
    return { items: [item], columns: item.columns };
  }

  /** A table, view or WITH name. */
  table(b: Body, access: "read" | "write", place: number | null = null): ScopeItem {
    const name = text(b["relname"]);
    const cte = access === "read" && b["schemaname"] === undefined ? this.#cte(name) : undefined;
    if (cte !== undefined) {
      this.context.seen.add(b);
      return aliased(b["alias"], name, cte, OPAQUE);
    }
    const relation = this.context.relation(b, access, place);
    if (relation === null) return { ...UNKNOWN_ITEM(aliasName(b["alias"]) || name), schema: null };
    return {
      ...aliased(b["alias"], relation.name, this.columnsOf(relation), OPAQUE),
      schema: b["alias"] === undefined ? relation.schema : null,
      relation,
    };
  }

  columnsOf(relation: CatalogRelation): readonly NamedValue[] {
    const { catalog } = this.context.names;
    // A query of a parent also reads its children's columns of the same name; a child's rows are its parents' too.
    const family = relation.family.map((oid) => catalog.byOid(oid)).filter((one) => one !== undefined);
    const expanded = isExpanded(relation);
    const view = expanded ? this.#expandView(relation) : null;
    return relation.columns.map((column, i): NamedValue => {
      const own = columnId(relation, column.attribute, column.name);
      const related = family.flatMap((other) =>
        other.columns.filter((one) => one.name === column.name).map((one) => columnId(other, one.attribute, one.name)),
      );
      const made = view?.outputs[i];
      // A count of what is masked tells nothing of it; the column itself may be masked all the same.
      const sources = made === undefined || made.reveals === "nothing" ? related : made.sources;
      return {
        name: column.name,
        sources: unionColumns([own], sources),
        direct: own,
        opaque: expanded && made?.opaque !== false,
        reveals: "value",
        type: column.type,
        ...(made !== undefined && (made.direct === null || made.madeByView === true) ? { madeByView: true } : {}),
      };
    });
  }

  #expandView(relation: CatalogRelation): ViewReading | null {
    const reading = readView(relation, this.context.names.catalog, (query, names) => {
      const context = new StatementContext(names);
      return { outputs: new Query(context, () => null).select(query, null), context };
    });
    if (reading === null) this.context.untraced(`view ${relation.schema}.${relation.name} can't be traced`, false);
    else this.context.expand(reading.context);
    return reading;
  }

  #functionItem(b: Body, scope: Scope): ScopeItem {
    const calls = list(b["functions"]).map((entry) => list(is(entry, "List")?.["items"])[0]);
    const values = calls.map((call) => this.expressions.output(call, scope));
    const value: Value = { ...computed(values), direct: null };
    const alias = body(b["alias"]);
    const columns = names(alias["colnames"]);
    const definitions = list(b["coldeflist"]).map((item) => body(is(item, "ColumnDef") ?? undefined));
    for (const column of definitions) this.expressions.type(column["typeName"], scope);
    const defined = definitions.map((column) => text(column["colname"]));
    const call = calls.length === 1 ? is(calls[0], "FuncCall") : null;
    const functionName = names(call?.["funcname"]).at(-1) ?? "";
    const name = aliasName(b["alias"]) || functionName;
    const given = defined.length > 0 ? defined : columns;
    // A function of one scalar column gives it the alias's name; of others only what the statement names is known.
    const single = calls.length === 1 && SINGLE_COLUMN.has(functionName);
    const ordinality = b["ordinality"] === true;
    if (single) {
      const out: NamedValue[] = [{ ...value, name: given[0] ?? name }];
      if (ordinality) out.push({ ...NOTHING, name: given[1] ?? "ordinality" });
      return { alias: name, schema: null, columns: out, other: value, relation: null };
    }
    return { alias: name, schema: null, columns: null, other: value, named: given, relation: null };
  }

  #join(b: Body, scope: Scope): FromPart {
    const mergedBefore = scope.merged.length;
    const left = this.#part(b["larg"]!, scope);
    const right = this.#part(b["rarg"]!, scope);
    const items = [...left.items, ...right.items];
    const shared = b["isNatural"] === true ? this.#naturalColumns(left, right) : names(b["usingClause"]);
    const merged = shared.map((name): NamedValue => {
      const parts = [...named(left, name), ...named(right, name)];
      this.context.influence(unionColumns(...parts.map((part) => part.sources)));
      const joined = parts.reduce<Value>((a, part) => either(a, part), parts[0] ?? OPAQUE);
      // The server announces the left column's origin for inner and left joins, the right's for right joins.
      return { ...joined, direct: announced(text(b["jointype"]), left, right, name), name };
    });
    scope.merged.push(...merged.map((value) => ({ name: value.name, value })));
    if (b["quals"] !== undefined) {
      // A join's condition sees what it joins, and no other entry of FROM.
      const joined = new Scope(scope.parent);
      joined.items.push(...items);
      joined.merged.push(...scope.merged.slice(mergedBefore));
      this.expressions.influence(b["quals"], joined);
    }
    const rest = (part: FromPart): readonly NamedValue[] =>
      (part.columns ?? []).filter((column) => !shared.includes(column.name));
    const columns = left.columns === null || right.columns === null ? null : [...merged, ...rest(left), ...rest(right)];
    if (b["alias"] === undefined) return { items, columns };
    // `(a join b) as j`: its parts are seen under j only.
    for (const item of items) scope.items.splice(scope.items.indexOf(item), 1);
    scope.merged.length = mergedBefore;
    return this.#add(scope, aliased(b["alias"], "", columns, computed(items.map((item) => item.other))));
  }

  #naturalColumns(left: FromPart, right: FromPart): readonly string[] {
    if (left.columns === null || right.columns === null) {
      this.context.untraced("a NATURAL JOIN over columns that are not known", false);
      return [];
    }
    const others = new Set(right.columns.map((column) => column.name));
    return [...new Set(left.columns.map((column) => column.name))].filter((name) => others.has(name));
  }
}

/** What a column of one side of a join may be. */
const named = ({ items, columns }: FromPart, name: string): readonly Value[] =>
  columns === null
    ? items.flatMap((item) => columnOf(item, name) ?? [])
    : columns.filter((column) => column.name === name);

/** A name in FROM that nothing else belongs to; ONLY speaks of the table itself. */
function placeOf(b: Body): number | null {
  const location = b["location"];
  return b["inh"] === true && typeof location === "number" && location > 0 ? location : null;
}

const RECURSION_ROUNDS_MAX = 10;

/** Set-returning functions of one scalar column. */
const SINGLE_COLUMN: ReadonlySet<string> = new Set([
  "generate_series",
  "generate_subscripts",
  "json_array_elements",
  "json_array_elements_text",
  "json_object_keys",
  "jsonb_array_elements",
  "jsonb_array_elements_text",
  "jsonb_object_keys",
  "jsonb_path_query",
  "regexp_matches",
  "regexp_split_to_table",
  "string_to_table",
  "current_schemas",
]);

function announced(joinType: string, left: FromPart, right: FromPart, name: string): NamedValue["direct"] {
  if (joinType === "JOIN_FULL") return null;
  const side = joinType === "JOIN_RIGHT" ? right : left;
  return side.columns?.find((column) => column.name === name)?.direct ?? null;
}

const aliasName = (json: Json | undefined): string => text(body(json)["aliasname"]);

function aliased(alias: Json | undefined, name: string, outputs: Outputs, other: Value): ScopeItem {
  const columns = names(body(alias)["colnames"]);
  return { alias: aliasName(alias) || name, schema: null, columns: renamed(outputs, columns), other, relation: null };
}

/** Column aliases name columns from the left; further ones keep their names. */
function renamed(outputs: Outputs, columns: readonly string[]): Outputs {
  if (outputs === null || columns.length === 0) return outputs;
  return outputs.map((value, i) => (columns[i] === undefined ? value : { ...value, name: columns[i] }));
}

/** SEARCH and CYCLE add columns that hold values of the rows. */
function withGenerated(outputs: Outputs, cte: Body): Outputs {
  if (outputs === null) return null;
  const all = { ...computed(outputs), direct: null };
  const search = body(cte["search_clause"]);
  const cycle = body(cte["cycle_clause"]);
  const added = [text(search["search_seq_column"]), text(cycle["cycle_mark_column"]), text(cycle["cycle_path_column"])];
  return [...outputs, ...added.filter((name) => name !== "").map((name): NamedValue => ({ ...all, name }))];
}
