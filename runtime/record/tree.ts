import { assert } from "../../base/assert.ts";
import {
  EMPTY_ROOT,
  HASH_BYTES,
  TILE_WIDTH,
  nodeHash,
  reduceHashes,
  tilePath,
} from "../../spec/contract/record/index.ts";

/** A tile that is ready to be written. */
export interface Tile {
  readonly path: string;
  readonly bytes: Buffer;
}

/** A tile of 256 hashes, with the root of what is under it. */
export interface FullTile extends Tile {
  readonly root: Buffer;
}

/** Root of the perfect tree over hashes that are behind one another; their number is a power of two. */
export function perfectRoot(hashes: Uint8Array): Buffer {
  const work = Buffer.from(hashes);
  reduceHashes(work, work.length / HASH_BYTES);
  return work.subarray(0, HASH_BYTES);
}

/** A tile that is not yet full. */
interface OpenTile {
  readonly bytes: Buffer;
  count: number;
}

/**
 * The growing edge of an RFC 6962 tree, tile by tile: of each level only the tile that is not yet full is kept. Level n of a
 * tile holds roots of 256^n entries.
 */
export class TreeEdge {
  #size = 0;
  readonly #levels: OpenTile[] = [];

  get size(): number {
    return this.#size;
  }

  /** Takes up a tree of which the bytes of each level's partial tile are given, lowest first. */
  static restore(size: number, partials: readonly Uint8Array[]): TreeEdge {
    const tree = new TreeEdge();
    tree.#size = size;
    for (const [level, hashes] of partials.entries()) {
      const tile = tree.#tile(level);
      tile.bytes.set(hashes);
      tile.count = hashes.length / HASH_BYTES;
    }
    return tree;
  }

  #tile(level: number): OpenTile {
    return (this.#levels[level] ??= { bytes: Buffer.alloc(TILE_WIDTH * HASH_BYTES), count: 0 });
  }

  /** Adds a leaf's hash (it is copied); tiles that it fills are put into `full`. */
  add(hash: Uint8Array, full: { push(tile: FullTile): unknown }): void {
    const tile = this.#tile(0);
    tile.bytes.set(hash, tile.count * HASH_BYTES);
    this.#added(tile, full);
  }

  /** The same for a hash as a text of 32 characters, one for each byte: the form that costs least to get. */
  addBinary(hash: string, full: { push(tile: FullTile): unknown }): void {
    const tile = this.#tile(0);
    tile.bytes.write(hash, tile.count * HASH_BYTES, "binary");
    this.#added(tile, full);
  }

  #added(leaves: OpenTile, full: { push(tile: FullTile): unknown }): void {
    this.#size++;
    let tile = leaves;
    for (let level = 0; ++tile.count === TILE_WIDTH; level++) {
      const index = this.#size / TILE_WIDTH ** (level + 1) - 1;
      const root = perfectRoot(tile.bytes);
      full.push({ path: tilePath(level, index, TILE_WIDTH), bytes: Buffer.from(tile.bytes), root });
      tile.count = 0;
      tile = this.#tile(level + 1);
      tile.bytes.set(root, tile.count * HASH_BYTES);
    }
  }

  /** The tiles that are not yet full. */
  partialTiles(): readonly Tile[] {
    return this.#levels.flatMap((tile, level) => {
      if (tile.count === 0) return [];
      const index = Math.floor(this.#size / TILE_WIDTH ** (level + 1));
      const bytes = Buffer.from(tile.bytes.subarray(0, tile.count * HASH_BYTES));
      return [{ path: tilePath(level, index, tile.count), bytes }];
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
        if ((tile.count & width) === 0) continue;
        subtrees.push(perfectRoot(tile.bytes.subarray(at * HASH_BYTES, (at + width) * HASH_BYTES)));
        at += width;
      }
      assert(at === tile.count, "a tile's perfect subtrees cover it");
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
