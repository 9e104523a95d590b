import { err, ok, type Result } from "../../../base/result.ts";
import { FIELDS_MAX, HEAD_BYTES_MAX, METHOD_CHARS_MAX, TARGET_CHARS_MAX } from "./limits.ts";

/** A field of a head: its name in lower case, its value without white space around it, both Latin-1. */
export type Field = readonly [name: string, value: string];

export interface RequestHead {
  readonly method: string;
  readonly target: string;
  /** 1.0 or 1.1. */
  readonly minor: 0 | 1;
  readonly fields: readonly Field[];
}
export interface ResponseHead {
  readonly minor: 0 | 1;
  readonly status: number;
  readonly reason: string;
  readonly fields: readonly Field[];
}

/** Why a message can't be taken: the status that its sender is told (of a request), and in words. */
export interface HttpFault {
  readonly status: number;
  readonly why: string;
}

export const httpFault = (status: number, why: string): { readonly ok: false; readonly error: HttpFault } =>
  err({ status, why });

/** RFC 9110, section 5.6.2. */
const TOKEN = new Uint8Array(128);
for (const character of "!#$%&'*+-.^_`|~0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ")
  TOKEN[character.charCodeAt(0)] = 1;

export const isToken = (text: string): boolean => {
  for (let i = 0; i < text.length; i++) if (TOKEN[text.charCodeAt(i)] !== 1) return false;
  return text.length > 0;
};

const CR = 0x0d;
const LF = 0x0a;
const END = Buffer.from("\r\n\r\n");

/**
 * Where a head ends that begins at `start`: the place behind its empty line. 0 while it is not whole.
 *
 * @param looked bytes from `start` on in which the end was not found before
 */
export function headEnd(bytes: Buffer, start: number, end: number, looked: number): Result<number, HttpFault> {
  const found = bytes.subarray(0, end).indexOf(END, start + Math.max(0, looked - 3));
  if (found >= 0 && found + 4 - start <= HEAD_BYTES_MAX) return ok(found + 4);
  if (found >= 0 || end - start > HEAD_BYTES_MAX)
    return httpFault(431, `the head of the message is longer than ${HEAD_BYTES_MAX} bytes`);
  // Who ends lines with a bare line feed would wait for ever; who reads them as ends could be led past.
  for (let i = start + looked; i < end; i++)
    if (bytes[i] === LF && (i === start || bytes[i - 1] !== CR))
      return httpFault(400, "a line ends without carriage return");
  return ok(0);
}

/** Names in lower case, so that each is made once. Bounded: names that are not usual are not kept. */
const USUAL = new Map<string, string>();
for (const name of [
  "Host",
  "User-Agent",
  "Accept",
  "Accept-Encoding",
  "Accept-Language",
  "Accept-Ranges",
  "Authorization",
  "Cache-Control",
  "Connection",
  "Content-Encoding",
  "Content-Length",
  "Content-Type",
  "Cookie",
  "Date",
  "ETag",
  "Expires",
  "Keep-Alive",
  "Last-Modified",
  "Origin",
  "Proxy-Authorization",
  "Referer",
  "Sallyport-Authorization",
  "Sec-Fetch-Site",
  "Server",
  "Set-Cookie",
  "Transfer-Encoding",
  "Upgrade",
  "Vary",
  "X-Request-Id",
]) {
  USUAL.set(name, name.toLowerCase());
  USUAL.set(name.toLowerCase(), name.toLowerCase());
}

/** Lines of `text` from `at` on as fields. Folded lines, spaces before the colon and control characters are faults. */
function readFields(text: string, at: number): Result<readonly Field[], HttpFault> {
  const fields: Field[] = [];
  const end = text.length - 2;
  while (at < end) {
    const from = at;
    let code = text.charCodeAt(at);
    while (TOKEN[code] === 1) code = text.charCodeAt(++at);
    if (code !== 0x3a || at === from) {
      return httpFault(
        400,
        code === 0x20 || code === 0x09
          ? "a field's line is folded, or has a space before its colon"
          : "a field's name is not a token",
      );
    }
    const raw = text.slice(from, at);
    const name = USUAL.get(raw) ?? raw.toLowerCase();
    at++;
    while ((code = text.charCodeAt(at)) === 0x20 || code === 0x09) at++;
    const begin = at;
    let last = at;
    while ((code = text.charCodeAt(at)) !== CR) {
      if ((code < 0x20 && code !== 0x09) || code === 0x7f)
        return httpFault(400, `field ${name} holds a control character`);
      at++;
      if (code !== 0x20 && code !== 0x09) last = at;
    }
    if (text.charCodeAt(at + 1) !== LF) return httpFault(400, `field ${name} holds a carriage return`);
    if (fields.length >= FIELDS_MAX) return httpFault(431, `the message has more than ${FIELDS_MAX} fields`);
    fields.push([name, text.slice(begin, last)]);
    at += 2;
  }
  return ok(fields);
}

