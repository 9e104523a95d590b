/**
 * JSON in the form of RFC 8785: keys in order of UTF-16 units, numbers and texts as ECMAScript writes them, nothing else
 * between. Numbers beyond 2^53 must be given as texts.
 */
export type CanonicalValue =
  null | boolean | number | string | readonly CanonicalValue[] | { readonly [key: string]: CanonicalValue | undefined };

/** @throws TypeError for numbers that JSON can't hold */
export function canonicalJson(value: CanonicalValue): string {
  if (value === null || typeof value === "boolean") return String(value);
  if (typeof value === "number") {
    if (!Number.isFinite(value)) throw new TypeError(`${value} has no form in JSON`);
    return JSON.stringify(value);
  }
  if (typeof value === "string") return quoted(value);
  if (Array.isArray(value)) return listJson(value as readonly CanonicalValue[]);
  const object = value as { readonly [key: string]: CanonicalValue | undefined };
  const parts: string[] = [];
  for (const key of Object.keys(object).sort()) {
    const member = object[key];
    if (member !== undefined) parts.push(`${JSON.stringify(key)}:${canonicalJson(member)}`);
  }
  return `{${parts.join(",")}}`;
}

/** Texts up to here that need no escape are found by looking, which is cheaper than to ask the engine. */
const PLAIN_UNITS = 32;

function quoted(text: string): string {
  if (text.length <= PLAIN_UNITS) {
    let i = 0;
    for (; i < text.length; i++) {
      const unit = text.charCodeAt(i);
      if (unit < 0x20 || unit > 0x7e || unit === 0x22 || unit === 0x5c) break;
    }
    if (i === text.length) return `"${text}"`;
  }
  // Lone surrogates have no UTF-8 form: they become the replacement character before they are written.
  return JSON.stringify(text.isWellFormed() ? text : text.toWellFormed());
}

function listJson(list: readonly CanonicalValue[]): string {
  let out = "[";
  for (let i = 0; i < list.length; i++) out += i === 0 ? canonicalJson(list[i]!) : `,${canonicalJson(list[i]!)}`;
  return `${out}]`;
}

/** The value of bytes that are canonical JSON; undefined for any others. */
export function parseCanonical(bytes: Uint8Array): CanonicalValue | undefined {
  let text: string;
  let value: CanonicalValue;
  try {
    text = new TextDecoder("utf-8", { fatal: true }).decode(bytes);
    value = JSON.parse(text) as CanonicalValue;
  } catch {
    return undefined;
  }
  return canonicalJson(value) === text ? value : undefined;
}
