import { KEY_BLOCK_BYTES_MAX } from "../limits.ts";
import { MORE, NO, YES, alphabet, type Candidate, type Verdict, type Verify } from "./candidate.ts";

const HEADER_BYTES_MAX = 80;
/** What a key's block is made of: base64, headers, line ends, and line ends as JSON and shells write them. */
const BODY = alphabet("0-9A-Za-z+/=:,;._() \r\n\t\\\"'-");

const text = (bytes: Uint8Array, from: number, to: number): string => {
  let out = "";
  for (let i = from; i < to; i++) out += String.fromCharCode(bytes[i]!);
  return out;
};

const HEADER = /^-----BEGIN [A-Z0-9 ]*PRIVATE KEY(?: BLOCK)?-----/;
const HEADER_BEGUN = /^-----B(?:E(?:G(?:I(?:N(?: [A-Z0-9 ]*-{0,5})?)?)?)?)?$/;

/** A PEM or OpenPGP block whose `-----B` ends at `at`; it goes on to the end of its last line, or as far as it can be a key. */
export function verifyPem(bytes: Uint8Array, _start: number, at: number, end: number, out: Candidate): Verdict {
  const from = at - 5;
  const head = text(bytes, from, Math.min(end, from + HEADER_BYTES_MAX));
  const header = HEADER.exec(head);
  out.from = from;
  if (header === null) return !out.final && head.length < HEADER_BYTES_MAX && HEADER_BEGUN.test(head) ? MORE : NO;
  let i = from + header[0].length;
  const stop = Math.min(end, from + KEY_BLOCK_BYTES_MAX);
  let dashes = 0;
  for (; i < stop; i++) {
    const byte = bytes[i]!;
    dashes = byte === 0x2d ? dashes + 1 : 0;
    if (dashes === 5 && i + 4 < stop && text(bytes, i + 1, i + 4) === "END") {
      // The last line ends with five dashes of its own.
      for (i += 4; i < stop && bytes[i] !== 0x2d && bytes[i] !== 0x0a; i++);
      for (let more = 0; more < 5 && i < stop && bytes[i] === 0x2d; more++) i++;
      if (i < end || out.final) {
        out.to = i;
        return YES;
      }
      break;
    }
    if (BODY[byte] !== 1) break;
  }
  if (i >= end && !out.final) return MORE;
  out.to = i;
  out.tail = BODY;
  return YES;
}

const PUTTY = "PuTTY-User-Key-File-";
/** PuTTY's own form, to its last line. */
export function verifyPutty(bytes: Uint8Array, _start: number, at: number, end: number, out: Candidate): Verdict {
  const from = at - 5;
  out.from = from;
  const head = text(bytes, from, Math.min(end, from + PUTTY.length));
  if (head !== PUTTY) return !out.final && PUTTY.startsWith(head) ? MORE : NO;
  let i = from + PUTTY.length;
  const stop = Math.min(end, from + KEY_BLOCK_BYTES_MAX);
  const last = "Private-MAC: ";
  for (; i < stop && BODY[bytes[i]!] === 1; i++) {
    if (bytes[i] !== 0x50 || text(bytes, i, Math.min(stop, i + last.length)) !== last) continue;
    for (i += last.length; i < stop && bytes[i] !== 0x0a && bytes[i] !== 0x0d; i++);
    break;
  }
  if (i >= end && !out.final) return MORE;
  out.to = i;
  out.tail = BODY;
  return YES;
}

const AGE = "AGE-SECRET-KEY-1";
const AGE_REST = 58;
const BECH32 = alphabet("0-9A-Z");
export const verifyAge: Verify = (bytes, _start, at, end, out) => {
  const from = at - 5;
  out.from = from;
  const head = text(bytes, from, Math.min(end, from + AGE.length));
  if (head !== AGE) return !out.final && AGE.startsWith(head) ? MORE : NO;
  let i = from + AGE.length;
  for (; i < end && i < from + AGE.length + AGE_REST && BECH32[bytes[i]!] === 1; i++);
  if (i < from + AGE.length + AGE_REST) return i >= end && !out.final ? MORE : NO;
  out.to = i;
  return YES;
};
