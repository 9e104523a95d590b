import type { ActiveBundle, LoadedBundle } from "../bundle/index.ts";
import { SessionPolicy } from "../decide/index.ts";
import type { Alerts } from "../enforce/alert/index.ts";
import { scannerOf } from "../enforce/detect/index.ts";
import type { Rates } from "../enforce/limit/index.ts";
import type { Analysis, AnalysisError, AnalysisResult, ReadingContext } from "../facts/index.ts";
import type { ActionHost, Outcome, Refusal, Ruling, SqlAction, TextMemo, Ticket } from "../protocols/index.ts";
import type { Recorder } from "../record/index.ts";
import type { GaveUp } from "./hold.ts";
import { NOT_REWRITTEN, cantNow, signed, unreadable, withDecision } from "./refusals.ts";
import { countActions, raiseAlerts, type SideEffectParts } from "./side-effects.ts";
import { StatementHold, type StatementHoldParts } from "./statement-hold.ts";
import { StatementReading, type ReadingParts } from "./statement-reading.ts";
import { StatementRecord, type SqlTicket, type StatementRecordParts } from "./statement-record.ts";
import { StatementVerdicts, type Kept, type VerdictParts } from "./statement-verdicts.ts";
import { provesSubstitution, substituted } from "./substitution.ts";

/** Everything that is fixed for a session. */
export interface EnforcerParts extends ReadingParts, VerdictParts, StatementRecordParts, StatementHoldParts {
  readonly bundles: ActiveBundle;
  readonly rates: Rates;
  readonly alerts: Alerts;
  readonly recorder: Recorder;
  /** Outcomes are recorded with the first rows of results. */
  readonly recordsSamples: boolean;
  readonly identity: { readonly name: string; readonly issuer: string | null; readonly expiresAt: number | null };
  readonly target: { readonly name: string; readonly database: string; readonly account: string };
  /** How the session shows at the target, and what the client calls itself. */
  readonly application: { readonly stamp: string; readonly own: string };
}

/** An analysis larger than this is not kept with a prepared statement, only in the shared cache. */
const MEMO_BYTES_MAX = 64 * 1024;

/**
 * Decides, records and holds the statements of one session: the way of each from its text to its ruling, in the order it
 * happens. It knows no protocol: bytes come as text, answers go out as rulings.
 */
export class Enforcer implements ActionHost {
  readonly wantsSamples: boolean;
  readonly #parts: EnforcerParts;
  readonly #reading: StatementReading;
  readonly #verdicts: StatementVerdicts;
  readonly #record: StatementRecord;
  readonly #waiting: StatementHold;
  readonly #effects: SideEffectParts;
  #policy: SessionPolicy | null = null;
  #decision = 0;
  /** Lets the session's end be recorded: not null while a statement waits for people, or is decided once more behind that. */
  #holding: (() => void) | null = null;

  constructor(parts: EnforcerParts) {
    this.#parts = parts;
    this.wantsSamples = parts.recordsSamples;
    this.#reading = new StatementReading(parts);
    this.#verdicts = new StatementVerdicts(parts, this.#reading);
    this.#record = new StatementRecord(parts);
    this.#waiting = new StatementHold(parts);
    const { log, alerts, rates, identity, target, clock } = parts;
    this.#effects = { protocol: "postgres", log, alerts, rates, identity, target: target.name, clock };
  }

  // ---- ActionHost --------------------------------------------------------------------------------------------------

