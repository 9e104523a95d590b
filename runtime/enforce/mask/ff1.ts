import { createCipheriv } from "node:crypto";

const ROUNDS = 10;
const BLOCK = 16;
const ZERO = Buffer.alloc(BLOCK);
/** Smallest number of different values that may be encrypted among themselves. Source: NIST SP 800-38G Rev. 1 section 5. */
export const FF1_DOMAIN_MIN = 1_000_000;
export const FF1_LENGTH_MAX = 512;

/**
 * FF1: encrypts a sequence of numerals to another one of the same length. Source: NIST SP 800-38G, algorithms 7 and 8.
 */
export class Ff1 {
  readonly #key: Uint8Array;
  readonly #cipher: string;
  readonly #tweak: Uint8Array;
  readonly radix: number;

  /** `key`: 16, 24 or 32 bytes of AES key. */
  constructor(key: Uint8Array, radix: number, tweak: Uint8Array = new Uint8Array(0)) {
    this.#key = key;
    this.#cipher = `aes-${key.length * 8}-`;
    this.#tweak = tweak;
    this.radix = radix;
  }

  /** Whether so many numerals are enough, and not too many. */
  takes(length: number): boolean {
    return length >= 2 && length <= FF1_LENGTH_MAX && this.radix ** length >= FF1_DOMAIN_MIN;
  }

  /** @throws RangeError when `takes` says no */
  encrypt(numerals: readonly number[]): readonly number[] {
    return this.#run(numerals, true);
  }

  decrypt(numerals: readonly number[]): readonly number[] {
    return this.#run(numerals, false);
  }

  #run(numerals: readonly number[], forward: boolean): readonly number[] {
    const { radix } = this;
    const n = numerals.length;
    if (!this.takes(n)) throw new RangeError(`FF1 takes no ${n} numerals of radix ${radix}`);
    const u = Math.floor(n / 2);
    const v = n - u;
    const b = Math.ceil(Math.ceil(v * Math.log2(radix)) / 8);
    const d = 4 * Math.ceil(b / 4) + 4;
    const t = this.#tweak.length;
    const q = Buffer.alloc(t + ((BLOCK * 16 - t - b - 1) % BLOCK) + 1 + b);
    q.set(this.#tweak);
    const p = Buffer.alloc(BLOCK);
    p.set([1, 2, 1, radix >> 16, (radix >> 8) & 255, radix & 255, ROUNDS, u & 255]);
    p.writeUInt32BE(n, 8);
    p.writeUInt32BE(t, 12);
    const base = BigInt(radix);
    const modulus = [base ** BigInt(u), base ** BigInt(v)] as const;
    let a = toNumber(numerals.slice(0, u), base);
    let c = toNumber(numerals.slice(u), base);
    for (let step = 0; step < ROUNDS; step++) {
      const round = forward ? step : ROUNDS - 1 - step;
      const known = forward ? c : a;
      q[q.length - b - 1] = round;
      writeBytes(known, q, q.length - b, b);
      const y = this.#stream(Buffer.concat([p, q]), d);
      const m = modulus[round % 2]!;
      if (forward) {
        const next = (a + y) % m;
        a = c;
        c = next;
      } else {
        const next = (((c - y) % m) + m) % m;
        c = a;
        a = next;
      }
    }
    return [...toNumerals(a, base, u), ...toNumerals(c, base, v)];
  }

  /** The first `d` bytes of the pseudorandom stream that the blocks give, as a number. */
  #stream(blocks: Buffer, d: number): bigint {
    const chain = createCipheriv(`${this.#cipher}cbc`, this.#key, ZERO);
    chain.setAutoPadding(false);
    const r = chain.update(blocks).subarray(-BLOCK);
    if (d <= BLOCK) return fromBytes(r.subarray(0, d));
    const more = Buffer.alloc((Math.ceil(d / BLOCK) - 1) * BLOCK);
    for (let j = 1; j * BLOCK <= more.length; j++) {
      const block = Buffer.from(r);
      block.writeUInt32BE((block.readUInt32BE(12) ^ j) >>> 0, 12);
      block.copy(more, (j - 1) * BLOCK);
    }
    const each = createCipheriv(`${this.#cipher}ecb`, this.#key, null);
    each.setAutoPadding(false);
    return fromBytes(Buffer.concat([r, each.update(more)]).subarray(0, d));
  }
}

const fromBytes = (bytes: Uint8Array): bigint => BigInt(`0x${Buffer.from(bytes).toString("hex")}`);

function writeBytes(value: bigint, out: Buffer, at: number, count: number): void {
  let rest = value;
  for (let i = count - 1; i >= 0; i--) {
    out[at + i] = Number(rest & 255n);
    rest >>= 8n;
  }
}

function toNumber(numerals: readonly number[], base: bigint): bigint {
  let value = 0n;
  for (const numeral of numerals) value = value * base + BigInt(numeral);
  return value;
}

function toNumerals(value: bigint, base: bigint, count: number): number[] {
  const out: number[] = new Array<number>(count).fill(0);
  let rest = value;
  for (let i = count - 1; i >= 0; i--) {
    out[i] = Number(rest % base);
    rest /= base;
  }
  return out;
}
