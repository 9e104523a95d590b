import { createHash, generateKeyPairSync, createPublicKey } from "node:crypto";
import type { Clock } from "../../runtime/outside/index.ts";
import {
  MemoryLogStore,
  SessionLog,
  decisionFragments,
  openRecorder,
  type LogStore,
  type OpenOptions,
  type Recorder,
} from "../../runtime/record/index.ts";
import { maskedByPolicy } from "../../spec/contract/record/index.ts";

/** A clock that stands until it is told to go on. */
export class TestClock implements Clock {
  ms = Date.UTC(2026, 0, 1);
  #timers: { readonly at: number; readonly call: () => void }[] = [];

  now(): number {
    return this.ms;
  }

  monotonic(): number {
    return this.ms;
  }

  after(ms: number, call: () => void): () => void {
    const timer = { at: this.ms + ms, call };
    this.#timers.push(timer);
    return () => void (this.#timers = this.#timers.filter((one) => one !== timer));
  }

  advance(ms: number): void {
    const until = this.ms + ms;
    for (;;) {
      const due = this.#timers.filter((timer) => timer.at <= until).sort((a, b) => a.at - b.at)[0];
      if (due === undefined) break;
      this.#timers = this.#timers.filter((timer) => timer !== due);
      this.ms = due.at;
      due.call();
    }
    this.ms = until;
  }
}

export const ORIGIN = "gateway.example/audit";
export const logKey = generateKeyPairSync("ed25519").privateKey;
export const verifier = { name: ORIGIN, key: createPublicKey(logKey) };
export const who = { user: "ana", groups: ["analyst"], method: "password", issuer: null };
export const on = { target: "shop", protocol: "postgres", database: "shop", account: "gateway" };

export async function open(store: LogStore, options: Partial<OpenOptions> = {}): Promise<Recorder> {
  const opened = await openRecorder(store, {
    clock: new TestClock(),
    origin: ORIGIN,
    key: logKey,
    durability: "before-forward",
    ...options,
  });
  if (!opened.ok) throw new Error(opened.error);
  return opened.value;
}

export const allowed = decisionFragments(
  {
    verdict: "allow",
    rules: ["analysts read"],
    deciding: ["analysts read"],
    masks: [],
    bundle: "ab".repeat(32),
  },
  ["select"],
);

export const session = (recorder: Recorder, sid: string, clock: Clock = new TestClock()): SessionLog =>
  new SessionLog(recorder, clock, sid, who, on);

/** One statement of a session with its outcome. */
export function work(log: SessionLog, text = "select 1"): number {
  const decisionId = log.statements + 1;
  log.statement({
    phase: "simple",
    text: maskedByPolicy(text),
    parameters: null,
    decision: allowed,
    decisionId,
    commit: null,
    refused: null,
  });
  return log.outcome({
    decisionId,
    status: "ok",
    tag: "SELECT 1",
    rows: 1,
    bytes: 12,
    us: 340,
    masked: [],
    sqlstate: null,
    sample: null,
  });
}

export const start = (log: SessionLog): number =>
  log.append({ type: "session.start", from: "127.0.0.1", tls: true, application: "psql" });

/** A log of so many sessions with two statements each, closed as a gateway closes it. */
export async function recordedLog(
  store: LogStore,
  sessions: number,
  options: Partial<OpenOptions> = {},
): Promise<void> {
  const recorder = await open(store, options);
  for (let i = 0; i < sessions; i++) {
    const log = session(recorder, `session${recorder.size}`);
    start(log);
    work(log, `select ${i}`);
    work(log, "update t set a = 1 where b = 2");
    log.append({ type: "session.end", why: "the client left", statements: log.statements });
    if (i % 7 === 3) await recorder.flush();
    if (i % 20 === 11) await recorder.publish();
  }
  await recorder.close();
}

/** RFC 6962 section 2.1 word by word: what the tree must agree with. */
export function referenceRoot(leaves: readonly Buffer[]): Buffer {
  const sha256 = (...parts: readonly Uint8Array[]): Buffer => {
    const hash = createHash("sha256");
    for (const part of parts) hash.update(part);
    return hash.digest();
  };
  if (leaves.length === 0) return sha256();
  if (leaves.length === 1) return leaves[0]!;
  let split = 1;
  while (split * 2 < leaves.length) split *= 2;
  return sha256(Buffer.of(1), referenceRoot(leaves.slice(0, split)), referenceRoot(leaves.slice(split)));
}

/** A store whose disk gives out after so many bytes, in one of the ways that disks do. */
export class FaultyStore extends MemoryLogStore {
  left: number;
  readonly #how: "crash" | "no space" | "flush fails";
  #broken = false;

  constructor(bytesLeft: number, how: "crash" | "no space" | "flush fails") {
    super();
    this.left = bytesLeft;
    this.#how = how;
  }

  #take(bytes: number): number {
    if (this.#broken) throw new Error("the disk is gone");
    this.left -= bytes;
    if (this.left >= 0) return bytes;
    this.#broken = this.#how !== "no space";
    // A flush that fails may have written all, some or nothing.
    return this.#how === "flush fails" ? (bytes * 7) % (bytes + 1) : Math.max(0, bytes + this.left);
  }

  override async append(bytes: Uint8Array): Promise<void> {
    const taken = this.#take(bytes.length);
    await super.append(bytes.subarray(0, taken));
    if (this.left < 0) throw Object.assign(new Error(this.#how), { code: this.#how === "no space" ? "ENOSPC" : "EIO" });
  }

  override async write(path: string, bytes: Uint8Array): Promise<void> {
    // A file is put in place whole or not at all.
    this.#take(bytes.length);
    if (this.left < 0) throw new Error(this.#how);
    await super.write(path, bytes);
  }

  /** What a process that starts after the fault finds. */
  survivor(): MemoryLogStore {
    const store = new MemoryLogStore();
    for (const [path, bytes] of this.files) store.files.set(path, bytes);
    for (const [start, bytes] of this.wal) store.wal.set(start, bytes);
    return store;
  }
}
