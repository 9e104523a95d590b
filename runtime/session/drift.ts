import type { AnalysedStatement, Catalog, CatalogRelation, RelationUse, UnitFacts } from "../facts/index.ts";
import type { MaskedCatalog } from "../enforce/mask/index.ts";

/**
 * The statements of a message are read before the first of them runs. What a statement before, or the open transaction, may
 * have changed by the time it runs is its drift: names without a schema may then mean other relations than was read.
 */
export interface Drift {
  /** The search path, or the role it goes by. */
  readonly path: boolean;
  /** Relations and functions were made, dropped or renamed where nobody else sees it yet. */
  readonly catalog: boolean;
  /** It comes from the open transaction and not from the same message. */
  readonly open: boolean;
}

export const STEADY: Drift = { path: false, catalog: false, open: false };

/** For each statement of a message, the one that it runs by name. */
export type Behind = readonly (AnalysedStatement | null)[];

/** What the end of the transaction takes back, or makes visible to others. */
export interface OpenChanges {
  readonly settings: boolean;
  readonly catalog: boolean;
}

/** Kinds that set something for the session, and run nothing. */
const SETS: ReadonlySet<string> = new Set(["set", "set_role", "reset"]);

const ENDS: ReadonlySet<string> = new Set(["rollback", "commit", "rollback_to", "prepare_transaction"]);

export const endsTransaction = (statement: AnalysedStatement): boolean => ENDS.has(statement.units[0]!.kind);

/** What a statement may change, with what it runs by name. */
export function changesOf(statement: AnalysedStatement, behind: AnalysedStatement | null): OpenChanges {
  const { executes, fetches } = statement.effects;
  // Nobody knows what runs, so nobody knows what it changes.
  if ((executes !== null || fetches !== null) && behind === null) return { settings: true, catalog: true };
  return {
    settings: statement.effects.settings || behind?.effects.settings === true,
    catalog: statement.effects.catalog || behind?.effects.catalog === true,
  };
}

/** The drift of each statement of a message. `open`: what the open transaction changed before it. */
export function driftsOf(
  statements: readonly AnalysedStatement[],
  behind: Behind,
  open: OpenChanges,
): readonly Drift[] {
  let drift: Drift = open.catalog ? { path: false, catalog: true, open: true } : STEADY;
  let pending = open.settings || open.catalog;
  return statements.map((statement, i) => {
    const own = drift;
    const { settings, catalog } = changesOf(statement, behind[i] ?? null);
    const undone = pending && endsTransaction(statement);
    // Code that may change settings may as well change relations.
    const runs = settings && !SETS.has(statement.units[0]!.kind);
    if (settings || catalog || undone) {
      pending = true;
      drift = { path: own.path || settings || undone, catalog: own.catalog || catalog || runs || undone, open: false };
    }
    return own;
  });
}

const NAMED = new WeakMap<Catalog, ReadonlyMap<string, readonly CatalogRelation[]>>();

/** The relations that go by a name, in whatever schema. */
function relationsNamed(catalog: Catalog, name: string): readonly CatalogRelation[] {
  let known = NAMED.get(catalog);
  if (known === undefined) NAMED.set(catalog, (known = Map.groupBy(catalog.relations, (relation) => relation.name)));
  return known.get(name) ?? [];
}

/** Whether a relation, with all that it reads and its family, has a masked column. */
function reachesMasked(relation: CatalogRelation, masked: MaskedCatalog): boolean {
  const seen = new Set<number>();
  const rest = [relation.oid];
  for (let oid = rest.pop(); oid !== undefined; oid = rest.pop()) {
    if (seen.has(oid)) continue;
    seen.add(oid);
    if (masked.relations.has(oid)) return true;
    const found = masked.relation(oid);
    if (found !== undefined) rest.push(...found.reads, ...found.family);
  }
  return false;
}

