import { ABSENT, PROTOCOLS, UNKNOWN, factsOf, type ProtocolName } from "../../spec/contract/facts/index.ts";
import type { CheckedRule } from "../../lang/index.ts";
import type { Candidate } from "./candidate.ts";
import type { Wanted } from "./condition.ts";
import type { Clause, Engine, Watch } from "./engine.ts";
import { elementsOf } from "./holds.ts";
import { WEIGHED_MAX } from "./limits.ts";
import { join, type Literal, type Node, type Place } from "./literal.ts";

const OPPOSITE = { true: "false", false: "true", "not-false": "not-true", "not-true": "not-false" } as const;

/** What a rule's condition must be for the rule to fire. */
export const firing = (rule: CheckedRule): Wanted => (rule.effect === "allow" ? "true" : "not-false");

/** `when` and not `unless`, wanted so. */
export function conditionNode(engine: Engine, rule: CheckedRule, wanted: "true" | "not-false"): Node {
  const parts: Node[] = [];
  if (rule.when !== null) parts.push(engine.conditions.node(rule.when, wanted));
  if (rule.unless !== null) parts.push(engine.conditions.node(rule.unless, OPPOSITE[wanted]));
  return join("and", parts);
}

/** A rule with the formulas that say when it fires and when it does not. `tag` is its place in the list it came from. */
export class Entry {
  readonly tag: number;
  readonly rule: CheckedRule;
  readonly fires: Node;
  readonly #engine: Engine;
  #silent: Node | null = null;

  constructor(engine: Engine, rule: CheckedRule, tag: number) {
    this.tag = tag;
    this.rule = rule;
    this.fires = conditionNode(engine, rule, rule.effect === "allow" ? "true" : "not-false");
    this.#engine = engine;
  }

  /** Of most rules never asked for, so made when it is. */
  get silent(): Node {
    return (this.#silent ??= this.#engine.conditions.literals.complement(this.fires));
  }
}

export const entryOf = (engine: Engine, rule: CheckedRule, tag: number): Entry => new Entry(engine, rule, tag);

interface Key {
  readonly place: Place;
  readonly values: readonly string[];
}

/** Constants of which one must be met for the formula to hold. */
function keysOf(node: Node): readonly Key[] {
  const keys: Key[] = [];
  for (const part of node.op === "and" ? node.parts : [node]) {
    const key = part.op === "literal" ? keyOf(part.literal) : null;
    if (key !== null) keys.push(key);
  }
  return keys;
}

function keyOf({ place, test }: Literal): Key | null {
  if (test.kind === "atom")
    return test.atom.kind === "one-of" && !test.negated && place.whole === null
      ? { place, values: test.atom.values }
      : null;
  if (test.kind !== "any" || test.formula.op !== "literal") return null;
  // A field of an element is not what the set's own values are filed under.
  if (test.formula.literal.place.path !== `${place.path}[]`) return null;
  const inner = test.formula.literal.test;
  return inner.kind === "atom" && inner.atom.kind === "one-of" && !inner.negated
    ? { place, values: inner.atom.values }
    : null;
}

/**
 * Rules by the constants that they need: of a candidate's values only the rules that share one are looked at. Each rule is
 * filed under the rarest of its constants.
 */
export class RuleIndex {
  readonly #postings: readonly { readonly place: Place; readonly byValue: ReadonlyMap<string, readonly Entry[]> }[];
  readonly #others: Entry[] = [];

  constructor(entries: readonly Entry[]) {
    const postings = new Map<Place, Map<string, Entry[]>>();
    // By place's number, and within a place by value.
    const seen: Map<string, number>[] = [];
    const all = entries.map((entry) => ({ entry, keys: keysOf(entry.fires) }));
    for (const { keys } of all)
      for (let i = 0; i < keys.length; i++) {
        const { place, values } = keys[i]!;
        const counts = (seen[place.id] ??= new Map<string, number>());
        for (let j = 0; j < values.length; j++) counts.set(values[j]!, (counts.get(values[j]!) ?? 0) + 1);
      }
    const weight = ({ place, values }: Key): number => {
      const counts = seen[place.id]!;
      let sum = 0;
      for (let j = 0; j < values.length; j++) sum += counts.get(values[j]!)!;
      return sum;
    };
    for (const { entry, keys } of all) {
      let best: Key | null = null;
      let least = Infinity;
      for (let i = 0; i < keys.length; i++) {
        const own = weight(keys[i]!);
        if (own < least) {
          best = keys[i]!;
          least = own;
        }
      }
      if (best === null) {
        this.#others.push(entry);
        continue;
      }
      let byValue = postings.get(best.place);
      if (byValue === undefined) postings.set(best.place, (byValue = new Map<string, Entry[]>()));
      for (const value of best.values) {
        const list = byValue.get(value);
        if (list === undefined) byValue.set(value, [entry]);
        else list.push(entry);
      }
    }
    this.#postings = [...postings].map(([place, byValue]) => ({ place, byValue }));
  }

  /** Lists of rules that may fire on a candidate; each such rule is in one of them at least. */
  near(candidate: Candidate): readonly (readonly Entry[])[] {
    const lists: (readonly Entry[])[] = [];
    if (this.#others.length > 0) lists.push(this.#others);
    for (let i = 0; i < this.#postings.length; i++) {
      const { place, byValue } = this.#postings[i]!;
      const value = candidate.valueOf(place);
      if (value === ABSENT) continue;
      if (value === UNKNOWN) {
        for (const list of byValue.values()) lists.push(list);
      } else if (typeof value !== "object") put(byValue.get(String(value)), lists);
      else for (const one of elementsOf(value)) put(byValue.get(String(one)), lists);
    }
    return lists;
  }
}

function put(list: readonly Entry[] | undefined, lists: (readonly Entry[])[]): void {
  if (list !== undefined) lists.push(list);
}

/** The constraint that no rule of these fires, but for those that are let off. */
export function noneFires(indexes: readonly RuleIndex[], letOff: (entry: Entry) => boolean): Watch {
  return {
    broken: (candidate) => {
      const found: Clause[] = [];
      for (const index of indexes)
        for (const list of index.near(candidate))
          for (let i = 0; i < list.length; i++) {
            const entry = list[i]!;
            if (found.length >= WEIGHED_MAX) return found;
            if (!candidate.fits(entry.fires) || letOff(entry)) continue;
            if (!found.some((one) => one.tag === entry.tag)) found.push({ tag: entry.tag, node: entry.silent });
          }
      return found;
    },
  };
}

/**
 * Protocols that need to be looked at once: the same facts, and the same rules of all the lists.
 */
export function protocolGroups(
  lists: readonly (readonly CheckedRule[])[],
): readonly { readonly protocol: ProtocolName; readonly all: readonly ProtocolName[] }[] {
  const groups = new Map<string, ProtocolName[]>();
  const used = new Set(lists.flatMap((rules) => rules.flatMap((rule) => rule.protocols)));
  for (const protocol of PROTOCOLS.filter((known) => used.has(known))) {
    const facts = factsOf(protocol)
      .map((fact) => fact.path)
      .join();
    const rules = lists.map((list) => list.map((rule) => (rule.protocols.includes(protocol) ? "1" : "0")).join(""));
    const key = `${facts} ${rules.join("|")}`;
    const group = groups.get(key);
    if (group === undefined) groups.set(key, [protocol]);
    else group.push(protocol);
  }
  return [...groups.values()].map((all) => ({ protocol: all[0]!, all }));
}
