import {
  closeSync,
  constants,
  fdatasyncSync,
  fsyncSync,
  ftruncateSync,
  mkdirSync,
  openSync,
  promises as fs,
  renameSync,
  rmSync,
  unlinkSync,
  writeSync,
} from "node:fs";
import { dirname, join } from "node:path";

/** The open segment grows by this much at a time, so that a write changes no length and waits for one flush only. */
export const SEGMENT_STEP_BYTES = 1024 * 1024;
/** Space that is kept in front of the last entry: on a full disk the ends of the open sessions still fit. */
export const SEGMENT_RESERVE_BYTES = 1024 * 1024;

const segmentName = (firstIndex: number): string => `${String(firstIndex).padStart(16, "0")}.wal`;

function syncFolder(path: string): void {
  const file = openSync(path, constants.O_RDONLY);
  try {
    fsyncSync(file);
  } finally {
    closeSync(file);
  }
}

const codeOf = (fault: unknown): string | undefined => (fault as { code?: string }).code;
/** No such file: also when a file is where a folder should be, or the other way round. */
const absent = (fault: unknown): boolean => ["ENOENT", "ENOTDIR", "EISDIR"].includes(codeOf(fault) ?? "");
/** The disk, a quota or the largest file that the process may make is used up. */
const noSpace = (fault: unknown): boolean => ["ENOSPC", "EDQUOT", "EFBIG"].includes(codeOf(fault) ?? "");

/** Makes a folder and its parents, and makes their names durable. */
function makeFolder(path: string): void {
  const first = mkdirSync(path, { recursive: true, mode: 0o700 });
  if (first === undefined) return;
  for (let folder = path; folder.length >= first.length; folder = dirname(folder)) syncFolder(dirname(folder));
}

function writeAt(file: number, bytes: Uint8Array, position: number): void {
  for (let written = 0; written < bytes.length;)
    written += writeSync(file, bytes, written, bytes.length - written, position + written);
}

/** Closes a segment and gives back the space that it did not need. */
function leave(file: number, end: number): void {
  try {
    ftruncateSync(file, end);
    fsyncSync(file);
  } finally {
    closeSync(file);
  }
}

const ZEROS = Buffer.alloc(SEGMENT_STEP_BYTES);

/**
 * A log in a folder of the file system, one writer. What writes does so at once, without the thread pool: it is meant for a
 * thread of its own, where a handful of calls one after the other costs least.
 */
export class FileLogStore {
  readonly #folder: string;
  #segment: number | null = null;
  /** Where the open segment's entries end, and where its space does. */
  #end = 0;
  #space = 0;
  #full = false;
  /** A flush failed: what the disk holds is not known, and asking again would answer that all is well. */
  #fault: Error | null = null;
  /** Folders that are known to be there. */
  readonly #folders = new Set<string>();

  constructor(folder: string) {
    this.#folder = folder;
  }

  get full(): boolean {
    return this.#full;
  }

