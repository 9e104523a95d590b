import { WORD_STATES_MAX } from "./limits.ts";
import { wordsMachine, type Machine } from "./machine.ts";

/** Letters that stand for every character no pattern names, in the order in which people like to read them. */
const PLAIN = [..."abcdefghijklmnopqrstuvwxyz0123456789_-"].map((char) => char.codePointAt(0)!);

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
  const named = new Set(machines.flatMap((machine) => machine.codes));
  // One character that nobody names stands for all of them; the alphabet has far more than the patterns can name.
  const other = PLAIN.find((code) => !named.has(code)) ?? 0x4e00;
  const spare = named.has(other) ? freshCode(named) : other;
  const alphabet = [spare, ...[...named].sort((a, b) => a - b)];
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

function freshCode(named: ReadonlySet<number>): number {
  let code = 0x4e00;
  while (named.has(code)) code++;
  return code;
}
