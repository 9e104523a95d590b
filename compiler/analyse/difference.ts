import type { ProtocolName } from "../../spec/contract/facts/index.ts";
import { ruleMatches, type CheckedRule, type FactMap } from "../../lang/index.ts";
import { outcomeOf, withoutIdle, type Action, type Outcome } from "./action.ts";
import { Engine, type Question, type Watch } from "./engine.ts";
import { protocolGroups, type Entry } from "./rules.ts";
import { Side, both, meaningOf } from "./sides.ts";
import { alertsAsMany, approvesAsStrictly, hiddenBy, hiddenName, hidesAsWell, limitsAsStrictly } from "./strength.ts";

export const CHANGES = [
  "widened",
  "narrowed",
  "mask-weakened",
  "mask-strengthened",
  "approval-weakened",
  "approval-strengthened",
  "limit-raised",
  "limit-lowered",
  "alert-removed",
  "alert-added",
] as const;
export type Change = (typeof CHANGES)[number];

/** One region in which two policies differ. */
export interface Difference {
  readonly change: Change;
  /** The rule that makes the difference: of the old policy when it is gone or weaker there, else of the new one. */
  readonly rule: CheckedRule;
  readonly side: "old" | "new";
  readonly protocols: readonly ProtocolName[];
  readonly action: Action;
  readonly before: Outcome;
  readonly after: Outcome;
  /** For masks: what is hidden otherwise than before. */
  readonly hidden: readonly string[];
}

/** A region about which nothing could be said, and why. */
export interface Undecided {
  readonly change: Change;
  readonly rule: CheckedRule;
  readonly side: "old" | "new";
  readonly why: string;
}

type Verdict = Outcome["verdict"];
type Effect = CheckedRule["effect"];

/** One question: is there an action on which a changed rule makes this difference? */
interface Ask {
  readonly change: Change;
  readonly question: Pick<Question, "all" | "watch">;
  readonly holds: (facts: FactMap) => boolean;
  readonly hidden: readonly string[];
}

interface Pair {
  readonly protocol: ProtocolName;
  readonly all: readonly ProtocolName[];
  readonly engine: Engine;
  readonly old: Side;
  readonly new: Side;
}

/**
 * Every region in which the decisions of two lists of rules differ, one after the other. Complete: if some action is decided
 * otherwise, then a rule that is not the same on both sides fires on it, and the questions about that rule meet it.
 */
export function* differences(
  before: readonly CheckedRule[],
  after: readonly CheckedRule[],
): Generator<Difference | Undecided> {
  const [gone, come] = changedRules(before, after);
  if (gone.size === 0 && come.size === 0) return;
  for (const { protocol, all } of protocolGroups([before, after])) {
    const engine = new Engine(protocol);
    const pair: Pair = {
      protocol,
      all,
      engine,
      old: new Side(engine, protocol, before, 0),
      new: new Side(engine, protocol, after, before.length),
    };
    for (const side of ["old", "new"] as const) {
      const changed = side === "old" ? gone : come;
      for (const entry of pair[side].entries) {
        if (!changed.has(entry.rule)) continue;
        for (const ask of asksAbout(entry, side, pair)) {
          const found = answer(ask, entry, side, pair, before, after);
          if (found !== null) yield found;
        }
      }
    }
  }
}

/** Rules of each list that have no rule of the same meaning in the other. */
function changedRules(
  before: readonly CheckedRule[],
  after: readonly CheckedRule[],
): readonly [ReadonlySet<CheckedRule>, ReadonlySet<CheckedRule>] {
  const only = (own: readonly CheckedRule[], other: readonly CheckedRule[]): ReadonlySet<CheckedRule> => {
    const known = new Set(other.map(meaningOf));
    return new Set(own.filter((rule) => !known.has(meaningOf(rule))));
  };
  return [only(before, after), only(after, before)];
}

function answer(
  ask: Ask,
  entry: Entry,
  side: "old" | "new",
  pair: Pair,
  before: readonly CheckedRule[],
  after: readonly CheckedRule[],
): Difference | Undecided | null {
  const { rule } = entry;
  const found = pair.engine.ask({ ...ask.question, confirm: ask.holds });
  if (found.kind === "none") return null;
  if (found.kind === "inconclusive") return { change: ask.change, rule, side, why: found.why };
  const full = found.candidate.facts();
  const shape = (facts: FactMap): string => {
    const action = { protocol: pair.protocol, facts };
    return JSON.stringify([outcomeOf(before, action), outcomeOf(after, action)]);
  };
  const wanted = shape(full);
  const facts = withoutIdle(full, (fewer) => ask.holds(fewer) && shape(fewer) === wanted);
  const action = { protocol: pair.protocol, facts };
  return {
    change: ask.change,
    rule,
    side,
    protocols: pair.all,
    action,
    before: outcomeOf(before, action),
    after: outcomeOf(after, action),
    hidden: ask.hidden,
  };
}

