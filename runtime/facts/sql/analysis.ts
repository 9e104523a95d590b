import type { SqlClass, SqlGuard, SqlKind, SqlPrivilege } from "../../../spec/contract/facts/index.ts";

/** A column of a catalog relation. `path` is `schema.table.column`. */
export interface ColumnId {
  readonly relation: number;
  readonly attribute: number;
  readonly schema: string;
  readonly table: string;
  readonly column: string;
}

export interface RelationUse {
  readonly schema: string | null;
  readonly name: string;
  /** pg_class.oid, or null when the name could not be resolved (new, temporary or unknown). */
  readonly oid: number | null;
  readonly access: "read" | "write";
  /**
   * Where its name stands in FROM, alone, so that a sub-select could stand there instead; null or missing anywhere else. Byte
   * offset (UTF-8) in the message's text.
   */
  readonly place?: number | null;
  /** It is given another name there. */
  readonly aliased?: boolean;
  /** Named without its schema, so that the search path tells which one is meant. */
  readonly bare?: boolean;
  /** It does not exist yet: the statement makes it. */
  readonly made?: boolean;
}

/** Why a statement that reads a relation whose name could not be resolved can't be traced. */
export const unknownRelation = (schema: string | null, name: string): string =>
  `relation ${schema === null ? "" : `${schema}.`}${name} is not in the catalog that was read`;

/** A call of a function that the analysis does not know: it may do anything, unless a policy vouches for it. */
export interface UnknownCall {
  /** `schema.function`, when only one function can be meant. */
  readonly function: string | null;
  /** Its entry in `opaque`. */
  readonly reason: string;
}

/** One output column of a statement that returns rows. Keyed by position; names mean nothing. */
export interface OutputColumn {
  /** As the server will announce it, or empty when that is not worked out. */
  readonly name: string;
  /** Base columns whose value flows into this one. */
  readonly sources: readonly ColumnId[];
  /** Set when this output is exactly one base column, unchanged: what the row description must announce. */
  readonly direct: ColumnId | null;
  /** Something in it could not be traced. */
  readonly opaque: boolean;
  /** The value cannot be told from this output although it has sources (count). */
  readonly reveals: "value" | "nothing";
  /** pg_type.oid when it is known; null or missing otherwise. */
  readonly type?: number | null;
  /** `direct` is a column that a view computes: what is announced for it is no base column. */
  readonly madeByView?: true;
}

/** A literal in the text: byte offsets (UTF-8) and the columns that it is compared with or assigned to. */
export interface Literal {
  readonly start: number;
  readonly end: number;
  readonly columns: readonly ColumnId[];
  /** Not tied to any column that could be named, so it may belong to any of the statement's relations. */
  readonly loose: boolean;
  /** A password or key by position (ALTER ROLE … PASSWORD): never shown. */
  readonly secret: boolean;
}

/** The facts of one statement: the outer one, or one inside it. Null stands for unknown. */
export interface UnitFacts {
  readonly kind: SqlKind;
  readonly kinds: readonly SqlKind[];
  readonly class: SqlClass;
  readonly readOnly: boolean;
  readonly writes: boolean;
  readonly filtered: boolean;
  readonly rowLimit: number | null;
  readonly schemas: readonly string[] | null;
  readonly tables: readonly string[] | null;
  readonly tablesRead: readonly string[] | null;
  readonly tablesWritten: readonly string[] | null;
  readonly columns: readonly string[] | null;
  readonly functions: readonly string[];
  readonly privileges: readonly SqlPrivilege[] | null;
  readonly disables: readonly SqlGuard[] | null;
  readonly nested: boolean;
}

export interface CopyShape {
  readonly direction: "out" | "in";
  readonly format: "text" | "csv" | "binary";
  readonly header: boolean;
  readonly delimiter: string;
  readonly quote: string;
  readonly escape: string;
  readonly nullText: string;
  /** Options whose effect on the bytes is not modelled (ENCODING, FORCE_QUOTE …): under a mask the copy is refused. */
  readonly unmodelled: readonly string[];
}

