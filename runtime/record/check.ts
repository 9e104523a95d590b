import type { KeyObject } from "node:crypto";
import {
  EMPTY_ROOT,
  HASH_BYTES,
  TILE_WIDTH,
  decodeEntries,
  leafHash,
  openCheckpoint,
  tilePath,
  type Checkpoint,
} from "../../spec/contract/record/index.ts";
import { SessionChains } from "./check-sessions.ts";
import { readFrames } from "./frames.ts";
import { HashList } from "./hash-list.ts";
import type { LogReader } from "./store.ts";
import { TreeEdge, splitHashes, type FullTile } from "./tree.ts";

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

export interface Verifier {
  readonly name: string;
  readonly key: KeyObject;
}

/** Further findings are only counted as "and more". */
const FINDINGS_MAX = 100;
/** How often a log that goes on while it is read is read anew. */
const READS_MAX = 5;

/**
 * Checks a copied log by its bytes and a verifier key alone: the checkpoint's signature, every entry's hash up to the root,
 * every tile, the form of every entry, each session's numbers, and the write-ahead log. Never throws for what a folder may
 * hold. A log that is being written can be checked too: when something seems wrong and the log has gone on meanwhile, it is
 * read again.
 *
 * @param older a checkpoint from earlier, to prove that the log only grew; or null
 */
export async function checkLog(reader: LogReader, verifier: Verifier, older: string | null = null): Promise<LogReport> {
  for (let reads = 1; ; reads++) {
    const before = await mark(reader);
    const report = await new Check(reader, verifier, older).run();
    if (report.ok || reads === READS_MAX || (await mark(reader)) === before) return report;
  }
}

/** Differs once the log has gone on. */
async function mark(reader: LogReader): Promise<string> {
  const starts = await reader.segments();
  const last = starts.at(-1);
  const note = await reader.read("checkpoint");
  const written = last === undefined ? 0 : readFrames(await reader.readSegment(last)).goodBytes;
  return `${note?.toString("base64")} ${starts.join()} ${written}`;
}

