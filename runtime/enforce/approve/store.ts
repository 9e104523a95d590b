import { DatabaseSync } from "node:sqlite";

/** States of a request. Only `pending` and `approved` can change. */
export type ApprovalState = "pending" | "approved" | "used" | "denied" | "expired" | "withdrawn" | "revoked";

export interface ApprovalRule {
  readonly name: string;
  readonly because: string | null;
  readonly groups: readonly string[];
  readonly users: readonly string[];
  readonly quorum: number;
}

export interface ApprovalVote {
  readonly by: string;
  readonly groups: readonly string[];
  readonly at: number;
  readonly reason: string | null;
}

export interface ApprovalRecord {
  readonly id: string;
  readonly version: number;
  readonly state: ApprovalState;
  readonly digest: string;
  readonly bundle: string;
  readonly requester: string;
  readonly target: string;
  readonly session: string;
  readonly summary: string;
  readonly rules: readonly ApprovalRule[];
  readonly votes: readonly ApprovalVote[];
  readonly createdAt: number;
  /** While pending: when it is denied by itself. Once approved: until when it may be used. */
  readonly expiresAt: number;
  /** 0: used once. */
  readonly validMs: number;
  readonly decidedBy: string | null;
  readonly reason: string | null;
}

/** Requests on disk, so that a restart loses none. Every change is a compare-and-set. */
export class ApprovalStore {
  readonly #db: DatabaseSync;

  /** `path`: a file, or `:memory:`. */
  constructor(path: string) {
    this.#db = new DatabaseSync(path);
    this.#db.exec(`
      pragma journal_mode = wal;
      pragma synchronous = full;
      create table if not exists approval (
        id text primary key, version integer not null, state text not null, digest text not null, requester text not null,
        created_at integer not null, body text not null
      ) strict;
      create index if not exists approval_by_digest on approval (digest, requester, state);
      create index if not exists approval_by_state on approval (state, created_at);
    `);
  }

  insert(record: ApprovalRecord): void {
    this.#db
      .prepare(
        "insert into approval (id, version, state, digest, requester, created_at, body) values (?, ?, ?, ?, ?, ?, ?)",
      )
      .run(
        record.id,
        record.version,
        record.state,
        record.digest,
        record.requester,
        record.createdAt,
        JSON.stringify(record),
      );
  }

  get(id: string): ApprovalRecord | null {
    return read(this.#db.prepare("select body from approval where id = ?").get(id));
  }

  /** Puts `next` in the place of the version it was made from; false when someone else was first. */
  replace(previous: ApprovalRecord, next: ApprovalRecord): boolean {
    const result = this.#db
      .prepare("update approval set version = ?, state = ?, body = ? where id = ? and version = ? and state = ?")
      .run(next.version, next.state, JSON.stringify(next), previous.id, previous.version, previous.state);
    return Number(result.changes) === 1;
  }

  find(digest: string, requester: string, state: ApprovalState): readonly ApprovalRecord[] {
    return this.#db
      .prepare(
        "select body from approval where digest = ? and requester = ? and state = ? order by created_at desc limit 20",
      )
      .all(digest, requester, state)
      .flatMap((row) => read(row) ?? []);
  }

  /** Requests that wait, of everybody or of one person. */
  countPending(requester?: string): number {
    const row =
      requester === undefined
        ? this.#db.prepare("select count(*) as n from approval where state = 'pending'").get()
        : this.#db
            .prepare("select count(*) as n from approval where state = 'pending' and requester = ?")
            .get(requester);
    return Number(row?.["n"]);
  }

  list(state: ApprovalState | null, limit: number): readonly ApprovalRecord[] {
    const rows =
      state === null
        ? this.#db.prepare("select body from approval order by created_at desc limit ?").all(limit)
        : this.#db
            .prepare("select body from approval where state = ? order by created_at desc limit ?")
            .all(state, limit);
    return rows.flatMap((row) => read(row) ?? []);
  }

  close(): void {
    this.#db.close();
  }
}

function read(row: unknown): ApprovalRecord | null {
  const text = (row as { body?: unknown } | undefined)?.body;
  return typeof text === "string" ? (JSON.parse(text) as ApprovalRecord) : null;
}
