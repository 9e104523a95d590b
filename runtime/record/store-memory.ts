import type { LogStore } from "./store.ts";

/** A log in memory, for tests and simulations. `files` and `wal` are what a disk would hold. */
export class MemoryLogStore implements LogStore {
  readonly files = new Map<string, Buffer>();
  readonly wal = new Map<number, Buffer>();
  full = false;
  #open = -1;

  append(bytes: Uint8Array): Promise<void> {
    this.wal.set(this.#open, Buffer.concat([this.wal.get(this.#open) ?? Buffer.alloc(0), bytes]));
    return Promise.resolve();
  }

  roll(firstIndex: number, usedBytes: number): Promise<boolean> {
    this.#open = firstIndex;
    this.wal.set(firstIndex, (this.wal.get(firstIndex) ?? Buffer.alloc(0)).subarray(0, usedBytes));
    return Promise.resolve(true);
  }

  segments(): Promise<readonly number[]> {
    return Promise.resolve([...this.wal.keys()].sort((a, b) => a - b));
  }

  readSegment(firstIndex: number): Promise<Buffer> {
    return Promise.resolve(this.wal.get(firstIndex) ?? Buffer.alloc(0));
  }

  truncateSegment(firstIndex: number, bytes: number): Promise<void> {
    this.wal.set(firstIndex, (this.wal.get(firstIndex) ?? Buffer.alloc(0)).subarray(0, bytes));
    return Promise.resolve();
  }

  dropSegment(firstIndex: number): Promise<void> {
    this.wal.delete(firstIndex);
    return Promise.resolve();
  }

  write(path: string, bytes: Uint8Array): Promise<void> {
    this.files.set(path, Buffer.from(bytes));
    return Promise.resolve();
  }

  async writeAll(files: readonly { readonly path: string; readonly bytes: Uint8Array }[]): Promise<void> {
    for (const { path, bytes } of files) await this.write(path, bytes);
  }

  read(path: string): Promise<Buffer | null> {
    return Promise.resolve(this.files.get(path) ?? null);
  }

  tileFiles(): Promise<readonly string[]> {
    return Promise.resolve([...this.files.keys()].filter((path) => path.startsWith("tile/")));
  }

  removeFolder(path: string): Promise<void> {
    for (const file of [...this.files.keys()])
      if (file === path || file.startsWith(`${path}/`)) this.files.delete(file);
    return Promise.resolve();
  }

  close(): Promise<void> {
    return Promise.resolve();
  }
}
