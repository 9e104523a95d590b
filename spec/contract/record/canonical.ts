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
  // Lone surrogates have no UTF-8 form: they become the replacement character before they are written.
  if (typeof value === "string") return JSON.stringify(value.isWellFormed() ? value : value.toWellFormed());
  if (Array.isArray(value)) return `[${(value as readonly CanonicalValue[]).map(canonicalJson).join(",")}]`;
  const object = value as { readonly [key: string]: CanonicalValue | undefined };
  const parts: string[] = [];
  for (const key of Object.keys(object).sort()) {
    const member = object[key];
    if (member !== undefined) parts.push(`${JSON.stringify(key)}:${canonicalJson(member)}`);
  }
  return `{${parts.join(",")}}`;
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
