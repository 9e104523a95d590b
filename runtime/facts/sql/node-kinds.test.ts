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
  const catalog = catalogFromSchema("create table users (id int, ssn text)");
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
