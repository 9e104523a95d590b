import { hash as oneShotHash, type KeyObject } from "node:crypto";
import { assert } from "../../base/assert.ts";
import {
  ENTRY_BYTES_MAX,
  HASH_BYTES,
  TILE_WIDTH,
  canonicalJson,
  signCheckpoint,
  tilePath,
} from "../../spec/contract/record/index.ts";
import type { Clock } from "../outside/index.ts";
import type { OpenBundle } from "./bundle.ts";
import { FRAME_HEAD_BYTES, closeFrame } from "./frames.ts";
import {
  ARENA_BYTES,
  CHECKPOINT_EVERY_MS,
  CONTINUED_SESSIONS_MAX,
  PENDING_BYTES_MAX,
  TILES_AT_ONCE,
  WITHIN_MS,
} from "./limits.ts";
import type { LogStore } from "./store.ts";
import type { TreeEdge } from "./tree.ts";
import { type Tile } from "./tree.ts";

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
}

export interface RecorderState {
  readonly tree: TreeEdge;
  /** The bundle of entries that is not yet full. */
  readonly tail: OpenBundle;
  /** Where the open segment begins and how many bytes it holds. */
  readonly segmentStart: number;
  readonly segmentBytes: number;
  /** Folders of partial tiles that are there. */
  readonly partialFolders: readonly string[];
}

interface Waiter {
  readonly index: number;
  readonly then: (durable: boolean) => void;
}

/**
 * The one writer of a log. Entries are put behind one another in memory and written together: the next write begins as soon
 * as the last is durable, and takes all that came meanwhile. A write that fails is never tried again: what the disk holds
 * then is not known, so the recorder fails for good and every waiter is told so.
 */
export class Recorder {
  /** The open sessions. Their logs put themselves in and take themselves out. */
  readonly sessions = new Set<OpenSession>();
  readonly #store: LogStore;
  readonly #clock: Clock;
  readonly #origin: string;
  readonly #key: KeyObject;
  readonly #durability: Durability;
  readonly #boot: string;
  readonly #segmentBytes: number;
  readonly #tree: TreeEdge;
  readonly #tail: OpenBundle;
  #segmentStart: number;
  /** Of the write that is being collected: where in its segment it will begin, and whether it opens that segment. */
  #writeStart: number;
  #opensSegment = false;
  #arena: Buffer = Buffer.allocUnsafeSlow(ARENA_BYTES);
  #spare: Buffer = Buffer.allocUnsafeSlow(ARENA_BYTES);
  #used = 0;
  /** Where each collected entry's frame begins, and its hash. */
  #frames: number[] = [];
  #hashes: string[] = [];
  #next: number;
  #durable: number;
  #writing = false;
  #scheduled = false;
  #waiters: Waiter[] = [];
  #failed: RecorderFailed | null = null;
  /** Not even ends of sessions can be written. */
  #dead = false;
  #publishing: Promise<void> = Promise.resolve();
  #published: number;
  #publishTimer: (() => void) | null = null;
  readonly #fullTiles: Tile[] = [];
  readonly #partialFolders: Set<string>;
  #closed = false;
  readonly #onFailure: (fault: RecorderFailed) => void;

