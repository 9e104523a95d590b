import { crc32 } from "node:zlib";
import { ENTRY_BYTES_MAX } from "../../spec/contract/record/index.ts";

/**
 * A frame of the write-ahead log: length of the entry (4 bytes), CRC-32 over all that follows (4), where in the segment the
 * write began that this frame belongs to (4), a zero byte, the entry. Numbers are big-endian. The zero is the leaf prefix of
 * RFC 6962, so that a leaf is hashed where it lies. What follows the last frame is zeros: space got in advance.
 */
export const FRAME_HEAD_BYTES = 13;

/**
 * Finishes a frame of which the length and the entry are there. `writeStart`: where in its segment the write begins.
 *
 * @returns where the frame ends
 */
export function closeFrame(buffer: Buffer, start: number, writeStart: number): number {
  const end = start + FRAME_HEAD_BYTES + buffer.readUInt32BE(start);
  buffer.writeUInt32BE(writeStart, start + 8);
  buffer[start + 12] = 0;
  buffer.writeUInt32BE(crc32(buffer.subarray(start + 8, end)), start + 4);
  return end;
}

export interface ReadFrames {
  readonly entries: readonly Buffer[];
  /** Where the last whole frame ends. */
  readonly goodBytes: number;
  /** Bytes behind it that are neither frames nor space got in advance; 0 when all is well. */
  readonly badBytes: number;
  /**
   * A later write began behind the bad bytes. Writes follow one another only when they are durable, so this is damage; else
   * it is the last write, which a crash may have left in any state.
   */
  readonly damaged: boolean;
}

export function readFrames(segment: Buffer): ReadFrames {
  const entries: Buffer[] = [];
  let at = 0;
  for (;;) {
    const end = frameEnd(segment, at);
    if (end < 0 || segment.readUInt32BE(at + 8) > at) break;
    entries.push(segment.subarray(at + FRAME_HEAD_BYTES, end));
    at = end;
  }
  let last = segment.length;
  while (last > at && segment[last - 1] === 0) last--;
  return { entries, goodBytes: at, badBytes: last - at, damaged: last > at && laterWrite(segment, at) };
}

/** End of the whole frame at `at`, or -1. */
function frameEnd(segment: Buffer, at: number): number {
  if (segment.length - at < FRAME_HEAD_BYTES) return -1;
  const length = segment.readUInt32BE(at);
  const end = at + FRAME_HEAD_BYTES + length;
  if (length === 0 || length > ENTRY_BYTES_MAX || end > segment.length || segment[at + 12] !== 0) return -1;
  return crc32(segment.subarray(at + 8, end)) === segment.readUInt32BE(at + 4) ? end : -1;
}

/** Whether a whole frame behind `bad` belongs to a write that began behind `bad`. */
function laterWrite(segment: Buffer, bad: number): boolean {
  for (let at = bad + 1; at + FRAME_HEAD_BYTES < segment.length; at++) {
    // A length of at most 65,535 begins with two zero bytes: all other places are passed over quickly.
    if (segment[at] !== 0 || segment[at + 1] !== 0) continue;
    const writeStart = segment.readUInt32BE(at + 8);
    if (writeStart > bad && writeStart <= at && frameEnd(segment, at) >= 0) return true;
  }
  return false;
}
