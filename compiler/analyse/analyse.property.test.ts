import * as fc from "fast-check";
import { describe, expect, it } from "vitest";
import {
  checkFiles,
  decideByOracle,
  evaluate,
  hasErrors,
  ruleMatches,
  type CheckedRule,
  type FactMap,
} from "../../lang/index.ts";
import { lawful } from "../../test/support/lawful.ts";
import { SCOPES_OF, factsOn, policyText, type TestScope } from "../../test/support/policies.ts";
import { outcomeOf } from "./action.ts";
import { differences, type Difference, type Undecided } from "./difference.ts";
import { prove } from "./prove.ts";
import { sameDecisions } from "./same.ts";
import { fatesOf } from "./unreachable.ts";

const SCOPES = Object.keys(SCOPES_OF) as readonly TestScope[];
const RUNS = 25;
const ACTIONS = 250;

function rulesOf(text: string): readonly CheckedRule[] {
  const { policy, diagnostics } = checkFiles([{ path: "p.policy", text }]);
  expect(diagnostics.filter((one) => one.severity === "error")).toEqual([]);
  expect(hasErrors(diagnostics)).toBe(false);
  return policy.rules;
}

/** Actions that the verdicts are tried on: the texts in them are those that the policies speak of. */
const tried = (scope: TestScope): readonly FactMap[] =>
  fc
    .sample(factsOn(SCOPES_OF[scope]), { numRuns: ACTIONS, seed: 20_261 })
    .map((facts) => lawful(SCOPES_OF[scope], facts));
const ACTIONS_ON: Readonly<Record<TestScope, readonly FactMap[]>> = {
  sql: tried("sql"),
  ssh: tried("ssh"),
  kubernetes: tried("kubernetes"),
};

const decided = (rules: readonly CheckedRule[], scope: TestScope, facts: FactMap): string =>
  decideByOracle(rules, SCOPES_OF[scope], facts).verdict;

/** Whether the rule's condition is true, not merely not false. */
function truly(rule: CheckedRule, facts: FactMap): boolean {
  return (
    (rule.when === null || evaluate(rule.when, facts) === true) &&
    (rule.unless === null || evaluate(rule.unless, facts) === false)
  );
}

describe.each(SCOPES)("rules on %s", (scope) => {
  it("that are said to be dead are dead on every action that is tried", () => {
    fc.assert(
      fc.property(policyText(6, scope), (text) => {
        const rules = rulesOf(text);
        for (const [i, fate] of fatesOf(rules, { judged: true }).entries()) {
          const rule = rules[i]!;
          for (const facts of ACTIONS_ON[scope]) {
            if (fate.kind === "live" || fate.kind === "inconclusive") break;
            const { matched } = ruleMatches(rule, facts);
            if (!matched) continue;
            expect(fate.kind).not.toBe("never");
            if (fate.kind === "only-unknown") expect(truly(rule, facts)).toBe(false);
            if (fate.kind === "covered") expect(fate.by.some((other) => ruleMatches(other, facts).matched)).toBe(true);
          }
          if (fate.kind === "live") expect(ruleMatches(rule, fate.facts()).matched).toBe(true);
        }
      }),
      { numRuns: RUNS },
    );
  });

  it("can be taken out, all covered ones together, and every verdict stays", () => {
    fc.assert(
      fc.property(policyText(8, scope), (text) => {
        const rules = rulesOf(text);
        const fates = fatesOf(rules);
        const kept = rules.filter((_, i) => fates[i]!.kind !== "covered" && fates[i]!.kind !== "never");
        for (const facts of ACTIONS_ON[scope]) expect(decided(kept, scope, facts)).toBe(decided(rules, scope, facts));
      }),
      { numRuns: RUNS },
    );
  });
});

const VERDICT_CHANGES: Readonly<Record<string, boolean>> = { widened: true, narrowed: true };
const MILDNESS = ["deny", "approve", "allow"];

