import type { AnalysedStatement } from "../facts/index.ts";
import { changesOf, endsTransaction, type OpenChanges } from "./drift.ts";

/** Asks the session's own connection where names are looked up. */
export const PATH_PROBE = "select pg_catalog.current_schemas(true)::pg_catalog.text";

/** What the names of a session mean: its search path, and what its open transaction changed that may be taken back. */
export class SessionNames {
  /** Schemas in the order the server looks; null when that can't be asked for. */
  path: readonly string[] | null = null;
  /** The search path must be asked for before the next statement is read. */
  unknown = true;
  #settings = false;
  #catalog = false;

  /** What the open transaction changed. */
  get open(): OpenChanges {
    return { settings: this.#settings, catalog: this.#catalog };
  }

  learned(text: string): void {
    this.path = parsePath(text);
    this.unknown = false;
  }

  /** No transaction is open and nothing is under way. Answers whether the catalog must be read again. */
  idle(): boolean {
    const changed = this.#catalog;
    this.#settings = this.#catalog = false;
    return changed;
  }

  /** Notes what a statement that is let through may change. Answers whether it may change the catalog that others see. */
  note(statement: AnalysedStatement, behind: AnalysedStatement | null): boolean {
    const { settings, catalog } = changesOf(statement, behind);
    if (settings) this.unknown = this.#settings = true;
    if (catalog) this.unknown = this.#catalog = true;
    const changed = this.#catalog;
    if (endsTransaction(statement)) {
      // Its end takes settings back, and makes visible to others what DDL made.
      if (this.#settings || this.#catalog) this.unknown = true;
      if (statement.units[0]!.kind !== "rollback_to") this.#settings = this.#catalog = false;
      return changed;
    }
    return catalog;
  }
}

/** `{pg_catalog,public}`, the text of an array of names. */
function parsePath(text: string): readonly string[] {
  const found: string[] = [];
  const pattern = /"((?:[^"\\]|\\.)*)"|([^,{}]+)/g;
  for (const match of text.matchAll(pattern)) found.push(match[2] ?? match[1]!.replaceAll(/\\(.)/g, "$1"));
  return found;
}
