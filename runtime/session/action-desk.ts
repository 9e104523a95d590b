import { createHmac } from "node:crypto";
import { plural } from "../../base/text.ts";
import type { Decision } from "../../spec/contract/decision/index.ts";
import { ABSENT, type FactValue, type ProtocolName } from "../../spec/contract/facts/index.ts";
import type { Masked } from "../../spec/contract/record/index.ts";
import type { ActiveBundle, LoadedBundle } from "../bundle/index.ts";
import { SessionPolicy, reasonsOf, type ActionFacts } from "../decide/index.ts";
import { actionDigest, type Approvals, type Settlement } from "../enforce/approve/index.ts";
import type { Alerts } from "../enforce/alert/index.ts";
import type { Rates } from "../enforce/limit/index.ts";
import type { Clock } from "../outside/index.ts";
import type { Refusal } from "../protocols/index.ts";
import { RecorderFailed, decisionFragments, type Recorder, type SessionLog } from "../record/index.ts";
import { countActions, raiseAlerts, rateLimitsOf, rowLimitRefusal, type SideEffectParts } from "./side-effects.ts";

/** Everything that is fixed for a session whose actions are not SQL. */
export interface DeskParts {
  readonly protocol: ProtocolName;
  readonly bundles: ActiveBundle;
  readonly approvals: Approvals;
  readonly recorder: Recorder;
  readonly rates: Rates;
  readonly alerts: Alerts;
  readonly log: SessionLog;
  readonly clock: Clock;
  /** Facts of the connection, by path. */
  readonly facts: ReadonlyMap<string, FactValue>;
  readonly identity: { readonly name: string; readonly issuer: string | null; readonly expiresAt: number | null };
  readonly target: { readonly name: string; readonly account: string };
  /** Key of the commitments to what exactly was asked for. */
  readonly commitKey: Uint8Array;
  readonly noticeEveryMs: number;
  readonly howToGrant: (id: string) => string;
}

/** One thing that a client wants done. */
export interface DeskAction {
  /** What kind of thing, in the record's words. */
  readonly phase: string;
  readonly kinds: readonly string[];
  /** Its facts by path; undefined for those of the session. */
  readonly facts: ActionFacts;
  /** As record and approvers see it. */
  readonly text: Masked;
  /** What exactly would be done. A grant is bound to these bytes. */
  readonly exact: Buffer;
}

/** The client's side of waiting for a person. */
export interface Waiter {
  /** Told at once and again from time to time. */
  notify(text: string, hint: string): void;
  /** Called when the wait begins, with what ends it when the client gives up. */
  waiting(withdraw: (why: "cancelled" | "disconnected") => void): void;
}

export type DeskRuling =
  | {
      readonly go: true;
      readonly decision: Decision;
      readonly bundle: LoadedBundle;
      readonly decisionId: number;
      /** The record that must be durable before a byte of the action goes upstream. */
      readonly recordIndex: number;
    }
  | { readonly go: false; readonly refusal: Refusal; readonly decisionId: number | null };

export interface DeskOutcome {
  readonly status: "ok" | "error" | "cut" | "lost";
  readonly tag: string;
  readonly bytes: number;
  readonly startedAt: number;
  /** Names of the rules whose masks replaced something. */
  readonly masked: readonly string[];
}

interface Judged {
  readonly bundle: LoadedBundle;
  readonly decision: Decision;
  readonly refusal: Refusal | null;
}

/**
 * Decides, records and holds the actions of one session, whatever its protocol, as long as an action is told by its facts
 * and its bytes alone. Several may wait at once.
 */
export class ActionDesk {
  readonly #parts: DeskParts;
  #policy: SessionPolicy | null = null;
  #decision = 0;
  /** Requests that are waited for. */
  readonly #waiting = new Set<string>();
  #closed = false;

  constructor(parts: DeskParts) {
    this.#parts = parts;
  }