class Check {
  readonly #reader: LogReader;
  readonly #verifier: Verifier;
  readonly #older: string | null;
  readonly #findings: string[] = [];
  readonly #find = (what: string): void => {
    if (this.#findings.length < FINDINGS_MAX) this.#findings.push(what);
    else if (this.#findings.length === FINDINGS_MAX) this.#findings.push("and more");
  };
  readonly #sessions = new SessionChains(this.#find);
  readonly #tree = new TreeEdge();
  /** Hashes by level: 0 are the leaves', each level above has one for 256 below. */
  readonly #levels: HashList[] = [new HashList()];
  #files: ReadonlySet<string> = new Set();

  constructor(reader: LogReader, verifier: Verifier, older: string | null) {
    this.#reader = reader;
    this.#verifier = verifier;
    this.#older = older;
  }

  async run(): Promise<LogReport> {
    const note = await this.#reader.read("checkpoint");
    const checkpoint = note === null ? "the file is missing" : openCheckpoint(note.toString("utf8"), this.#verifier);
    if (typeof checkpoint === "string") {
      this.#find(`checkpoint: ${checkpoint}`);
      return this.#report(null, 0);
    }
    const older = this.#olderPoint(checkpoint);
    this.#files = new Set(await this.#reader.tileFiles());
    const size = await this.#readBundles(checkpoint, older);
    if (size === checkpoint.size && !this.#tree.root().equals(checkpoint.root))
      this.#find("root: the entries do not give the root that the checkpoint signs");
    const behind = await this.#readSegments(checkpoint.size);
    await this.#compareFiles(checkpoint.size);
    return this.#report(checkpoint, behind);
  }

  #report(checkpoint: Checkpoint | null, behind: number): LogReport {
    return {
      ok: this.#findings.length === 0,
      findings: this.#findings,
      origin: this.#verifier.name,
      size: checkpoint?.size ?? 0,
      behind,
      root: (checkpoint?.root ?? EMPTY_ROOT).toString("base64"),
      sessions: this.#sessions.count,
    };
  }

  #olderPoint(now: Checkpoint): Checkpoint | null {
    if (this.#older === null) return null;
    const older = openCheckpoint(this.#older, this.#verifier);
    if (typeof older === "string") {
      this.#find(`older checkpoint: ${older}`);
      return null;
    }
    if (older.size > now.size)
      this.#find(`checkpoint: the log has ${now.size} entries, but it had ${older.size} before: it was cut`);
    else if (older.size === 0 && !older.root.equals(EMPTY_ROOT))
      this.#find("older checkpoint: it signs a root of no entries that is none");
    return older;
  }

  #add(hash: Buffer): void {
    this.#levels[0]!.push(hash);
    const full: FullTile[] = [];
    this.#tree.add(hash, full);
    // Each tile that came full is one hash of the level above.
    for (const [level, { root }] of full.entries()) (this.#levels[level + 1] ??= new HashList()).push(root);
  }

  // ---- entries under the checkpoint ----------------------------------------------------------------------------------

  /** Reads all bundles; answers how many entries (or at least their hashes) there were before reading had to end. */
  async #readBundles(checkpoint: Checkpoint, older: Checkpoint | null): Promise<number> {
    const { size } = checkpoint;
    for (let bundle = 0; bundle * TILE_WIDTH < size; bundle++) {
      const first = bundle * TILE_WIDTH;
      const width = Math.min(TILE_WIDTH, size - first);
      const entries = await this.#bundle(bundle, width);
      const stored = await this.#leafTile(bundle, width);
      if (entries === null) {
        this.#sessions.gap();
        if (stored === null) {
          this.#find(`entries from ${first} on can't be checked: neither they nor their hashes are there`);
          return first;
        }
      }
      for (let i = 0; i < width; i++) {
        const hash = entries === null ? stored![i]! : leafHash(entries[i]!);
        if (entries !== null && stored !== null && !hash.equals(stored[i]!))
          this.#find(`entry ${first + i}: it does not have the hash that tile/0 holds; one of the two was changed`);
        this.#add(hash);
        if (entries !== null) this.#sessions.entry(first + i, entries[i]!);
        if (older?.size === first + i + 1 && !this.#tree.root().equals(older.root))
          this.#find(`entry ${first + i} or one before it was changed since the older checkpoint`);
      }
    }
    return size;
  }

  /** A bundle's entries; null when they can't be had, which is said. */
  async #bundle(bundle: number, width: number): Promise<readonly Buffer[] | null> {
    const path = this.#pathOf("entries", bundle, width);
    const range = `entries ${bundle * TILE_WIDTH} to ${bundle * TILE_WIDTH + width - 1}`;
    const bytes = await this.#reader.read(path);
    const entries = bytes === null ? undefined : decodeEntries(bytes);
    if (entries !== undefined && (entries.length === width || (entries.length > width && !path.endsWith(`/${width}`))))
      return entries.slice(0, width);
    this.#find(bytes === null ? `${path}: the file is missing (${range})` : `${path}: it does not hold ${range} whole`);
    return null;
  }

  async #leafTile(bundle: number, width: number): Promise<readonly Buffer[] | null> {
    const path = this.#pathOf(0, bundle, width);
    const bytes = await this.#reader.read(path);
    if (bytes !== null && bytes.length % HASH_BYTES === 0 && bytes.length >= width * HASH_BYTES)
      return splitHashes(bytes).slice(0, width);
    this.#find(bytes === null ? `${path}: the file is missing` : `${path}: it does not hold ${width} hashes`);
    return null;
  }

  /** The file that has the first `width` of a tile. Where the log has gone on since its checkpoint, a wider one serves. */
  #pathOf(level: number | "entries", index: number, width: number): string {
    const path = tilePath(level, index, width);
    const whole = tilePath(level, index, TILE_WIDTH);
    return !this.#files.has(path) && this.#files.has(whole) ? whole : path;
  }

  // ---- write-ahead log -------------------------------------------------------------------------------------------------

