import { SQL_KINDS, type SqlKind } from "../../../../spec/contract/facts/index.ts";
import type { AnalysedStatement, CopyShape, RelationUse, SessionEffects, UnitFacts } from "../analysis.ts";
import { excludesRows } from "../fold.ts";
import { explainRuns, intoOf, kindOf } from "../kinds.ts";
import { body, is, list, names, node, text, type Body, type Json } from "../tree.ts";
import { guardsOf } from "../guards.ts";
import { privilegesOf } from "../rights.ts";
import { RowScope, withNames, type ColumnsOf } from "../row-scope.ts";
import { schemasChanged, utilityDanger } from "./utility.ts";
import { Changes } from "./changes.ts";
import { copyShape } from "./copy-shape.ts";
import { StatementContext, type NameContext, type SeenConstant } from "./context.ts";
import { Query } from "./query.ts";
import { rangeVarsIn } from "./range-vars.ts";
import { Scope, scopeOf } from "./scope.ts";
import { OPAQUE, type NamedValue } from "./value.ts";

type Outputs = readonly NamedValue[] | null;

/** A statement as it is worked out, before its literals are placed in the text. */
export interface WalkedStatement extends Omit<AnalysedStatement, "start" | "end" | "literals" | "inner" | "innerText"> {
  readonly constants: readonly SeenConstant[];
  readonly inner: WalkedStatement | null;
  /** The kinds whose texts in quotes are passwords or keys. */
  readonly secretLiterals: boolean;
}

const SECRET_NODES: ReadonlySet<string> = new Set([
  "CreateRoleStmt",
  "AlterRoleStmt",
  "CreateUserMappingStmt",
  "AlterUserMappingStmt",
  "CreateForeignServerStmt",
  "AlterForeignServerStmt",
  "CreateSubscriptionStmt",
  "AlterSubscriptionStmt",
  "CreatedbStmt",
]);

/** Definitions that could carry a masked column out of its mask's sight when a relation with one is changed by them. */
const REDEFINES: ReadonlySet<SqlKind> = new Set([
  "alter_table",
  "alter_view",
  "alter_other",
  "rename",
  "create_rule",
  "create_trigger",
  "create_policy",
  "create_index",
  "create_other",
  "publication",
  "create_materialized_view",
]);

/** Statements that make a relation. */
const MAKES: ReadonlySet<string> = new Set([
  "CreateStmt",
  "CreateForeignTableStmt",
  "CreateSeqStmt",
  "CompositeTypeStmt",
]);

/** The name of what one of those makes. */
const madeBy = (b: Body): Json | undefined =>
  b["relation"] ?? b["sequence"] ?? b["typevar"] ?? body(b["base"])["relation"];

/** Works out one statement with everything inside it. */
export function walkStatement(json: Json, context: NameContext): WalkedStatement {
  return new StatementWalk(context).run(json);
}