/** The questions about one changed rule. `own` is the side it stands on. */
function asksAbout(entry: Entry, side: "old" | "new", pair: Pair): readonly Ask[] {
  const own = pair[side];
  const other = pair[side === "old" ? "new" : "old"];
  const wasThere = side === "old";
  const { rule, fires } = entry;
  const verdictOn = (of: Side, facts: FactMap): Verdict =>
    outcomeOf(of.rules, { protocol: pair.protocol, facts }).verdict;
  const firesOn = (facts: FactMap): boolean => ruleMatches(rule, facts).matched;
  const verdicts = (change: Change, here: Verdict, there: Verdict): Ask => ({
    change,
    question: {
      all: [fires, ...granting(other, there)],
      watch: both(...(here === "deny" ? [] : [nothingStronger(own, here)]), nothingStronger(other, there)),
    },
    holds: (facts) => firesOn(facts) && verdictOn(own, facts) === here && verdictOn(other, facts) === there,
    hidden: [],
  });
  switch (rule.effect) {
    case "deny":
      return (["allow", "approve"] as const).map((there) => verdicts(wasThere ? "widened" : "narrowed", "deny", there));
    case "allow":
      return [verdicts(wasThere ? "narrowed" : "widened", "allow", "deny")];
    case "approve":
      return [
        verdicts(wasThere ? "widened" : "narrowed", "approve", "allow"),
        verdicts(wasThere ? "narrowed" : "widened", "approve", "deny"),
        unmatched(wasThere ? "approval-weakened" : "approval-strengthened", entry, own, other, pair, {
          grants: ["approve"],
          effect: "approve",
          asStrong: (another) => approvesAsStrictly(another, rule),
          hidden: [],
        }),
      ];
    case "limit":
      return [
        unmatched(wasThere ? "limit-raised" : "limit-lowered", entry, own, other, pair, {
          grants: ["allow", "approve"],
          effect: "limit",
          asStrong: (another) => limitsAsStrictly(another, rule),
          hidden: [],
        }),
      ];
    case "alert":
      return [
        unmatched(wasThere ? "alert-removed" : "alert-added", entry, own, other, pair, {
          grants: null,
          effect: "alert",
          asStrong: (another) => alertsAsMany(another, rule),
          hidden: [],
        }),
      ];
    case "mask":
      return maskAsks(entry, wasThere ? "mask-weakened" : "mask-strengthened", own, other, pair);
  }
}

/** What must not fire for a side to come to a verdict. A denial is the one by default: rules that deny are asked about themselves. */
const nothingStronger = (side: Side, verdict: Verdict): Watch =>
  side.none({ allow: ["deny", "approve"], approve: ["deny"], deny: ["deny", "approve", "allow"] }[verdict] as Effect[]);

const granting = (side: Side, verdict: Verdict) => (verdict === "deny" ? [] : [side.some([verdict])]);

interface Match {
  /** Verdicts on both sides under which it matters at all; null: any. */
  readonly grants: readonly ("allow" | "approve")[] | null;
  readonly effect: Effect;
  readonly asStrong: (rule: CheckedRule) => boolean;
  readonly hidden: readonly string[];
}

/** The rule fires, what it stops at is let through on both sides, and no rule over there does as much as it. */
function unmatched(change: Change, entry: Entry, own: Side, other: Side, pair: Pair, match: Match): Ask {
  const { grants, effect, asStrong } = match;
  const rules = other.entries.filter((another) => another.rule.effect === effect && asStrong(another.rule));
  const strong = new Set(rules);
  const lets: readonly Effect[] = grants ?? [];
  const through = (side: Side, facts: FactMap): boolean => {
    const { verdict } = outcomeOf(side.rules, { protocol: pair.protocol, facts });
    return grants === null || grants.includes(verdict as "allow");
  };
  const watches = [other.none([effect], (another) => !strong.has(another))];
  if (grants !== null) watches.push(own.none(["deny"]), other.none(["deny"]));
  return {
    change,
    question: {
      all: [entry.fires, ...(grants === null ? [] : [own.some(lets), other.some(lets)])],
      watch: both(...watches),
    },
    holds: (facts) =>
      ruleMatches(entry.rule, facts).matched &&
      through(own, facts) &&
      through(other, facts) &&
      !rules.some((another) => ruleMatches(another.rule, facts).matched),
    hidden: match.hidden,
  };
}

/** One question for all that is hidden by the same rules over there. */
function maskAsks(entry: Entry, change: Change, own: Side, other: Side, pair: Pair): readonly Ask[] {
  const masks = other.entries.filter((another) => another.rule.effect === "mask");
  const hidden = hiddenBy(
    entry.rule,
    masks.map((another) => another.rule),
  );
  const match = { grants: ["allow", "approve"], effect: "mask" } as const;
  if (hidden === null)
    return [unmatched(change, entry, own, other, pair, { ...match, asStrong: () => false, hidden: [] })];
  const groups = new Map<string, { readonly names: string[]; readonly strong: ReadonlySet<CheckedRule> }>();
  for (const one of hidden) {
    const strong = masks.filter((another) => hidesAsWell(another.rule, entry.rule, one));
    const key = strong.map((another) => another.tag).join();
    const group = groups.get(key);
    if (group === undefined)
      groups.set(key, { names: [hiddenName(one)], strong: new Set(strong.map((another) => another.rule)) });
    else group.names.push(hiddenName(one));
  }
  return [...groups.values()].map(({ names, strong }) =>
    unmatched(change, entry, own, other, pair, { ...match, asStrong: (rule) => strong.has(rule), hidden: names }),
  );
}
