import type { Atom, Dimension, DimensionKind } from "../../spec/contract/bundle/index.ts";
import type { Pattern } from "./pattern.ts";

interface Draft {
  readonly path: string;
  readonly key: string | null;
  readonly kind: DimensionKind;
  readonly atoms: Atom[];
  readonly atomAt: Map<string, number>;
  /** The pattern of each pattern atom. */
  readonly patterns: Map<number, Pattern>;
}

/** The facts that conditions ask about, and the questions, each once. Numbers are given in the order of asking. */
export class Dimensions {
  readonly #drafts: Draft[] = [];
  readonly #at = new Map<string, number>();

  of(path: string, key: string | null, kind: DimensionKind): number {
    const name = JSON.stringify([path, key, kind]);
    const known = this.#at.get(name);
    if (known !== undefined) return known;
    this.#drafts.push({ path, key, kind, atoms: [], atomAt: new Map(), patterns: new Map() });
    this.#at.set(name, this.#drafts.length - 1);
    return this.#drafts.length - 1;
  }

  atom(dimension: number, atom: Atom): number {
    const draft = this.#drafts[dimension]!;
    const name = JSON.stringify(atom);
    const known = draft.atomAt.get(name);
    if (known !== undefined) return known;
    draft.atoms.push(atom);
    draft.atomAt.set(name, draft.atoms.length - 1);
    return draft.atoms.length - 1;
  }

  pattern(dimension: number, pattern: Pattern): number {
    const atom = this.atom(dimension, { kind: "pattern", text: pattern.name });
    this.#drafts[dimension]!.patterns.set(atom, pattern);
    return atom;
  }

  patternsOf(dimension: number): ReadonlyMap<number, Pattern> {
    return this.#drafts[dimension]!.patterns;
  }

  all(): readonly Dimension[] {
    return this.#drafts.map(({ path, key, kind, atoms }) => ({ path, key, kind, atoms }));
  }

  get count(): number {
    return this.#drafts.length;
  }
}
