/** Whole frames, of which the lengths and the entries are there; see frames.ts. */
export interface Batch {
  /** In shared memory when the writer is on another thread. */
  readonly arena: Buffer;
  readonly used: number;
  /** Number of the batch's first entry when it begins a segment. */
  readonly newSegment: number | null;
}

export interface Written {
  /** No more space can be had: nothing new may be begun. */
  readonly full: boolean;
}

/** Where batches go: a writer on this thread, or on another one. */
export interface WriterPort {
  /** Resolves when the batch would survive a power cut; its memory may then be used again. Called again only after that. */
  write(batch: Batch): Promise<Written>;
  /** Writes tiles and bundles of what is durable, then the signed checkpoint that names them. */
  publish(): Promise<void>;
  /** Publishes and lets go of the folder. */
  close(): Promise<void>;
}
