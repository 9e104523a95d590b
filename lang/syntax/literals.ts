const UNITS_MS: Readonly<Record<string, number>> = { ms: 1, s: 1000, m: 60_000, h: 3_600_000, d: 86_400_000 };

/** `15m` in milliseconds. */
export function durationMs(image: string): number {
  const unit = /[a-z]+$/.exec(image)?.[0] ?? "ms";
  return Number(image.slice(0, -unit.length).replaceAll("_", "")) * (UNITS_MS[unit] ?? 1);
}

export function intValue(image: string): number {
  return Number(image.replaceAll("_", ""));
}

const ESCAPES: Readonly<Record<string, string>> = { n: "\n", t: "\t", r: "\r", '"': '"', "\\": "\\" };

/** The text between the quotes. `bad` holds escapes that mean nothing. */
export function textValue(image: string): { readonly value: string; readonly bad: readonly string[] } {
  const bad: string[] = [];
  // Most texts are plain: nothing to escape, and nothing that has more than one form.
  if (/^"[\x20-\x5b\x5d-\x7e]*"$/.test(image)) return { value: image.slice(1, -1), bad };
  const value = image
    .slice(1, image.length > 1 && image.endsWith('"') ? -1 : undefined)
    .replaceAll(/\\(u\{([0-9a-fA-F]{1,6})\}|.)/g, (whole, char: string, hex: string | undefined) => {
      if (hex !== undefined) {
        const code = Number.parseInt(hex, 16);
        if (code <= 0x10ffff && !(code >= 0xd800 && code <= 0xdfff)) return String.fromCodePoint(code);
      }
      const meant = ESCAPES[char];
      if (meant === undefined) bad.push(whole);
      return meant ?? char;
    });
  return { value: value.normalize("NFC"), bad };
}
