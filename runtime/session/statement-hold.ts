import type { Masked } from "../../spec/contract/record/index.ts";
import { actionDigest, type Approvals } from "../enforce/approve/index.ts";
import type { Clock } from "../outside/index.ts";
import type { Refusal, SqlAction } from "../protocols/index.ts";
import type { SessionLog } from "../record/index.ts";
import { Holds, noticesOf, type GaveUp, type Unheld } from "./hold.ts";
import { signed } from "./refusals.ts";
import type { Kept } from "./statement-verdicts.ts";

export interface StatementHoldParts {
  readonly approvals: Approvals;
  readonly log: SessionLog;
  readonly clock: Clock;
  readonly identity: { readonly name: string; readonly issuer: string | null };
  readonly target: { readonly name: string; readonly database: string; readonly account: string };
  readonly approvalSettings: {
    readonly inTransaction: "refuse" | "hold";
    readonly noticeEveryMs: number;
    readonly howToGrant: (id: string) => string;
  };
  /** Tells the waiting client something. */
  readonly notify: (text: string, hint?: string) => void;
}

/** The wait of a session's statement for people: one at a time, and its client is told of it. */
export class StatementHold {
  readonly #parts: StatementHoldParts;
  readonly #holds: Holds;
  /** While a statement waits: ends that. */
  #giveUp: ((why: GaveUp) => void) | null = null;

  constructor(parts: StatementHoldParts) {
    this.#parts = parts;
    const { approvals, log, clock, identity, target } = parts;
    this.#holds = new Holds({ approvals, log, clock, identity, target: target.name });
  }

  /**
   * Waits for an approval; a grant that is there already is used. Why there is none, or null when there is.
   *
   * @param summary the statement as approvers see it
   * @param path the search path that it was read under
   */
  async wait(action: SqlAction, kept: Kept, summary: Masked, path: readonly string[] | null): Promise<Refusal | null> {
    const { clock, notify, approvalSettings } = this.#parts;
    let gone = false;
    const left = new Promise<GaveUp>((leave) => {
      this.#giveUp = (why) => {
        gone = true;
        leave(why);
      };
    });
    const held = await this.#holds.hold(
      {
        bundle: kept.bundle,
        approveRules: kept.approveRules,
        digest: this.#digest(action, kept, path),
        summary,
      },
      {
        holdMs: null,
        cantWait: action.inTransaction && approvalSettings.inTransaction === "refuse" ? LOCKS : null,
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
    if (held.state === "waiting") return new Promise<never>(() => undefined);
    this.#giveUp = null;
    return held.state === "granted" ? null : { ...signed(held.refusal), ...UNHELD[held.why] };
  }

  /** The client gave up what waits. */
  withdraw(why: GaveUp): void {
    this.#giveUp?.(why);
  }

  /** The gateway stops: what waits stays pending. */
  release(): void {
    this.#holds.release();
  }

  /** Of exactly what is approved. */
  #digest(action: SqlAction, { bundle }: Kept, path: readonly string[] | null): string {
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
      searchPath: path,
    });
  }
}

const LOCKS: Refusal = {
  kind: "policy",
  message: "this needs approval, and waiting for one inside a transaction would hold its locks",
  hint: "Run it outside of a transaction: once it is approved there, the same statement passes.",
};

/** What a client of SQL is told in other words. */
const UNHELD: Readonly<Partial<Record<Unheld, Partial<Refusal>>>> = {
  expired: { hint: "Run the statement again to ask once more." },
  lapsed: { hint: "Run the statement again to ask for a new one." },
  // The server's own words, for clients that look for them.
  withdrawn: { message: "sallyport: canceling statement due to user request; the approval request is withdrawn" },
};
