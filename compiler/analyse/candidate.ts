import {
  ABSENT,
  SQL_KINDS,
  UNKNOWN,
  type FactValue,
  type SqlClass,
  type SqlKind,
} from "../../spec/contract/facts/index.ts";
import { evaluate, type FactMap } from "../../lang/index.ts";
import { usualValue } from "./defaults.ts";
import type { GroupValues, Kinds } from "./group.ts";
import { literalHolds } from "./holds.ts";
import type { Literal, Literals, Node, Place } from "./literal.ts";

/** Facts that usually hold for statements of a class. */
const WITH_CLASS: Readonly<Record<string, SqlClass>> = { "statement.read_only": "read", "statement.writes": "write" };

/** One action: chosen values for some places, the usual ones for all others. */
export class Candidate {
  readonly #groups: ReadonlyMap<string, GroupValues>;
  readonly #places: readonly Place[];
  readonly #kinds: Kinds | null;
  readonly #values: (FactValue | undefined)[] = [];
  /** By literal; see `Literals.answers`. */
  readonly #answers: Int32Array;
  readonly #no: number;
  /** Whether conditions taken whole are evaluated even where their truth was assumed. */
  readonly #strict: boolean;
  #facts: FactMap | null = null;

  constructor(groups: ReadonlyMap<string, GroupValues>, literals: Literals, kinds: Kinds | null, strict: boolean) {
    const { room, start } = literals.answers();
    this.#answers = room;
    this.#no = start;
    this.#strict = strict;
    this.#groups = groups;
    this.#places = literals.places;
    this.#kinds = kinds;
  }

  valueOf(place: Place): FactValue {
    const known = this.#values[place.id];
    if (known !== undefined) return known;
    const value = this.#find(place);
    this.#values[place.id] = value;
    return value;
  }

  #find(place: Place): FactValue {
    if (place.whole !== null && this.#strict) return evaluate(place.whole, this.facts());
    const group = this.#groups.get(place.group);
    if (group?.unknown === true) return UNKNOWN;
    const chosen = group?.values.get(place);
    if (chosen !== undefined) return chosen;
    if (place.whole !== null) return evaluate(place.whole, this.facts());
    return this.#kinds === null ? usualValue(place) : this.#usualOfStatement(place, this.#kinds);
  }

  /** What a statement of the chosen kind usually is. */
  #usualOfStatement(place: Place, { kind, kinds }: Kinds): FactValue {
    if (place === kind) return usualValue(place);
    const chosen = place === kinds || WITH_CLASS[place.path] !== undefined ? this.valueOf(kind) : UNKNOWN;
    if (typeof chosen !== "string") return usualValue(place);
    return place === kinds ? new Set([chosen]) : SQL_KINDS[chosen as SqlKind] === WITH_CLASS[place.path];
  }

  holds(literal: Literal): boolean {
    const known = this.#answers[literal.id];
    if (known === this.#no) return false;
    if (known === this.#no + 1) return true;
    const answer = literalHolds(literal, this.valueOf(literal.place));
    if (literal.id < this.#answers.length) this.#answers[literal.id] = answer ? this.#no + 1 : this.#no;
    return answer;
  }

  fits(node: Node): boolean {
    switch (node.op) {
      case "yes":
        return true;
      case "no":
        return false;
      case "literal":
        return this.holds(node.literal);
      case "and":
        for (let i = 0; i < node.parts.length; i++) if (!this.fits(node.parts[i]!)) return false;
        return true;
      case "or":
        for (let i = 0; i < node.parts.length; i++) if (this.fits(node.parts[i]!)) return true;
        return false;
    }
  }

  /** The facts of the action, those that follow from others included. */
  facts(): FactMap {
    if (this.#facts !== null) return this.#facts;
    const facts = new Map<string, FactValue>();
    for (const place of this.#places) {
      if (place.known || place.whole !== null) continue;
      const value = this.valueOf(place);
      if (place.key === null) {
        if (value !== ABSENT) facts.set(place.path, value);
        continue;
      }
      const map = facts.get(place.path);
      if (value === UNKNOWN) facts.set(place.path, UNKNOWN);
      else if (map === undefined)
        facts.set(place.path, new Map(value === ABSENT ? [] : [[place.key, value as string]]));
      else if (value !== ABSENT && map instanceof Map) (map as Map<string, string>).set(place.key, value as string);
    }
    addClass(facts);
    this.#facts = facts;
    return facts;
  }
}

function addClass(facts: Map<string, FactValue>): void {
  const kind = facts.get("statement.kind");
  if (kind === undefined) return;
  facts.set("statement.class", typeof kind === "string" ? SQL_KINDS[kind as SqlKind] : kind);
}