function judge(found: Difference, before: readonly CheckedRule[], after: readonly CheckedRule[]): void {
  expect(outcomeOf(before, found.action)).toEqual(found.before);
  expect(outcomeOf(after, found.action)).toEqual(found.after);
  const [from, to] = [found.before.verdict, found.after.verdict].map((verdict) => MILDNESS.indexOf(verdict));
  if (found.change === "widened") expect(to).toBeGreaterThan(from!);
  if (found.change === "narrowed") expect(to).toBeLessThan(from!);
  if (VERDICT_CHANGES[found.change] !== true && found.change !== "alert-removed" && found.change !== "alert-added")
    expect([from, to]).not.toContain(0);
}

describe.each(SCOPES)("differences on %s", (scope) => {
  it("are found whenever actions show one, and each holds", () => {
    fc.assert(
      fc.property(policyText(4, scope), policyText(4, scope), (one, other) => {
        const [before, after] = [rulesOf(one), rulesOf(other)];
        const found = [...differences(before, after)];
        const sure = found.filter((difference): difference is Difference => "action" in difference);
        const unsure = found.filter((difference): difference is Undecided => !("action" in difference));
        for (const difference of sure) judge(difference, before, after);
        for (const facts of ACTIONS_ON[scope]) {
          const [from, to] = [before, after].map((rules) => MILDNESS.indexOf(decided(rules, scope, facts)));
          if (from === to) continue;
          const change = from! < to! ? "widened" : "narrowed";
          expect([...sure, ...unsure].some((difference) => difference.change === change)).toBe(true);
        }
      }),
      { numRuns: RUNS },
    );
  });

  it("of one rule added to many are found too", () => {
    fc.assert(
      fc.property(policyText(6, scope), fc.nat(), (text, at) => {
        const after = rulesOf(text);
        const before = after.filter((_, i) => i !== at % after.length);
        const found = [...differences(before, after)];
        for (const facts of ACTIONS_ON[scope])
          if (decided(before, scope, facts) !== decided(after, scope, facts)) expect(found).not.toEqual([]);
      }),
      { numRuns: RUNS },
    );
  });

  it("there are none between a policy and itself in other words", () => {
    fc.assert(
      fc.property(policyText(4, scope), (text) => {
        const rules = rulesOf(text);
        const reworded = [...rules].reverse().map((rule): CheckedRule => ({
          ...rule,
          name: `${rule.name}_`,
          when:
            rule.when === null
              ? null
              : {
                  kind: "not",
                  operand: { kind: "not", operand: rule.when, span: rule.when.span },
                  span: rule.when.span,
                },
        }));
        expect([...differences(rules, rules)]).toEqual([]);
        const answer = sameDecisions({ rules }, { rules: reworded });
        expect(typeof answer).toBe("string");
      }),
      { numRuns: RUNS },
    );
  });
});

describe.each(SCOPES)("invariants on %s", (scope) => {
  it("that are proved hold on every action that is tried", () => {
    fc.assert(
      fc.property(policyText(5, scope), policyText(1, scope), fc.boolean(), (text, other, even) => {
        const { policy } = checkFiles([{ path: "p.policy", text }]);
        const [wanted] = rulesOf(other);
        const never = {
          title: "t",
          file: "p.policy",
          protocols: [SCOPES_OF[scope]],
          condition: wanted!.when,
          plain: [],
          evenApproved: even,
          annotations: [],
          span: wanted!.span,
        };
        const [proof] = prove({ rules: policy.rules, nevers: [never] });
        for (const facts of ACTIONS_ON[scope]) {
          const verdict = decided(policy.rules, scope, facts);
          if (never.condition !== null && evaluate(never.condition, facts) !== true) continue;
          if (verdict === "allow" || (even && verdict === "approve")) expect(proof!.kind).not.toBe("proved");
        }
        if (proof!.kind === "refuted") expect(proof!.outcome.verdict).not.toBe("deny");
      }),
      { numRuns: RUNS },
    );
  });
});
