import { expect, it } from "vitest";
import { mostRows } from "./row-estimates.ts";

it.each<readonly [title: string, text: string, rows: number | null]>([
  ["one step", '[{"Plan": {"Plan Rows": 7}}]', 7],
  [
    "the largest of all steps",
    '[{"Plan": {"Plan Rows": 1, "Plans": [{"Plan Rows": 40, "Plans": [{"Plan Rows": 9}]}, {"Plan Rows": 3}]}}]',
    40,
  ],
  ["a step without a number", '[{"Plan": {"Plan Rows": 1, "Plans": [{}]}}]', null],
  ["nothing", "", null],
  ["no plan", "[]", null],
  ["another form", '{"Plan": {"Plan Rows": 1}}', null],
  ["cut off", '[{"Plan": {"Plan Rows": 1}', null],
])("%s", (_, text, rows) => {
  expect(mostRows(text)).toBe(rows);
});
