import type { BundleRule } from "../../../spec/contract/bundle/index.ts";
import { placeOfKey, type BodyMasks, type ValueMask } from "../../enforce/mask/index.ts";

/** Where an object stands in the forms of an answer: alone, in a list, in an event of a watch, in a table's rows, in both. */
const FORMS = ["$", "$.items[*]", "$.object", "$.object.items[*]", "$.rows[*].object", "$.object.rows[*].object"];
/** Holds the object as it was applied, values and all, in one text. */
const LAST_APPLIED = '.metadata.annotations["kubectl.kubernetes.io/last-applied-configuration"]';
/** Printed columns: anything may be in them. What is known to show nothing is put back. */
const CELLS = ["$.rows[*].cells", "$.object.rows[*].cells"];

/**
 * A mask rule's paths, which speak of an object, as they stand in every form of an answer. What only copies of its values
 * would show is hidden with them.
 */
export function inAllForms(rule: BundleRule): BundleRule {
  const { mask } = rule;
  if (mask === null || mask.fields.length === 0) return rule;
  const fields = mask.fields.flatMap((path) =>
    path.startsWith("$.") && !path.startsWith("$..") ? placed(path.slice(1)) : [path],
  );
  return {
    ...rule,
    mask: { ...mask, fields: [...new Set([...fields, ...placed(LAST_APPLIED), ...CELLS])] },
  };
}

const placed = (rest: string): readonly string[] => FORMS.map((form) => `${form}${rest}`);

/** The path of a rule that a path in a form was made from; null of what was added. */
export function ownPath(path: string): string | null {
  if (CELLS.includes(path) || path.endsWith(LAST_APPLIED)) return null;
  const form = [...FORMS]
    .sort((a, b) => b.length - a.length)
    .find((one) => path.startsWith(`${one}.`) || path.startsWith(`${one}[`));
  return form === undefined ? path : `$${path.slice(form.length)}`;
}

/** Values of a Secret's `data` are base64: masked as what they stand for, and encoded again, so that typed clients read them. */
export function ofSecrets(masks: BodyMasks): BodyMasks {
  return {
    ...masks,
    masks: masks.masks.map((mask, i) =>
      /^\$\.data(?![A-Za-z0-9_-])/.test(ownPath(masks.labels[i]!) ?? "") ? inBase64(mask) : mask,
    ),
  };
}

function inBase64(mask: ValueMask): ValueMask {
  return {
    spec: mask.spec,
    bound: (bytes) => Math.ceil(mask.bound(bytes) / 3) * 4 + 4,
    write(source, start, end, out, at) {
      const clear = Buffer.from(Buffer.from(source.subarray(start, end)).toString("latin1"), "base64");
      const room = Buffer.alloc(mask.bound(clear.length));
      const length = mask.write(clear, 0, clear.length, room, 0);
      if (length < 0) return length;
      const text = Buffer.from(room.subarray(0, length).toString("base64"), "latin1");
      out.set(text, at);
      return at + text.length;
    },
  };
}

/** Whether a place (keys from the object's root) is under a mask of these paths, or above one. */
export function touchesMask(masks: BodyMasks, keys: readonly string[]): boolean {
  let at: readonly number[] = [0];
  for (const key of keys) {
    if (at.some((one) => masks.places[one]!.mask >= 0)) return true;
    at = [...new Set(at.flatMap((one) => placesUnder(masks.places[one]!, key)))];
  }
  return at.some((one) => leadsToMask(masks, one));
}

/** Whether something put in or taken out here would move a value away from the number in a list by which a mask names it. */
export function shiftsMask(masks: BodyMasks, keys: readonly string[]): boolean {
  const last = keys.at(-1);
  if (last === undefined || !NUMBER.test(last)) return false;
  let at: readonly number[] = [0];
  for (const key of keys.slice(0, -1)) at = [...new Set(at.flatMap((one) => placesUnder(masks.places[one]!, key)))];
  return at.some((one) => masks.places[one]!.elements.some(({ next }) => leadsToMask(masks, next)));
}

const NUMBER = /^\d+$/;

/** Where a key may lead. A number may be a key or an element; which element, nobody knows once others were put in or out. */
function placesUnder(place: BodyMasks["places"][number], key: string): readonly number[] {
  const named = placeOfKey(place, Buffer.from(key));
  return NUMBER.test(key) || key === "-" ? [named, place.element, ...place.elements.map(({ next }) => next)] : [named];
}

function leadsToMask(masks: BodyMasks, from: number): boolean {
  const seen = new Set<number>();
  const queue = [from];
  for (let one = queue.pop(); one !== undefined; one = queue.pop()) {
    if (seen.has(one)) continue;
    seen.add(one);
    const place = masks.places[one]!;
    if (place.mask >= 0) return true;
    queue.push(
      place.other,
      place.element,
      ...place.keys.map((key) => key.next),
      ...place.elements.map((el) => el.next),
    );
  }
  return false;
}
