/** Most bytes that are looked at in one go. A multiple of 32. */
export const LOOK_BYTES_MAX = 16_384;
/** Words of 32 bits that a look fills at most. */
export const LOOK_WORDS_MAX = LOOK_BYTES_MAX / 32 + 1;

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

/** `look(from, to, words) → beyond`, from `from` on 32 bytes at a time until `to` is reached. */
// prettier-ignore
const LOOK = [
  0x03, 0x40,                           // loop
  0x20, 2,                              //   at words
  ...bitsAt(0),
  ...bitsAt(16), 0x41, 16, 0x74, 0x72,  //   i32.or (i32.shl 16)
  0x36, 0, 0,                           //   i32.store
  0x20, 2, 0x41, 4, 0x6a, 0x21, 2,      //   words := words + 4
  0x20, 0, 0x41, 32, 0x6a, 0x22, 0,     //   from := from + 32
  0x20, 1, 0x49, 0x0d, 0,               //   again if from < to
  0x0b,
  0x20, 4, 0xfd, 0x64, 0x0b,            // i8x16.bitmask all
];

interface Instance {
  readonly exports: {
    readonly memory: { readonly buffer: ArrayBuffer };
    look(from: number, to: number, words: number): number;
  };
}
/** Node's types leave it out. */
const { WebAssembly } = globalThis as unknown as {
  readonly WebAssembly: {
    readonly Module: new (bytes: Uint8Array) => object;
    readonly Instance: new (module: object) => Instance;
  };
};

const body = [...list([2, V128]), ...LOOK];
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
const WORDS_AT = 2 * LOOK_BYTES_MAX;
const bytes = new Uint8Array(exports.memory.buffer, 0, LOOK_BYTES_MAX + 32);
const found = new Uint32Array(exports.memory.buffer, WORDS_AT, LOOK_WORDS_MAX);

/**
 * Looks at the bytes `[from, to)`, at most `LOOK_BYTES_MAX`, 16 in one instruction (WebAssembly SIMD): one bit for each in
 * `words`, lowest first, set where a string of JSON can't take the byte as it is (a quote, a backslash, a control), and one
 * more that is set, behind the last.
 *
 * @returns whether there are bytes beyond ASCII
 */
export function look(b: Uint8Array, from: number, to: number, words: Uint32Array): boolean {
  const length = to - from;
  bytes.set(length === b.length ? b : b.subarray(from, to));
  bytes.fill(0, length, length + 32);
  const beyond = exports.look(0, length + 1, WORDS_AT) !== 0;
  const used = (length >> 5) + 1;
  words.set(used === LOOK_WORDS_MAX ? found : found.subarray(0, used));
  return beyond;
}
