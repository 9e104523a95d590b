import type { ProtocolName } from "../../spec/contract/facts/index.ts";
import type { CheckedRule } from "../../lang/index.ts";
import { nameOf } from "./condition.ts";
import type { Engine } from "./engine.ts";
import { type Watch } from "./engine.ts";
import { join, type Node } from "./literal.ts";
import { RuleIndex, entryOf, noneFires, type Entry } from "./rules.ts";

type Effect = CheckedRule["effect"];
const EFFECTS = ["allow", "deny", "approve", "mask", "limit", "alert"] as const;

/** The rules of one policy for one protocol, ready to be asked about. */
export class Side {
  readonly rules: readonly CheckedRule[];
  readonly entries: readonly Entry[];
  readonly #index: Readonly<Record<Effect, RuleIndex>>;

  /** `firstTag`: tags tell the rules of several sides apart. */
  constructor(engine: Engine, protocol: ProtocolName, rules: readonly CheckedRule[], firstTag: number) {
    this.rules = rules;
    this.entries = rules.flatMap((rule, i) =>
      rule.protocols.includes(protocol) ? [entryOf(engine, rule, firstTag + i)] : [],
    );
    this.#index = Object.fromEntries(
      EFFECTS.map((effect) => [effect, new RuleIndex(this.entries.filter((entry) => entry.rule.effect === effect))]),
    ) as Record<Effect, RuleIndex>;
  }

  /** No rule of these effects fires, but for those let off. */
  none(effects: readonly Effect[], letOff: (entry: Entry) => boolean = () => false): Watch {
    return noneFires(
      effects.map((effect) => this.#index[effect]),
      letOff,
    );
  }

  /** Some rule of these effects fires. */
  some(effects: readonly Effect[]): Node {
    return join(
      "or",
      this.entries.filter((entry) => effects.includes(entry.rule.effect)).map((entry) => entry.fires),
    );
  }
}

/** All of several watches together. */
export const both = (...watches: readonly Watch[]): Watch => ({
  broken: (candidate) => watches.flatMap((watch) => watch.broken(candidate)),
});

/** Equal for rules that do the same on the same actions, whatever they are called and say. */
export function meaningOf(rule: CheckedRule): string {
  const { effect, protocols, when, unless, approve, mask, limit, alertTo } = rule;
  const conditions = [when, unless].map((expr) => (expr === null ? null : nameOf(expr)));
  return JSON.stringify(
    [effect, [...protocols].sort(), conditions, approve, mask, limit, alertTo],
    (key, value: unknown) => (key === "span" ? undefined : value),
  );
}
