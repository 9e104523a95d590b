import { REDACT, compareMasks, type BundleRule, type MaskSpec } from "../../../spec/contract/bundle/index.ts";
import type { Scanner } from "../detect/index.ts";
import type { Family } from "./families.ts";
import type { MaskSecrets } from "./secrets.ts";
import { TO_NULL, textMask, type ValueMask } from "./value-mask.ts";

/** What is looked for in results, and what becomes of it. */
export interface DetectPlan {
  readonly scanner: Scanner;
  /** By the scanner's names: how a match is shown; null when nobody asks for it here. */
  readonly specs: readonly (MaskSpec | null)[];
  readonly rule: string;
}

/**
 * What some mask rules look for; null when none does. Of several rules for one detector the strictest mask counts. An entry of
 * `with` that has the detector's name is its mask, else that of `*`, else it is redacted.
 */
export function planDetection(rules: readonly BundleRule[], scanner: Scanner | null): DetectPlan | null {
  const looking = rules.filter((rule) => (rule.mask?.detect.length ?? 0) > 0);
  if (looking.length === 0 || scanner === null) return null;
  const specs = scanner.names.map((name): MaskSpec | null => {
    let strictest: MaskSpec | null = null;
    for (const { mask } of looking) {
      if (mask === null || !mask.detect.includes(name)) continue;
      const entry = mask.with.find((one) => one.name === name) ?? mask.with.find((one) => one.name === null);
      const spec = entry?.mask ?? REDACT;
      if (strictest === null || compareMasks(spec, strictest) < 0) strictest = spec;
    }
    return strictest;
  });
  return { scanner, specs, rule: looking.map((rule) => rule.name).join(", ") };
}

/** Matches in one value at most; one with more is hidden whole. */
const SPANS_MAX = 4096;
const STARS = Uint8Array.from("***", (one) => one.charCodeAt(0));
const QUOTED_STARS = Uint8Array.from('"***"', (one) => one.charCodeAt(0));
/** What stands for a match has at most so many times its bytes. */
const GROWTH = 8;
/** Room in which a mask may write before it is found too long. */
const GROWTH_SPARE = 256;
const QUOTE = 0x22;
const BACKSLASH = 0x5c;

/**
 * Masks what detectors find inside of a value and leaves the rest as it is. Of families that are no text a value with a match
 * becomes NULL; in JSON a number becomes a text.
 */
export class DetectMask implements ValueMask {
  readonly spec: MaskSpec;
  readonly #plan: DetectPlan;
  readonly #family: Family;
  readonly #masks: readonly (ValueMask | null)[];
  readonly #spans = new Int32Array(SPANS_MAX * 3);
  #count = 0;
  #tooMany = false;
  #toNull = false;
  readonly #onMatch: (detector: number, from: number, to: number) => void;

