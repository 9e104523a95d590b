import { loadModule, parseSync } from "libpg-query";
import type { Analysis, AnalysisError } from "./analysis.ts";
import { CatalogIndex, type Catalog, type CatalogColumn, type CatalogRelation } from "./catalog.ts";
import { STATEMENT_BYTES_MAX } from "./limits.ts";
import { analyseParsed } from "./parsed.ts";
import { prescan } from "./prescan.ts";
import { asSyntaxError } from "./syntax-error.ts";
import { body, is, list, names, node, text, type Body, type Json } from "./tree.ts";

/** Before anything else of this file is called. */
export async function loadParser(): Promise<void> {
  await loadModule();
}

/** The same analysis on the caller's own thread: for tools that read texts of their own user, never for a gateway. */
export function analyseOffline(sql: string, catalog: Catalog, searchPath: readonly string[]): Analysis | AnalysisError {
  const bytes = Buffer.from(sql, "utf8");
  const refused = prescan(bytes, STATEMENT_BYTES_MAX);
  if (refused !== null) return refused;
  try {
    return analyseParsed(bytes, (source) => parseSync(source), new TextDecoder("utf-8", { fatal: true }), {
      catalog: new CatalogIndex(catalog, parseSync),
      searchPath,
    });
  } catch (fault) {
    return (
      asSyntaxError(fault) ?? { kind: "parser-failed", message: fault instanceof Error ? fault.message : String(fault) }
    );
  }
}

/** Numbers of the types that masks tell apart; others are unknown to an offline catalog. */
const TYPES: Readonly<Record<string, number>> = {
  bool: 16,
  bytea: 17,
  int8: 20,
  int2: 21,
  int4: 23,
  text: 25,
  json: 114,
  float4: 700,
  float8: 701,
  bpchar: 1042,
  varchar: 1043,
  date: 1082,
  time: 1083,
  timestamp: 1114,
  timestamptz: 1184,
  numeric: 1700,
  uuid: 2950,
  jsonb: 3802,
  serial: 23,
  bigserial: 20,
};

/**
 * A catalog from a schema file: its CREATE TABLE, CREATE VIEW and CREATE SCHEMA statements, with made-up numbers. Enough of
 * pg_catalog is added for common look-ups. Other statements of the file are passed over.
 */
export function catalogFromSchema(sql: string): Catalog | AnalysisError {
  let tree: Json;
  try {
    tree = parseSync(sql) as Json;
  } catch (fault) {
    return asSyntaxError(fault) ?? { kind: "parser-failed", message: String(fault) };
  }
  const bytes = Buffer.from(sql, "utf8");
  const relations: CatalogRelation[] = [];
  let oid = 100_000;
  for (const raw of list(body(tree)["stmts"])) {
    const found = node(body(raw)["stmt"]);
    if (found === null) continue;
    if (found.kind === "CreateStmt") {
      const columns = list(found.body["tableElts"]).flatMap((item): CatalogColumn[] => {
        const column = is(item, "ColumnDef");
        if (column === null) return [];
        return [
          {
            attribute: 0,
            name: text(column["colname"]),
            type: TYPES[names(body(column["typeName"])["names"]).at(-1) ?? ""] ?? 0,
          },
        ];
      });
      relations.push(relation(oid++, body(found.body["relation"]), "r", columns, []));
    } else if (found.kind === "ViewStmt") {
      relations.push({ ...view(oid++, found.body, relations), ...definitionIn(bytes, body(raw)) });
    }
  }
  for (const name of [
    "pg_class",
    "pg_namespace",
    "pg_attribute",
    "pg_type",
    "pg_proc",
    "pg_stats",
    "pg_stat_activity",
    "pg_settings",
    "pg_database",
    "pg_roles",
  ]) {
    relations.push(
      relation(oid++, { schemaname: "pg_catalog", relname: name }, "r", [{ attribute: 1, name: "oid", type: 26 }], []),
    );
  }
  return { version: "offline", relations, userFunctions: [] };
}

function relation(
  oid: number,
  rangeVar: Body,
  kind: string,
  columns: readonly CatalogColumn[],
  reads: readonly number[],
): CatalogRelation {
  return {
    oid,
    schema: text(rangeVar["schemaname"]) || "public",
    name: text(rangeVar["relname"]),
    kind,
    columns: columns.map((column, i) => ({ ...column, attribute: i + 1 })),
    reads,
    family: [],
  };
}

/** The text of a statement of the file; its names are looked up as those of the tables beside it. */
function definitionIn(bytes: Buffer, statement: Body): Pick<CatalogRelation, "definition" | "definitionPath"> {
  const start = typeof statement["stmt_location"] === "number" ? statement["stmt_location"] : 0;
  const length = typeof statement["stmt_len"] === "number" ? statement["stmt_len"] : bytes.length - start;
  return { definition: bytes.toString("utf8", start, start + length), definitionPath: ["pg_catalog", "public"] };
}

/** A view reads every relation that its text names; its columns are those of its select list. */
function view(oid: number, b: Body, known: readonly CatalogRelation[]): CatalogRelation {
  const reads = new Set<number>();
  const look = (json: Json | undefined): void => {
    if (json === undefined || json === null || typeof json !== "object") return;
    const inner = json as Body;
    if (typeof inner["relname"] === "string") {
      const found = known.find(
        (one) => one.name === inner["relname"] && one.schema === (text(inner["schemaname"]) || "public"),
      );
      if (found !== undefined) for (const base of [found.oid, ...found.reads]) reads.add(base);
    }
    for (const value of Object.values(json)) look(value as Json);
  };
  look(b["query"]);
  // A set operation has the names of its first query.
  let select = body(is(b["query"], "SelectStmt") ?? undefined);
  while (select["larg"] !== undefined) select = body(select["larg"]);
  const aliases = names(b["aliases"]);
  const columns = list(select["targetList"]).map((item, i): CatalogColumn => {
    const target = body(is(item, "ResTarget") ?? undefined);
    const last = names(is(target["val"], "ColumnRef")?.["fields"]).at(-1) ?? "";
    return { attribute: 0, name: aliases[i] ?? (text(target["name"]) || last || `column${i + 1}`), type: 0 };
  });
  return relation(oid, body(b["view"]), "v", columns, [...reads]);
}