class StatementWalk {
  readonly #names: NameContext;
  readonly #context: StatementContext;
  readonly #query: Query;
  readonly #nested: UnitFacts[] = [];
  readonly #kinds = new Set<SqlKind>();
  readonly #effects: { -readonly [K in keyof SessionEffects]: SessionEffects[K] } = {
    settings: false,
    changesReading: false,
    quotesOthers: false,
    catalog: false,
    prepares: null,
    executes: null,
    deallocates: null,
    declares: null,
    fetches: null,
    closes: null,
  };
  #copy: CopyShape | null = null;
  #inner: WalkedStatement | null = null;

  constructor(names: NameContext) {
    this.#names = names;
    this.#context = new StatementContext(names);
    this.#query = new Query(this.#context, (nested, _query, scope) => this.#nestedStatement(nested, scope));
  }

  run(json: Json): WalkedStatement {
    const found = node(json) ?? { kind: "", body: {} };
    const kind = kindOf(found.kind, found.body);
    const { outputs, returns } = this.#statement(found.kind, found.body, kind, null);
    const context = this.#context;
    context.passedOver(found.body);
    const cls = SQL_KINDS[kind];
    if (cls === "ddl" || cls === "dcl" || kind === "do" || kind === "call") this.#effects.catalog = true;
    const unit = this.#unit(kind, found.kind, found.body, 0, false);
    const touched = context.relations.flatMap((use) => (use.oid === null ? [] : [use.oid]));
    if (REDEFINES.has(kind) && touched.length > 0) context.untraced("it changes the definition of a relation", false);
    const reached = this.#reached(touched);
    const runsCode = this.#runsCode(reached);
    if (context.settings || runsCode) this.#effects.settings = true;
    if (runsCode || this.#goesOn()) this.#effects.quotesOthers = true;
    return {
      units: [unit, ...this.#nested],
      returns,
      outputs:
        outputs === null
          ? null
          : outputs.map(({ name, sources, direct, opaque, reveals, type, madeByView }) => ({
              name,
              sources,
              direct,
              opaque,
              reveals,
              type,
              ...(madeByView === true ? { madeByView } : {}),
            })),
      influences: [...context.influences.values()],
      stores: [...context.stores.values()],
      relations: context.relations,
      reached,
      opaque: [...context.opaque],
      reachesAnything: context.reachesAnything,
      calls: [...context.calls.values()],
      effects: this.#effects,
      copy: this.#copy,
      inner: this.#inner,
      constants: context.constants,
      secretLiterals: SECRET_NODES.has(found.kind),
    };
  }

  /** Whether code that no statement names runs along, by relations that it reads or writes. */
  #runsCode(reached: readonly number[]): boolean {
    const writes = this.#context.relations.some((use) => use.access === "write");
    return reached.some((oid) => {
      const runs = this.#names.catalog.byOid(oid)?.runs;
      return runs !== undefined && (writes || runs !== "write");
    });
  }

  /** Whether a write goes on to relations that no statement names. */
  #goesOn(): boolean {
    return this.#context.relations.some(
      ({ access, oid }) => access === "write" && oid !== null && this.#names.catalog.byOid(oid)?.cascades === true,
    );
  }

  #reached(touched: readonly number[]): readonly number[] {
    const { catalog } = this.#names;
    const found = new Set<number>();
    const open = [...touched];
    for (let oid = open.pop(); oid !== undefined; oid = open.pop()) {
      if (found.has(oid)) continue;
      found.add(oid);
      const relation = catalog.byOid(oid);
      if (relation !== undefined) open.push(...relation.reads, ...relation.family);
    }
    return [...found].sort((a, b) => a - b);
  }

  #unit(kind: SqlKind, nodeKind: string, b: Body, relationsFrom: number, nested: boolean): UnitFacts {
    const context = this.#context;
    const uses = context.relations.slice(relationsFrom);
    this.#kinds.add(kind);
    const unknown = context.unresolved;
    const path = (use: (typeof uses)[number]): string => `${use.schema ?? "?"}.${use.name}`;
    // What a view is made of is no name of the statement's.
    const named = new Set(
      context.relations.flatMap(({ oid }) =>
        oid === null ? [] : [oid, ...(this.#names.catalog.byOid(oid)?.family ?? [])],
      ),
    );
    const unique = (items: readonly string[]): readonly string[] => [...new Set(items)].sort();
    const kinds = [...new Set([kind, ...this.#nested.flatMap((unit) => unit.kinds)])];
    const classes = kinds.map((one) => SQL_KINDS[one]);
    const cls = SQL_KINDS[kind];
    // A statement that runs another one later is no read because it does not write now.
    // Rights and guards are rows of the catalog's own tables, and pg_settings is SET in other words.
    const ofCatalog = CHANGES_ROWS.has(kind) && uses.some((use) => use.access === "write" && isOfCatalog(use));
    const reads =
      classes.every((one) => one === "read") && kind !== "execute" && !context.changesState && !lockingOrInto(b);
    return {
      kind,
      kinds,
      class: cls,
      readOnly: reads,
      writes: cls === "write",
      filtered: isFiltered(nodeKind, b, this.#columnsOf(b)),
      rowLimit: constantLimit(b),
      schemas: unknown ? null : unique(uses.map((use) => use.schema ?? "?")),
      tables: unknown ? null : unique(uses.map(path)),
      tablesRead: unknown ? null : unique(uses.filter((use) => use.access === "read").map(path)),
      tablesWritten: unknown ? null : unique(uses.filter((use) => use.access === "write").map(path)),
      columns: unknown
        ? null
        : unique(
            [...context.columns.values()]
              .filter((column) => named.has(column.relation))
              .map((column) => `${column.schema}.${column.table}.${column.column}`),
          ),
      functions: unique([...context.functions]),
      privileges: ofCatalog ? null : privilegesOf(nodeKind, b),
      disables: ofCatalog ? null : this.#disables(nodeKind, b),
      nested,
    };
  }

  #disables(nodeKind: string, b: Body): UnitFacts["disables"] {
    const own = guardsOf(nodeKind, b);
    const { disables } = this.#context;
    if (own === null || disables === null || disables.size === 0) return disables === null ? null : own;
    return [...new Set([...own, ...disables])];
  }

  /** Columns of a relation that is named in a statement, unless a WITH gives the name. */
  #columnsOf(b: Body): ColumnsOf {
    const hidden = withNames(b["withClause"]);
    return (rangeVar) => {
      const schema = rangeVar["schemaname"] === undefined ? null : text(rangeVar["schemaname"]);
      const name = text(rangeVar["relname"]);
      if (schema === null && (hidden.includes(name) || this.#query.givesName(name))) return null;
      const relation = this.#context.lookUp(schema, name);
      return relation === null ? null : new Set(relation.columns.map((column) => column.name));
    };
  }

  /** A statement inside another: it is decided on its own, and what it does the outer one does too. */
  #nestedStatement(json: Json, scope: Scope | null): Outputs {
    const found = node(json);
    if (found === null) return null;
    const kind = kindOf(found.kind, found.body);
    const from = this.#context.relations.length;
    const { outputs } = this.#statement(found.kind, found.body, kind, scope);
    this.#nested.push(this.#unit(kind, found.kind, found.body, from, true));
    return outputs;
  }

  #statement(
    nodeKind: string,
    b: Body,
    kind: SqlKind,
    parent: Scope | null,
  ): { outputs: Outputs; returns: AnalysedStatement["returns"] } {
    const rows = (outputs: Outputs): { outputs: Outputs; returns: "rows" } => ({ outputs, returns: "rows" });
    const none = { outputs: [], returns: "none" } as const;
    switch (nodeKind) {
      case "SelectStmt": {
        const outputs = this.#query.select(b, parent);
        const into = intoOf(b);
        if (into === undefined) return rows(outputs);
        this.#storeAll(outputs);
        this.#created(body(body(into)["rel"]));
        return none;
      }
      case "InsertStmt":
      case "UpdateStmt":
      case "DeleteStmt":
      case "MergeStmt":
        return new Changes(this.#context, this.#query).walk(nodeKind, b, parent);
      case "ExplainStmt":
        return this.#explain(b, parent);
      case "CopyStmt":
        return this.#copyStatement(b, kind);
      case "PrepareStmt":
        this.#effects.prepares = text(b["name"]);
        for (const type of list(b["argtypes"]))
          this.#query.expressions.type(is(type, "TypeName") ?? type, new Scope(null));
        this.#later(b["query"]);
        return none;
      case "DeclareCursorStmt":
        this.#effects.declares = text(b["portalname"]);
        this.#later(b["query"]);
        return none;
      case "ExecuteStmt":
        this.#effects.executes = text(b["name"]);
        this.#query.expressions.value(b["params"], new Scope(null));
        return rows(null);
      case "FetchStmt":
        this.#effects.fetches = text(b["portalname"]);
        return b["ismove"] === true ? none : rows(null);
      case "ClosePortalStmt":
        this.#effects.closes = b["portalname"] === undefined ? "*" : text(b["portalname"]);
        return none;
      case "DeallocateStmt":
        this.#effects.deallocates = b["name"] === undefined ? "*" : text(b["name"]);
        return none;
      case "DiscardStmt":
        this.#effects.settings = true;
        this.#effects.catalog = true;
        if (text(b["target"]) === "DISCARD_ALL") {
          this.#effects.deallocates = "*";
          this.#effects.closes = "*";
        }
        return none;
      case "VariableSetStmt":
        this.#setting(b);
        return none;
      case "VariableShowStmt":
        return rows([{ name: "", sources: [], direct: null, opaque: false, reveals: "value", type: null }]);
      case "CreateTableAsStmt": {
        const into = body(b["into"]);
        // EXECUTE is a statement inside, too, but what it gives is not seen here.
        const seen = this.#nestedQuery(b["query"], parent);
        const outputs = is(b["query"], "ExecuteStmt") !== null ? null : seen;
        if (outputs === null)
          this.#context.untraced("it stores the result of a statement that can't be seen here", true);
        this.#storeAll(outputs);
        this.#created(body(into["rel"]));
        return none;
      }
      case "ViewStmt": {
        const outputs = this.#nestedQuery(b["query"], parent);
        if (outputs === null) this.#context.untraced("the view's columns can't be traced", false);
        this.#storeAll(outputs);
        this.#created(body(b["view"]));
        return none;
      }
      case "TransactionStmt":
        // What another transaction changed comes to light, or is gone.
        if (text(b["kind"]).endsWith("_PREPARED")) this.#effects.catalog = true;
        return none;
      case "DoStmt":
        this.#context.changesState = true;
        this.#context.settings = true;
        this.#context.untraced("a DO block runs code that is not analysed", true);
        return none;
      case "CallStmt":
        this.#context.changesState = true;
        this.#context.settings = true;
        this.#query.expressions.value(
          is(b["funccall"], "FuncCall") === null ? { FuncCall: body(b["funccall"]) } : b["funccall"],
          new Scope(null),
        );
        this.#context.untraced("a procedure runs code that is not analysed", true);
        return rows(null);
      default:
        this.#utility(nodeKind, b);
        return none;
    }
  }

  /** A query whose result is kept or shown later: it is a statement inside this one. */
  #nestedQuery(json: Json | undefined, parent: Scope | null): Outputs {
    return json === undefined ? null : this.#nestedStatement(json, parent);
  }

  #storeAll(outputs: Outputs): void {
    for (const output of outputs ?? []) {
      if (output.reveals === "nothing") continue;
      this.#context.store(output.sources);
      if (output.opaque) this.#context.untraced("it stores a value that can't be traced", false);
    }
  }

  /** A relation that does not exist yet. */
  #created(rangeVar: Body): void {
    this.#context.seen.add(rangeVar);
    const schema =
      rangeVar["schemaname"] === undefined
        ? (this.#names.searchPath?.find((name) => !name.startsWith("pg_")) ?? null)
        : text(rangeVar["schemaname"]);
    const bare = rangeVar["schemaname"] === undefined;
    this.#context.relations.push({
      schema,
      name: text(rangeVar["relname"]),
      oid: null,
      access: "write",
      bare,
      made: true,
    });
  }

  /** PREPARE and DECLARE: decided now, run later, so its lineage is kept apart too. */
  #later(json: Json | undefined): void {
    if (json === undefined) return;
    this.#inner = new StatementWalk(this.#names).run(json);
    this.#nestedStatement(json, null);
  }

  #explain(b: Body, parent: Scope | null): { outputs: Outputs; returns: "rows" } {
    const inner = b["query"];
    const before = this.#nested.length;
    if (inner !== undefined) this.#nestedStatement(inner, parent);
    // What is only explained does not run: its units are facts of the text, but a plan writes nothing.
    if (!explainRuns(b))
      this.#nested.splice(before, this.#nested.length - before, ...this.#nested.slice(before).map(planned));
    if (this.#context.relations.length > 0)
      this.#context.untraced("EXPLAIN shows constants and estimates of what it explains", false);
    return { outputs: [{ name: "", ...OPAQUE }], returns: "rows" };
  }

  #copyStatement(b: Body, kind: SqlKind): { outputs: Outputs; returns: AnalysedStatement["returns"] } {
    const into = b["is_from"] === true;
    let outputs: Outputs;
    if (b["query"] !== undefined) outputs = this.#nestedStatement(b["query"], null);
    else {
      const item = this.#query.table(body(b["relation"]), into ? "write" : "read");
      const wanted = names(b["attlist"]);
      const columns = item.columns;
      if (columns === null) outputs = null;
      else if (wanted.length === 0) outputs = columns;
      else {
        const picked = wanted.map((name) => columns.find((column) => column.name === name));
        outputs = picked.every((column) => column !== undefined) ? picked : null;
      }
      for (const output of outputs ?? []) this.#context.touch(output.sources);
      if (b["whereClause"] !== undefined) this.#query.expressions.influence(b["whereClause"], scopeOf(null, item));
    }
    this.#copy = copyShape(b, into ? "in" : "out");
    if (into) return { outputs: [], returns: kind === "copy_from" ? "copy-in" : "none" };
    if (kind === "copy_to") return { outputs, returns: "copy-out" };
    this.#storeAll(outputs);
    return { outputs: [], returns: "none" };
  }

  #setting(b: Body): void {
    const name = text(b["name"]).toLowerCase();
    const kind = text(b["kind"]);
    // SET TRANSACTION has its values inside of options.
    for (const arg of list(b["args"]))
      this.#query.expressions.value(is(arg, "DefElem")?.["arg"] ?? arg, new Scope(null));
    if (
      ["search_path", "role", "session_authorization", ""].includes(name) ||
      kind === "VAR_RESET_ALL" ||
      kind === "VAR_SET_MULTI"
    )
      this.#effects.settings = true;
    if (
      [
        "client_encoding",
        "names",
        "standard_conforming_strings",
        "backslash_quote",
        "escape_string_warning",
        "transform_null_equals",
      ].includes(name) &&
      !kind.startsWith("VAR_RESET") &&
      kind !== "VAR_SET_DEFAULT"
    ) {
      const value =
        list(b["args"]).map((arg) =>
          text(body(body(is(arg, "A_Const") ?? undefined)["sval"])["sval"]).toLowerCase(),
        )[0] ?? "";
      const harmless =
        ((name === "client_encoding" || name === "names") && ["utf8", "utf-8", "unicode"].includes(value)) ||
        (name === "standard_conforming_strings" && ["on", "true", "yes", "1"].includes(value)) ||
        (name === "backslash_quote" && ["safe_encoding", "off", "false", "no"].includes(value)) ||
        name === "escape_string_warning" ||
        (name === "transform_null_equals" && ["off", "false", "no", "0"].includes(value));
      if (!harmless) this.#effects.changesReading = true;
    }
  }

  /** Statements whose parts are names and options: every relation they name counts as written. */
  #utility(nodeKind: string, b: Body): void {
    const danger = utilityDanger(nodeKind, b, this.#names.catalog);
    if (danger !== null) this.#context.untraced(danger, true);
    if (nodeKind === "CreateSchemaStmt")
      for (const element of list(b["schemaElts"])) this.#nestedStatement(element, null);
    for (const schema of schemasChanged(nodeKind, b)) {
      this.#context.relations.push({ schema, name: "*", oid: null, access: "write" });
      for (const relation of this.#names.catalog.catalog.relations)
        if (relation.schema === schema)
          this.#context.relations.push({ schema, name: relation.name, oid: relation.oid, access: "write" });
    }
    const makes = MAKES.has(nodeKind);
    for (const rangeVar of nodeKind === "CreateSchemaStmt" ? [] : rangeVarsIn(b)) {
      // A new table may refer to itself, and to those that the same transaction made.
      if (makes && (rangeVar === madeBy(b) || !this.#context.knows(rangeVar))) this.#created(rangeVar);
      else this.#context.relation(rangeVar, nodeKind === "LockStmt" ? "read" : "write");
    }
    if (nodeKind === "DropStmt" && text(b["removeType"]).match(/TABLE|VIEW|SEQUENCE|INDEX/) !== null) {
      for (const object of list(b["objects"])) {
        const path = names(is(object, "List")?.["items"]);
        const rangeVar: Body =
          path.length > 1 ? { schemaname: path.at(-2)!, relname: path.at(-1)! } : { relname: path.at(-1) ?? "" };
        this.#context.relation(rangeVar, "write");
      }
    }
  }
}

/** A statement that is only explained changes nothing. */
const planned = (unit: UnitFacts): UnitFacts => ({
  ...unit,
  class: "read",
  kind: "explain",
  kinds: ["explain"],
  readOnly: true,
  writes: false,
  filtered: true,
  privileges: [],
  disables: [],
});

const lockingOrInto = (b: Body): boolean => intoOf(b) !== undefined || list(b["lockingClause"]).length > 0;

const CHANGES_ROWS: ReadonlySet<SqlKind> = new Set([
  "insert",
  "update",
  "delete",
  "merge",
  "truncate",
  "copy_from",
  "copy_file",
  "copy_program",
]);

const isOfCatalog = (use: RelationUse): boolean =>
  use.schema === "pg_catalog" || (use.schema === null && use.name.startsWith("pg_"));

function isFiltered(nodeKind: string, b: Body, columnsOf: ColumnsOf): boolean {
  switch (nodeKind) {
    case "UpdateStmt":
    case "DeleteStmt": {
      const from = b[nodeKind === "UpdateStmt" ? "fromClause" : "usingClause"];
      return excludesRows(b["whereClause"], RowScope.of(body(b["relation"]), from, columnsOf));
    }
    case "TruncateStmt":
      return false;
    case "MergeStmt": {
      const scope = RowScope.of(body(b["relation"]), [b["sourceRelation"] ?? null], columnsOf);
      const all = list(b["mergeWhenClauses"]).some((item) => {
        const when = body(is(item, "MergeWhenClause") ?? undefined);
        return (
          text(when["matchKind"]) === "MERGE_WHEN_NOT_MATCHED_BY_SOURCE" &&
          !excludesRows(when["condition"], scope) &&
          text(when["commandType"]) !== "CMD_NOTHING"
        );
      });
      return !all && excludesRows(b["joinCondition"], scope);
    }
    default:
      return true;
  }
}

function constantLimit(b: Body): number | null {
  const constant = is(b["limitCount"], "A_Const");
  const value = constant === null ? undefined : body(constant["ival"])["ival"];
  if (constant !== null && constant["ival"] !== undefined) return typeof value === "number" ? value : 0;
  return null;
}
