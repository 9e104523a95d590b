/**
 * Memory of packets that is given back at once. What node:crypto and sockets hand out lies outside of JavaScript's heap;
 * left to the collector so much of it comes together with bulk data that the whole heap is searched many times a second,
 * and every packet gets cold memory.
 */

/** Below that the collector does not notice it. */
const BYTES_MIN = 4 * 1024;

/** Memory that holds one packet, or what was read at once, and nothing else. */
const lent = new WeakSet<ArrayBuffer>();

/** Says of bytes, if they fill their memory, that whoever is done with them last may give it back. */
export function lend(bytes: Buffer): void {
  const { buffer, length } = bytes;
  if (length >= BYTES_MIN && buffer.byteLength === length && buffer instanceof ArrayBuffer) lent.add(buffer);
}

/** Whoever calls this was the last to need the bytes, and the whole packet that they are of: they are empty from now on. */
export function giveBack(bytes: Buffer): void {
  const { buffer } = bytes;
  if (buffer instanceof ArrayBuffer && lent.delete(buffer)) buffer.transfer(0);
}
