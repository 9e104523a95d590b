import { readFileSync } from "node:fs";
import { beforeAll, describe, expect, it } from "vitest";
import type { AnalysedStatement, Analysis, AnalysisError } from "./analysis.ts";
import { analyseTree } from "./analyse.ts";
import { CatalogIndex } from "./catalog.ts";
import { catalogFromSchema, loadParser } from "./offline.ts";
import type { Body, Json } from "./tree.ts";

/**
 * Every kind of node that the grammar knows, from the parser's own list: put where an expression, an item of FROM or a
 * statement stands, with a column of a table in each of its parts, it must lead to that column or say that it can't be traced.
 */
const TYPES = readFileSync(new URL("../../../node_modules/@pgsql/types/types.d.ts", import.meta.url), "utf8");

interface Part {
  readonly name: string;
  readonly list: boolean;
  /** A node of any kind, or of the kind that is named. */
  readonly kind: string;
}

/** The parts of a node that are nodes themselves, by the node's kind. */
const KINDS: ReadonlyMap<string, readonly Part[]> = new Map(
  [...TYPES.matchAll(/export interface (\w+) \{\n([^}]*)\}/g)].map(([, kind, inner]) => [
    kind!,
    [...inner!.matchAll(/^ {4}(\w+)\?: (\w+)(\[\])?;$/gm)].flatMap(([, name, type, many]): readonly Part[] =>
      name === "xpr" || ["string", "number", "boolean"].includes(type!)
        ? []
        : [{ name: name!, list: many !== undefined, kind: type! }],
    ),
  ]),
);
/** Parts without which a node means something else. */
const NEEDED: ReadonlySet<string> = new Set([
  "A_Expr.lexpr",
  "A_Expr.rexpr",
  "JoinExpr.larg",
  "JoinExpr.rarg",
  "RangeTableSample.relation",
  "MergeStmt.sourceRelation",
  "A_Indirection.arg",
  "TypeCast.arg",
  "CollateClause.arg",
  "SubLink.testexpr",
]);
/** Parts that hold names, words of a type, or a query: no expression, whatever the parser's list calls them. */
const NO_EXPRESSION: ReadonlySet<string> = new Set(
  "names typmods arrayBounds collname colnames arg_names useOp operName lockedRels subselect query subquery A_Expr.name ResTarget.indirection".split(
    " ",
  ),
);
const NODES = [...TYPES.matchAll(/^ {4}(\w+): \1;$/gm)].map(([, kind]) => kind!);

/** Nodes that hold no value of a row, whatever is put into them: what they are made of is no expression, or is a constant. */
const NO_VALUE: ReadonlySet<string> = new Set([
  "A_Const",
  "ParamRef",
  "SQLValueFunction",
  "SetToDefault",
  "GroupingFunc",
  "MergeSupportFunc",
  "JsonFormat",
  "JsonReturning",
  "JsonOutput",
]);

const COLUMN: Json = { ColumnRef: { fields: [{ String: { sval: "users" } }, { String: { sval: "ssn" } }] } };
const TABLE: Body = { relname: "users", inh: true, relpersistence: "p" };

/** Parts that hold a query. */
const QUERIES: ReadonlySet<string> = new Set(["subquery", "subselect", "query", "selectStmt", "ctequery"]);
const QUERY: Json = {
  SelectStmt: { targetList: [{ ResTarget: { val: COLUMN } }], fromClause: [{ RangeVar: TABLE }], op: "SETOP_NONE" },
};

/** A node of a kind with the column in every part where an expression may stand. */
function filled(kind: string, depth = 0): Body {
  const parts = (KINDS.get(kind) ?? []).map(({ name, list, kind: inner }): readonly [string, Json] => {
    const value: Json =
      inner === "Node"
        ? QUERIES.has(name)
          ? QUERY
          : COLUMN
        : inner === "RangeVar"
          ? TABLE
          : depth < 3 && KINDS.has(inner)
            ? filled(inner, depth + 1)
            : {};
    return [name, list ? [value] : value];
  });
  return Object.fromEntries(parts);
}

