import type { Decision } from "../../spec/contract/decision/index.ts";
import type { Masked } from "../../spec/contract/record/index.ts";
import type { LoadedBundle } from "../bundle/index.ts";
import type { ActionFacts } from "../decide/index.ts";
import { actionDigest } from "../enforce/approve/index.ts";
import type { Refusal } from "../protocols/index.ts";
import {
  ActionEnforcer,
  RECORD_FAILED,
  isRefusal,
  type ActionEnforcerParts,
  type Judgement,
} from "./action-enforcer.ts";
import { noticesOf, type GaveUp } from "./hold.ts";
import { signed, withDecision } from "./refusals.ts";

/** Everything that is fixed for a session whose client waits on the spot. */
export interface DeskParts extends ActionEnforcerParts {
  /** The account at the target. */
  readonly account: string;
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
  waiting(withdraw: (why: GaveUp) => void): void;
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

/** Takes the actions of one session from the question to the answer: decided, recorded, and held while a person is asked. */
export class ActionDesk {
  readonly #parts: DeskParts;
  readonly #enforcer: ActionEnforcer;

  constructor(parts: DeskParts) {
    this.#parts = parts;
    this.#enforcer = new ActionEnforcer(parts);
  }

  /**
   * @param waiter null when the client can't wait here: what needs approval is refused then, and the answer comes at once
   * @returns at once when nobody is waited for
   */
  judge(action: DeskAction, waiter: Waiter | null): DeskRuling | Promise<DeskRuling> {
    const judged = this.#enforcer.judge([action.facts], action.kinds);
    if (isRefusal(judged)) return unjudged(judged);
    if (judged.refusal !== null) return this.#refuse(action, judged, judged.refusal);
    const held = judged.decision.verdict === "approve";
    if (held && waiter === null) return this.#refuse(action, judged, cantWait(judged));
    const used = this.#enforcer.count(judged);
    if (used !== null) return this.#refuse(action, judged, used);
    if (!held || waiter === null) return this.#go(action, judged);
    return this.#hold(action, judged, waiter);
  }

  /** Resolves once the record is durable enough for the action to go ahead; false when it never will be. */
  mayGo(recordIndex: number): Promise<boolean> {
    const { recorder } = this.#parts;
    if (recorder.mayForward(recordIndex)) return Promise.resolve(true);
    return new Promise((resolve) => recorder.whenDurable(recordIndex, resolve));
  }

  finished(decisionId: number, outcome: DeskOutcome): void {
    this.#enforcer.outcome({ decisionId, ...outcome, sample: null });
  }

  /** The gateway stops: what waits stays pending. */
  release(): void {
    this.#enforcer.release();
  }

  #go(action: DeskAction, judged: Judgement): DeskRuling {
    const recordIndex = this.#record(action, judged, null);
    if (recordIndex === null) return unjudged(RECORD_FAILED);
    const { decision, bundle, decisionId } = judged;
    return { go: true, decision, bundle, decisionId, recordIndex };
  }

  #refuse(action: DeskAction, judged: Judgement, why: Refusal): DeskRuling {
    const refusal = signed(why);
    if (this.#record(action, judged, refusal.message) === null) return unjudged(RECORD_FAILED);
    const { decisionId } = judged;
    return { go: false, refusal: withDecision(refusal, this.#parts.log.sid, decisionId), decisionId };
  }

  #record({ phase, text, kinds, exact }: DeskAction, judged: Judgement, refused: string | null): number | null {
    return this.#enforcer.record(judged, { phase, text, kinds, refused, exact });
  }

  async #hold(action: DeskAction, judged: Judgement, waiter: Waiter): Promise<DeskRuling> {
    const { clock, howToGrant, noticeEveryMs } = this.#parts;
    const held = await this.#enforcer.hold(
      judged,
      { digest: this.#digest(action, judged.bundle), summary: action.text },
      {
        holdMs: null,
        left: () => new Promise((left) => waiter.waiting(left)),
        waiting: (request) =>
          noticesOf(request, {
            clock,
            everyMs: noticeEveryMs,
            tell: (text) => waiter.notify(`sallyport: ${text}`, howToGrant(request.id)),
          }),
      },
    );
    if (held.state === "waiting") return unjudged(STOPS);
    if (held.state === "refused") return this.#refuse(action, judged, held.refusal);
    const again = this.#enforcer.again(judged, [action.facts], action.kinds);
    if (isRefusal(again)) return this.#refuse(action, judged, again);
    const used = this.#enforcer.count(again, judged);
    return used === null ? this.#go(action, again) : this.#refuse(action, again, used);
  }

  #digest(action: DeskAction, bundle: LoadedBundle): string {
    const { identity, target, account, protocol } = this.#parts;
    return actionDigest({
      protocol,
      target,
      account,
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

const STOPS: Refusal = {
  kind: "unavailable",
  message: "the gateway stops; what you asked stays open",
  hint: "Try again in a moment: if it was approved by then, it passes.",
};

function cantWait({ approveRules, bundle }: Judgement): Refusal {
  const names = approveRules.map((index) => bundle.manifest.rules[index]!.name);
  return {
    kind: "policy",
    message: `this needs approval by rule ${names.join(", ")}, and can't wait for one here`,
    hint: "Write the rule for the command, shell or transfer as a whole.",
  };
}

const unjudged = (refusal: Refusal): DeskRuling => ({ go: false, decisionId: null, refusal: signed(refusal) });
