import { randomBytes } from "node:crypto";
import { EventEmitter } from "node:events";
import { createRequire } from "node:module";
import * as fc from "fast-check";
import { beforeAll, describe, expect, it } from "vitest";
import { systemRandom, type Socket } from "../../outside/index.ts";
import { giveBack, lend } from "./packet-memory.ts";
import type { OnPayload, Opener, Sealer } from "./packets.ts";
import { quicken } from "./quicken.ts";

/** ssh2's own ciphers, without its addon. */
const ssh2 = createRequire(import.meta.url)("ssh2/lib/protocol/crypto.js") as {
  readonly init: Promise<void>;
  readonly CIPHER_INFO: Record<string, { readonly keyLen: number; readonly ivLen: number }>;
  createCipher(config: object): Sealer;
  createDecipher(config: object): Opener;
};
const CIPHERS = ["aes128-gcm@openssh.com", "aes256-gcm@openssh.com", "chacha20-poly1305@openssh.com"];

class TestSocket extends EventEmitter {
  corked = 0;
  writes = 0;
  writableLength = 0;
  cork(): void {
    this.corked++;
  }
  uncork(): void {
    if (--this.corked === 0) this.writes++;
  }
}

/** Both ends of one direction: what is sealed as ssh2 or as we do it, and what is opened. */
class Way {
  readonly socket = new TestSocket();
  readonly wire: Buffer[] = [];
  readonly got: Buffer[] = [];
  readonly inner: { readonly _protocol: { _cipher: Sealer; _decipher: Opener } };

  constructor(name: string, seqno = 0) {
    const info = ssh2.CIPHER_INFO[name]!;
    const [key, iv] = [randomBytes(info.keyLen), randomBytes(info.ivLen)];
    const write = (bytes: Buffer): unknown => this.wire.push(bytes);
    const outbound = { seqno, forceNative: true, onWrite: write, cipherInfo: info };
    const inbound = { seqno, forceNative: true, decipherInfo: info };
    this.inner = {
      _protocol: {
        _cipher: ssh2.createCipher({ outbound: { ...outbound, cipherKey: key, cipherIV: Buffer.from(iv) } }),
        _decipher: ssh2.createDecipher({
          inbound: { ...inbound, decipherKey: key, decipherIV: Buffer.from(iv), onPayload: this.take },
        }),
      },
    };
  }

  readonly take: OnPayload = (payload) => void this.got.push(Buffer.from(payload));

  quicken(): void {
    quicken(this.inner, this.socket as unknown as Socket, systemRandom);
  }

  get sealer(): Sealer {
    return this.inner._protocol._cipher;
  }
  get opener(): Opener {
    return this.inner._protocol._decipher;
  }

  /** Seals it, and answers what goes over the wire. */
  seal(payload: Buffer, sealer = this.sealer): Buffer {
    const packet = sealer.allocPacket(payload.length);
    payload.copy(packet, 5);
    sealer.encrypt(packet);
    return Buffer.concat(this.wire.splice(0));
  }
}

const SIZES = [1, 2, 7, 8, 9, 15, 16, 17, 100, 4096, 16 * 1024 - 1, 16 * 1024, 32 * 1024 + 9, 34_000];
const payloadOf = (size: number): Buffer => randomBytes(size);

