/** Read access to a log's folder. */
export interface LogReader {
  /** A file's bytes by its path in the log's folder, or null when there is none. */
  read(path: string): Promise<Buffer | null>;
  /** Paths of all files under `tile`, in any order. */
  tileFiles(): Promise<readonly string[]>;
  /** Numbers of the write-ahead segments' first entries, ascending. */
  segments(): Promise<readonly number[]>;
  /** Empty when there is no such segment. */
  readSegment(firstIndex: number): Promise<Buffer>;
}

/** Where a log lives. Every promise resolves only when the bytes would survive a power cut. */
export interface LogStore extends LogReader {
  /** No more space can be had: what was got in advance is all there is. */
  readonly full: boolean;
  /** Adds to the open write-ahead segment. */
  append(bytes: Uint8Array): Promise<void>;
  /**
   * Goes on in a segment whose first entry has this number, behind its first `usedBytes`; makes it when there is none.
   *
   * @returns false when there was no space for it, and the segment that was open still is
   */
  roll(firstIndex: number, usedBytes: number): Promise<boolean>;
  /** Cuts a segment behind its last whole entry. */
  truncateSegment(firstIndex: number, bytes: number): Promise<void>;
  dropSegment(firstIndex: number): Promise<void>;
  /** Puts a whole file in place: readers see the old or the new one. */
  write(path: string, bytes: Uint8Array): Promise<void>;
  /** The same for many files; all of them are durable when it resolves. */
  writeAll(files: readonly { readonly path: string; readonly bytes: Uint8Array }[]): Promise<void>;
  /** Removes a folder with its files; nothing happens when there is none. */
  removeFolder(path: string): Promise<void>;
  close(): Promise<void>;
}
