import { createHash } from "node:crypto";
import { isUtf8 } from "node:buffer";
import { CONTROL_FRAME_BYTES_MAX, FRAME_BYTES_MAX, MESSAGE_BYTES_MAX } from "./limits.ts";

export const OPCODE = { continuation: 0, text: 1, binary: 2, close: 8, ping: 9, pong: 10 } as const;

/** What the other side must answer to a key (RFC 6455, section 4.2.2). */
export const acceptOf = (key: string): string =>
  createHash("sha1").update(`${key}258EAFA5-E914-47DA-95CA-C5AB0DC85B11`).digest("base64");

export const isWebSocketKey = (key: string): boolean => /^[A-Za-z0-9+/]{22}==$/.test(key);

/** A whole message, or a control frame. */
export interface WebSocketMessage {
  readonly opcode: number;
  readonly data: Buffer;
}

/**
 * Takes frames apart and puts messages together (RFC 6455), strictly: no extension bits, the mask that the side must set,
 * shortest lengths, control frames whole, text in UTF-8. A message that is too long is a fault.
 */
export class WebSocketReader {
  fault: string | null = null;
  readonly #masked: boolean;
  #rest: Buffer = Buffer.alloc(0);
  #pieces: Buffer[] = [];
  #opcode = 0;
  #bytes = 0;

  /** `masked`: the frames are a client's. */
  constructor(masked: boolean) {
    this.#masked = masked;
  }

  /** The messages and control frames that are whole with these bytes, in order. */
  push(chunk: Buffer): readonly WebSocketMessage[] {
    const out: WebSocketMessage[] = [];
    if (this.fault !== null) return out;
    let b = this.#rest.length === 0 ? chunk : Buffer.concat([this.#rest, chunk]);
    for (;;) {
      const size = this.#frame(b, out);
      if (size <= 0) break;
      b = b.subarray(size);
    }
    this.#rest = Buffer.from(b);
    return this.fault === null ? out : [];
  }

  /** Reads one frame; its size, 0 when it is not whole, -1 when there is a fault. */
  #frame(b: Buffer, out: WebSocketMessage[]): number {
    const bad = (why: string): number => {
      this.fault = why;
      return -1;
    };
    if (b.length < 2) return 0;
    const [first, second] = [b[0]!, b[1]!];
    const final = (first & 0x80) !== 0;
    const opcode = first & 15;
    if ((first & 0x70) !== 0) return bad("a frame uses an extension that was not agreed on");
    if (((second & 0x80) !== 0) !== this.#masked)
      return bad(this.#masked ? "a client's frame is not masked" : "a server's frame is masked");
    const control = opcode >= 8;
    if (![0, 1, 2, 8, 9, 10].includes(opcode)) return bad(`a frame has the unknown code ${opcode}`);
    let length = second & 127;
    let at = 2;
    if (length === 126) {
      if (b.length < 4) return 0;
      length = b.readUInt16BE(2);
      if (length < 126) return bad("a frame's length is not written in its shortest form");
      at = 4;
    } else if (length === 127) {
      if (b.length < 10) return 0;
      if (b.readUInt32BE(2) !== 0) return bad(`a frame is longer than ${FRAME_BYTES_MAX} bytes`);
      length = b.readUInt32BE(6);
      if (length < 65_536) return bad("a frame's length is not written in its shortest form");
      at = 10;
    }
    if (control && (!final || length > CONTROL_FRAME_BYTES_MAX)) return bad("a control frame is in parts or too long");
    if (!control && this.#bytes + length > MESSAGE_BYTES_MAX)
      return bad(`a message is longer than ${MESSAGE_BYTES_MAX} bytes`);
    const key = this.#masked ? at : -1;
    if (this.#masked) at += 4;
    if (b.length < at + length) return 0;
    const data = Buffer.from(b.subarray(at, at + length));
    if (key >= 0) for (let i = 0; i < length; i++) data[i]! ^= b[key + (i & 3)]!;
    const size = at + length;
    if (control) {
      if (opcode === OPCODE.close && (length === 1 || !isUtf8(data.subarray(2))))
        return bad("a frame that ends the conversation can't be read");
      out.push({ opcode, data });
      return size;
    }
    if ((opcode === OPCODE.continuation) !== this.#opcode > 0)
      return bad("a frame goes on with a message that did not begin, or begins one too early");
    if (opcode !== OPCODE.continuation) this.#opcode = opcode;
    this.#pieces.push(data);
    this.#bytes += length;
    if (!final) return this.#pieces.length > 10_000 ? bad("a message is in too many parts") : size;
    const whole = this.#pieces.length === 1 ? data : Buffer.concat(this.#pieces);
    if (this.#opcode === OPCODE.text && !isUtf8(whole)) return bad("a text message is not UTF-8");
    out.push({ opcode: this.#opcode, data: whole });
    this.#pieces = [];
    this.#opcode = 0;
    this.#bytes = 0;
    return size;
  }
}

/** One frame with a whole message. `key`: four bytes that mask it, of a client's frame; null of a server's. */
export function webSocketFrame(opcode: number, data: Buffer, key: Buffer | null): Buffer {
  const { length } = data;
  const extended = length < 126 ? 0 : length < 65_536 ? 2 : 8;
  const head = 2 + extended + (key === null ? 0 : 4);
  const out = Buffer.allocUnsafe(head + length);
  out[0] = 0x80 | opcode;
  out[1] = (key === null ? 0 : 0x80) | (extended === 0 ? length : extended === 2 ? 126 : 127);
  if (extended === 2) out.writeUInt16BE(length, 2);
  else if (extended === 8) out.writeBigUInt64BE(BigInt(length), 2);
  if (key === null) data.copy(out, head);
  else {
    key.copy(out, head - 4);
    for (let i = 0; i < length; i++) out[head + i] = data[i]! ^ key[i & 3]!;
  }
  return out;
}

/** What a frame that ends the conversation says (RFC 6455, section 7.4): its code, if it has one, and its reason. */
export const readClose = (data: Buffer): { readonly code: number | null; readonly reason: string } =>
  data.length < 2 ? { code: null, reason: "" } : { code: data.readUInt16BE(0), reason: data.toString("utf8", 2) };

/** The data of such a frame. A reason that is too long is cut behind a whole letter. */
export function closeData(code: number, reason: string): Buffer {
  const text = Buffer.from(reason);
  let end = Math.min(text.length, CONTROL_FRAME_BYTES_MAX - 2);
  while (end < text.length && (text[end]! & 0xc0) === 0x80) end--;
  const data = Buffer.allocUnsafe(2 + end);
  data.writeUInt16BE(code, 0);
  text.copy(data, 2, 0, end);
  return data;
}

/** A whole frame that ends the conversation. */
export const closeFrame = (code: number, reason: string, key: Buffer | null): Buffer =>
  webSocketFrame(OPCODE.close, closeData(code, reason), key);
