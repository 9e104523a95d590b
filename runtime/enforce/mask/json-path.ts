/** Deepest nesting of a document whose values are masked by path. */
export const JSON_DEPTH_MAX = 200;
export const JSON_PATHS_MAX = 32;

type Step =
  | { readonly kind: "name"; readonly name: string }
  | { readonly kind: "index"; readonly index: number }
  /** Any member or element. */
  | { readonly kind: "any" }
  /** Here or at any depth below. */
  | { readonly kind: "below" };
export type JsonPath = readonly Step[];

const PART = /\s*(?:\.\.\s*(?=[\w\[*"$-])|\.?(?:([\w$-]+)|(\*))|\.?\[\s*(?:(\d+)|(\*)|'([^']*)'|"([^"]*)")\s*\])/y;

/** Reads `$.a.b, $.list[*].c, $..d`; null when it can't be read. */
export function jsonPaths(text: string): readonly JsonPath[] | null {
  const found: JsonPath[] = [];
  for (const one of text.split(",")) {
    const trimmed = one.trim();
    if (!trimmed.startsWith("$")) return null;
    const steps: Step[] = [];
    let at = 1;
    while (at < trimmed.length) {
      PART.lastIndex = at;
      const match = PART.exec(trimmed);
      if (match === null || match[0].length === 0) return null;
      const name = match[1] ?? match[5] ?? match[6];
      if (name !== undefined) steps.push({ kind: "name", name });
      else if (match[3] !== undefined) steps.push({ kind: "index", index: Number(match[3]) });
      else if (match[2] !== undefined || match[4] !== undefined) steps.push({ kind: "any" });
      else steps.push({ kind: "below" });
      at = PART.lastIndex;
    }
    if (steps.length === 0 || steps.at(-1)!.kind === "below") return null;
    found.push(steps);
  }
  return found.length > 0 && found.length <= JSON_PATHS_MAX ? found : null;
}

const QUOTE = 0x22;
const BACKSLASH = 0x5c;
const STARS = Uint8Array.from('"***"', (one) => one.charCodeAt(0));
const NULL = Uint8Array.from("null", (one) => one.charCodeAt(0));

class Malformed extends Error {}

/** One place of one path: the step that comes next. */
interface Live {
  readonly path: JsonPath;
  readonly step: number;
}

/**
 * Copies a JSON document with the values at some paths replaced by `"***"`; key order and white space stay as they are, null
 * stays null.
 */
export class JsonMasker {
  readonly #start: readonly Live[];
  #bytes: Uint8Array = new Uint8Array(0);
  #at = 0;
  #end = 0;
  #out: Uint8Array = new Uint8Array(0);
  #put = 0;
  /** Up to here the document was copied. */
  #copied = 0;

  constructor(paths: readonly JsonPath[]) {
    this.#start = paths.map((path) => ({ path, step: 0 }));
  }

  /** Answers the place behind what was written, or -1 when the document can't be read. */
  write(source: Uint8Array, start: number, end: number, out: Uint8Array, at: number): number {
    this.#bytes = source;
    this.#at = start;
    this.#end = end;
    this.#out = out;
    this.#put = at;
    this.#copied = start;
    try {
      this.#value(this.#start, 0);
      this.#blank();
      if (this.#at !== end) return -1;
    } catch (fault) {
      if (fault instanceof Malformed) return -1;
      throw fault;
    }
    this.#copy(end);
    return this.#put;
  }

  #copy(to: number): void {
    for (let i = this.#copied; i < to; i++) this.#out[this.#put++] = this.#bytes[i]!;
    this.#copied = to;
  }

  #blank(): void {
    for (; this.#at < this.#end; this.#at++) {
      const byte = this.#bytes[this.#at]!;
      if (byte !== 0x20 && byte !== 0x0a && byte !== 0x0d && byte !== 0x09) return;
    }
  }

  #value(live: readonly Live[], depth: number): void {
    if (depth > JSON_DEPTH_MAX) throw new Malformed();
    this.#blank();
    const from = this.#at;
    if (live.some(({ path, step }) => step === path.length)) {
      this.#copy(from);
      this.#skip(depth);
      if (this.#at - from !== NULL.length || !NULL.every((byte, i) => this.#bytes[from + i] === byte)) {
        this.#out.set(STARS, this.#put);
        this.#put += STARS.length;
        this.#copied = this.#at;
      }
      return;
    }
    const first = this.#bytes[from];
    if (first === 0x7b) this.#members(live, depth);
    else if (first === 0x5b) this.#elements(live, depth);
    else this.#scalar();
  }

  #skip(depth: number): void {
    const first = this.#bytes[this.#at];
    if (first === 0x7b) this.#members([], depth);
    else if (first === 0x5b) this.#elements([], depth);
    else this.#scalar();
  }

  #members(live: readonly Live[], depth: number): void {
    this.#at++;
    this.#blank();
    if (this.#take(0x7d)) return;
    do {
      this.#blank();
      const from = this.#at;
      const escaped = this.#string();
      const raw = Buffer.from(this.#bytes.buffer, this.#bytes.byteOffset + from, this.#at - from).toString("utf8");
      let name = raw.slice(1, -1);
      if (escaped) {
        try {
          name = JSON.parse(raw) as string;
        } catch {
          throw new Malformed();
        }
      }
      this.#blank();
      if (!this.#take(0x3a)) throw new Malformed();
      this.#value(live.length === 0 ? live : next(live, name, -1), depth + 1);
      this.#blank();
    } while (this.#take(0x2c));
    if (!this.#take(0x7d)) throw new Malformed();
  }

  #elements(live: readonly Live[], depth: number): void {
    this.#at++;
    this.#blank();
    if (this.#take(0x5d)) return;
    let index = 0;
    do {
      this.#value(live.length === 0 ? live : next(live, null, index++), depth + 1);
      this.#blank();
    } while (this.#take(0x2c));
    if (!this.#take(0x5d)) throw new Malformed();
  }

  #take(byte: number): boolean {
    if (this.#at >= this.#end || this.#bytes[this.#at] !== byte) return false;
    this.#at++;
    return true;
  }

  /** Whether it holds escapes. */
  #string(): boolean {
    if (!this.#take(QUOTE)) throw new Malformed();
    let escaped = false;
    for (; this.#at < this.#end; this.#at++) {
      const byte = this.#bytes[this.#at]!;
      if (byte === BACKSLASH) {
        escaped = true;
        this.#at++;
      } else if (byte === QUOTE) {
        this.#at++;
        return escaped;
      }
    }
    throw new Malformed();
  }

  #scalar(): void {
    if (this.#bytes[this.#at] === QUOTE) {
      this.#string();
      return;
    }
    const from = this.#at;
    // Numbers, true, false and null: whatever it is, it ends at a sign of structure.
    while (this.#at < this.#end && /[\w.+-]/.test(String.fromCharCode(this.#bytes[this.#at]!))) this.#at++;
    if (this.#at === from) throw new Malformed();
  }
}

/** The paths that go on into a member or an element. */
function next(live: readonly Live[], name: string | null, index: number): readonly Live[] {
  const found: Live[] = [];
  const into = (path: JsonPath, step: number): void => {
    const one = path[step];
    if (one === undefined) return;
    if (one.kind === "below") {
      found.push({ path, step });
      into(path, step + 1);
    } else if (one.kind === "any" || (one.kind === "name" ? one.name === name : one.index === index && name === null))
      found.push({ path, step: step + 1 });
    // Through a list as through its only element: `$.list.name` names all of them, as people expect.
    else if (name === null && one.kind === "name") found.push({ path, step });
  };
  for (const { path, step } of live) into(path, step);
  return found;
}
