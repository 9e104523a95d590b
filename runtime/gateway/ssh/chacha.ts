import { createCipheriv, timingSafeEqual, type KeyObject } from "node:crypto";
import { createRequire } from "node:module";
import type { Random } from "../../outside/index.ts";
import { lend } from "./packet-memory.ts";
import { LENGTH_BYTES, PacketOpener, PacketSealer, TAG_BYTES, type OnPayload, type Write } from "./packets.ts";

/** ssh2's Poly1305 in WebAssembly. Numbers are places in its memory. */
interface Poly1305 {
  readonly HEAPU8: Uint8Array;
  _malloc(bytes: number): number;
  _free(at: number): void;
  /** The tag of two texts, one behind the other. */
  _poly1305_auth(
    tag: number,
    first: number,
    firstBytes: number,
    second: number,
    secondBytes: number,
    key: number,
  ): void;
}

const KEY_BYTES = 32;
const TEXT_BYTES = 64 * 1024;

/** Makes the tags of packets. */
export class Tagger {
  readonly #poly: Poly1305;
  readonly #tag: number;
  readonly #key: number;
  #text: number;
  #textBytes = TEXT_BYTES;

  constructor(poly: Poly1305) {
    this.#poly = poly;
    this.#tag = poly._malloc(TAG_BYTES);
    this.#key = poly._malloc(KEY_BYTES);
    this.#text = poly._malloc(TEXT_BYTES);
  }

  /** The tag of a packet's length and what is sealed. It stands there only until the next one is made. */
  of(key: Buffer, head: Buffer, sealed: Buffer): Buffer {
    const bytes = head.length + sealed.length;
    if (bytes > this.#textBytes) {
      this.#poly._free(this.#text);
      this.#text = this.#poly._malloc(bytes);
      this.#textBytes = bytes;
    }
    const { HEAPU8: memory } = this.#poly;
    memory.set(key.subarray(0, KEY_BYTES), this.#key);
    memory.set(head, this.#text);
    memory.set(sealed, this.#text + head.length);
    this.#poly._poly1305_auth(this.#tag, this.#text, bytes, this.#text, 0, this.#key);
    return Buffer.from(memory.buffer, memory.byteOffset + this.#tag, TAG_BYTES);
  }
}

/** Null where ssh2 does not have it in its place. */
export const tagger: Tagger | null = await (async () => {
  try {
    const make = createRequire(import.meta.url)("ssh2/lib/protocol/crypto/poly1305.js") as () => Promise<Poly1305>;
    return new Tagger(await make());
  } catch {
    return null;
  }
})();

/** One block of the key stream: the first is the tag's key, and what is sealed begins with the second. */
const BLOCK = Buffer.alloc(64);

/** A packet's number is what makes its key stream its own. */
function numbered(nonce: Buffer, seqno: number): Buffer {
  nonce.writeUInt32BE(seqno, 12);
  return nonce;
}

/** ChaCha20-Poly1305 as OpenSSH has it (PROTOCOL.chacha20poly1305): the length has a key of its own. */
export class ChaChaOpener extends PacketOpener {
  protected readonly block = 8;
  readonly #main: KeyObject;
  readonly #length: KeyObject;
  readonly #tagger: Tagger;
  readonly #nonce = Buffer.alloc(16);

  constructor(main: KeyObject, length: KeyObject, made: Tagger, seqno: number, onPayload: OnPayload) {
    super(seqno, onPayload);
    this.#main = main;
    this.#length = length;
    this.#tagger = made;
  }

  protected lengthOf(head: Buffer): number {
    const nonce = numbered(this.#nonce, this.inSeqno);
    return createCipheriv("chacha20", this.#length, nonce).update(head).readUInt32BE(0);
  }

  protected open(head: Buffer, sealed: Buffer, tag: Buffer): Buffer {
    const cipher = createCipheriv("chacha20", this.#main, numbered(this.#nonce, this.inSeqno));
    const right = this.#tagger.of(cipher.update(BLOCK), head, sealed);
    if (!timingSafeEqual(right, tag)) throw new Error("Invalid MAC");
    return cipher.update(sealed);
  }
}

export class ChaChaSealer extends PacketSealer {
  protected readonly block = 8;
  readonly #main: KeyObject;
  readonly #length: KeyObject;
  readonly #tagger: Tagger;
  readonly #nonce = Buffer.alloc(16);

  constructor(main: KeyObject, length: KeyObject, made: Tagger, seqno: number, write: Write, random: Random) {
    super(seqno, write, random);
    this.#main = main;
    this.#length = length;
    this.#tagger = made;
  }

  protected seal(packet: Buffer): void {
    const nonce = numbered(this.#nonce, this.outSeqno);
    const head = createCipheriv("chacha20", this.#length, nonce).update(packet.subarray(0, LENGTH_BYTES));
    const cipher = createCipheriv("chacha20", this.#main, nonce);
    const key = cipher.update(BLOCK);
    const sealed = cipher.update(packet.subarray(LENGTH_BYTES));
    lend(sealed);
    this.write(head);
    this.write(sealed);
    this.write(Buffer.from(this.#tagger.of(key, head, sealed)));
  }
}
