import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { LOOK_BYTES_MAX } from "./look.ts";
import { PlainBytes } from "./plain-bytes.ts";
import { PLAIN } from "./tokens.ts";

function all(
  b: Uint8Array,
  from: number,
  end: number,
): { readonly stops: readonly number[]; readonly beyond: boolean } {
  const plain = PlainBytes.take();
  const stops: number[] = [];
  for (let i = plain.next(b, from, end); i < end; i = plain.next(b, i + 1, end)) stops.push(i);
  const beyond = plain.beyondAscii;
  plain.giveBack();
  return { stops, beyond };
}

function slowly(b: Uint8Array, from: number, end: number): ReturnType<typeof all> {
  const stops: number[] = [];
  for (let i = from; i < end; i++) if (PLAIN[b[i]!] !== 1) stops.push(i);
  return { stops, beyond: b.subarray(from, end).some((byte) => byte >= 0x80) };
}

describe("bytes that a string can't take as they are", () => {
  it("each byte by itself", () => {
    for (let byte = 0; byte < 256; byte++) {
      const b = Buffer.from([0x61, byte, 0x61]);
      expect([byte, all(b, 0, 3)]).toEqual([byte, slowly(b, 0, 3)]);
    }
  });

  it("are the same as by the table, wherever the look begins and ends", () => {
    const byte = fc.oneof({ weight: 30, arbitrary: fc.integer({ min: 0x61, max: 0x7a }) }, fc.integer({ max: 255 }));
    fc.assert(
      fc.property(fc.array(byte, { maxLength: 200 }), fc.nat(200), fc.nat(200), (bytes, one, other) => {
        const b = Buffer.from(bytes);
        const [from, end] = [one, other].map((n) => Math.min(n, b.length)).sort((a, z) => a - z) as [number, number];
        expect(all(b, from, end)).toEqual(slowly(b, from, end));
      }),
    );
  });

  it.each([-1, 0, 1, 31, 32, 33])("at the edges of the window, %i bytes behind", (more) => {
    const b = Buffer.alloc(2 * LOOK_BYTES_MAX + more, "a");
    for (const at of [0, LOOK_BYTES_MAX - 1, LOOK_BYTES_MAX, LOOK_BYTES_MAX + 1, b.length - 1]) b[at] = 0x22;
    expect(all(b, 0, b.length)).toEqual(slowly(b, 0, b.length));
    expect(all(b, 5, b.length - 1)).toEqual(slowly(b, 5, b.length - 1));
  });

  it("of two texts at once", () => {
    const [a, z] = [PlainBytes.take(), PlainBytes.take()];
    const [one, other] = [Buffer.from('aaaa"aa"'), Buffer.from('a"aaaaaaaaé"')];
    expect(a.next(one, 0, one.length)).toBe(4);
    expect(z.next(other, 0, other.length)).toBe(1);
    expect(a.next(one, 5, one.length)).toBe(7);
    expect([a.beyondAscii, z.beyondAscii]).toEqual([false, true]);
    a.giveBack();
    z.giveBack();
    const again = PlainBytes.take();
    expect([again.beyondAscii, again.next(other, 0, other.length)]).toEqual([false, 1]);
    again.giveBack();
  });
});
