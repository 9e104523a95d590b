import { createHmac } from "node:crypto";
import type { Manifest } from "../../spec/contract/bundle/index.ts";
import { OP } from "../../spec/contract/bytecode/index.ts";
import type { Decision } from "../../spec/contract/decision/index.ts";
import type { ProtocolName } from "../../spec/contract/facts/index.ts";
import type { Masked } from "../../spec/contract/record/index.ts";
import type { ActiveBundle, LoadedBundle } from "../bundle/index.ts";
import { SessionPolicy, reasonsOf, type ActionFacts, type FactReader } from "../decide/index.ts";
import type { Alerts } from "../enforce/alert/index.ts";
import type { Rates } from "../enforce/limit/index.ts";
import type { Approvals } from "../enforce/approve/index.ts";
import type { Clock } from "../outside/index.ts";
import type { Refusal } from "../protocols/index.ts";
import {
  RecorderFailed,
  decisionFragments,
  type DecisionFragments,
  type Recorder,
  type SessionLog,
} from "../record/index.ts";
import { Holds, type Held, type HoldClient } from "./hold.ts";
import { countActions, raiseAlerts, rateLimitsOf, rowLimitRefusal } from "./side-effects.ts";

/** Everything that is fixed for a session whose actions are told by their facts and their bytes alone. */
export interface ActionEnforcerParts {
  readonly protocol: ProtocolName;
  readonly bundles: ActiveBundle;
  readonly approvals: Approvals;
  readonly recorder: Recorder;
  readonly log: SessionLog;
  readonly clock: Clock;
  /** Facts of the session, by path. */
  readonly facts: FactReader;
  readonly startedAt: number;
  readonly identity: { readonly name: string; readonly issuer: string | null; readonly expiresAt: number | null };
  readonly rates: Rates;
  readonly alerts: Alerts;
  readonly target: string;
  /** Key of the commitments to what is not kept whole. */
  readonly commitKey: Uint8Array;
}

/** What the policy says of one action, before anything is recorded. */
export interface Judgement {
  readonly bundle: LoadedBundle;
  readonly decision: Decision;
  readonly decisionId: number;
  /** Why it may not go ahead, when it may not. */
  readonly refusal: Refusal | null;
  /** All approve rules that matched. */
  readonly approveRules: readonly number[];
}

const FRAGMENTS_MAX = 256;

/**
 * Decides, records and holds the actions of one session. It knows no protocol: facts come in, judgements go out. Of each
 * action first `judge`, then either `record` with a refusal, or `hold` where approval is asked for, then `record`; nothing
 * may go to the target before the record's number may be forwarded. Several may wait at once.
 */
export class ActionEnforcer {
  readonly parts: ActionEnforcerParts;
  readonly #holds: Holds;
  #policy: SessionPolicy | null = null;
  #decisions = 0;
  #fragments = new Map<string, DecisionFragments>();
  #released = false;

  constructor(parts: ActionEnforcerParts) {
    this.parts = parts;
    this.#holds = new Holds(parts);
  }

