import { crc32 } from "node:zlib";
import { ENTRY_BYTES_MAX } from "../../spec/contract/record/index.ts";

/**
 * A frame of the write-ahead log: length of the entry (4 bytes), CRC-32 over the rest (4 bytes), a zero byte, the entry.
 * The zero is the leaf prefix of RFC 6962, so that a leaf is hashed where it lies.
 */
export const FRAME_HEAD_BYTES = 9;

/** Finishes a frame whose entry was put at `start + FRAME_HEAD_BYTES`. */
export function closeFrame(buffer: Buffer, start: number, entryBytes: number): void {
  buffer.writeUInt32BE(entryBytes, start);
  buffer[start + 8] = 0;
  buffer.writeUInt32BE(crc32(buffer.subarray(start + 8, start + FRAME_HEAD_BYTES + entryBytes)), start + 4);
}

export interface ReadFrames {
  readonly entries: readonly Buffer[];
  /** Where the first thing that is no whole frame begins; the segment's length when all is well. */
  readonly goodBytes: number;
  /** Bytes behind it that look like a frame again: the damage is in the middle, not a torn end. */
  readonly damaged: boolean;
}

export function readFrames(segment: Buffer): ReadFrames {
  const entries: Buffer[] = [];
  let at = 0;
  for (;;) {
    const end = frameEnd(segment, at);
    if (end < 0) break;
    entries.push(segment.subarray(at + FRAME_HEAD_BYTES, end));
    at = end;
  }
  return { entries, goodBytes: at, damaged: at < segment.length && wholeFrameAfter(segment, at + 1) };
}

/** End of the whole frame at `at`, or -1. */
function frameEnd(segment: Buffer, at: number): number {
  if (segment.length - at < FRAME_HEAD_BYTES) return -1;
  const length = segment.readUInt32BE(at);
  const end = at + FRAME_HEAD_BYTES + length;
  if (length === 0 || length > ENTRY_BYTES_MAX || end > segment.length || segment[at + 8] !== 0) return -1;
  return crc32(segment.subarray(at + 8, end)) === segment.readUInt32BE(at + 4) ? end : -1;
}

function wholeFrameAfter(segment: Buffer, from: number): boolean {
  for (let at = from; at + FRAME_HEAD_BYTES < segment.length; at++) if (frameEnd(segment, at) >= 0) return true;
  return false;
}
