import { HASH_BYTES, TILE_WIDTH, nodeHash, tilePath } from "../../spec/contract/record/index.ts";
import type { LogReader } from "./store.ts";
import { perfectRoot } from "./tree.ts";

/** Root of the entries from `start` to before `end`: what proofs are made of. */
export type RangeRoot = (start: number, end: number) => Promise<Buffer>;

/** A tile that a proof needs is missing or has a wrong length. */
export class TileMissing extends Error {
  override readonly name = "TileMissing";
}

/** The largest power of two below `n`, for n of at least 2. */
function splitPoint(n: number): number {
  let k = 1;
  while (k * 2 < n) k *= 2;
  return k;
}

function isPowerOfTwo(n: number): boolean {
  let k = 1;
  while (k < n) k *= 2;
  return k === n;
}

/**
 * Roots of ranges out of the tiles of a log of `size`: some log₂ n files are read.
 *
 * @throws TileMissing
 */
export function rangeRoots(reader: LogReader, size: number): RangeRoot {
  const read = async (level: number, index: number): Promise<Buffer> => {
    const count = Math.floor(size / TILE_WIDTH ** level);
    const width = Math.min(TILE_WIDTH, count - index * TILE_WIDTH);
    const path = tilePath(level, index, width);
    const bytes = (await reader.read(path)) ?? (await reader.read(tilePath(level, index, TILE_WIDTH)));
    if (bytes === null || bytes.length < width * HASH_BYTES)
      throw new TileMissing(`${path} is missing or has a wrong length`);
    return bytes;
  };
  const root: RangeRoot = async (start, end) => {
    const count = end - start;
    if (isPowerOfTwo(count) && start % count === 0) {
      const level = Math.floor(Math.log2(count) / 8);
      const unit = TILE_WIDTH ** level;
      const hashes = await read(level, Math.floor(start / unit / TILE_WIDTH));
      const at = (start / unit) % TILE_WIDTH;
      return perfectRoot(hashes.subarray(at * HASH_BYTES, (at + count / unit) * HASH_BYTES));
    }
    const split = splitPoint(count);
    return nodeHash(await root(start, start + split), await root(start + split, end));
  };
  return root;
}

/** RFC 6962 section 2.1.1: the hashes that lead from entry `index` to the root of `size` entries, lowest first. */
export async function inclusionProof(index: number, size: number, root: RangeRoot): Promise<readonly Buffer[]> {
  const path = async (start: number, end: number): Promise<Buffer[]> => {
    if (end - start === 1) return [];
    const middle = start + splitPoint(end - start);
    return index < middle
      ? [...(await path(start, middle)), await root(middle, end)]
      : [...(await path(middle, end)), await root(start, middle)];
  };
  return path(0, size);
}

/** RFC 6962 section 2.1.2: shows that a log of `older` entries is the beginning of one of `newer`. */
export async function consistencyProof(older: number, newer: number, root: RangeRoot): Promise<readonly Buffer[]> {
  const path = async (count: number, start: number, end: number, whole: boolean): Promise<Buffer[]> => {
    if (count === end - start) return whole ? [] : [await root(start, end)];
    const split = splitPoint(end - start);
    return count <= split
      ? [...(await path(count, start, start + split, whole)), await root(start + split, end)]
      : [...(await path(count - split, start + split, end, false)), await root(start, start + split)];
  };
  return older === 0 ? [] : path(older, 0, newer, true);
}

/** RFC 9162 section 2.1.3.2. */
export function verifyInclusion(
  leaf: Buffer,
  index: number,
  size: number,
  proof: readonly Buffer[],
  root: Buffer,
): boolean {
  if (index >= size) return false;
  let [fn, sn, hash] = [index, size - 1, leaf];
  for (const other of proof) {
    if (sn === 0) return false;
    if (fn % 2 === 1 || fn === sn) {
      hash = nodeHash(other, hash);
      while (fn % 2 === 0 && fn !== 0) [fn, sn] = [fn / 2, Math.floor(sn / 2)];
    } else hash = nodeHash(hash, other);
    [fn, sn] = [Math.floor(fn / 2), Math.floor(sn / 2)];
  }
  return sn === 0 && hash.equals(root);
}

/** RFC 9162 section 2.1.4.2. */
export function verifyConsistency(
  older: number,
  newer: number,
  proof: readonly Buffer[],
  olderRoot: Buffer,
  newerRoot: Buffer,
): boolean {
  if (older > newer) return false;
  if (older === newer) return proof.length === 0 && olderRoot.equals(newerRoot);
  if (older === 0) return proof.length === 0;
  const path = isPowerOfTwo(older) ? [olderRoot, ...proof] : [...proof];
  const first = path.shift();
  if (first === undefined) return false;
  let [fn, sn] = [older - 1, newer - 1];
  while (fn % 2 === 1) [fn, sn] = [Math.floor(fn / 2), Math.floor(sn / 2)];
  let [oldHash, newHash] = [first, first];
  for (const other of path) {
    if (sn === 0) return false;
    if (fn % 2 === 1 || fn === sn) {
      oldHash = nodeHash(other, oldHash);
      newHash = nodeHash(other, newHash);
      while (fn % 2 === 0 && fn !== 0) [fn, sn] = [fn / 2, Math.floor(sn / 2)];
    } else newHash = nodeHash(newHash, other);
    [fn, sn] = [Math.floor(fn / 2), Math.floor(sn / 2)];
  }
  return sn === 0 && oldHash.equals(olderRoot) && newHash.equals(newerRoot);
}

/** An entry's proof as a file of its own (c2sp.org/tlog-proof): index, path and the checkpoint, checked without the log. */
export function proofFile(index: number, proof: readonly Buffer[], checkpoint: string): string {
  const hashes = proof.map((hash) => `${hash.toString("base64")}\n`).join("");
  return `c2sp.org/tlog-proof@v1\nindex ${index}\n${hashes}\n${checkpoint}`;
}
