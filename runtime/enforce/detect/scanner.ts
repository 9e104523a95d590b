import {
  DETECTOR_GROUPS,
  isDetector,
  type DetectorName,
  type DetectorSpec,
  type Expression,
} from "../../../spec/contract/bundle/index.ts";
import { PROBES, type Probe } from "./built-in.ts";
import { declaredProbe } from "./declared.ts";
import { EMAIL_LOCAL_BYTES_MAX } from "./limits.ts";
import { buildAutomaton, type TriggerAutomaton } from "./trigger-automaton.ts";
import { MORE, YES, type Candidate, type Verify } from "./verify/candidate.ts";
import { LOCAL } from "./verify/contact.ts";

/** Told of each match: place of the detector in `Scanner.names`, and `[from, to)`. Matches come in order and never overlap. */
export type OnMatch = (detector: number, from: number, to: number) => void;

/** What a bundle says of detectors. */
export interface DeclaredDetectors {
  readonly detectors: readonly DetectorSpec[];
  readonly expressions: readonly Expression[];
}

const SIGN = 0x40;

interface Closer {
  readonly detector: number;
  readonly verify: Verify;
}

/**
 * Finds what a set of detectors looks for, in one pass over bytes: an automaton that all of them share finds where something
 * may be (a table look-up for each byte), and hand-written checks decide there. The time is linear in the bytes, whatever
 * they are: each check reads a bounded way.
 */
export class Scanner {
  /** As they were asked for: a group's matches carry the group's name. */
  readonly names: readonly string[];
  readonly #automaton: TriggerAutomaton;
  readonly #closers: readonly Closer[];
  readonly #seesEmail: boolean;
  readonly #candidate: Candidate = { from: 0, to: 0, final: true, tail: null };

  /** @throws RangeError when a name is neither built in nor declared: the loader refuses such a bundle */
  constructor(names: readonly string[], declared: DeclaredDetectors) {
    this.names = names;
    const probes: { readonly detector: number; readonly probe: Probe }[] = [];
    for (const [detector, name] of names.entries())
      for (const probe of probesOf(name, declared)) probes.push({ detector, probe });
    this.#automaton = buildAutomaton(probes.map(({ probe }) => probe.trigger));
    this.#closers = probes.map(({ detector, probe }) => ({ detector, verify: probe.verify }));
    this.#seesEmail = names.includes("email");
  }

  /** False when nothing in `bytes[start, end)` can be a match, whatever parts it is made of. */
  mayMatch(bytes: Uint8Array, start: number, end: number): boolean {
    const { classes, next, accepting } = this.#automaton;
    let state = 0;
    for (let i = start; i < end; i++) {
      state = next[state + classes[bytes[i]!]!]!;
      if (state >= accepting) return true;
    }
    return false;
  }

  /** Whether there is a match at all. */
  matches(bytes: Uint8Array, start: number, end: number): boolean {
    let found = false;
    this.scan(bytes, start, end, () => {
      found = true;
    });
    return found;
  }

  /** Scans bytes that are whole: nothing before `start` nor behind `end` belongs to them. Answers the number of matches. */
  scan(bytes: Uint8Array, start: number, end: number, onMatch: OnMatch): number {
    this.#candidate.final = true;
    this.#run(bytes, start, start, end, onMatch);
    return this.#count;
  }

  /**
   * Scans a part of a stream. What stands before `from` is looked at as what precedes the part, but is settled already.
   *
   * @returns from where on nothing is settled: more bytes are needed, and matches may begin there
   */
  scanPart(bytes: Uint8Array, start: number, from: number, end: number, onMatch: OnMatch): number {
    this.#candidate.final = false;
    return this.#run(bytes, start, from, end, onMatch);
  }

  /** As `scanPart`, but nothing follows: all is settled. */
  scanPartFinally(bytes: Uint8Array, start: number, from: number, end: number, onMatch: OnMatch): void {
    this.#candidate.final = true;
    this.#run(bytes, start, from, end, onMatch);
  }

  #count = 0;
  #tail: Uint8Array | null = null;

  /** What the last match could have gone on with, had there been more bytes; null when it was whole. */
  get tail(): Uint8Array | null {
    return this.#tail;
  }

  #run(bytes: Uint8Array, start: number, from: number, end: number, onMatch: OnMatch): number {
    const { classes, next, accepting, classCount, ends, reach } = this.#automaton;
    const closers = this.#closers;
    const candidate = this.#candidate;
    let state = 0;
    let settled = from;
    this.#count = 0;
    for (let i = from; i < end; i++) {
      state = next[state + classes[bytes[i]!]!]!;
      if (state < accepting) continue;
      let best = -1;
      let bestFrom = 0;
      let bestTo = 0;
      let waits = -1;
      for (const place of ends[state / classCount]!) {
        const { detector, verify } = closers[place]!;
        candidate.tail = null;
        const verdict = verify(bytes, start, i, end, candidate);
        if (verdict === MORE) {
          const since = Math.max(candidate.from, settled);
          waits = waits < 0 ? since : Math.min(waits, since);
        } else if (
          verdict === YES &&
          candidate.from >= settled &&
          (best < 0 || candidate.to - candidate.from > bestTo - bestFrom)
        ) {
          best = detector;
          bestFrom = candidate.from;
          bestTo = candidate.to;
          this.#tail = candidate.tail;
        }
      }
      // What can't be told yet may be the longer match.
      if (waits >= 0) return waits;
      if (best < 0) continue;
      this.#count++;
      onMatch(best, bestFrom, bestTo);
      settled = bestTo;
      i = bestTo - 1;
      state = 0;
    }
    if (candidate.final) return end;
    let held = Math.max(settled, end - reach[state / classCount]!);
    if (this.#seesEmail) {
      // The name of an address comes before its sign.
      let at = end > settled && bytes[end - 1] === SIGN ? end - 1 : end;
      const earliest = Math.max(settled, at - EMAIL_LOCAL_BYTES_MAX);
      while (at > earliest && LOCAL[bytes[at - 1]!] === 1) at--;
      held = Math.min(held, at);
    }
    return held;
  }
}

/** A card, and a French number, may have begun this far before the digits that the automaton counts. */
function probesOf(name: string, { detectors, expressions }: DeclaredDetectors): readonly Probe[] {
  // The policy's own name wins: the checker lets none be that of a built-in one.
  const declared = detectors.find((one) => one.name === name);
  if (declared !== undefined) return [declaredProbe(declared, expressions[declared.expression]!)];
  if (!isDetector(name)) throw new RangeError(`there is no detector ${name}`);
  const members: readonly DetectorName[] = DETECTOR_GROUPS[name] ?? [name];
  return members.flatMap((member) => (member === "national_id" ? [] : PROBES[member]));
}
