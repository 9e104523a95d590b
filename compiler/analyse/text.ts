import { WORD_STATES_MAX } from "./limits.ts";
import { wordsMachine, type Machine } from "./machine.ts";

/** Letters that stand for every character no pattern names, in the order in which people like to read them. */
const PLAIN = [..."abcdefghijklmnopqrstuvwxyz0123456789_-"].map((char) => char.codePointAt(0)!);

const LAST_CODE_POINT = 0x10ffff;

/**
 * The shortest text that every `wanted` machine accepts and no `unwanted` one, and that is none of `excluded`: breadth first
 * through the product of the machines. Null when there is none; "too-many-states" past the limit.
 */
export function shortestText(
  wanted: readonly Machine[],
  unwanted: readonly Machine[],
  excluded: readonly string[],
): { readonly text: string } | null | "too-many-states" {
  const machines = [...wanted, ...unwanted, ...(excluded.length === 0 ? [] : [wordsMachine(excluded)])];
  const alphabet = alphabetOf(machines);
  const start = machines.map((machine) => machine.start);
  const fits = (states: readonly string[]): boolean =>
    machines.every((machine, i) => machine.accepts(states[i]!) === i < wanted.length);
  if (fits(start)) return { text: "" };
  const seen = new Set([start.join("|")]);
  let ring: readonly { readonly states: readonly string[]; readonly text: string }[] = [{ states: start, text: "" }];
  while (ring.length > 0) {
    const next: { states: readonly string[]; text: string }[] = [];
    for (const { states, text } of ring) {
      for (const code of alphabet) {
        const to = machines.map((machine, i) => machine.step(states[i]!, code));
        // A wanted pattern that can go nowhere will not be met any more.
        if (to.some((state, i) => i < wanted.length && state === "")) continue;
        const key = to.join("|");
        if (seen.has(key)) continue;
        seen.add(key);
        const found = text + String.fromCodePoint(code);
        if (fits(to)) return { text: found };
        if (seen.size > WORD_STATES_MAX) return "too-many-states";
        next.push({ states: to, text: found });
      }
    }
    ring = next;
  }
  return null;
}

/** One code point for each way in which the machines read one, letters where there are some. */
function alphabetOf(machines: readonly Machine[]): readonly number[] {
  const cuts = [...new Set([0, ...machines.flatMap((machine) => machine.cuts)])].sort((a, b) => a - b);
  const found = new Map<string, number>();
  const consider = (code: number): void => {
    const way = machines.map((machine) => machine.classOf(code)).join();
    if (!found.has(way)) found.set(way, code);
  };
  for (const code of PLAIN) consider(code);
  for (let code = 33; code < 127; code++) consider(code);
  for (const [i, cut] of cuts.entries()) {
    if (cut > LAST_CODE_POINT) continue;
    const end = cuts[i + 1] ?? LAST_CODE_POINT + 1;
    // Half a surrogate pair is no character.
    const surrogate = cut >= 0xd800 && cut <= 0xdfff;
    if (!surrogate) consider(cut);
    else if (end > 0xe000) consider(0xe000);
  }
  return [...found.values()];
}
