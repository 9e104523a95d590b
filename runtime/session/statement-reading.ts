import type { Manifest } from "../../spec/contract/bundle/index.ts";
import type { Analyser, AnalysedStatement, Analysis, AnalysisResult, ReadingContext } from "../facts/index.ts";
import type { Refusal, SqlAction } from "../protocols/index.ts";
import { STEADY, driftsOf, type Behind, type Drift } from "./drift.ts";
import { cantNow } from "./refusals.ts";
import { PATH_PROBE, SessionNames } from "./session-names.ts";
import type { TargetCatalog } from "./target-catalog.ts";

export interface ReadingParts {
  readonly analyser: Analyser;
  readonly catalog: TargetCatalog;
}

/** Rows that the planner expects of each statement of a message: null where it can't tell, undefined where there are none. */
export type Estimated = readonly (number | null | undefined)[];
export const NOT_ASKED: Estimated = [];

const NOTHING_BEHIND: Behind = [];

/** How the texts of one session are read: under which catalog and search path, and what the names in them stand for. */
export class StatementReading {
  readonly #parts: ReadingParts;
  readonly #names = new SessionNames();
  #context: ReadingContext | null = null;

  constructor(parts: ReadingParts) {
    this.#parts = parts;
  }

  /** The catalog or the search path must be read before the next text is. */
  get stale(): boolean {
    return this.#parts.catalog.stale || this.#names.unknown;
  }

  /** Schemas in the order the server looks; null when that can't be told. */
  get path(): readonly string[] | null {
    return this.#names.path;
  }

  /** What the last text was read under. */
  get latest(): ReadingContext | null {
    return this.#context;
  }

  /** No transaction is open: what the last one made is seen by others now. */
  idle(): void {
    if (this.#names.idle()) this.#parts.catalog.touch();
  }

  /** What a text is read under now. */
  context(): ReadingContext {
    const handle = this.#parts.catalog.current!;
    const context = this.#context;
    if (context !== null && context.catalog === handle && context.searchPath === this.#names.path) return context;
    this.#context = this.#parts.analyser.context(handle, this.#names.path);
    // Sessions with the same path share a context, and with it one array, by which it is known again.
    this.#names.path = this.#context.searchPath;
    return this.#context;
  }

  /** Reads what is stale; why that can't be done, or null. */
  async freshen(action: SqlAction): Promise<Refusal | null> {
    const { catalog } = this.#parts;
    if (catalog.stale) {
      const fault = await catalog.refresh();
      if (fault !== null && catalog.current === null)
        return cantNow(`the target's catalog can't be read: ${fault}`, "An operator must look at the gateway's log.");
      if (fault !== null)
        return cantNow(`the target's catalog changed and can't be read again: ${fault}`, "Try again.");
    }
    if (!this.#names.unknown) return null;
    if (action.probe === null) {
      // In a failed transaction only its end can run, and it names no relation.
      this.#names.path = null;
      return null;
    }
    const rows = await action.probe(PATH_PROBE);
    const path = rows?.[0]?.[0];
    if (path === undefined || path === null)
      return cantNow("the session's search path can't be read", "Connect again.");
    this.#names.learned(path);
    return null;
  }

  /** What the planner expects of each statement, where the policy asks for that and it is about to run. */
  estimated(analysis: Analysis, action: SqlAction, { facts }: Manifest): Estimated | Promise<Estimated> {
    const { estimates } = this.#parts.catalog;
    const { path } = this.#names;
    if (estimates === null || action.phase === "parse" || !facts.includes("statement.estimated_rows")) return NOT_ASKED;
    const text = Buffer.from(action.text);
    const { length } = action.parameters;
    return Promise.all(
      analysis.statements.map((one) => estimates.of(one, text.subarray(one.start, one.end), path, length)),
    );
  }

  /** What EXECUTE and FETCH run, as of now; null where a statement is neither, or where that is not known. */
  behind(analysis: Analysis, action: SqlAction): Behind | Promise<Behind> {
    const { statements } = analysis;
    if (statements.every(({ effects }) => effects.executes === null && effects.fetches === null)) return NOTHING_BEHIND;
    const found = statements.map((statement, i) => this.#named(statement, statements.slice(0, i), action));
    return found.some((one) => one instanceof Promise)
      ? Promise.all(found.map((one) => Promise.resolve(one)))
      : (found as Behind);
  }

  #named(
    statement: AnalysedStatement,
    before: readonly AnalysedStatement[],
    action: SqlAction,
  ): AnalysedStatement | null | Promise<AnalysedStatement | null> {
    const { executes, fetches } = statement.effects;
    if (executes === null && fetches === null) return null;
    // The same message may name it first; what changes the meaning of names in between makes it unknown.
    const own = before.findLast(({ effects }) =>
      executes !== null ? effects.prepares === executes : effects.declares === fetches,
    );
    if (own !== undefined) {
      const settled = before.every(
        ({ effects }) => !effects.settings && !effects.catalog && effects.deallocates === null,
      );
      return settled ? own.inner : null;
    }
    const behind = executes !== null ? action.resolve("statement", executes) : action.resolve("portal", fetches!);
    if (behind === null || !Buffer.isBuffer(behind)) return behind;
    const single = (result: AnalysisResult): AnalysedStatement | null =>
      result.ok && result.analysis.statements.length === 1 ? result.analysis.statements[0]! : null;
    const result = this.#parts.analyser.analyse(behind, this.context());
    return result instanceof Promise ? result.then(single) : single(result);
  }

  /** The drift of each statement; null when none has any. */
  drifts(analysis: Analysis, action: SqlAction, behind: Behind): readonly Drift[] | null {
    const { settings, catalog } = this.#names.open;
    const open = { settings, catalog: catalog && action.inTransaction };
    if (analysis.statements.length === 1 && !open.catalog) return null;
    const drifts = driftsOf(analysis.statements, behind, open);
    return drifts.every((drift) => drift === STEADY) ? null : drifts;
  }

  /** Notes what statements that are let through may do to the meaning of later ones. Answers whether that is so of the catalog. */
  note(analysis: Analysis, behind: Behind): boolean {
    let catalog = false;
    for (const [i, statement] of analysis.statements.entries())
      if (this.#names.note(statement, behind[i] ?? null)) catalog = true;
    if (catalog) this.#parts.catalog.touch();
    return catalog;
  }
}
