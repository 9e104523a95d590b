/** A glob made ready: places are bits of a set, so that a character moves all of them at once. */
export interface Glob {
  /** Code units, or ANY_CHAR, SEGMENT, ACROSS. */
  readonly parts: Int32Array;
}

const ANY_CHAR = -1;
const SEGMENT = -2;
const ACROSS = -3;
const SLASH = 47;

/**
 * `*`: any run without `/`; `**`: any run; `?`: one character that is not `/`; a backslash takes the next as it is.
 * Code points, so that `?` takes a whole character.
 */
export function compileGlob(pattern: string): Glob {
  const chars = [...pattern];
  const parts: number[] = [];
  for (let i = 0; i < chars.length; i++) {
    const char = chars[i]!;
    if (char === "\\" && i + 1 < chars.length) parts.push(chars[++i]!.codePointAt(0)!);
    else if (char === "*" && chars[i + 1] === "*") {
      parts.push(ACROSS);
      i++;
    } else if (char === "*") parts.push(SEGMENT);
    else parts.push(char === "?" ? ANY_CHAR : char.codePointAt(0)!);
  }
  return { parts: Int32Array.from(parts) };
}

/** Time at most pattern times text; no back-tracking. */
export function matchGlob(glob: Glob, text: string): boolean {
  const { parts } = glob;
  const count = parts.length;
  let now = new Uint8Array(count + 1);
  let next = new Uint8Array(count + 1);
  reach(now, parts, 0);
  for (const char of text) {
    const code = char.codePointAt(0)!;
    let alive = false;
    for (let place = 0; place < count; place++) {
      if (now[place] === 0) continue;
      const part = parts[place]!;
      if (part === ACROSS || (part === SEGMENT && code !== SLASH)) {
        reach(next, parts, place);
        alive = true;
      } else if (part === ANY_CHAR ? code !== SLASH : part === code) {
        reach(next, parts, place + 1);
        alive = true;
      }
    }
    if (!alive) return false;
    [now, next] = [next, now];
    next.fill(0);
  }
  return now[count] === 1;
}

/** A star may stand for nothing, so the places behind it are reached with it. */
function reach(places: Uint8Array, parts: Int32Array, from: number): void {
  let place = from;
  places[place] = 1;
  while (place < parts.length && (parts[place] === SEGMENT || parts[place] === ACROSS)) places[++place] = 1;
}
