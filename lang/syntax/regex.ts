import { err, ok, type Result } from "../../base/result.ts";
import { REGEX_LENGTH_MAX, REGEX_NESTING_MAX, REGEX_REPEAT_MAX, REGEX_SIZE_MAX } from "./limits.ts";

/** Inclusive range of code points. */
export type CodeRange = readonly [low: number, high: number];

/** A linear-time expression: what RE2 has but for what looks around. Places are code points. */
export type RegexNode =
  /** One character in any of these ranges; ascending, apart from one another. */
  | { readonly op: "chars"; readonly ranges: readonly CodeRange[] }
  | { readonly op: "seq" | "alt"; readonly parts: readonly RegexNode[] }
  /** `max` null: no end. */
  | { readonly op: "repeat"; readonly of: RegexNode; readonly min: number; readonly max: number | null }
  /** Matches nothing, at the beginning or at the end of the text. */
  | { readonly op: "start" | "end" };

export interface RegexFault {
  /** Offset in the source, in UTF-16 units. */
  readonly at: number;
  readonly why: string;
}

const LAST = 0x10ffff;
const code = (char: string): number => char.codePointAt(0)!;
const DIGIT: readonly CodeRange[] = [[code("0"), code("9")]];
const WORD: readonly CodeRange[] = [
  [code("0"), code("9")],
  [code("A"), code("Z")],
  [code("_"), code("_")],
  [code("a"), code("z")],
];
const SPACE: readonly CodeRange[] = [
  [9, 10],
  [12, 13],
  [32, 32],
];
const CLASSES: Readonly<Record<string, readonly CodeRange[]>> = {
  d: DIGIT,
  D: negate(DIGIT),
  w: WORD,
  W: negate(WORD),
  s: SPACE,
  S: negate(SPACE),
};
const CONTROLS: Readonly<Record<string, number>> = { n: 10, r: 13, t: 9, f: 12, v: 11 };
/** Any character but a line's end. */
const DOT: readonly CodeRange[] = negate([[10, 10]]);

/**
 * Reads the text between the slashes. The dialect is RE2's without `\b`, `\p` and names of groups: characters, `.`,
 * `[…]`, `\d \w \s` and their opposites, `^ $` for the ends of the text, `( ) (?: )`, `|`, `* + ? {m,n}`.
 */
export function parseRegex(source: string, ignoreCase: boolean): Result<RegexNode, RegexFault> {
  if (source.length > REGEX_LENGTH_MAX)
    return err({ at: 0, why: `it has ${source.length} characters; at most ${REGEX_LENGTH_MAX} are read` });
  const reader = new RegexReader(source, ignoreCase);
  try {
    const node = reader.read();
    const size = sizeOf(node);
    if (size > REGEX_SIZE_MAX)
      return err({
        at: 0,
        why: `with its repetitions written out it has ${size} parts; at most ${REGEX_SIZE_MAX} are compiled`,
      });
    return ok(node);
  } catch (fault) {
    if (fault instanceof Unreadable) return err({ at: fault.at, why: fault.message });
    throw fault;
  }
}

/** Places that the expression takes when repetitions are written out. */
export function sizeOf(node: RegexNode): number {
  switch (node.op) {
    case "chars":
    case "start":
    case "end":
      return 1;
    case "seq":
    case "alt":
      return node.parts.reduce((sum, part) => sum + sizeOf(part), 1);
    case "repeat":
      return 1 + sizeOf(node.of) * Math.max(1, node.max ?? node.min + 1);
  }
}

class Unreadable extends Error {
  readonly at: number;
  constructor(at: number, why: string) {
    super(why);
    this.at = at;
  }
}

class RegexReader {
  readonly #source: string;
  readonly #ignoreCase: boolean;
  #at = 0;
  #depth = 0;

  constructor(source: string, ignoreCase: boolean) {
    this.#source = source;
    this.#ignoreCase = ignoreCase;
  }

  read(): RegexNode {
    const node = this.#alternatives();
    if (this.#at < this.#source.length) return this.#fail("this `)` closes nothing; write \\) for the character");
    return node;
  }

  #fail(why: string, at = this.#at): never {
    throw new Unreadable(at, why);
  }

