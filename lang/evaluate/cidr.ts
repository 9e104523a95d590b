import { UNKNOWN, type Truth } from "../../spec/contract/facts/index.ts";

const GROUP = /^[0-9a-f]{1,4}$/i;

/** The bits of an IPv4 or IPv6 address as it is written, with their count; undefined when it is neither. */
function writtenBits(text: string): { readonly bits: bigint; readonly length: number } | undefined {
  const v4 = /^(.*:)?(\d{1,3})\.(\d{1,3})\.(\d{1,3})\.(\d{1,3})$/.exec(text);
  if (v4 !== null) {
    const parts = v4.slice(2).map(Number);
    if (parts.some((part) => part > 255)) return undefined;
    if (v4[1] === undefined) return { bits: parts.reduce((sum, part) => (sum << 8n) | BigInt(part), 0n), length: 32 };
    // IPv4 as the last two groups of IPv6.
    const [a, b, c, d] = parts.map((part) => part.toString(16).padStart(2, "0"));
    return writtenBits(`${v4[1]}${a}${b}:${c}${d}`);
  }
  const halves = text.split("::");
  if (halves.length > 2) return undefined;
  const groups = halves.map((half) => (half === "" ? [] : half.split(":")));
  const count = groups.reduce((sum, half) => sum + half.length, 0);
  if (halves.length === 2 ? count > 7 : count !== 8) return undefined;
  const all = halves.length === 2 ? [...groups[0]!, ...Array<string>(8 - count).fill("0"), ...groups[1]!] : groups[0]!;
  if (!all.every((group) => GROUP.test(group))) return undefined;
  return { bits: all.reduce((sum, group) => (sum << 16n) | BigInt(`0x${group}`), 0n), length: 128 };
}

/** An address in 128 bits, IPv4 mapped into IPv6. */
const wideBits = ({ bits, length }: { readonly bits: bigint; readonly length: number }): bigint =>
  length === 32 ? (0xffffn << 32n) | bits : bits;
const isMapped = (bits: bigint): boolean => bits >> 32n === 0xffffn;

/**
 * Whether an address lies in a range such as `10.0.0.0/8`; unknown when it can't be read. IPv4 mapped into IPv6 is IPv4, so
 * no wider range of IPv6 has it.
 */
export function cidrContains(range: string, address: string): Truth {
  const slash = range.lastIndexOf("/");
  const network = writtenBits(range.slice(0, slash));
  const found = writtenBits(address);
  if (network === undefined || found === undefined) return UNKNOWN;
  const length = Number(range.slice(slash + 1)) + (network.length === 32 ? 96 : 0);
  const [within, bits] = [wideBits(network), wideBits(found)];
  if (isMapped(bits) !== (isMapped(within) && length >= 96)) return false;
  const shift = BigInt(128 - length);
  return within >> shift === bits >> shift;
}
