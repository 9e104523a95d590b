import { hash as oneShotHash, type KeyObject } from "node:crypto";
import { assert } from "../../base/assert.ts";
import {
  ENTRY_BYTES_MAX,
  TILE_WIDTH,
  encodeEntries,
  signCheckpoint,
  tilePath,
} from "../../spec/contract/record/index.ts";
import type { Clock } from "../outside/index.ts";
import { FRAME_HEAD_BYTES, closeFrame } from "./frames.ts";
import { ARENA_BYTES, CHECKPOINT_EVERY_MS, PENDING_BYTES_MAX, SEGMENT_BYTES, WITHIN_MS } from "./limits.ts";
import type { LogStore } from "./store.ts";
import type { TreeEdge } from "./tree.ts";
import { type Tile } from "./tree.ts";

/** When an action's record must have reached the disk. */
export type Durability = "before-forward" | "within-10ms";

/** The record can't be written any more: nothing further may be let through. */
export class RecorderFailed extends Error {
  override readonly name = "RecorderFailed";
}

export interface RecorderState {
  readonly tree: TreeEdge;
  /** Entries of the bundle that is not yet full. */
  readonly tail: readonly Buffer[];
  /** Where the open segment begins and how many bytes it holds. */
  readonly segmentStart: number;
  readonly segmentBytes: number;
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
  readonly #store: LogStore;
  readonly #clock: Clock;
  readonly #origin: string;
  readonly #key: KeyObject;
  readonly #durability: Durability;
  readonly #tree: TreeEdge;
  #tail: Buffer[];
  #segmentStart: number;
  #segmentBytes: number;
  #arena: Buffer = Buffer.allocUnsafeSlow(ARENA_BYTES);
  #spare: Buffer = Buffer.allocUnsafeSlow(ARENA_BYTES);
  #used = 0;
  /** Where each collected entry's frame begins, and its hash. */
  #frames: number[] = [];
  #hashes: Buffer[] = [];
  #next: number;
  #durable: number;
  #writing = false;
  #scheduled = false;
  #waiters: Waiter[] = [];
  #failed: RecorderFailed | null = null;
  #publishing: Promise<void> = Promise.resolve();
  #published: number;
  #publishTimer: (() => void) | null = null;
  readonly #fullTiles: Tile[] = [];
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
    this.#tail = [...state.tail];
    this.#segmentStart = state.segmentStart;
    this.#segmentBytes = state.segmentBytes;
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
   * @returns its number and its leaf hash (a view; copy what is kept)
   * @throws RecorderFailed when the record can't be written any more
   */
  append(json: string): { readonly index: number; readonly hash: Buffer } {
    if (this.#failed !== null) throw this.#failed;
    if (this.#closed) throw new RecorderFailed("the record is closed");
    this.#room(FRAME_HEAD_BYTES + json.length * 3);
    const start = this.#used;
    const entryBytes = this.#arena.write(json, start + FRAME_HEAD_BYTES, "utf8");
    assert(entryBytes > 0 && entryBytes <= ENTRY_BYTES_MAX, `an entry of ${entryBytes} bytes`);
    closeFrame(this.#arena, start, entryBytes);
    const end = start + FRAME_HEAD_BYTES + entryBytes;
    const hash = oneShotHash("sha256", this.#arena.subarray(start + FRAME_HEAD_BYTES - 1, end), "buffer");
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
      this.#fail(new RecorderFailed("the disk does not keep up with the record"));
      throw this.#failed!;
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
    else if (this.#failed !== null) then(false);
    else this.#waiters.push({ index, then });
  }

  /** Resolves when all that was added so far is durable. */
  flush(): Promise<boolean> {
    return new Promise((resolve) => this.whenDurable(this.#next - 1, resolve));
  }

  #schedule(): void {
    if (this.#writing || this.#scheduled) return;
    this.#scheduled = true;
    if (this.#durability === "within-10ms") this.#clock.after(WITHIN_MS, () => this.#begin());
    // What is added in the same turn goes with it.
    else setImmediate(() => this.#begin());
  }

  #begin(): void {
    this.#scheduled = false;
    if (this.#writing || this.#used === 0 || this.#failed !== null) return;
    this.#writing = true;
    const arena = this.#arena;
    const used = this.#used;
    const frames = this.#frames;
    const hashes = this.#hashes;
    this.#arena = this.#spare;
    this.#used = 0;
    this.#frames = [];
    this.#hashes = [];
    const last = this.#next - 1;
    this.#write(arena.subarray(0, used)).then(
      () => {
        this.#take(arena, used, frames, hashes);
        this.#spare = arena.length > 16 * ARENA_BYTES ? Buffer.allocUnsafeSlow(ARENA_BYTES) : arena;
        this.#writing = false;
        this.#durable = last;
        this.#tell();
        if (this.#used > 0) this.#begin();
      },
      (fault: unknown) => {
        this.#writing = false;
        this.#fail(
          new RecorderFailed(`the record can't be written: ${fault instanceof Error ? fault.message : String(fault)}`),
        );
      },
    );
  }

  async #write(bytes: Buffer): Promise<void> {
    if (this.#segmentBytes >= SEGMENT_BYTES) {
      this.#segmentStart = this.#tree.size;
      this.#segmentBytes = 0;
      await this.#store.roll(this.#segmentStart);
    }
    await this.#store.append(bytes);
    this.#segmentBytes += bytes.length;
  }

  /** Durable entries enter the tree. */
  #take(arena: Buffer, used: number, frames: readonly number[], hashes: readonly Buffer[]): void {
    for (let i = 0; i < frames.length; i++) {
      const end = i + 1 < frames.length ? frames[i + 1]! : used;
      this.#tail.push(Buffer.from(arena.subarray(frames[i]! + FRAME_HEAD_BYTES, end)));
      this.#tree.add(hashes[i]!, this.#fullTiles);
      if (this.#tail.length === TILE_WIDTH) {
        this.#fullTiles.push({
          path: tilePath("entries", this.#tree.size / TILE_WIDTH - 1, TILE_WIDTH),
          bytes: encodeEntries(this.#tail),
        });
        this.#tail = [];
      }
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

  #fail(fault: RecorderFailed): void {
    if (this.#failed !== null) return;
    this.#failed = fault;
    const waiters = this.#waiters;
    this.#waiters = [];
    for (const waiter of waiters) waiter.then(false);
    this.#onFailure(fault);
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
    if (this.#tail.length > 0) {
      tiles.push({
        path: tilePath("entries", Math.floor(size / TILE_WIDTH), this.#tail.length),
        bytes: encodeEntries(this.#tail),
      });
    }
    try {
      for (const tile of tiles) await this.#store.write(tile.path, tile.bytes);
      await this.#store.write(
        "checkpoint",
        Buffer.from(signCheckpoint({ origin: this.#origin, size, root }, this.#key)),
      );
      this.#published = size;
      // Segments whose every entry is under the checkpoint are no longer needed.
      const starts = await this.#store.segments();
      for (const [i, start] of starts.entries()) {
        const next = starts[i + 1];
        if (next !== undefined && next <= size && start !== this.#segmentStart) await this.#store.dropSegment(start);
      }
    } catch (fault) {
      this.#fail(
        new RecorderFailed(
          `the record's tiles can't be written: ${fault instanceof Error ? fault.message : String(fault)}`,
        ),
      );
    }
  }

  /** Makes everything durable and publishes it. */
  async close(): Promise<void> {
    if (this.#closed) return;
    await this.flush();
    this.#closed = true;
    this.#publishTimer?.();
    await this.publish();
    await this.#store.close();
  }
}
