import { createPublicKey, type KeyObject } from "node:crypto";
import { err, ok, type Result } from "../../base/result.ts";
import {
  TILE_WIDTH,
  canonicalJson,
  decodeEntries,
  isOrigin,
  leafHash,
  openCheckpoint,
  parseCanonical,
  tilePath,
  type CanonicalValue,
} from "../../spec/contract/record/index.ts";
import type { Clock } from "../outside/index.ts";
import { OpenBundle } from "./bundle.ts";
import { readFrames } from "./frames.ts";
import { SEGMENT_BYTES } from "./limits.ts";
import { LogWriter } from "./log-writer.ts";
import { Recorder, type Durability, type RecorderFailed } from "./recorder.ts";
import type { LogStore } from "./store.ts";
import type { WriterPort } from "./writer-port.ts";
import { TreeEdge, partialPaths, type Tile } from "./tree.ts";

export interface OpenOptions {
  readonly clock: Clock;
  readonly origin: string;
  readonly key: KeyObject;
  readonly durability: Durability;
  readonly onFailure?: (fault: RecorderFailed) => void;
  /** A write-ahead segment is closed at this size; limits.ts has the usual one. */
  readonly segmentBytes?: number;
}

/** A log that was taken up. */
export interface OpenedLog {
  readonly writer: LogWriter;
  /** Number of the next entry. */
  readonly size: number;
  readonly segmentBytes: number;
  /** Canonical JSON of what must be recorded first: what was cut off, and the ends of sessions that had none. */
  readonly first: readonly string[];
}

/** A session that had no end when the gateway was killed. */
interface OpenSession {
  readonly sid: string;
  readonly value: { readonly [key: string]: CanonicalValue | undefined };
  readonly sequence: number;
}

/**
 * Takes a log up where it was left. What a crash left half written at the very end is cut off and that is recorded; damage
 * anywhere else is not mended but refused. Sessions without an end are closed as aborted.
 *
 * @returns the log, or in words what is wrong with the folder
 */
export async function openLog(
  store: LogStore,
  options: {
    readonly clock: Clock;
    readonly origin: string;
    readonly key: KeyObject;
    readonly onFault: (why: string) => void;
  },
): Promise<Result<OpenedLog, string>> {
  if (!isOrigin(options.origin))
    return err(
      `${JSON.stringify(options.origin)} can't be a log's origin: it must not be empty nor have blanks or plus signs`,
    );
  const base = await readCheckpoint(store, options);
  if (typeof base === "string") return err(base);
  const wal = await readSegments(store, base.checkpointSize);
  if (typeof wal === "string") return err(wal);
  const { tree, tail, checkpointSize } = base;
  const tiles: Tile[] = [];
  for (const [i, entry] of wal.entries.entries()) {
    const index = wal.first + i;
    if (index < checkpointSize) continue;
    tree.add(leafHash(entry), tiles);
    const bundle = tail.add(entry);
    // Entries between checkpoint and crash filled this bundle.
    if (bundle !== null)
      tiles.push({ path: tilePath("entries", tree.size / TILE_WIDTH - 1, TILE_WIDTH), bytes: bundle });
  }
  const sessions = await openSessions(store, wal, checkpointSize);
  if (typeof sessions === "string") return err(sessions);
  if (wal.cutBytes > 0) await store.truncateSegment(wal.segmentStart, wal.segmentBytes);
  await store.roll(wal.segmentStart, wal.segmentBytes);
  await store.writeAll(tiles);
  const writer = new LogWriter(
    store,
    {
      tree,
      tail,
      segmentStart: wal.segmentStart,
      segmentBytes: wal.segmentBytes,
      partialFolders: partialFolders(checkpointSize),
    },
    options,
  );
  const common = { v: 1, t: options.clock.now() };
  const first: string[] = [];
  if (wal.cutBytes > 0) first.push(canonicalJson({ ...common, type: "log.recovered", cutBytes: wal.cutBytes }));
  for (const session of sessions) {
    const { on, who } = session.value;
    first.push(
      canonicalJson({
        ...common,
        type: "session.aborted",
        sid: session.sid,
        sseq: session.sequence + 1,
        lastSequence: session.sequence,
        on: memberOf(on, ["target"]),
        who: memberOf(who, ["issuer", "user"]),
      }),
    );
  }
  return ok({ writer, size: tree.size, segmentBytes: wal.segmentBytes, first });
}

