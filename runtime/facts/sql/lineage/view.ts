import type { CatalogIndex, CatalogRelation } from "../catalog.ts";
import { STATEMENT_BYTES_MAX, VIEW_NESTING_MAX } from "../limits.ts";
import { prescan } from "../prescan.ts";
import { asSyntaxError } from "../syntax-error.ts";
import { body, is, list, type Body, type Json } from "../tree.ts";
import type { NameContext, StatementContext } from "./context.ts";
import { TooDeep } from "./expression.ts";
import type { NamedValue } from "./value.ts";

/** What a view is made of, and what reading it does. */
export interface ViewReading {
  /** One for each of its columns, in their order. */
  readonly outputs: readonly NamedValue[];
  readonly context: StatementContext;
}

/** Walks a query by itself. `outputs` is null when they can't be told. */
export type WalkQuery = (
  query: Body,
  names: NameContext,
) => { readonly outputs: readonly NamedValue[] | null; readonly context: StatementContext };

interface Readings {
  readonly known: Map<number, ViewReading | null>;
  /** Views that are being read, one inside the other. */
  open: number;
}

const ofCatalog = new WeakMap<CatalogIndex, Readings>();

/** Definitions come with every name qualified that these don't find. */
const DEFINITION_PATH: readonly string[] = ["pg_catalog"];

/** The catalog's own views show what is in the catalog, and are told apart by name where that is too much. */
export function isExpanded(relation: CatalogRelation): boolean {
  const { kind, schema } = relation;
  return (kind === "v" || kind === "m") && schema !== "pg_catalog" && schema !== "information_schema";
}

/** A view's definition, walked once for its catalog: it depends on nothing else. Null when it can't be read or traced. */
export function readView(relation: CatalogRelation, catalog: CatalogIndex, walk: WalkQuery): ViewReading | null {
  let readings = ofCatalog.get(catalog);
  if (readings === undefined)
    ofCatalog.set(catalog, (readings = { known: new Map<number, ViewReading | null>(), open: 0 }));
  const known = readings.known.get(relation.oid);
  if (known !== undefined) return known;
  if (readings.open >= VIEW_NESTING_MAX) return null;
  // Until it is read, it is unreadable to itself.
  readings.known.set(relation.oid, null);
  readings.open++;
  try {
    const reading = walked(relation, catalog, walk);
    readings.known.set(relation.oid, reading);
    return reading;
  } catch (fault) {
    // How much room there was depends on the reader, so that it may be read another time.
    readings.known.delete(relation.oid);
    if (fault instanceof RangeError) return null;
    throw fault;
  } finally {
    readings.open--;
  }
}

function walked(relation: CatalogRelation, catalog: CatalogIndex, walk: WalkQuery): ViewReading | null {
  const query = parsed(relation, catalog);
  if (query === null) return null;
  try {
    const { outputs, context } = walk(query, { catalog, searchPath: relation.definitionPath ?? DEFINITION_PATH });
    context.passedOver(query);
    return outputs?.length === relation.columns.length ? { outputs, context } : null;
  } catch (fault) {
    if (fault instanceof TooDeep) return null;
    throw fault;
  }
}

function parsed(relation: CatalogRelation, catalog: CatalogIndex): Body | null {
  const { definition } = relation;
  if (definition === undefined || catalog.parse === null) return null;
  if (prescan(Buffer.from(definition, "utf8"), STATEMENT_BYTES_MAX) !== null) return null;
  let tree: Json;
  try {
    tree = catalog.parse(definition) as Json;
  } catch (fault) {
    if (asSyntaxError(fault) === null) throw fault;
    return null;
  }
  const statements = list(body(tree)["stmts"]);
  const only = statements.length === 1 ? body(statements[0])["stmt"] : undefined;
  return is(only, "SelectStmt") ?? is(is(only, "ViewStmt")?.["query"], "SelectStmt");
}
