import { err, ok, type Result } from "../../../base/result.ts";
import { timeOrderedId, type Clock, type Random } from "../../outside/index.ts";
import type { ApprovalRecord, ApprovalRule, ApprovalState, ApprovalStore } from "./store.ts";

export interface ApprovalDemand {
  readonly digest: string;
  readonly bundle: string;
  readonly session: string;
  readonly requester: string;
  readonly target: string;
  /** What approvers see: masked as the record is. */
  readonly summary: string;
  readonly rules: readonly (ApprovalRule & { readonly withinMs: number; readonly validMs: number })[];
}

/** A step of a request, told before it takes effect. */
export interface ApprovalEvent {
  readonly step: "requested" | "granted" | "approved" | "denied" | "expired" | "withdrawn" | "used";
  readonly record: ApprovalRecord;
  readonly by: string | null;
  readonly reason: string | null;
}

export type Settlement =
  | { readonly state: "approved"; readonly by: readonly string[] }
  | { readonly state: "denied" | "expired" | "withdrawn"; readonly by: string | null; readonly reason: string | null };

/** Why a vote was not taken. */
export type VoteRefusal = "unknown" | "not-pending" | "own-request" | "not-eligible" | "already-voted" | "lost-race" | "not-recorded";

/** Someone who may decide. */
export interface Approver {
  readonly name: string;
  readonly groups: readonly string[];
}

const LIST_MAX = 500;

/**
 * Requests for approval and what becomes of them. A step is recorded before it takes effect; silence denies; whoever asks
 * never grants; a grant serves the very action it was asked for.
 */
export class Approvals {
  readonly #store: ApprovalStore;
  readonly #clock: Clock;
  readonly #random: Random;
  /** Resolves once the step is durable; false when it can't be. */
  readonly #record: (event: ApprovalEvent) => Promise<boolean>;
  readonly #waiting = new Map<string, (settlement: Settlement) => void>();
  readonly #timers = new Map<string, () => void>();

  constructor(store: ApprovalStore, clock: Clock, random: Random, record: (event: ApprovalEvent) => Promise<boolean>) {
    this.#store = store;
    this.#clock = clock;
    this.#random = random;
    this.#record = record;
    for (const pending of store.list("pending", LIST_MAX)) this.#expireLater(pending);
  }

