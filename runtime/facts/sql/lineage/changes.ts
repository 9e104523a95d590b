import type { ColumnId } from "../analysis.ts";
import { body, is, list, text, type Body, type Json } from "../tree.ts";
import type { StatementContext } from "./context.ts";
import type { Query } from "./query.ts";
import { Scope, scopeOf, type ScopeItem } from "./scope.ts";
import type { NamedValue, Value } from "./value.ts";

/** INSERT, UPDATE, DELETE and MERGE: what goes by what, and what flows into which column. */
export class Changes {
  readonly #context: StatementContext;
  readonly #query: Query;

  constructor(context: StatementContext, query: Query) {
    this.#context = context;
    this.#query = query;
  }

  /** What RETURNING gives, if anything. */
  walk(
    nodeKind: string,
    b: Body,
    parent: Scope | null,
  ): { outputs: readonly NamedValue[] | null; returns: "rows" | "none" } {
    const query = this.#query;
    const withNames = query.withClause(b["withClause"], parent);
    try {
      const target = query.table(body(b["relation"]), "write");
      const scope = scopeOf(parent, target);
      if (nodeKind === "InsertStmt") this.#insert(b, target, scope, parent);
      else if (nodeKind === "MergeStmt") this.#merge(b, target, scope);
      else {
        for (const item of list(b[nodeKind === "UpdateStmt" ? "fromClause" : "usingClause"])) query.from(item, scope);
        if (nodeKind === "UpdateStmt") this.#assignments(list(b["targetList"]), target, scope);
        if (b["whereClause"] !== undefined) query.expressions.influence(b["whereClause"], scope);
      }
      const returning = body(b["returningClause"]);
      const exprs = list(returning["exprs"]).length > 0 ? list(returning["exprs"]) : list(b["returningList"]);
      if (exprs.length === 0) return { outputs: [], returns: "none" };
      const aliases = list(returning["options"]).map((option) => body(is(option, "ReturningOption") ?? undefined));
      const named = (which: string, fallback: string): string =>
        text(aliases.find((one) => text(one["option"]) === which)?.["value"]) || fallback;
      scope.items.push(
        { ...target, alias: named("RETURNING_OPTION_OLD", "old"), hidden: true },
        { ...target, alias: named("RETURNING_OPTION_NEW", "new"), hidden: true },
      );
      return { outputs: query.targets(exprs, scope), returns: "rows" };
    } finally {
      if (withNames) query.endWith();
    }
  }

  #insert(b: Body, target: ScopeItem, scope: Scope, parent: Scope | null): void {
    const { expressions } = this.#query;
    const columns = targetNames(list(b["cols"]));
    const targetColumn = (i: number): readonly ColumnId[] => {
      const name = columns.length > 0 ? columns[i] : target.columns?.[i]?.name;
      const found = target.columns?.find((column) => column.name === name)?.direct;
      return found === null || found === undefined ? [] : [found];
    };
    for (const [i, item] of list(b["cols"]).entries()) this.#subscripts(item, targetColumn(i), new Scope(parent));
    const select = is(b["selectStmt"], "SelectStmt");
    const plainValues = ["withClause", "sortClause", "limitCount", "limitOffset"].every(
      (part) => select?.[part] === undefined,
    );
    if (select !== null && select["valuesLists"] !== undefined && plainValues) {
      const outer = new Scope(parent);
      for (const row of list(select["valuesLists"])) {
        for (const [i, item] of list(is(row, "List")?.["items"]).entries()) {
          this.#assign(expressions.assigned(item, outer, targetColumn(i), true), targetColumn(i));
        }
      }
    } else if (select !== null) {
      const outputs = this.#query.select(select, parent);
      if (outputs === null) this.#context.untraced("it inserts rows whose columns can't be traced", false);
      for (const [i, output] of (outputs ?? []).entries()) this.#assign(output, targetColumn(i));
    }
    const conflict = body(b["onConflictClause"]);
    if (b["onConflictClause"] !== undefined) {
      scope.items.push({ ...target, alias: "excluded", hidden: true });
      this.#assignments(list(conflict["targetList"]), target, scope);
      if (conflict["whereClause"] !== undefined) expressions.influence(conflict["whereClause"], scope);
      const infer = body(conflict["infer"]);
      if (infer["whereClause"] !== undefined) expressions.influence(infer["whereClause"], scope);
    }
  }

  #merge(b: Body, target: ScopeItem, scope: Scope): void {
    const query = this.#query;
    query.from(b["sourceRelation"]!, scope);
    query.expressions.influence(b["joinCondition"], scope);
    for (const item of list(b["mergeWhenClauses"])) {
      const when = body(is(item, "MergeWhenClause") ?? undefined);
      if (when["condition"] !== undefined) query.expressions.influence(when["condition"], scope);
      const targets = list(when["targetList"]);
      const values = list(when["values"]);
      if (values.length === 0) this.#assignments(targets, target, scope);
      const columns = targetNames(targets);
      if (values.length > 0) for (const item of targets) this.#subscripts(item, [], scope);
      for (const [i, value] of values.entries()) {
        const column =
          target.columns?.find((one) => one.name === (columns[i] ?? target.columns?.[i]?.name))?.direct ?? null;
        this.#assign(
          query.expressions.assigned(value, scope, column === null ? [] : [column], false),
          column === null ? [] : [column],
        );
      }
    }
  }

  /** SET: what flows into another column than itself leaves its mask behind. */
  #assignments(items: readonly Json[], target: ScopeItem, scope: Scope): void {
    for (const item of items) {
      const set = body(is(item, "ResTarget") ?? undefined);
      const column = target.columns?.find((one) => one.name === text(set["name"]))?.direct ?? null;
      const ids = column === null ? [] : [column];
      this.#context.touch(ids);
      this.#subscripts(item, ids, scope);
      const multi = is(set["val"], "MultiAssignRef");
      const value =
        multi !== null
          ? this.#query.expressions.output(multi["source"], scope)
          : this.#query.expressions.assigned(set["val"], scope, ids, true);
      this.#assign(value, ids);
    }
  }

  /** Which element of a column is assigned: an array keeps its bounds, and a JSON document its keys. */
  #subscripts(item: Json, column: readonly ColumnId[], scope: Scope): void {
    for (const part of list(is(item, "ResTarget")?.["indirection"])) {
      const { lidx, uidx } = body(is(part, "A_Indices") ?? undefined);
      for (const index of [lidx, uidx])
        if (index !== undefined) this.#assign(this.#query.expressions.output(index, scope), column);
    }
  }

  #assign(value: Value, target: readonly ColumnId[]): void {
    const into = target[0];
    const isOwn = (source: ColumnId): boolean =>
      source.relation === into?.relation && source.attribute === into.attribute;
    this.#context.store(value.sources.filter((source) => !isOwn(source)));
    // What a column is worked out from itself tells of it by the constraints that it keeps or breaks.
    if (value.direct === null) this.#context.influence(value.sources.filter(isOwn));
    if (value.opaque) this.#context.untraced("it stores a value that can't be traced", false);
  }
}

const targetNames = (items: readonly Json[]): readonly string[] =>
  items.map((item) => text(is(item, "ResTarget")?.["name"]));
