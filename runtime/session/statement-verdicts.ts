import type { BundleRule } from "../../spec/contract/bundle/index.ts";
import type { Decision } from "../../spec/contract/decision/index.ts";
import type { LoadedBundle } from "../bundle/index.ts";
import { sqlFactReader, type ExecutionFacts, type FactReader, type SessionPolicy } from "../decide/index.ts";
import { scannerOf } from "../enforce/detect/index.ts";
import type { RateLimit } from "../enforce/limit/index.ts";
import {
  planDetection,
  planMasks,
  sampleHoles,
  type MaskPlan,
  type MaskedCatalog,
  type SampleHoles,
} from "../enforce/mask/index.ts";
import type { AnalysedStatement, Analysis, ReadingContext } from "../facts/index.ts";
import type { Clock } from "../outside/index.ts";
import type { Refusal, SqlAction, StatementPlan } from "../protocols/index.ts";
import { decisionFragments, type DecisionFragments } from "../record/index.ts";
import { STEADY, driftRefusal, drifted, withUnsureFacts, type Behind, type Drift } from "./drift.ts";
import { CHANGES_READING, denied, maskRefusal } from "./refusals.ts";
import { rateLimitsOf } from "./side-effects.ts";
import { NOT_ASKED, type Estimated, type StatementReading } from "./statement-reading.ts";
import type { TargetCatalog } from "./target-catalog.ts";

export interface VerdictParts {
  readonly catalog: TargetCatalog;
  readonly clock: Clock;
  /** Facts of the connection, by path. */
  readonly facts: FactReader;
  readonly identity: { readonly name: string };
  readonly target: { readonly name: string };
}

/** What a text comes to under one bundle and catalog: kept with its analysis while both last. */
export interface Kept {
  readonly bundle: LoadedBundle;
  readonly masked: MaskedState;
  readonly verdict: Decision["verdict"];
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
  /** The search path that their names were looked up along. */
  readonly path: readonly string[] | null;
  /** They lean on a name that may by then mean what is masked for somebody. */
  readonly unsure: boolean;
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

/** Masks of one bundle on one catalog snapshot: of this user, and of anybody (for the record). */
interface MaskedState {
  readonly bundle: LoadedBundle;
  readonly context: ReadingContext | null;
  readonly catalogId: number;
  readonly forAnybody: MaskedCatalog | null;
  readonly cache: Map<string, MaskedCatalog | null>;
}

/** What the policy says to each text of one session, with the plan by which its results are masked. */
export class StatementVerdicts {
  readonly #parts: VerdictParts;
  readonly #reading: StatementReading;
  #masked: MaskedState | null = null;
  readonly #kept = new WeakMap<object, Kept>();

  constructor(parts: VerdictParts, reading: StatementReading) {
    this.#parts = parts;
    this.#reading = reading;
  }

  /** What is known of a text already when nothing that counts has changed, and else what is decided now. */
  of(policy: SessionPolicy, analysis: Analysis, action: SqlAction, behind: Behind, estimated: Estimated): Kept {
    const masked = this.#maskedState(policy.bundle as LoadedBundle);
    const drifts = this.#reading.drifts(analysis, action, behind);
    const known = this.#kept.get(analysis.core);
    if (
      known !== undefined &&
      known.masked === masked &&
      known.drifts === null &&
      drifts === null &&
      !known.named &&
      policy.cacheable
    )
      return known;
    const made = this.#decide(policy, masked, analysis, action, behind, drifts, estimated);
    this.#kept.set(analysis.core, made);
    return made;
  }

  /** The masks that a text is under. */
  masksOf({ masked, maskRules }: Kept): MaskedCatalog | null {
    return this.#maskedFor(masked, maskRules);
  }

