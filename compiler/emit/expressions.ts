import type { CheckedRegex, Span } from "../../lang/index.ts";
import type { Expression } from "../../spec/contract/bundle/index.ts";
import { buildDfa, type DfaMode } from "../index/index.ts";
import { EXPRESSION_STATES } from "./limits.ts";

const NEVER: Expression = {
  source: "",
  starts: [0],
  inputs: [0],
  inputCount: 1,
  next: Uint32Array.from([1, 1]),
  accepting: [],
};

/** The expressions of one bundle, each once, as automata. */
export class Expressions {
  readonly all: Expression[] = [];
  /** Expressions that need more states than are allowed. The bundle must not be written when there is one. */
  readonly tooLarge: Span[] = [];
  readonly #at = new Map<string, number>();

  add({ source, ignoreCase, syntax, span }: CheckedRegex, mode: DfaMode): number {
    const written = `/${source}/${ignoreCase ? "i" : ""}`;
    const name = `${mode} ${written}`;
    const known = this.#at.get(name);
    if (known !== undefined) return known;
    const dfa = buildDfa([syntax], mode, EXPRESSION_STATES);
    if (dfa === null) this.tooLarge.push(span);
    const { accepts, ...automaton } = dfa ?? { ...NEVER, accepts: [] };
    this.all.push({
      source: written,
      starts: automaton.starts,
      inputs: automaton.inputs,
      inputCount: automaton.inputCount,
      next: automaton.next,
      accepting: accepts.flatMap((one, state) => (one.length > 0 ? [state] : [])),
    });
    this.#at.set(name, this.all.length - 1);
    return this.all.length - 1;
  }
}