  #peek(): string {
    return this.#source[this.#at] ?? "";
  }

  #alternatives(): RegexNode {
    if (++this.#depth > REGEX_NESTING_MAX) this.#fail(`groups are nested more than ${REGEX_NESTING_MAX} deep`);
    const parts = [this.#sequence()];
    while (this.#peek() === "|") {
      this.#at++;
      parts.push(this.#sequence());
    }
    this.#depth--;
    return parts.length === 1 ? parts[0]! : { op: "alt", parts };
  }

  #sequence(): RegexNode {
    const parts: RegexNode[] = [];
    while (this.#at < this.#source.length && this.#peek() !== "|" && this.#peek() !== ")") parts.push(this.#repeated());
    return parts.length === 1 ? parts[0]! : { op: "seq", parts };
  }

  #repeated(): RegexNode {
    const from = this.#at;
    const node = this.#atom();
    const bounds = this.#bounds();
    if (bounds === null) return node;
    if (node.op === "start" || node.op === "end") this.#fail("`^` and `$` can't be repeated", from);
    // `*?` finds the same texts as `*`: whether something matches does not depend on which match is tried first.
    if (this.#peek() === "?") this.#at++;
    if (this.#bounds() !== null) this.#fail("a repetition of a repetition; put the inner one in brackets", from);
    return { op: "repeat", of: node, ...bounds };
  }

  #bounds(): { readonly min: number; readonly max: number | null } | null {
    switch (this.#peek()) {
      case "*":
        this.#at++;
        return { min: 0, max: null };
      case "+":
        this.#at++;
        return { min: 1, max: null };
      case "?":
        this.#at++;
        return { min: 0, max: 1 };
      case "{": {
        const found = /^\{(\d{1,5})(,(\d{0,5}))?\}/.exec(this.#source.slice(this.#at, this.#at + 16));
        if (found === null) return this.#fail("`{` begins a count such as {2} or {2,4}; write \\{ for the character");
        const min = Number(found[1]);
        const max = found[2] === undefined ? min : found[3] === "" ? null : Number(found[3]);
        if (min > REGEX_REPEAT_MAX || (max ?? 0) > REGEX_REPEAT_MAX)
          this.#fail(`a part may be repeated ${REGEX_REPEAT_MAX} times at most`);
        if (max !== null && max < min) this.#fail("the second count is lower than the first");
        this.#at += found[0].length;
        return { min, max };
      }
      default:
        return null;
    }
  }

  #atom(): RegexNode {
    const from = this.#at;
    const char = String.fromCodePoint(this.#source.codePointAt(this.#at)!);
    this.#at += char.length;
    switch (char) {
      case "^":
        return { op: "start" };
      case "$":
        return { op: "end" };
      case ".":
        return { op: "chars", ranges: DOT };
      case "[":
        return this.#class(from);
      case "(": {
        if (this.#source.startsWith("?:", this.#at)) this.#at += 2;
        else if (this.#peek() === "?")
          this.#fail("only (?:…) is read: what looks ahead or behind can't be matched in linear time", from);
        const inner = this.#alternatives();
        if (this.#peek() !== ")") this.#fail("this `(` is not closed", from);
        this.#at++;
        return inner;
      }
      case "*":
      case "+":
      case "?":
        return this.#fail(`there is nothing before this \`${char}\` to repeat`, from);
      case "{":
        return this.#fail("there is nothing before this `{` to repeat; write \\{ for the character", from);
      case "\\":
        return { op: "chars", ranges: this.#folded(this.#escape(from)) };
      default:
        return { op: "chars", ranges: this.#folded([[code(char), code(char)]]) };
    }
  }

  /** Behind a backslash. */
  #escape(from: number): readonly CodeRange[] {
    const point = this.#source.codePointAt(this.#at);
    if (point === undefined) return this.#fail("a backslash at the end stands for nothing", from);
    const char = String.fromCodePoint(point);
    this.#at += char.length;
    const known = Object.hasOwn(CLASSES, char) ? CLASSES[char] : undefined;
    if (known !== undefined) return known;
    const control = Object.hasOwn(CONTROLS, char) ? CONTROLS[char] : undefined;
    if (control !== undefined) return [[control, control]];
    if (char === "x" || char === "u") {
      const form = char === "x" ? /^[0-9a-fA-F]{2}/ : /^(?:\{([0-9a-fA-F]{1,6})\}|[0-9a-fA-F]{4})/;
      const found = form.exec(this.#source.slice(this.#at, this.#at + 10));
      const value = found === null ? Number.NaN : Number.parseInt(found[1] ?? found[0], 16);
      if (!(value <= LAST)) return this.#fail(`\\${char} needs the number of a character, in hex`, from);
      this.#at += found![0].length;
      return [[value, value]];
    }
    if (/[A-Za-z0-9]/.test(char)) {
      const why =
        char === "b" || char === "B"
          ? "word boundaries are not read; name the characters that may stand beside, or use ^ and $"
          : /[0-9]/.test(char)
            ? "references to groups can't be matched in linear time"
            : `\\${char} means nothing here`;
      return this.#fail(why, from);
    }
    return [[point, point]];
  }

  #class(from: number): RegexNode {
    const negated = this.#peek() === "^";
    if (negated) this.#at++;
    const ranges: CodeRange[] = [];
    for (let first = true; ; first = false) {
      if (this.#at >= this.#source.length) this.#fail("this `[` is not closed", from);
      if (this.#peek() === "]" && !first) break;
      const at = this.#at;
      const low = this.#classItem();
      if (this.#peek() === "-" && this.#source[this.#at + 1] !== "]" && this.#at + 1 < this.#source.length) {
        this.#at++;
        const high = this.#classItem();
        if (low.length !== 1 || low[0]![0] !== low[0]![1] || high.length !== 1 || high[0]![0] !== high[0]![1])
          return this.#fail("a range goes from one character to another", at);
        if (high[0]![0] < low[0]![0]) return this.#fail("this range goes backwards", at);
        ranges.push([low[0]![0], high[0]![0]]);
      } else ranges.push(...low);
    }
    this.#at++;
    const folded = this.#folded(merge(ranges));
    return { op: "chars", ranges: negated ? negate(folded) : folded };
  }

  #classItem(): readonly CodeRange[] {
    const from = this.#at;
    const point = this.#source.codePointAt(this.#at)!;
    this.#at += point > 0xffff ? 2 : 1;
    return point === code("\\") ? this.#escape(from) : [[point, point]];
  }

  #folded(ranges: readonly CodeRange[]): readonly CodeRange[] {
    return this.#ignoreCase ? merge([...ranges, ...ranges.flatMap(otherCases)]) : ranges;
  }
}

/** ASCII letters of a range in the other case; of a single character beyond ASCII, its simple counterpart. */
function otherCases([low, high]: CodeRange): readonly CodeRange[] {
  const found: CodeRange[] = [];
  const shift = (from: number, to: number, by: number): void => {
    const a = Math.max(low, from);
    const b = Math.min(high, to);
    if (a <= b) found.push([a + by, b + by]);
  };
  shift(65, 90, 32);
  shift(97, 122, -32);
  if (low === high && low > 127) {
    const char = String.fromCodePoint(low);
    for (const other of [char.toLowerCase(), char.toUpperCase()])
      if ([...other].length === 1) found.push([code(other), code(other)]);
  }
  return found;
}

/** Ascending, joined where they touch. */
function merge(ranges: readonly CodeRange[]): readonly CodeRange[] {
  const merged: [number, number][] = [];
  for (const [low, high] of [...ranges].sort((a, b) => a[0] - b[0])) {
    const last = merged[merged.length - 1];
    if (last !== undefined && low <= last[1] + 1) last[1] = Math.max(last[1], high);
    else merged.push([low, high]);
  }
  return merged;
}

function negate(ranges: readonly CodeRange[]): readonly CodeRange[] {
  const found: CodeRange[] = [];
  let next = 0;
  for (const [low, high] of ranges) {
    if (low > next) found.push([next, low - 1]);
    next = high + 1;
  }
  if (next <= LAST) found.push([next, LAST]);
  return found;
}

/** Whether `^` or `$` stands anywhere in it. */
export function hasAnchor(node: RegexNode): boolean {
  switch (node.op) {
    case "start":
    case "end":
      return true;
    case "chars":
      return false;
    case "repeat":
      return hasAnchor(node.of);
    case "seq":
    case "alt":
      return node.parts.some(hasAnchor);
  }
}
