import { err, ok, type Result } from "../../../base/result.ts";
import { COLUMNS_MAX, PARAMETERS_MAX } from "./limits.ts";
import { copyRun } from "./rows.ts";

/** What is wrong with the inside of a message whose length was right. */
export interface MalformedMessage {
  readonly what: string;
}

const malformed = (what: string): { readonly ok: false; readonly error: MalformedMessage } => err({ what });

/** Bounded reading of one message's body. A read past the end sets `broken` and gives zeros; ask once at the end. */
export class BodyReader {
  readonly #bytes: Buffer;
  #at: number;
  readonly #end: number;
  broken = false;

  constructor(bytes: Buffer, start: number, end: number) {
    this.#bytes = bytes;
    this.#at = start;
    this.#end = end;
  }

  get at(): number {
    return this.#at;
  }

  get left(): number {
    return this.#end - this.#at;
  }

  #take(count: number): number {
    const from = this.#at;
    if (count < 0 || count > this.#end - from) {
      this.broken = true;
      this.#at = this.#end;
      return -1;
    }
    this.#at = from + count;
    return from;
  }

  byte(): number {
    const at = this.#take(1);
    return at < 0 ? 0 : this.#bytes[at]!;
  }

  int16(): number {
    const at = this.#take(2);
    return at < 0 ? 0 : this.#bytes.readInt16BE(at);
  }

  uint16(): number {
    return this.int16() & 0xffff;
  }

  int32(): number {
    const at = this.#take(4);
    return at < 0 ? 0 : this.#bytes.readInt32BE(at);
  }

  /** The bytes before the next NUL; the NUL is consumed. */
  cbytes(): Buffer {
    const from = this.#at;
    const nul = this.#toNul();
    return nul < 0 ? EMPTY : this.#bytes.subarray(from, nul);
  }

  cstring(): string {
    const from = this.#at;
    const nul = this.#toNul();
    return nul <= from ? "" : this.#bytes.toString("utf8", from, nul);
  }

  /** As `cstring`, for the name of something: the same few come again and again. */
  name(): string {
    const from = this.#at;
    const nul = this.#toNul();
    return nul <= from ? "" : knownName(this.#bytes, from, nul);
  }

  /** Where the next NUL is, which is consumed; -1 when there is none. */
  #toNul(): number {
    const nul = this.#bytes.indexOf(0, this.#at);
    if (nul < 0 || nul >= this.#end) {
      this.broken = true;
      this.#at = this.#end;
      return -1;
    }
    this.#at = nul + 1;
    return nul;
  }

  bytes(count: number): Buffer {
    const at = this.#take(count);
    return at < 0 ? EMPTY : this.#bytes.subarray(at, at + count);
  }

  /** As `bytes`, in memory of its own. */
  copy(count: number): Buffer {
    const at = this.#take(count);
    if (at < 0) return EMPTY;
    const copied = Buffer.allocUnsafe(count);
    copyRun(this.#bytes, at, at + count, copied, 0);
    return copied;
  }

  /** The whole body was read, to its last byte and not past it. */
  get finished(): boolean {
    return !this.broken && this.#at === this.#end;
  }
}

const EMPTY = Buffer.alloc(0);

const NAME_BYTES = 32;
/** Names that were read last, each in the place that its first and last byte and its length give. */
const names: string[] = Array.from({ length: 256 }, () => "");

/** A name in UTF-8. One that was read before is not made again, if it is short and in ASCII. */
function knownName(bytes: Buffer, from: number, to: number): string {
  const length = to - from;
  if (length > NAME_BYTES) return bytes.toString("utf8", from, to);
  const slot = (bytes[from]! * 31 + bytes[to - 1]! * 7 + length) & 255;
  const known = names[slot]!;
  if (known.length === length) {
    let i = 0;
    // A unit of a name that is not ASCII is never equal to a byte below 128, and bytes above are not compared.
    while (i < length && bytes[from + i]! < 0x80 && known.charCodeAt(i) === bytes[from + i]) i++;
    if (i === length) return known;
  }
  const text = bytes.toString("utf8", from, to);
  names[slot] = text;
  return text;
}

export interface ParseFields {
  readonly name: string;
  readonly text: Buffer;
  /** Count and numbers of parameter types, as they came. */
  readonly types: Buffer;
}