  judge(action: SqlAction): Ruling | Promise<Ruling> {
    const { clock, bundles, recorder, identity } = this.#parts;
    if (recorder.failed !== null) return RECORD_FAILED;
    const bundle = bundles.current;
    if (bundle === null) return NO_BUNDLE;
    if (identity.expiresAt !== null && clock.now() >= identity.expiresAt) return EXPIRED;
    if (this.#policy?.bundle !== bundle) this.#policy = new SessionPolicy(bundle, "postgres", this.#parts.facts);
    if (action.probe !== null && !action.inTransaction) this.#reading.idle();
    if (this.#reading.stale) return this.#judgeLater(action);
    const context = this.#reading.context();
    const { memo } = action;
    if (memo !== null && memo.context === context) return this.#analysed(action, memo.analysis!);
    const result = this.#parts.analyser.analyse(action.text, context);
    if (result instanceof Promise) return result.then((found) => this.#judged(action, found, context));
    return this.#judged(action, result, context);
  }

  finished(ticket: Ticket, outcome: Outcome): void {
    if (this.#parts.recorder.failed !== null) return;
    // Whatever was read of the catalog while it ran is out of date.
    if ((ticket as SqlTicket).catalog) this.#parts.catalog.touch();
    this.#record.outcome(ticket as SqlTicket, outcome);
  }

  withdraw(why: GaveUp): void {
    this.#waiting.withdraw(why);
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

  /** The gateway stops: what waits stays pending, and is not waited for. */
  release(): void {
    this.#waiting.release();
    this.#held();
  }

  /** Nothing more is recorded of what was held. */
  #held(): void {
    this.#holding?.();
    this.#holding = null;
  }

  // ---- from the text to what the policy says -----------------------------------------------------------------------

  /** The catalog or the search path must be read first. */
  async #judgeLater(action: SqlAction): Promise<Ruling> {
    const stopped = await this.#reading.freshen(action);
    if (stopped !== null) return refusing(stopped);
    const context = this.#reading.context();
    const result = await this.#parts.analyser.analyse(Buffer.from(action.text), context);
    return this.#judged(action, result, context);
  }

  #judged(action: SqlAction, result: AnalysisResult, context: ReadingContext): Ruling | Promise<Ruling> {
    if (!result.ok) return this.#unreadable(action, result.error);
    if (action.memo !== null) remember(action.memo, result.analysis, context);
    return this.#analysed(action, result.analysis);
  }

  #analysed(action: SqlAction, analysis: Analysis): Ruling | Promise<Ruling> {
    const behind = this.#reading.behind(analysis, action);
    const estimated = this.#reading.estimated(analysis, action, this.#bundle.manifest);
    if (behind instanceof Promise || estimated instanceof Promise)
      return Promise.all([behind, estimated]).then(([found, rows]) =>
        this.#rule(action, analysis, this.#verdicts.of(this.#policy!, analysis, action, found, rows)),
      );
    return this.#rule(action, analysis, this.#verdicts.of(this.#policy!, analysis, action, behind, estimated));
  }

  get #bundle(): LoadedBundle {
    return this.#policy!.bundle as LoadedBundle;
  }

  // ---- from there to the ruling ------------------------------------------------------------------------------------

