import { err, ok, type Result } from "../../../base/result.ts";
import { COLUMNS_MAX, PARAMETERS_MAX } from "./limits.ts";

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
    const nul = this.#bytes.indexOf(0, this.#at);
    if (nul < 0 || nul >= this.#end) {
      this.broken = true;
      this.#at = this.#end;
      return EMPTY;
    }
    const found = this.#bytes.subarray(this.#at, nul);
    this.#at = nul + 1;
    return found;
  }

  cstring(): string {
    return this.cbytes().toString("utf8");
  }

  bytes(count: number): Buffer {
    const at = this.#take(count);
    return at < 0 ? EMPTY : this.#bytes.subarray(at, at + count);
  }

  /** The whole body was read, to its last byte and not past it. */
  get finished(): boolean {
    return !this.broken && this.#at === this.#end;
  }
}

const EMPTY = Buffer.alloc(0);

export interface ParseFields {
  readonly name: string;
  readonly text: Buffer;
  /** Count and numbers of parameter types, as they came. */
  readonly types: Buffer;
}

/** Parse ('P'): statement name, text, count and numbers of parameter types. */
export function readParse(bytes: Buffer, start: number, end: number): Result<ParseFields, MalformedMessage> {
  const body = new BodyReader(bytes, start, end);
  const name = body.cstring();
  const text = body.cbytes();
  const typesAt = body.at;
  body.bytes(body.uint16() * 4);
  return body.finished ? ok({ name, text, types: bytes.subarray(typesAt, end) }) : malformed("Parse");
}

export interface BindFields {
  readonly portal: string;
  readonly statement: string;
  readonly parameterFormats: readonly number[];
  /** Null stands for SQL's NULL. Views of the message: copy what outlives it. */
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
  const portal = body.cstring();
  const statement = body.cstring();
  const parameterFormats = readFormats(body);
  const count = body.uint16();
  if (count > PARAMETERS_MAX || count * 4 > body.left) return malformed("Bind");
  const parameters: (Buffer | null)[] = [];
  for (let i = 0; i < count; i++) {
    const length = body.int32();
    if (length < -1) return malformed("Bind");
    parameters.push(length === -1 ? null : body.bytes(length));
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
  const portal = body.cstring();
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
  const name = body.cstring();
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
    const name = body.cstring();
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