/** What all entries of a session repeat of what its first one says in full. */
function memberOf(value: CanonicalValue | undefined, names: readonly string[]): CanonicalValue {
  if (typeof value !== "object" || value === null || Array.isArray(value)) return {};
  const object = value as { readonly [key: string]: CanonicalValue | undefined };
  return Object.fromEntries(names.flatMap((name) => (object[name] === undefined ? [] : [[name, object[name]]])));
}

/** Takes a log up and writes it on this thread. */
export async function openRecorder(store: LogStore, options: OpenOptions): Promise<Result<Recorder, string>> {
  let recorder: Recorder | null = null;
  const opened = await openLog(store, { ...options, onFault: (why) => recorder?.fail(why) });
  if (!opened.ok) return opened;
  recorder = recorderOf(opened.value.writer, opened.value, options);
  return ok(recorder);
}

/** A recorder on a log that was taken up, with what must be recorded first. */
export function recorderOf(
  port: WriterPort,
  state: { readonly size: number; readonly segmentBytes: number; readonly first: readonly string[] },
  options: Pick<OpenOptions, "clock" | "durability" | "onFailure" | "segmentBytes">,
): Recorder {
  const recorder = new Recorder(port, state, {
    clock: options.clock,
    durability: options.durability,
    segmentBytes: options.segmentBytes ?? SEGMENT_BYTES,
    onFailure: options.onFailure ?? (() => undefined),
  });
  for (const json of state.first) recorder.append(json);
  return recorder;
}

interface Segments {
  /** Number of the first entry that is in the write-ahead log. */
  readonly first: number;
  readonly entries: readonly Buffer[];
  /** The last segment: where it begins and the bytes of its whole frames. */
  readonly segmentStart: number;
  readonly segmentBytes: number;
  /** Bytes of a write that was not finished. */
  readonly cutBytes: number;
}

/** All segments without a gap, or what is wrong with them. */
async function readSegments(store: LogStore, checkpointSize: number): Promise<Segments | string> {
  const starts = await store.segments();
  const first = starts[0] ?? checkpointSize;
  const entries: Buffer[] = [];
  let last = { segmentStart: first, segmentBytes: 0, cutBytes: 0 };
  if (first > checkpointSize)
    return `entries ${checkpointSize} to ${first - 1} are missing: the write-ahead log begins too late; restore it from a copy`;
  for (const [i, start] of starts.entries()) {
    const due = first + entries.length;
    if (start !== due)
      return start > due
        ? `entries ${due} to ${start - 1} are missing between wal segments ${starts[i - 1]!} and ${start}; restore them from a copy`
        : `wal segment ${start} begins before the one in front of it ends; restore it from a copy`;
    const read = readFrames(await store.readSegment(start));
    if (read.badBytes > 0 && (read.damaged || i < starts.length - 1))
      return `wal segment ${start} is damaged at byte ${read.goodBytes}, before its end; restore it from a copy, or begin a new log`;
    for (const entry of read.entries) entries.push(entry);
    last = { segmentStart: start, segmentBytes: read.goodBytes, cutBytes: read.badBytes };
  }
  const end = first + entries.length;
  if (end < checkpointSize)
    return `the write-ahead log ends with entry ${end - 1}, but the checkpoint covers ${checkpointSize}: it was cut. Restore it from a copy; or, as the tiles hold those entries, move the folder wal away to go on without it`;
  return { first, entries, ...last };
}

/** The sessions that the log leaves open, or what is wrong with it. */
async function openSessions(
  store: LogStore,
  wal: Segments,
  checkpointSize: number,
): Promise<readonly OpenSession[] | string> {
  const sessions = new Map<string, OpenSession>();
  const earlier = new Map<string, number>();
  for (const [i, entry] of wal.entries.entries()) {
    const value = objectOf(entry);
    if (value === undefined) return `entry ${wal.first + i} in the write-ahead log is not canonical JSON`;
    if (value["type"] === "log.continued") {
      for (const [sid, index] of continued(value["sessions"])) if (!sessions.has(sid)) earlier.set(sid, index);
    }
    const session = sessionOf(value);
    if (session === undefined) continue;
    earlier.delete(session.sid);
    if (value["type"] === "session.end" || value["type"] === "session.aborted") sessions.delete(session.sid);
    else sessions.set(session.sid, session);
  }
  for (const [sid, index] of earlier) {
    const entry = index < checkpointSize ? await readBundled(store, index, checkpointSize) : undefined;
    const value = entry === undefined ? undefined : objectOf(entry);
    const session = value === undefined ? undefined : sessionOf(value);
    if (session?.sid !== sid) return `entry ${index}, the last of open session ${sid}, can't be read from the bundles`;
    sessions.set(sid, session);
  }
  return [...sessions.values()];
}

