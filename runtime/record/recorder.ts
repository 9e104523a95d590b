import { assert } from "../../base/assert.ts";
import { ENTRY_BYTES_MAX, canonicalJson } from "../../spec/contract/record/index.ts";
import type { Clock } from "../outside/index.ts";
import { EntryBuffer } from "./entry-buffer.ts";
import { CONTINUED_SESSIONS_MAX, WITHIN_MS } from "./limits.ts";
import type { WriterPort } from "./writer-port.ts";

/** When an action's record must have reached the disk. */
export type Durability = "before-forward" | "within-10ms";

/** The record can't be written any more: nothing further may be let through. */
export class RecorderFailed extends Error {
  override readonly name: string = "RecorderFailed";
}

/** This one entry can't be written, so what it would tell of must not happen; the recorder itself goes on. */
export class EntryTooLong extends RecorderFailed {
  override readonly name = "EntryTooLong";
}

/** A session that has begun and not ended. */
export interface OpenSession {
  readonly sid: string;
  /** Number of its last entry. */
  readonly lastIndex: number;
  /** Resolves when its end is recorded, or can't be. */
  readonly ended: Promise<void>;
}

/** Where a log stands when its recorder begins. */
export interface RecorderState {
  /** Number of the next entry. */
  readonly size: number;
  /** Bytes of the open segment. */
  readonly segmentBytes: number;
}

interface Waiter {
  readonly index: number;
  readonly then: (durable: boolean) => void;
}

/**
 * Takes the entries of all sessions. They are put behind one another in memory and written together: the next write begins as
 * soon as the last is durable, and takes all that came meanwhile. A write that fails is never tried again: what the disk
 * holds then is not known, so the recorder fails for good and every waiter is told so.
 */
export class Recorder {
  /** The open sessions. Their logs put themselves in and take themselves out. */
  readonly sessions = new Set<OpenSession>();
  readonly #port: WriterPort;
  readonly #clock: Clock;
  readonly #durability: Durability;
  readonly #segmentBytes: number;
  /** Of the write that is being collected: where in its segment it will begin, and whether it opens that segment. */
  #writeStart: number;
  #opensSegment = false;
  #buffer = new EntryBuffer();
  #spare = new EntryBuffer();
  /** Entries in `#buffer`. */
  #count = 0;
  #next: number;
  #durable: number;
  #writing = false;
  #scheduled = false;
  #hurrying = false;
  /** What is collected should be on its way: it goes once the write before it is done. */
  #due = false;
  #waiters: Waiter[] = [];
  #failed: RecorderFailed | null = null;
  /** Not even ends of sessions can be written. */
  #dead = false;
  #closed = false;
  readonly #onFailure: (fault: RecorderFailed) => void;

  constructor(
    port: WriterPort,
    state: RecorderState,
    options: {
      readonly clock: Clock;
      readonly durability: Durability;
      readonly segmentBytes: number;
      readonly onFailure: (fault: RecorderFailed) => void;
    },
  ) {
    this.#port = port;
    this.#clock = options.clock;
    this.#durability = options.durability;
    this.#onFailure = options.onFailure;
    this.#segmentBytes = options.segmentBytes;
    this.#writeStart = state.segmentBytes;
    this.#next = state.size;
    this.#durable = state.size - 1;
  }

  get failed(): RecorderFailed | null {
    return this.#failed;
  }

  get durability(): Durability {
    return this.#durability;
  }

  /** Number of the next entry. */
  get size(): number {
    return this.#next;
  }

  /** The highest number of which it and all before it would survive a power cut. */
  get durableIndex(): number {
    return this.#durable;
  }

