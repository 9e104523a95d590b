import { readFileSync } from "node:fs";
import * as fc from "fast-check";
import { Packr } from "msgpackr";
import { describe, expect, it } from "vitest";
import { compile } from "../../../compiler/index.ts";
import { decodeManifest, encodeManifest } from "./index.ts";

const SHOP = ["shop.policy", "shop_test.policy"].map((path) => ({
  path,
  text: readFileSync(new URL(`../../../policies/shop/${path}`, import.meta.url), "utf8"),
}));
const MANIFEST = compile(SHOP, { sequence: 3 }).manifest!;
const BYTES = encodeManifest(MANIFEST);

const packr = new Packr({
  useRecords: false,
  variableMapSize: true,
  encodeUndefinedAsNil: true,
  int64AsType: "number",
});
type Tree = unknown[];
const tree = (): Tree => packr.unpack(BYTES) as Tree;

/** Every list of a tree, with how to reach it. */
function listsOf(of: Tree): Tree[] {
  return [of, ...of.flatMap((item) => (Array.isArray(item) ? listsOf(item as Tree) : []))];
}

describe("the payload's layout", () => {
  it("reads what it wrote, and writes the same again", () => {
    const read = decodeManifest(BYTES);
    expect(read.ok && encodeManifest(read.value).equals(BYTES)).toBe(true);
  });

  it("takes no bytes that the writer would not have written (fuzz)", () => {
    const values = fc.constantFrom<unknown>(
      0,
      1,
      -1,
      7,
      1.5,
      "",
      "a",
      null,
      true,
      [],
      [0],
      [1],
      ["a", "b"],
      [["k", 1]],
    );
    const change = fc.tuple(fc.nat(), fc.nat(), fc.constantFrom("put", "swap", "drop", "double"), values);
    let taken = 0;
    fc.assert(
      fc.property(fc.array(change, { minLength: 1, maxLength: 2 }), (changes) => {
        const changed = tree();
        for (const [which, place, how, value] of changes) {
          const lists = listsOf(changed);
          const list = lists[which % lists.length]!;
          const at = place % Math.max(1, list.length);
          if (how === "put") list[at] = value;
          else if (how === "drop") list.splice(at, 1);
          else if (how === "double") list.splice(at, 0, list[at]);
          else [list[at], list[0]] = [list[0], list[at]];
        }
        const bytes = Buffer.from(packr.pack(changed));
        const read = decodeManifest(bytes);
        if (!read.ok) return;
        taken++;
        expect(encodeManifest(read.value).equals(bytes)).toBe(true);
      }),
      { numRuns: 400 },
    );
    // Some changes make another good payload; all of them refused would test nothing.
    expect(taken).toBeGreaterThan(5);
  });

  it.each<readonly [title: string, change: (top: Tree) => void, where: string]>([
    ["a rule's effect", (top) => ((top[9] as Tree[])[1]![1] = 99), "rules[1].effect"],
    ["a rule's source", (top) => ((top[9] as Tree[])[0]![6] = 1), "rules[0].source"],
    ["a rule's place", (top) => ((top[9] as Tree[])[2]![0] = 5), "rules[2]"],
    ["a fact's name", (top) => ((top[4] as Tree)[1] = 5), "facts[1]"],
    ["a program's instruction", (top) => (((top[8] as Tree[])[1]![1] as Tree)[2] = "x"), "programs[1][2]"],
    ["a constraint", (top) => (((top[13] as Tree[])[2]![0] as Tree)[2] = 3), "index.constraints[0]"],
  ])("says where: %s", (_title, change, where) => {
    const changed = tree();
    change(changed);
    const read = decodeManifest(Buffer.from(packr.pack(changed)));
    expect(read).toMatchObject({ ok: false, error: { where } });
  });

  it("refuses a number or a vector's map written another way", () => {
    // A float where the writer has a small number.
    const [before, after] = [BYTES.subarray(0, 1), BYTES.subarray(2)];
    expect(BYTES[1]).toBe(3);
    const float = Buffer.concat([before, Buffer.from([0xcb, 0x40, 0x08, 0, 0, 0, 0, 0, 0]), after]);
    expect(decodeManifest(float)).toMatchObject({ ok: false, error: { why: "is not in canonical form" } });
    const changed = tree();
    const vectors = changed[11] as Tree[];
    const map = vectors
      .flatMap((vector) => vector[1] as Tree[])
      .map((fact) => fact[1])
      .find((value): value is Tree => Array.isArray(value) && value[0] === 0)!;
    map.push(map[1]);
    const doubled = decodeManifest(Buffer.from(packr.pack(changed)));
    expect(doubled).toMatchObject({ ok: false, error: { why: "is not in canonical form" } });
  });
});