  /**
   * @param waiter null when the client can't wait here: what needs approval is refused then, and the answer comes at once
   * @returns at once when nobody is waited for
   */
  judge(action: DeskAction, waiter: Waiter | null): DeskRuling | Promise<DeskRuling> {
    const judged = this.#judge(action);
    if ("go" in judged) return judged;
    const decisionId = ++this.#decision;
    if (judged.refusal !== null) return this.#refuse(action, judged, decisionId, judged.refusal);
    if (judged.decision.verdict !== "approve") return this.#go(action, judged, decisionId);
    if (waiter === null) return this.#refuse(action, judged, decisionId, this.#cantWait(judged));
    return this.#hold(action, judged, decisionId, waiter);
  }

  #cantWait(judged: Judged): Refusal {
    const names = approveRules(judged).map((index) => judged.bundle.manifest.rules[index]!.name);
    return {
      kind: "policy",
      message: `sallyport: this needs approval by rule ${names.join(", ")}, and can't wait for one here`,
      hint: "Write the rule for the command, shell or transfer as a whole.",
    };
  }

  /** Resolves once the record is durable enough for the action to go ahead; false when it never will be. */
  mayGo(recordIndex: number): Promise<boolean> {
    const { recorder } = this.#parts;
    if (recorder.mayForward(recordIndex)) return Promise.resolve(true);
    return new Promise((resolve) => recorder.whenDurable(recordIndex, resolve));
  }

  finished(decisionId: number, outcome: DeskOutcome): void {
    const { recorder, log, clock } = this.#parts;
    if (recorder.failed !== null) return;
    try {
      log.outcome({
        decisionId,
        status: outcome.status,
        tag: outcome.tag,
        rows: 0,
        bytes: outcome.bytes,
        us: Math.round((clock.monotonic() - outcome.startedAt) * 1000),
        masked: outcome.masked,
        sqlstate: null,
        sample: null,
      });
    } catch (fault) {
      if (!(fault instanceof RecorderFailed)) throw fault;
    }
  }

  /** The gateway stops: what waits stays pending. */
  release(): void {
    this.#closed = true;
    for (const id of this.#waiting) this.#parts.approvals.release(id);
    this.#waiting.clear();
  }

  #judge(action: DeskAction): Judged | DeskRuling {
    const { bundles, recorder, clock, identity } = this.#parts;
    if (this.#closed || recorder.failed !== null) return recordFailed();
    const bundle = bundles.current;
    if (bundle === null)
      return unavailable(
        "no policy bundle is loaded, so everything is refused",
        "An operator must put a bundle in place; see the gateway's log.",
      );
    if (identity.expiresAt !== null && clock.now() >= identity.expiresAt)
      return unavailable("your sign-in has expired", "Connect again with a new certificate or token.");
    if (this.#policy?.bundle !== bundle)
      this.#policy = new SessionPolicy(bundle, this.#parts.protocol, (path) => this.#parts.facts.get(path) ?? ABSENT);
    const decision = this.#policy.decide((path) => {
      if (path === "time") return clock.now();
      if (path === "session.age") return clock.now() - Number(this.#parts.facts.get("session.started") ?? 0);
      return action.facts(path);
    });
    return { bundle, decision, refusal: this.#refusal(bundle, decision, action) };
  }

  #refusal(bundle: LoadedBundle, decision: Decision, action: DeskAction): Refusal | null {
    if (decision.verdict === "deny") return this.#denied(bundle, decision, action);
    return rowLimitRefusal(bundle.manifest, decision, this.#parts.protocol);
  }

  #denied(bundle: LoadedBundle, decision: Decision, action: DeskAction): Refusal {
    const reasons = reasonsOf(bundle.manifest, decision);
    const { identity, target } = this.#parts;
    return {
      kind: "policy",
      message: `sallyport: ${reasons.summary}${reasons.because === null ? "" : `: ${reasons.because}`}`,
      detail:
        reasons.rules.length === 0
          ? `No rule of ${bundle.manifest.package} allows ${action.kinds.join(", ")} for ${identity.name} on ${target.name}.`
          : undefined,
      hint: reasons.rules.length === 0 ? "Ask your security team for a rule that allows it." : undefined,
    };
  }

  #go(action: DeskAction, { bundle, decision }: Judged, decisionId: number): DeskRuling {
    const used = countActions(this.#effects(), rateLimitsOf(bundle.manifest, decision), 1);
    if (used !== null) return this.#refuse(action, { bundle, decision, refusal: used }, decisionId, used);
    const recordIndex = this.#record(action, { bundle, decision, refusal: null }, decisionId, null);
    return recordIndex === null ? recordFailed() : { go: true, decision, bundle, decisionId, recordIndex };
  }

  #refuse(action: DeskAction, judged: Judged, decisionId: number, refusal: Refusal): DeskRuling {
    if (this.#record(action, judged, decisionId, refusal.message) === null) return recordFailed();
    const detail = `${refusal.detail === undefined ? "" : `${refusal.detail} `}Decision ${this.#parts.log.sid}.${decisionId}.`;
    return { go: false, refusal: { ...refusal, detail }, decisionId };
  }

  #record(action: DeskAction, judged: Judged, decisionId: number, refused: string | null): number | null {
    const { manifest, digest } = judged.bundle;
    const nameOf = (index: number): string => manifest.rules[index]!.name;
    const { decision } = judged;
    const overruled = refused !== null && decision.verdict !== "deny";
    const verdict = overruled ? "deny" : decision.verdict;
    const told = { decisionId, verdict, kinds: action.kinds, text: action.text };
    if (!raiseAlerts(this.#effects(), manifest, decision.alerts, told)) return null;
    try {
      return this.#parts.log.statement({
        phase: action.phase,
        text: action.text,
        parameters: null,
        decision: decisionFragments(
          {
            verdict,
            rules: decision.matched.map(nameOf),
            deciding: decision.deciding.map(nameOf),
            masks: decision.masks.map(nameOf),
            bundle: digest,
          },
          action.kinds,
        ),
        decisionId,
        commit: createHmac("sha256", this.#parts.commitKey).update(action.exact).digest("hex"),
        refused,
      });
    } catch (fault) {
      if (!(fault instanceof RecorderFailed)) throw fault;
      return null;
    }
  }

  #effects(): SideEffectParts {
    const { protocol, rates, alerts, log, clock, identity, target } = this.#parts;
    return { protocol, rates, alerts, log, clock, identity, target: target.name };
  }

  // ---- waiting for people ------------------------------------------------------------------------------------------

  async #hold(action: DeskAction, judged: Judged, decisionId: number, waiter: Waiter): Promise<DeskRuling> {
    const { approvals, identity, target, log, clock, howToGrant, noticeEveryMs } = this.#parts;
    const { manifest } = judged.bundle;
    const asking = approveRules(judged);
    const names = asking.map((index) => manifest.rules[index]!.name);
    const digest = this.#digest(action, judged.bundle);
    const granted = await approvals.use(digest, identity.name, names);
    if (granted !== null) return this.#resume(action, judged, decisionId);
    let gaveUp: "cancelled" | "disconnected" | null = null;
    let withdraw = (why: "cancelled" | "disconnected"): void => void (gaveUp = why);
    waiter.waiting((why) => withdraw(why));
    let requestId = "";
    const settlement = await new Promise<Settlement>((settle) => {
      const demand = {
        digest,
        bundle: judged.bundle.digest,
        session: log.sid,
        requester: identity.name,
        target: target.name,
        summary: action.text,
        rules: asking.map((index) => {
          const rule = manifest.rules[index]!;
          return { name: rule.name, because: rule.because, ...rule.approve! };
        }),
      };
      void approvals.request(demand, settle).then((request) => {
        if (request === null)
          return settle({ state: "denied", by: null, reason: "the request can't be recorded, or too many wait" });
        const end = (why: "cancelled" | "disconnected"): void => {
          this.#waiting.delete(request.id);
          void approvals.withdraw(request.id, why === "cancelled" ? "the client cancelled" : "the client left");
          settle({ state: "withdrawn", by: null, reason: why });
        };
        requestId = request.id;
        if (gaveUp !== null) return end(gaveUp);
        withdraw = end;
        this.#waiting.add(request.id);
        const because = asking.map((index) => manifest.rules[index]!.because).find((text) => text !== null) ?? null;
        const say = (): void => {
          if (!this.#waiting.has(request.id)) return;
          const minutes = Math.max(1, Math.round((request.expiresAt - clock.now()) / 60_000));
          waiter.notify(
            `sallyport: waiting for approval ${request.id} (rule ${names.join(", ")}${because === null ? "" : `: ${because}`}); it is denied in ${plural(minutes, "minute")}`,
            howToGrant(request.id),
          );
          clock.after(noticeEveryMs, say);
        };
        say();
        return undefined;
      });
    });
    this.#waiting.delete(requestId);
    if (settlement.state !== "approved") return this.#refuse(action, judged, decisionId, settled(settlement));
    const used = await approvals.use(digest, identity.name, names);
    if (used === null) {
      return this.#refuse(action, judged, decisionId, {
        kind: "policy",
        message: "sallyport: the approval is no longer valid",
        hint: "Try again to ask for a new one.",
      });
    }
    return this.#resume(action, judged, decisionId);
  }

  /** The grant is used, and the action decided once more: the policy may have changed while it waited. */
  #resume(action: DeskAction, before: Judged, decisionId: number): DeskRuling {
    const fresh = this.#judge(action);
    if ("go" in fresh) return fresh;
    if (fresh.bundle !== before.bundle)
      return this.#refuse(action, fresh, decisionId, {
        kind: "policy",
        message: "sallyport: the policy changed while it waited",
        hint: "Try again.",
      });
    if (fresh.refusal !== null) return this.#refuse(action, fresh, decisionId, fresh.refusal);
    const asked = approveRules(before);
    if (!approveRules(fresh).every((rule) => asked.includes(rule)))
      return this.#refuse(action, fresh, decisionId, {
        kind: "policy",
        message: "sallyport: another rule asks for approval by now",
        hint: "Try again to ask for it.",
      });
    return this.#go(action, fresh, decisionId);
  }

  #digest(action: DeskAction, bundle: LoadedBundle): string {
    const { identity, target, protocol } = this.#parts;
    return actionDigest({
      protocol,
      target: target.name,
      account: target.account,
      database: "",
      requester: identity.name,
      issuer: identity.issuer,
      bundle: bundle.digest,
      text: action.exact,
      parameters: [],
      parameterFormats: [],
      searchPath: null,
    });
  }
}

const approveRules = ({ bundle, decision }: Judged): readonly number[] =>
  decision.matched.filter((index) => bundle.manifest.rules[index]!.effect === "approve");

function unavailable(message: string, hint: string): DeskRuling {
  return { go: false, decisionId: null, refusal: { kind: "unavailable", message: `sallyport: ${message}`, hint } };
}

const recordFailed = (): DeskRuling =>
  unavailable(
    "the record can't be written, so nothing is let through",
    "An operator must look at the gateway's disk and log.",
  );

function settled(settlement: Exclude<Settlement, { state: "approved" }>): Refusal {
  const reason = settlement.reason === null ? "" : `: ${settlement.reason}`;
  switch (settlement.state) {
    case "denied":
      return { kind: "policy", message: `sallyport: ${settlement.by ?? "the gateway"} denied the approval${reason}` };
    case "expired":
      return { kind: "policy", message: "sallyport: nobody approved in time", hint: "Try again to ask once more." };
    case "withdrawn":
      return { kind: "withdrawn", message: "sallyport: the approval request is withdrawn" };
  }
}
