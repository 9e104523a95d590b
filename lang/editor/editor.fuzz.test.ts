import * as fc from "fast-check";
import { describe, expect, it } from "vitest";
import { PEOPLE, SAMPLE } from "../../test/support/sample-policy.ts";
import { checkFiles } from "../check/index.ts";
import { tokenize } from "../syntax/index.ts";
import {
  NO_SURROUNDINGS,
  applyEdits,
  completionsAt,
  definitionsAt,
  fixesFor,
  foldsOf,
  hoverAt,
  openWorkspace,
  referencesAt,
  renameAt,
  selectionsAt,
  semanticTokensOf,
  symbolsOf,
  testsIn,
} from "./index.ts";

const WORDS = [...new Set(tokenize(SAMPLE).map((token) => token.text))];

/** The sample with pieces cut out, doubled or put elsewhere. */
const broken = fc
  .array(
    fc.record({
      at: fc.nat(SAMPLE.length),
      cut: fc.oneof(fc.nat(8), fc.nat(400)),
      put: fc.oneof(
        fc.constant(""),
        fc.constantFrom(...WORDS),
        fc.string({ maxLength: 5 }),
        fc.constantFrom('"', "{", "}", "/", ",", "\n"),
      ),
    }),
    { maxLength: 8 },
  )
  .map((edits) =>
    edits.reduce(
      (text, { at, cut, put }) => `${text.slice(0, at)} ${put} ${text.slice(at + cut)}`.replaceAll("  ", " "),
      SAMPLE,
    ),
  );

it("the sample has no errors", () => {
  const found = checkFiles([
    { path: "people.policy", text: PEOPLE },
    { path: "shop.policy", text: SAMPLE },
  ]).diagnostics;
  expect(found.filter((one) => one.severity === "error").map((one) => `${one.code} ${one.message}`)).toEqual([]);
});

describe("fuzz: no text and no place", () => {
  it("makes a question about it throw, or an answer lie outside of it", () => {
    fc.assert(
      fc.property(broken, fc.nat(), fc.constantFrom("x", "dba", "select", "deny", "1"), (text, seed, name) => {
        const workspace = openWorkspace([
          { path: "people.policy", text: PEOPLE },
          { path: "shop.policy", text },
        ]);
        const offset = seed % (text.length + 1);
        const inside = ({ file, start, end }: { file: string; start: number; end: number }): void => {
          const { length } = workspace.files.get(file)!.text;
          expect(start >= 0 && start <= end && end <= length, `${file} ${start} ${end} of ${length}`).toBe(true);
        };
        const found = completionsAt(workspace, "shop.policy", offset, NO_SURROUNDINGS);
        inside({ file: "shop.policy", ...found });
        expect(found.start <= offset && offset <= found.end).toBe(true);
        const hover = hoverAt(workspace, "shop.policy", offset, NO_SURROUNDINGS);
        if (hover !== null) inside(hover.span);
        definitionsAt(workspace, "shop.policy", offset).forEach(inside);
        referencesAt(workspace, "shop.policy", offset, true).forEach(inside);
        const tree = workspace.trees.get("shop.policy")!;
        for (const one of symbolsOf(tree)) {
          inside(one.span);
          inside(one.nameSpan);
          expect(one.nameSpan.start >= one.span.start && one.nameSpan.end <= one.span.end).toBe(true);
        }
        foldsOf(tree, text);
        selectionsAt(tree, offset).forEach(inside);
        testsIn(tree).forEach((one) => inside(one.nameSpan));
        let last = 0;
        for (const token of semanticTokensOf(workspace, "shop.policy")) {
          expect(token.start >= last).toBe(true);
          last = token.end;
        }
        for (const diagnostic of workspace.result.diagnostics) {
          inside(diagnostic.span);
          for (const fix of fixesFor(workspace, diagnostic)) fix.edits.forEach((edit) => inside(edit.span));
        }
        const renamed = renameAt(workspace, "shop.policy", offset, name);
        if (renamed.ok) renamed.value.forEach((edit) => inside(edit.span));
      }),
      { numRuns: 300 },
    );
  });
});

describe("a renaming that is not refused (fuzz)", () => {
  it("can be taken back, and leaves every name what it was", () => {
    const files = [
      { path: "people.policy", text: PEOPLE },
      { path: "shop.policy", text: SAMPLE },
    ];
    const workspace = openWorkspace(files);
    const places = workspace.names.occurrences;
    fc.assert(
      fc.property(fc.nat(places.length - 1), fc.stringMatching(/^[a-z_]{1,12}$/), (i, name) => {
        const place = places[i]!;
        const found = renameAt(workspace, place.span.file, place.span.start, name);
        if (!found.ok || name === place.name) return;
        expect(found.value).toHaveLength(workspace.names.bySymbol.get(place.symbol)!.length);
        const after = openWorkspace(files.map((file) => ({ ...file, text: applyEdits(file, found.value) })));
        const moved = after.names.occurrences[i]!;
        expect(moved.name).toBe(name);
        const back = renameAt(after, moved.span.file, moved.span.start, place.name);
        expect(back.ok).toBe(true);
        if (!back.ok) return;
        const again = [...after.files.values()].map((file) => applyEdits(file, back.value));
        expect(again).toEqual(files.map((file) => file.text));
      }),
      { numRuns: 60 },
    );
  });
});
