import type { KeyObject } from "node:crypto";
import {
  EMPTY_ROOT,
  TILE_WIDTH,
  decodeEntries,
  leafHash,
  openCheckpoint,
  parseCanonical,
  tilePath,
  type CanonicalValue,
  type ReadEntry,
} from "../../spec/contract/record/index.ts";
import { readFrames } from "./frames.ts";
import { TreeEdge, splitHashes, type Tile } from "./tree.ts";

/** Read access to a log's folder. */
export interface LogReader {
  read(path: string): Promise<Buffer | null>;
  segments(): Promise<readonly number[]>;
  readSegment(firstIndex: number): Promise<Buffer>;
}

export interface LogReport {
  readonly ok: boolean;
  /** What is wrong, in the order found; each names the entry or file. */
  readonly findings: readonly string[];
  readonly origin: string;
  /** Entries under the checkpoint, and behind it in the write-ahead log. */
  readonly size: number;
  readonly behind: number;
  readonly root: string;
  readonly sessions: number;
}

const FINDINGS_MAX = 100;

/**
 * Checks a copied log by its bytes and a verifier key alone: the checkpoint's signature, every entry's hash up to the root,
 * every tile, the form of every entry, and each session's own chain. Never throws for what a folder may hold.
 *
 * @param older a checkpoint from earlier, to prove that the log only grew; or null
 */
export async function checkLog(
  reader: LogReader,
  verifier: { readonly name: string; readonly key: KeyObject },
  older: string | null = null,
): Promise<LogReport> {
  const findings: string[] = [];
  const find = (what: string): void => {
    if (findings.length < FINDINGS_MAX) findings.push(what);
  };
  const sessions = new Map<string, { sequence: number; hash: Buffer; ended: boolean }>();
  const report = (size: number, behind: number, root: Buffer): LogReport => ({
    ok: findings.length === 0,
    findings,
    origin: verifier.name,
    size,
    behind,
    root: root.toString("base64"),
    sessions: sessions.size,
  });

  const note = await reader.read("checkpoint");
  if (note === null) {
    find("checkpoint: the file is missing");
    return report(0, 0, EMPTY_ROOT);
  }
  const checkpoint = openCheckpoint(note.toString("utf8"), verifier);
  if (typeof checkpoint === "string") {
    find(`checkpoint: ${checkpoint}`);
    return report(0, 0, EMPTY_ROOT);
  }
  const olderPoint = older === null ? null : openCheckpoint(older, verifier);
  if (typeof olderPoint === "string") find(`older checkpoint: ${olderPoint}`);
  if (olderPoint !== null && typeof olderPoint !== "string" && olderPoint.size > checkpoint.size) {
    find(`checkpoint: the log has ${checkpoint.size} entries, but it had ${olderPoint.size} before: it was cut`);
  }

  const tree = new TreeEdge();
  const tiles: Tile[] = [];
  const known: Buffer[] = [];
  for (let bundle = 0; bundle * TILE_WIDTH < checkpoint.size; bundle++) {
    const width = Math.min(TILE_WIDTH, checkpoint.size - bundle * TILE_WIDTH);
    const path = tilePath("entries", bundle, width);
    const bytes = await reader.read(path);
    const entries = bytes === null ? undefined : decodeEntries(bytes);
    if (entries?.length !== width) {
      find(
        bytes === null
          ? `${path}: the file is missing (entries ${bundle * TILE_WIDTH} to ${bundle * TILE_WIDTH + width - 1})`
          : `${path}: it does not hold ${width} whole entries`,
      );
      return report(checkpoint.size, 0, checkpoint.root);
    }
    const hashes = entries.map((entry) => leafHash(entry));
    await compareLeafTile(reader, bundle, width, hashes, find);
    for (const [i, entry] of entries.entries()) {
      const index = bundle * TILE_WIDTH + i;
      tree.add(hashes[i]!, tiles);
      known.push(hashes[i]!);
      checkEntry(index, entry, hashes[i]!, sessions, find);
      if (
        olderPoint !== null &&
        typeof olderPoint !== "string" &&
        tree.size === olderPoint.size &&
        !tree.root().equals(olderPoint.root)
      ) {
        find(`entry ${index} or one before it was changed since the older checkpoint`);
      }
    }
  }
  if (!tree.root().equals(checkpoint.root)) find(`root: the entries do not give the root that the checkpoint signs`);
  await compareTiles(reader, [...tiles, ...tree.partialTiles()], find);
  const behind = await checkSegments(reader, known, sessions, find);
  return report(checkpoint.size, behind, checkpoint.root);
}

