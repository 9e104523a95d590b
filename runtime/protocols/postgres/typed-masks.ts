import {
  DetectMask,
  TO_NULL,
  elementOf,
  familyMask,
  familyOf,
  nullMask,
  thenDetect,
  type ColumnMask,
  type DetectPlan,
  type Family,
  type MaskSecrets,
  type ValueMask,
} from "../../enforce/mask/index.ts";
import type { MaskSpec } from "../../../spec/contract/bundle/index.ts";
import { arrayMask } from "./array-masks.ts";
import { codecOf, isNoNumber, type Codec } from "./binary-values.ts";

/** How each column of a result is rewritten; null leaves it as it is. */
export type RowMask = readonly (ValueMask | null)[];

/** The masks of a result, and how a row is told that needs none of them. */
export interface ResultMask {
  readonly masks: RowMask;
  /** A column is masked in every row. */
  readonly always: boolean;
  /** What is looked for, when a row's own bytes tell that it is not there; null: columns must be looked at one by one. */
  readonly scanner: DetectPlan["scanner"] | null;
}

/**
 * Masks fitted to a result's types and formats; null when it can pass as it is.
 *
 * @param columns masks by column; null when no column is masked
 */
export function fitMasks(
  columns: readonly (ColumnMask | null)[] | null,
  types: readonly number[],
  formats: readonly number[],
  detect: DetectPlan | null,
  secrets: MaskSecrets,
): ResultMask | null {
  let always = false;
  let unseen = false;
  const masks = types.map((type, i): ValueMask | null => {
    const column = columns?.[i] ?? null;
    const binary = formats[i] === 1;
    const found = detect === null ? null : detectIn(type, binary, detect, secrets);
    if (column === null) {
      // Digits of a number in binary form can't be seen in the row's bytes.
      if (found !== null && binary && NUMBERS.has(familyOf(type))) unseen = true;
      return found;
    }
    always = true;
    const fitted = fit(column.spec, type, binary, secrets, detect);
    // Whether what is computed is NULL would tell of what it is computed from: `nullif(email, 'guess')`.
    const mask: ValueMask = column.derived ? { ...fitted, hidesNull: true } : fitted;
    return found instanceof DetectMask && column.spec.kind === "json" ? thenDetect(mask, found) : mask;
  });
  if (masks.every((mask) => mask === null)) return null;
  return { masks, always, scanner: detect === null || unseen ? null : detect.scanner };
}

const NUMBERS: ReadonlySet<Family> = new Set(["int8", "decimal"]);
/** Masks that say of a list as a whole what they say of a value. */
const WHOLE: ReadonlySet<MaskSpec["kind"]> = new Set(["null", "redact", "full"]);

function fit(
  spec: MaskSpec,
  type: number,
  binary: boolean,
  secrets: MaskSecrets,
  detect: DetectPlan | null,
): ValueMask {
  const element = elementOf(type);
  if (element === 0) return fitOne(spec, type, binary, secrets);
  if (spec.kind === "full") return emptyArray(spec, element, binary);
  if (WHOLE.has(spec.kind)) return nullMask(spec);
  const one = fitOne(spec, element, binary, secrets);
  // A mask of a path leaves the rest of the document in sight, so it is looked through as well.
  const looks = spec.kind === "json" && detect !== null;
  return arrayMask(looks ? nullWhenFound(one, new DetectMask(detect, familyOf(element), secrets)) : one, binary);
}

/** A value that becomes NULL when something is found in what its mask leaves in sight. */
function nullWhenFound(mask: ValueMask, detect: DetectMask): ValueMask {
  return {
    spec: mask.spec,
    bound: (bytes) => mask.bound(bytes),
    write(source, start, end, out, at) {
      const after = mask.write(source, start, end, out, at);
      return after === TO_NULL || !detect.touches(out, at, after) ? after : TO_NULL;
    },
  };
}

function fitOne(spec: MaskSpec, type: number, binary: boolean, secrets: MaskSecrets): ValueMask {
  const family = familyOf(type);
  const mask = familyMask(spec, family, secrets);
  if (!binary || family === "text" || family === "json" || family === "xml") return mask;
  const codec = codecOf(family, type);
  return codec === null ? nullMask(spec) : throughText(mask, codec);
}

/** A mask of a type's text form, for its binary form. */
function throughText(mask: ValueMask, codec: Codec): ValueMask {
  return {
    spec: mask.spec,
    bound: (bytes) => mask.bound(bytes * 4 + 64) + 64,
    write(source, start, end, out, at) {
      let text: string | null;
      let made: Buffer | null;
      try {
        text = codec.toText(asBuffer(source), start, end);
        if (text === null) return TO_NULL;
        const bytes = Buffer.from(text, "utf8");
        const masked = Buffer.alloc(mask.bound(bytes.length));
        const length = mask.write(bytes, 0, bytes.length, masked, 0);
        if (length === TO_NULL) return TO_NULL;
        made = codec.toBytes(masked.toString("utf8", 0, length));
      } catch {
        // A value that its own type's range does not take.
        return TO_NULL;
      }
      if (made === null) return TO_NULL;
      for (const byte of made) out[at++] = byte;
      return at;
    },
  };
}

const asBuffer = (bytes: Uint8Array): Buffer =>
  Buffer.isBuffer(bytes) ? bytes : Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);

function emptyArray(spec: MaskSpec, element: number, binary: boolean): ValueMask {
  const empty = binary ? Buffer.alloc(12) : Buffer.from("{}");
  if (binary) empty.writeUInt32BE(element, 8);
  return {
    spec,
    bound: () => empty.length,
    write(_source, _start, _end, out, at) {
      for (const byte of empty) out[at++] = byte;
      return at;
    },
  };
}

/** Families whose values can't hold what detectors look for. */
const NEVER: ReadonlySet<Family> = new Set([
  "int2",
  "int4",
  "oid",
  "float",
  "bool",
  "date",
  "time",
  "timetz",
  "timestamp",
  "timestamptz",
  "interval",
  "uuid",
  "bytes",
  "address",
  "network",
  "mac",
  "mac8",
]);

function detectIn(type: number, binary: boolean, plan: DetectPlan, secrets: MaskSecrets): ValueMask | null {
  const element = elementOf(type);
  const family = familyOf(element === 0 ? type : element);
  if (NEVER.has(family)) return null;
  if (element !== 0) {
    const inside = new DetectMask(plan, family, secrets);
    const one = binary && NUMBERS.has(family) ? wholeWhenFound(inside, codecOf(family, element)!) : inside;
    return arrayMask(one, binary, plan.scanner);
  }
  const mask = new DetectMask(plan, family, secrets);
  if (!binary || family === "text" || family === "json" || family === "jsonb" || family === "xml") return mask;
  const codec = codecOf(family, type);
  return wholeWhenFound(mask, codec);
}

/** A value in binary form becomes NULL when its text form (without one: its bytes) has a match. */
function wholeWhenFound(mask: DetectMask, codec: Codec | null): ValueMask {
  return {
    spec: mask.spec,
    bound: () => 0,
    touches(source, start, end) {
      if (codec === null) return mask.touches(source, start, end);
      const text = codec.toText(asBuffer(source), start, end);
      // What can't be read may hold anything.
      if (text === null) return !isNoNumber(asBuffer(source), start, end);
      const bytes = Buffer.from(text, "utf8");
      return mask.touches(bytes, 0, bytes.length);
    },
    write: () => TO_NULL,
  };
}
