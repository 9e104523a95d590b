import { SPDY_CONTROL_BYTES_MAX } from "../limits.ts";
import { FieldsReader, FieldsWriter, type SpdyFields } from "./fields.ts";

/** Frames of SPDY/3.1 as Kubernetes' streams use them. */
export type SpdyFrame =
  /** A frame of data, or a piece of one: it is given on as it comes. */
  | { readonly kind: "data"; readonly stream: number; readonly fin: boolean; readonly data: Buffer }
  | {
      readonly kind: "syn_stream";
      readonly stream: number;
      readonly priority: number;
      readonly fin: boolean;
      readonly fields: SpdyFields;
    }
  | { readonly kind: "syn_reply"; readonly stream: number; readonly fin: boolean; readonly fields: SpdyFields }
  | { readonly kind: "rst_stream"; readonly stream: number; readonly status: number }
  | { readonly kind: "settings"; readonly clear: boolean; readonly entries: readonly SpdySetting[] }
  | { readonly kind: "ping"; readonly id: number }
  | { readonly kind: "goaway"; readonly last: number; readonly status: number }
  | { readonly kind: "window_update"; readonly stream: number; readonly delta: number };

export interface SpdySetting {
  readonly flags: number;
  readonly id: number;
  readonly value: number;
}

/** Types of control frames. `HEADERS` (8) has no use here, and `CREDENTIAL` (10) is gone in 3.1. */
const TYPE = { syn_stream: 1, syn_reply: 2, rst_stream: 3, settings: 4, ping: 6, goaway: 7, window_update: 9 } as const;
const VERSION = 3;
const FIN = 1;
/** Of SETTINGS: what was set before is forgotten. */
const CLEAR = 1;
const HEAD_BYTES = 8;
const LENGTH_MAX = 0xff_ffff;
const ID_MASK = 0x7fff_ffff;
/** Numbers of settings that there are (section 2.6.4), and of what a stream's end says (2.6.3). */
const SETTINGS_MAX = 8;
const RESET_MAX = 11;

/** Takes the bytes of one side apart, strictly. After a fault nothing more is read. */
export class SpdyReader {
  fault: string | null = null;
  readonly #fields = new FieldsReader();
  #rest: Buffer = Buffer.alloc(0);
  /** A frame of data of which more is to come. */
  #open: { readonly stream: number; readonly fin: boolean; left: number } | null = null;

  /** The frames, and pieces of data, that came with these bytes, in order. */
  push(chunk: Buffer): readonly SpdyFrame[] {
    const out: SpdyFrame[] = [];
    if (this.fault !== null) return out;
    let b = this.#rest.length === 0 ? chunk : Buffer.concat([this.#rest, chunk]);
    while (this.fault === null) {
      const size = this.#open === null ? this.#frame(b, out) : this.#piece(b, out);
      if (size === 0) break;
      b = b.subarray(size);
    }
    this.#rest = Buffer.from(b);
    return this.fault === null ? out : [];
  }

  #piece(b: Buffer, out: SpdyFrame[]): number {
    const open = this.#open!;
    const size = Math.min(open.left, b.length);
    if (size === 0 && open.left > 0) return 0;
    open.left -= size;
    const { stream, fin, left } = open;
    if (left === 0) this.#open = null;
    out.push({ kind: "data", stream, fin: fin && left === 0, data: Buffer.from(b.subarray(0, size)) });
    return size;
  }

  /** Reads one frame, or the head of one of data; its size, 0 when it is not there yet. */
  #frame(b: Buffer, out: SpdyFrame[]): number {
    if (b.length < HEAD_BYTES) return 0;
    const [first, flags, length] = [b.readUInt32BE(0), b[4]!, b.readUIntBE(5, 3)];
    if (first >>> 31 === 0) {
      if (first === 0) return this.#bad("data for the stream 0");
      if ((flags & ~FIN) !== 0) return this.#bad(`data with the unknown flags ${flags}`);
      if (length === 0) out.push({ kind: "data", stream: first, fin: flags === FIN, data: Buffer.alloc(0) });
      else this.#open = { stream: first, fin: flags === FIN, left: length };
      return HEAD_BYTES;
    }
    const [version, type] = [(first >>> 16) & 0x7fff, first & 0xffff];
    if (version !== VERSION) return this.#bad(`a frame of version ${version}`);
    if (length > SPDY_CONTROL_BYTES_MAX)
      return this.#bad(`a control frame is longer than ${SPDY_CONTROL_BYTES_MAX} bytes`);
    if (b.length < HEAD_BYTES + length) return 0;
    const read = this.#control(type, flags, b.subarray(HEAD_BYTES, HEAD_BYTES + length));
    if (typeof read === "string") return this.#bad(read);
    out.push(read);
    return HEAD_BYTES + length;
  }

  #bad(why: string): number {
    this.fault = why;
    return 0;
  }

  #control(type: number, flags: number, body: Buffer): SpdyFrame | string {
    const flagged = type === TYPE.syn_stream || type === TYPE.syn_reply || type === TYPE.settings;
    if ((flags & ~(flagged ? 1 : 0)) !== 0) return `a frame of type ${type} with the unknown flags ${flags}`;
    switch (type) {
      case TYPE.syn_stream:
      case TYPE.syn_reply:
        return this.#withFields(type, flags === FIN, body);
      case TYPE.settings:
        return settings(flags === CLEAR, body);
      case TYPE.ping:
        if (body.length !== 4) return "a PING of another length than 4";
        return { kind: "ping", id: body.readUInt32BE(0) };
      case TYPE.rst_stream:
      case TYPE.goaway:
      case TYPE.window_update: {
        if (body.length !== 8) return `a frame of type ${type} of another length than 8`;
        const [stream, value] = [body.readUInt32BE(0), body.readUInt32BE(4)];
        if (stream > ID_MASK) return `a frame of type ${type} has its reserved bit set`;
        if (type === TYPE.goaway) return { kind: "goaway", last: stream, status: value };
        if (type === TYPE.rst_stream)
          return value === 0 || value > RESET_MAX || stream === 0
            ? `a RST_STREAM with the unknown status ${value}`
            : { kind: "rst_stream", stream, status: value };
        if (value === 0 || value > ID_MASK) return "a WINDOW_UPDATE by nothing, or too much";
        return { kind: "window_update", stream, delta: value };
      }
      default:
        return `a frame of the unknown type ${type}`;
    }
  }

  #withFields(type: number, fin: boolean, body: Buffer): SpdyFrame | string {
    const head = type === TYPE.syn_stream ? 10 : 4;
    if (body.length < head) return "a frame is cut off";
    const stream = body.readUInt32BE(0);
    if (stream === 0 || stream > ID_MASK) return "a stream has no good number";
    const fields = this.#fields.read(body.subarray(head));
    if (typeof fields === "string") return fields;
    if (type === TYPE.syn_reply) return { kind: "syn_reply", stream, fin, fields };
    if (body.readUInt32BE(4) !== 0) return "a stream belongs to another, which has no meaning here";
    if ((body[8]! & 0x1f) !== 0 || body[9] !== 0) return "a stream has unused bits set, or a slot for credentials";
    return { kind: "syn_stream", stream, priority: body[8]! >>> 5, fin, fields };
  }
}