async function compareLeafTile(
  reader: LogReader,
  bundle: number,
  width: number,
  hashes: readonly Buffer[],
  find: (what: string) => void,
): Promise<void> {
  const path = tilePath(0, bundle, width);
  const bytes = await reader.read(path);
  if (bytes === null) return find(`${path}: the file is missing`);
  const stored = splitHashes(bytes);
  if (stored.length !== width || bytes.length !== width * 32) return find(`${path}: it does not hold ${width} hashes`);
  for (const [i, hash] of hashes.entries()) {
    if (!hash.equals(stored[i]!))
      find(
        `entry ${bundle * TILE_WIDTH + i}: it does not have the hash that ${path} holds; one of the two was changed`,
      );
  }
}

/** Tiles above the leaves; those of the leaves were compared entry by entry. */
async function compareTiles(reader: LogReader, tiles: readonly Tile[], find: (what: string) => void): Promise<void> {
  for (const tile of tiles) {
    if (tile.path.startsWith("tile/0/")) continue;
    const bytes = await reader.read(tile.path);
    if (bytes === null) find(`${tile.path}: the file is missing`);
    else if (!bytes.equals(tile.bytes)) find(`${tile.path}: it does not hold the hashes of the entries below it`);
  }
}

type Sessions = Map<string, { sequence: number; hash: Buffer; ended: boolean }>;

function checkEntry(
  index: number,
  entry: Buffer,
  hash: Buffer,
  sessions: Sessions,
  find: (what: string) => void,
): void {
  const value = parseCanonical(entry);
  if (typeof value !== "object" || value === null || Array.isArray(value))
    return find(`entry ${index}: it is not canonical JSON`);
  const { sid, sseq, sprev, type } = value as { readonly [key: string]: CanonicalValue };
  if (typeof sid !== "string") return;
  const before = sessions.get(sid);
  const expected = before === undefined ? 0 : before.sequence + 1;
  if (sseq !== expected)
    find(`entry ${index}: session ${sid} goes on with number ${String(sseq)} where ${expected} is due`);
  if (sprev !== (before?.hash.toString("hex") ?? ""))
    find(`entry ${index}: it does not follow the last entry of session ${sid}`);
  if (before?.ended === true) find(`entry ${index}: session ${sid} had ended`);
  sessions.set(sid, {
    sequence: typeof sseq === "number" ? sseq : expected,
    hash,
    ended: type === "session.end" || type === "session.aborted",
  });
}

/** The write-ahead log must repeat what is under the checkpoint and go on without a gap. */
async function checkSegments(
  reader: LogReader,
  known: readonly Buffer[],
  sessions: Sessions,
  find: (what: string) => void,
): Promise<number> {
  let behind = 0;
  let next = known.length;
  for (const start of await reader.segments()) {
    const { entries, goodBytes } = readFrames(await reader.readSegment(start));
    const segment = await reader.readSegment(start);
    if (goodBytes < segment.length)
      find(`wal segment ${start}: damaged at byte ${goodBytes}, after entry ${start + entries.length - 1}`);
    for (const [i, entry] of entries.entries()) {
      const index = start + i;
      const hash = leafHash(entry);
      if (index < known.length) {
        if (!hash.equals(known[index]!))
          find(`entry ${index}: wal segment ${start} holds another text than the bundle`);
        continue;
      }
      if (index !== next) find(`entries ${next} to ${index - 1}: missing from the write-ahead log`);
      next = index + 1;
      behind++;
      checkEntry(index, entry, hash, sessions, find);
    }
  }
  return behind;
}

/** All entries that can be read, without proof: for looking at a log that is being written. */
export async function* readLog(reader: LogReader): AsyncGenerator<ReadEntry> {
  const note = await reader.read("checkpoint");
  const size = note === null ? 0 : Number(note.toString("utf8").split("\n")[1] ?? 0);
  const toEntry = (index: number, bytes: Buffer): ReadEntry => {
    const value = parseCanonical(bytes);
    const object =
      typeof value === "object" && value !== null && !Array.isArray(value) ? (value as ReadEntry["value"]) : {};
    return { index, type: typeof object["type"] === "string" ? object["type"] : "unreadable", value: object };
  };
  let next = 0;
  for (let bundle = 0; bundle * TILE_WIDTH < size; bundle++) {
    const width = Math.min(TILE_WIDTH, size - bundle * TILE_WIDTH);
    const bytes =
      (await reader.read(tilePath("entries", bundle, width))) ??
      (await reader.read(tilePath("entries", bundle, TILE_WIDTH)));
    for (const entry of (bytes === null ? undefined : decodeEntries(bytes)) ?? []) yield toEntry(next++, entry);
  }
  for (const start of await reader.segments()) {
    for (const [i, entry] of readFrames(await reader.readSegment(start)).entries.entries())
      if (start + i >= next) yield toEntry(next++, entry);
  }
}
