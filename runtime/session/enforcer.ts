import { createHmac } from "node:crypto";
import type { ActiveBundle, LoadedBundle } from "../bundle/index.ts";
import { SessionPolicy, reasonsOf, sqlFactReader, type FactReader } from "../decide/index.ts";
import { actionDigest, type Approvals } from "../enforce/approve/index.ts";
import { scannerOf, type Scanner } from "../enforce/detect/index.ts";
import type { Alerts } from "../enforce/alert/index.ts";
import type { RateLimit, Rates } from "../enforce/limit/index.ts";
import type { MaskedCatalog } from "../enforce/mask/index.ts";
import {
  planDetection,
  planMasks,
  recordParameters,
  recordRows,
  recordText,
  rewrite,
  sampleHoles,
  unreadableText,
  type MaskPlan,
  type SampleHoles,
} from "../enforce/mask/index.ts";
import type {
  Analyser,
  AnalysedStatement,
  Analysis,
  AnalysisError,
  AnalysisResult,
  ReadingContext,
} from "../facts/index.ts";
import type { Clock } from "../outside/index.ts";
import type {
  ActionHost,
  Outcome,
  Refusal,
  Ruling,
  SqlAction,
  StatementPlan,
  TextMemo,
  Ticket,
} from "../protocols/index.ts";
import {
  RecorderFailed,
  decisionFragments,
  type DecisionFragments,
  type Recorder,
  type SessionLog,
} from "../record/index.ts";
import { countActions, raiseAlerts, rateLimitsOf, type SideEffectParts } from "./side-effects.ts";
import { STEADY, driftRefusal, drifted, driftsOf, withUnsureFacts, type Behind, type Drift } from "./drift.ts";
import { Holds, noticesOf, type GaveUp, type Unheld } from "./hold.ts";
import { PATH_PROBE, SessionNames } from "./session-names.ts";
import type { TargetCatalog } from "./target-catalog.ts";

/** Rows that the planner expects of each statement of a message: null where it can't tell, undefined where there are none. */
type Estimated = readonly (number | null | undefined)[];
const NOT_ASKED: Estimated = [];

/** Everything that is fixed for a session. */
export interface EnforcerParts {
  readonly bundles: ActiveBundle;
  readonly analyser: Analyser;
  readonly catalog: TargetCatalog;
  readonly approvals: Approvals;
  readonly rates: Rates;
  readonly alerts: Alerts;
  readonly recorder: Recorder;
  readonly log: SessionLog;
  readonly clock: Clock;
  /** Outcomes are recorded with the first rows of results. */
  readonly recordsSamples: boolean;
  /** Facts of the connection, by path. */
  readonly facts: FactReader;
  readonly identity: { readonly name: string; readonly issuer: string | null; readonly expiresAt: number | null };
  readonly target: { readonly name: string; readonly database: string; readonly account: string };
  /** How the session shows at the target, and what the client calls itself. */
  readonly application: { readonly stamp: string; readonly own: string };
  /** Key of the commitments to statements whose text is not kept whole. */
  readonly commitKey: Uint8Array;
  readonly approvalSettings: {
    readonly inTransaction: "refuse" | "hold";
    readonly noticeEveryMs: number;
    readonly howToGrant: (id: string) => string;
  };
  /** Tells the waiting client something. */
  readonly notify: (text: string, hint?: string) => void;
  readonly onRecordFailure: () => void;
}

/** What a text comes to under one bundle and catalog: kept with its analysis while both last. */
interface Kept {
  readonly bundle: LoadedBundle;
  readonly masked: MaskedState;
  readonly verdict: "allow" | "approve" | "deny";
  readonly plans: readonly StatementPlan[];
  readonly refusal: Refusal | null;
  readonly fragments: DecisionFragments;
  /** What of its first rows the record may not keep. */
  readonly holes: SampleHoles;
  /** All approve rules that matched: every one must be satisfied. */
  readonly approveRules: readonly number[];
  /** The mask rules that matched. */
  readonly maskRules: readonly number[];
  /** What the statements' names may have come to mean by the time they run; null when they mean what was read. */
  readonly drifts: readonly Drift[] | null;
  /** What they run by name. */
  readonly behind: Behind;
  /** The statements use a name whose meaning may change from one execution to the next. */
  readonly named: boolean;
  /** They may reach what is masked for anybody, so that the record takes no bound values. */
  readonly reaches: boolean;
  /** Names to be replaced in the text; their places are those of the text that was decided first. */
  readonly substitutes: boolean;
  readonly rates: readonly RateLimit[];
  /** `alert` rules that matched. */
  readonly alerts: readonly number[];
  readonly kinds: readonly string[];
  /** Masked columns that the statements observe by leave of their rules. */
  readonly observed: readonly string[];
  /** The text with names replaced was read again and gives what was planned. */
  rewriteProved: boolean;
}

