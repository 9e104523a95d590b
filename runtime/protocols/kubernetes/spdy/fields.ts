import { constants, inflateRawSync } from "node:zlib";
import { SPDY_CONTROL_BYTES_MAX, SPDY_FIELDS_MAX } from "../limits.ts";
import { DICTIONARY, DICTIONARY_ID } from "./dictionary.ts";

/** Fields of a stream by their names, which are in lower case. */
export type SpdyFields = ReadonlyMap<string, string>;

/** How far back a reference of deflate reaches. */
const WINDOW = 32 * 1024;
/** Method, window and a flag that a dictionary was set, and its number (RFC 1950). */
const HEAD_BYTES = 6;
const HAS_DICTIONARY = 0x20;
/** An empty piece as it stands: what is before it has been given out whole (`Z_SYNC_FLUSH`). */
const FLUSHED = Buffer.from([0, 0, 0xff, 0xff]);
const NAME = /^[a-z0-9!#$%&'*+.^_`|~-]+$/;

/**
 * Unpacks the blocks of fields that one side sends, in their order: they are one compressed text, flushed at each block's
 * end. Every block is unpacked by itself, with what came before as its dictionary.
 */
export class FieldsReader {
  #before: Buffer | null = null;

  /** The fields of the next block; in words why they can't be read. */
  read(block: Buffer): SpdyFields | string {
    let packed = block;
    if (this.#before === null) {
      if (block.length < HEAD_BYTES) return "a block of fields is cut off";
      const [method, flags] = [block[0]!, block[1]!];
      if ((method & 0x0f) !== 8 || block.readUInt16BE(0) % 31 !== 0 || (flags & HAS_DICTIONARY) === 0)
        return "a block of fields is not compressed as SPDY/3 has it";
      if (block.readUInt32BE(2) !== DICTIONARY_ID) return "a block of fields is compressed by another dictionary";
      packed = block.subarray(HEAD_BYTES);
    }
    const before = this.#before ?? DICTIONARY;
    if (!packed.subarray(-FLUSHED.length).equals(FLUSHED)) return "a block of fields is cut off";
    let plain: Buffer;
    try {
      plain = inflateRawSync(packed, {
        dictionary: before,
        finishFlush: constants.Z_SYNC_FLUSH,
        maxOutputLength: SPDY_CONTROL_BYTES_MAX,
      });
    } catch {
      return "a block of fields can't be unpacked, or is too long";
    }
    this.#before = Buffer.concat([before, plain]).subarray(-WINDOW);
    return fieldsOf(plain);
  }
}

/** A block as it stands unpacked: a count, then names and values behind their lengths. */
function fieldsOf(b: Buffer): SpdyFields | string {
  const out = new Map<string, string>();
  if (b.length < 4) return "a block of fields is cut off";
  const count = b.readUInt32BE(0);
  if (count > SPDY_FIELDS_MAX) return `a block has more than ${SPDY_FIELDS_MAX} fields`;
  let at = 4;
  const text = (): string | null => {
    if (b.length < at + 4) return null;
    const length = b.readUInt32BE(at);
    at += 4;
    if (length > b.length - at) return null;
    at += length;
    return b.toString("latin1", at - length, at);
  };
  for (let i = 0; i < count; i++) {
    const [name, value] = [text(), text()];
    if (name === null || value === null) return "a block of fields is cut off";
    if (!NAME.test(name)) return `a field has the name ${JSON.stringify(name.slice(0, 64))}`;
    if (out.has(name)) return `the field ${name} is there twice`;
    // A zero byte stands between several values of one field.
    if (/[\0-\x1f\x7f]/.test(value)) return `the field ${name} has several values, or one that is no text`;
    out.set(name, value);
  }
  return at === b.length ? out : "bytes stand behind a block's fields";
}

/** Packs blocks of fields for one side. Nothing is shortened: the text stands in pieces as it is, which every reader takes. */
export class FieldsWriter {
  #begun = false;

  write(fields: SpdyFields): Buffer {
    const parts: Buffer[] = [number(fields.size)];
    for (const pair of fields)
      for (const text of pair) {
        const bytes = Buffer.from(text, "latin1");
        parts.push(number(bytes.length), bytes);
      }
    const plain = Buffer.concat(parts);
    const out: Buffer[] = [];
    if (!this.#begun) out.push(Buffer.from([0x78, 0xbb]), number(DICTIONARY_ID));
    this.#begun = true;
    for (let at = 0; at < plain.length; at += 0xffff) out.push(piece(plain.subarray(at, at + 0xffff)));
    out.push(Buffer.from([0]), FLUSHED);
    return Buffer.concat(out);
  }
}

/** A stored block of deflate (RFC 1951, section 3.2.4). */
function piece(bytes: Buffer): Buffer {
  const head = Buffer.alloc(5);
  head.writeUInt16LE(bytes.length, 1);
  head.writeUInt16LE(bytes.length ^ 0xffff, 3);
  return Buffer.concat([head, bytes]);
}

function number(value: number): Buffer {
  const out = Buffer.alloc(4);
  out.writeUInt32BE(value, 0);
  return out;
}
