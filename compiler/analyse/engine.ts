import { UNKNOWN, type FactValue, type ProtocolName } from "../../spec/contract/facts/index.ts";
import type { FactMap } from "../../lang/index.ts";
import { Candidate } from "./candidate.ts";
import { Conditions } from "./condition.ts";
import { solveGroup, type GroupValues } from "./group.ts";
import { literalHolds } from "./holds.ts";
import { BRANCHES_MAX, ELEMENT_BRANCHES_MAX, WEIGHED_MAX } from "./limits.ts";
import { YES, type Literal, type Node, type Place } from "./literal.ts";
import { repairs } from "./repair.ts";

/** A constraint that a candidate does not meet. `tag` says whose it is; -1: of the question itself. */
export interface Clause {
  readonly tag: number;
  readonly node: Node;
}

/** Constraints that are too many to be stated at once: those that a candidate breaks are asked for. */
export interface Watch {
  readonly broken: (candidate: Candidate) => readonly Clause[];
}

export interface Question {
  readonly all: readonly Node[];
  readonly watch: Watch | null;
  /** Judges the action that was found, by the oracle. What it refuses is never reported. Null: nothing found is reported. */
  readonly confirm: ((facts: FactMap) => boolean) | null;
}

/**
 * An action that was confirmed; or that there is none, with the tags of the constraints that the proof used; or no answer,
 * with the reason.
 */
export type Answer =
  | { readonly kind: "found"; readonly candidate: Candidate }
  | { readonly kind: "none"; readonly used: ReadonlySet<number> }
  | { readonly kind: "inconclusive"; readonly why: string };

interface State {
  readonly literals: ReadonlyMap<string, readonly Literal[]>;
  readonly groups: ReadonlyMap<string, GroupValues>;
  readonly pending: readonly Node[];
  /** Nodes of which a part was asserted: that part now stands for them. */
  readonly taken: ReadonlySet<Node>;
}

const EMPTY: State = { literals: new Map(), groups: new Map(), pending: [], taken: new Set() };

interface Run {
  readonly question: Question;
  readonly used: Set<number>;
  readonly branchesMax: number;
  branches: number;
  why: string | null;
}

/**
 * Finds actions. A candidate is put together from the values that the literals asserted so far leave; a constraint that it
 * breaks is branched on; and so on until none is broken or no value is left. Places are solved one group at a time and
 * remembered, so that the same question about a fact is answered once.
 */
export class Engine {
  readonly conditions: Conditions;
  readonly #solved = new Map<string, GroupValues | "none" | "inconclusive">();
  /** The same for one literal alone, by its number. */
  readonly #solvedOne: (GroupValues | "none" | "inconclusive" | undefined)[] = [];
  readonly #elements = new Map<Node, ReadonlyMap<Place, FactValue> | "none" | "inconclusive">();

  constructor(protocol: ProtocolName) {
    this.conditions = new Conditions(protocol);
  }

  ask(question: Question, branchesMax = BRANCHES_MAX): Answer {
    const run: Run = { question, used: new Set(), branchesMax, branches: 0, why: null };
    const start = this.#assert(EMPTY, question.all, run);
    const found = start === null ? null : this.#solve(start, run);
    if (found !== null) return found;
    return run.why === null ? { kind: "none", used: run.used } : { kind: "inconclusive", why: run.why };
  }

  /**
   * Whether there is an action on which all of the nodes hold. Literals of groups that nothing joins are each answered alone,
   * without an action being put together; everything else is asked as a question.
   */
  possible(nodes: readonly Node[]): Answer["kind"] {
    return this.#apart(nodes, null) ?? this.ask({ all: nodes, watch: null, confirm: null }).kind;
  }

  /** Whether the node is certain to hold on an action of which every fact is known. False says nothing. */
  surelyKnown(node: Node): boolean {
    return this.#apart([node], isKnown) === "found";
  }

