import { hash as oneShotHash, type KeyObject } from "node:crypto";
import { TILE_WIDTH, signCheckpoint, tilePath } from "../../spec/contract/record/index.ts";
import type { Clock } from "../outside/index.ts";
import type { OpenBundle } from "./bundle.ts";
import { FRAME_HEAD_BYTES, closeFrame } from "./frames.ts";
import { CHECKPOINT_EVERY_MS } from "./limits.ts";
import type { LogStore } from "./store.ts";
import type { Tile, TreeEdge } from "./tree.ts";
import type { Batch, Written, WriterPort } from "./writer-port.ts";

/** What was found in a log's folder when it was opened. */
export interface WriterState {
  readonly tree: TreeEdge;
  /** The bundle of entries that is not yet full. */
  readonly tail: OpenBundle;
  /** Where the open segment begins and how many bytes it holds. */
  readonly segmentStart: number;
  readonly segmentBytes: number;
  /** Folders of partial tiles that are there. */
  readonly partialFolders: readonly string[];
}

export interface WriterOptions {
  readonly clock: Clock;
  readonly origin: string;
  readonly key: KeyObject;
  /** Tiles or checkpoint can't be written. Called once. */
  readonly onFault: (why: string) => void;
}

/**
 * Writes a log: entries into the write-ahead segment, then into the tree, and every second the tiles and the checkpoint that
 * signs them. It knows nothing of who waits for what; that is the recorder's.
 */
export class LogWriter implements WriterPort {
  readonly #store: LogStore;
  readonly #options: WriterOptions;
  readonly #tree: TreeEdge;
  readonly #tail: OpenBundle;
  #segmentStart: number;
  #segmentBytes: number;
  #publishing: Promise<void> = Promise.resolve();
  #published = -1;
  #publishTimer: (() => void) | null = null;
  readonly #fullTiles: Tile[] = [];
  readonly #partialFolders: Set<string>;
  #failed = false;

  constructor(store: LogStore, state: WriterState, options: WriterOptions) {
    this.#store = store;
    this.#options = options;
    this.#tree = state.tree;
    this.#tail = state.tail;
    this.#segmentStart = state.segmentStart;
    this.#segmentBytes = state.segmentBytes;
    this.#partialFolders = new Set(state.partialFolders);
  }

  async write({ arena, used, newSegment }: Batch): Promise<Written> {
    try {
      if (newSegment !== null && (await this.#store.roll(newSegment, 0))) {
        this.#segmentStart = newSegment;
        this.#segmentBytes = 0;
      }
      for (let at = 0; at < used;) at = closeFrame(arena, at, this.#segmentBytes);
      await this.#store.append(arena.subarray(0, used));
    } catch (fault) {
      // What the disk holds now is not known: nothing more is signed.
      this.#failed = true;
      throw fault;
    }
    this.#segmentBytes += used;
    this.#take(arena, used);
    return { full: this.#store.full };
  }

  /** Durable entries enter the tree. */
  #take(arena: Buffer, used: number): void {
    for (let at = 0; at < used;) {
      const begin = at + FRAME_HEAD_BYTES;
      at = begin + arena.readUInt32BE(at);
      // The byte before an entry is the leaf prefix of RFC 6962.
      this.#tree.addBinary(oneShotHash("sha256", arena.subarray(begin - 1, at), "binary"), this.#fullTiles);
      const bundle = this.#tail.add(arena, begin, at);
      if (bundle !== null)
        this.#fullTiles.push({
          path: tilePath("entries", this.#tree.size / TILE_WIDTH - 1, TILE_WIDTH),
          bytes: bundle,
        });
    }
    this.#publishTimer ??= this.#options.clock.after(CHECKPOINT_EVERY_MS, () => {
      this.#publishTimer = null;
      void this.publish();
    });
  }

  publish(): Promise<void> {
    this.#publishing = this.#publishing.then(() => this.#publishNow());
    return this.#publishing;
  }

  async #publishNow(): Promise<void> {
    const { size } = this.#tree;
    if (size === this.#published || this.#failed) return;
    const { origin, key } = this.#options;
    const root = this.#tree.root();
    const tiles = [...this.#fullTiles.splice(0), ...this.#tree.partialTiles()];
    if (this.#tail.count > 0)
      tiles.push({
        path: tilePath("entries", Math.floor(size / TILE_WIDTH), this.#tail.count),
        bytes: this.#tail.encoded(),
      });
    try {
      await this.#store.writeAll(tiles);
      await this.#store.write("checkpoint", Buffer.from(signCheckpoint({ origin, size, root }, key)));
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
      if (this.#failed) return;
      this.#failed = true;
      this.#options.onFault(`the record's tiles can't be written: ${messageOf(fault)}`);
    }
  }

  async close(): Promise<void> {
    this.#publishTimer?.();
    await this.publish();
    await this.#store.close();
  }
}

/** What comes between a tile's path and the width of a part of it. */
const PARTIAL = ".p/";

const messageOf = (fault: unknown): string => (fault instanceof Error ? fault.message : String(fault));
