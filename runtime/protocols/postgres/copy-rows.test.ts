import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { REDACT, type MaskSpec } from "../../../spec/contract/bundle/index.ts";
import { textMask } from "../../enforce/mask/index.ts";
import type { CopyShape } from "../../facts/index.ts";
import { CopyMasker } from "./copy-rows.ts";
import { message } from "./messages.ts";
import { MALFORMED } from "./rows.ts";

const KEY = new Uint8Array(32);
const TEXT: CopyShape = {
  direction: "out",
  format: "text",
  delimiter: "\t",
  quote: '"',
  escape: '"',
  nullText: "\\N",
  header: false,
  unmodelled: [],
};
const CSV: CopyShape = { ...TEXT, format: "csv", delimiter: ",", nullText: "" };
type Row = readonly (string | null)[];

const LETTERS: Readonly<Record<string, string>> = { b: "\b", t: "\t", n: "\n", v: "\v", f: "\f", r: "\r" };

/** A value as PostgreSQL writes it (`CopyAttributeOutText`, `CopyAttributeOutCSV` in src/backend/commands/copyto.c). */
function written(value: string | null, { format, delimiter, quote, escape, nullText }: CopyShape): string {
  if (value === null) return nullText;
  if (format === "csv") {
    const quoted = value === nullText || [delimiter, quote, "\n", "\r"].some((sign) => value.includes(sign));
    if (!quoted && value !== "\\.") return value;
    return (
      quote + [...value].map((sign) => (sign === quote || sign === escape ? escape + sign : sign)).join("") + quote
    );
  }
  const letterOf = (sign: string): string | undefined => Object.keys(LETTERS).find((one) => LETTERS[one] === sign);
  return [...value]
    .map((sign) => (sign === "\\" || sign === delimiter ? `\\${sign}` : letterOf(sign) ? `\\${letterOf(sign)!}` : sign))
    .join("");
}

const line = (row: Row, shape: CopyShape): string =>
  row.map((value) => written(value, shape)).join(shape.delimiter) + "\n";

/** A line read again, by what the manual says of COPY FROM. */
function read(text: string, { format, delimiter, quote, escape, nullText }: CopyShape): Row {
  const row: (string | null)[] = [];
  let value = "";
  let raw = "";
  let quoted = false;
  let wasQuoted = false;
  const end = (): void => {
    row.push(raw === nullText && !wasQuoted ? null : value);
    value = raw = "";
    wasQuoted = false;
  };
  for (let i = 0; i < text.length; i++) {
    const sign = text[i]!;
    raw += sign;
    if (format === "csv" && quoted) {
      if (sign === escape && (text[i + 1] === quote || text[i + 1] === escape)) value += text[++i]!;
      else if (sign === quote) quoted = false;
      else value += sign;
    } else if (format === "csv" && sign === quote) quoted = wasQuoted = true;
    else if (format === "text" && sign === "\\") {
      const next = text[++i]!;
      raw += next;
      value += LETTERS[next] ?? next;
    } else if (sign === delimiter || sign === "\n") {
      raw = raw.slice(0, -1);
      end();
    } else value += sign;
  }
  return row;
}

function masked(shape: CopyShape, specs: readonly (MaskSpec | null)[], body: string): string | null {
  const masks = specs.map((spec) => (spec === null ? null : textMask(spec, KEY)));
  const masker = new CopyMasker(shape, { masks, always: true, scanner: null });
  const source = message("d".charCodeAt(0), Buffer.from(body));
  const out = Buffer.alloc(masker.bound(source.length) + 3, 0xee);
  const after = masker.mask(source, 0, source.length, out, 3, { replaced: 0 });
  if (after === MALFORMED) return null;
  expect(out.readInt32BE(4)).toBe(after - 4);
  expect(after).toBeLessThanOrEqual(out.length);
  return out.toString("utf8", 8, after);
}

const value = fc.option(
  fc
    .array(fc.oneof(fc.constantFrom(..."\\\t\n\r\b\f\v,;|\"'abcN.@", "é", "😀"), fc.string({ maxLength: 2 })), {
      maxLength: 8,
    })
    .map((signs) => signs.join("").replaceAll("\0", "")),
  { freq: 6 },
);
const spec = fc.option(
  fc.constantFrom<MaskSpec>(
    REDACT,
    { kind: "null", args: [] },
    { kind: "email", args: [] },
    { kind: "last", args: [2] },
    { kind: "first", args: [3] },
    { kind: "full", args: [] },
  ),
);
const shape = fc.oneof(
  fc.constantFrom("\t", ",", ";", "|", "x").map((delimiter): CopyShape => ({ ...TEXT, delimiter })),
  fc
    .tuple(fc.constantFrom(",", ";", "\t", "|"), fc.constantFrom('"', "'"), fc.constantFrom('"', "\\"))
    .map(([delimiter, quote, escape]): CopyShape => ({ ...CSV, delimiter, quote, escape })),
);
const columns = fc.array(fc.tuple(value, spec), { minLength: 1, maxLength: 5 });

describe("rows of COPY", () => {
  it("are what they are with each masked value masked, whatever the values hold", () => {
    fc.assert(
      fc.property(shape, columns, (form, all) => {
        const row = all.map(([one]) => one);
        const specs = all.map(([, one]) => one);
        const out = masked(form, specs, line(row, form));
        expect(out).not.toBeNull();
        const expected = row.map((one, i) => {
          const by = specs[i];
          if (one === null || by == null) return one;
          const mask = textMask(by, KEY);
          const source = Buffer.from(one);
          const room = Buffer.alloc(mask.bound(source.length));
          const end = mask.write(source, 0, source.length, room, 0);
          return end < 0 ? null : room.toString("utf8", 0, end);
        });
        expect(read(out!, form)).toEqual(expected);
      }),
      { numRuns: 3_000 },
    );
  });

  it("two in one message are malformed, and so is a row of another number of columns", () => {
    for (const form of [TEXT, CSV]) {
      const row = line(["a", "secret", "c"], form);
      const specs = [null, REDACT, REDACT];
      expect(masked(form, specs, row)).toBe(form === CSV ? 'a,"***","***"\n' : "a\t***\t***\n");
      for (const bad of [row + row, row.slice(0, -1), line(["a", "b"], form), line(["a", "b", "c", "d"], form), ""])
        expect([bad, masked(form, specs, bad)]).toEqual([bad, null]);
    }
  });

  it("any bytes: malformed, or no value in a masked column is shown", () => {
    fc.assert(
      fc.property(shape, fc.array(fc.constantFrom(..."ab\\\t\n\r,;|\"'x"), { maxLength: 30 }), (form, signs) => {
        const out = masked(form, [null, { kind: "full", args: [] }], signs.join(""));
        if (out === null) return;
        // A return at the end of a line of CSV belongs to the line's end.
        const [, second] = read(form.format === "csv" ? out.replace(/\r\n$/, "\n") : out, form);
        expect(second ?? "").toMatch(/^\**$/);
      }),
      { numRuns: 3_000 },
    );
  });
});
