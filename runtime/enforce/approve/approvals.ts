import { assert } from "../../../base/assert.ts";
import { err, ok, type Result } from "../../../base/result.ts";
import { timeOrderedId, type Clock, type Random } from "../../outside/index.ts";
import { GRANT_MS_MIN, LIST_MAX, PENDING_MAX, PENDING_OF_ONE_MAX } from "./limits.ts";
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
  readonly step: "requested" | "granted" | "approved" | "denied" | "expired" | "withdrawn" | "revoked" | "used";
  readonly record: ApprovalRecord;
  readonly by: string | null;
  readonly reason: string | null;
}

export type Settlement =
  | { readonly state: "approved"; readonly by: readonly string[] }
  | { readonly state: "denied" | "expired" | "withdrawn"; readonly by: string | null; readonly reason: string | null };

/** Why a vote was not taken. */
export type VoteRefusal =
  "unknown" | "not-pending" | "own-request" | "not-eligible" | "already-voted" | "lost-race" | "not-recorded";

/** Someone who may decide. */
export interface Approver {
  readonly name: string;
  readonly groups: readonly string[];
}

/**
 * Requests for approval and what becomes of them. A step is recorded before it takes effect; silence denies; whoever asks
 * never grants; a grant serves the very action it was asked for.
 *
 * Steps of one request come one after the other: while one is being recorded no other is looked at, so that the record never
 * holds a step that lost to another. The store's compare-and-set is the second lock on the same door.
 */
export class Approvals {
  readonly #store: ApprovalStore;
  readonly #clock: Clock;
  readonly #random: Random;
  /** Resolves once the step is durable; false when it can't be. */
  readonly #record: (event: ApprovalEvent) => Promise<boolean>;
  readonly #waiting = new Map<string, (settlement: Settlement) => void>();
  readonly #timers = new Map<string, () => void>();
  /** The last step of each request that is under way. */
  readonly #steps = new Map<string, Promise<unknown>>();
  #closed = false;

  constructor(store: ApprovalStore, clock: Clock, random: Random, record: (event: ApprovalEvent) => Promise<boolean>) {
    this.#store = store;
    this.#clock = clock;
    this.#random = random;
    this.#record = record;
    for (const pending of store.list("pending", PENDING_MAX)) this.#expireLater(pending);
    for (const approved of store.list("approved", PENDING_MAX)) this.#expireLater(approved);
  }

  /**
   * A grant that is still good for the same action and requester, used up now if it serves once; null when there is none.
   *
   * @param rules names of the rules that ask for approval now: a grant counts only if all of them were asked then, for the
   *   same action can meet another rule at another time of day
   */
  async use(digest: string, requester: string, rules: readonly string[]): Promise<ApprovalRecord | null> {
    for (const found of this.#closed ? [] : this.#store.find(digest, requester, "approved")) {
      if (!covers(found, rules)) continue;
      const { id } = found;
      const used = await this.#oneByOne(id, () => this.#use(id));
      if (used !== null) return used;
    }
    return null;
  }

