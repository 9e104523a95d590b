import { assert } from "../../base/assert.ts";
import { EMPTY_ROOT, HASH_BYTES, TILE_WIDTH, nodeHash, tilePath } from "../../spec/contract/record/index.ts";

/** A tile that is ready to be written. */
export interface Tile {
  readonly path: string;
  readonly bytes: Buffer;
}

/** A tile of 256 hashes, with the root of what is under it. */
export interface FullTile extends Tile {
  readonly root: Buffer;
}

/** Root of the perfect tree over hashes whose number is a power of two. */
export function perfectRoot(hashes: readonly Buffer[]): Buffer {
  let level = hashes;
  while (level.length > 1) {
    const next: Buffer[] = [];
    for (let i = 0; i < level.length; i += 2) next.push(nodeHash(level[i]!, level[i + 1]!));
    level = next;
  }
  return level[0]!;
}

/**
 * The growing edge of an RFC 6962 tree, tile by tile: of each level only the tile that is not yet full is kept. Level n of a
 * tile holds roots of 256^n entries.
 */
export class TreeEdge {
  #size = 0;
  readonly #levels: Buffer[][] = [];

  get size(): number {
    return this.#size;
  }

  /** Takes up a tree of which the partial tiles of each level are given, lowest first. */
  static restore(size: number, partials: readonly (readonly Buffer[])[]): TreeEdge {
    const tree = new TreeEdge();
    tree.#size = size;
    for (const [level, hashes] of partials.entries()) tree.#levels[level] = [...hashes];
    return tree;
  }

  /** Adds a leaf's hash; tiles that it fills are put into `full`. */
  add(hash: Buffer, full: { push(tile: FullTile): unknown }): void {
    this.#size++;
    let carry = hash;
    for (let level = 0; ; level++) {
      const tile = (this.#levels[level] ??= []);
      tile.push(carry);
      if (tile.length < TILE_WIDTH) return;
      const index = this.#size / TILE_WIDTH ** (level + 1) - 1;
      carry = perfectRoot(tile);
      full.push({ path: tilePath(level, index, TILE_WIDTH), bytes: Buffer.concat(tile), root: carry });
      this.#levels[level] = [];
    }
  }

  /** The tiles that are not yet full. */
  partialTiles(): readonly Tile[] {
    return this.#levels.flatMap((tile, level) => {
      if (tile.length === 0) return [];
      const index = Math.floor(this.#size / TILE_WIDTH ** (level + 1));
      return [{ path: tilePath(level, index, tile.length), bytes: Buffer.concat(tile) }];
    });
  }

  /** RFC 6962's root: perfect subtrees, largest first, joined from the right. */
  root(): Buffer {
    if (this.#size === 0) return EMPTY_ROOT;
    const subtrees: Buffer[] = [];
    for (let level = this.#levels.length - 1; level >= 0; level--) {
      const tile = this.#levels[level]!;
      let at = 0;
      for (let width = TILE_WIDTH / 2; width >= 1; width /= 2) {
        if ((tile.length & width) === 0) continue;
        subtrees.push(perfectRoot(tile.slice(at, at + width)));
        at += width;
      }
      assert(at === tile.length, "a tile's perfect subtrees cover it");
    }
    return subtrees.reduceRight((right, left) => nodeHash(left, right));
  }
}

/** The hashes of a tile's bytes. */
export function splitHashes(bytes: Buffer): readonly Buffer[] {
  const hashes: Buffer[] = [];
  for (let at = 0; at + HASH_BYTES <= bytes.length; at += HASH_BYTES) hashes.push(bytes.subarray(at, at + HASH_BYTES));
  return hashes;
}

/** Paths of the partial tiles of a tree of `size`, by level. */
export function partialPaths(
  size: number,
): readonly { readonly level: number; readonly path: string; readonly width: number }[] {
  const paths: { level: number; path: string; width: number }[] = [];
  for (let level = 0, count = size; count > 0; level++, count = Math.floor(count / TILE_WIDTH)) {
    const width = count % TILE_WIDTH;
    if (width > 0) paths.push({ level, path: tilePath(level, Math.floor(count / TILE_WIDTH), width), width });
  }
  return paths;
}
