import { constants, promises as fs, type PathLike } from "node:fs";
import { dirname, join } from "node:path";

/** The open segment grows by this much at a time, so that a write changes no length and waits for one flush only. */
export const SEGMENT_STEP_BYTES = 1024 * 1024;
/** Space that is kept in front of the last entry: on a full disk the ends of the open sessions still fit. */
export const SEGMENT_RESERVE_BYTES = 1024 * 1024;

const segmentName = (firstIndex: number): string => `${String(firstIndex).padStart(16, "0")}.wal`;

async function syncFolder(path: PathLike): Promise<void> {
  const handle = await fs.open(path, constants.O_RDONLY);
  try {
    await handle.sync();
  } finally {
    await handle.close();
  }
}

const codeOf = (fault: unknown): string | undefined => (fault as { code?: string }).code;
/** No such file: also when a file is where a folder should be, or the other way round. */
const absent = (fault: unknown): boolean => ["ENOENT", "ENOTDIR", "EISDIR"].includes(codeOf(fault) ?? "");
const noSpace = (fault: unknown): boolean => codeOf(fault) === "ENOSPC" || codeOf(fault) === "EDQUOT";

/** Makes a folder and its parents, and makes their names durable. */
async function makeFolder(path: string): Promise<void> {
  const first = await fs.mkdir(path, { recursive: true, mode: 0o700 });
  if (first === undefined) return;
  for (let folder = path; folder.length >= first.length; folder = dirname(folder)) await syncFolder(dirname(folder));
}

async function writeAll(handle: fs.FileHandle, bytes: Uint8Array, position: number): Promise<void> {
  let written = 0;
  while (written < bytes.length) {
    const { bytesWritten } = await handle.write(bytes, written, bytes.length - written, position + written);
    written += bytesWritten;
  }
}

/** Closes a segment and gives back the space that it did not need. */
async function leave(handle: fs.FileHandle, end: number): Promise<void> {
  try {
    await handle.truncate(end);
    await handle.sync();
  } finally {
    await handle.close();
  }
}

/** A log in a folder of the file system, one writer. */
export class FileLogStore {
  readonly #folder: string;
  #segment: fs.FileHandle | null = null;
  /** Where the open segment's entries end, and where its space does. */
  #end = 0;
  #space = 0;
  #growing: Promise<void> | null = null;
  #full = false;
  /** A flush failed: what the disk holds is not known, and asking again would answer that all is well. */
  #fault: Error | null = null;

  constructor(folder: string) {
    this.#folder = folder;
  }

  get full(): boolean {
    return this.#full;
  }

  async append(bytes: Uint8Array): Promise<void> {
    const handle = this.#segment;
    if (handle === null) throw new Error("no segment is open");
    this.#mustBeSound();
    const needed = this.#end + bytes.length;
    if (needed > this.#space) {
      await this.#growing;
      if (needed > this.#space && !this.#full) await this.#grow(handle, needed);
      if (needed > this.#space) throw Object.assign(new Error("no space is left on the disk"), { code: "ENOSPC" });
    }
    await writeAll(handle, bytes, this.#end);
    this.#mustBeSound();
    this.#end = needed;
    if (this.#space - this.#end < SEGMENT_RESERVE_BYTES && this.#growing === null && !this.#full)
      void this.#grow(handle, needed).catch(() => undefined);
  }

  #mustBeSound(): void {
    if (this.#fault !== null) throw this.#fault;
  }

  /** Gets space up to a step and the reserve behind `needed`. On a full disk `full` is set and the space stays as it is. */
  #grow(handle: fs.FileHandle, needed: number): Promise<void> {
    const from = this.#space;
    const to = (Math.floor((needed + SEGMENT_RESERVE_BYTES) / SEGMENT_STEP_BYTES) + 1) * SEGMENT_STEP_BYTES;
    this.#growing = (async () => {
      try {
        await writeAll(handle, Buffer.alloc(to - from), from);
        this.#space = to;
      } catch (fault) {
        if (!noSpace(fault)) {
          this.#fault = fault instanceof Error ? fault : new Error(String(fault));
          throw fault;
        }
        this.#full = true;
      } finally {
        this.#growing = null;
      }
    })();
    return this.#growing;
  }

  async roll(firstIndex: number, usedBytes: number): Promise<boolean> {
    const folder = join(this.#folder, "wal");
    await makeFolder(folder);
    await this.#growing;
    const before = { handle: this.#segment, end: this.#end, space: this.#space };
    const path = join(folder, segmentName(firstIndex));
    // O_DSYNC: a write returns once it is durable, one way to the disk and back instead of two.
    const handle = await fs.open(path, constants.O_RDWR | constants.O_CREAT | constants.O_DSYNC, 0o600);
    // What is behind the entries may be anything; space is zeros.
    await handle.truncate(usedBytes);
    this.#space = usedBytes;
    await this.#grow(handle, usedBytes);
    if (this.#full && before.handle !== null) {
      this.#space = before.space;
      await handle.close();
      await fs.unlink(path);
      return false;
    }
    await handle.sync();
    await syncFolder(folder);
    if (before.handle !== null) await leave(before.handle, before.end);
    this.#segment = handle;
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

  async write(path: string, bytes: Uint8Array): Promise<void> {
    const target = join(this.#folder, path);
    await makeFolder(dirname(target));
    const handle = await fs.open(`${target}.new`, "w", 0o600);
    try {
      await handle.writeFile(bytes);
      await handle.datasync();
    } finally {
      await handle.close();
    }
    await fs.rename(`${target}.new`, target);
    await syncFolder(dirname(target));
  }

  removeFolder(path: string): Promise<void> {
    return fs.rm(join(this.#folder, path), { recursive: true, force: true });
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
    const handle = this.#segment;
    if (handle === null) return;
    this.#segment = null;
    await this.#growing?.catch(() => undefined);
    await leave(handle, this.#end);
  }
}