  async #use(id: string): Promise<ApprovalRecord | null> {
    const found = this.get(id);
    if (found?.state !== "approved") return null;
    if (found.expiresAt <= this.#clock.now()) {
      await this.#move(found, "expired", null, null);
      return null;
    }
    // Taken before it is recorded: a crash in between costs a grant and never gives one twice.
    const used: ApprovalRecord = {
      ...found,
      version: found.version + 1,
      state: found.validMs > 0 ? "approved" : "used",
    };
    if (!this.#store.replace(found, used)) return null;
    return (await this.#recorded({ step: "used", record: used, by: null, reason: null })) ? used : null;
  }

  /**
   * Opens a request, or takes up the pending one for the same action that nobody waits for (its client is gone with the
   * gateway before this one). `settled` is called once.
   *
   * @returns null when the request can't be recorded, or too many wait already
   */
  async request(demand: ApprovalDemand, settled: (settlement: Settlement) => void): Promise<ApprovalRecord | null> {
    assert(
      demand.rules.length > 0 && demand.rules.every((rule) => rule.quorum >= 1),
      "an approval is asked for by rules with a quorum",
    );
    if (this.#closed) return null;
    const now = this.#clock.now();
    const again = this.#store.find(demand.digest, demand.requester, "pending").find(
      (one) =>
        one.expiresAt > now &&
        !this.#waiting.has(one.id) &&
        !this.#steps.has(one.id) &&
        covers(
          one,
          demand.rules.map((rule) => rule.name),
        ),
    );
    if (again !== undefined) {
      this.#waiting.set(again.id, settled);
      return again;
    }
    if (this.#store.countPending() >= PENDING_MAX || this.#store.countPending(demand.requester) >= PENDING_OF_ONE_MAX)
      return null;
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
    if (!(await this.#recorded({ step: "requested", record, by: demand.requester, reason: null })) || this.#closed)
      return null;
    this.#store.insert(record);
    this.#waiting.set(record.id, settled);
    this.#expireLater(record);
    return record;
  }

  /** The client that waited is gone, or gave up. A grant given before that stays, for the same statement sent again. */
  async withdraw(id: string, reason: string): Promise<void> {
    this.#waiting.delete(id);
    await this.#oneByOne(id, async () => {
      const found = this.get(id);
      if (found?.state === "pending") await this.#move(found, "withdrawn", found.requester, reason);
    });
  }

  /** The gateway stops: requests stay pending, so that a resubmitted statement finds its grant. */
  release(id: string): void {
    this.#waiting.delete(id);
  }

  get(id: string): ApprovalRecord | null {
    return this.#closed ? null : this.#store.get(id);
  }

  list(state: ApprovalState | null): readonly ApprovalRecord[] {
    return this.#store.list(state, LIST_MAX);
  }

  /** One person's grant. Once every rule has its quorum of distinct eligible people, the request is approved. */
  approve(id: string, approver: Approver, reason: string | null): Promise<Result<ApprovalRecord, VoteRefusal>> {
    return this.#oneByOne(id, async () => {
      const checked = this.#votable(id, approver, ["pending"]);
      if (!checked.ok) return checked;
      const found = checked.value;
      if (found.votes.some((vote) => isSamePerson(vote.by, approver.name))) return err("already-voted");
      const now = this.#clock.now();
      const votes = [...found.votes, { by: approver.name, groups: approver.groups, at: now, reason }];
      const complete = found.rules.every(
        (rule) =>
          votes.filter((vote) => isEligible(rule, { name: vote.by, groups: vote.groups })).length >= rule.quorum,
      );
      const next: ApprovalRecord = {
        ...found,
        version: found.version + 1,
        votes,
        state: complete ? "approved" : "pending",
        expiresAt: complete ? grantEnds(found, now) : found.expiresAt,
        decidedBy: complete ? approver.name : null,
        reason: complete ? reason : null,
      };
      if (!(await this.#recorded({ step: complete ? "approved" : "granted", record: next, by: approver.name, reason })))
        return err("not-recorded");
      if (!this.#store.replace(found, next)) return err("lost-race");
      if (complete) {
        this.#settle(id, { state: "approved", by: votes.map((vote) => vote.by) });
        this.#expireLater(next);
      }
      return ok(next);
    });
  }

  /** One eligible person's no ends the request; said to a grant that was not used yet, it takes the grant back. */
  deny(id: string, approver: Approver, reason: string | null): Promise<Result<ApprovalRecord, VoteRefusal>> {
    return this.#oneByOne(id, async () => {
      const checked = this.#votable(id, approver, ["pending", "approved"]);
      if (!checked.ok) return checked;
      const moved = await this.#move(
        checked.value,
        checked.value.state === "approved" ? "revoked" : "denied",
        approver.name,
        reason,
      );
      return moved === null ? err("lost-race") : ok(moved);
    });
  }

