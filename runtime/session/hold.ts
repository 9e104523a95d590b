import { plural } from "../../base/text.ts";
import type { Masked } from "../../spec/contract/record/index.ts";
import type { LoadedBundle } from "../bundle/index.ts";
import type { ApprovalRecord, Approvals, Settlement } from "../enforce/approve/index.ts";
import type { Clock } from "../outside/index.ts";
import type { Refusal } from "../protocols/index.ts";
import type { SessionLog } from "../record/index.ts";

/** How a client gives up what it waits for. */
export type GaveUp = "cancelled" | "disconnected";

/** What of a session a request for approval tells. */
export interface HoldParts {
  readonly approvals: Approvals;
  readonly log: SessionLog;
  readonly clock: Clock;
  readonly identity: { readonly name: string };
  readonly target: string;
}

/** What is asked for. */
export interface HeldAction {
  readonly bundle: LoadedBundle;
  /** All approve rules that matched. */
  readonly approveRules: readonly number[];
  /** Of exactly what the approval is for. */
  readonly digest: string;
  /** As approvers see it. */
  readonly summary: Masked;
}

/** The client's side of the wait. */
export interface HoldClient {
  /** How long it may stand; null: until it is settled. */
  readonly holdMs: number | null;
  /** Why it may not wait, so that only a grant that is there already counts; null when it may. */
  readonly cantWait?: Refusal | null;
  /** Asked for when the wait begins: settles when the client gives up. */
  left(): Promise<GaveUp>;
  /** Told when the wait begins; what it gives back is called when it ends. */
  waiting?(request: ApprovalRecord): () => void;
}

/** Why there is no approval. `lapsed`: it was given, and is no longer valid. */
export type Unheld = "cant-wait" | "not-taken" | "denied" | "expired" | "withdrawn" | "lapsed";

/** How it went on. `waiting`: the wait ended with nobody's word, and the request stays open. */
export type Held =
  | { readonly state: "granted" }
  | { readonly state: "refused"; readonly why: Unheld; readonly refusal: Refusal }
  | { readonly state: "waiting"; readonly approval: ApprovalRecord };

/** What one session waits for from people. */
export class Holds {
  readonly #parts: HoldParts;
  readonly #waiting = new Set<string>();
  readonly #released = Promise.withResolvers<"released">();

  constructor(parts: HoldParts) {
    this.#parts = parts;
  }

  /** Waits for an approval; a grant that is there already is used. */
  async hold(action: HeldAction, client: HoldClient): Promise<Held> {
    const { approvals, identity, target, log, clock } = this.#parts;
    const { digest, summary, bundle } = action;
    const rules = action.approveRules.map((index) => bundle.manifest.rules[index]!);
    const names = rules.map((rule) => rule.name);
    if ((await approvals.use(digest, identity.name, names)) !== null) return { state: "granted" };
    if (client.cantWait != null) return refused("cant-wait", client.cantWait);
    const left = client.left();
    const settled = Promise.withResolvers<Settlement>();
    const request = await approvals.request(
      {
        digest,
        bundle: bundle.digest,
        session: log.sid,
        requester: identity.name,
        target,
        summary,
        rules: rules.map((rule) => ({ name: rule.name, because: rule.because, ...rule.approve! })),
      },
      settled.resolve,
    );
    if (request === null) return refused("not-taken", NOT_TAKEN);
    this.#waiting.add(request.id);
    const late = Promise.withResolvers<"late">();
    const callOff = client.holdMs === null ? null : clock.after(client.holdMs, () => late.resolve("late"));
    const ended = client.waiting?.(request);
    const first = await Promise.race([settled.promise, late.promise, this.#released.promise, left]);
    callOff?.();
    ended?.();
    this.#waiting.delete(request.id);
    if (first === "late" || first === "released") {
      approvals.release(request.id);
      return { state: "waiting", approval: request };
    }
    if (first === "cancelled" || first === "disconnected") {
      const why = first === "cancelled" ? "the client cancelled" : "the client left";
      await approvals.withdraw(request.id, why);
      return refused("withdrawn", { kind: "withdrawn", message: `${why}; the request for approval is withdrawn` });
    }
    if (first.state !== "approved") return refused(first.state, refusalOf(first));
    return (await approvals.use(digest, identity.name, names)) === null
      ? refused("lapsed", LAPSED)
      : { state: "granted" };
  }

  /** The gateway stops: what waits stays pending, so that the same thing sent again finds its grant. */
  release(): void {
    // At once, for a client that is cut off next would withdraw it.
    for (const id of this.#waiting) this.#parts.approvals.release(id);
    this.#released.resolve("released");
  }
}

const refused = (why: Unheld, refusal: Refusal): Held => ({ state: "refused", why, refusal });

const NOT_TAKEN: Refusal = {
  kind: "unavailable",
  message: "the request for approval can't be taken",
  hint: "Too many are waiting already, or the record can't be written.",
};

const LAPSED: Refusal = {
  kind: "policy",
  message: "the approval is no longer valid",
  hint: "Try again to ask for a new one.",
};

function refusalOf(settlement: Exclude<Settlement, { state: "approved" }>): Refusal {
  const reason = settlement.reason === null ? "" : `: ${settlement.reason}`;
  switch (settlement.state) {
    case "denied":
      return { kind: "policy", message: `${settlement.by ?? "the gateway"} denied the approval${reason}` };
    case "expired":
      return { kind: "policy", message: "nobody approved in time", hint: "Try again to ask once more." };
    case "withdrawn":
      return { kind: "withdrawn", message: "the request for approval was withdrawn" };
  }
}

/** Tells a client that it waits, at once and from time to time; what comes back stops it. */
export function noticesOf(
  request: ApprovalRecord,
  { clock, everyMs, tell }: { readonly clock: Clock; readonly everyMs: number; readonly tell: (text: string) => void },
): () => void {
  const names = request.rules.map((rule) => rule.name).join(", ");
  const because = request.rules.find((rule) => rule.because !== null)?.because;
  const rules = `rule ${names}${because == null ? "" : `: ${because}`}`;
  let callOff = (): void => undefined;
  const again = (): void => {
    const minutes = Math.max(1, Math.round((request.expiresAt - clock.now()) / 60_000));
    tell(`waiting for approval ${request.id} (${rules}); it is denied in ${plural(minutes, "minute")}`);
    callOff = clock.after(everyMs, again);
  };
  again();
  return () => callOff();
}