/** Masks of one catalog snapshot: of this user, and of anybody (for the record). */
interface MaskedState {
  readonly forAnybody: MaskedCatalog | null;
  readonly cache: Map<string, MaskedCatalog | null>;
  readonly catalogId: number;
}

interface SqlTicket extends Ticket {
  readonly startedAt: number;
  readonly holes: SampleHoles;
  /** What the policy looks for: the record keeps none of it. */
  readonly scanner: Scanner | null;
  /** It may have changed the catalog by the time it is done. */
  readonly catalog: boolean;
}

/** An analysis larger than this is not kept with a prepared statement, only in the shared cache. */
const MEMO_BYTES_MAX = 64 * 1024;

const NOTHING_BEHIND: Behind = [];

type RecordedText = ReturnType<typeof recordText>;

/**
 * Decides, records and holds the statements of one session. It knows no protocol: bytes come as text, answers go out as
 * rulings.
 */
export class Enforcer implements ActionHost {
  readonly wantsSamples: boolean;
  readonly #parts: EnforcerParts;
  #policy: SessionPolicy | null = null;
  #masked: MaskedState | null = null;
  #context: ReadingContext | null = null;
  readonly #names = new SessionNames();
  readonly #kept = new WeakMap<object, Kept>();
  #decision = 0;
  readonly #holds: Holds;
  /** While an action is held: ends its wait. */
  #giveUp: ((why: GaveUp) => void) | null = null;
  /** The text that was recorded last, as it was recorded. */
  #recorded: {
    readonly action: SqlAction;
    readonly analysis: Analysis;
    readonly kept: Kept;
    readonly text: RecordedText;
  } | null = null;

  constructor(parts: EnforcerParts) {
    this.#parts = parts;
    const { approvals, log, clock, identity, target } = parts;
    this.#holds = new Holds({ approvals, log, clock, identity, target: target.name });
    this.wantsSamples = parts.recordsSamples;
  }

  // ---- ActionHost --------------------------------------------------------------------------------------------------

  judge(action: SqlAction): Ruling | Promise<Ruling> {
    const { clock, bundles, recorder, identity } = this.#parts;
    if (recorder.failed !== null) return this.#recordFailed();
    const bundle = bundles.current;
    if (bundle === null)
      return unavailable(
        "no policy bundle is loaded, so everything is refused",
        "An operator must put a bundle in place; see the gateway's log.",
      );
    if (identity.expiresAt !== null && clock.now() >= identity.expiresAt)
      return unavailable("your token has expired", "Connect again with a new one.");
    if (this.#policy?.bundle !== bundle) {
      this.#policy = new SessionPolicy(bundle, "postgres", this.#parts.facts);
      this.#masked = null;
    }
    const catalog = this.#parts.catalog;
    if (action.probe !== null && !action.inTransaction && this.#names.idle()) catalog.touch();
    if (catalog.stale || this.#names.unknown) return this.#judgeLater(action);
    const context = this.#currentContext();
    const { memo } = action;
    if (memo !== null && memo.context === context) return this.#analysed(action, memo.analysis!);
    const result = this.#parts.analyser.analyse(action.text, context);
    if (result instanceof Promise) return result.then((found) => this.#judged(action, found, context));
    return this.#judged(action, result, context);
  }

  finished(ticket: Ticket, outcome: Outcome): void {
    const { recorder, log, clock } = this.#parts;
    if (recorder.failed !== null) return;
    const { startedAt, decisionId, catalog, holes, scanner } = ticket as SqlTicket;
    // Whatever was read of the catalog while it ran is out of date.
    if (catalog) this.#parts.catalog.touch();
    try {
      log.outcome({
        decisionId,
        status: outcome.status,
        tag: outcome.tag,
        rows: outcome.rows,
        bytes: outcome.bytes,
        us: Math.round((clock.monotonic() - startedAt) * 1000),
        masked: outcome.maskedColumns,
        sqlstate: outcome.sqlstate,
        sample: outcome.sample === null ? null : recordRows(outcome.sample, holes, scanner),
      });
    } catch (fault) {
      if (!(fault instanceof RecorderFailed)) throw fault;
      this.#parts.onRecordFailure();
    }
  }

  withdraw(why: GaveUp): void {
    this.#giveUp?.(why);
  }

  setting(name: string, value: string): string | null {
    if (name === "standard_conforming_strings" && value !== "on")
      return "standard_conforming_strings was switched off, so statements can't be read as the server reads them";
    if (name === "client_encoding" && value !== "UTF8")
      return `the client encoding was changed to ${value}; statements are read as UTF-8`;
    return null;
  }

  shownSetting(name: string, value: string): string {
    const { stamp, own } = this.#parts.application;
    return name === "application_name" && value === stamp ? own : value;
  }

  /** The gateway stops: what waits stays pending. */
  release(): void {
    this.#holds.release();
  }

  // ---- reading -----------------------------------------------------------------------------------------------------

  #currentContext(): ReadingContext {
    const handle = this.#parts.catalog.current!;
    const context = this.#context;
    if (context !== null && context.catalog === handle && context.searchPath === this.#names.path) return context;
    this.#context = this.#parts.analyser.context(handle, this.#names.path);
    // Sessions with the same path share a context, and with it one array, by which it is known again.
    this.#names.path = this.#context.searchPath;
    this.#masked = null;
    return this.#context;
  }

  /** The catalog or the search path must be read first. */
  async #judgeLater(action: SqlAction): Promise<Ruling> {
    const { catalog, analyser } = this.#parts;
    if (catalog.stale) {
      const fault = await catalog.refresh();
      if (fault !== null && catalog.current === null)
        return unavailable(
          `the target's catalog can't be read: ${fault}`,
          "An operator must look at the gateway's log.",
        );
      if (fault !== null)
        return unavailable(`the target's catalog changed and can't be read again: ${fault}`, "Try again.");
    }
    if (this.#names.unknown) {
      if (action.probe !== null) {
        const rows = await action.probe(PATH_PROBE);
        const path = rows?.[0]?.[0];
        if (path === undefined || path === null)
          return unavailable("the session's search path can't be read", "Connect again.");
        this.#names.learned(path);
        // In a failed transaction only its end can run, and it names no relation.
      } else this.#names.path = null;
    }
    const context = this.#currentContext();
    const result = await analyser.analyse(Buffer.from(action.text), context);
    return this.#judged(action, result, context);
  }

  #judged(action: SqlAction, result: AnalysisResult, context: ReadingContext): Ruling | Promise<Ruling> {
    if (!result.ok) return this.#unreadable(action, result.error);
    if (action.memo !== null) remember(action.memo, result.analysis, context);
    return this.#analysed(action, result.analysis);
  }

  #analysed(action: SqlAction, analysis: Analysis): Ruling | Promise<Ruling> {
    const behind = this.#behind(analysis, action);
    const estimated = this.#estimated(analysis, action);
    if (behind instanceof Promise || estimated instanceof Promise)
      return Promise.all([behind, estimated]).then(([found, rows]) =>
        this.#rule(action, analysis, this.#keptFor(analysis, action, found, rows)),
      );
    return this.#rule(action, analysis, this.#keptFor(analysis, action, behind, estimated));
  }

  /** What the planner expects of each statement, where the policy asks for that and it is about to run. */
  #estimated(analysis: Analysis, action: SqlAction): Estimated | Promise<Estimated> {
    const { estimates } = this.#parts.catalog;
    const { path } = this.#names;
    if (
      estimates === null ||
      action.phase === "parse" ||
      this.#policy?.bundle.manifest.facts.includes("statement.estimated_rows") !== true
    )
      return NOT_ASKED;
    const text = Buffer.from(action.text);
    return Promise.all(analysis.statements.map((one) => estimates.of(one, text.subarray(one.start, one.end), path)));
  }

  /** What EXECUTE and FETCH run, as of now; null where a statement is neither, or where that is not known. */
  #behind(analysis: Analysis, action: SqlAction): Behind | Promise<Behind> {
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
    const result = this.#parts.analyser.analyse(behind, this.#currentContext());
    return result instanceof Promise ? result.then(single) : single(result);
  }

  // ---- deciding ----------------------------------------------------------------------------------------------------

  #maskedState(bundle: LoadedBundle): MaskedState {
    const handle = this.#parts.catalog.current!;
    const known = this.#masked;
    if (known !== null && known.catalogId === handle.id) return known;
    const rules = bundle.manifest.rules.filter((rule) => rule.effect === "mask");
    const state = {
      forAnybody: rules.length === 0 ? null : this.#parts.catalog.masked(bundle, "*", rules),
      cache: new Map<string, MaskedCatalog | null>(),
      catalogId: handle.id,
    };
    this.#masked = state;
    return state;
  }

  #maskedFor(bundle: LoadedBundle, state: MaskedState, rules: readonly number[]): MaskedCatalog | null {
    if (rules.length === 0) return null;
    const key = rules.join();
    const known = state.cache.get(key);
    if (known !== undefined) return known;
    const made = this.#parts.catalog.masked(
      bundle,
      key,
      rules.map((index) => bundle.manifest.rules[index]!),
    );
    state.cache.set(key, made);
    return made;
  }

  #keptFor(analysis: Analysis, action: SqlAction, behind: Behind, estimated: Estimated): Kept {
    const policy = this.#policy!;
    const bundle = policy.bundle as LoadedBundle;
    const masked = this.#maskedState(bundle);
    const drifts = this.#driftsOf(analysis, action, behind);
    const known = this.#kept.get(analysis.core);
    if (
      known !== undefined &&
      known.bundle === bundle &&
      known.masked === masked &&
      known.drifts === null &&
      drifts === null &&
      !known.named &&
      policy.cacheable
    )
      return known;
    const made = this.#decide(analysis, action, policy, bundle, masked, behind, drifts, estimated);
    this.#kept.set(analysis.core, made);
    return made;
  }

  /** The drift of each statement; null when none has any. */
  #driftsOf(analysis: Analysis, action: SqlAction, behind: Behind): readonly Drift[] | null {
    const { settings, catalog } = this.#names.open;
    const open = { settings, catalog: catalog && action.inTransaction };
    if (analysis.statements.length === 1 && !open.catalog) return null;
    const drifts = driftsOf(analysis.statements, behind, open);
    return drifts.every((drift) => drift === STEADY) ? null : drifts;
  }

  #decide(
    analysis: Analysis,
    action: SqlAction,
    policy: SessionPolicy,
    bundle: LoadedBundle,
    masked: MaskedState,
    behind: Behind,
    drifts: readonly Drift[] | null,
    estimated: Estimated,
  ): Kept {
    const { catalog } = this.#parts.catalog.current!;
    const driftAt = (i: number): Drift => drifts?.[i] ?? STEADY;
    /** Facts as far as they are sure when the statement runs. */
    const sure = (one: AnalysedStatement | null | undefined, i: number): AnalysedStatement | null =>
      one == null ? null : withUnsureFacts(one, driftAt(i), catalog);
    const statements = analysis.statements.map((one, i) => sure(one, i)!);
    const runs = analysis.statements.map((_, i) => sure(behind[i], i));
    const planned = (
      i: number,
      by: MaskedCatalog | null,
    ): { readonly mask: MaskPlan; readonly name: string | null } => {
      const own = drifted(statements[i]!, driftAt(i), catalog, by);
      const run = runs[i] == null ? null : drifted(runs[i], driftAt(i), catalog, by);
      return { mask: planNamed(own.statement, run?.statement ?? null, by), name: own.name ?? run?.name ?? null };
    };
    const execution = {
      nowMs: this.#parts.clock.now(),
      startedMs: Number(this.#parts.facts("session.started")),
      inTransaction: action.inTransaction,
      prepared: action.phase !== "simple",
      statementCount: analysis.statements.length,
      parameters:
        action.phase === "execute"
          ? action.parameters.map((value, i) => parameterText(value, action.parameterFormats, i))
          : null,
    };
    const units = statements.flatMap((statement, i) => [...statement.units, ...(runs[i]?.units ?? [])]);
    const executions = statements.flatMap((statement, i) => {
      if (estimated === NOT_ASKED) return [];
      // What a name stands for is not planned where it is named.
      const rows = estimated[i];
      const own = statement.units.map(() => (rows === undefined ? execution : { ...execution, estimatedRows: rows }));
      return [...own, ...(runs[i]?.units ?? []).map(() => ({ ...execution, estimatedRows: null }))];
    });
    const decision = policy.decideAll(units.map((unit, i) => sqlFactReader(unit, executions[i] ?? execution)));
    const { rules } = bundle.manifest;
    const nameOf = (index: number): string => rules[index]!.name;
    const mine = this.#maskedFor(bundle, masked, decision.masks);
    const detect = planDetection(
      decision.masks.map((index) => rules[index]!),
      scannerOf(bundle.manifest),
    );
    let refusal: Refusal | null = null;
    /** Rules by which a statement is refused that the verdict would let pass. */
    let refusedBy: readonly string[] = [];
    const plans = statements.map((statement, i): StatementPlan => {
      const { mask, name } = planned(i, mine);
      if (mask.kind === "refuse" && refusal === null) {
        refusedBy = mask.rule === null ? decision.masks.map(nameOf) : [mask.rule];
        const moved = name === null ? null : driftRefusal(name, driftAt(i));
        refusal = maskRefusal(moved?.reason ?? mask.reason, refusedBy.join(", "), moved?.hint);
      }
      if (statement.effects.changesReading) {
        refusal ??= {
          kind: "policy",
          message: "sallyport: a setting that changes how statements are read can't be changed",
          hint: "Keep client_encoding at UTF8 and standard_conforming_strings on.",
        };
      }
      return {
        statement: runs[i] == null ? statement : { ...statement, outputs: runs[i].outputs },
        mask,
        detect,
        byteLimit: decision.byteLimit ?? -1,
        byteLimitRule: decision.byteLimitRule === null ? "" : nameOf(decision.byteLimitRule),
        rowLimit: decision.rowLimit ?? -1,
        rowLimitRule: decision.rowLimitRule === null ? "" : nameOf(decision.rowLimitRule),
        guarded: mine === null || mine.relations.size === 0 ? null : mine.relations,
      };
    });
    if (decision.verdict === "deny") {
      const reasons = reasonsOf(bundle.manifest, decision);
      const kinds = [...new Set(units.map((unit) => unit.kind))].join(", ");
      refusal = {
        kind: "policy",
        message: `sallyport: ${reasons.summary}${reasons.because === null ? "" : `: ${reasons.because}`}`,
        detail:
          reasons.rules.length === 0
            ? `No rule of ${bundle.manifest.package} allows ${kinds} for ${this.#parts.identity.name} on ${this.#parts.target.name}.`
            : undefined,
        hint: statements.some((one, i) => one !== analysis.statements[i])
          ? "What tables it means could not be told, as a statement before it may change that: send it in a message of its own, or name each table with its schema."
          : reasons.rules.length === 0
            ? "Ask your security team for a rule that allows it."
            : undefined,
      };
    }
    const anybodys = statements.map((_, i) => planned(i, masked.forAnybody));
    return {
      bundle,
      masked,
      verdict: decision.verdict,
      plans,
      refusal,
      holes: sampleHoles(
        plans.map((plan) => plan.mask),
        anybodys.map(({ mask }) => mask),
        analysis.statements.some((one) => one.returns === "copy-out"),
      ),
      fragments: decisionFragments(
        {
          verdict: refusal !== null && decision.verdict !== "deny" ? "deny" : decision.verdict,
          rules: decision.matched.map(nameOf),
          deciding: refusal !== null && decision.verdict !== "deny" ? refusedBy : decision.deciding.map(nameOf),
          masks: decision.masks.map(nameOf),
          bundle: bundle.digest,
        },
        [...new Set(units.flatMap((unit) => unit.kinds))],
      ),
      maskRules: decision.masks,
      approveRules: decision.matched.filter((index) => rules[index]!.effect === "approve"),
      rates: rateLimitsOf(bundle.manifest, decision),
      alerts: decision.alerts,
      kinds: [...new Set(units.flatMap((unit) => unit.kinds))],
      substitutes: plans.some(({ mask }) => mask.kind === "mask" && mask.substituted !== undefined),
      observed: [...new Set(plans.flatMap(({ mask }) => (mask.kind === "mask" ? (mask.observed ?? []) : [])))],
      rewriteProved: false,
      drifts,
      behind,
      named: analysis.statements.some(({ effects }) => effects.executes !== null || effects.fetches !== null),
      reaches:
        masked.forAnybody !== null &&
        analysis.statements.some(
          (one, i) =>
            anybodys[i]!.name !== null ||
            one.reachesAnything ||
            one.effects.executes !== null ||
            one.reached.some((oid) => masked.forAnybody!.relations.has(oid)),
        ),
    };
  }

  #rule(action: SqlAction, analysis: Analysis, kept: Kept): Ruling | Promise<Ruling> {
    const decisionId = ++this.#decision;
    if (kept.alerts.length > 0 && action.phase !== "parse" && !this.#alert(action, analysis, kept, decisionId))
      return this.#recordFailed();
    if (kept.refusal !== null) return this.#refuse(action, analysis, kept, decisionId, kept.refusal);
    if (action.phase !== "parse") {
      const used = countActions(this.#effects(), kept.rates, Math.max(1, analysis.statements.length));
      if (used !== null)
        return this.#refuse(action, analysis, kept, decisionId, { ...used, message: `sallyport: ${used.message}` });
    }
    // Nothing runs at Parse, so a person is asked only once there is something to run.
    if (kept.verdict === "approve" && action.phase !== "parse") return this.#hold(action, analysis, kept, decisionId);
    return this.#go(action, analysis, kept, decisionId);
  }

  #go(action: SqlAction, analysis: Analysis, kept: Kept, decisionId: number): Ruling | Promise<Ruling> {
    if (kept.substitutes) {
      const rewritten = this.#rewritten(action.text, analysis, kept);
      if (rewritten === null) return this.#refuse(action, analysis, kept, decisionId, NOT_REWRITTEN);
      if (kept.rewriteProved) return this.#let(action, analysis, kept, decisionId, rewritten);
      return this.#proveRewrite(action, analysis, kept, decisionId, rewritten);
    }
    return this.#let(action, analysis, kept, decisionId, undefined);
  }

  /** The text with masked relations replaced; null when something else stands at their places. */
  #rewritten(text: Buffer, analysis: Analysis, kept: Kept): Buffer | null {
    const masked = this.#maskedFor(kept.bundle, kept.masked, kept.maskRules);
    if (masked === null) return null;
    // Of a text of a known shape the places are its own, so they are worked out for each.
    const replacements = analysis.statements.map((statement) => planMasks(statement, masked));
    return rewrite(
      text,
      replacements.flatMap((plan) => (plan.kind === "mask" ? (plan.substituted?.replacements ?? []) : [])),
    );
  }

  /** Before a rewritten text is sent it is read as any other: it must be as many statements with the same outputs. */
  async #proveRewrite(
    action: SqlAction,
    analysis: Analysis,
    kept: Kept,
    decisionId: number,
    rewritten: Buffer,
  ): Promise<Ruling> {
    const result = await this.#parts.analyser.analyse(rewritten, this.#currentContext());
    const shapeOf = ({ statements }: Analysis): string =>
      JSON.stringify(statements.map((one) => [one.units[0]?.kind, one.outputs?.map((output) => output.name)]));
    if (!result.ok || shapeOf(result.analysis) !== shapeOf(analysis))
      return this.#refuse(action, analysis, kept, decisionId, NOT_REWRITTEN);
    kept.rewriteProved = true;
    return this.#let(action, analysis, kept, decisionId, rewritten);
  }

  #let(action: SqlAction, analysis: Analysis, kept: Kept, decisionId: number, rewritten: Buffer | undefined): Ruling {
    if (action.phase !== "parse" && (kept.observed.length > 0 || kept.substitutes)) {
      if (!this.#recordPredicates(kept, decisionId)) return this.#recordFailed();
    }
    const recordIndex = this.#record(action, analysis, kept, decisionId, null);
    if (recordIndex === null) return this.#recordFailed();
    const catalog = action.phase !== "parse" && this.#noteEffects(analysis, kept.behind);
    const ticket: SqlTicket = {
      decisionId,
      startedAt: this.#parts.clock.monotonic(),
      catalog,
      holes: kept.holes,
      scanner: scannerOf(kept.bundle.manifest),
    };
    return { go: true, plans: kept.plans, ticket, recordIndex, rewritten };
  }

  #refuse(action: SqlAction, analysis: Analysis, kept: Kept, decisionId: number, refusal: Refusal): Ruling {
    if (this.#record(action, analysis, kept, decisionId, refusal.message) === null) return this.#recordFailed();
    return { go: false, refusal: withDecision(refusal, this.#parts.log.sid, decisionId) };
  }

  #unreadable(action: SqlAction, error: AnalysisError): Ruling {
    const refusal = unreadableRefusal(error);
    const decisionId = ++this.#decision;
    const bundle = this.#policy!.bundle;
    try {
      this.#parts.log.statement({
        phase: action.phase,
        text: unreadableText(action.text),
        parameters: null,
        decision: decisionFragments({ verdict: "deny", rules: [], deciding: [], masks: [], bundle: bundle.digest }, []),
        decisionId,
        commit: this.#commit(action.text),
        refused: refusal.message,
      });
    } catch (fault) {
      if (!(fault instanceof RecorderFailed)) throw fault;
      return this.#recordFailed();
    }
    // The server would say the same, and no more.
    return error.kind === "syntax"
      ? { go: false, refusal }
      : { go: false, refusal: withDecision(refusal, this.#parts.log.sid, decisionId) };
  }

  /** Recorded before anybody is told; whether somebody hears of it, nothing waits for. */
  #alert(action: SqlAction, analysis: Analysis, kept: Kept, decisionId: number): boolean {
    const { manifest } = kept.bundle;
    const { text } = this.#recordText(action, analysis, kept);
    const verdict = kept.refusal === null ? kept.verdict : "deny";
    return raiseAlerts(this.#effects(), manifest, kept.alerts, { decisionId, verdict, kinds: kept.kinds, text });
  }

  #effects(): SideEffectParts {
    const { log, alerts, rates, identity, target, clock } = this.#parts;
    return { protocol: "postgres", log, alerts, rates, identity, target: target.name, clock };
  }

  /** That a statement's conditions go by masked columns is told in an entry of its own. */
  #recordPredicates(kept: Kept, decisionId: number): boolean {
    try {
      this.#parts.log.append({
        type: "mask.predicates",
        decision: decisionId,
        substituted: kept.substitutes,
        observed: kept.observed,
      });
      return true;
    } catch (fault) {
      if (!(fault instanceof RecorderFailed)) throw fault;
      return false;
    }
  }

  /** What the statements may do to the meaning of later ones. Answers whether that is so of the catalog. */
  #noteEffects(analysis: Analysis, behind: Behind): boolean {
    let catalog = false;
    for (const [i, statement] of analysis.statements.entries())
      if (this.#names.note(statement, behind[i] ?? null)) catalog = true;
    if (catalog) this.#parts.catalog.touch();
    return catalog;
  }

  // ---- recording ---------------------------------------------------------------------------------------------------

  /** The entry's number, or null when the record can't be written. */
  #record(
    action: SqlAction,
    analysis: Analysis,
    kept: Kept,
    decisionId: number,
    refused: string | null,
  ): number | null {
    const scanner = scannerOf(kept.bundle.manifest);
    const { text, hidden } = this.#recordText(action, analysis, kept);
    this.#recorded = null;
    try {
      return this.#parts.log.statement({
        phase: action.phase,
        text,
        parameters:
          action.parameters.length === 0
            ? null
            : recordParameters(action.parameters, action.parameterFormats, kept.reaches, scanner),
        decision: kept.fragments,
        decisionId,
        commit: hidden ? this.#commit(action.text) : null,
        refused,
      });
    } catch (fault) {
      if (!(fault instanceof RecorderFailed)) throw fault;
      return null;
    }
  }

  /** The statements' text as it may be kept: worked out once for an alert, the record and an approval. */
  #recordText(action: SqlAction, analysis: Analysis, kept: Kept): RecordedText {
    const known = this.#recorded;
    if (known !== null && known.action === action && known.analysis === analysis && known.kept === kept)
      return known.text;
    const { catalog } = this.#parts.catalog.current!;
    const { drifts, masked } = kept;
    const statements =
      drifts === null
        ? analysis.statements
        : analysis.statements.map((one, i) => drifted(one, drifts[i]!, catalog, masked.forAnybody).statement);
    const text = recordText(action.text, statements, masked.forAnybody, scannerOf(kept.bundle.manifest));
    this.#recorded = { action, analysis, kept, text };
    return text;
  }

  #commit(text: Buffer): string {
    return createHmac("sha256", this.#parts.commitKey).update(text).digest("hex");
  }

  #recordFailed(): Ruling {
    this.#parts.onRecordFailure();
    return unavailable(
      "the record can't be written, so nothing is let through",
      "An operator must look at the gateway's disk and log.",
    );
  }

  // ---- waiting for people ------------------------------------------------------------------------------------------

  async #hold(action: SqlAction, analysis: Analysis, kept: Kept, decisionId: number): Promise<Ruling> {
    // The client's bytes may be used again while we wait.
    const copy: SqlAction = {
      ...action,
      text: Buffer.from(action.text),
      parameters: action.parameters.map((value) => (value === null ? null : Buffer.from(value))),
    };
    let gone = false;
    const left = new Promise<GaveUp>((leave) => {
      this.#giveUp = (why) => {
        gone = true;
        leave(why);
      };
    });
    const { clock, notify, approvalSettings } = this.#parts;
    const refuses = action.inTransaction && approvalSettings.inTransaction === "refuse";
    try {
      const held = await this.#holds.hold(
        {
          bundle: kept.bundle,
          approveRules: kept.approveRules,
          digest: this.#digest(copy, kept.bundle),
          summary: this.#recordText(copy, analysis, kept).text,
        },
        {
          holdMs: null,
          cantWait: refuses ? LOCKS : null,
          left: () => left,
          waiting: (request) =>
            gone
              ? () => undefined
              : noticesOf(request, {
                  clock,
                  everyMs: approvalSettings.noticeEveryMs,
                  tell: (text) => notify(`sallyport: ${text}`, approvalSettings.howToGrant(request.id)),
                }),
        },
      );
      // The gateway stops, and the session with it: nobody hears an answer, and nothing may follow it.
      if (held.state === "waiting") return await new Promise<never>(() => undefined);
      if (held.state === "refused") {
        const refusal = { ...held.refusal, message: `sallyport: ${held.refusal.message}`, ...UNHELD[held.why] };
        return this.#refuse(copy, analysis, kept, decisionId, refusal);
      }
      return await this.#resume(copy, analysis, kept, decisionId);
    } finally {
      this.#giveUp = null;
    }
  }

  /** Of exactly what is approved. */
  #digest(action: SqlAction, bundle: LoadedBundle): string {
    const { identity, target } = this.#parts;
    return actionDigest({
      protocol: "postgres",
      target: target.name,
      account: target.account,
      database: target.database,
      requester: identity.name,
      issuer: identity.issuer,
      bundle: bundle.digest,
      text: action.text,
      parameters: action.parameters,
      parameterFormats: action.parameterFormats,
      searchPath: this.#names.path,
    });
  }

  /** Decides once more: policy, masks and catalog may have changed while it waited. */
  async #resume(action: SqlAction, analysis: Analysis, before: Kept, decisionId: number): Promise<Ruling> {
    const bundle = this.#parts.bundles.current;
    if (bundle !== before.bundle) {
      return this.#refuse(action, analysis, before, decisionId, {
        kind: "policy",
        message: "sallyport: the policy changed while the statement waited",
        hint: "Run the statement again.",
      });
    }
    const { catalog, analyser } = this.#parts;
    if (catalog.stale) await catalog.refresh();
    if (catalog.stale) return unavailable("the target's catalog can't be read", "Try again.");
    const fresh = await analyser.analyse(action.text, this.#currentContext());
    if (!fresh.ok) return this.#unreadable(action, fresh.error);
    const kept = this.#keptFor(
      fresh.analysis,
      action,
      await this.#behind(fresh.analysis, action),
      await this.#estimated(fresh.analysis, action),
    );
    if (kept.refusal !== null) return this.#refuse(action, fresh.analysis, kept, decisionId, kept.refusal);
    if (!kept.approveRules.every((rule) => before.approveRules.includes(rule))) {
      return this.#refuse(action, fresh.analysis, kept, decisionId, {
        kind: "policy",
        message: "sallyport: another rule asks for approval by now",
        hint: "Run the statement again to ask for it.",
      });
    }
    // What the first decision named was told and counted before the wait.
    const alerts = kept.alerts.filter((rule) => !before.alerts.includes(rule));
    if (alerts.length > 0 && !this.#alert(action, fresh.analysis, { ...kept, alerts }, decisionId))
      return this.#recordFailed();
    const rates = kept.rates.filter(({ rule }) => !before.rates.some((one) => one.rule === rule));
    const used = countActions(this.#effects(), rates, Math.max(1, fresh.analysis.statements.length));
    if (used !== null)
      return this.#refuse(action, fresh.analysis, kept, decisionId, { ...used, message: `sallyport: ${used.message}` });
    return this.#go(action, fresh.analysis, kept, decisionId);
  }
}