  async append(bytes: Uint8Array): Promise<void> {
    const file = this.#segment;
    if (file === null) throw new Error("no segment is open");
    if (this.#fault !== null) throw this.#fault;
    const needed = this.#end + bytes.length;
    if (needed + SEGMENT_RESERVE_BYTES > this.#space && !this.#full) this.#grow(file, needed);
    if (needed > this.#space) throw Object.assign(new Error("no space is left on the disk"), { code: "ENOSPC" });
    try {
      writeAt(file, bytes, this.#end);
    } catch (fault) {
      this.#fault = fault as Error;
      throw fault;
    }
    this.#end = needed;
  }

  /** Gets space up to a step and the reserve behind `needed`. On a full disk `full` is set and the space stays as it is. */
  #grow(file: number, needed: number): void {
    const to = (Math.floor((needed + SEGMENT_RESERVE_BYTES) / SEGMENT_STEP_BYTES) + 1) * SEGMENT_STEP_BYTES;
    try {
      for (let at = this.#space; at < to;) {
        const bytes = Math.min(ZEROS.length, to - at);
        writeAt(file, ZEROS.subarray(0, bytes), at);
        at += bytes;
      }
      this.#space = to;
    } catch (fault) {
      if (!noSpace(fault)) {
        this.#fault = fault as Error;
        throw fault;
      }
      this.#full = true;
    }
  }

  async roll(firstIndex: number, usedBytes: number): Promise<boolean> {
    const folder = join(this.#folder, "wal");
    makeFolder(folder);
    const before = { file: this.#segment, end: this.#end, space: this.#space };
    const path = join(folder, segmentName(firstIndex));
    // O_DSYNC: a write returns once it is durable, one way to the disk and back instead of two.
    const file = openSync(path, constants.O_RDWR | constants.O_CREAT | constants.O_DSYNC, 0o600);
    // What is behind the entries may be anything; space is zeros.
    ftruncateSync(file, usedBytes);
    this.#space = usedBytes;
    this.#grow(file, usedBytes);
    if (this.#full && before.file !== null) {
      this.#space = before.space;
      closeSync(file);
      unlinkSync(path);
      return false;
    }
    fsyncSync(file);
    syncFolder(folder);
    if (before.file !== null) leave(before.file, before.end);
    this.#segment = file;
    this.#end = usedBytes;
    return true;
  }

  async segments(): Promise<readonly number[]> {
    try {
      const names = await fs.readdir(join(this.#folder, "wal"));
      return names
        .filter((name) => /^\d{16}\.wal$/.test(name))
        .map((name) => Number(name.slice(0, 16)))
        .sort((a, b) => a - b);
    } catch (fault) {
      if (absent(fault)) return [];
      throw fault;
    }
  }

  async readSegment(firstIndex: number): Promise<Buffer> {
    return (await this.read(join("wal", segmentName(firstIndex)))) ?? Buffer.alloc(0);
  }

  async truncateSegment(firstIndex: number, bytes: number): Promise<void> {
    const handle = await fs.open(join(this.#folder, "wal", segmentName(firstIndex)), "r+");
    try {
      await handle.truncate(bytes);
      await handle.sync();
    } finally {
      await handle.close();
    }
  }

  dropSegment(firstIndex: number): Promise<void> {
    return fs.unlink(join(this.#folder, "wal", segmentName(firstIndex)));
  }

  write(path: string, bytes: Uint8Array): Promise<void> {
    return this.writeAll([{ path, bytes }]);
  }

  async writeAll(files: readonly { readonly path: string; readonly bytes: Uint8Array }[]): Promise<void> {
    const folders = new Set<string>();
    for (const [i, { path, bytes }] of files.entries()) {
      const target = join(this.#folder, path);
      const folder = dirname(target);
      if (!this.#folders.has(folder)) {
        makeFolder(folder);
        this.#folders.add(folder);
      }
      folders.add(folder);
      replace(target, bytes);
      // Whoever waits for the write-ahead log gets its turn.
      if (i < files.length - 1) await new Promise(setImmediate);
    }
    for (const folder of folders) syncFolder(folder);
  }

  async removeFolder(path: string): Promise<void> {
    const folder = join(this.#folder, path);
    this.#folders.delete(folder);
    rmSync(folder, { recursive: true, force: true });
  }

  async tileFiles(): Promise<readonly string[]> {
    const files: string[] = [];
    const walk = async (path: string): Promise<void> => {
      let names;
      try {
        names = await fs.readdir(join(this.#folder, path), { withFileTypes: true });
      } catch (fault) {
        if (absent(fault)) return;
        throw fault;
      }
      for (const name of names) {
        const inner = `${path}/${name.name}`;
        if (name.isDirectory()) await walk(inner);
        // A file that was being written when the gateway was killed is no file of the log yet.
        else if (!name.name.endsWith(".new")) files.push(inner);
      }
    };
    await walk("tile");
    return files;
  }

  async read(path: string): Promise<Buffer | null> {
    try {
      return await fs.readFile(join(this.#folder, path));
    } catch (fault) {
      if (absent(fault)) return null;
      throw fault;
    }
  }

  async close(): Promise<void> {
    const file = this.#segment;
    if (file === null) return;
    this.#segment = null;
    leave(file, this.#end);
  }
}

/** Readers see the old or the new file, whole. */
function replace(target: string, bytes: Uint8Array): void {
  const file = openSync(`${target}.new`, "w", 0o600);
  try {
    writeAt(file, bytes, 0);
    fdatasyncSync(file);
  } finally {
    closeSync(file);
  }
  renameSync(`${target}.new`, target);
}
