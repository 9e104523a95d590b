import { randomBytes } from "node:crypto";

export interface Random {
  bytes(count: number): Buffer;
}

export const systemRandom: Random = { bytes: (count) => randomBytes(count) };

const ALPHABET = "0123456789abcdefghjkmnpqrstvwxyz";

/** A name that sorts by time: 48 bits of milliseconds and 80 random bits in Crockford's base 32, lower case (as a ULID). */
export function timeOrderedId(nowMs: number, random: Random): string {
  let time = nowMs;
  let head = "";
  for (let i = 0; i < 10; i++) {
    head = ALPHABET[time % 32]! + head;
    time = Math.floor(time / 32);
  }
  let tail = "";
  for (const byte of random.bytes(16)) tail += ALPHABET[byte & 31]!;
  return head + tail;
}