const NOT_REWRITTEN: Refusal = {
  kind: "policy",
  message:
    "sallyport: the conditions go by masked columns, and the statement can't be rewritten so that they see masked values",
  hint: "Name each table once, plainly, in FROM, with an alias.",
};

/** Waiting would hold the locks of the transaction. */
const LOCKS: Refusal = {
  kind: "policy",
  message: "this needs approval, and waiting for one inside a transaction would hold its locks",
  hint: "Run it outside of a transaction: once it is approved there, the same statement passes.",
};

/** What a client of SQL is told in other words. */
const UNHELD: Readonly<Partial<Record<Unheld, Partial<Refusal>>>> = {
  "not-taken": {
    kind: "policy",
    message: "sallyport: the gateway denied the approval: the record can't be written",
    hint: undefined,
  },
  expired: { hint: "Run the statement again to ask once more." },
  lapsed: { hint: "Run the statement again to ask for a new one." },
  // The server's own words, for clients that look for them.
  withdrawn: { message: "sallyport: canceling statement due to user request; the approval request is withdrawn" },
};

function remember(memo: TextMemo, analysis: Analysis, context: ReadingContext): void {
  const small = analysis.bytes <= MEMO_BYTES_MAX;
  memo.context = small ? context : null;
  memo.analysis = small ? analysis : null;
}

