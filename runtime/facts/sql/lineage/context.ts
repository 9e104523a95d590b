import type { SqlGuard } from "../../../../spec/contract/facts/index.ts";
import { unknownRelation, type ColumnId, type RelationUse, type UnknownCall } from "../analysis.ts";
import type { CatalogIndex, CatalogRelation } from "../catalog.ts";
import { TELLING_RELATIONS } from "../functions.ts";
import { constantText, guardsOfSetting } from "../guards.ts";
import type { Body, Json } from "../tree.ts";
import { text } from "../tree.ts";
import { rangeVarsIn } from "./range-vars.ts";

export interface NameContext {
  readonly catalog: CatalogIndex;
  /** Schemas in the order the server looks; null when not known. */
  readonly searchPath: readonly string[] | null;
}

/** A literal's place and what it belongs to, as the walk sees it. */
export interface SeenConstant {
  readonly location: number;
  readonly columns: readonly ColumnId[];
  readonly loose: boolean;
  /** Another literal here changes nothing but the literal. */
  readonly slot: boolean;
}

/** What one statement, with everything inside it, does: collected while it is walked. */
export class StatementContext {
  readonly names: NameContext;
  readonly influences = new Map<string, ColumnId>();
  readonly stores = new Map<string, ColumnId>();
  readonly relations: RelationUse[] = [];
  /** Nodes of the tree that name a relation, as far as the walk came by them. */
  readonly seen = new Set<Body>();
  readonly opaque = new Set<string>();
  readonly calls = new Map<string, UnknownCall>();
  readonly functions = new Set<string>();
  readonly columns = new Map<string, ColumnId>();
  readonly constants: SeenConstant[] = [];
  reachesAnything = false;
  /** Calls something that may change data or settings. */
  changesState = false;
  settings = false;
  /** Guards that calls of set_config switch off; null when it can't be told which. */
  disables: ReadonlySet<SqlGuard> | null = new Set();
  /** Names that could not be resolved, so facts about tables and columns are unknown. */
  unresolved = false;
  /** Rows of no named type are about. */
  untypedRows = false;
  depth = 0;

  constructor(names: NameContext) {
    this.names = names;
  }

  influence(columns: readonly ColumnId[]): void {
    for (const column of columns) this.influences.set(`${column.relation}.${column.attribute}`, column);
  }

  store(columns: readonly ColumnId[]): void {
    for (const column of columns) this.stores.set(`${column.relation}.${column.attribute}`, column);
  }

  touch(columns: readonly ColumnId[]): void {
    for (const column of columns) this.columns.set(`${column.relation}.${column.attribute}`, column);
  }

  untraced(why: string, anything: boolean): void {
    this.opaque.add(why);
    if (anything) this.reachesAnything = true;
  }

  /** A call of set_config: the same as SET, with a name that may be worked out. */
  setConfig(args: readonly Json[]): void {
    this.settings = true;
    const name = constantText(args[0]);
    if (name === null || this.disables === null) this.disables = null;
    else this.disables = new Set([...this.disables, ...guardsOfSetting(name, constantText(args[1]))]);
  }

  /** A view is read: what its definition observes and calls, this statement does. */
  expand(view: StatementContext): void {
    this.influence([...view.influences.values()]);
    this.store([...view.stores.values()]);
    for (const reason of view.opaque) this.opaque.add(reason);
    for (const call of view.calls.values()) this.#call(call);
    this.reachesAnything ||= view.reachesAnything;
    this.changesState ||= view.changesState;
    this.settings ||= view.settings;
    this.disables =
      this.disables === null || view.disables === null ? null : new Set([...this.disables, ...view.disables]);
  }

  /** A call of a function that is not known here. */
  unknownCall(path: readonly string[]): void {
    const reason = `function ${path.join(".")} is not known to the analysis`;
    this.untraced(reason, true);
    const name = path.at(-1) ?? "";
    const schemas = path.length > 1 ? [path.at(-2)!] : this.names.catalog.schemasOfFunction(name);
    const only = schemas.length === 1 ? `${schemas[0]}.${name}` : null;
    this.#call({ function: only, reason });
  }

  #call({ function: only, reason }: UnknownCall): void {
    const known = this.calls.get(reason);
    this.calls.set(reason, { function: known === undefined || known.function === only ? only : null, reason });
  }

  /**
   * A relation by the name a statement gives it, noted as used.
   *
   * @param place see `RelationUse.place`
   */
  relation(rangeVar: Body, access: "read" | "write", place: number | null = null): CatalogRelation | null {
    this.seen.add(rangeVar);
    const schema = rangeVar["schemaname"] === undefined ? null : text(rangeVar["schemaname"]);
    const name = text(rangeVar["relname"]);
    const found = this.lookUp(schema, name);
    this.relations.push({
      schema: found?.schema ?? schema,
      name,
      oid: found?.oid ?? null,
      access,
      place,
      aliased: rangeVar["alias"] !== undefined,
      bare: schema === null,
    });
    if (found === null) {
      this.unresolved = true;
      if (access === "read") this.untraced(unknownRelation(schema, name), true);
    } else if ((found.schema === "pg_catalog" || found.schema === "public") && TELLING_RELATIONS.has(found.name)) {
      this.untraced(`${found.name} shows data or statements of others`, true);
    }
    return found;
  }

  /** A relation that the walk did not come by stands in a part that it does not know: it counts, and nothing is traced. */
  passedOver(b: Body): void {
    for (const rangeVar of rangeVarsIn(b)) {
      if (this.seen.has(rangeVar)) continue;
      const found = this.relation(rangeVar, "read");
      const name = found?.name ?? text(rangeVar["relname"]);
      this.untraced(`relation ${name} stands in a part of the statement that is not known to the analysis`, true);
    }
  }

  /** Whether a name stands for a relation of the catalog. */
  knows(rangeVar: Body): boolean {
    const schema = rangeVar["schemaname"] === undefined ? null : text(rangeVar["schemaname"]);
    return this.lookUp(schema, text(rangeVar["relname"])) !== null;
  }

  lookUp(schema: string | null, name: string): CatalogRelation | null {
    const { catalog, searchPath } = this.names;
    if (schema !== null) return catalog.relation(schema, name) ?? null;
    for (const candidate of searchPath ?? []) {
      const found = catalog.relation(candidate, name);
      if (found !== undefined) return found;
    }
    return null;
  }
}

export function columnId(relation: CatalogRelation, attribute: number, column: string): ColumnId {
  return { relation: relation.oid, attribute, schema: relation.schema, table: relation.name, column };
}