  #rule(action: SqlAction, analysis: Analysis, kept: Kept): Ruling | Promise<Ruling> {
    // The session ended while the text was read: nobody hears of it, and nobody is asked.
    if (this.#parts.log.ending) return RECORD_FAILED;
    const decisionId = ++this.#decision;
    if (action.phase !== "parse" && !this.#alert(action, analysis, kept, kept.alerts, decisionId)) return RECORD_FAILED;
    if (kept.refusal !== null) return this.#refuse(action, analysis, kept, decisionId, kept.refusal);
    // Nothing runs at Parse, so nothing is counted, and a person is asked only once there is something to run.
    if (action.phase !== "parse") {
      const used = countActions(this.#effects, kept.rates, Math.max(1, analysis.statements.length));
      if (used !== null) return this.#refuse(action, analysis, kept, decisionId, signed(used));
      if (kept.verdict === "approve") return this.#hold(action, analysis, kept, decisionId);
    }
    return this.#go(action, analysis, kept, decisionId);
  }

  /** Recorded before anybody is told; whether somebody hears of it, nothing waits for. */
  #alert(action: SqlAction, analysis: Analysis, kept: Kept, alerts: readonly number[], decisionId: number): boolean {
    if (alerts.length === 0) return true;
    const { text } = this.#record.text(action, analysis, kept);
    const verdict = kept.refusal === null ? kept.verdict : "deny";
    return raiseAlerts(this.#effects, kept.bundle.manifest, alerts, { decisionId, verdict, kinds: kept.kinds, text });
  }

  #go(action: SqlAction, analysis: Analysis, kept: Kept, decisionId: number): Ruling | Promise<Ruling> {
    if (!kept.substitutes) return this.#let(action, analysis, kept, decisionId, undefined);
    const masked = this.#verdicts.masksOf(kept);
    const rewritten = masked === null ? null : substituted(action.text, analysis, masked);
    if (rewritten === null) return this.#refuse(action, analysis, kept, decisionId, NOT_REWRITTEN);
    if (kept.rewriteProved) return this.#let(action, analysis, kept, decisionId, rewritten);
    return this.#goProved(action, analysis, kept, decisionId, rewritten);
  }

  async #goProved(
    action: SqlAction,
    analysis: Analysis,
    kept: Kept,
    decisionId: number,
    rewritten: Buffer,
  ): Promise<Ruling> {
    const context = this.#reading.context();
    if (!(await provesSubstitution(rewritten, analysis, this.#parts.analyser, context)))
      return this.#refuse(action, analysis, kept, decisionId, NOT_REWRITTEN);
    kept.rewriteProved = true;
    return this.#let(action, analysis, kept, decisionId, rewritten);
  }

  #let(action: SqlAction, analysis: Analysis, kept: Kept, decisionId: number, rewritten: Buffer | undefined): Ruling {
    const runs = action.phase !== "parse";
    if (runs && (kept.observed.length > 0 || kept.substitutes) && !this.#record.predicates(kept, decisionId))
      return RECORD_FAILED;
    const recordIndex = this.#record.statement(action, analysis, kept, decisionId, null);
    if (recordIndex === null) return RECORD_FAILED;
    const catalog = runs && this.#reading.note(analysis, kept.behind);
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
    if (this.#record.statement(action, analysis, kept, decisionId, refusal.message) === null) return RECORD_FAILED;
    return refusing(withDecision(refusal, this.#parts.log.sid, decisionId));
  }

  #unreadable(action: SqlAction, error: AnalysisError): Ruling {
    const refusal = unreadable(error);
    const decisionId = ++this.#decision;
    if (this.#record.unreadable(action, this.#bundle.digest, decisionId, refusal.message) === null)
      return RECORD_FAILED;
    // The server would say the same, and no more.
    return refusing(error.kind === "syntax" ? refusal : withDecision(refusal, this.#parts.log.sid, decisionId));
  }

  // ---- waiting for people ------------------------------------------------------------------------------------------

  async #hold(action: SqlAction, analysis: Analysis, kept: Kept, decisionId: number): Promise<Ruling> {
    // The client's bytes may be used again while we wait.
    const held: SqlAction = {
      ...action,
      text: Buffer.from(action.text),
      parameters: action.parameters.map((value) => (value === null ? null : Buffer.from(value))),
    };
    const { text } = this.#record.text(held, analysis, kept);
    this.#holding = this.#parts.log.hold();
    try {
      const refusal = await this.#waiting.wait(held, kept, text, this.#reading.path);
      if (refusal !== null) return this.#refuse(held, analysis, kept, decisionId, refusal);
      return await this.#again(held, analysis, kept, decisionId);
    } finally {
      this.#held();
    }
  }

  /** Decides once more what waited: policy, masks and catalog may have changed meanwhile. */
  async #again(action: SqlAction, analysis: Analysis, before: Kept, decisionId: number): Promise<Ruling> {
    if (this.#parts.bundles.current !== before.bundle) {
      return this.#refuse(action, analysis, before, decisionId, {
        kind: "policy",
        message: "sallyport: the policy changed while the statement waited",
        hint: "Run the statement again.",
      });
    }
    const { catalog, analyser } = this.#parts;
    if (catalog.stale) await catalog.refresh();
    if (catalog.stale) return refusing(cantNow("the target's catalog can't be read", "Try again."));
    const fresh = await analyser.analyse(action.text, this.#reading.context());
    if (!fresh.ok) return this.#unreadable(action, fresh.error);
    const now = fresh.analysis;
    const behind = await this.#reading.behind(now, action);
    const estimated = await this.#reading.estimated(now, action, this.#bundle.manifest);
    if (this.#parts.log.ending) return this.#refuse(action, analysis, before, decisionId, LEFT);
    const kept = this.#verdicts.of(this.#policy!, now, action, behind, estimated);
    if (kept.refusal !== null) return this.#refuse(action, now, kept, decisionId, kept.refusal);
    if (!kept.approveRules.every((rule) => before.approveRules.includes(rule))) {
      return this.#refuse(action, now, kept, decisionId, {
        kind: "policy",
        message: "sallyport: another rule asks for approval by now",
        hint: "Run the statement again to ask for it.",
      });
    }
    // What the first decision named was told and counted before the wait.
    const alerts = kept.alerts.filter((rule) => !before.alerts.includes(rule));
    if (!this.#alert(action, now, kept, alerts, decisionId)) return RECORD_FAILED;
    const rates = kept.rates.filter(({ rule }) => !before.rates.some((one) => one.rule === rule));
    const used = countActions(this.#effects, rates, Math.max(1, now.statements.length));
    if (used !== null) return this.#refuse(action, now, kept, decisionId, signed(used));
    return this.#go(action, now, kept, decisionId);
  }
}

const refusing = (refusal: Refusal): Ruling => ({ go: false, refusal });

const RECORD_FAILED = refusing(
  cantNow(
    "the record can't be written, so nothing is let through",
    "An operator must look at the gateway's disk and log.",
  ),
);

const NO_BUNDLE = refusing(
  cantNow(
    "no policy bundle is loaded, so everything is refused",
    "An operator must put a bundle in place; see the gateway's log.",
  ),
);

const LEFT: Refusal = { kind: "withdrawn", message: "sallyport: the client left before the statement could run" };

const EXPIRED = refusing(cantNow("your token has expired", "Connect again with a new one."));

function remember(memo: TextMemo, analysis: Analysis, context: ReadingContext): void {
  const small = analysis.bytes <= MEMO_BYTES_MAX;
  memo.context = small ? context : null;
  memo.analysis = small ? analysis : null;
}
