/** Most bytes that are looked at in one go. A multiple of 32. */
export const LOOK_BYTES_MAX = 16_384;
/** The most places that a look finds, those behind the bytes counted. */
export const STOPS_MAX = LOOK_BYTES_MAX + 32;
/** How often the number of bytes stands behind the places at least. */
export const END_STOPS = 4;

const I32 = 0x7f;
const V128 = 0x7b;

/** A number as WebAssembly's binary format has it: LEB128. */
const number = (n: number): number[] => (n < 0x80 ? [n] : [(n & 0x7f) | 0x80, ...number(n >>> 7)]);
const list = (...items: readonly (readonly number[])[]): number[] => [...number(items.length), ...items.flat()];
const section = (id: number, content: readonly number[]): number[] => [id, ...number(content.length), ...content];
const exported = (name: string, kind: number): number[] => [...number(name.length), ...Buffer.from(name), kind, 0];
const splat = (byte: number): number[] => [0xfd, 0x0c, ...new Array<number>(16).fill(byte)];

/** Leaves 16 bits: which of the 16 bytes at `from` + `offset` a string can't take as they are. Gathers the bytes in `all`. */
// prettier-ignore
const bitsAt = (offset: number): number[] => [
  0x20, 0, 0xfd, 0x00, 0, offset, 0x22, 3,          // bytes := v128.load from
  ...splat(0x22), 0xfd, 0x23,                       // i8x16.eq a quote
  0x20, 3, ...splat(0x5c), 0xfd, 0x23, 0xfd, 0x50,  // v128.or i8x16.eq a backslash
  0x20, 3, ...splat(0x20), 0xfd, 0x26, 0xfd, 0x50,  // v128.or i8x16.lt_u a blank
  0xfd, 0x64,                                       // i8x16.bitmask
  0x20, 4, 0x20, 3, 0xfd, 0x50, 0x21, 4,            // all := v128.or all bytes
];

/** `look(from, to, stops) → the end of what it wrote there`, from `from` on 32 bytes at a time until `to` is reached. */
// prettier-ignore
const LOOK = [
  0x03, 0x40,                             // loop
  ...bitsAt(0),
  ...bitsAt(16), 0x41, 16, 0x74, 0x72,    //   i32.or (i32.shl 16)
  0x22, 5, 0x04, 0x40, 0x03, 0x40,        //   bits := that; if not 0, loop
  0x20, 2,                                //     at stops:
  0x20, 0, 0x20, 5, 0x68, 0x6a,           //     from + i32.ctz bits
  0x3b, 0, 0,                             //     i32.store16
  0x20, 2, 0x41, 2, 0x6a, 0x21, 2,        //     stops := stops + 2
  0x20, 5, 0x20, 5, 0x41, 1, 0x6b, 0x71,  //     bits & (bits - 1)
  0x22, 5, 0x0d, 0,                       //     bits := that; again if not 0
  0x0b, 0x0b,
  0x20, 0, 0x41, 32, 0x6a, 0x22, 0,       //   from := from + 32
  0x20, 1, 0x49, 0x0d, 0,                 //   again if from < to
  0x0b,
  0x20, 2, 0x20, 4, 0xfd, 0x64,           // at stops: i8x16.bitmask all
  0x3b, 0, 0,                             // i32.store16
  0x20, 2, 0x0b,                          // stops
];

interface Instance {
  readonly exports: {
    readonly memory: { readonly buffer: ArrayBuffer };
    look(from: number, to: number, stops: number): number;
  };
}
/** Node's types leave it out. */
const { WebAssembly } = globalThis as unknown as {
  readonly WebAssembly: {
    readonly Module: new (bytes: Uint8Array) => object;
    readonly Instance: new (module: object) => Instance;
  };
};

const body = [...list([2, V128], [1, I32]), ...LOOK];
const { exports } = new WebAssembly.Instance(
  new WebAssembly.Module(
    new Uint8Array([
      ...Buffer.from("\0asm"),
      ...[1, 0, 0, 0],
      ...section(1, list([0x60, ...list([I32], [I32], [I32]), ...list([I32])])),
      ...section(3, list([0])),
      ...section(5, list([0, 1])),
      ...section(7, list(exported("memory", 2), exported("look", 0))),
      ...section(10, list([...number(body.length), ...body])),
    ]),
  ),
);
const STOPS_AT = LOOK_BYTES_MAX + 32;
const bytes = new Uint8Array(exports.memory.buffer, 0, STOPS_AT);
const found = new Uint16Array(exports.memory.buffer, STOPS_AT, STOPS_MAX + 1);

/**
 * Looks at the bytes `[from, to)`, at most `LOOK_BYTES_MAX`, 16 in one instruction (WebAssembly SIMD). Writes to `stops`,
 * counted from `from`, where a string of JSON can't take the byte as it is (a quote, a backslash, a control), and behind
 * those `END_STOPS` times the number of bytes, or a bit more.
 *
 * @returns whether there are bytes beyond ASCII
 */
export function look(b: Uint8Array, from: number, to: number, stops: Uint16Array): boolean {
  const length = to - from;
  bytes.set(length === b.length ? b : b.subarray(from, to));
  bytes.fill(0, length, length + 32);
  const count = (exports.look(0, length + 1, STOPS_AT) - STOPS_AT) / 2;
  stops.set(found.subarray(0, count));
  stops.fill(length + 32, count, count + END_STOPS);
  return found[count] !== 0;
}