  /** It must repeat what is under the checkpoint, without a gap, and may go on behind it. Answers by how many entries. */
  async #readSegments(size: number): Promise<number> {
    const leaves = this.#levels[0]!;
    const complete = leaves.length === size;
    let behind = 0;
    let next: number | null = null;
    for (const start of await this.#reader.segments()) {
      const bytes = await this.#reader.readSegment(start);
      const { entries, goodBytes, badBytes } = readFrames(bytes);
      if (next === null && start > size)
        this.#find(`entries ${size} to ${start - 1}: they are missing; the write-ahead log begins behind them`);
      if (next !== null && start !== next)
        this.#find(`wal segment ${start}: the one before it ends with entry ${next - 1}; what is between is missing`);
      if (badBytes > 0)
        this.#find(
          `wal segment ${start}: from byte ${goodBytes} on, behind entry ${start + entries.length - 1}, there is no whole entry: changed, or a write that a crash cut off`,
        );
      for (const [i, entry] of entries.entries()) {
        const index = start + i;
        const hash = leafHash(entry);
        if (index < leaves.length) {
          if (!hash.equals(leaves.at(index)))
            this.#find(`entry ${index}: wal segment ${start} holds another text than its bundle`);
          continue;
        }
        if (!complete || index !== leaves.length) continue;
        behind++;
        this.#add(hash);
        this.#sessions.entry(index, entry);
      }
      next = start + entries.length;
    }
    if (next === null && size > 0) this.#find("wal: the write-ahead log is missing");
    else if (next !== null && next < size)
      this.#find(`wal: the write-ahead log ends with entry ${next - 1}, but the checkpoint covers ${size}: it was cut`);
    return behind;
  }

  // ---- files -----------------------------------------------------------------------------------------------------------

  /** Every file under `tile` must be what the entries give, and every one that a reader may ask for must be there. */
  async #compareFiles(size: number): Promise<void> {
    for (
      let level = 1, count = Math.floor(size / TILE_WIDTH);
      count > 0;
      level++, count = Math.floor(count / TILE_WIDTH)
    )
      for (let index = 0; index * TILE_WIDTH < count; index++) {
        const path = this.#pathOf(level, index, Math.min(TILE_WIDTH, count - index * TILE_WIDTH));
        if (!this.#files.has(path)) this.#find(`${path}: the file is missing`);
      }
    for (const path of [...this.#files].sort()) {
      const tile = parseTilePath(path);
      if (tile === null) this.#find(`${path}: no file of a log has this name`);
      else if (tile.level === "entries") await this.#compareBundle(path, tile.index, tile.width);
      else await this.#compareTile(path, tile.level, tile.index, tile.width);
    }
  }

  async #compareTile(path: string, level: number, index: number, width: number): Promise<void> {
    const bytes = await this.#reader.read(path);
    const known = this.#levels[level]?.slice(index * TILE_WIDTH, width) ?? Buffer.alloc(0);
    // Gone since the files were listed, or the same hashes were found missing already.
    if (bytes === null || (known.length === 0 && this.#findings.length > 0)) return;
    if (!bytes.equals(known)) this.#find(`${path}: it does not hold the hashes of the entries below it`);
  }

  async #compareBundle(path: string, index: number, width: number): Promise<void> {
    const leaves = this.#levels[0]!;
    const bytes = await this.#reader.read(path);
    if (bytes === null) return;
    const entries = decodeEntries(bytes);
    const first = index * TILE_WIDTH;
    if (entries?.length !== width || first + width > leaves.length)
      return this.#find(`${path}: it does not hold ${width} whole entries of this log`);
    const wrong = entries.findIndex((entry, i) => !leafHash(entry).equals(leaves.at(first + i)));
    if (wrong >= 0) this.#find(`entry ${first + wrong}: ${path} holds another text than the rest of the log`);
  }
}

/** The inverse of `tilePath`; null for any other name. */
export function parseTilePath(
  path: string,
): { readonly level: number | "entries"; readonly index: number; readonly width: number } | null {
  const match = /^tile\/(entries|\d{1,2})\/((?:x\d{3}\/){0,4}\d{3})(?:\.p\/(\d{1,3}))?$/.exec(path);
  if (match === null) return null;
  const level = match[1] === "entries" ? "entries" : Number(match[1]);
  const index = Number(match[2]!.replaceAll(/[x/]/g, ""));
  const width = match[3] === undefined ? TILE_WIDTH : Number(match[3]);
  return width > 0 && tilePath(level, index, width) === path ? { level, index, width } : null;
}