  #maskedState(bundle: LoadedBundle): MaskedState {
    const catalogId = this.#parts.catalog.current!.id;
    const context = this.#reading.latest;
    const known = this.#masked;
    if (known !== null && known.bundle === bundle && known.context === context && known.catalogId === catalogId)
      return known;
    const rules = bundle.manifest.rules.filter((rule) => rule.effect === "mask");
    const state = {
      bundle,
      context,
      catalogId,
      forAnybody: rules.length === 0 ? null : this.#parts.catalog.masked(bundle, "*", rules),
      cache: new Map<string, MaskedCatalog | null>(),
    };
    this.#masked = state;
    return state;
  }

  #maskedFor({ bundle, cache }: MaskedState, rules: readonly number[]): MaskedCatalog | null {
    if (rules.length === 0) return null;
    const key = rules.join();
    const known = cache.get(key);
    if (known !== undefined) return known;
    const made = this.#parts.catalog.masked(
      bundle,
      key,
      rules.map((index) => bundle.manifest.rules[index]!),
    );
    cache.set(key, made);
    return made;
  }

  #decide(
    policy: SessionPolicy,
    masked: MaskedState,
    analysis: Analysis,
    action: SqlAction,
    behind: Behind,
    drifts: readonly Drift[] | null,
    estimated: Estimated,
  ): Kept {
    const { bundle, forAnybody } = masked;
    const { catalog } = this.#parts.catalog.current!;
    const { path } = this.#reading;
    const driftAt = (i: number): Drift => drifts?.[i] ?? STEADY;
    /** Facts as far as they are sure when the statement runs. */
    const sure = (one: AnalysedStatement | null | undefined, i: number): AnalysedStatement | null =>
      one == null ? null : withUnsureFacts(one, driftAt(i), catalog);
    const statements = analysis.statements.map((one, i) => sure(one, i)!);
    const runs = analysis.statements.map((_, i) => sure(behind[i], i));
    const planned = (i: number, by: MaskedCatalog | null): NamedPlan => {
      const own = drifted(statements[i]!, driftAt(i), path, catalog, by);
      const run = runs[i] == null ? null : drifted(runs[i], driftAt(i), path, catalog, by);
      return { mask: planNamed(own.statement, run?.statement ?? null, by), name: own.name ?? run?.name ?? null };
    };
    const units = statements.flatMap((statement, i) => [...statement.units, ...(runs[i]?.units ?? [])]);
    const executions = this.#executions(statements, runs, action, estimated, driftAt);
    const decision = policy.decideAll(units.map((unit, i) => sqlFactReader(unit, executions[i]!)));
    const { rules } = bundle.manifest;
    const nameOf = (index: number): string => rules[index]!.name;
    const mine = this.#maskedFor(masked, decision.masks);
    const allotted = allotment(bundle, decision, mine);
    let refusal: Refusal | null = null;
    /** Rules by which a statement is refused that the verdict would let pass. */
    let refusedBy: readonly string[] = [];
    const plans = statements.map((statement, i): StatementPlan => {
      const { mask, name } = planned(i, mine);
      if (mask.kind === "refuse" && refusal === null) {
        refusedBy = mask.rule === null ? decision.masks.map(nameOf) : [mask.rule];
        const moved = name === null ? null : driftRefusal(name, driftAt(i));
        refusal = maskRefusal(moved?.reason ?? mask.reason, refusedBy.join(", "), moved?.hint ?? mask.hint);
      }
      if (statement.effects.changesReading) refusal ??= CHANGES_READING;
      return {
        statement: runs[i] == null ? statement : withResultOf(statement, runs[i]),
        mask,
        ...allotted,
      };
    });
    if (decision.verdict === "deny") {
      refusal = denied(bundle.manifest, decision, {
        user: this.#parts.identity.name,
        target: this.#parts.target.name,
        kinds: [...new Set(units.map((unit) => unit.kind))],
        unsure: statements.some((one, i) => one !== analysis.statements[i]),
      });
    }
    const overruled = refusal !== null && decision.verdict !== "deny";
    const anybodys = statements.map((_, i) => planned(i, forAnybody));
    const kinds = [...new Set(units.flatMap((unit) => unit.kinds))];
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
          verdict: overruled ? "deny" : decision.verdict,
          rules: decision.matched.map(nameOf),
          deciding: overruled ? refusedBy : decision.deciding.map(nameOf),
          masks: decision.masks.map(nameOf),
          bundle: bundle.digest,
        },
        kinds,
      ),
      maskRules: decision.masks,
      approveRules: decision.matched.filter((index) => rules[index]!.effect === "approve"),
      rates: rateLimitsOf(bundle.manifest, decision),
      alerts: decision.alerts,
      kinds,
      substitutes: plans.some(({ mask }) => mask.kind === "mask" && mask.substituted !== undefined),
      observed: [...new Set(plans.flatMap(({ mask }) => (mask.kind === "mask" ? (mask.observed ?? []) : [])))],
      rewriteProved: false,
      drifts,
      path,
      unsure: anybodys.some(({ name }) => name !== null),
      behind,
      named: analysis.statements.some(({ effects }) => effects.executes !== null || effects.fetches !== null),
      reaches:
        forAnybody !== null &&
        analysis.statements.some(
          (one, i) =>
            anybodys[i]!.name !== null ||
            one.reachesAnything ||
            one.effects.executes !== null ||
            one.reached.some((oid) => forAnybody.relations.has(oid)),
        ),
    };
  }

  /** What the facts of each unit know of this execution, in the order of the units. */
  #executions(
    statements: readonly AnalysedStatement[],
    runs: Behind,
    action: SqlAction,
    estimated: Estimated,
    driftAt: (i: number) => Drift,
  ): readonly ExecutionFacts[] {
    const execution: ExecutionFacts = {
      nowMs: this.#parts.clock.now(),
      startedMs: Number(this.#parts.facts("session.started")),
      inTransaction: action.inTransaction,
      prepared: action.phase !== "simple",
      statementCount: statements.length,
      parameters:
        action.phase === "execute"
          ? action.parameters.map((value, i) => parameterText(value, action.parameterFormats, i))
          : null,
    };
    return statements.flatMap((statement, i) => {
      const asked = estimated === NOT_ASKED ? undefined : estimated[i];
      // The planner was asked before what may change the meaning of names ran.
      const rows = asked === undefined || driftAt(i) === STEADY ? asked : null;
      const own = rows === undefined ? execution : { ...execution, estimatedRows: rows };
      // What a name stands for is not planned where it is named.
      const run = estimated === NOT_ASKED ? execution : { ...execution, estimatedRows: null };
      return [...statement.units.map(() => own), ...(runs[i]?.units ?? []).map(() => run)];
    });
  }
}

