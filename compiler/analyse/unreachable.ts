import type { ProtocolName } from "../../spec/contract/facts/index.ts";
import { ruleMatches, type CheckedRule, type FactMap } from "../../lang/index.ts";
import { Engine, type Answer } from "./engine.ts";
import { CORE_SHRINK_MAX } from "./limits.ts";
import { RuleIndex, conditionNode, entryOf, noneFires, protocolGroups, type Entry } from "./rules.ts";
import { doesAllOf } from "./strength.ts";

/** What became of the search for an action on which a rule matters. */
export type RuleFate =
  | { readonly kind: "live"; readonly protocol: ProtocolName; readonly facts: () => FactMap }
  /** No action makes it fire. */
  | { readonly kind: "never" }
  /** It fires only where a fact could not be established. */
  | { readonly kind: "only-unknown"; readonly protocol: ProtocolName; readonly facts: FactMap }
  /** Wherever it fires, one of these rules does and leaves it nothing to do. */
  | { readonly kind: "covered"; readonly by: readonly CheckedRule[] }
  | { readonly kind: "inconclusive"; readonly why: string };

interface World {
  readonly protocol: ProtocolName;
  readonly engine: Engine;
  readonly entries: ReadonlyMap<number, Entry>;
  readonly index: Readonly<Record<CheckedRule["effect"], RuleIndex>>;
}

const EFFECTS = ["allow", "deny", "approve", "mask", "limit", "alert"] as const;

function worldsOf(rules: readonly CheckedRule[], engineFor: (protocol: ProtocolName) => Engine): readonly World[] {
  return protocolGroups([rules]).map(({ protocol }) => {
    const engine = engineFor(protocol);
    const entries = new Map(
      rules.flatMap((rule, i) => (rule.protocols.includes(protocol) ? [[i, entryOf(engine, rule, i)] as const] : [])),
    );
    const all = [...entries.values()];
    const index = Object.fromEntries(
      EFFECTS.map((effect) => [effect, new RuleIndex(all.filter((entry) => entry.rule.effect === effect))]),
    ) as Record<CheckedRule["effect"], RuleIndex>;
    return { protocol, engine, entries, index };
  });
}

/**
 * The fate of every rule, in the order of the rules. Covered rules can be taken out together: a rule that was found to be
 * covered covers no other, and of two that say the same the later one is the covered one. `judged`: the actions on which
 * rules are live are each judged by the plain evaluation of all rules, which nothing that is reported depends on. `reachOnly`: rules that can fire are not looked at any further.
 * `engineFor`: whose questions later ones go on from.
 */
export function fatesOf(
  rules: readonly CheckedRule[],
  options: { readonly judged?: boolean; readonly reachOnly?: boolean } = {},
  engineFor: (protocol: ProtocolName) => Engine = (protocol) => new Engine(protocol),
): readonly RuleFate[] {
  const worlds = worldsOf(rules, engineFor);
  const fates: RuleFate[] = [];
  const gone = new Set<number>();
  for (let i = rules.length - 1; i >= 0; i--) {
    const own = worlds.filter((world) => world.entries.has(i));
    const fate = own.length === 0 ? null : fateOf(i, own, rules, gone, options);
    fates[i] = fate ?? { kind: "inconclusive", why: "the rule has no protocol" };
    if (fate?.kind === "never" || fate?.kind === "covered") gone.add(i);
  }
  return fates;
}

function fateOf(
  tag: number,
  worlds: readonly World[],
  rules: readonly CheckedRule[],
  gone: ReadonlySet<number>,
  { judged = false, reachOnly = false }: NonNullable<Parameters<typeof fatesOf>[1]>,
): RuleFate {
  const reached = reach(tag, worlds);
  if (reached !== null) return reached;
  if (reachOnly) return { kind: "inconclusive", why: "only whether it can fire was asked" };
  const by = new Set<number>();
  for (const world of worlds) {
    const entry = world.entries.get(tag)!;
    const { answer, tags } = coverOf(entry, world, gone, judged);
    if (answer.kind === "found")
      return { kind: "live", protocol: world.protocol, facts: () => answer.candidate.facts() };
    if (answer.kind === "inconclusive") return answer;
    for (const one of tags) by.add(one);
  }
  return { kind: "covered", by: [...by].sort((a, b) => a - b).map((one) => rules[one]!) };
}

