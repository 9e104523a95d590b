import * as fc from "fast-check";
import { describe, expect, it } from "vitest";
import { FrameReader } from "./frames.ts";
import { Joined } from "./joined.ts";

describe("pieces that are passed on", () => {
  it("go out in one piece where they lie one behind the other, and in their order", () => {
    fc.assert(
      fc.property(fc.array(fc.tuple(fc.nat({ max: 2 }), fc.nat({ max: 5 }), fc.boolean())), (steps) => {
        const memories = [0, 1, 2].map((i) => Buffer.allocUnsafeSlow(1000).map((_, at) => (at + i * 85) & 0xff));
        const places = [0, 0, 0];
        const put: Buffer[] = [];
        const out: Buffer[] = [];
        const joined = new Joined((bytes) => out.push(bytes));
        let apart = 0;
        let last = -1;
        for (const [which, length, flush] of steps) {
          const memory = memories[which]!;
          const piece = Buffer.from(memory.buffer, places[which]!, length);
          places[which]! += length;
          put.push(piece);
          joined.put(piece);
          if (length > 0 && which !== last) {
            apart++;
            last = which;
          }
          if (!flush) continue;
          joined.flush();
          last = -1;
          expect(Buffer.concat(out)).toEqual(Buffer.concat(put));
        }
        joined.flush();
        expect(Buffer.concat(out)).toEqual(Buffer.concat(put));
        expect(out).toHaveLength(apart);
      }),
    );
  });

  it("of what was pushed nothing is needed any more but what was handed over", () => {
    const taken: string[] = [];
    const reader = new FrameReader(
      1000,
      6,
      () => 3,
      (packet) => {
        taken.push(packet.toString("latin1"));
        return { rest: (bytes) => void taken.push(bytes.toString("latin1")) };
      },
    );
    const stream = Buffer.from("\0\0\0\x06\x06bulky\0\0\0\x05\x01four", "latin1");
    for (const byte of stream) {
      const piece = Buffer.allocUnsafeSlow(1).fill(byte);
      expect(reader.push(piece)).toBe(null);
      piece.fill(0xee);
    }
    expect(taken.join("")).toBe("\x06bulky\x01four");
  });
});