  /** Whether the nodes are literals of one group each, no two of one, and each has a value on which it holds. */
  holdApart(nodes: readonly Node[]): boolean {
    const own: Literal[] = [];
    for (const node of nodes) if (node.op !== "literal" || !this.#addApart(node, own)) return false;
    if (own.length < nodes.length) return false;
    for (let i = 0; i < own.length; i++) if (typeof this.#solvedAlone(own[i]!) === "string") return false;
    return true;
  }

  /** The answer for literals of one group each; null when they hang together, or when a solution is not as it should be. */
  #apart(nodes: readonly Node[], fits: ((solved: GroupValues) => boolean) | null): Answer["kind"] | null {
    const own: Literal[] = [];
    for (const node of nodes) if (!this.#addApart(node, own)) return null;
    for (let i = 0; i < own.length; i++) {
      const solved = this.#solvedAlone(own[i]!);
      if (typeof solved === "string") return solved;
      if (fits !== null && !fits(solved)) return null;
    }
    return "found";
  }

  /** Puts the literals of a conjunction to others; false when one of them hangs together with another. */
  #addApart(node: Node, own: Literal[]): boolean {
    if (node.op === "and") {
      for (let i = 0; i < node.parts.length; i++) if (!this.#addApart(node.parts[i]!, own)) return false;
      return true;
    }
    if (node.op !== "literal") return node.op === "yes";
    const { place } = node.literal;
    for (let i = 0; i < own.length; i++) {
      if (own[i] === node.literal) return true;
      if (own[i]!.place.group === place.group) return false;
    }
    if (place.whole !== null || this.conditions.axiomsOf(place) !== YES) return false;
    own.push(node.literal);
    return true;
  }

  /** Whether a conjunction has values at all, without a search: false is certain, true is not. */
  maybe(nodes: readonly Node[]): boolean {
    const run: Run = { question: ALONE, used: new Set(), branchesMax: 1, branches: 0, why: null };
    return this.#assert(EMPTY, nodes, run) !== null || run.why !== null;
  }

  #candidate(groups: ReadonlyMap<string, GroupValues>, strict: boolean): Candidate {
    const { literals, kinds } = this.conditions;
    return new Candidate(groups, literals, kinds, strict);
  }

  #assert(state: State, nodes: readonly Node[], run: Run): State | null {
    const pending = state.pending.slice();
    const touched = new Map<string, Literal[]>();
    for (const node of nodes) if (!this.#add(node, state, pending, touched)) return null;
    if (touched.size === 0) return { ...state, pending };
    const fresh = state.literals.size === 0;
    const literals = fresh ? touched : new Map(state.literals);
    const groups = fresh ? new Map<string, GroupValues>() : new Map(state.groups);
    for (const [group, own] of touched) {
      const solved = this.#group(group, own);
      if (solved === "none") return null;
      if (solved === "inconclusive") {
        run.why ??= "a condition's patterns need too many states";
        return null;
      }
      if (!fresh) literals.set(group, own);
      groups.set(group, solved);
    }
    return { literals, groups, pending, taken: state.taken };
  }

  /** Puts a node to what is asserted; false when it says no. */
  #add(node: Node, state: State, pending: Node[], touched: Map<string, Literal[]>): boolean {
    switch (node.op) {
      case "yes":
        return true;
      case "no":
        return false;
      case "or":
        pending.push(node);
        return true;
      case "and":
        for (let i = 0; i < node.parts.length; i++)
          if (!this.#add(node.parts[i]!, state, pending, touched)) return false;
        return true;
      case "literal": {
        const { literal } = node;
        const { group } = literal.place;
        let own = touched.get(group);
        if (own === undefined) touched.set(group, (own = state.literals.get(group)?.slice() ?? []));
        if (own.includes(literal)) return true;
        own.push(literal);
        const axiom = this.conditions.axiomsOf(literal.place);
        return axiom === YES || this.#add(axiom, state, pending, touched);
      }
    }
  }

  #group(group: string, own: readonly Literal[]): GroupValues | "none" | "inconclusive" {
    if (own.length === 1) return this.#solvedAlone(own[0]!);
    let key = group;
    if (own.length === 2) {
      const [a, b] = [own[0]!.id, own[1]!.id];
      key += a < b ? ` ${a},${b}` : ` ${b},${a}`;
    } else {
      const ids = Int32Array.from(own, (literal) => literal.id).sort();
      for (const id of ids) key += ` ${id}`;
    }
    const known = this.#solved.get(key);
    if (known !== undefined) return known;
    const solved = this.#solveGroup(own);
    this.#solved.set(key, solved);
    return solved;
  }

  #solvedAlone(literal: Literal): GroupValues | "none" | "inconclusive" {
    return (this.#solvedOne[literal.id] ??= this.#solveGroup([literal]));
  }

  #solveGroup(own: readonly Literal[]): GroupValues | "none" | "inconclusive" {
    return checked(
      own,
      solveGroup(own, this.conditions.kinds, (formula) => this.#element(formula)),
    );
  }

