import { ruleMatches, type CheckedPolicy, type FactMap } from "../../lang/index.ts";
import { withoutIdle, type Action } from "./action.ts";
import { differences } from "./difference.ts";
import { Engine } from "./engine.ts";
import { protocolGroups } from "./rules.ts";
import { Side, meaningOf } from "./sides.ts";

type Rules = Pick<CheckedPolicy, "rules">;

/**
 * Whether two policies decide every action alike: "same"; else an action that they decide otherwise; or "inconclusive".
 * `matched` also wants the same rules, by name, to match: what tests with `by` and `because` can tell apart.
 */
export function sameDecisions(
  a: Rules,
  b: Rules,
  by: "outcome" | "matched" = "outcome",
): "same" | Action | "inconclusive" {
  let unsure = false;
  for (const found of by === "outcome" ? differences(a.rules, b.rules) : matchDifferences(a, b)) {
    if (found !== "inconclusive" && "action" in found) return found.action;
    unsure = true;
  }
  return unsure ? "inconclusive" : "same";
}

/** Actions on which a rule matches here and its namesake there does not. */
function* matchDifferences(a: Rules, b: Rules): Generator<{ readonly action: Action } | "inconclusive"> {
  for (const { protocol } of protocolGroups([a.rules, b.rules])) {
    const engine = new Engine(protocol);
    const sides = [
      new Side(engine, protocol, a.rules, 0),
      new Side(engine, protocol, b.rules, a.rules.length),
    ] as const;
    for (const [own, other] of [sides, [sides[1], sides[0]] as const]) {
      const namesakes = new Map(other.entries.map((entry) => [entry.rule.name, entry]));
      for (const entry of own.entries) {
        const namesake = namesakes.get(entry.rule.name);
        const alike = namesake !== undefined && namesake.rule.effect === entry.rule.effect;
        if (alike && meaningOf(namesake.rule) === meaningOf(entry.rule)) continue;
        const holds = (facts: FactMap): boolean =>
          ruleMatches(entry.rule, facts).matched && !(alike && ruleMatches(namesake.rule, facts).matched);
        const all = alike ? [entry.fires, namesake.silent] : [entry.fires];
        const found = engine.ask({ all, watch: null, confirm: holds });
        if (found.kind === "inconclusive") yield "inconclusive";
        if (found.kind === "found") yield { action: { protocol, facts: withoutIdle(found.candidate.facts(), holds) } };
      }
    }
  }
}
