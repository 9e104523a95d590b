import { createCipheriv, createDecipheriv, type KeyObject } from "node:crypto";
import type { Random } from "../../outside/index.ts";
import { lend } from "./packet-memory.ts";
import { LENGTH_BYTES, PacketOpener, PacketSealer, type OnPayload, type Write } from "./packets.ts";

export type GcmName = "aes-128-gcm" | "aes-256-gcm";

export const isGcm = (name: unknown): name is GcmName => name === "aes-128-gcm" || name === "aes-256-gcm";

/** The second part of the number that no two packets under one key share (RFC 5647, section 7.1). */
function countUp(iv: Buffer): void {
  for (let i = 11; i >= 4; i--) {
    iv[i] = (iv[i]! + 1) & 0xff;
    if (iv[i] !== 0) return;
  }
}

/** AES-GCM as RFC 5647 and OpenSSH's PROTOCOL have it: the length is sent as it is, and vouched for. */
export class GcmOpener extends PacketOpener {
  protected readonly block = 16;
  readonly #name: GcmName;
  readonly #key: KeyObject;
  readonly #iv: Buffer;

  constructor(name: GcmName, key: KeyObject, iv: Buffer, seqno: number, onPayload: OnPayload) {
    super(seqno, onPayload);
    this.#name = name;
    this.#key = key;
    this.#iv = iv;
  }

  protected lengthOf(head: Buffer): number {
    return head.readUInt32BE(0);
  }

  protected open(head: Buffer, sealed: Buffer, tag: Buffer): Buffer {
    const decipher = createDecipheriv(this.#name, this.#key, this.#iv);
    decipher.setAAD(head);
    decipher.setAuthTag(tag);
    const plain = decipher.update(sealed);
    decipher.final();
    countUp(this.#iv);
    return plain;
  }
}

export class GcmSealer extends PacketSealer {
  protected readonly block = 16;
  readonly #name: GcmName;
  readonly #key: KeyObject;
  readonly #iv: Buffer;

  constructor(name: GcmName, key: KeyObject, iv: Buffer, seqno: number, write: Write, random: Random) {
    super(seqno, write, random);
    this.#name = name;
    this.#key = key;
    this.#iv = iv;
  }

  protected seal(packet: Buffer): void {
    const cipher = createCipheriv(this.#name, this.#key, this.#iv);
    const head = Buffer.from(packet.subarray(0, LENGTH_BYTES));
    cipher.setAAD(head);
    const sealed = cipher.update(packet.subarray(LENGTH_BYTES));
    cipher.final();
    lend(sealed);
    this.write(head);
    this.write(sealed);
    this.write(cipher.getAuthTag());
    countUp(this.#iv);
  }
}
