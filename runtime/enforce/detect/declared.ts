import type { DetectorCheck, DetectorSpec, Expression } from "../../../spec/contract/bundle/index.ts";
import type { Probe } from "./built-in.ts";
import { DECLARED_MATCH_BYTES_MAX, DECLARED_PREFIX_BYTES_MAX } from "./limits.ts";
import type { Trigger, TriggerStep } from "./trigger-automaton.ts";
import { MORE, NO, YES, type Candidate, type Verdict } from "./verify/candidate.ts";
import { luhn, mod97 } from "./verify/checks.ts";

/** The state that nothing leaves; see `Expression`. */
const DEAD = 1;
const ASCII = 128;
const POINT_MAX = 0x10ffff;
const REPLACEMENT = 0xfffd;

/** A detector that the policy declares: its expression's possible beginnings as a trigger, the expression itself to decide. */
export function declaredProbe(spec: DetectorSpec, expression: Expression): Probe {
  const walk = new ExpressionWalk(expression);
  const trigger = prefixOf(expression);
  const { check } = spec;
  return {
    trigger,
    verify(bytes, _start, at, end, out): Verdict {
      const from = at - trigger.length + 1;
      out.from = from;
      const found = walk.longest(bytes, from, end, out);
      if (found !== YES) return found;
      return check === null || confirms(check, bytes, from, out.to) ? YES : NO;
    },
  };
}

function confirms(check: DetectorCheck, bytes: Uint8Array, from: number, to: number): boolean {
  let text = "";
  for (let i = from; i < to; i++) {
    const byte = bytes[i]!;
    const digit = byte >= 0x30 && byte <= 0x39;
    const letter = (byte >= 0x41 && byte <= 0x5a) || (byte >= 0x61 && byte <= 0x7a);
    if (digit || (letter && check === "mod97")) text += String.fromCharCode(byte);
  }
  switch (check) {
    case "luhn":
      return luhn([...text].map(Number));
    case "mod97":
      // An account number carries its check digits in front, behind two letters.
      return text.length > 4 && mod97(/^[A-Za-z]{2}/.test(text) ? text.slice(4) + text.slice(0, 4) : text) === 1;
  }
}

/** The bytes that a match can begin with, place by place, as far as they are told exactly. */
function prefixOf({ starts, inputs, inputCount, next, accepting }: Expression): Trigger {
  const accepts = new Set(accepting);
  const steps: TriggerStep[] = [];
  let states: ReadonlySet<number> = new Set([0]);
  for (let depth = 0; depth < DECLARED_PREFIX_BYTES_MAX; depth++) {
    if (depth > 0 && [...states].some((state) => accepts.has(state))) break;
    const bytes = new Set<number>();
    const reached = new Set<number>();
    let beyond = false;
    for (const [run, from] of starts.entries()) {
      const to = (starts[run + 1] ?? POINT_MAX + 1) - 1;
      let lives = false;
      for (const state of states) {
        const after = next[state * inputCount + inputs[run]!]!;
        if (after === DEAD) continue;
        lives = true;
        reached.add(after);
      }
      if (!lives) continue;
      for (let byte = from; byte <= Math.min(to, ASCII - 1); byte++) bytes.add(byte);
      if (to >= ASCII) beyond = true;
    }
    // Any byte of a character outside of ASCII stands for all that begin so; what is not UTF-8 reads as U+FFFD.
    if (beyond) for (let byte = ASCII; byte < 256; byte++) bytes.add(byte);
    steps.push({ bytes, optional: false });
    if (beyond) break;
    states = reached;
  }
  return steps;
}

/** An expression's automaton over the bytes of UTF-8. */
class ExpressionWalk {
  readonly #expression: Expression;
  readonly #ascii: Uint32Array;
  readonly #accepts: Uint8Array;

  constructor(expression: Expression) {
    this.#expression = expression;
    this.#accepts = new Uint8Array(expression.next.length / expression.inputCount);
    for (const state of expression.accepting) this.#accepts[state] = 1;
    this.#ascii = Uint32Array.from({ length: ASCII }, (_, point) => this.#inputOf(point));
  }

  /** The longest match, not empty, that begins at `from`; `out.to` is its end. */
  longest(bytes: Uint8Array, from: number, end: number, out: Candidate): Verdict {
    const { next, inputCount } = this.#expression;
    let state = 0;
    let to = -1;
    let i = from;
    while (i < end) {
      if (to < 0 && i - from > DECLARED_MATCH_BYTES_MAX) return NO;
      let point = bytes[i]!;
      let size = 1;
      if (point >= ASCII) {
        if (i + sizeOf(point) > end && !out.final) return MORE;
        point = decode(bytes, i, end);
        size = point === REPLACEMENT && bytes[i] !== 0xef ? 1 : sizeOf(bytes[i]!);
      }
      state = next[state * inputCount + (point < ASCII ? this.#ascii[point]! : this.#inputOf(point))]!;
      if (state === DEAD) break;
      i += size;
      if (this.#accepts[state] === 1) to = i;
    }
    if (state !== DEAD && i >= end && !out.final && i - from <= DECLARED_MATCH_BYTES_MAX) return MORE;
    if (to < 0) return NO;
    out.to = to;
    return YES;
  }

  #inputOf(point: number): number {
    const { starts, inputs } = this.#expression;
    let low = 0;
    let high = starts.length - 1;
    while (low < high) {
      const middle = (low + high + 1) >> 1;
      if (starts[middle]! <= point) low = middle;
      else high = middle - 1;
    }
    return inputs[low]!;
  }
}

/** Bytes of the character that a first byte announces. */
const sizeOf = (first: number): number =>
  first < 0xc2 ? 1 : first < 0xe0 ? 2 : first < 0xf0 ? 3 : first < 0xf5 ? 4 : 1;

/** The character at a place, U+FFFD when there is none. Source: RFC 3629 section 3. */
function decode(bytes: Uint8Array, at: number, end: number): number {
  const first = bytes[at]!;
  const size = sizeOf(first);
  if (size === 1 || at + size > end) return REPLACEMENT;
  let point = first & (0x7f >> size);
  for (let i = 1; i < size; i++) {
    const byte = bytes[at + i]!;
    if ((byte & 0xc0) !== 0x80) return REPLACEMENT;
    point = (point << 6) | (byte & 0x3f);
  }
  return point;
}