  /** The policy as this session sees it, or why there is none to go by. */
  policy(): SessionPolicy | Refusal {
    const { recorder, bundles, identity, clock, protocol, facts } = this.parts;
    if (recorder.failed !== null || this.#released) return RECORD_FAILED;
    const bundle = bundles.current;
    if (bundle === null) {
      return unavailable(
        "no policy bundle is loaded, so everything is refused",
        "An operator must put a bundle in place; see the gateway's log.",
      );
    }
    if (identity.expiresAt !== null && clock.now() >= identity.expiresAt)
      return unavailable("your sign-in has expired", "Sign in again.");
    if (this.#policy?.bundle !== bundle) {
      this.#policy = new SessionPolicy(bundle, protocol, facts);
      this.#fragments = new Map();
    }
    return this.#policy;
  }

  /** Whether a rule in force reads a fact whose path begins so: what none reads need not be established. */
  reads(prefix: string): boolean {
    return this.parts.bundles.current?.manifest.facts.some((path) => path.startsWith(prefix)) ?? false;
  }

  /**
   * What the policy says to these actions, which stand or fall together.
   *
   * @param kinds what kinds of thing they are, in the record's words
   */
  judge(actions: readonly ActionFacts[], kinds: readonly string[]): Judgement | Refusal {
    const judged = this.#judge(actions, kinds);
    return isRefusal(judged) ? judged : { ...judged, decisionId: ++this.#decisions };
  }

  #judge(actions: readonly ActionFacts[], kinds: readonly string[]): Omit<Judgement, "decisionId"> | Refusal {
    const policy = this.policy();
    if (!(policy instanceof SessionPolicy)) return policy;
    const bundle = policy.bundle as LoadedBundle;
    const now = this.parts.clock.now();
    const age = now - this.parts.startedAt;
    const timed = actions.map(
      (own): ActionFacts =>
        (path) =>
          path === "time" ? now : path === "session.age" ? age : own(path),
    );
    const decision = timed.length === 1 ? policy.decide(timed[0]!) : policy.decideAll(timed);
    const { rules } = bundle.manifest;
    return {
      bundle,
      decision,
      refusal:
        decision.verdict === "deny"
          ? this.#denied(bundle, decision, kinds)
          : rowLimitRefusal(bundle.manifest, decision, this.parts.protocol),
      approveRules:
        decision.verdict === "approve" ? decision.matched.filter((one) => rules[one]!.effect === "approve") : [],
    };
  }

  /**
   * Whether an action would be allowed, or held, for some value of the facts that `open` names and `own` gives as unknown:
   * for lists that show what may be used. Nothing is recorded.
   */
  couldBeAllowed(own: ActionFacts, open: readonly string[]): boolean {
    const judged = this.#judge([own], []);
    if (isRefusal(judged)) return false;
    const { decision, bundle } = judged;
    if (decision.verdict !== "deny") return true;
    const { rules } = bundle.manifest;
    const allowing = bundle
      .rulesOf(this.parts.protocol)
      .filter((index) => rules[index]!.effect === "allow" || rules[index]!.effect === "approve");
    const allowed = allowing.some(
      (index) =>
        decision.matched.includes(index) ||
        open.some((path) => readsFact(bundle.manifest, rules[index]!.condition, path)),
    );
    return allowed && decision.deciding.every((index) => decision.unknown.includes(index));
  }

  /**
   * Counts an action that is about to be carried out or held; why it may not be, when a limit over time is used up.
   *
   * @param before what it was counted under already, when it waited
   */
  count({ bundle, decision }: Judgement, before: Judgement | null = null): Refusal | null {
    const limits = rateLimitsOf(bundle.manifest, decision);
    const counted = before?.decision.rates ?? [];
    return countActions(
      this.parts,
      limits.filter((_, i) => !counted.includes(decision.rates[i]!)),
      1,
    );
  }

  #denied(bundle: LoadedBundle, decision: Decision, kinds: readonly string[]): Refusal {
    const { manifest } = bundle;
    const { summary, because, rules } = reasonsOf(manifest, decision);
    const { identity, target } = this.parts;
    return {
      kind: "policy",
      message: `${summary}${because === null ? "" : `: ${because}`}`,
      detail:
        rules.length === 0
          ? `No rule of ${manifest.package} allows ${kinds.join(", ")} for ${identity.name} on ${target}.`
          : undefined,
      hint: rules.length === 0 ? "Ask your security team for a rule that allows it." : undefined,
    };
  }

  /**
   * Records an action with its decision.
   *
   * @param refused what the client is told, when it is refused
   * @param exact the exact bytes, which `text` does not tell; null when there are none beyond it
   * @returns the entry that must be durable before anything goes ahead; null when it can't be recorded
   */
  record(
    judgement: Judgement,
    entry: {
      readonly phase: string;
      readonly text: Masked;
      readonly kinds: readonly string[];
      readonly refused: string | null;
      readonly exact: Uint8Array | null;
    },
  ): number | null {
    const { bundle, decision, decisionId } = judgement;
    try {
      const told = {
        decisionId,
        verdict: entry.refused === null ? decision.verdict : "deny",
        kinds: entry.kinds,
        text: entry.text,
      };
      if (!raiseAlerts(this.parts, bundle.manifest, decision.alerts, told)) return null;
      return this.parts.log.statement({
        phase: entry.phase,
        text: entry.text,
        parameters: null,
        decision: this.#fragmentsOf(bundle, decision, entry.kinds, entry.refused !== null),
        decisionId,
        commit: entry.exact === null ? null : this.#commit(entry.exact),
        refused: entry.refused,
      });
    } catch (fault) {
      if (!(fault instanceof RecorderFailed)) throw fault;
      return null;
    }
  }