  constructor(plan: DetectPlan, family: Family, secrets: Uint8Array | MaskSecrets) {
    this.spec = REDACT;
    this.#plan = plan;
    this.#family = family;
    const inText = family === "text" || family === "xml" || family === "json" || family === "jsonb";
    this.#masks = plan.specs.map((spec) => (spec === null ? null : textMask(inText ? spec : REDACT, secrets)));
    const wholly = family === "int8" || family === "decimal";
    this.#onMatch = (detector, from, to) => {
      const spec = plan.specs[detector];
      if (spec === null || spec === undefined) return;
      if (wholly || spec.kind === "null") this.#toNull = true;
      if (this.#count === SPANS_MAX) {
        this.#tooMany = true;
        return;
      }
      const at = this.#count++ * 3;
      this.#spans[at] = detector;
      this.#spans[at + 1] = from;
      this.#spans[at + 2] = to;
    };
  }

  readonly touches = (source: Uint8Array, start: number, end: number): boolean => {
    this.#count = 0;
    this.#tooMany = false;
    this.#toNull = false;
    this.#plan.scanner.scan(source, start, end, this.#onMatch);
    return this.#count > 0;
  };

  bound(bytes: number): number {
    return bytes * GROWTH + GROWTH_SPARE;
  }

  /** For the value that `touches` was asked for last. */
  write(source: Uint8Array, start: number, end: number, out: Uint8Array, at: number): number {
    if (this.#toNull) return TO_NULL;
    if (this.#tooMany) return put(STARS, 0, STARS.length, out, at);
    const json = this.#family === "json" || this.#family === "jsonb";
    let copied = start;
    /** Of JSON: how far it was read for quotes, and whether that is inside of a text. */
    let read = start;
    let inside = false;
    for (let i = 0; i < this.#count; i++) {
      let from = this.#spans[i * 3 + 1]!;
      let to = this.#spans[i * 3 + 2]!;
      const mask = this.#masks[this.#spans[i * 3]!]!;
      if (from < copied) continue;
      if (json) {
        for (; read < from; read++) {
          if (source[read] === BACKSLASH && inside) read++;
          else if (source[read] === QUOTE) inside = !inside;
        }
        if (!inside) {
          while (from > copied && isNumeric(source[from - 1]!)) from--;
          while (to < end && isNumeric(source[to]!)) to++;
        }
      }
      at = put(source, copied, from, out, at);
      const began = at;
      if (json && !inside) out[at++] = QUOTE;
      const after = mask.write(source, from, to, out, at);
      at = after === TO_NULL || (json && holdsSigns(out, at, after)) ? put(STARS, 0, STARS.length, out, at) : after;
      if (json && !inside) out[at++] = QUOTE;
      // A short match has no room for a long mask.
      if (at - began > (to - from) * GROWTH) {
        const stars = json && !inside ? QUOTED_STARS : STARS;
        at = put(stars, 0, stars.length, out, began);
      }
      copied = to;
    }
    return put(source, copied, end, out, at);
  }
}

const isNumeric = (byte: number): boolean =>
  (byte >= 0x30 && byte <= 0x39) || byte === 0x2b || byte === 0x2d || byte === 0x2e || byte === 0x45 || byte === 0x65;

/** Signs that would end or escape something in a JSON text. */
function holdsSigns(bytes: Uint8Array, from: number, to: number): boolean {
  for (let i = from; i < to; i++) {
    const byte = bytes[i]!;
    if (byte === QUOTE || byte === BACKSLASH || byte < 0x20) return true;
  }
  return false;
}

function put(source: Uint8Array, start: number, end: number, out: Uint8Array, at: number): number {
  for (let i = start; i < end; i++) out[at++] = source[i]!;
  return at;
}

/** A mask, and detection in what it leaves in sight. */
export function thenDetect(mask: ValueMask, detect: DetectMask): ValueMask {
  let scratch = Buffer.alloc(0);
  return {
    spec: mask.spec,
    bound: (bytes) => detect.bound(mask.bound(bytes)),
    write(source, start, end, out, at) {
      const room = mask.bound(end - start);
      if (scratch.length < room) scratch = Buffer.alloc(room * 2);
      const length = mask.write(source, start, end, scratch, 0);
      if (length === TO_NULL) return TO_NULL;
      if (!detect.touches(scratch, 0, length)) return put(scratch, 0, length, out, at);
      return detect.write(scratch, 0, length, out, at);
    },
  };
}

/** A text of ours or of the server with every match replaced, whatever its mask: for reports and the record. */
export function hideMatches(
  text: string,
  scanner: Scanner,
  wanted: (detector: number) => boolean,
  mark: string,
): string {
  const bytes = Buffer.from(text, "utf8");
  if (!scanner.mayMatch(bytes, 0, bytes.length)) return text;
  let out = "";
  let copied = 0;
  scanner.scan(bytes, 0, bytes.length, (detector, from, to) => {
    if (!wanted(detector)) return;
    out += bytes.toString("utf8", copied, from) + mark;
    copied = to;
  });
  return copied === 0 ? text : out + bytes.toString("utf8", copied);
}
