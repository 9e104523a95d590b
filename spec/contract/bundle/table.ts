import { fail, type Where } from "./read.ts";

/** Four bytes each, little-endian: half a million states are not read one by one. */
export function encodeTable(next: Uint32Array): Buffer {
  const bytes = Buffer.alloc(next.length * 4);
  for (const [i, value] of next.entries()) bytes.writeUInt32LE(value, i * 4);
  return bytes;
}

export function readTable(raw: unknown, where: Where): Uint32Array {
  if (!(raw instanceof Uint8Array) || raw.length % 4 !== 0) return fail(where, "is not a table of numbers");
  const view = new DataView(raw.buffer, raw.byteOffset, raw.length);
  return Uint32Array.from({ length: raw.length / 4 }, (_, i) => view.getUint32(i * 4, true));
}