  /**
   * Begins an entry, which the caller writes into what is answered and then hands in with `commit`, at once.
   *
   * @param bytes the entry has at most so many
   * @param ending it ends something that is in the record already: on a full disk it may take of the space kept for that
   * @throws RecorderFailed when the record can't be written any more
   */
  begin(bytes: number, ending: boolean): EntryBuffer {
    if (this.#failed !== null && (this.#dead || !ending)) throw this.#failed;
    if (this.#closed) throw new RecorderFailed("the record is closed");
    if (!this.#buffer.room(bytes)) {
      const fault = new RecorderFailed("the disk does not keep up with the record");
      this.#fail(fault);
      throw fault;
    }
    this.#buffer.begin();
    return this.#buffer;
  }

  /**
   * The entry that was begun is on its way to the disk when this returns.
   *
   * @returns its number
   * @throws EntryTooLong past 65,535 bytes
   */
  commit(): number {
    const bytes = this.#buffer.entryBytes;
    assert(bytes > 0, "an entry is never empty");
    if (bytes > ENTRY_BYTES_MAX)
      throw new EntryTooLong(`an entry of ${bytes} bytes is longer than the record takes (${ENTRY_BYTES_MAX})`);
    this.#buffer.end();
    this.#count++;
    this.#schedule();
    return this.#next++;
  }

  /**
   * Adds a whole entry.
   *
   * @param json canonical JSON, at most 65,535 bytes
   * @param ending as for `begin`
   * @returns its number
   * @throws RecorderFailed when the record can't be written any more; EntryTooLong
   */
  append(json: string, ending = false): number {
    this.begin(json.length * 3, ending).text(json);
    return this.commit();
  }

  /** Whether the action recorded as `index` may go ahead: at once in the mode that lets 10 ms pass. */
  mayForward(index: number): boolean {
    return this.#durability === "within-10ms" ? this.#failed === null : this.#durable >= index;
  }

  /**
   * Calls back once entry `index` is durable, or with false once it is known that it never will be. What somebody waits for
   * is written as soon as the disk is free; the rest goes with it, or a little later.
   */
  whenDurable(index: number, then: (durable: boolean) => void): void {
    if (this.#durable >= index) then(true);
    else if (this.#dead) then(false);
    else {
      this.#waiters.push({ index, then });
      if (this.#writing || this.#hurrying) return;
      this.#hurrying = true;
      // What is added in the same turn goes with it.
      setImmediate(() => {
        this.#hurrying = false;
        this.#begin();
      });
    }
  }

  /** Resolves when all that was added so far is durable. */
  flush(): Promise<boolean> {
    const done = new Promise<boolean>((resolve) => this.whenDurable(this.#next - 1, resolve));
    this.#begin();
    return done;
  }

  #schedule(): void {
    if (this.#scheduled) return;
    this.#scheduled = true;
    this.#clock.after(WITHIN_MS, () => {
      this.#scheduled = false;
      this.#due = true;
      this.#begin();
    });
  }

  #begin(): void {
    if (this.#writing || this.#count === 0 || this.#dead) return;
    this.#writing = true;
    this.#due = false;
    const buffer = this.#buffer;
    const { bytes: arena, used } = buffer;
    const last = this.#next - 1;
    const newSegment = this.#opensSegment ? this.#next - this.#count : null;
    const segmentEnd = this.#writeStart + used;
    this.#buffer = this.#spare;
    this.#spare = buffer;
    this.#count = 0;
    this.#opensSegment = segmentEnd >= this.#segmentBytes;
    this.#writeStart = this.#opensSegment ? 0 : segmentEnd;
    if (this.#opensSegment) this.#continueSessions();
    this.#port.write({ arena, used, newSegment }).then(
      ({ full }) => {
        buffer.clear();
        this.#writing = false;
        this.#durable = last;
        if (full) this.fail("the disk is full; make space and start the gateway again");
        this.#tell();
        if (this.#due || this.#waiters.length > 0) this.#begin();
      },
      (fault: unknown) => {
        this.#writing = false;
        this.#die(new RecorderFailed(`the record can't be written: ${messageOf(fault)}`));
      },
    );
  }

  /** The first entries of a segment name the open sessions: those before may be dropped. */
  #continueSessions(): void {
    const all = [...this.sessions].map(({ sid, lastIndex }) => [sid, lastIndex] as const);
    for (let at = 0; at === 0 || at < all.length; at += CONTINUED_SESSIONS_MAX) {
      this.append(
        canonicalJson({
          v: 1,
          type: "log.continued",
          t: this.#clock.now(),
          sessions: all.slice(at, at + CONTINUED_SESSIONS_MAX),
        }),
        true,
      );
    }
  }

  #tell(): void {
    // They wait in the order of the entries.
    let count = 0;
    while (count < this.#waiters.length && this.#waiters[count]!.index <= this.#durable) count++;
    if (count > 0) for (const waiter of this.#waiters.splice(0, count)) waiter.then(true);
  }

  /** Nothing new is taken in any more; what was, and ends of sessions, may still be written. */
  fail(why: string): void {
    this.#fail(new RecorderFailed(why));
  }

  #fail(fault: RecorderFailed): void {
    if (this.#failed !== null) return;
    this.#failed = fault;
    this.#onFailure(fault);
  }

  /** Nothing at all is written any more. */
  #die(fault: RecorderFailed): void {
    this.#dead = true;
    const waiters = this.#waiters;
    this.#waiters = [];
    this.#fail(fault);
    for (const waiter of waiters) waiter.then(false);
  }

  /** Writes tiles and bundles up to the durable size, then the signed checkpoint that names them. */
  publish(): Promise<void> {
    return this.#port.publish();
  }

  /** Makes everything durable and publishes it. */
  async close(): Promise<void> {
    if (this.#closed) return;
    // A write may have begun a segment, whose first entry is not durable yet.
    while (this.#durable < this.#next - 1) if (!(await this.flush())) break;
    this.#closed = true;
    await this.#port.close();
  }
}

const messageOf = (fault: unknown): string => (fault instanceof Error ? fault.message : String(fault));