/**
 * Reads the head `[start, end)` of a request, to RFC 9112 and no milder: what two readers could read in two ways is a fault.
 * Framing and target are looked at elsewhere.
 */
export function readRequestHead(bytes: Buffer, start: number, end: number): Result<RequestHead, HttpFault> {
  const text = bytes.toString("latin1", start, end);
  let at = 0;
  let code = text.charCodeAt(0);
  while ((code >= 0x41 && code <= 0x5a) || code === 0x2d || code === 0x5f) code = text.charCodeAt(++at);
  if (at === 0 || code !== 0x20 || at > METHOD_CHARS_MAX)
    return httpFault(400, "the request does not begin with a method in capitals and one space");
  const method = text.slice(0, at);
  const from = ++at;
  while ((code = text.charCodeAt(at)) > 0x20 && code < 0x7f) at++;
  if (at - from > TARGET_CHARS_MAX)
    return httpFault(414, `the request's target is longer than ${TARGET_CHARS_MAX} characters`);
  const target = text.slice(from, at);
  if (target === "" || code !== 0x20)
    return httpFault(400, "the request line is not method, target and version with one space between");
  const version = text.slice(at + 1, at + 11);
  if (version !== "HTTP/1.1\r\n" && version !== "HTTP/1.0\r\n")
    return httpFault(/^HTTP\/\d/.test(version) ? 505 : 400, "the request is not HTTP/1.1 or HTTP/1.0");
  const fields = readFields(text, at + 11);
  if (!fields.ok) return fields;
  return ok({ method, target, minor: version[7] === "1" ? 1 : 0, fields: fields.value });
}

/** Reads the head `[start, end)` of a response, as strictly. */
export function readResponseHead(bytes: Buffer, start: number, end: number): Result<ResponseHead, HttpFault> {
  const text = bytes.toString("latin1", start, end);
  const minor = text.startsWith("HTTP/1.1 ") ? 1 : text.startsWith("HTTP/1.0 ") ? 0 : null;
  if (minor === null) return httpFault(502, "the answer does not begin with HTTP/1.1 or HTTP/1.0");
  const digits = text.slice(9, 12);
  if (!/^[1-5][0-9][0-9]$/.test(digits)) return httpFault(502, "the answer's status is not a number from 100 to 599");
  let at = 12;
  if (text.charCodeAt(at) === 0x20) at++;
  else if (text.charCodeAt(at) !== CR)
    return httpFault(502, "the answer's status line is not version, status and reason");
  const from = at;
  let code: number;
  while ((code = text.charCodeAt(at)) !== CR) {
    if ((code < 0x20 && code !== 0x09) || code === 0x7f)
      return httpFault(502, "the answer's reason holds a control character");
    at++;
  }
  if (text.charCodeAt(at + 1) !== LF) return httpFault(502, "the answer's reason holds a carriage return");
  const fields = readFields(text, at + 2);
  if (!fields.ok) return httpFault(502, fields.error.why);
  return ok({ minor, status: Number(digits), reason: text.slice(from, at), fields: fields.value });
}

/** A request's head as it is sent on. Every part must be of a parsed or own making: nothing is escaped here. */
export function writeRequestHead(method: string, target: string, fields: readonly Field[]): string {
  let text = `${method} ${target} HTTP/1.1\r\n`;
  for (const [name, value] of fields) text += `${name}: ${value}\r\n`;
  return `${text}\r\n`;
}

export function writeResponseHead(status: number, reason: string, fields: readonly Field[]): string {
  let text = `HTTP/1.1 ${status} ${reason}\r\n`;
  for (const [name, value] of fields) text += `${name}: ${value}\r\n`;
  return `${text}\r\n`;
}

/** The value of the field of that name; undefined when there is none. */
export function fieldOf(fields: readonly Field[], name: string): string | undefined {
  for (const field of fields) if (field[0] === name) return field[1];
  return undefined;
}