/** A statement that runs another one by name: what comes back is that one's. */
function withResultOf(statement: AnalysedStatement, run: AnalysedStatement): AnalysedStatement {
  const quotesOthers = statement.effects.quotesOthers || run.effects.quotesOthers;
  return { ...statement, outputs: run.outputs, effects: { ...statement.effects, quotesOthers } };
}

/** The plan for a statement, and the name that it leans on although that may have changed its meaning. */
interface NamedPlan {
  readonly mask: MaskPlan;
  readonly name: string | null;
}

/** What of a plan is the same for each statement that a decision is of. */
function allotment(
  { manifest }: LoadedBundle,
  decision: Decision,
  mine: MaskedCatalog | null,
): Omit<StatementPlan, "statement" | "mask"> {
  const ruleOf = (index: number): BundleRule => manifest.rules[index]!;
  const { byteLimit, byteLimitRule, rowLimit, rowLimitRule } = decision;
  return {
    detect: planDetection(decision.masks.map(ruleOf), scannerOf(manifest)),
    byteLimit: byteLimit ?? -1,
    byteLimitRule: byteLimitRule === null ? "" : ruleOf(byteLimitRule).name,
    rowLimit: rowLimit ?? -1,
    rowLimitRule: rowLimitRule === null ? "" : ruleOf(rowLimitRule).name,
    guarded: mine === null || mine.relations.size === 0 ? null : mine.relations,
  };
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
