import { ruleMatches, type CheckedRule } from "../../lang/index.ts";
import {
  failureOf,
  hasFailed,
  matchesOf,
  outcomeOfMatches,
  type CapturedAction,
  type CaseResult,
  type Expected,
  type Matches,
} from "../test/index.ts";
import type { Mutant } from "./operators.ts";

/** An action with what is expected of it, and what the rules as they are make of it. */
export interface Probe {
  readonly title: string;
  readonly expected: readonly Expected[];
  readonly action: CapturedAction;
  readonly matches: Matches;
  /** The statement that the action is, when it is one of SQL and nothing else of it was stated. */
  readonly statement: { readonly text: string; readonly schema: string | null } | null;
}

/** Rules that match each unit of an action. */
export const matchesOfAction = (rules: readonly CheckedRule[], action: CapturedAction): Matches =>
  action.units.map((facts) => matchesOf(rules, action.protocol, facts));

/** The cases that ran, as mutants meet them. Those that failed can't tell a fault from what they fail for. */
export const probesOf = (results: readonly CaseResult[], rules: readonly CheckedRule[]): readonly Probe[] =>
  results.flatMap((result): readonly Probe[] => {
    const { one, action } = result;
    if (action === null || hasFailed(result)) return [];
    const { test, row } = one;
    return [
      {
        title: one.title,
        expected: test.expectations,
        action,
        matches: matchesOfAction(rules, action),
        statement:
          row.action.form === "sql" && test.facts.length === 0 ? { text: row.action.text, schema: test.schema } : null,
      },
    ];
  });

/** The first probe whose expectations notice the mutant, or null. Only the changed rule is evaluated anew. */
export function killerOf(rules: readonly CheckedRule[], mutant: Mutant, probes: readonly Probe[]): Probe | null {
  const original = rules[mutant.place]!;
  // A rule that is gone is kept as one that never matches, so that places stay.
  const mutated = mutant.rule === null ? rules : rules.with(mutant.place, mutant.rule);
  const onlyCondition = mutant.rule === null || sameDeeds(original, mutant.rule);
  return probes.find((probe) => notices(mutated, mutant, probe, onlyCondition)) ?? null;
}

/** Whether two forms of a rule do the same when they match. */
export function sameDeeds(a: CheckedRule, b: CheckedRule): boolean {
  return a.effect === b.effect && a.approve === b.approve && a.mask === b.mask && a.limit === b.limit;
}

function notices(rules: readonly CheckedRule[], mutant: Mutant, probe: Probe, onlyCondition: boolean): boolean {
  const { action } = probe;
  let changed = !onlyCondition;
  const matches = action.units.map((facts, unit) => {
    const before = probe.matches[unit]!;
    const was = before.includes(mutant.place);
    const is =
      mutant.rule !== null &&
      mutant.rule.protocols.includes(action.protocol) &&
      ruleMatches(mutant.rule, facts).matched;
    if (was === is) return before;
    changed = true;
    return is ? [...before, mutant.place].sort((a, b) => a - b) : before.filter((place) => place !== mutant.place);
  });
  if (!changed) return false;
  const outcome = outcomeOfMatches(rules, matches, action);
  return probe.expected.some((one) => failureOf(one, outcome) !== null);
}
