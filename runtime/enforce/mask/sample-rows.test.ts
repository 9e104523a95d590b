import { expect, it } from "vitest";
import { CLEAR, type ColumnMask, type MaskPlan } from "./plan.ts";
import { recordRows, sampleHoles } from "./sample-rows.ts";

const on: ColumnMask = {
  spec: { kind: "redact", args: [] },
  rule: "pii",
  source: "public.people.email",
  derived: false,
};
const plan = (...columns: (ColumnMask | null)[]): MaskPlan => ({ kind: "mask", columns, any: true });
const refuse: MaskPlan = { kind: "refuse", reason: "", rule: null };
const ROWS = [
  ["1", "a"],
  ["2", null],
];

it.each<readonly [why: string, mine: MaskPlan[], anybodys: MaskPlan[], lines: boolean, kept: unknown]>([
  ["nothing is masked for anybody", [CLEAR], [CLEAR], false, ROWS],
  ["what is masked for this client is kept as masked", [plan(null, on)], [plan(null, on)], false, ROWS],
  [
    "a column that others may not see",
    [CLEAR],
    [plan(null, on)],
    false,
    [
      ["1", "«hidden»"],
      ["2", "«hidden»"],
    ],
  ],
  [
    "one of several statements",
    [CLEAR, CLEAR],
    [CLEAR, plan(on)],
    false,
    [
      ["«hidden»", "a"],
      ["«hidden»", null],
    ],
  ],
  ["others would be refused", [CLEAR], [refuse], false, Array(2).fill(["«hidden»", "«hidden»"])],
  [
    "another column is masked for this client",
    [plan(on, null)],
    [plan(null, on)],
    false,
    [
      ["1", "«hidden»"],
      ["2", "«hidden»"],
    ],
  ],
  [
    "a plan that is missing is none",
    [],
    [plan(on, null)],
    false,
    [
      ["«hidden»", "a"],
      ["«hidden»", null],
    ],
  ],
  [
    "columns of a line can't be told apart",
    [CLEAR],
    [plan(null, null, on)],
    true,
    Array(2).fill(["«hidden»", "«hidden»"]),
  ],
])("%s", (_, mine, anybodys, lines, kept) => {
  expect(recordRows(ROWS, sampleHoles(mine, anybodys, lines))).toEqual(kept);
});