/** Whether the rule can fire at all; null when it can on facts that are known. */
function reach(tag: number, worlds: readonly World[]): RuleFate | null {
  let unsure: RuleFate | null = null;
  for (const { engine, entries } of worlds) {
    const { rule, fires } = entries.get(tag)!;
    // Where a condition that is not false has known facts to hold on, it is true on them.
    if (engine.surelyKnown(fires)) return null;
    const answer = engine.ask({ all: [conditionNode(engine, rule, "true")], watch: null, confirm: null });
    if (answer.kind === "found") return null;
    if (answer.kind === "inconclusive") unsure = answer;
  }
  if (unsure !== null) return unsure;
  for (const { protocol, engine, entries } of worlds) {
    const { rule, fires } = entries.get(tag)!;
    const confirm = (facts: FactMap): boolean => ruleMatches(rule, facts).matched;
    const answer = engine.ask({ all: [fires], watch: null, confirm });
    if (answer.kind === "found") return { kind: "only-unknown", protocol, facts: answer.candidate.facts() };
    if (answer.kind === "inconclusive") unsure = answer;
  }
  return unsure ?? { kind: "never" };
}

/** Effects whose rules, when they fire, leave a rule of an effect nothing to do whatever they say. */
const OVERRIDDEN_BY: Readonly<Record<CheckedRule["effect"], readonly CheckedRule["effect"][]>> = {
  deny: [],
  approve: ["deny"],
  allow: ["deny", "approve"],
  mask: ["deny"],
  limit: ["deny"],
  alert: [],
};

function coverOf(
  entry: Entry,
  world: World,
  gone: ReadonlySet<number>,
  judged: boolean,
): { readonly answer: Answer; readonly tags: ReadonlySet<number> } {
  const { rule, tag, fires } = entry;
  const stronger = OVERRIDDEN_BY[rule.effect];
  let asStrong: Map<number, boolean> | null = null;
  const covers = (other: Entry): boolean => {
    if (other.tag === tag || gone.has(other.tag)) return false;
    if (stronger.includes(other.rule.effect)) return true;
    if (rule.effect === "allow" || rule.effect === "deny") return other.rule.effect === rule.effect;
    const known = asStrong?.get(other.tag);
    if (known !== undefined) return known;
    const found = other.rule.effect === rule.effect && doesAllOf(other.rule, rule);
    (asStrong ??= new Map<number, boolean>()).set(other.tag, found);
    return found;
  };
  const indexes = [rule.effect, ...stronger].map((effect) => world.index[effect]);
  const ask = (only: ReadonlySet<number> | null): Answer =>
    world.engine.ask({
      all: [fires],
      watch: noneFires(indexes, (other) => !covers(other) || (only !== null && !only.has(other.tag))),
      confirm: judged
        ? (facts) =>
            ruleMatches(rule, facts).matched &&
            [...world.entries.values()].every(
              (other) =>
                !covers(other) || (only !== null && !only.has(other.tag)) || !ruleMatches(other.rule, facts).matched,
            )
        : null,
    });
  const answer = ask(null);
  if (answer.kind !== "none") return { answer, tags: new Set() };
  let tags = answer.used;
  if (tags.size > 1 && tags.size <= CORE_SHRINK_MAX) {
    for (const one of [...tags]) {
      const fewer = new Set([...tags].filter((other) => other !== one));
      if (ask(fewer).kind === "none") tags = fewer;
    }
  }
  return { answer, tags };
}