const CONSTANT: Json = { A_Const: { ival: { ival: 1 }, location: 7 } };
const PLAIN: Body = { ...TABLE, relname: "plain" };
/** Parts that hold items of FROM. */
const ITEMS: ReadonlySet<string> = new Set(["fromClause", "larg", "rarg", "relation", "sourceRelation", "usingClause"]);
const HIDDEN: Json = {
  SubLink: {
    subLinkType: "EXPR_SUBLINK",
    subselect: {
      SelectStmt: {
        targetList: [{ ResTarget: { val: { ColumnRef: { fields: [{ String: { sval: "pin" } }] } } } }],
        fromClause: [{ RangeVar: { ...TABLE, relname: "hidden" } }],
        op: "SETOP_NONE",
      },
    },
  },
};

/** Nothing but constants in a part, and none of it where there need be nothing. */
function cold(part: Part, depth: number): Json {
  const { name, list, kind } = part;
  if (kind === "RangeVar") return PLAIN;
  if (kind !== "Node")
    return list || depth >= 3 || !KINDS.has(kind) || kind === "SelectStmt" ? {} : only(kind, null, depth + 1);
  const value = ITEMS.has(name) ? { RangeVar: PLAIN } : CONSTANT;
  return list ? [value] : value;
}

/** A node with one of its parts hot, and the others as they have to be at least. */
function only(kind: string, hot: readonly [part: string, value: Json] | null, depth: number): Body {
  const needed = (KINDS.get(kind) ?? []).filter(
    (part) => NEEDED.has(`${kind}.${part.name}`) || part.kind === "RangeVar",
  );
  return {
    ...(depth === 0 || kind !== "RangeVar" ? {} : TABLE),
    ...Object.fromEntries(needed.map((part) => [part.name, cold(part, depth)])),
    ...(hot === null ? {} : { [hot[0]]: hot[1] }),
  };
}

/** The same node over and over, each time with what is looked for in another of its parts. */
function eachPart(kind: string, value: Json, depth = 0): readonly (readonly [path: string, node: Body])[] {
  return (KINDS.get(kind) ?? []).flatMap(({ name, list, kind: inner }): (readonly [string, Body])[] => {
    if (value === COLUMN && (NO_EXPRESSION.has(name) || NO_EXPRESSION.has(`${kind}.${name}`))) return [];
    // FOR UPDATE OF: aliases of FROM, which stand in a list of what names relations.
    if (name === "lockedRels") return [];
    const put = (hot: Json): Body => only(kind, [name, list ? [hot] : hot], depth);
    if (inner === "Node") return [[name, put(value)]];
    if (inner === "RangeVar" || depth >= 3 || !KINDS.has(inner)) return [];
    return eachPart(inner, value, depth + 1).map(([path, filledIn]) => [`${name}.${path}`, put(filledIn)]);
  });
}

let index: CatalogIndex;
const text = Buffer.from("select");

function analysed(stmt: Json): AnalysedStatement {
  const found: Analysis | AnalysisError = analyseTree(
    text,
    { stmts: [{ stmt }] },
    {
      catalog: index,
      searchPath: ["pg_catalog", "public"],
    },
  );
  if ("kind" in found) throw new Error(JSON.stringify(found));
  return found.statements[0]!;
}

const leadsToIt = ({ outputs, influences, stores, opaque }: AnalysedStatement): boolean =>
  opaque.length > 0 ||
  outputs === null ||
  [...outputs.flatMap((output) => output.sources), ...influences, ...stores].some(
    (column) => column.column === "ssn",
  ) ||
  outputs.some((output) => output.opaque);

beforeAll(async () => {
  await loadParser();
  const catalog = catalogFromSchema(
    "create table users (id int, ssn text); create table plain (id int, a text); create table hidden (pin int)",
  );
  if ("kind" in catalog) throw new Error(JSON.stringify(catalog));
  index = new CatalogIndex(catalog);
});

it("the list of the parser's nodes is there", () => {
  expect(NODES.length).toBeGreaterThan(250);
  expect(KINDS.get("CaseWhen")!.map((part) => part.name)).toEqual(["expr", "result"]);
  for (const known of ["SelectStmt", "MergeStmt", "JsonTable", "A_Indirection"]) expect(NODES).toContain(known);
});

