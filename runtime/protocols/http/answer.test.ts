import { describe, expect, it } from "vitest";
import { maskRule, masksOf } from "../../../test/support/body-masks.ts";
import type { BodyMasks } from "../../enforce/mask/index.ts";
import { planAnswer } from "./answer.ts";

/** An answer of this type under these masks; in words why it is not shown. */
function shown(type: string, masks: BodyMasks, ...chunks: readonly string[]): string {
  const head = { status: 200, reason: "OK", minor: 1 as const, fields: [["content-type", type] as const] };
  const plan = planAnswer(head, masks);
  if (plan.kind !== "mask") return plan.kind;
  const { transform } = plan;
  const out = [...chunks.map((chunk) => transform.push(Buffer.from(chunk))), transform.end()];
  return transform.fault ?? Buffer.concat(out).toString("utf8");
}

describe("parts", () => {
  const masks = masksOf([maskRule("http", ["$.note"], { mask: { kind: "partial", args: [1, 4] } })]);
  const parts = (note: string): string =>
    `--X\r\nContent-Disposition: form-data; name="note"\r\n\r\n${note}\r\n--X--\r\n`;
  const TYPE = "multipart/form-data; boundary=X";

  it("are masked by their names", () => {
    expect(shown(TYPE, masks, parts("abcdefgh"))).toBe(parts("a***efgh"));
  });

  it("a value that would be read as a boundary by somebody is a fault", () => {
    expect(shown(TYPE, masks, parts("abcdefgh\n--X"))).toBe("a part holds the boundary");
    expect(shown(TYPE, masks, parts("abcdefgh --X"))).toBe(parts("a*** --X"));
  });
});

describe("text", () => {
  const masks = masksOf([maskRule("http", [], { detect: ["email"] })], (text) => text.replaceAll("secret", "***"));

  it("is scanned line by line, wherever it is cut", () => {
    expect(shown("text/plain", masks, "a sec", "ret\nand se", "cret")).toBe("a ***\nand ***");
  });

  it("a line without end is a fault", () => {
    const line = "x".repeat(64 * 1024);
    expect(shown("text/plain", masks, `${line}\n${line}`)).toBe(`${line}\n${line}`);
    expect(shown("text/plain", masks, line, "x")).toBe("a line is longer than 65536 bytes");
  });
});
