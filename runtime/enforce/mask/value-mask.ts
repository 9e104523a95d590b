import { createHmac } from "node:crypto";
import type { MaskSpec } from "../../../spec/contract/bundle/index.ts";
import { unreachable } from "../../../base/assert.ts";

/** What `write` answers when the value is to be NULL. */
export const TO_NULL = -1;

/**
 * Turns one value into its masked form, bytes to bytes, without allocating. Values are the text form of a textual type
 * (UTF-8), which in PostgreSQL is the binary form too.
 */
export interface ValueMask {
  readonly spec: MaskSpec;
  /** The most bytes that `write` puts out for a value of `bytes` bytes. */
  bound(bytes: number): number;
  /** Writes the masked form of `source[start, end)` at `out[at]`; answers the place after it, or `TO_NULL`. */
  write(source: Uint8Array, start: number, end: number, out: Uint8Array, at: number): number;
}

const STAR = 0x2a;
const AT = 0x40;
const DOT = 0x2e;
/** How many stars stand for the hidden part: always the same, so that the length is not told. */
const STARS = 3;

const isContinuation = (byte: number): boolean => (byte & 0xc0) === 0x80;

function putStars(out: Uint8Array, at: number): number {
  for (let i = 0; i < STARS; i++) out[at + i] = STAR;
  return at + STARS;
}

function put(source: Uint8Array, start: number, end: number, out: Uint8Array, at: number): number {
  for (let i = start; i < end; i++) out[at++] = source[i]!;
  return at;
}

/** Where the first `keep` characters end. */
function afterFirst(source: Uint8Array, start: number, end: number, keep: number): number {
  let at = start;
  for (let kept = 0; kept < keep && at < end; kept++) {
    at++;
    while (at < end && isContinuation(source[at]!)) at++;
  }
  return at;
}

/** Where the last `keep` characters begin. */
function beforeLast(source: Uint8Array, start: number, end: number, keep: number): number {
  let at = end;
  for (let kept = 0; kept < keep && at > start; kept++) {
    at--;
    while (at > start && isContinuation(source[at]!)) at--;
  }
  return at;
}

const withStars = (bytes: number): number => bytes + STARS;

function redact(spec: MaskSpec): ValueMask {
  return { spec, bound: () => STARS, write: (_source, _start, _end, out, at) => putStars(out, at) };
}

/** The first character of the name and the last label of the domain: `a***@***.com`. Without an `@`: all hidden. */
function email(spec: MaskSpec): ValueMask {
  return {
    spec,
    bound: (bytes) => bytes + 2 * STARS + 2,
    write(source, start, end, out, at) {
      let sign = -1;
      for (let i = end - 1; i >= start; i--) {
        if (source[i] === AT) {
          sign = i;
          break;
        }
      }
      if (sign <= start) return putStars(out, at);
      let dot = -1;
      for (let i = end - 1; i > sign; i--) {
        if (source[i] === DOT) {
          dot = i;
          break;
        }
      }
      // A name of one character would be shown whole, so it shows nothing.
      const shown = afterFirst(source, start, sign, 1);
      if (shown < sign) at = put(source, start, shown, out, at);
      at = putStars(out, at);
      out[at++] = AT;
      at = putStars(out, at);
      return dot > sign ? put(source, dot, end, out, at) : at;
    },
  };
}

/** Keeps at most `keep` characters at one end; a value not longer than that is hidden whole. */
function edge(spec: MaskSpec): ValueMask {
  const keep = Number(spec.args[0]);
  const atStart = spec.kind === "first";
  return {
    spec,
    bound: withStars,
    write(source, start, end, out, at) {
      if (atStart) {
        const shown = afterFirst(source, start, end, keep);
        if (shown < end) at = put(source, start, shown, out, at);
        return putStars(out, at);
      }
      const shown = beforeLast(source, start, end, keep);
      at = putStars(out, at);
      return shown > start ? put(source, shown, end, out, at) : at;
    },
  };
}

const HASH_BYTES = 16;
const HEX = new TextEncoder().encode("0123456789abcdef");

/** HMAC-SHA-256 under the gateway's key, the first 16 bytes in hex: equal values stay equal, so joins keep working. */
function keyedHash(spec: MaskSpec, key: Uint8Array): ValueMask {
  return {
    spec,
    bound: () => HASH_BYTES * 2,
    write(source, start, end, out, at) {
      const digest = createHmac("sha256", key).update(source.subarray(start, end)).digest();
      for (let i = 0; i < HASH_BYTES; i++) {
        out[at++] = HEX[digest[i]! >> 4]!;
        out[at++] = HEX[digest[i]! & 15]!;
      }
      return at;
    },
  };
}

/** Any value becomes NULL: what every type and format allows. */
export function nullMask(spec: MaskSpec): ValueMask {
  return { spec, bound: () => 0, write: () => TO_NULL };
}

/** The mask of a specification for textual values. `hashKey` is the gateway's own, at least 16 bytes. */
export function textMask(spec: MaskSpec, hashKey: Uint8Array): ValueMask {
  switch (spec.kind) {
    case "null":
      return nullMask(spec);
    case "redact":
      return redact(spec);
    case "email":
      return email(spec);
    case "first":
    case "last":
      return edge(spec);
    case "hash":
      return keyedHash(spec, hashKey);
    default:
      return unreachable(spec.kind);
  }
}