  constructor(
    store: LogStore,
    state: RecorderState,
    options: {
      readonly clock: Clock;
      readonly origin: string;
      readonly key: KeyObject;
      readonly durability: Durability;
      readonly boot: string;
      readonly segmentBytes: number;
      readonly onFailure: (fault: RecorderFailed) => void;
    },
  ) {
    this.#store = store;
    this.#clock = options.clock;
    this.#origin = options.origin;
    this.#key = options.key;
    this.#durability = options.durability;
    this.#onFailure = options.onFailure;
    this.#tree = state.tree;
    this.#tail = state.tail;
    this.#segmentStart = state.segmentStart;
    this.#writeStart = state.segmentBytes;
    this.#partialFolders = new Set(state.partialFolders);
    this.#boot = options.boot;
    this.#segmentBytes = options.segmentBytes;
    this.#next = state.tree.size;
    this.#durable = state.tree.size - 1;
    this.#published = -1;
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
   * Adds an entry; it is on its way to the disk when this returns.
   *
   * @param json canonical JSON, at most 65,535 bytes
   * @param ending it ends something that is in the record already: on a full disk it may take of the space kept for that
   * @returns its number and its leaf hash in hexadecimal
   * @throws RecorderFailed when the record can't be written any more; EntryTooLong
   */
  append(json: string, ending = false): { readonly index: number; readonly hash: string } {
    if (this.#failed !== null && (this.#dead || !ending)) throw this.#failed;
    if (this.#closed) throw new RecorderFailed("the record is closed");
    this.#room(FRAME_HEAD_BYTES + json.length * 3);
    const start = this.#used;
    const entryBytes = this.#arena.write(json, start + FRAME_HEAD_BYTES, "utf8");
    assert(entryBytes > 0, "an entry is never empty");
    if (entryBytes > ENTRY_BYTES_MAX)
      throw new EntryTooLong(`an entry of ${entryBytes} bytes is longer than the record takes (${ENTRY_BYTES_MAX})`);
    closeFrame(this.#arena, start, entryBytes, this.#writeStart);
    const end = start + FRAME_HEAD_BYTES + entryBytes;
    const hash = oneShotHash("sha256", this.#arena.subarray(start + FRAME_HEAD_BYTES - 1, end), "hex");
    this.#frames.push(start);
    this.#hashes.push(hash);
    this.#used = end;
    this.#schedule();
    return { index: this.#next++, hash };
  }

  #room(bytes: number): void {
    const need = this.#used + bytes;
    if (need <= this.#arena.length) return;
    if (need > PENDING_BYTES_MAX) {
      const fault = new RecorderFailed("the disk does not keep up with the record");
      this.#fail(fault);
      throw fault;
    }
    const bigger = Buffer.allocUnsafeSlow(Math.max(this.#arena.length * 2, need));
    this.#arena.copy(bigger, 0, 0, this.#used);
    this.#arena = bigger;
  }

  /** Whether the action recorded as `index` may go ahead: at once in the mode that lets 10 ms pass. */
  mayForward(index: number): boolean {
    return this.#durability === "within-10ms" ? this.#failed === null : this.#durable >= index;
  }

  /** Calls back once entry `index` is durable, or with false once it is known that it never will be. */
  whenDurable(index: number, then: (durable: boolean) => void): void {
    if (this.#durable >= index) then(true);
    else if (this.#dead) then(false);
    else this.#waiters.push({ index, then });
  }

  /** Resolves when all that was added so far is durable. */
  flush(): Promise<boolean> {
    const done = new Promise<boolean>((resolve) => this.whenDurable(this.#next - 1, resolve));
    this.#begin();
    return done;
  }

  #schedule(): void {
    if (this.#writing || this.#scheduled) return;
    this.#scheduled = true;
    const begin = (): void => {
      this.#scheduled = false;
      this.#begin();
    };
    if (this.#durability === "within-10ms") this.#clock.after(WITHIN_MS, begin);
    // What is added in the same turn goes with it.
    else setImmediate(begin);
  }

  #begin(): void {
    if (this.#writing || this.#used === 0 || this.#dead) return;
    this.#writing = true;
    const arena = this.#arena;
    const used = this.#used;
    const frames = this.#frames;
    const hashes = this.#hashes;
    const last = this.#next - 1;
    const opensSegment = this.#opensSegment;
    const segmentEnd = this.#writeStart + used;
    this.#arena = this.#spare;
    this.#used = 0;
    this.#frames = [];
    this.#hashes = [];
    this.#opensSegment = segmentEnd >= this.#segmentBytes;
    this.#writeStart = this.#opensSegment ? 0 : segmentEnd;
    if (this.#opensSegment) this.#continueSessions();
    this.#write(arena.subarray(0, used), opensSegment ? last + 1 - frames.length : null).then(
      () => {
        this.#take(arena, used, frames, hashes);
        this.#spare = arena.length > 16 * ARENA_BYTES ? Buffer.allocUnsafeSlow(ARENA_BYTES) : arena;
        this.#writing = false;
        this.#durable = last;
        if (this.#store.full)
          this.#fail(new RecorderFailed("the disk is full; make space and start the gateway again"));
        this.#tell();
        this.#begin();
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
          gw: this.#origin,
          boot: this.#boot,
          sessions: all.slice(at, at + CONTINUED_SESSIONS_MAX),
        }),
        true,
      );
    }
  }

  async #write(bytes: Buffer, newSegment: number | null): Promise<void> {
    if (newSegment !== null && (await this.#store.roll(newSegment, 0))) this.#segmentStart = newSegment;
    await this.#store.append(bytes);
  }

  /** Durable entries enter the tree. */
  #take(arena: Buffer, used: number, frames: readonly number[], hashes: readonly string[]): void {
    const hash = Buffer.allocUnsafe(HASH_BYTES);
    for (let i = 0; i < frames.length; i++) {
      const end = i + 1 < frames.length ? frames[i + 1]! : used;
      hash.write(hashes[i]!, "hex");
      this.#tree.add(hash, this.#fullTiles);
      const bundle = this.#tail.add(arena.subarray(frames[i]! + FRAME_HEAD_BYTES, end));
      if (bundle !== null)
        this.#fullTiles.push({
          path: tilePath("entries", this.#tree.size / TILE_WIDTH - 1, TILE_WIDTH),
          bytes: bundle,
        });
    }
    this.#publishTimer ??= this.#clock.after(CHECKPOINT_EVERY_MS, () => {
      this.#publishTimer = null;
      void this.publish();
    });
  }

  #tell(): void {
    const ready = this.#waiters.filter((waiter) => waiter.index <= this.#durable);
    if (ready.length === 0) return;
    this.#waiters = this.#waiters.filter((waiter) => waiter.index > this.#durable);
    for (const waiter of ready) waiter.then(true);
  }

  /** Nothing new is taken in any more; what was, and ends of sessions, may still be written. */
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
    this.#publishing = this.#publishing.then(() => this.#publishNow());
    return this.#publishing;
  }

  async #publishNow(): Promise<void> {
    const { size } = this.#tree;
    if (size === this.#published || this.#failed !== null) return;
    const root = this.#tree.root();
    const tiles = [...this.#fullTiles.splice(0), ...this.#tree.partialTiles()];
    if (this.#tail.count > 0)
      tiles.push({
        path: tilePath("entries", Math.floor(size / TILE_WIDTH), this.#tail.count),
        bytes: this.#tail.encoded(),
      });
    try {
      await this.#writeTiles(tiles);
      await this.#store.write(
        "checkpoint",
        Buffer.from(signCheckpoint({ origin: this.#origin, size, root }, this.#key)),
      );
      this.#published = size;
      for (const { path } of tiles) {
        const [whole, partial] = path.split(PARTIAL);
        if (partial !== undefined) this.#partialFolders.add(`${whole!}.p`);
        // A whole tile serves in place of its parts.
        else if (this.#partialFolders.delete(`${path}.p`)) await this.#store.removeFolder(`${path}.p`);
      }
      // Segments whose every entry is under the checkpoint are no longer needed, once the next one's first entries are too.
      const starts = await this.#store.segments();
      for (const [i, start] of starts.entries()) {
        const next = starts[i + 1];
        if (next !== undefined && next < size && start !== this.#segmentStart) await this.#store.dropSegment(start);
      }
    } catch (fault) {
      this.#fail(new RecorderFailed(`the record's tiles can't be written: ${messageOf(fault)}`));
    }
  }

  async #writeTiles(tiles: readonly Tile[]): Promise<void> {
    for (let at = 0; at < tiles.length; at += TILES_AT_ONCE)
      await Promise.all(tiles.slice(at, at + TILES_AT_ONCE).map((tile) => this.#store.write(tile.path, tile.bytes)));
  }

  /** Makes everything durable and publishes it. */
  async close(): Promise<void> {
    if (this.#closed) return;
    // A write may have begun a segment, whose first entry is not durable yet.
    while (this.#durable < this.#next - 1) if (!(await this.flush())) break;
    this.#closed = true;
    this.#publishTimer?.();
    await this.publish();
    await this.#store.close();
  }
}

/** What comes between a tile's path and the width of a part of it. */
const PARTIAL = ".p/";

const messageOf = (fault: unknown): string => (fault instanceof Error ? fault.message : String(fault));