function unavailable(message: string, hint: string): Ruling {
  return { go: false, refusal: { kind: "unavailable", message: `sallyport: ${message}`, hint } };
}

const withDecision = (refusal: Refusal, sid: string, decisionId: number): Refusal => ({
  ...refusal,
  detail: `${refusal.detail === undefined ? "" : `${refusal.detail} `}Decision ${sid}.${decisionId}.`,
});

function maskRefusal(
  reason: string,
  rule: string,
  hint = "Name the columns you need one by one, without the masked ones in conditions or expressions.",
): Refusal {
  return { kind: "policy", message: `sallyport: refused under mask ${rule}: ${reason}`, hint };
}

function unreadableRefusal(error: AnalysisError): Refusal {
  switch (error.kind) {
    case "syntax":
      return { kind: "syntax", message: error.message, position: error.position > 0 ? error.position : undefined };
    case "too-large":
      return {
        kind: "unreadable",
        message: `sallyport: the statement has ${error.bytes} bytes; at most ${error.bytesMax} are read`,
        hint: "Split it, or load data with COPY.",
      };
    case "too-deep":
      return {
        kind: "unreadable",
        message: `sallyport: the statement can't be analysed: ${error.message}`,
        hint: "Write it flatter.",
      };
    case "not-utf8":
      return { kind: "unreadable", message: "sallyport: the statement is not valid UTF-8, or holds a zero byte" };
    case "timeout":
      return { kind: "unreadable", message: `sallyport: the statement could not be analysed within ${error.ms} ms` };
    case "parser-failed":
      return { kind: "unreadable", message: "sallyport: the statement could not be analysed", detail: error.message };
  }
}

function parameterText(value: Buffer | null, formats: readonly number[], index: number): string {
  if (value === null) return "";
  const format = formats.length === 1 ? formats[0] : (formats[index] ?? 0);
  return format === 1 ? `\\x${value.toString("hex")}` : value.toString("utf8");
}

function planNamed(
  statement: AnalysedStatement,
  behind: AnalysedStatement | null,
  masked: MaskedCatalog | null,
): MaskPlan {
  const { executes, fetches } = statement.effects;
  if (executes === null && fetches === null) return planMasks(statement, masked);
  if (masked === null || masked.relations.size === 0) return { kind: "clear" };
  if (behind === null) {
    return {
      kind: "refuse",
      rule: null,
      reason: `what ${executes ?? fetches} stands for is not known to the gateway; prepare or declare it again in this session`,
    };
  }
  // What EXECUTE hands over is computed before the statement runs, and may read what it likes.
  const own = planMasks(statement, masked);
  if (own.kind === "refuse") return own;
  const plan = planMasks(behind, masked);
  if (plan.kind !== "mask" || plan.substituted === undefined) return plan;
  return {
    kind: "refuse",
    rule: null,
    reason: `the conditions of ${executes ?? fetches} go by masked columns, and it was prepared or declared as it stands`,
  };
}