function settings(clear: boolean, body: Buffer): SpdyFrame | string {
  if (body.length < 4) return "a SETTINGS is cut off";
  const count = body.readUInt32BE(0);
  if (body.length !== 4 + count * 8) return "a SETTINGS has another length than its count says";
  const entries: SpdySetting[] = [];
  for (let at = 4; at < body.length; at += 8) {
    const [flags, id, value] = [body[at]!, body.readUIntBE(at + 1, 3), body.readUInt32BE(at + 4)];
    if (id === 0 || id > SETTINGS_MAX || flags > 3) return `a SETTINGS with the unknown number ${id}`;
    if (entries.some((one) => one.id === id)) return `a SETTINGS has the number ${id} twice`;
    entries.push({ flags, id, value });
  }
  return { kind: "settings", clear, entries };
}

/** Writes frames for one side, in the order they are sent. */
export class SpdyWriter {
  readonly #fields = new FieldsWriter();

  write(frame: SpdyFrame): Buffer {
    switch (frame.kind) {
      case "data":
        return data(frame.stream, frame.fin, frame.data);
      case "syn_stream": {
        const head = Buffer.alloc(10);
        head.writeUInt32BE(frame.stream, 0);
        head[8] = frame.priority << 5;
        return control(TYPE.syn_stream, frame.fin ? FIN : 0, head, this.#fields.write(frame.fields));
      }
      case "syn_reply":
        return control(TYPE.syn_reply, frame.fin ? FIN : 0, numbers(frame.stream), this.#fields.write(frame.fields));
      case "settings": {
        const entries = frame.entries.map(({ flags, id, value }) => numbers(flags * 0x100_0000 + id, value));
        return control(TYPE.settings, frame.clear ? CLEAR : 0, numbers(entries.length), ...entries);
      }
      case "ping":
        return control(TYPE.ping, 0, numbers(frame.id));
      case "rst_stream":
        return control(TYPE.rst_stream, 0, numbers(frame.stream, frame.status));
      case "goaway":
        return control(TYPE.goaway, 0, numbers(frame.last, frame.status));
      case "window_update":
        return control(TYPE.window_update, 0, numbers(frame.stream, frame.delta));
    }
  }
}

function data(stream: number, fin: boolean, bytes: Buffer): Buffer {
  const out: Buffer[] = [];
  let at = 0;
  do {
    const part = bytes.subarray(at, at + LENGTH_MAX);
    at += part.length;
    const head = Buffer.alloc(HEAD_BYTES);
    head.writeUInt32BE(stream, 0);
    head[4] = fin && at >= bytes.length ? FIN : 0;
    head.writeUIntBE(part.length, 5, 3);
    out.push(head, part);
  } while (at < bytes.length);
  return Buffer.concat(out);
}

function control(type: number, flags: number, ...parts: readonly Buffer[]): Buffer {
  const head = Buffer.alloc(HEAD_BYTES);
  head.writeUInt16BE(0x8000 | VERSION, 0);
  head.writeUInt16BE(type, 2);
  head[4] = flags;
  head.writeUIntBE(
    parts.reduce((sum, part) => sum + part.length, 0),
    5,
    3,
  );
  return Buffer.concat([head, ...parts]);
}

function numbers(...values: readonly number[]): Buffer {
  const out = Buffer.alloc(values.length * 4);
  for (const [i, value] of values.entries()) out.writeUInt32BE(value, i * 4);
  return out;
}
