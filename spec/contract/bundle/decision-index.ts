/**
 * The index of a bundle: for each rule the cubes that make it fire, so that a decision looks at a few words of bits instead
 * of running every condition. All of it is data; what it means is said here and in `spec/formats/bundle.md`.
 */

/** How the values of a fact are told apart. `elements`: a set or list of texts; `presence`: only whether it is there. */
export const DIMENSION_KINDS = ["bool", "int", "text", "address", "elements", "presence"] as const;
export type DimensionKind = (typeof DIMENSION_KINDS)[number];

/**
 * A yes-or-no question about one value (of a set: about one element). Every answer is no when the fact is absent; whether an
 * address that can't be read lies in a `range` is unknown.
 */
export type Atom =
  | { readonly kind: "exists" }
  /** The value, as text, is one of these; sorted, each once. */
  | { readonly kind: "one-of"; readonly values: readonly string[] }
  | { readonly kind: "below" | "at-most" | "above" | "at-least"; readonly bound: number }
  | { readonly kind: "range"; readonly cidr: string }
  /** Answered by the automaton that accepts for this atom. */
  | { readonly kind: "pattern"; readonly text: string };

/** One fact, or one key of a map fact, with all that is asked about it. */
export interface Dimension {
  readonly path: string;
  readonly key: string | null;
  readonly kind: DimensionKind;
  readonly atoms: readonly Atom[];
}

/**
 * When an automaton's state answers yes for an atom: at the end of the text; or as soon as it is reached, whatever follows;
 * or as soon as it is reached, if no `/` follows. The last two are what a pattern's trailing `**` and `*` mean.
 */
export const ACCEPT_WHEN = ["end", "across", "segment"] as const;
export interface Accept {
  readonly state: number;
  readonly when: (typeof ACCEPT_WHEN)[number];
  readonly atoms: readonly number[];
}

/** A deterministic automaton over code points that answers several pattern atoms of one dimension. It begins in state 0. */
export interface Automaton {
  readonly dimension: number;
  /** First code points of runs that are read alike; ascending, the first is 0. */
  readonly starts: readonly number[];
  /** The input class of each run. */
  readonly inputs: readonly number[];
  readonly inputCount: number;
  /** `state * inputCount + input` gives the next state. */
  readonly next: Uint32Array;
  readonly accepts: readonly Accept[];
}

/** Whether the formula must hold of the value, of some element, or of every element. */
export const CONSTRAINT_MODES = ["is", "any", "all"] as const;
export type ConstraintMode = (typeof CONSTRAINT_MODES)[number];

/**
 * What one cube asks of one dimension. `formula` is in postfix form: a leaf is `atom * 4 + negated * 2 + whenUnknown`, the
 * rest are the marks below. `whenUnknown` of the constraint is the answer for `any` and `all` when the set is unknown; for
 * `is` each leaf has its own.
 */
export interface Constraint {
  readonly dimension: number;
  readonly mode: ConstraintMode;
  readonly whenUnknown: boolean;
  readonly formula: readonly number[];
}
export const FORMULA = { and: -1, or: -2, yes: -3, no: -4 } as const;

/** A rule fires when all constraints of one of its cubes hold, and, unless the cube is exact, its condition says so too. */
export interface Cube {
  readonly rule: number;
  readonly exact: boolean;
  readonly constraints: readonly number[];
}

export interface DecisionIndex {
  readonly dimensions: readonly Dimension[];
  readonly automata: readonly Automaton[];
  readonly constraints: readonly Constraint[];
  /** Ascending by rule. */
  readonly cubes: readonly Cube[];
}