function objectOf(entry: Buffer): OpenSession["value"] | undefined {
  const value = parseCanonical(entry);
  return typeof value === "object" && value !== null && !Array.isArray(value)
    ? (value as OpenSession["value"])
    : undefined;
}

function sessionOf(value: OpenSession["value"]): OpenSession | undefined {
  const { sid, sseq } = value;
  return typeof sid === "string" && typeof sseq === "number" ? { sid, value, sequence: sseq } : undefined;
}

function continued(value: CanonicalValue | undefined): readonly (readonly [sid: string, index: number])[] {
  if (!Array.isArray(value)) return [];
  return (value as readonly CanonicalValue[]).flatMap((pair) => {
    const [sid, index] = Array.isArray(pair) ? (pair as readonly CanonicalValue[]) : [];
    return typeof sid === "string" && typeof index === "number" ? [[sid, index] as const] : [];
  });
}

/** An entry under the checkpoint. */
async function readBundled(store: LogStore, index: number, size: number): Promise<Buffer | undefined> {
  const bundle = Math.floor(index / TILE_WIDTH);
  const bytes = await store.read(tilePath("entries", bundle, Math.min(TILE_WIDTH, size - bundle * TILE_WIDTH)));
  return bytes === null ? undefined : decodeEntries(bytes)?.[index % TILE_WIDTH];
}

/** Folders that the parts of tiles of a log of this size are in. */
function partialFolders(size: number): readonly string[] {
  const folders = partialPaths(size).map(({ path }) => path.split("/").slice(0, -1).join("/"));
  const bundle = tilePath("entries", Math.floor(size / TILE_WIDTH), 1)
    .split("/")
    .slice(0, -1)
    .join("/");
  return size % TILE_WIDTH === 0 ? folders : [...folders, bundle];
}

interface Base {
  readonly tree: TreeEdge;
  readonly tail: OpenBundle;
  readonly checkpointSize: number;
}

async function readCheckpoint(
  store: LogStore,
  options: { readonly origin: string; readonly key: KeyObject },
): Promise<Base | string> {
  const note = await store.read("checkpoint");
  if (note === null) {
    const starts = await store.segments();
    if ((starts[0] ?? 0) !== 0 || (starts.length === 0 && (await store.tileFiles()).length > 0))
      return "the checkpoint is missing though the log has been going on; restore it from a copy";
    return { tree: new TreeEdge(), tail: new OpenBundle(), checkpointSize: 0 };
  }
  const checkpoint = openCheckpoint(note.toString("utf8"), { name: options.origin, key: createPublicKey(options.key) });
  if (typeof checkpoint === "string") return `the checkpoint can't be trusted: ${checkpoint}`;
  const { size } = checkpoint;
  const partials: Buffer[] = [];
  for (const { level, path, width } of partialPaths(size)) {
    const bytes = await store.read(path);
    if (bytes === null || bytes.length !== width * 32) return `${path} is missing or has a wrong length`;
    while (partials.length < level) partials.push(Buffer.alloc(0));
    partials[level] = bytes;
  }
  const tree = TreeEdge.restore(size, partials);
  if (!tree.root().equals(checkpoint.root)) return "the tiles do not give the checkpoint's root";
  const tail = new OpenBundle();
  const width = size % TILE_WIDTH;
  if (width > 0) {
    const bytes = await store.read(tilePath("entries", Math.floor(size / TILE_WIDTH), width));
    const entries = bytes === null ? undefined : decodeEntries(bytes);
    if (entries?.length !== width) return "the last bundle of entries is missing or damaged";
    for (const entry of entries) tail.add(entry);
  }
  return { tree, tail, checkpointSize: size };
}