  /**
   * A grant that is still good for the same action and requester, used up now if it serves once; null when there is none.
   */
  async use(digest: string, requester: string): Promise<ApprovalRecord | null> {
    const now = this.#clock.now();
    for (const found of this.#store.find(digest, requester, "approved")) {
      if (found.expiresAt <= now) {
        await this.#move(found, "expired", null, null);
        continue;
      }
      // Taken before it is recorded: a crash in between costs a grant and never gives one twice.
      const used: ApprovalRecord = { ...found, version: found.version + 1, state: found.validMs > 0 ? "approved" : "used" };
      if (!this.#store.replace(found, used)) continue;
      return (await this.#record({ step: "used", record: used, by: null, reason: null })) ? used : null;
    }
    return null;
  }

  /** Opens a request, or takes up the pending one for the same action. `settled` is called once. */
  async request(demand: ApprovalDemand, settled: (settlement: Settlement) => void): Promise<ApprovalRecord | null> {
    const now = this.#clock.now();
    const again = this.#store.find(demand.digest, demand.requester, "pending").find((one) => one.expiresAt > now && !this.#waiting.has(one.id));
    if (again !== undefined) {
      this.#waiting.set(again.id, settled);
      return again;
    }
    const record: ApprovalRecord = {
      id: `apr_${timeOrderedId(now, this.#random).slice(0, 18)}`,
      version: 1,
      state: "pending",
      digest: demand.digest,
      bundle: demand.bundle,
      requester: demand.requester,
      target: demand.target,
      session: demand.session,
      summary: demand.summary,
      rules: demand.rules.map(({ name, because, groups, users, quorum }) => ({ name, because, groups, users, quorum })),
      votes: [],
      createdAt: now,
      expiresAt: now + Math.min(...demand.rules.map((rule) => rule.withinMs)),
      validMs: Math.min(...demand.rules.map((rule) => rule.validMs)),
      decidedBy: null,
      reason: null,
    };
    if (!(await this.#record({ step: "requested", record, by: demand.requester, reason: null }))) return null;
    this.#store.insert(record);
    this.#waiting.set(record.id, settled);
    this.#expireLater(record);
    return record;
  }

  /** The client that waited is gone, or gave up. */
  async withdraw(id: string, reason: string): Promise<void> {
    this.#waiting.delete(id);
    const found = this.#store.get(id);
    if (found?.state === "pending") await this.#move(found, "withdrawn", found.requester, reason);
  }

  /** The gateway stops: requests stay pending, so that a resubmitted statement finds its grant. */
  release(id: string): void {
    this.#waiting.delete(id);
  }

  get(id: string): ApprovalRecord | null {
    return this.#store.get(id);
  }

  list(state: ApprovalState | null): readonly ApprovalRecord[] {
    return this.#store.list(state, LIST_MAX);
  }

  /** One person's grant. Once every rule has its quorum of distinct eligible people, the request is approved. */
  async approve(id: string, approver: Approver, reason: string | null): Promise<Result<ApprovalRecord, VoteRefusal>> {
    const checked = this.#votable(id, approver);
    if (!checked.ok) return checked;
    const found = checked.value;
    if (found.votes.some((vote) => vote.by === approver.name)) return err("already-voted");
    const votes = [...found.votes, { by: approver.name, groups: approver.groups, at: this.#clock.now(), reason }];
    const complete = found.rules.every((rule) => votes.filter((vote) => isEligible(rule, { name: vote.by, groups: vote.groups })).length >= rule.quorum);
    const now = this.#clock.now();
    const next: ApprovalRecord = {
      ...found,
      version: found.version + 1,
      votes,
      state: complete ? "approved" : "pending",
      // Approved once, it may be used as long as the request would have waited.
      expiresAt: complete && found.validMs > 0 ? now + found.validMs : found.expiresAt,
      decidedBy: complete ? approver.name : null,
      reason: complete ? reason : null,
    };
    if (!(await this.#record({ step: complete ? "approved" : "granted", record: next, by: approver.name, reason }))) return err("not-recorded");
    if (!this.#store.replace(found, next)) return err("lost-race");
    if (complete) this.#settle(id, { state: "approved", by: votes.map((vote) => vote.by) });
    return ok(next);
  }

  /** One eligible person's no ends the request. */
  async deny(id: string, approver: Approver, reason: string | null): Promise<Result<ApprovalRecord, VoteRefusal>> {
    const checked = this.#votable(id, approver);
    if (!checked.ok) return checked;
    const moved = await this.#move(checked.value, "denied", approver.name, reason);
    return moved === null ? err("lost-race") : ok(moved);
  }

  #votable(id: string, approver: Approver): Result<ApprovalRecord, VoteRefusal> {
    const found = this.#store.get(id);
    if (found === null) return err("unknown");
    if (found.state !== "pending" || found.expiresAt <= this.#clock.now()) return err("not-pending");
    if (found.requester === approver.name) return err("own-request");
    return found.rules.some((rule) => isEligible(rule, approver)) ? ok(found) : err("not-eligible");
  }

  async #move(found: ApprovalRecord, state: "denied" | "expired" | "withdrawn", by: string | null, reason: string | null): Promise<ApprovalRecord | null> {
    const next: ApprovalRecord = { ...found, version: found.version + 1, state, decidedBy: by, reason };
    const recorded = await this.#record({ step: state, record: next, by, reason });
    if (!this.#store.replace(found, next)) return null;
    this.#settle(found.id, { state, by, reason: recorded ? reason : "the record can't be written" });
    return next;
  }

  #settle(id: string, settlement: Settlement): void {
    this.#timers.get(id)?.();
    this.#timers.delete(id);
    const waiting = this.#waiting.get(id);
    this.#waiting.delete(id);
    waiting?.(settlement);
  }

  #expireLater(record: ApprovalRecord): void {
    const call = (): void => {
      this.#timers.delete(record.id);
      const found = this.#store.get(record.id);
      if (found?.state === "pending") void this.#move(found, "expired", null, null);
    };
    this.#timers.set(record.id, this.#clock.after(record.expiresAt - this.#clock.now(), call));
  }

  close(): void {
    for (const callOff of this.#timers.values()) callOff();
    this.#timers.clear();
    this.#waiting.clear();
    this.#store.close();
  }
}

export function isEligible(rule: ApprovalRule, approver: Approver): boolean {
  return rule.users.includes(approver.name) || rule.groups.some((group) => approver.groups.includes(group));
}