  /** An element of a set, by the same search over the element's own places. */
  #element(formula: Node): ReadonlyMap<Place, FactValue> | "none" | "inconclusive" {
    const run: Run = { question: ALONE, used: new Set(), branchesMax: ELEMENT_BRANCHES_MAX, branches: 0, why: null };
    const walk = (state: State | null): ReadonlyMap<Place, FactValue> | null => {
      if (state === null) return null;
      if (++run.branches > run.branchesMax) {
        run.why ??= "an element's condition has too many branches";
        return null;
      }
      const candidate = this.#candidate(state.groups, false);
      const broken = state.pending.find((node) => !candidate.fits(node));
      if (broken === undefined) {
        const values = new Map<Place, FactValue>();
        for (const group of state.groups.values()) for (const [place, value] of group.values) values.set(place, value);
        return values;
      }
      const rest = { ...state, pending: state.pending.filter((node) => node !== broken) };
      for (const part of broken.op === "or" ? broken.parts : [broken]) {
        const found = walk(this.#assert(rest, [part], run));
        if (found !== null) return found;
      }
      return null;
    };
    const known = this.#elements.get(formula);
    if (known !== undefined) return known;
    const found = walk(this.#assert(EMPTY, [formula], run)) ?? (run.why === null ? "none" : "inconclusive");
    this.#elements.set(formula, found);
    return found;
  }

  #solve(state: State, run: Run): Extract<Answer, { kind: "found" }> | null {
    if (++run.branches > run.branchesMax) {
      run.why ??= `more than ${run.branchesMax} cases`;
      return null;
    }
    const candidate = this.#candidate(state.groups, false);
    const broken = this.#broken(state, candidate, run);
    if (broken.length === 0) return this.#confirm(state, candidate, run);
    let best: { readonly clause: Clause; readonly states: readonly (readonly [Node, State])[] } | null = null;
    for (const clause of broken.slice(0, WEIGHED_MAX)) {
      const states: (readonly [Node, State])[] = [];
      for (const part of clause.node.op === "or" ? clause.node.parts : [clause.node]) {
        const next = this.#assert(state, [part], run);
        if (next !== null) states.push([part, next]);
        if (best !== null && states.length >= best.states.length) break;
      }
      if (best === null || states.length < best.states.length) best = { clause, states };
      if (states.length <= 1) break;
    }
    const { clause, states } = best!;
    if (clause.tag >= 0) run.used.add(clause.tag);
    const ruledOut: Node[] = [];
    const taken = new Set(state.taken).add(clause.node);
    for (const [part, reached] of knownFirst(states)) {
      const next = { ...reached, taken };
      const narrowed = ruledOut.length === 0 ? next : this.#assert(next, ruledOut, run);
      const found = narrowed === null ? null : this.#solve(narrowed, run);
      if (found !== null) return found;
      if (run.branches > run.branchesMax) return null;
      // What was searched with this part need not be searched again with another.
      if (part.op === "literal" && part.literal.place.whole === null)
        ruledOut.push(this.conditions.literals.complement(part));
    }
    return null;
  }

  #broken(state: State, candidate: Candidate, run: Run): readonly Clause[] {
    const broken: Clause[] = [];
    if (run.question.watch !== null)
      for (const clause of run.question.watch.broken(candidate)) if (!state.taken.has(clause.node)) broken.push(clause);
    for (const node of state.pending)
      if (!state.taken.has(node) && !candidate.fits(node)) broken.push({ tag: -1, node });
    return broken;
  }

  #confirm(state: State, candidate: Candidate, run: Run): Extract<Answer, { kind: "found" }> | null {
    const { confirm } = run.question;
    const good = (tried: Candidate): boolean => confirm === null || confirm(tried.facts());
    if (!speaksOfWholes(state)) {
      if (good(candidate)) return { kind: "found", candidate };
      run.why ??= "an action that should have done did not";
      return null;
    }
    const asserted = [...state.literals.values()].flat();
    const wholes = asserted.filter((literal) => literal.place.whole !== null);
    // What was assumed of conditions taken whole must be so.
    const first = this.#candidate(state.groups, true);
    const wrong = wholes.filter((literal) => !first.holds(literal));
    const others = wrong.length === 0 ? [] : repairs(wrong, state.groups, first, this.conditions);
    for (const groups of chain([state.groups], others)) {
      const tried = groups === state.groups ? first : this.#candidate(groups, true);
      const holds = asserted.every((literal) => tried.holds(literal));
      if (holds && this.#broken(state, tried, run).length === 0 && good(tried))
        return { kind: "found", candidate: tried };
    }
    run.why ??= "a condition compares one fact with another";
    return null;
  }
}

function speaksOfWholes({ literals }: State): boolean {
  for (const own of literals.values()) for (const { place } of own) if (place.whole !== null) return true;
  return false;
}

function isKnown({ unknown, values }: GroupValues): boolean {
  if (unknown) return false;
  for (const value of values.values()) if (value === UNKNOWN) return false;
  return true;
}

function* chain<T>(...all: readonly Iterable<T>[]): Generator<T> {
  for (const one of all) yield* one;
}

/** Actions on facts that are known are what a reader can picture, so they are looked for first. */
function knownFirst(states: readonly (readonly [Node, State])[]): readonly (readonly [Node, State])[] {
  if (states.length < 2) return states;
  const unknowns = ({ groups }: State): number => {
    let count = 0;
    for (const { unknown, values } of groups.values()) {
      if (unknown) count++;
      for (const value of values.values()) if (value === UNKNOWN) count++;
    }
    return count;
  };
  const counted = states.map((state) => ({ state, count: unknowns(state[1]) }));
  return counted.sort((a, b) => a.count - b.count).map(({ state }) => state);
}

/** A solution is believed when every literal holds for it, and not before. */
function checked(own: readonly Literal[], solved: GroupValues | "none" | "inconclusive"): typeof solved {
  if (typeof solved === "string") return solved;
  for (const literal of own)
    if (!literalHolds(literal, solved.unknown ? UNKNOWN : (solved.values.get(literal.place) ?? UNKNOWN)))
      return "inconclusive";
  return solved;
}

const ALONE: Question = { all: [], watch: null, confirm: null };
