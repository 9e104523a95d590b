import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { ENTRY_BYTES_MAX } from "../../spec/contract/record/index.ts";
import { FRAME_HEAD_BYTES, closeFrame, readFrames } from "./frames.ts";

/** A segment of writes, each of some entries. */
function segment(writes: readonly (readonly Uint8Array[])[], spaceBytes = 0): Buffer {
  const size = writes.flat().reduce((sum, entry) => sum + FRAME_HEAD_BYTES + entry.length, 0);
  const out = Buffer.alloc(size + spaceBytes);
  let at = 0;
  for (const write of writes) {
    const start = at;
    for (const entry of write) {
      out.set(entry, at + FRAME_HEAD_BYTES);
      out.writeUInt32BE(entry.length, at);
      at = closeFrame(out, at, start);
    }
  }
  return out;
}

const entry = fc.uint8Array({ minLength: 1, maxLength: 60 });
const writes = fc.array(fc.array(entry, { minLength: 1, maxLength: 4 }), { maxLength: 4 });

describe("frames of the write-ahead log", () => {
  it("come back as they were written, whatever space is behind them", () => {
    fc.assert(
      fc.property(writes, fc.nat(100), (list, space) => {
        const read = readFrames(segment(list, space));
        expect(read.entries.map((one) => [...one])).toEqual(list.flat().map((one) => [...one]));
        expect([read.badBytes, read.damaged]).toEqual([0, false]);
      }),
    );
  });

  it("cut anywhere give the entries that are whole, and no damage", () => {
    fc.assert(
      fc.property(writes, fc.nat(), (list, at) => {
        const bytes = segment(list);
        const cut = bytes.length === 0 ? 0 : at % bytes.length;
        const read = readFrames(bytes.subarray(0, cut));
        expect(read.entries.map((one) => [...one])).toEqual(
          list
            .flat()
            .slice(0, read.entries.length)
            .map((one) => [...one]),
        );
        expect(read.damaged).toBe(false);
        expect(read.goodBytes + FRAME_HEAD_BYTES + 60).toBeGreaterThan(cut);
      }),
    );
  });

  it("with any byte changed never give another entry", () => {
    fc.assert(
      fc.property(writes, fc.nat(), fc.integer({ min: 1, max: 255 }), fc.nat(40), (list, at, flip, space) => {
        const bytes = segment(list, space);
        fc.pre(bytes.length > 0);
        bytes[at % bytes.length]! ^= flip;
        const read = readFrames(bytes);
        expect(read.badBytes).toBeGreaterThan(0);
        const before = list.flat();
        for (const [i, one] of read.entries.entries()) expect([...one]).toEqual([...before[i]!]);
      }),
    );
  });

  it("of the last write may be lost in any order; of one before it that is damage", () => {
    const one = Buffer.from("one");
    const last = segment([[one], [one, one, one]]);
    // The last write's first frame never reached the disk, the others did.
    last.fill(0, FRAME_HEAD_BYTES + 3, 2 * (FRAME_HEAD_BYTES + 3));
    expect(readFrames(last)).toMatchObject({ damaged: false, goodBytes: FRAME_HEAD_BYTES + 3 });
    expect(readFrames(last).badBytes).toBeGreaterThan(0);
    const middle = segment([[one], [one], [one]]);
    middle.fill(0, FRAME_HEAD_BYTES + 3, 2 * (FRAME_HEAD_BYTES + 3));
    expect(readFrames(middle)).toMatchObject({ damaged: true, goodBytes: FRAME_HEAD_BYTES + 3 });
  });

  it("take the longest entry, and fuzz does not break them", () => {
    expect(readFrames(segment([[new Uint8Array(ENTRY_BYTES_MAX)]])).entries[0]).toHaveLength(ENTRY_BYTES_MAX);
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 200 }), (bytes) => {
        const read = readFrames(Buffer.from(bytes));
        expect(read.goodBytes + read.badBytes).toBeLessThanOrEqual(bytes.length);
      }),
    );
  });
});
