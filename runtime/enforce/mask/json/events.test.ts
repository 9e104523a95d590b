import { describe, expect, it } from "vitest";
import { maskRule, masksOf } from "../../../../test/support/body-masks.ts";
import { EventMasker, eventWord } from "./events.ts";
import type { BodyMasks } from "./plan.ts";

const scan = (text: string): string => text.replaceAll("ana@example.com", "***");
const FIELDS = masksOf([maskRule("http", ["$.email"])]);
const DETECTED = masksOf([maskRule("http", [], { detect: ["email"] })], scan);

function through(masks: BodyMasks, text: string, labels = new Set<string>()): string {
  const events = new EventMasker((data) => data, eventWord(masks, labels));
  return Buffer.concat([events.push(Buffer.from(text)), events.end()]).toString("utf8");
}

describe("names and ids of events", () => {
  it.each<readonly [title: string, masks: BodyMasks, text: string, shown: string]>([
    [
      "tokens stay under a mask of fields",
      FIELDS,
      "event: row.added\nid: a-1_b:2\n",
      "event: row.added\nid: a-1_b:2\n\n",
    ],
    ["an id is taken back by an empty one", FIELDS, "id\ndata: x\n", "id: \ndata: x\n\n"],
    ["an address as an id", FIELDS, "id: ana@example.com\ndata: x\n", "data: x\n\n"],
    ["words as a name", FIELDS, "event: paid by Ana\ndata: x\n", "data: x\n\n"],
    ["a name without end", FIELDS, `event: ${"a".repeat(129)}\ndata: x\n`, "data: x\n\n"],
    [
      "what a detector finds",
      DETECTED,
      "event: of ana@example.com\nid: ana@example.com\n",
      "event: of ***\nid: ***\n\n",
    ],
    ["what it does not find", DETECTED, "event: two words\nretry: 100\n", "event: two words\nretry: 100\n\n"],
    ["no number of ms", DETECTED, "retry: ana@example.com\nretry:5x\n", "\n"],
    [
      "fields that readers ignore, and comments",
      DETECTED,
      ": ana@example.com\nx: ana@example.com\ndata: y\n",
      "data: y\n\n",
    ],
  ])("%s", (_title, masks, text, shown) => {
    expect(through(masks, `${text}\n`)).toBe(shown);
  });

  it("the record is told", () => {
    const labels = new Set<string>();
    through(FIELDS, "id: ana@example.com\n\n", labels);
    expect([...labels]).toEqual(["names of events"]);
  });
});
