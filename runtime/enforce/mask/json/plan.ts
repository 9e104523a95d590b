import { err, ok, type Result } from "../../../../base/result.ts";
import { REDACT, type BundleRule, type MaskSpec } from "../../../../spec/contract/bundle/index.ts";
import type { MaskSecrets } from "../secrets.ts";
import { textMask, type ValueMask } from "../value-mask.ts";
import { NO_PLACES, buildPlaces, type PlacedPattern, type Places } from "./automaton.ts";
import type { TextScan } from "./masker.ts";
import { readFieldPattern } from "./path.ts";

/** What masks do to bodies: made once for a set of rules. */
export interface BodyMasks {
  /** Names of the rules. */
  readonly rules: readonly string[];
  /** Where masked values stand in a JSON text. */
  readonly places: Places;
  /** The masks that places name by number, and what each is called in the record: its path. */
  readonly masks: readonly ValueMask[];
  readonly labels: readonly string[];
  /** GraphQL's: fields by type, each with the number of its mask. */
  readonly typeFields: readonly { readonly type: string; readonly field: string; readonly mask: number }[];
  /** Some rule speaks of paths or of types. */
  readonly readsFields: boolean;
  /** Looks into all texts; null when no rule names a detector. */
  readonly scan: TextScan | null;
}

/** Makes the scan for detectors by name; null when one of them is not known. */
export type ScanMaker = (rules: readonly BundleRule[]) => TextScan | null;

/**
 * What mask rules come to for bodies.
 *
 * @param scanOf makes the scan of the rules that name detectors
 * @returns in words why not: a path that can't be read, or paths that multiply
 */
export function planBody(
  rules: readonly BundleRule[],
  secrets: Uint8Array | MaskSecrets,
  scanOf: ScanMaker,
): Result<BodyMasks, string> {
  const specs: MaskSpec[] = [];
  const labels: string[] = [];
  const patterns: PlacedPattern[] = [];
  const typeFields: { type: string; field: string; mask: number }[] = [];
  let detects = false;
  for (const rule of rules) {
    if (rule.mask === null) continue;
    detects ||= rule.mask.detect.length > 0;
    const specOf = (name: string | null): MaskSpec =>
      (
        rule.mask!.with.find((entry) => entry.name !== null && entry.name === name) ??
        rule.mask!.with.find((entry) => entry.name === null)
      )?.mask ?? REDACT;
    for (const text of rule.mask.fields) {
      const pattern = readFieldPattern(text);
      if (!pattern.ok) return err(`rule ${rule.name}: ${pattern.error}`);
      const mask = specs.length;
      labels.push(text);
      if (pattern.value.kind === "type-field") {
        specs.push(specOf(pattern.value.field));
        typeFields.push({ type: pattern.value.type, field: pattern.value.field, mask });
      } else {
        specs.push(specOf(pattern.value.last));
        patterns.push({ steps: pattern.value.steps, mask });
      }
    }
  }
  const places = patterns.length === 0 ? ok(NO_PLACES) : buildPlaces(patterns, specs);
  if (!places.ok) return err(`rules ${rules.map((rule) => rule.name).join(", ")}: ${places.error}`);
  const scan = detects ? scanOf(rules) : null;
  if (detects && scan === null)
    return err(`rules ${rules.map((rule) => rule.name).join(", ")}: a detector is not known`);
  return ok({
    rules: rules.map((rule) => rule.name),
    places: places.value,
    masks: specs.map((spec) => textMask(spec, secrets)),
    labels,
    typeFields,
    readsFields: labels.length > 0,
    scan,
  });
}

/** The mask on a field at the top, by its name: of a form or a query. -1: none. */
export function maskOfName(masks: BodyMasks, name: string): number {
  const root = masks.places[0]!;
  const key = Buffer.from(name);
  const next = root.keys.find(({ bytes }) => key.equals(bytes))?.next ?? root.other;
  return masks.places[next]!.mask;
}

/** A text under a mask. Null: it becomes nothing. */
export function maskText(mask: ValueMask, text: string): string | null {
  const source = Buffer.from(text);
  const out = Buffer.allocUnsafe(mask.bound(source.length));
  const length = mask.write(source, 0, source.length, out, 0);
  return length < 0 ? null : out.toString("utf8", 0, length);
}
