import { describe, expect, it } from "vitest";
import { parseAddress, parseRange } from "./address.ts";

const shown = (text: string): string | null => {
  const found = parseAddress(text);
  return found === null ? null : `${found.length} ${found.bits.toString(16)}`;
};

describe("addresses", () => {
  it.each<readonly [text: string, expected: string | null]>([
    ["10.0.0.1", "32 a000001"],
    ["::ffff:10.0.0.1", "32 a000001"],
    ["::ffff:a00:1", "32 a000001"],
    ["0:0:0:0:0:FFFF:0A00:0001", "32 a000001"],
    ["::1", "128 1"],
    ["::", "128 0"],
    ["::1.2.3.4", "128 1020304"],
    ["64:ff9b::1.2.3.4", `128 ${((0x64ff9bn << 96n) | 0x01020304n).toString(16)}`],
    ["10.0.0", null],
    ["10.0.0.256", null],
    ["10.0.0.1.", null],
    [":10.0.0.1", null],
    ["1::2::3", null],
    ["1:2:3:4:5:6:7:1.2.3.4", null],
    ["fe80::1%eth0", null],
    ["", null],
  ])("%s", (text, expected) => {
    expect(shown(text)).toBe(expected);
  });
});

describe("ranges", () => {
  it.each([
    "10.0.0.0/",
    "10.0.0.0",
    "/8",
    "",
    "10.0.0.0/33",
    "10.0.0.0/-1",
    "10.0.0.0/8 ",
    "::/129",
    "x/8",
    "10.0.0/8",
  ])("%j is none", (text) => {
    expect(parseRange(text)).toBeNull();
  });

  it.each<readonly [text: string, length: number, network: bigint, shift: bigint]>([
    ["10.0.0.0/8", 32, 10n, 24n],
    ["10.1.2.3/8", 32, 10n, 24n],
    ["0.0.0.0/0", 32, 0n, 32n],
    ["::ffff:a00:0/104", 32, 10n, 24n],
    ["::ffff:10.0.0.0/104", 32, 10n, 24n],
    ["::ffff:0:0/95", 128, 0x7fffn, 33n],
    ["2001:db8::/32", 128, 0x20010db8n, 96n],
  ])("%s", (text, length, network, shift) => {
    expect(parseRange(text)).toEqual({ length, network, shift });
  });
});
