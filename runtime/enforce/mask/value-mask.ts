import { createHmac } from "node:crypto";
import type { MaskSpec } from "../../../spec/contract/bundle/index.ts";
import { unreachable } from "../../../base/assert.ts";
import { toNetwork } from "./addresses.ts";
import { truncateDate, type DateUnit } from "./dates.ts";
import { INTEGER_MAX, ZERO, type Family } from "./families.ts";
import { FormatPreserving } from "./format-preserving.ts";
import { JsonMasker, jsonPaths } from "./json-path.ts";
import { onGrid } from "./numbers.ts";
import { secretsOf, type MaskSecrets } from "./secrets.ts";

/** What `write` answers when the value is to be NULL. */
export const TO_NULL = -1;

/**
 * Turns one value into its masked form, bytes to bytes, without allocating. Values are the text form of a textual type
 * (UTF-8), which in PostgreSQL is the binary form too.
 */
export interface ValueMask {
  readonly spec: MaskSpec;
  /** Whether the value is changed at all; left out where every value is. Asked directly before `write`. */
  readonly touches?: (source: Uint8Array, start: number, end: number) => boolean;
  /** NULL is hidden like a value: `write` is asked for an empty one. Left out: NULL stays NULL. */
  readonly hidesNull?: true;
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

/**
 * The first character of the name and the last label of the domain: `a***@***.com`. Without an `@`: all hidden. What stands
 * behind the last dot is shown only where it looks like a top-level domain, for it may be anything.
 */
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
      let dot = end - 1;
      while (dot > sign && isLetter(source[dot]!)) dot--;
      const letters = end - 1 - dot;
      if (source[dot] !== DOT || letters < TOP_LABEL_MIN || letters > TOP_LABEL_MAX) dot = -1;
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

/** Top-level domains are of letters; those of other scripts (`xn--…`) are hidden. */
const TOP_LABEL_MIN = 2;
const TOP_LABEL_MAX = 24;
const isLetter = (byte: number): boolean => (byte | 0x20) >= 0x61 && (byte | 0x20) <= 0x7a;

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

/** Shows at most `first` characters in front and `last` at the end; a value that would show no hidden part is hidden whole. */
function partial(spec: MaskSpec): ValueMask {
  const [first, last] = spec.args.map(Number) as [number, number];
  return {
    spec,
    bound: withStars,
    write(source, start, end, out, at) {
      const left = afterFirst(source, start, end, first);
      const right = beforeLast(source, start, end, last);
      if (left >= right) return putStars(out, at);
      at = putStars(out, put(source, start, left, out, at));
      return put(source, right, end, out, at);
    },
  };
}

/** Beyond the value itself, what a transformed text may take. */
const GROWTH_BYTES = 64;

/**
 * A mask over the value's text; what `transform` does not take (null) becomes NULL, or stars where any text may stand.
 */
function overText(spec: MaskSpec, otherwise: "null" | "stars", transform: (text: string) => string | null): ValueMask {
  return {
    spec,
    bound: (bytes) => bytes + GROWTH_BYTES,
    write(source, start, end, out, at) {
      const text = Buffer.from(source.buffer, source.byteOffset + start, end - start).toString("latin1");
      let found: string | null;
      try {
        found = transform(text);
      } catch {
        // A vault that can't be written, a number that can't be taken: nothing of the value is shown.
        found = null;
      }
      if (found === null || found.length > end - start + GROWTH_BYTES)
        return otherwise === "null" ? TO_NULL : putStars(out, at);
      for (let i = 0; i < found.length; i++) out[at++] = found.charCodeAt(i);
      return at;
    },
  };
}

function token(spec: MaskSpec, { tokens }: MaskSecrets): ValueMask {
  return overText(spec, "stars", (text) => tokens?.tokenFor(Buffer.from(text, "latin1")) ?? null);
}

function json(spec: MaskSpec, otherwise: "null" | "stars"): ValueMask {
  const paths = jsonPaths(String(spec.args[0]));
  // A path that can't be read names nothing, so nothing may be shown.
  if (paths === null) return otherwise === "null" ? nullMask(spec) : redact(spec);
  const masker = new JsonMasker(paths);
  return {
    spec,
    // The shortest value, one digit, becomes five bytes.
    bound: (bytes) => bytes * 5 + STARS,
    write(source, start, end, out, at) {
      const after = masker.write(source, start, end, out, at);
      if (after >= 0) return after;
      return otherwise === "null" ? TO_NULL : putStars(out, at);
    },
  };
}

const grid = (spec: MaskSpec, text: string): string | null =>
  onGrid(text, Number(spec.args[0]), spec.kind === "bucket" ? "bucket" : "round");
const truncated = (spec: MaskSpec, text: string): string | null => truncateDate(text, spec.args[0] as DateUnit);
const generalised = (spec: MaskSpec, text: string): string | null =>
  toNetwork(text, Number(spec.args[0]), Number(spec.args[1]));

/** The mask of a specification for textual values. `secrets`: the gateway's key alone where there are no tokens. */
export function textMask(spec: MaskSpec, secrets: Uint8Array | MaskSecrets): ValueMask {
  const { hashKey } = secretsOf(secrets);
  switch (spec.kind) {
    case "null":
      return nullMask(spec);
    case "redact":
    case "full":
      return redact(spec);
    case "email":
      return email(spec);
    case "first":
    case "last":
      return edge(spec);
    case "partial":
      return partial(spec);
    case "hash":
      return keyedHash(spec, hashKey);
    case "token":
      return token(spec, secretsOf(secrets));
    case "format": {
      const preserving = new FormatPreserving(hashKey);
      return overText(spec, "stars", (text) => preserving.text(text));
    }
    case "date":
      return overText(spec, "stars", (text) => truncated(spec, text));
    case "round":
    case "bucket":
      return overText(spec, "stars", (text) => grid(spec, text));
    case "network":
      return overText(spec, "stars", (text) => generalised(spec, text));
    case "json":
      return json(spec, "stars");
    default:
      return unreachable(spec.kind);
  }
}

const NUMBERS: ReadonlySet<Family> = new Set(["int2", "int4", "int8", "decimal", "float"]);
const DATES: ReadonlySet<Family> = new Set(["date", "timestamp", "timestamptz"]);
const HASH_DIGITS = 18;

/**
 * The mask of a specification for values of a family, in text form. What is masked stays of its family; where a mask has no such
 * form, the value becomes NULL, which every type can say: no made-up number or date could be told from a real one.
 */
export function familyMask(spec: MaskSpec, family: Family, secrets: Uint8Array | MaskSecrets): ValueMask {
  if (family === "text") return textMask(spec, secrets);
  const { hashKey } = secretsOf(secrets);
  const otherwise = (transform: (text: string) => string | null): ValueMask => overText(spec, "null", transform);
  switch (spec.kind) {
    case "full": {
      const zero = ZERO[family];
      return zero === null ? nullMask(spec) : otherwise(() => zero);
    }
    case "hash":
      return familyHash(spec, family, hashKey);
    case "format": {
      const preserving = new FormatPreserving(hashKey);
      const max = family === "decimal" ? 10n ** 300n : INTEGER_MAX[family];
      return max === undefined ? nullMask(spec) : otherwise((text) => preserving.integer(text, max));
    }
    case "date":
      return DATES.has(family) ? otherwise((text) => truncated(spec, text)) : nullMask(spec);
    case "round":
    case "bucket": {
      if (!NUMBERS.has(family)) return nullMask(spec);
      const max = INTEGER_MAX[family];
      return otherwise((text) => {
        const found = grid(spec, text);
        if (found === null || max === undefined) return found;
        const value = BigInt(found);
        return value > max || value < -max - 1n ? null : found;
      });
    }
    case "network":
      return family === "address" || family === "network"
        ? otherwise((text) => generalised(spec, text))
        : nullMask(spec);
    case "json":
      return family === "json" || family === "jsonb" ? json(spec, "null") : nullMask(spec);
    default:
      return nullMask(spec);
  }
}

/** Where there is room for a hash that different values don't share. */
function familyHash(spec: MaskSpec, family: Family, key: Uint8Array): ValueMask {
  const digest = (text: string): Buffer => createHmac("sha256", key).update(`${family} ${text}`).digest();
  switch (family) {
    case "int8":
    case "decimal":
      return overText(spec, "null", (text) =>
        (BigInt(`0x${digest(text).toString("hex", 0, 8)}`) % 10n ** BigInt(HASH_DIGITS)).toString(),
      );
    case "uuid":
      return overText(spec, "null", (text) =>
        digest(text.toLowerCase())
          .toString("hex", 0, HASH_BYTES)
          .replace(/^(.{8})(.{4})(.{4})(.{4})(.{12})$/, "$1-$2-$3-$4-$5"),
      );
    case "bytes":
      return overText(spec, "null", (text) => `\\x${digest(text).toString("hex", 0, HASH_BYTES)}`);
    default:
      return nullMask(spec);
  }
}
