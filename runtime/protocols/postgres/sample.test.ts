import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { ResultSample, SAMPLE_BYTES, SAMPLE_ROWS } from "./sample.ts";

const text = (): boolean => false;

/** A DataRow. */
function row(...cells: readonly (string | Buffer | null)[]): Buffer {
  const parts = cells.map((cell) => {
    const length = Buffer.alloc(4);
    if (cell === null) {
      length.writeInt32BE(-1);
      return length;
    }
    const bytes = Buffer.from(cell as string);
    length.writeInt32BE(bytes.length);
    return Buffer.concat([length, bytes]);
  });
  const head = Buffer.alloc(7);
  head[0] = 0x44;
  head.writeInt16BE(cells.length, 5);
  const bytes = Buffer.concat([head, ...parts]);
  bytes.writeInt32BE(bytes.length - 1, 1);
  return bytes;
}

const line = (value: string): Buffer => Buffer.concat([Buffer.from([0x64, 0, 0, 0, 4]), Buffer.from(value)]);

describe("a sample of a result", () => {
  it("is the first rows, and the next one begins anew", () => {
    const sample = new ResultSample();
    for (let i = 0; i < 9; i++)
      if (sample.wants) sample.keep(row(`a${i}`, null, "é"), 0, row(`a${i}`, null, "é").length, false);
    expect(sample.take(text)).toEqual(Array.from({ length: SAMPLE_ROWS }, (_, i) => [`a${i}`, null, "é"]));
    expect(sample.take(text)).toBeNull();
    sample.keep(row("b"), 0, row("b").length, false);
    expect(sample.take(text)).toEqual([["b"]]);
  });

  it("shows binary values in hexadecimal, COPY by the line, and marks what was cut", () => {
    const sample = new ResultSample();
    const binary = row(Buffer.from([0, 0, 0, 7]), "x".repeat(300));
    sample.keep(binary, 0, binary.length, false);
    const copy = line("1\tana\\n\n");
    sample.keep(copy, 0, copy.length, true);
    const long = line("y".repeat(1_200));
    sample.keep(long, 0, long.length, true);
    expect(sample.take((column) => column === 0)).toEqual([
      ["\\x00000007", `${"x".repeat(256)}…`],
      ["1\tana\\n"],
      [`${"y".repeat(256)}…`],
    ]);
  });

  it("ends where its bytes do", () => {
    const sample = new ResultSample();
    const big = row("z".repeat(SAMPLE_BYTES));
    sample.keep(big, 0, big.length, false);
    expect(sample.wants).toBe(false);
    expect(sample.take(text)).toEqual([[`${"z".repeat(256)}…`]]);
    expect(sample.wants).toBe(true);
  });

  it("is made of any rows, however they were cut", () => {
    fc.assert(
      fc.property(
        fc.array(fc.tuple(fc.uint8Array({ minLength: 5, maxLength: 3_000 }), fc.boolean()), { maxLength: 8 }),
        (messages) => {
          const sample = new ResultSample();
          for (const [bytes, isLine] of messages)
            if (sample.wants) sample.keep(Buffer.from(bytes), 0, bytes.length, isLine);
          const rows = sample.take((column) => column % 2 === 0) ?? [];
          expect(rows.length).toBeLessThanOrEqual(Math.min(SAMPLE_ROWS, messages.length));
          for (const cell of rows.flat()) expect((cell ?? "").length).toBeLessThanOrEqual(300);
        },
      ),
    );
  });
});
