import { createHash } from "node:crypto";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { leafHash } from "../../spec/contract/record/index.ts";
import { referenceRoot } from "../../test/support/record.ts";
import { consistencyProof, inclusionProof, rangeRoots, verifyConsistency, verifyInclusion } from "./proof.ts";
import { MemoryLogStore } from "./store-memory.ts";
import { TreeEdge, partialPaths, splitHashes, type Tile } from "./tree.ts";

const leaves = Array.from({ length: 66_000 }, (_, i) => leafHash(Buffer.from(`entry ${i}`)));

/** A tree of the first leaves, and the files of its tiles. */
function tree(size: number): { readonly edge: TreeEdge; readonly store: MemoryLogStore } {
  const edge = new TreeEdge();
  const tiles: Tile[] = [];
  // Both forms of a hash are one.
  for (let i = 0; i < size; i++) {
    if (i % 2 === 0) edge.add(leaves[i]!, tiles);
    else edge.addBinary(leaves[i]!.toString("binary"), tiles);
  }
  const store = new MemoryLogStore();
  for (const tile of [...tiles, ...edge.partialTiles()]) store.files.set(tile.path, tile.bytes);
  return { edge, store };
}

const sizes = [0, 1, 2, 3, 4, 5, 7, 8, 9, 255, 256, 257, 511, 512, 513, 65_535, 65_536, 65_537, 65_792, 66_000];

/** Another hash for certain: one out of the tree could be the very one that it stands in for. */
const flipped = (hash: Uint8Array): Buffer => Buffer.from(hash.map((byte, i) => (i === 0 ? byte ^ 1 : byte)));

describe("the tree", () => {
  it.each(sizes)("of %i entries has the root of RFC 6962", (size) => {
    expect(
      tree(size)
        .edge.root()
        .equals(referenceRoot(leaves.slice(0, size))),
    ).toBe(true);
  });

  it("of RFC 6962's own examples has the roots that other implementations publish", () => {
    const inputs = ["", "00", "10", "2021", "3031", "40414243", "5051525354555657", "606162636465666768696a6b6c6d6e6f"];
    const edge = new TreeEdge();
    const roots = inputs.map((hex) => {
      edge.add(leafHash(Buffer.from(hex, "hex")), []);
      return edge.root().toString("hex");
    });
    expect(roots).toEqual([
      "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d",
      "fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125",
      "aeb6bcfe274b70a14fb067a5e5578264db0fa9b51af5e0ba159158f329e06e77",
      "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7",
      "4e3bbb1f7b478dcfe71fb631631519a3bca12c9aefca1612bfce4c13a86264d4",
      "76e67dadbcdf1e10e1b74ddc608abd2f98dfb16fbce75277b5232a127f2087ef",
      "ddb89be403809e325750d3d263cd78929c2942b7942a34b77e122c9594a74c8c",
      "5dc9da79a70659a9ad559cb701ded9a2ab9d823aad2f4960cfe370eff4604328",
    ]);
    expect(new TreeEdge().root().toString("hex")).toBe(createHash("sha256").digest("hex"));
  });

  it.each(sizes)("of %i entries is taken up again from its partial tiles", (size) => {
    const { edge, store } = tree(size);
    const partials: Buffer[] = [];
    for (const { level, path, width } of partialPaths(size)) {
      const hashes = store.files.get(path)!;
      expect(splitHashes(hashes)).toHaveLength(width);
      while (partials.length < level) partials.push(Buffer.alloc(0));
      partials[level] = hashes;
    }
    const again = TreeEdge.restore(size, partials);
    for (const leaf of leaves.slice(0, 300)) {
      edge.add(leaf, []);
      again.add(leaf, []);
    }
    expect(again.root().equals(edge.root())).toBe(true);
  });
});

describe("proofs out of the tiles", () => {
  const anySize = fc.oneof(fc.integer({ min: 1, max: 70 }), fc.integer({ min: 1, max: 1_100 }), fc.constant(65_900));

  it("lead from an entry to the root, and from nothing else", async () => {
    await fc.assert(
      fc.asyncProperty(anySize, fc.nat(), fc.nat(), async (size, at, wrong) => {
        const { edge, store } = tree(size);
        const index = at % size;
        const proof = await inclusionProof(index, size, rangeRoots(store, size));
        const root = edge.root();
        expect(verifyInclusion(leaves[index]!, index, size, proof, root)).toBe(true);
        expect(verifyInclusion(leaves[index + 1]!, index, size, proof, root)).toBe(false);
        expect(verifyInclusion(leaves[index]!, index, size, [...proof, leaves[0]!], root)).toBe(false);
        if (size > 1) {
          expect(verifyInclusion(leaves[index]!, (index + 1) % size, size, proof, root)).toBe(false);
          const changed = proof.map((hash, i) => (i === wrong % proof.length ? flipped(hash) : hash));
          expect(verifyInclusion(leaves[index]!, index, size, changed, root)).toBe(false);
          expect(verifyInclusion(leaves[index]!, index, size, proof.slice(1), root)).toBe(false);
        }
      }),
      { numRuns: 60 },
    );
  });

  it("show that a tree is the beginning of a later one, and no other is", async () => {
    await fc.assert(
      fc.asyncProperty(anySize, fc.nat(), fc.nat(), async (newer, at, wrong) => {
        const older = 1 + (at % newer);
        const { edge, store } = tree(newer);
        const proof = await consistencyProof(older, newer, rangeRoots(store, newer));
        const olderRoot = tree(older).edge.root();
        expect(verifyConsistency(older, newer, proof, olderRoot, edge.root())).toBe(true);
        expect(verifyConsistency(older, newer, proof, leaves[3]!, edge.root())).toBe(false);
        expect(verifyConsistency(older, newer, proof, olderRoot, leaves[3]!)).toBe(false);
        if (proof.length > 0) {
          const changed = proof.map((hash, i) => (i === wrong % proof.length ? flipped(hash) : hash));
          expect(verifyConsistency(older, newer, changed, olderRoot, edge.root())).toBe(false);
          expect(verifyConsistency(older, newer, proof.slice(1), olderRoot, edge.root())).toBe(false);
        }
      }),
      { numRuns: 60 },
    );
  });

  it("say which tile is missing", async () => {
    const { store } = tree(600);
    store.files.delete("tile/0/001");
    await expect(inclusionProof(300, 600, rangeRoots(store, 600))).rejects.toThrow("tile/0/001 is missing");
  });
});