  /** A commitment: whoever holds the key can show that these bytes were it. */
  #commit(bytes: Uint8Array): string {
    return createHmac("sha256", this.parts.commitKey).update(bytes).digest("hex");
  }

  #fragmentsOf(
    bundle: LoadedBundle,
    decision: Decision,
    kinds: readonly string[],
    refused: boolean,
  ): DecisionFragments {
    const verdict = refused ? "deny" : decision.verdict;
    const key = `${verdict} ${decision.verdict} ${decision.matched.join()} ${kinds.join("\n")}`;
    const known = this.#fragments.get(key);
    if (known !== undefined) return known;
    const nameOf = (index: number): string => bundle.manifest.rules[index]!.name;
    const made = decisionFragments(
      {
        verdict,
        rules: decision.matched.map(nameOf),
        deciding: verdict === decision.verdict ? decision.deciding.map(nameOf) : [],
        masks: decision.masks.map(nameOf),
        bundle: bundle.digest,
      },
      kinds,
    );
    if (this.#fragments.size >= FRAGMENTS_MAX) this.#fragments.clear();
    this.#fragments.set(key, made);
    return made;
  }

  /** Records what became of an action. */
  outcome(entry: {
    readonly decisionId: number;
    readonly status: "ok" | "error" | "cut" | "skipped" | "lost";
    readonly tag: string;
    readonly bytes: number;
    readonly startedAt: number;
    readonly masked: readonly string[];
    readonly sample: Masked | null;
  }): number | null {
    const { recorder, clock, log } = this.parts;
    if (recorder.failed !== null) return null;
    try {
      return log.outcome({
        decisionId: entry.decisionId,
        status: entry.status,
        tag: entry.tag,
        rows: 0,
        bytes: entry.bytes,
        us: Math.round((clock.monotonic() - entry.startedAt) * 1000),
        masked: entry.masked,
        sqlstate: null,
        sample: entry.sample === null ? null : [[entry.sample]],
      });
    } catch (fault) {
      if (!(fault instanceof RecorderFailed)) throw fault;
      return null;
    }
  }

  /** Waits for approval of exactly what `digest` is of; a grant that is there already is used. */
  hold(
    { bundle, approveRules }: Judgement,
    action: { readonly digest: string; readonly summary: Masked },
    client: HoldClient,
  ): Promise<Held> {
    return this.#holds.hold({ bundle, approveRules, ...action }, client);
  }

  /**
   * Decides an action that waited once more: what comes back is what it goes on under, with its old number. A refusal: it
   * may not.
   */
  again(before: Judgement, actions: readonly ActionFacts[], kinds: readonly string[]): Judgement | Refusal {
    const now = this.#judge(actions, kinds);
    if (isRefusal(now)) return now;
    if (now.bundle !== before.bundle)
      return { kind: "policy", message: "the policy changed while this waited", hint: "Try again." };
    if (now.refusal !== null) return now.refusal;
    if (!now.approveRules.every((rule) => before.approveRules.includes(rule)))
      return {
        kind: "policy",
        message: "another rule asks for approval by now",
        hint: "Try again to ask for it.",
      };
    return { ...now, decisionId: before.decisionId };
  }

  /** What the policy says by now of what was let in and goes on. It gets no number, and nothing is recorded. */
  standing(actions: readonly ActionFacts[], kinds: readonly string[]): Omit<Judgement, "decisionId"> | Refusal {
    return this.#judge(actions, kinds);
  }

  /** The gateway stops: nothing more is let through, and what waits stays pending. */
  release(): void {
    this.#released = true;
    this.#holds.release();
  }
}

/** Whether a program reads a fact, itself or in what it asks of elements. */
function readsFact(manifest: Manifest, program: number, path: string): boolean {
  const code = manifest.programs[program]?.code ?? [];
  for (let at = 0; at < code.length; at += 2) {
    const operand = code[at + 1]!;
    if (code[at] === OP.fact && manifest.facts[operand] === path) return true;
    if ((code[at] === OP.any || code[at] === OP.all) && readsFact(manifest, operand, path)) return true;
  }
  return false;
}

export const isRefusal = (one: object): one is Refusal => "kind" in one && "message" in one;

export function unavailable(message: string, hint: string): Refusal {
  return { kind: "unavailable", message, hint };
}

export const RECORD_FAILED: Refusal = unavailable(
  "the record can't be written, so nothing is let through",
  "An operator must look at the gateway's log.",
);