/** What the statement does to the session's own state, so that later statements are read as the server reads them. */
export interface SessionEffects {
  /** May change search_path, role or another setting that changes what names mean. */
  readonly settings: boolean;
  /** Changes how text itself is read (client_encoding, standard_conforming_strings): never let through. */
  readonly changesReading: boolean;
  /** Code, or a foreign key, goes on to relations that it does not name, and errors and notices may quote their rows. */
  readonly quotesOthers: boolean;
  /** May change the catalog. */
  readonly catalog: boolean;
  /** SQL-level PREPARE name AS …; the inner statement is `inner`. */
  readonly prepares: string | null;
  readonly executes: string | null;
  /** DEALLOCATE name, or "*" for all. */
  readonly deallocates: string | null;
  readonly declares: string | null;
  readonly fetches: string | null;
  /** CLOSE name, or "*". */
  readonly closes: string | null;
}

export interface AnalysedStatement {
  /** Byte offsets (UTF-8) of this statement in the message's text. */
  readonly start: number;
  readonly end: number;
  /** The statement first, then every statement inside it. */
  readonly units: readonly UnitFacts[];
  readonly returns: "rows" | "none" | "copy-out" | "copy-in";
  /** Output columns of `rows` and `copy-out`; null when they could not be determined at all. */
  readonly outputs: readonly OutputColumn[] | null;
  /** Columns that filter, join, sort or group, or are otherwise observed without being output. */
  readonly influences: readonly ColumnId[];
  /** Columns whose value this statement would store somewhere (INSERT … SELECT, CTAS, SET x = (…), settings, notify). */
  readonly stores: readonly ColumnId[];
  readonly relations: readonly RelationUse[];
  /** Base relations reached, views and inheritance families expanded, by oid. */
  readonly reached: readonly number[];
  /** Why the statement cannot be traced fully; empty when it can. Under an active mask on anything it may reach, it is refused. */
  readonly opaque: readonly string[];
  /** True when `opaque` may reach any relation at all (dynamic SQL, unknown function), not only the ones in `reached`. */
  readonly reachesAnything: boolean;
  /** The unknown functions among `opaque`. What flows through one is not in `sources` and `influences`: it is as good as its function. */
  readonly calls: readonly UnknownCall[];
  readonly effects: SessionEffects;
  readonly copy: CopyShape | null;
  readonly literals: readonly Literal[];
  /** For PREPARE … AS, DECLARE … FOR and EXPLAIN: the statement inside, as executed later. */
  readonly inner: AnalysedStatement | null;
  /** For PREPARE: the text of the statement inside, to be analysed again when it runs. */
  readonly innerText: Uint8Array | null;
}

/** The analysis of one message's text under one catalog snapshot and search path. Immutable; shared between sessions. */
export interface Analysis {
  readonly statements: readonly AnalysedStatement[];
  /** Approximate retained size, for the cache's byte cap. */
  readonly bytes: number;
  /**
   * Byte offsets of the literals that a text of the same shape may differ in, when that changes nothing but the literals
   * themselves; null when it might.
   */
  readonly slots: readonly number[] | null;
  /** The analysis that this one shares everything with but the places of its literals; itself, when it is that one. */
  readonly core: object;
}

export type AnalysisError =
  /** The server would refuse it too: message and character position (1-based) of the parser. */
  | { readonly kind: "syntax"; readonly message: string; readonly position: number }
  | { readonly kind: "too-large"; readonly bytes: number; readonly bytesMax: number }
  | { readonly kind: "too-deep"; readonly message: string }
  | { readonly kind: "not-utf8" }
  | { readonly kind: "timeout"; readonly ms: number }
  | { readonly kind: "parser-failed"; readonly message: string };
