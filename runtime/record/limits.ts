/** A write-ahead segment is closed at this size and a new one begun. */
export const SEGMENT_BYTES = 32 * 1024 * 1024;
/** Entries that wait for one write. Past it, whoever appends is refused: the disk has stopped. */
export const PENDING_BYTES_MAX = 256 * 1024 * 1024;
/** First size of the buffer that entries are collected in. */
export const ARENA_BYTES = 256 * 1024;
/** A checkpoint is published at most this often. */
export const CHECKPOINT_EVERY_MS = 1_000;
/** Entries that nobody waits for are written this long after the first of them: the write itself takes time too. */
export const WITHIN_MS = 8;
/** Open sessions that one entry of type `log.continued` names. */
export const CONTINUED_SESSIONS_MAX = 1_000;
/** The gateway says that it is there, and how many sessions are open. */
export const HEARTBEAT_MS = 60_000;
/** Of the command tags of one message so much is kept: the rows are counted beside them. */
export const TAG_UNITS_MAX = 1_024;
