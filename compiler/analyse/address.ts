import { parseAddress, parseRange } from "../../spec/contract/bytecode/index.ts";

/** A range of addresses: the first `length` of `total` bits are `bits`. */
interface Range {
  readonly total: 32 | 128;
  readonly length: number;
  readonly bits: bigint;
}

function read(text: string): Range | null {
  const found = text.includes("/") ? parseRange(text) : parseAddress(text);
  if (found === null) return null;
  if ("bits" in found) return { total: found.length, length: found.length, bits: found.bits };
  return { total: found.length, length: found.length - Number(found.shift), bits: found.network };
}

const contains = (outer: Range, inner: Range): boolean =>
  outer.total === inner.total &&
  outer.length <= inner.length &&
  inner.bits >> BigInt(inner.length - outer.length) === outer.bits;

function show({ total, length, bits }: Range): string {
  const whole = bits << BigInt(total - length);
  if (total === 32) return [24n, 16n, 8n, 0n].map((shift) => String((whole >> shift) & 255n)).join(".");
  const groups = Array.from({ length: 8 }, (_, i) => ((whole >> BigInt(112 - 16 * i)) & 0xffffn).toString(16));
  return groups
    .join(":")
    .replace(/(^|:)0(:0)+(?=:|$)/, "::")
    .replace(/:{3,}/, "::");
}

/** Where an address is looked for when no range says: a private one first. */
const EVERYWHERE = ["10.0.0.0/8", "0.0.0.0/0", "2001:db8::/32", "::/0"];

/** An address in all `inside` and in none of `outside` (ranges or single addresses); null when there is none. */
export function addressWithin(inside: readonly string[], outside: readonly string[]): string | null {
  const wanted = inside.map(read);
  if (wanted.some((range) => range === null)) return null;
  const unwanted = outside.map(read).filter((range) => range !== null);
  const sorted = (wanted as Range[]).sort((a, b) => b.length - a.length);
  const narrowest = sorted[0];
  if (narrowest === undefined) {
    for (const range of EVERYWHERE) {
      const found = outsideOf(read(range)!, unwanted);
      if (found !== null) return found;
    }
    return null;
  }
  return sorted.every((range) => contains(range, narrowest)) ? outsideOf(narrowest, unwanted) : null;
}

function outsideOf(range: Range, unwanted: readonly Range[]): string | null {
  if (unwanted.some((other) => contains(other, range))) return null;
  const within = unwanted.filter((other) => contains(range, other));
  if (within.length === 0) {
    // The network's own number is no host's; the next one is.
    const host = range.total - range.length >= 2 ? 1n : 0n;
    return show({
      total: range.total,
      length: range.total,
      bits: (range.bits << BigInt(range.total - range.length)) + host,
    });
  }
  for (const bit of [0n, 1n]) {
    const found = outsideOf({ ...range, length: range.length + 1, bits: (range.bits << 1n) | bit }, within);
    if (found !== null) return found;
  }
  return null;
}
