import { ok, type Result } from "../../../base/result.ts";
import { httpFault, type Field, type HttpFault } from "./head.ts";

/** How a body's end is told. `length`: after so many bytes; `close`: when the connection ends, of answers only. */
export type Framing =
  | { readonly kind: "none" }
  | { readonly kind: "length"; readonly bytes: number }
  | { readonly kind: "chunked" }
  | { readonly kind: "close" };

const NONE: Framing = { kind: "none" };
const CHUNKED: Framing = { kind: "chunked" };
const CLOSE: Framing = { kind: "close" };
const LENGTH = /^(0|[1-9][0-9]{0,14})$/;

interface Stated {
  readonly length: number | null;
  readonly chunked: boolean;
}

/** What the fields say of the length, when they say it once and in one way. */
function stated(fields: readonly Field[], status: number): Result<Stated, HttpFault> {
  let length: number | null = null;
  let chunked = false;
  for (const [name, value] of fields) {
    if (name === "content-length") {
      if (length !== null) return httpFault(status, "Content-Length is given twice");
      if (!LENGTH.test(value)) return httpFault(status, "Content-Length is not a plain number");
      length = Number(value);
    } else if (name === "transfer-encoding") {
      if (chunked) return httpFault(status, "Transfer-Encoding is given twice");
      if (value.toLowerCase() !== "chunked")
        return httpFault(status === 400 ? 501 : status, "Transfer-Encoding is something else than chunked");
      chunked = true;
    }
  }
  if (chunked && length !== null) return httpFault(status, "both Content-Length and Transfer-Encoding are given");
  return ok({ length, chunked });
}

/** How long a request's body is. A body on a method that has none is refused: servers differ in whether they read it. */
export function requestFraming(method: string, minor: 0 | 1, fields: readonly Field[]): Result<Framing, HttpFault> {
  const found = stated(fields, 400);
  if (!found.ok) return found;
  const { length, chunked } = found.value;
  if (chunked && minor === 0) return httpFault(400, "Transfer-Encoding is given in HTTP/1.0");
  if (!chunked && (length === null || length === 0)) return ok(length === null ? NONE : { kind: "length", bytes: 0 });
  if (method === "GET" || method === "HEAD" || method === "OPTIONS")
    return httpFault(400, `a ${method} with a body is not taken, for servers differ in whether they read it`);
  return ok(chunked ? CHUNKED : { kind: "length", bytes: length! });
}

/** How long the body of an answer to `method` is (RFC 9112, section 6.3). */
export function responseFraming(
  method: string,
  status: number,
  minor: 0 | 1,
  fields: readonly Field[],
): Result<Framing, HttpFault> {
  const found = stated(fields, 502);
  if (!found.ok) return found;
  const { length, chunked } = found.value;
  if (chunked && minor === 0) return httpFault(502, "Transfer-Encoding is given in HTTP/1.0");
  if (method === "HEAD" || status === 204 || status === 304 || status < 200) return ok(NONE);
  if (chunked) return ok(CHUNKED);
  return ok(length === null ? CLOSE : { kind: "length", bytes: length });
}
