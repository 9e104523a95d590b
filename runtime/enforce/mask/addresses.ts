import { isIPv4, isIPv6 } from "node:net";

/** The bytes of an IP address in text form; null when it is none. */
export function addressBytes(text: string): Uint8Array | null {
  if (isIPv4(text)) return Uint8Array.from(text.split(".").map(Number));
  if (!isIPv6(text) || text.includes("%")) return null;
  let rest = text;
  const tail = /(?:^|:)(\d+\.\d+\.\d+\.\d+)$/.exec(rest);
  if (tail !== null) {
    const [a, b, c, d] = tail[1]!.split(".").map(Number) as [number, number, number, number];
    rest = `${rest.slice(0, -tail[1]!.length)}${((a << 8) | b).toString(16)}:${((c << 8) | d).toString(16)}`;
  }
  const [left, right] = rest.split("::") as [string, string | undefined];
  const words = (part: string): number[] =>
    part === "" ? [] : part.split(":").map((word) => Number.parseInt(word, 16));
  const head = words(left);
  const foot = right === undefined ? [] : words(right);
  const all = [...head, ...new Array<number>(8 - head.length - foot.length).fill(0), ...foot];
  return Uint8Array.from(all.flatMap((word) => [word >> 8, word & 255]));
}

/** RFC 5952, but for addresses of IPv4 inside of IPv6. */
export function addressText(bytes: Uint8Array): string {
  if (bytes.length === 4) return bytes.join(".");
  const words = Array.from({ length: 8 }, (_, i) => (bytes[i * 2]! << 8) | bytes[i * 2 + 1]!);
  let best = { at: -1, length: 1 };
  for (let at = 0; at < 8; at++) {
    let length = 0;
    while (at + length < 8 && words[at + length] === 0) length++;
    if (length > best.length) best = { at, length };
  }
  const hex = (part: readonly number[]): string => part.map((word) => word.toString(16)).join(":");
  return best.at < 0 ? hex(words) : `${hex(words.slice(0, best.at))}::${hex(words.slice(best.at + best.length))}`;
}

/** Sets all bits behind the first `bits` to 0. */
export function clearHost(bytes: Uint8Array, bits: number): Uint8Array {
  return bytes.map((byte, i) => {
    const kept = Math.max(0, Math.min(8, bits - i * 8));
    return byte & (0xff << (8 - kept));
  });
}

/**
 * An address, perhaps with `/bits`, as the network it is in: of IPv4 the first `v4` bits, of IPv6 the first `v6`. A network that
 * is wider already stays. Null when the text is no address.
 */
export function toNetwork(text: string, v4: number, v6: number): string | null {
  const slash = text.indexOf("/");
  const bytes = addressBytes(slash < 0 ? text : text.slice(0, slash));
  if (bytes === null) return null;
  const whole = bytes.length * 8;
  const given = slash < 0 ? whole : Number(text.slice(slash + 1));
  if (!(given >= 0 && given <= whole)) return null;
  const bits = Math.min(given, bytes.length === 4 ? v4 : v6);
  const network = addressText(clearHost(bytes, bits));
  return bits === whole ? network : `${network}/${bits}`;
}
