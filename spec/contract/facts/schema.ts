/**
 * The language of fact schemas. A schema is one table of facts: the type checker's environment, the editor's
 * completion, the reference pages and the runtime's fact slots are all derived from it.
 */

/** Type of a fact as a policy sees it. `enum` values are written bare in a policy: `statement.kind == drop_table`. */
export type FactType =
  | { readonly kind: "bool" }
  | { readonly kind: "int" }
  | { readonly kind: "string" }
  | { readonly kind: "duration" }
  | { readonly kind: "time" }
  | { readonly kind: "address" }
  | { readonly kind: "enum"; readonly name: string; readonly values: readonly string[] }
  | { readonly kind: "set"; readonly of: FactType }
  | { readonly kind: "list"; readonly of: FactType }
  /** String keys; indexing with a key that is not there gives `absent`. */
  | { readonly kind: "map"; readonly of: FactType }
  /** Stands in lists only: `any c in command.commands : c.program == "rm"`. Every field is always there. */
  | { readonly kind: "record"; readonly name: string; readonly fields: readonly RecordField[] };

export interface RecordField {
  readonly name: string;
  readonly type: FactType;
  readonly doc: string;
}

/**
 * How long a fact keeps its value.
 * `session`: set when the session starts, changes only with an explicit re-fold;
 * `statement`: a function of the statement's text and the catalog, so decisions over it may be cached with the text;
 * `execution`: may differ at each execution (parameters, time, transaction state), so nothing is cached over it.
 */
export type FactLifetime = "session" | "statement" | "execution";

export interface Fact {
  /** Dotted path, as a policy writes it: `statement.kind`. */
  readonly path: string;
  readonly type: FactType;
  /** An optional fact may be absent and must be tested with `exists` before it is read. Maps are never optional. */
  readonly optional: boolean;
  readonly lifetime: FactLifetime;
  readonly doc: string;
}

export const BOOL: FactType = { kind: "bool" };
export const INT: FactType = { kind: "int" };
export const STRING: FactType = { kind: "string" };
export const TIME: FactType = { kind: "time" };
export const ADDRESS: FactType = { kind: "address" };
export const DURATION: FactType = { kind: "duration" };
export const enumOf = (name: string, values: readonly string[]): FactType => ({ kind: "enum", name, values });
export const recordOf = (name: string, fields: readonly RecordField[]): FactType => ({ kind: "record", name, fields });
export const setOf = (of: FactType): FactType => ({ kind: "set", of });
export const listOf = (of: FactType): FactType => ({ kind: "list", of });
export const mapOf = (of: FactType): FactType => ({ kind: "map", of });

export function fact(
  path: string,
  type: FactType,
  lifetime: FactLifetime,
  doc: string,
  optional: "optional" | "always" = "always",
): Fact {
  return { path, type, lifetime, doc, optional: optional === "optional" };
}
