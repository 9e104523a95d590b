/** An address range made ready. */
export interface Range {
  readonly network: bigint;
  readonly shift: bigint;
  readonly length: 32 | 128;
}

interface Address {
  readonly bits: bigint;
  readonly length: 32 | 128;
}

/** IPv4, IPv6, and IPv4 mapped into IPv6 as sockets report it. */
export function parseAddress(text: string): Address | null {
  const plain = text.toLowerCase().startsWith("::ffff:") && text.includes(".") ? text.slice(7) : text;
  const parts = plain.split(".");
  if (parts.length === 4) {
    let bits = 0n;
    for (const part of parts) {
      if (!/^\d{1,3}$/.test(part) || Number(part) > 255) return null;
      bits = (bits << 8n) | BigInt(part);
    }
    return { bits, length: 32 };
  }
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
  return { bits, length: 128 };
}

export function parseRange(text: string): Range | null {
  const slash = text.lastIndexOf("/");
  const address = parseAddress(text.slice(0, slash));
  const length = text.slice(slash + 1);
  const bits = Number(length);
  if (slash < 0 || address === null || !/^\d{1,3}$/.test(length) || bits > address.length) return null;
  const shift = BigInt(address.length - bits);
  return { network: address.bits >> shift, shift, length: address.length };
}

export function inRange(range: Range, text: string): boolean {
  const address = parseAddress(text);
  return address !== null && address.length === range.length && address.bits >> range.shift === range.network;
}
