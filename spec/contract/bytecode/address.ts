/** An address range made ready: an address is inside when it has the range's length and, shifted, is its network. */
export interface Range {
  readonly network: bigint;
  readonly shift: bigint;
  readonly length: 32 | 128;
}

interface Address {
  readonly bits: bigint;
  readonly length: 32 | 128;
}

/** The first 96 bits of IPv4 mapped into IPv6. */
const MAPPED = 0xffffn;
const MAPPED_LENGTH = 96;

/** IPv4 and IPv6; IPv4 mapped into IPv6, as sockets report it, is IPv4 however it is written. Null: neither. */
export function parseAddress(text: string): Address | null {
  const four = fourOf(text);
  if (four !== null) return { bits: four, length: 32 };
  const bits = sixOf(text);
  if (bits === null) return null;
  return bits >> 32n === MAPPED ? { bits: bits & 0xffffffffn, length: 32 } : { bits, length: 128 };
}

/** Null for what is no range; a range inside the mapped addresses is one of IPv4. */
export function parseRange(text: string): Range | null {
  const slash = text.lastIndexOf("/");
  const length = text.slice(slash + 1);
  if (slash < 0 || !/^\d{1,3}$/.test(length)) return null;
  const address = text.slice(0, slash);
  const four = fourOf(address);
  if (four !== null) return rangeOf(four, Number(length), 32);
  const six = sixOf(address);
  if (six === null) return null;
  const bits = Number(length);
  if (six >> 32n === MAPPED && bits >= MAPPED_LENGTH) return rangeOf(six & 0xffffffffn, bits - MAPPED_LENGTH, 32);
  return rangeOf(six, bits, 128);
}

function rangeOf(address: bigint, bits: number, length: 32 | 128): Range | null {
  if (bits > length) return null;
  const shift = BigInt(length - bits);
  return { network: address >> shift, shift, length };
}

function fourOf(text: string): bigint | null {
  const parts = text.split(".");
  if (parts.length !== 4) return null;
  let bits = 0n;
  for (const part of parts) {
    if (!/^\d{1,3}$/.test(part) || Number(part) > 255) return null;
    bits = (bits << 8n) | BigInt(part);
  }
  return bits;
}

function sixOf(text: string): bigint | null {
  // The last two groups may be written as IPv4.
  const colon = text.lastIndexOf(":");
  const last = text.slice(colon + 1);
  const four = last.includes(".") ? fourOf(last) : null;
  if (last.includes(".") && (four === null || colon < 0)) return null;
  const plain =
    four === null ? text : `${text.slice(0, colon + 1)}${(four >> 16n).toString(16)}:${(four & 0xffffn).toString(16)}`;
  const halves = plain.split("::");
  if (halves.length > 2) return null;
  const head = halves[0] === "" ? [] : halves[0]!.split(":");
  const tail = halves.length === 1 || halves[1] === "" ? [] : halves[1]!.split(":");
  const missing = 8 - head.length - tail.length;
  if (halves.length === 1 ? missing !== 0 : missing < 1) return null;
  let bits = 0n;
  for (const group of [...head, ...new Array<string>(missing).fill("0"), ...tail]) {
    if (!/^[0-9a-f]{1,4}$/i.test(group)) return null;
    bits = (bits << 16n) | BigInt(`0x${group}`);
  }
  return bits;
}