describe("packets as ssh2 has them, sealed and opened faster", () => {
  beforeAll(() => ssh2.init);

  it.each(CIPHERS)("%s: what we seal, ssh2 opens", (name) => {
    const way = new Way(name, 2 ** 32 - 5);
    const opener = way.opener;
    way.quicken();
    expect(way.opener).not.toBe(opener);
    const sent = SIZES.map(payloadOf);
    for (const payload of sent) {
      const bytes = way.seal(payload);
      opener.decrypt(bytes, 0, bytes.length);
    }
    expect(way.got).toEqual(sent);
    expect(way.sealer.outSeqno).toBe(opener.inSeqno);
  });

  it.each(CIPHERS)("%s: what ssh2 seals, we open, in whatever pieces it comes", (name) => {
    fc.assert(
      fc.property(
        fc.array(fc.constantFrom(...SIZES), { minLength: 1, maxLength: 5 }),
        fc.array(fc.oneof(fc.integer({ min: 1, max: 30 }), fc.integer({ min: 1, max: 70_000 })), { minLength: 1 }),
        (sizes, pieces) => {
          const way = new Way(name);
          const sealer = way.sealer;
          way.quicken();
          const sent = sizes.map(payloadOf);
          const all = Buffer.concat(sent.map((payload) => way.seal(payload, sealer)));
          for (let at = 0, i = 0; at < all.length; i++) {
            const piece = Buffer.from(all.subarray(at, at + pieces[i % pieces.length]!));
            at += piece.length;
            expect(way.opener.decrypt(piece, 0, piece.length)).toBe(undefined);
            // What was read is given back at once.
            piece.fill(0xa5);
          }
          expect(way.got).toEqual(sent);
          expect(way.opener.inSeqno).toBe(sealer.outSeqno);
        },
      ),
      { numRuns: 40 },
    );
  });

  it.each(CIPHERS)(
    "%s: a packet of which a bit was changed, or that comes twice, ends it and hands nothing over",
    (name) => {
      fc.assert(
        fc.property(fc.nat({ max: 199 }), fc.nat({ max: 7 }), (place, bit) => {
          const way = new Way(name);
          const sealer = way.sealer;
          way.quicken();
          const first = way.seal(Buffer.from("first"), sealer);
          way.opener.decrypt(first, 0, first.length);
          const second = way.seal(randomBytes(150), sealer);
          const at = place % second.length;
          second[at] = second[at]! ^ (1 << bit);
          // A length that was changed may ask for more bytes than there are.
          const more = Buffer.concat([second, Buffer.alloc(36_000)]);
          expect(() => way.opener.decrypt(more, 0, more.length)).toThrow();
          expect(way.got).toEqual([Buffer.from("first")]);
          const again = new Way(name);
          const own = again.sealer;
          again.quicken();
          const one = again.seal(Buffer.from("first"), own);
          again.opener.decrypt(one, 0, one.length);
          const twice = Buffer.concat([one, Buffer.alloc(36_000)]);
          expect(() => again.opener.decrypt(twice, 0, twice.length)).toThrow();
          expect(again.got).toHaveLength(1);
        }),
        { numRuns: 60 },
      );
    },
  );

  it.each([0, 8, 17, 35_008, 0xffff_fff0])("a length of %i ends it before more of the packet is there", (length) => {
    const way = new Way("aes128-gcm@openssh.com");
    way.quicken();
    const head = Buffer.alloc(4);
    head.writeUInt32BE(length);
    way.opener.decrypt(head, 0, 3);
    expect(() => way.opener.decrypt(head, 3, 4)).toThrow("Bad packet length");
  });

  it("goes on where new keys begin, and hands over to whom ssh2 puts in the place of the other", () => {
    const way = new Way("aes128-gcm@openssh.com");
    const sealer = way.sealer;
    way.quicken();
    const bytes = Buffer.concat(["a", "b", "c"].map((text) => way.seal(Buffer.from(text), sealer)));
    const third = bytes.length / 3;
    way.opener._onPayload = (payload) => (payload.toString() === "b" ? false : way.take(payload));
    const at = way.opener.decrypt(bytes, 0, bytes.length);
    expect(at).toBe(2 * third);
    way.opener._onPayload = way.take;
    way.opener.decrypt(bytes, at!, bytes.length);
    expect(way.got.map(String)).toEqual(["a", "c"]);
  });

  it("leaves what it does not know, and an opener that has begun with a packet", () => {
    const odd = { _cipher: { encrypt: 1 }, _decipher: { decrypt: 1 } };
    quicken({ _protocol: odd }, new TestSocket() as unknown as Socket, systemRandom);
    expect(odd).toEqual({ _cipher: { encrypt: 1 }, _decipher: { decrypt: 1 } });
    quicken({}, new TestSocket() as unknown as Socket, systemRandom);
    for (const name of CIPHERS) {
      const way = new Way(name);
      const [sealer, opener] = [way.sealer, way.opener];
      const bytes = way.seal(Buffer.from("in two pieces"), sealer);
      opener.decrypt(bytes, 0, 2);
      way.quicken();
      expect(way.opener).toBe(opener);
      const read = Buffer.allocUnsafeSlow(8192);
      way.socket.emit("data", read);
      expect(read).toHaveLength(8192);
      opener.decrypt(bytes, 2, bytes.length);
      expect(way.got.map(String)).toEqual(["in two pieces"]);
    }
  });

  it("writes what is sealed in one moment at once, and gives its memory back when it is written", async () => {
    const way = new Way("aes128-gcm@openssh.com");
    way.quicken();
    const { sealer, socket, wire } = way;
    const held = (): number => wire.reduce((sum, { length }) => sum + length, 0);
    const sealTwo = (): void => {
      for (let i = 0; i < 2; i++) sealer.encrypt(sealer.allocPacket(20_000));
    };
    sealTwo();
    expect(socket.corked).toBe(1);
    expect(held()).toBeGreaterThan(40_000);
    await Promise.resolve();
    expect(socket).toMatchObject({ corked: 0, writes: 1 });
    expect(held()).toBeLessThan(100);
    socket.writableLength = 1;
    sealTwo();
    await Promise.resolve();
    expect(held()).toBeGreaterThan(40_000);
  });

  it("gives back what was read once the packets in it are opened", () => {
    const way = new Way("chacha20-poly1305@openssh.com");
    way.quicken();
    way.quicken();
    expect(way.socket.listenerCount("data")).toBe(1);
    const read = Buffer.allocUnsafeSlow(8192);
    way.socket.emit("data", read);
    expect(read).toHaveLength(0);
  });

  it("gives memory back that holds nothing else, and no other", () => {
    const own = Buffer.allocUnsafeSlow(8192);
    const part = Buffer.allocUnsafeSlow(16_384).subarray(0, 8192);
    const pooled = Buffer.from("small");
    const strange = Buffer.allocUnsafeSlow(8192);
    for (const bytes of [own, part, pooled]) lend(bytes);
    for (const bytes of [own.subarray(10, 20), part, pooled, strange]) giveBack(bytes);
    expect([own.length, part.length, pooled.length, strange.length]).toEqual([0, 8192, 5, 8192]);
  });
});
