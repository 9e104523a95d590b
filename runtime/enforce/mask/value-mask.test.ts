import { describe, expect, it } from "vitest";
import { textMask } from "./value-mask.ts";

function shown(value: string): string {
  const mask = textMask({ kind: "email", args: [] }, Buffer.alloc(32));
  const bytes = Buffer.from(value);
  const out = Buffer.alloc(mask.bound(bytes.length));
  return out.toString("utf8", 0, mask.write(bytes, 0, bytes.length, out, 0));
}

describe("email", () => {
  it.each([
    ["ana@mail.example.com", "a***@***.com"],
    ["ANA@MAIL.EXAMPLE", "A***@***.EXAMPLE"],
    ["a@mail.example", "***@***.example"],
    ["örs@mail.at", "ö***@***.at"],
    ["no address", "***"],
    ["@mail.com", "***"],
    ["ana@localhost", "a***@***"],
    ["x@y. SSN 123-45-6789", "***@***"],
    ["ana@mail.123456789", "a***@***"],
    ["ana@mail.c", "a***@***"],
    ["ana@mail.", "a***@***"],
    ["ana@mail.xn--p1ai", "a***@***"],
    ["ana@mail.рф", "a***@***"],
    [`ana@mail.${"a".repeat(24)}`, `a***@***.${"a".repeat(24)}`],
    [`ana@mail.${"a".repeat(25)}`, "a***@***"],
    ["ana@mail.com.secret word", "a***@***"],
    ["ana.com@mail", "a***@***"],
    ["ana.com@mail@com", "a***@***"],
  ])("%s is shown as %s", (value, masked) => {
    expect(shown(value)).toBe(masked);
  });
});