/** The name by which a statement may, after its drift, reach masked columns that it was not read to reach; null when none does. */
function maskedNameOf(
  statement: AnalysedStatement,
  drift: Drift,
  catalog: Catalog,
  masked: MaskedCatalog,
): string | null {
  if (masked.relations.size === 0) return null;
  // A function that was vouched for may be hidden by another one.
  if (drift.catalog && statement.calls.length > 0) return statement.calls[0]!.function ?? "a function";
  const found = statement.relations.find(
    (use) =>
      use.bare === true &&
      use.made !== true &&
      relationsNamed(catalog, use.name).some((one) => one.oid !== use.oid && reachesMasked(one, masked)),
  );
  return found?.name ?? null;
}

/**
 * The name of a relation that hides one with masked columns further along the search path: a statement that waits for whoever
 * renames or drops the first reads the second. Null when there is none.
 */
function hidingName(
  statement: AnalysedStatement,
  path: readonly string[] | null,
  catalog: Catalog,
  masked: MaskedCatalog,
): string | null {
  if (path === null || masked.relations.size === 0) return null;
  const found = statement.relations.find(({ bare, made, oid, schema, name }) => {
    if (bare !== true || made === true || oid === null || schema === null) return false;
    const behind = path.slice(path.indexOf(schema) + 1);
    return relationsNamed(catalog, name).some((one) => behind.includes(one.schema) && reachesMasked(one, masked));
  });
  return found?.name ?? null;
}

/** Why a statement is refused that leans on a name which may have changed its meaning, and what to do about it. */
export function driftRefusal(name: string, drift: Drift): { readonly reason: string; readonly hint: string } {
  if (drift === STEADY)
    return {
      reason: `${name} hides a relation of the same name that has masked columns, and could come to mean that one before it runs`,
      hint: "Name each table with its schema.",
    };
  return drift.open
    ? {
        reason: `the open transaction may have changed what ${name} means, and masks could not follow`,
        hint: "Name each table with its schema, or end the transaction first.",
      }
    : {
        reason: `a statement before it in the same message may change what ${name} means, and masks could not follow`,
        hint: "Send it in a message of its own, or name each table with its schema.",
      };
}

/** A statement as it has to be taken after its drift on a search path, and the name that it leans on; the same when it leans on none. */
export function drifted(
  statement: AnalysedStatement,
  drift: Drift,
  path: readonly string[] | null,
  catalog: Catalog,
  masked: MaskedCatalog | null,
): { readonly statement: AnalysedStatement; readonly name: string | null } {
  if (masked === null) return { statement, name: null };
  const steady = !drift.path && !drift.catalog;
  const name = steady ? hidingName(statement, path, catalog, masked) : maskedNameOf(statement, drift, catalog, masked);
  if (name === null) return { statement, name };
  return {
    statement: {
      ...statement,
      opaque: [...statement.opaque, driftRefusal(name, drift).reason],
      reachesAnything: true,
      literals: statement.literals.map((literal) => ({ ...literal, loose: true })),
    },
    name,
  };
}

const isTemporary = (schema: string): boolean => /^pg_(temp|toast_temp)_/.test(schema);

/** What a name without a schema means after the drift can't be told. */
function isUnsure(use: RelationUse, drift: Drift, catalog: Catalog): boolean {
  if (use.bare !== true) return false;
  if (use.made === true) return drift.path;
  return relationsNamed(catalog, use.name).some((one) => one.oid !== use.oid && !isTemporary(one.schema));
}

/** A statement whose facts are unknown where, after its drift, its names may mean other relations. */
export function withUnsureFacts(statement: AnalysedStatement, drift: Drift, catalog: Catalog): AnalysedStatement {
  if ((!drift.path && !drift.catalog) || !statement.relations.some((use) => isUnsure(use, drift, catalog)))
    return statement;
  const unsure = (unit: UnitFacts): UnitFacts => ({
    ...unit,
    schemas: null,
    tables: null,
    tablesRead: null,
    tablesWritten: null,
    columns: null,
  });
  // What is declared now runs later, and is decided by what was read now.
  const inner = statement.inner === null ? null : withUnsureFacts(statement.inner, drift, catalog);
  return { ...statement, units: statement.units.map(unsure), inner };
}