/** Parse ('P'): statement name, text, count and numbers of parameter types. */
export function readParse(bytes: Buffer, start: number, end: number): Result<ParseFields, MalformedMessage> {
  const body = new BodyReader(bytes, start, end);
  const name = body.name();
  const text = body.cbytes();
  const typesAt = body.at;
  body.bytes(body.uint16() * 4);
  return body.finished ? ok({ name, text, types: bytes.subarray(typesAt, end) }) : malformed("Parse");
}

export interface BindFields {
  readonly portal: string;
  readonly statement: string;
  readonly parameterFormats: readonly number[];
  /** Null stands for SQL's NULL. Copies: they outlive the message. */
  readonly parameters: readonly (Buffer | null)[];
  readonly resultFormats: readonly number[];
}

const NO_FORMATS: readonly number[] = [];

function readFormats(body: BodyReader): readonly number[] {
  const count = body.uint16();
  if (count === 0) return NO_FORMATS;
  if (count * 2 > body.left) {
    body.broken = true;
    return NO_FORMATS;
  }
  const formats: number[] = [];
  for (let i = 0; i < count; i++) formats.push(body.int16());
  return formats;
}

/** Bind ('B'). */
export function readBind(bytes: Buffer, start: number, end: number): Result<BindFields, MalformedMessage> {
  const body = new BodyReader(bytes, start, end);
  const portal = body.name();
  const statement = body.name();
  const parameterFormats = readFormats(body);
  const count = body.uint16();
  if (count > PARAMETERS_MAX || count * 4 > body.left) return malformed("Bind");
  const parameters: (Buffer | null)[] = [];
  for (let i = 0; i < count; i++) {
    const length = body.int32();
    if (length < -1) return malformed("Bind");
    parameters.push(length === -1 ? null : body.copy(length));
  }
  const resultFormats = readFormats(body);
  const known = (format: number): boolean => format === 0 || format === 1;
  if (!body.finished || !parameterFormats.every(known) || !resultFormats.every(known)) return malformed("Bind");
  return ok({ portal, statement, parameterFormats, parameters, resultFormats });
}

export interface ExecuteFields {
  readonly portal: string;
  readonly rowsMax: number;
}

/** Execute ('E'). */
export function readExecute(bytes: Buffer, start: number, end: number): Result<ExecuteFields, MalformedMessage> {
  const body = new BodyReader(bytes, start, end);
  const portal = body.name();
  const rowsMax = body.int32();
  return body.finished ? ok({ portal, rowsMax }) : malformed("Execute");
}

export interface NamedFields {
  readonly what: "statement" | "portal";
  readonly name: string;
}

/** Describe ('D') and Close ('C') have one form: 'S' or 'P' and a name. */
export function readNamed(bytes: Buffer, start: number, end: number): Result<NamedFields, MalformedMessage> {
  const body = new BodyReader(bytes, start, end);
  const kind = body.byte();
  const name = body.name();
  if (!body.finished || (kind !== 0x53 && kind !== 0x50)) return malformed("Describe or Close");
  return ok({ what: kind === 0x53 ? "statement" : "portal", name });
}

export interface FieldDescription {
  readonly name: string;
  /** pg_class.oid and attribute number of the base column; 0 when the server does not name one. */
  readonly relation: number;
  readonly attribute: number;
  readonly type: number;
  readonly format: number;
}

/** RowDescription ('T'). */
export function readRowDescription(
  bytes: Buffer,
  start: number,
  end: number,
): Result<readonly FieldDescription[], MalformedMessage> {
  const body = new BodyReader(bytes, start, end);
  const count = body.uint16();
  if (count > COLUMNS_MAX) return malformed("RowDescription");
  const fields: FieldDescription[] = [];
  for (let i = 0; i < count && !body.broken; i++) {
    const name = body.name();
    const relation = body.int32() >>> 0;
    const attribute = body.int16();
    const type = body.int32() >>> 0;
    body.int16();
    body.int32();
    fields.push({ name, relation, attribute, type, format: body.int16() });
  }
  return body.finished ? ok(fields) : malformed("RowDescription");
}

/** The fields of an ErrorResponse or NoticeResponse by their one-letter codes. */
export function readReport(
  bytes: Buffer,
  start: number,
  end: number,
): Result<ReadonlyMap<string, string>, MalformedMessage> {
  const body = new BodyReader(bytes, start, end);
  const fields = new Map<string, string>();
  for (;;) {
    const code = body.byte();
    if (body.broken) return malformed("ErrorResponse or NoticeResponse");
    if (code === 0) break;
    fields.set(String.fromCharCode(code), body.cstring());
  }
  return body.finished ? ok(fields) : malformed("ErrorResponse or NoticeResponse");
}