describe("as an expression", () => {
  it.each(NODES)("%s", (kind) => {
    const expression: Json = kind === "ColumnRef" ? COLUMN : { [kind]: filled(kind) };
    const statement = analysed({
      SelectStmt: { targetList: [{ ResTarget: { val: expression } }], fromClause: [{ RangeVar: TABLE }] },
    });
    expect(NO_VALUE.has(kind) || leadsToIt(statement), `${kind} is neither traced nor opaque`).toBe(true);
  });
});

describe("as an item of FROM", () => {
  it.each(NODES)("%s", (kind) => {
    const statement = analysed({
      SelectStmt: {
        targetList: [{ ResTarget: { val: { ColumnRef: { fields: [{ A_Star: {} }] } } } }],
        fromClause: [kind === "RangeVar" ? { RangeVar: TABLE } : { [kind]: filled(kind) }],
      },
    });
    expect(leadsToIt(statement), `${kind} is neither traced nor opaque`).toBe(true);
  });
});

describe("as a statement", () => {
  it.each(NODES)("%s", (kind) => {
    const { units, relations, opaque } = analysed({ [kind]: filled(kind) });
    const [unit] = units;
    // One that is not known is of a kind and class that no sensible policy allows.
    if (unit!.kind === "other") expect(unit!.class).toBe("admin");
    // One that names the table is seen to.
    const named = (KINDS.get(kind) ?? []).some((part) => part.kind === "RangeVar");
    if (named) expect(relations.length > 0 || opaque.length > 0, `${kind} hides the table it names`).toBe(true);
  });
});

describe("a sub-select in each part alone", () => {
  const hiddenIn = ({ reached, relations, opaque }: AnalysedStatement): boolean =>
    opaque.length > 0 || (relations.some(({ name }) => name === "hidden") && reached.length > 0);
  const asExpression = (kind: string, inner: Body): Json => ({
    SelectStmt: { targetList: [{ ResTarget: { val: { [kind]: inner } } }], fromClause: [{ RangeVar: PLAIN }] },
  });
  const asItem = (kind: string, inner: Body): Json => ({
    SelectStmt: { targetList: [{ ResTarget: { val: CONSTANT } }], fromClause: [{ [kind]: inner }] },
  });
  const asStatement = (kind: string, inner: Body): Json => ({ [kind]: inner });

  it.each(NODES)("%s", (kind) => {
    const missed = [asExpression, asItem, asStatement].flatMap((put) =>
      eachPart(kind, HIDDEN).flatMap(([path, inner]) =>
        hiddenIn(analysed(put(kind, inner))) ? [] : [`${put.name}: ${path}`],
      ),
    );
    expect(missed).toEqual([]);
  });
});

describe("a column in each part alone", () => {
  it.each(NODES)("%s", (kind) => {
    const put = (inner: Body): Json => ({
      SelectStmt: { targetList: [{ ResTarget: { val: { [kind]: inner } } }], fromClause: [{ RangeVar: TABLE }] },
    });
    const missed = eachPart(kind, COLUMN).flatMap(([path, inner]) =>
      NO_VALUE.has(kind) || leadsToIt(analysed(put(inner))) ? [] : [path],
    );
    expect(missed).toEqual([]);
  });
});

describe("a column in each part alone, in FROM", () => {
  it.each(NODES)("%s", (kind) => {
    const put = (inner: Body): Json => ({
      SelectStmt: {
        targetList: [{ ResTarget: { val: { ColumnRef: { fields: [{ A_Star: {} }] } } } }],
        fromClause: [{ RangeVar: { ...TABLE, alias: { aliasname: "users" } } }, { [kind]: inner }],
      },
    });
    const missed = eachPart(kind, COLUMN).flatMap(([path, inner]) => {
      const { influences, opaque, outputs } = analysed(put(inner));
      const further = outputs?.slice(2).some((output) => output.sources.length > 0) ?? true;
      return opaque.length > 0 || influences.length > 0 || further ? [] : [path];
    });
    expect(missed).toEqual([]);
  });
});
