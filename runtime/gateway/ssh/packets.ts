import type { Random } from "../../outside/index.ts";
import { PACKET_BYTES_MAX, SPARE_PACKETS_MAX } from "./limits.ts";
import { lend } from "./packet-memory.ts";

/** What ssh2 asks of that which seals its packets. */
export interface Sealer {
  outSeqno: number;
  free(): void;
  /** Room for a packet: its length and its padding stand in it, the payload's place is behind the fifth byte. */
  allocPacket(payload: number): Buffer;
  encrypt(packet: Buffer): void;
}

/** What ssh2 asks of that which opens packets. */
export interface Opener {
  inSeqno: number;
  /** Who takes payloads. ssh2 puts another in its place while keys are exchanged. */
  _onPayload: OnPayload;
  free(): void;
  /** Takes bytes; answers where to go on when behind a packet nothing is as it was before: new keys count there. */
  decrypt(bytes: Buffer, from: number, to: number): number | undefined;
}

/** Where ssh2 takes a packet's payload; anything but undefined ends the reading there. */
export type OnPayload = (payload: Buffer) => number | false | undefined;
export type Write = (bytes: Buffer) => void;

export const LENGTH_BYTES = 4;
export const TAG_BYTES = 16;
const PADDING_BYTES_MIN = 4;

/** Memory for packets that are not whole yet, which goes from one connection to the next. */
const spare: Buffer[] = [];

/** Opens packets that have a length in front, and a tag behind that vouches for both. */
export abstract class PacketOpener implements Opener {
  inSeqno: number;
  _onPayload: OnPayload;
  /** Of a packet that is not whole yet: what is there, and how long it is with everything; 0: not known yet. */
  #kept: Buffer | null = null;
  #here = 0;
  #whole = 0;

  constructor(seqno: number, onPayload: OnPayload) {
    this.inSeqno = seqno;
    this._onPayload = onPayload;
  }

  /** The length of what is between the first four bytes and the tag. */
  protected abstract lengthOf(head: Buffer): number;
  /** A multiple of so many bytes that length is. */
  protected abstract readonly block: number;
  /** What was sealed, from the byte on that tells the padding. Throws when the tag is of something else. */
  protected abstract open(head: Buffer, sealed: Buffer, tag: Buffer): Buffer;

  free(): void {
    this.#release();
  }

  #release(): void {
    if (this.#kept !== null && spare.length < SPARE_PACKETS_MAX) spare.push(this.#kept);
    this.#kept = null;
    this.#here = this.#whole = 0;
  }

  #measure(head: Buffer): number {
    const length = this.lengthOf(head);
    if (length > PACKET_BYTES_MAX || length < this.block || length % this.block !== 0)
      throw new Error("Bad packet length");
    return LENGTH_BYTES + length + TAG_BYTES;
  }

  decrypt(bytes: Buffer, from: number, to: number): number | undefined {
    let at = from;
    while (at < to) {
      let packet: Buffer;
      if (this.#here === 0 && to - at >= LENGTH_BYTES) {
        this.#whole = this.#measure(bytes.subarray(at, at + LENGTH_BYTES));
        if (to - at < this.#whole) return this.#keep(bytes, at, to);
        packet = bytes.subarray(at, at + this.#whole);
        at += this.#whole;
      } else {
        if (this.#whole === 0) {
          const more = Math.min(LENGTH_BYTES - this.#here, to - at);
          this.#keep(bytes, at, at + more);
          at += more;
          if (this.#here < LENGTH_BYTES) return undefined;
          this.#whole = this.#measure(this.#kept!.subarray(0, LENGTH_BYTES));
        }
        const more = Math.min(this.#whole - this.#here, to - at);
        this.#keep(bytes, at, at + more);
        at += more;
        if (this.#here < this.#whole) return undefined;
        packet = this.#kept!.subarray(0, this.#whole);
      }
      const ended = this.#take(packet);
      if (ended !== undefined) return ended === false ? at : ended;
    }
    return undefined;
  }

  #keep(bytes: Buffer, from: number, to: number): undefined {
    this.#kept ??= spare.pop() ?? Buffer.allocUnsafeSlow(LENGTH_BYTES + PACKET_BYTES_MAX + TAG_BYTES);
    bytes.copy(this.#kept, this.#here, from, to);
    this.#here += to - from;
  }

  #take(packet: Buffer): number | false | undefined {
    const end = packet.length - TAG_BYTES;
    const plain = this.open(packet.subarray(0, LENGTH_BYTES), packet.subarray(LENGTH_BYTES, end), packet.subarray(end));
    this.#release();
    const payload = plain.length - 1 - plain[0]!;
    if (payload < 0) throw new Error("Bad padding length");
    this.inSeqno = (this.inSeqno + 1) >>> 0;
    lend(plain);
    return this._onPayload(plain.subarray(1, 1 + payload));
  }
}

/** A packet of a channel's bytes is put together here: it is sealed before there is another one. */
const work = Buffer.allocUnsafeSlow(2 * PACKET_BYTES_MAX);
/** Nothing else that is sent is as long; two shorter packets may be there at once. */
const WORK_BYTES_MIN = 16 * 1024;
/** Padding is cut off pieces of so many bytes. */
const CHANCE_BYTES = 1024;

/** Hands out chance in small pieces. */
class Padding {
  readonly #random: Random;
  #bytes: Buffer = Buffer.alloc(0);
  #at = 0;

  constructor(random: Random) {
    this.#random = random;
  }

  fill(packet: Buffer, from: number): void {
    const count = packet.length - from;
    if (this.#at + count > this.#bytes.length) {
      this.#bytes = this.#random.bytes(CHANCE_BYTES);
      this.#at = 0;
    }
    this.#bytes.copy(packet, from, this.#at, (this.#at += count));
  }
}

/** Seals packets with a length in front and a tag behind. */
export abstract class PacketSealer implements Sealer {
  outSeqno: number;
  protected readonly write: Write;
  readonly #padding: Padding;
  #over = false;

  constructor(seqno: number, write: Write, random: Random) {
    this.outSeqno = seqno;
    this.write = write;
    this.#padding = new Padding(random);
  }

  protected abstract readonly block: number;
  protected abstract seal(packet: Buffer): void;

  free(): void {
    this.#over = true;
  }

  allocPacket(payload: number): Buffer {
    const filled = 1 + payload;
    let padding = this.block - (filled % this.block);
    if (padding < PADDING_BYTES_MIN) padding += this.block;
    const length = filled + padding;
    const whole = LENGTH_BYTES + length;
    const packet =
      payload < WORK_BYTES_MIN || whole > work.length ? Buffer.allocUnsafe(whole) : work.subarray(0, whole);
    packet.writeUInt32BE(length, 0);
    packet[4] = padding;
    this.#padding.fill(packet, LENGTH_BYTES + filled);
    return packet;
  }

  encrypt(packet: Buffer): void {
    if (this.#over) return;
    this.seal(packet);
    this.outSeqno = (this.outSeqno + 1) >>> 0;
  }
}
