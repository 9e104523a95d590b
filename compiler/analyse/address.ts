/** A range of addresses: the first `length` of `total` bits are `bits`. */
interface Range {
  readonly total: 32 | 128;
  readonly length: number;
  readonly bits: bigint;
}

function parseAddress(text: string): Range | null {
  const mapped = /^::ffff:(\d+\.\d+\.\d+\.\d+)$/i.exec(text)?.[1];
  const v4 = /^(\d{1,3})\.(\d{1,3})\.(\d{1,3})\.(\d{1,3})$/.exec(mapped ?? text);
  if (v4 !== null) {
    const parts = v4.slice(1).map(Number);
    if (parts.some((part) => part > 255)) return null;
    return { total: 32, length: 32, bits: parts.reduce((sum, part) => (sum << 8n) | BigInt(part), 0n) };
  }
  const halves = text.split("::").map((half) => (half === "" ? [] : half.split(":")));
  const count = halves.reduce((sum, half) => sum + half.length, 0);
  if (halves.length > 2 || (halves.length === 2 ? count > 7 : count !== 8)) return null;
  const groups =
    halves.length === 2 ? [...halves[0]!, ...Array<string>(8 - count).fill("0"), ...halves[1]!] : halves[0]!;
  if (!groups.every((group) => /^[0-9a-f]{1,4}$/i.test(group))) return null;
  return { total: 128, length: 128, bits: groups.reduce((sum, group) => (sum << 16n) | BigInt(`0x${group}`), 0n) };
}

function parseRange(text: string): Range | null {
  const slash = text.lastIndexOf("/");
  const network = parseAddress(slash < 0 ? text : text.slice(0, slash));
  if (network === null) return null;
  const length = slash < 0 ? network.total : Number(text.slice(slash + 1));
  return { total: network.total, length, bits: network.bits >> BigInt(network.total - length) };
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
  const wanted = inside.map(parseRange);
  if (wanted.some((range) => range === null)) return null;
  const unwanted = outside.map(parseRange).filter((range) => range !== null);
  const sorted = (wanted as Range[]).sort((a, b) => b.length - a.length);
  const narrowest = sorted[0];
  if (narrowest === undefined) {
    for (const range of EVERYWHERE) {
      const found = outsideOf(parseRange(range)!, unwanted);
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
