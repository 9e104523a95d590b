import { hash as oneShotHash } from "node:crypto";

/**
 * RFC 6962 hashes and the C2SP tlog-tiles layout: tiles of 256 hashes, bundles of 256 entries.
 * Source: RFC 6962 section 2.1, c2sp.org/tlog-tiles.
 */
export const TILE_WIDTH = 256;
export const HASH_BYTES = 32;

const hashBytes = (data: Uint8Array): Buffer => oneShotHash("sha256", data, "buffer");

/** SHA-256 over 0x00 and the entry: a leaf can never be passed off as a node. */
export function leafHash(entry: Uint8Array): Buffer {
  const data = Buffer.allocUnsafe(entry.length + 1);
  data[0] = 0;
  data.set(entry, 1);
  return hashBytes(data);
}

const node = Buffer.alloc(1 + 2 * HASH_BYTES);
node[0] = 1;

/** SHA-256 over 0x01 and both children. */
export function nodeHash(left: Uint8Array, right: Uint8Array): Buffer {
  node.set(left, 1);
  node.set(right, 33);
  return hashBytes(node);
}

/**
 * Replaces the hashes in `hashes` (so many, a power of two, behind one another) by those of their parents, over and over;
 * the last one is at its beginning. Without an object for each: a log hashes as many nodes as it has entries.
 */
export function reduceHashes(hashes: Buffer, count: number): void {
  for (let left = count / 2; left >= 1; left /= 2) {
    for (let i = 0; i < left; i++) {
      hashes.copy(node, 1, i * 2 * HASH_BYTES, (i + 1) * 2 * HASH_BYTES);
      hashes.write(oneShotHash("sha256", node, "binary"), i * HASH_BYTES, "binary");
    }
  }
}

/** Root of the empty tree. */
export const EMPTY_ROOT = hashBytes(Buffer.alloc(0));

/** `x001/x234/067`: groups of three digits, all but the last marked. */
export function tilePath(level: number | "entries", index: number, width: number): string {
  const digits = String(index).padStart(Math.max(3, Math.ceil(String(index).length / 3) * 3), "0");
  const groups = digits.match(/\d{3}/g)!;
  const path = groups.map((group, i) => (i < groups.length - 1 ? `x${group}` : group)).join("/");
  return `tile/${level}/${path}${width < TILE_WIDTH ? `.p/${width}` : ""}`;
}

/** The entries of a bundle, or undefined when the lengths don't come out. */
export function decodeEntries(bytes: Buffer): readonly Buffer[] | undefined {
  const entries: Buffer[] = [];
  let at = 0;
  while (at < bytes.length) {
    if (at + 2 > bytes.length) return undefined;
    const length = bytes.readUInt16BE(at);
    if (at + 2 + length > bytes.length) return undefined;
    entries.push(bytes.subarray(at + 2, at + 2 + length));
    at += 2 + length;
  }
  return entries;
}
