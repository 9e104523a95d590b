type Part = { readonly char: string } | "any-char" | "segment" | "across";

/**
 * `*`: any run without `/`; `**`: any run; `?`: one character that is not `/`; a backslash takes the next character as it
 * is. Every place that the pattern can be at is followed at once, so the time is bounded by pattern times text.
 */
export function globMatches(pattern: string, text: string): boolean {
  const parts = splitGlob(pattern);
  let places = reach(new Set([0]), parts);
  for (const char of text) {
    const next = new Set<number>();
    for (const place of places) {
      const part = parts[place];
      if (part === undefined) continue;
      if (part === "across" || (part === "segment" && char !== "/")) next.add(place);
      else if (part === "any-char" ? char !== "/" : part !== "segment" && part.char === char) next.add(place + 1);
    }
    places = reach(next, parts);
  }
  return places.has(parts.length);
}

function splitGlob(pattern: string): readonly Part[] {
  const parts: Part[] = [];
  const chars = [...pattern];
  for (let i = 0; i < chars.length; i++) {
    const char = chars[i]!;
    if (char === "\\" && i + 1 < chars.length) parts.push({ char: chars[++i]! });
    else if (char === "*" && chars[i + 1] === "*") {
      parts.push("across");
      i++;
    } else if (char === "*") parts.push("segment");
    else parts.push(char === "?" ? "any-char" : { char });
  }
  return parts;
}

/** A star may stand for nothing, so the place behind it is reached with it. */
function reach(places: Set<number>, parts: readonly Part[]): Set<number> {
  for (const place of places) if (parts[place] === "segment" || parts[place] === "across") places.add(place + 1);
  return places;
}
