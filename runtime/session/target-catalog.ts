import type { LoadedBundle } from "../bundle/index.ts";
import type { BundleRule } from "../../spec/contract/bundle/index.ts";
import type { AskTarget, Rows } from "./ask-target.ts";
import type { RowEstimates } from "./row-estimates.ts";
import { MaskedCatalog } from "../enforce/mask/index.ts";
import {
  CATALOG_QUERIES,
  CATALOG_STATE_QUERY,
  buildCatalog,
  type Analyser,
  type CatalogHandle,
} from "../facts/index.ts";

const DEFINITION_LOCK_MS = 50;

/**
 * The catalog of one target's database, shared by its sessions. It is read again when its state, which is cheap to ask for,
 * has changed; while that is in doubt nothing is analysed.
 */
export class TargetCatalog {
  readonly #ask: AskTarget;
  readonly #analyser: Analyser;
  #current: CatalogHandle | null = null;
  #state = "";
  #stale = true;
  #touched = 0;
  #refreshing: Promise<string | null> | null = null;
  readonly #masked = new Map<string, MaskedCatalog>();
  readonly #retired: CatalogHandle[] = [];

  /** Asks the planner; null where the target is not set to be asked. */
  readonly estimates: RowEstimates | null;

  constructor(ask: AskTarget, analyser: Analyser, estimates: RowEstimates | null) {
    this.#ask = ask;
    this.#analyser = analyser;
    this.estimates = estimates;
  }

  get current(): CatalogHandle | null {
    return this.#current;
  }

  /** It may have changed since it was read. */
  get stale(): boolean {
    return this.#stale;
  }

  /** A session ran something that may change it. */
  touch(): void {
    this.#stale = true;
    this.#touched++;
  }

  /** Reads it again if it changed. Resolves to null, or to why it can't be read. */
  refresh(): Promise<string | null> {
    this.#refreshing ??= this.#refresh().finally(() => {
      this.#refreshing = null;
    });
    return this.#refreshing;
  }

  async #refresh(): Promise<string | null> {
    const touched = this.#touched;
    try {
      const state = (await this.#ask(CATALOG_STATE_QUERY))[0]?.[0] ?? "";
      if (state !== this.#state || this.#current === null) {
        const definitions = await this.#definitions();
        const catalog = buildCatalog(state, {
          relations: await this.#ask(CATALOG_QUERIES.relations),
          columns: await this.#ask(CATALOG_QUERIES.columns),
          views: await this.#ask(CATALOG_QUERIES.views),
          ...(definitions === null ? {} : { definitions }),
          inheritance: await this.#ask(CATALOG_QUERIES.inheritance),
          functions: await this.#ask(CATALOG_QUERIES.functions),
          operators: await this.#ask(CATALOG_QUERIES.operators),
          casts: await this.#ask(CATALOG_QUERIES.casts),
          code: await this.#ask(CATALOG_QUERIES.code),
          cascades: await this.#ask(CATALOG_QUERIES.cascades),
        });
        if (this.#current !== null) this.#retired.push(this.#current);
        // Sessions that are in the middle of a statement may still read under the one before.
        while (this.#retired.length > 2) this.#analyser.dropCatalog(this.#retired.shift()!);
        this.#current = this.#analyser.addCatalog(catalog);
        // What could not be read now is asked for again as soon as anybody asks whether anything changed.
        this.#state = definitions === null ? "" : state;
        this.#masked.clear();
      }
      // Something that ran meanwhile makes it stale again.
      if (this.#touched === touched) this.#stale = false;
      return null;
    } catch (fault) {
      return fault instanceof Error ? fault.message : String(fault);
    }
  }

  /**
   * Definitions of views. The server makes their text under locks on what they read: whoever holds one longer may be waiting
   * for this very answer, so it is not waited for, and views can't be traced meanwhile.
   */
  async #definitions(): Promise<Rows | null> {
    try {
      return await this.#ask(
        "begin",
        `set local lock_timeout = ${DEFINITION_LOCK_MS}`,
        CATALOG_QUERIES.definitions,
        "commit",
      );
    } catch {
      return null;
    }
  }

  /** Mask rules applied to the current snapshot; `key` names the set of rules within the bundle. */
  masked(bundle: LoadedBundle, key: string, rules: readonly BundleRule[]): MaskedCatalog {
    const full = `${bundle.digest} ${key}`;
    const known = this.#masked.get(full);
    if (known !== undefined) return known;
    const made = new MaskedCatalog(this.#current!.catalog, rules);
    this.#masked.set(full, made);
    return made;
  }
}
