import { expect, it } from "vitest";
import { findMarker } from "./markers.ts";

it.each([
  ["203.0.113.77", "203.0."],
  ["at 0.113. of it", "0.113."],
  ["Decision 01kaz7q3v00000000000000000.113.", null],
  ["Decision 01kaz7q3v00000000000000000.5. 0.113.", "0.113."],
  ["Decision 0.113.", "0.113."],
])("of %j the marker is %j", (text, marker) => {
  expect(findMarker(Buffer.from(text), [])).toBe(marker);
});
