/** The bits of an IPv4 or IPv6 address as one number, with their count; undefined when it is neither. */
function addressBits(text: string): { readonly bits: bigint; readonly length: number } | undefined {
  const mapped = /^::ffff:(\d+\.\d+\.\d+\.\d+)$/i.exec(text)?.[1];
  const v4 = /^(\d{1,3})\.(\d{1,3})\.(\d{1,3})\.(\d{1,3})$/.exec(mapped ?? text);
  if (v4 !== null) {
    const parts = v4.slice(1).map(Number);
    if (parts.some((part) => part > 255)) return undefined;
    return { bits: parts.reduce((sum, part) => (sum << 8n) | BigInt(part), 0n), length: 32 };
  }
  const halves = text.split("::");
  if (halves.length > 2) return undefined;
  const groups = halves.map((half) => (half === "" ? [] : half.split(":")));
  const count = groups.reduce((sum, half) => sum + half.length, 0);
  if (halves.length === 2 ? count > 7 : count !== 8) return undefined;
  const all = halves.length === 2 ? [...groups[0]!, ...Array<string>(8 - count).fill("0"), ...groups[1]!] : groups[0]!;
  if (!all.every((group) => /^[0-9a-f]{1,4}$/i.test(group))) return undefined;
  return { bits: all.reduce((sum, group) => (sum << 16n) | BigInt(`0x${group}`), 0n), length: 128 };
}

/** Whether an address lies in a range such as `10.0.0.0/8`. An address that can't be read lies in none. */
export function cidrContains(range: string, address: string): boolean {
  const slash = range.lastIndexOf("/");
  const network = addressBits(range.slice(0, slash));
  const found = addressBits(address);
  if (network === undefined || found === undefined || network.length !== found.length) return false;
  const shift = BigInt(network.length - Number(range.slice(slash + 1)));
  return network.bits >> shift === found.bits >> shift;
}
