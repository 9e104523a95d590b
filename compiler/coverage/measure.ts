import type { Truth } from "../../spec/contract/facts/index.ts";
import {
  evaluate,
  type CheckedExpr,
  type CheckedPolicy,
  type CheckedRule,
  type FactMap,
  type Span,
} from "../../lang/index.ts";
import { observeParts, partsOf, truthText } from "../condition/index.ts";
import type { CaseResult } from "../test/index.ts";

/** How often something came out as each truth value, over all actions of all tests. */
export interface Truths {
  readonly true: number;
  readonly false: number;
  readonly unknown: number;
}

export interface RuleCoverage {
  readonly name: string;
  readonly effect: CheckedRule["effect"];
  readonly span: Span;
  readonly nameSpan: Span;
  /** Actions that the rule matched. */
  readonly matched: number;
  /**
   * Actions in which it took effect: it made the verdict, or, for a mask, limit or alert, it matched an action that was not
   * denied.
   */
  readonly decided: number;
}

/**
 * A condition: a whole `when` or `unless`, or a part of one that `and`, `or`, `not`, `any` or `all` joins. What a `let` says
 * is counted once, wherever it is used.
 */
export interface ConditionCoverage {
  readonly span: Span;
  /** What it came to, over all actions; inside of `any` and `all`, over all elements. */
  readonly seen: Truths;
  /** Rules that it stands in, in their order. */
  readonly rules: readonly string[];
}

export interface Coverage {
  readonly rules: readonly RuleCoverage[];
  /** In the order of the text. */
  readonly conditions: readonly ConditionCoverage[];
  readonly actions: number;
  /** Actions that were denied because no rule allowed them. */
  readonly deniedByDefault: number;
}

export const stateOf = (rule: RuleCoverage): "decided" | "matched" | "never" =>
  rule.decided > 0 ? "decided" : rule.matched > 0 ? "matched" : "never";

/** Rules that make verdicts; the others take effect beside one. */
const makesVerdict = (effect: CheckedRule["effect"]): boolean =>
  effect === "allow" || effect === "deny" || effect === "approve";

const clausesOf = (rule: CheckedRule): readonly CheckedExpr[] =>
  [rule.when, rule.unless].filter((clause) => clause !== null);
const keyOf = ({ file, start, end }: Span): string => `${start}:${end}:${file}`;

interface Counter {
  readonly span: Span;
  readonly rules: Set<string>;
  readonly seen: { true: number; false: number; unknown: number };
}

/** Every condition of every rule, not yet seen. */
function counterOfEach(policy: CheckedPolicy): Map<string, Counter> {
  const counters = new Map<string, Counter>();
  for (const rule of policy.rules)
    for (const clause of clausesOf(rule))
      for (const { span } of clause.kind === "const" ? [] : [clause, ...partsOf(clause)]) {
        const known = counters.get(keyOf(span)) ?? { span, rules: new Set(), seen: { true: 0, false: 0, unknown: 0 } };
        known.rules.add(rule.name);
        counters.set(keyOf(span), known);
      }
  return counters;
}

/** What a rule's conditions come to over the facts of one unit, by the places that they stand at. */
function truthsOf(rule: CheckedRule, facts: FactMap): ReadonlyMap<string, readonly Truth[]> {
  const found = new Map<string, Truth[]>();
  const see = (part: CheckedExpr, truth: Truth): void => {
    const known = found.get(keyOf(part.span));
    if (known === undefined) found.set(keyOf(part.span), [truth]);
    else known.push(truth);
  };
  for (const clause of clausesOf(rule)) {
    observeParts(clause, facts, see);
    if (!found.has(keyOf(clause.span))) see(clause, evaluate(clause, facts));
  }
  return found;
}

/**
 * What tests reach, counted over the facts that their actions had. Every rule is evaluated for every action of its protocols,
 * as the gateway does, so nothing counts as reached for the order of rules or parts.
 */
export function measure(policy: CheckedPolicy, results: readonly CaseResult[]): Coverage {
  const counters = counterOfEach(policy);
  const tally = policy.rules.map(() => ({ matched: 0, decided: 0 }));
  let deniedByDefault = 0;
  let actions = 0;
  for (const { action, outcome } of results) {
    if (action === null || outcome === null) continue;
    actions++;
    if (outcome.verdict === "deny" && outcome.deciding.length === 0) deniedByDefault++;
    for (const [i, rule] of policy.rules.entries()) {
      if (!outcome.matched.includes(rule.name)) continue;
      tally[i]!.matched++;
      const took = makesVerdict(rule.effect) ? outcome.deciding.includes(rule.name) : outcome.verdict !== "deny";
      if (took) tally[i]!.decided++;
    }
    for (const facts of action.units) {
      // Rules that share a part look at the same facts: it is counted with the first of them.
      const counted = new Set<string>();
      for (const rule of policy.rules) {
        if (!rule.protocols.includes(action.protocol)) continue;
        const truths = truthsOf(rule, facts);
        for (const [key, found] of truths) {
          if (counted.has(key)) continue;
          for (const truth of found) counters.get(key)!.seen[truthText(truth)]++;
        }
        for (const key of truths.keys()) counted.add(key);
      }
    }
  }
  return {
    rules: policy.rules.map(({ name, effect, span, nameSpan }, i) => ({ name, effect, span, nameSpan, ...tally[i]! })),
    conditions: [...counters.values()]
      .map(({ span, rules, seen }) => ({ span, rules: [...rules], seen }))
      .sort((a, b) => comparePlaces(a.span, b.span)),
    actions,
    deniedByDefault,
  };
}

/** By file, then by place; of two that begin together, the longer first. */
function comparePlaces(a: Span, b: Span): number {
  if (a.file !== b.file) return a.file < b.file ? -1 : 1;
  return a.start - b.start || b.end - a.end;
}

export interface Share {
  readonly reached: number;
  readonly all: number;
}

/** Rules that decided at least one action. */
export const rulesReached = (coverage: Coverage): Share => ({
  reached: coverage.rules.filter((rule) => rule.decided > 0).length,
  all: coverage.rules.length,
});

/**
 * Outcomes of conditions that were seen: `true` and `false` of each. `unknown` is told beside them and counts for nothing,
 * because most facts can't be unknown.
 */
export const outcomesReached = (coverage: Coverage): Share => ({
  reached: coverage.conditions.reduce((sum, { seen }) => sum + Number(seen.true > 0) + Number(seen.false > 0), 0),
  all: coverage.conditions.length * 2,
});

/** In percent, rounded down so that 100 means all of them. Of nothing, all is reached. */
export const percent = ({ reached, all }: Share): number => (all === 0 ? 100 : Math.floor((reached * 1000) / all) / 10);
