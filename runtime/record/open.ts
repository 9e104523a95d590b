import { createPublicKey, type KeyObject } from "node:crypto";
import { err, ok, type Result } from "../../base/result.ts";
import {
  TILE_WIDTH,
  canonicalJson,
  decodeEntries,
  encodeEntries,
  leafHash,
  openCheckpoint,
  parseCanonical,
  tilePath,
  type CanonicalValue,
} from "../../spec/contract/record/index.ts";
import type { Clock } from "../outside/index.ts";
import { readFrames } from "./frames.ts";
import { Recorder, type Durability, type RecorderFailed } from "./recorder.ts";
import type { LogStore } from "./store.ts";
import { TreeEdge, partialPaths, splitHashes, type Tile } from "./tree.ts";

export interface OpenOptions {
  readonly clock: Clock;
  readonly origin: string;
  readonly key: KeyObject;
  readonly durability: Durability;
  readonly boot: string;
  readonly onFailure?: (fault: RecorderFailed) => void;
}

/** A session that had no end when the gateway was killed. */
interface OpenSession {
  readonly sid: string;
  readonly value: { readonly [key: string]: CanonicalValue | undefined };
  readonly hash: Buffer;
  readonly sequence: number;
}

/**
 * Takes a log up where it was left. What a crash left half written at the very end is cut off and that is recorded; damage
 * anywhere else is not mended but refused. Sessions without an end are closed as aborted.
 *
 * @returns the recorder, or in words what is wrong with the folder
 */
export async function openRecorder(store: LogStore, options: OpenOptions): Promise<Result<Recorder, string>> {
  const base = await readCheckpoint(store, options);
  if (typeof base === "string") return err(base);
  const { tree, tail } = base;
  const tiles: Tile[] = [];
  const sessions = new Map<string, OpenSession>();
  let cutBytes = 0;
  const starts = await store.segments();
  for (const [i, start] of starts.entries()) {
    const segment = await store.readSegment(start);
    const { entries, goodBytes, damaged } = readFrames(segment);
    const name = `wal segment ${start}`;
    if (goodBytes < segment.length) {
      if (damaged || i < starts.length - 1)
        return err(
          `${name} is damaged at byte ${goodBytes}, before its end; restore it from a copy, or begin a new log`,
        );
      cutBytes = segment.length - goodBytes;
      await store.truncateSegment(start, goodBytes);
    }
    for (const [offset, entry] of entries.entries()) {
      const index = start + offset;
      const value = parseCanonical(entry);
      if (value === undefined || typeof value !== "object" || value === null)
        return err(`entry ${index} in ${name} is not canonical JSON`);
      note(sessions, value as OpenSession["value"], entry);
      if (index < tree.size) continue;
      if (index > tree.size) return err(`entries ${tree.size} to ${index - 1} are missing: ${name} begins too late`);
      tree.add(leafHash(entry), tiles);
      tail.push(Buffer.from(entry));
      if (tail.length === TILE_WIDTH) tail.length = 0;
    }
  }
  const segmentStart = starts.at(-1) ?? tree.size;
  await store.roll(segmentStart);
  const segmentBytes = starts.length === 0 ? 0 : (await store.readSegment(segmentStart)).length;
  // Tiles that were filled by entries behind the checkpoint.
  await rewriteTiles(store, tiles, tree, base.checkpointSize, starts);
  const recorder = new Recorder(
    store,
    { tree, tail, segmentStart, segmentBytes },
    { ...options, onFailure: options.onFailure ?? (() => undefined) },
  );
  if (cutBytes > 0)
    recorder.append(
      canonicalJson({
        v: 1,
        type: "log.recovered",
        t: options.clock.now(),
        gw: options.origin,
        boot: options.boot,
        cutBytes,
      }),
    );
  for (const session of sessions.values()) {
    const { on, who } = session.value;
    recorder.append(
      canonicalJson({
        v: 1,
        type: "session.aborted",
        t: options.clock.now(),
        gw: options.origin,
        boot: options.boot,
        sid: session.sid,
        sseq: session.sequence + 1,
        sprev: session.hash.toString("hex"),
        lastSequence: session.sequence,
        on,
        who,
      }),
    );
  }
  return ok(recorder);
}

function note(sessions: Map<string, OpenSession>, value: OpenSession["value"], entry: Buffer): void {
  const { sid, type, sseq } = value;
  if (typeof sid !== "string" || typeof sseq !== "number") return;
  if (type === "session.end" || type === "session.aborted") sessions.delete(sid);
  else sessions.set(sid, { sid, value, hash: leafHash(entry), sequence: sseq });
}

interface Base {
  readonly tree: TreeEdge;
  readonly tail: Buffer[];
  readonly checkpointSize: number;
}

async function readCheckpoint(store: LogStore, options: OpenOptions): Promise<Base | string> {
  const note = await store.read("checkpoint");
  if (note === null) {
    const starts = await store.segments();
    if (starts.length > 0 && starts[0] !== 0)
      return "the checkpoint is missing though the log has been going on; restore it from a copy";
    return { tree: new TreeEdge(), tail: [], checkpointSize: 0 };
  }
  const checkpoint = openCheckpoint(note.toString("utf8"), { name: options.origin, key: createPublicKey(options.key) });
  if (typeof checkpoint === "string") return `the checkpoint can't be trusted: ${checkpoint}`;
  const { size } = checkpoint;
  const partials: (readonly Buffer[])[] = [];
  for (const { level, path, width } of partialPaths(size)) {
    const bytes = await store.read(path);
    if (bytes === null || bytes.length !== width * 32) return `${path} is missing or has a wrong length`;
    while (partials.length < level) partials.push([]);
    partials[level] = splitHashes(bytes);
  }
  const tree = TreeEdge.restore(size, partials);
  if (!tree.root().equals(checkpoint.root)) return "the tiles do not give the checkpoint's root";
  const tail: Buffer[] = [];
  const width = size % TILE_WIDTH;
  if (width > 0) {
    const bytes = await store.read(tilePath("entries", Math.floor(size / TILE_WIDTH), width));
    const entries = bytes === null ? undefined : decodeEntries(bytes);
    if (entries?.length !== width) return "the last bundle of entries is missing or damaged";
    tail.push(...entries);
  }
  return { tree, tail, checkpointSize: size };
}

/** Entries between checkpoint and crash may have filled tiles and bundles: they are written again from the write-ahead log. */
async function rewriteTiles(
  store: LogStore,
  tiles: readonly Tile[],
  tree: TreeEdge,
  checkpointSize: number,
  starts: readonly number[],
): Promise<void> {
  for (const tile of tiles) await store.write(tile.path, tile.bytes);
  const first = Math.floor(checkpointSize / TILE_WIDTH);
  const last = Math.floor(tree.size / TILE_WIDTH);
  if (first === last) return;
  const entries = new Map<number, Buffer>();
  const known = checkpointSize % TILE_WIDTH;
  if (known > 0) {
    const bytes = await store.read(tilePath("entries", first, known));
    for (const [i, entry] of (decodeEntries(bytes ?? Buffer.alloc(0)) ?? []).entries())
      entries.set(first * TILE_WIDTH + i, entry);
  }
  for (const start of starts) {
    for (const [i, entry] of readFrames(await store.readSegment(start)).entries.entries())
      entries.set(start + i, entry);
  }
  for (let bundle = first; bundle < last; bundle++) {
    const list = Array.from({ length: TILE_WIDTH }, (_, i) => entries.get(bundle * TILE_WIDTH + i)!);
    await store.write(tilePath("entries", bundle, TILE_WIDTH), encodeEntries(list));
  }
}
