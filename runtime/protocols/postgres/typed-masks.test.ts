import { describe, expect, it } from "vitest";
import type { MaskSpec } from "../../../spec/contract/bundle/index.ts";
import { Scanner } from "../../enforce/detect/index.ts";
import { TO_NULL, secretsOf, type ColumnMask, type DetectPlan } from "../../enforce/mask/index.ts";
import { fitMasks } from "./typed-masks.ts";

const REDACT: MaskSpec = { kind: "redact", args: [] };
const LAST: MaskSpec = { kind: "last", args: ["4"] };
const PATH: MaskSpec = { kind: "json", args: ["$.name"] };
const SECRETS = secretsOf(Buffer.alloc(32, 1));
const [INT8, NUMERIC, JSON_ARRAY, JSONB_ARRAY, TEXT_ARRAY] = [20, 1700, 199, 3807, 1009];
const CARD = "4111111111111111";
const DETECT: DetectPlan = {
  scanner: new Scanner(["credit_card"], { detectors: [], expressions: [] }),
  specs: [REDACT],
  rule: "cards",
};
const column = (spec: MaskSpec): ColumnMask => ({ spec, rule: "r", source: "public.t.c", derived: false });

/** How one value is shown, in latin1; null when it becomes NULL. */
function shown(
  type: number,
  binary: boolean,
  mask: MaskSpec | null,
  detect: DetectPlan | null,
  value: Buffer,
): string | null {
  const fitted = fitMasks(mask === null ? null : [column(mask)], [type], [binary ? 1 : 0], detect, SECRETS);
  const one = fitted?.masks[0] ?? null;
  if (one === null || (one.touches !== undefined && !one.touches(value, 0, value.length)))
    return value.toString("latin1");
  const out = Buffer.alloc(Math.ceil(one.bound(value.length)));
  const end = one.write(value, 0, value.length, out, 0);
  return end === TO_NULL ? null : out.toString("latin1", 0, end);
}

const text = (value: string): Buffer => Buffer.from(value);
const numeric = (sign: number, ...digits: readonly number[]): Buffer => {
  const out = Buffer.alloc(8 + digits.length * 2);
  out.writeUInt16BE(digits.length, 0);
  out.writeInt16BE(Math.max(0, digits.length - 1), 2);
  out.writeUInt16BE(sign, 4);
  for (const [i, digit] of digits.entries()) out.writeUInt16BE(digit, 8 + i * 2);
  return out;
};

function binaryArray(element: number, ...values: readonly Buffer[]): Buffer {
  const header = Buffer.alloc(20);
  header.writeInt32BE(1, 0);
  header.writeInt32BE(element, 8);
  header.writeInt32BE(values.length, 12);
  header.writeInt32BE(1, 16);
  return Buffer.concat([
    header,
    ...values.flatMap((value) => {
      const length = Buffer.alloc(4);
      length.writeInt32BE(value.length);
      return [length, value];
    }),
  ]);
}

describe("a path of JSON in a list, where something is looked for too", () => {
  it("in text form", () => {
    const value = String.raw`{"{\"name\": \"Ann\", \"c\": \"${CARD}\"}","{\"name\": \"Bob\"}"}`;
    const masked = String.raw`{NULL,"{\"name\": \"***\"}"}`;
    expect(shown(JSON_ARRAY, false, PATH, DETECT, text(value))).toBe(masked);
    expect(shown(JSONB_ARRAY, false, PATH, DETECT, text(value))).toBe(masked);
    expect(shown(JSON_ARRAY, false, PATH, null, text(value))).toContain(CARD);
  });

  it("in binary form", () => {
    const value = binaryArray(3802, text(`\x01{"name": "Ann", "c": "${CARD}"}`), text('\x01{"name": "Bob"}'));
    const found = shown(JSONB_ARRAY, true, PATH, DETECT, value);
    expect(found).not.toContain(CARD);
    expect(found).toContain('"***"');
  });
});

describe("numbers in binary form, where something is looked for", () => {
  it.each<readonly [title: string, type: number, value: Buffer, shown: boolean]>([
    ["an amount", NUMERIC, numeric(0, 12, 3400), true],
    ["a card", NUMERIC, numeric(0, 4111, 1111, 1111, 1111), false],
    ["NaN", NUMERIC, numeric(0xc000), true],
    ["Infinity", NUMERIC, numeric(0xd000), true],
    ["-Infinity", NUMERIC, numeric(0xf000), true],
    ["a sign that is not known", NUMERIC, numeric(0x8000, 4111, 1111, 1111, 1111), false],
    ["digits behind NaN", NUMERIC, numeric(0xc000, 4111, 1111, 1111, 1111), false],
    ["one cut off", NUMERIC, numeric(0, 4111, 1111).subarray(0, 9), false],
    ["an int8", INT8, Buffer.from("0000000000000007", "hex"), true],
    ["an int8 of nine bytes", INT8, Buffer.from("000000000000000007", "hex"), false],
  ])("%s", (_title, type, value, passes) => {
    expect(shown(type, true, null, DETECT, value)).toBe(passes ? value.toString("latin1") : null);
  });
});

describe("what is no list", () => {
  it.each<readonly [value: string, shown: string | null]>([
    ["{abcdefgh}", '{"***efgh"}'],
    ["[0:1]={abcdefgh,NULL}", '[0:1]={"***efgh",NULL}'],
    ["[-2:-1][5:5]={{abcdefgh},{ijklmnop}}", '[-2:-1][5:5]={{"***efgh"},{"***mnop"}}'],
    ["a secret", null],
    ["a secret {abcdefgh}", null],
    ["[0:1]", null],
    ["[a secret]={abcdefgh}", null],
  ])("%s is shown as %s", (value, masked) => {
    expect(shown(TEXT_ARRAY, false, LAST, null, text(value))).toBe(masked);
  });
});
