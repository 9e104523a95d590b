import { isEligible, type ApprovalRecord } from "../enforce/approve/index.ts";
import type { Identity } from "../identity/index.ts";

/** A request for approval as the API shows it. Times are ISO 8601 in UTC. */
export interface ApprovalView {
  readonly id: string;
  readonly state: string;
  readonly requester: string;
  readonly target: string;
  readonly session: string;
  readonly summary: string;
  readonly digest: string;
  readonly bundle: string;
  readonly createdAt: string;
  readonly expiresAt: string;
  readonly validMs: number;
  readonly rules: readonly {
    readonly name: string;
    readonly because: string | null;
    readonly groups: readonly string[];
    readonly users: readonly string[];
    readonly quorum: number;
    readonly granted: number;
  }[];
  readonly votes: readonly { readonly by: string; readonly at: string; readonly reason: string | null }[];
  readonly decidedBy: string | null;
  readonly reason: string | null;
  /** Whether the reader may decide on it. */
  readonly mayDecide: boolean;
}

const iso = (ms: number): string => new Date(ms).toISOString();

const decides = (record: ApprovalRecord, reader: Identity): boolean =>
  record.rules.some((rule) => isEligible(rule, reader));

/** Requests are seen by who asked, who may decide, and administrators. */
export const maySee = (record: ApprovalRecord, reader: Identity, administrator: boolean): boolean =>
  administrator || record.requester === reader.name || decides(record, reader);

export function viewOf(record: ApprovalRecord, reader: Identity): ApprovalView {
  return {
    id: record.id,
    state: record.state,
    requester: record.requester,
    target: record.target,
    session: record.session,
    summary: record.summary,
    digest: record.digest,
    bundle: record.bundle,
    createdAt: iso(record.createdAt),
    expiresAt: iso(record.expiresAt),
    validMs: record.validMs,
    rules: record.rules.map((rule) => ({
      name: rule.name,
      because: rule.because,
      groups: rule.groups,
      users: rule.users,
      quorum: rule.quorum,
      granted: record.votes.filter((vote) => isEligible(rule, { name: vote.by, groups: vote.groups })).length,
    })),
    votes: record.votes.map((vote) => ({ by: vote.by, at: iso(vote.at), reason: vote.reason })),
    decidedBy: record.decidedBy,
    reason: record.reason,
    mayDecide: record.state === "pending" && record.requester !== reader.name && decides(record, reader),
  };
}
