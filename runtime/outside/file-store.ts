import { constants, promises as fs, type PathLike } from "node:fs";
import { dirname, join } from "node:path";

const segmentName = (firstIndex: number): string => `${String(firstIndex).padStart(16, "0")}.wal`;

async function syncFolder(path: PathLike): Promise<void> {
  const handle = await fs.open(path, constants.O_RDONLY);
  try {
    await handle.sync();
  } finally {
    await handle.close();
  }
}

const absent = (fault: unknown): boolean => (fault as { code?: string }).code === "ENOENT";

/** A log in a folder of the file system, one writer. */
export class FileLogStore {
  readonly #folder: string;
  #segment: fs.FileHandle | null = null;

  constructor(folder: string) {
    this.#folder = folder;
  }

  async append(bytes: Uint8Array): Promise<void> {
    const handle = this.#segment;
    if (handle === null) throw new Error("no segment is open");
    let written = 0;
    while (written < bytes.length) {
      const { bytesWritten } = await handle.write(bytes, written);
      written += bytesWritten;
    }
    await handle.datasync();
  }

  async roll(firstIndex: number): Promise<void> {
    await this.#segment?.close();
    const folder = join(this.#folder, "wal");
    await fs.mkdir(folder, { recursive: true, mode: 0o700 });
    this.#segment = await fs.open(join(folder, segmentName(firstIndex)), "a", 0o600);
    await syncFolder(folder);
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

  readSegment(firstIndex: number): Promise<Buffer> {
    return fs.readFile(join(this.#folder, "wal", segmentName(firstIndex)));
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
    await fs.mkdir(dirname(target), { recursive: true, mode: 0o700 });
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

  async read(path: string): Promise<Buffer | null> {
    try {
      return await fs.readFile(join(this.#folder, path));
    } catch (fault) {
      if (absent(fault)) return null;
      throw fault;
    }
  }

  async close(): Promise<void> {
    await this.#segment?.close();
    this.#segment = null;
  }
}
