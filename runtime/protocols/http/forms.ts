import { isUtf8 } from "node:buffer";
import { err, ok, type Result } from "../../../base/result.ts";
import { readMediaType } from "./fields.ts";
import { PARTS_MAX, PART_HEAD_BYTES_MAX } from "./limits.ts";
import { encodePairs, readPairs, type Target } from "./target.ts";

/** One part of a multipart body. */
export interface Part {
  readonly name: string;
  readonly filename: string | null;
  readonly contentType: string;
  /** Its head as it was, and its content. */
  readonly head: Buffer;
  readonly content: Buffer;
}

/** Reads `a=1&b=2` in UTF-8. */
export function readForm(body: Buffer): Result<Target["query"], string> {
  const text = body.toString("latin1");
  if (!/^[\x21-\x7e]*$/.test(text)) return err("the form is not encoded properly");
  const fields = readPairs(text, "form");
  return fields.ok ? fields : err(fields.error.why);
}

export const writeForm = (fields: Target["query"]): Buffer => Buffer.from(encodePairs(fields), "latin1");

/** What follows `boundary=`; null when it is missing or odd (RFC 2046, section 5.1.1). */
export function boundaryOf(parameters: ReadonlyMap<string, string>): string | null {
  const boundary = parameters.get("boundary");
  return boundary !== undefined && /^[A-Za-z0-9'()+_,./:=?-]{1,70}$/.test(boundary) ? boundary : null;
}

const CRLF2 = Buffer.from("\r\n\r\n");

/**
 * Takes a multipart body apart, strictly: lines end in CR LF, each part has one Content-Disposition with a name, no transfer
 * encoding, nothing before the first boundary or behind the last.
 */
export function readParts(body: Buffer, boundary: string): Result<readonly Part[], string> {
  const parts: Part[] = [];
  const first = Buffer.from(`--${boundary}`);
  const between = Buffer.from(`\r\n--${boundary}`);
  if (!body.subarray(0, first.length).equals(first)) return err("the multipart body does not begin with its boundary");
  let at = first.length;
  for (;;) {
    const line = body.toString("latin1", at, at + 4);
    if (line.startsWith("--")) {
      const rest = body.toString("latin1", at + 2);
      return rest === "" || rest === "\r\n" ? ok(parts) : err("there is more behind the multipart body");
    }
    if (!line.startsWith("\r\n")) return err("a boundary of the multipart body is not on a line of its own");
    if (parts.length >= PARTS_MAX) return err(`the multipart body has more than ${PARTS_MAX} parts`);
    at += 2;
    const headEnd = body.indexOf(CRLF2, at);
    if (headEnd < 0 || headEnd - at > PART_HEAD_BYTES_MAX)
      return err("a part of the multipart body has no head, or one too long");
    const end = body.indexOf(between, headEnd + 2);
    if (end < 0) return err("the multipart body does not end with its boundary");
    const part = readPart(body.subarray(at, headEnd), body.subarray(headEnd + 4, Math.max(headEnd + 4, end)));
    if (!part.ok) return part;
    parts.push(part.value);
    at = end + between.length;
  }
}

function readPart(head: Buffer, content: Buffer): Result<Part, string> {
  if (!isUtf8(head)) return err("the head of a part is not UTF-8");
  let name: string | null = null;
  let filename: string | null = null;
  let contentType = "text/plain";
  let typed = false;
  for (const line of head.toString("utf8").split("\r\n")) {
    const match = /^([A-Za-z-]+):[ \t]*([^\r\n\0]*)$/.exec(line);
    if (match === null) return err("the head of a part can't be read");
    const field = match[1]!.toLowerCase();
    if (field === "content-disposition") {
      const found = /^form-data;[ \t]*name="((?:[^"\\]|\\.)*)"(?:;[ \t]*filename="((?:[^"\\]|\\.)*)")?[ \t]*$/.exec(
        match[2]!,
      );
      if (found === null || name !== null)
        return err("a part's Content-Disposition is not form-data with one plain name");
      name = found[1]!;
      filename = found[2] ?? null;
    } else if (field === "content-type") {
      const media = readMediaType(match[2]!.trim());
      if (media === null || typed) return err("a part's Content-Type can't be read");
      typed = true;
      contentType = media.type;
    } else return err(`a part has the field ${field}, which is not taken`);
  }
  return name === null ? err("a part has no name") : ok({ name, filename, contentType, head, content });
}

/** A multipart body of these parts, with contents put in place. */
export function writeParts(
  parts: readonly { readonly head: Buffer; readonly content: Buffer }[],
  boundary: string,
): Buffer {
  const out: Buffer[] = [];
  for (const { head, content } of parts)
    out.push(Buffer.from(`--${boundary}\r\n`), head, CRLF2, content, Buffer.from("\r\n"));
  out.push(Buffer.from(`--${boundary}--\r\n`));
  return Buffer.concat(out);
}