  #votable(id: string, approver: Approver, states: readonly ApprovalState[]): Result<ApprovalRecord, VoteRefusal> {
    const found = this.get(id);
    if (found === null) return err("unknown");
    if (!states.includes(found.state) || found.expiresAt <= this.#clock.now()) return err("not-pending");
    if (isSamePerson(found.requester, approver.name)) return err("own-request");
    return found.rules.some((rule) => isEligible(rule, approver)) ? ok(found) : err("not-eligible");
  }

  /** Moves to an end that lets nothing through: that takes effect even where it can't be recorded. */
  async #move(
    found: ApprovalRecord,
    state: "denied" | "expired" | "withdrawn" | "revoked",
    by: string | null,
    reason: string | null,
  ): Promise<ApprovalRecord | null> {
    const next: ApprovalRecord = { ...found, version: found.version + 1, state, decidedBy: by, reason };
    const recorded = await this.#recorded({ step: state, record: next, by, reason });
    if (this.#closed || !this.#store.replace(found, next)) return null;
    this.#settle(found.id, {
      state: state === "revoked" ? "denied" : state,
      by,
      reason: recorded ? reason : "the record can't be written",
    });
    return next;
  }

  async #recorded(event: ApprovalEvent): Promise<boolean> {
    if (this.#closed) return false;
    const durable = await this.#record(event).catch(() => false);
    return durable && !this.#closed;
  }

  /** Runs the steps of one request one after the other. */
  #oneByOne<T>(id: string, step: () => Promise<T>): Promise<T> {
    const result = (this.#steps.get(id) ?? Promise.resolve()).then(step, step);
    const settled = result.then(
      () => undefined,
      () => undefined,
    );
    this.#steps.set(id, settled);
    void settled.then(() => {
      if (this.#steps.get(id) === settled) this.#steps.delete(id);
    });
    return result;
  }

  #settle(id: string, settlement: Settlement): void {
    this.#timers.get(id)?.();
    this.#timers.delete(id);
    const waiting = this.#waiting.get(id);
    this.#waiting.delete(id);
    waiting?.(settlement);
  }

  #expireLater({ id, expiresAt }: ApprovalRecord): void {
    this.#timers.get(id)?.();
    const call = (): void => {
      this.#timers.delete(id);
      void this.#oneByOne(id, async () => {
        const found = this.get(id);
        if (found?.state !== "pending" && found?.state !== "approved") return;
        // A timer can't wait for ever and may come early.
        if (found.expiresAt > this.#clock.now()) this.#expireLater(found);
        else await this.#move(found, "expired", null, null);
      });
    };
    this.#timers.set(id, this.#clock.after(Math.max(1, expiresAt - this.#clock.now()), call));
  }

  /** Nothing takes effect after this; requests stay as they are. */
  close(): void {
    if (this.#closed) return;
    this.#closed = true;
    for (const callOff of this.#timers.values()) callOff();
    this.#timers.clear();
    this.#waiting.clear();
    this.#store.close();
  }
}

/** Until when a grant given now may be used: as long as the rule says, or as the request would have waited. */
const grantEnds = (record: ApprovalRecord, now: number): number =>
  record.validMs > 0 ? now + record.validMs : Math.max(record.expiresAt, now + GRANT_MS_MIN);

const covers = (record: ApprovalRecord, rules: readonly string[]): boolean =>
  rules.every((name) => record.rules.some((rule) => rule.name === name));

export function isEligible(rule: ApprovalRule, approver: Approver): boolean {
  return rule.users.includes(approver.name) || rule.groups.some((group) => approver.groups.includes(group));
}

/** Whether two names may stand for one person: issuers differ in case and form, and doubt counts against a second vote. */
export function isSamePerson(a: string, b: string): boolean {
  const folded = (name: string): string => name.normalize("NFKC").toLowerCase();
  return folded(a) === folded(b);
}
