/** Where a log lives. Every promise resolves only when the bytes would survive a power cut. */
export interface LogStore {
  /** Adds to the open write-ahead segment. */
  append(bytes: Uint8Array): Promise<void>;
  /** Begins a new segment whose first entry has this number. */
  roll(firstIndex: number): Promise<void>;
  /** Numbers of the segments' first entries, ascending. */
  segments(): Promise<readonly number[]>;
  readSegment(firstIndex: number): Promise<Buffer>;
  /** Cuts a segment behind its last whole entry. */
  truncateSegment(firstIndex: number, bytes: number): Promise<void>;
  dropSegment(firstIndex: number): Promise<void>;
  /** Puts a whole file in place: readers see the old or the new one. */
  write(path: string, bytes: Uint8Array): Promise<void>;
  read(path: string): Promise<Buffer | null>;
  close(): Promise<void>;
}
