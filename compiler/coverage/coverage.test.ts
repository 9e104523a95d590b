import * as fc from "fast-check";
import { describe, expect, it } from "vitest";
import { decideByOracle, evaluate, type CheckedExpr } from "../../lang/index.ts";
import { anyFacts, policyText } from "../../test/support/policies.ts";
import { actionOf, checked, tested } from "../../test/support/policy-tests.ts";
import { oracleDecider, type CaseResult } from "../test/index.ts";
import {
  coverageHtml,
  coverageHuman,
  coverageJson,
  coverageLcov,
  measure,
  outcomesReached,
  percent,
  rulesReached,
} from "./index.ts";

const POLICY = `let staff = user.groups has "staff"

allow reads on sql
  when staff and statement.kind in [select, values]

deny drops on sql
  when statement.kind == drop_table
  unless staff
  because "Not by hand."

deny lists on sql
  when any g in user.groups : g like "tmp-*"
  because "Passing through."

test "staff reads" {
  user "ana" in "staff"
  facts { statement.kind: select }
  expect allow by reads
}

test "guests do not" {
  user "bob" in "guest", "tmp-1"
  facts { statement.kind: select }
  expect deny by lists
}
`;

describe("coverage", () => {
  const { policy, files, results } = tested(POLICY);
  const coverage = measure(policy, results);

  it("tells rules that decided from those that never matched", () => {
    expect(coverage.rules.map(({ name, matched, decided }) => [name, matched, decided])).toEqual([
      ["reads", 1, 1],
      ["drops", 0, 0],
      ["lists", 1, 1],
    ]);
    expect(rulesReached(coverage)).toEqual({ reached: 2, all: 3 });
  });

  it("counts each part by its place, a let's once, and a quantifier's body for each element", () => {
    const seen = coverage.conditions.map(({ span, seen: counts, rules }) => [
      POLICY.slice(span.start, span.end),
      counts,
      rules,
    ]);
    expect(seen).toEqual([
      ['user.groups has "staff"', { true: 1, false: 1, unknown: 0 }, ["reads", "drops"]],
      ["staff and statement.kind in [select, values]", { true: 1, false: 1, unknown: 0 }, ["reads"]],
      ["statement.kind in [select, values]", { true: 2, false: 0, unknown: 0 }, ["reads"]],
      ["statement.kind == drop_table", { true: 0, false: 2, unknown: 0 }, ["drops"]],
      ['any g in user.groups : g like "tmp-*"', { true: 1, false: 1, unknown: 0 }, ["lists"]],
      ['g like "tmp-*"', { true: 1, false: 2, unknown: 0 }, ["lists"]],
    ]);
    expect(percent(outcomesReached(coverage))).toBe(83.3);
  });

  it("human", () => {
    expect(coverageHuman(coverage, files, false)).toBe(
      [
        "a.policy:6:6: deny drops matched no action",
        "a.policy:4:18: `statement.kind in [select, values]` was never false",
        "a.policy:7:8: `statement.kind == drop_table` was never true",
        "rules that decided an action: 66.6 % (2 of 3)",
        "conditions' outcomes seen:    83.3 % (10 of 12), and unknown at 0 of 6",
        "denied by default:            0 of 2 actions",
        "",
      ].join("\n"),
    );
  });

  it("lcov: rules as functions, conditions as branches, lines until both outcomes were seen", () => {
    const lines = coverageLcov(coverage, files).split("\n");
    expect(lines).toEqual(
      expect.arrayContaining([
        "SF:a.policy",
        "FN:6,drops",
        "FNDA:0,drops",
        "FNF:3",
        "FNH:2",
        "BRDA:7,3,0,0",
        "BRDA:7,3,1,2",
        "BRF:12",
        "BRH:10",
        "DA:3,1",
        "DA:4,0",
        "DA:6,0",
        "DA:12,1",
        "end_of_record",
      ]),
    );
  });

  it("json", () => {
    expect(JSON.parse(coverageJson(coverage, files))).toMatchObject({
      rules: { reached: 2, all: 3, percent: 66.6 },
      conditions: { reached: 10, all: 12 },
      byRule: [{ rule: "reads", state: "decided" }, { rule: "drops", state: "never", line: 6 }, { rule: "lists" }],
    });
  });

  it("html: one page that loads nothing, with every target of a link on it", () => {
    const page = coverageHtml(coverage, files);
    expect(page).not.toMatch(/<script|src=|href="(?!#)|url\(|@import/);
    const targets = [...page.matchAll(/href="#([^"]+)"/g)].map((match) => match[1]!);
    // Each rule's row leads to its lines.
    expect(targets.length).toBeGreaterThanOrEqual(3);
    expect(targets.filter((target) => !page.includes(`id="${target}"`))).toEqual([]);
    expect(page).toContain('class="state never"');
    expect(page).toContain("statement.kind == drop_table: true 0 times, false 2, unknown 0");
  });

  it("html: what the author wrote is shown, not obeyed", () => {
    const hostile = tested(`allow a on sql
  when user.name == "</span><script>alert(1)</script>"

test "<img src=x>" {
  user "x"
  facts { statement.nested: true }
  expect deny
}
`);
    expect(coverageHtml(measure(hostile.policy, hostile.results), hostile.files)).not.toMatch(/<script|<img/);
  });
});

/** Counts anew, in the plainest way: each part of each rule by itself over each unit. */
function recount(
  rules: ReturnType<typeof checked>["policy"]["rules"],
  results: readonly CaseResult[],
): Map<string, string> {
  const places = new Map<string, CheckedExpr>();
  const visit = (expr: CheckedExpr): void => {
    if (expr.kind === "and" || expr.kind === "or") {
      visit(expr.left);
      visit(expr.right);
    } else if (expr.kind === "not") visit(expr.operand);
    else if (expr.kind !== "const") places.set(`${expr.span.start}-${expr.span.end}`, expr);
  };
  for (const rule of rules)
    for (const clause of [rule.when, rule.unless]) {
      if (clause === null) continue;
      if (clause.kind !== "const") places.set(`${clause.span.start}-${clause.span.end}`, clause);
      visit(clause);
    }
  const counted = new Map<string, string>();
  for (const [key, expr] of places) {
    const truths = results.flatMap(({ action }) => action!.units.map((facts) => evaluate(expr, facts)));
    const count = (wanted: unknown): number => truths.filter((truth) => truth === wanted).length;
    const [yes, no] = [count(true), count(false)];
    counted.set(key, `${yes} ${no} ${truths.length - yes - no}`);
  }
  return counted;
}

it("agrees with a plain recount on any policy and any facts", () => {
  fc.assert(
    fc.property(
      policyText(6),
      fc.array(fc.array(anyFacts, { minLength: 1, maxLength: 2 }), { minLength: 1, maxLength: 4 }),
      (text, actions) => {
        const { policy } = checked(text);
        const decide = oracleDecider(policy.rules);
        const results = actions.map((units): CaseResult => {
          const action = actionOf(...units);
          return { one: null as never, action, outcome: decide(action), failures: [] };
        });
        const coverage = measure(policy, results);
        const found = new Map(
          coverage.conditions.map(({ span, seen }) => [
            `${span.start}-${span.end}`,
            `${seen.true} ${seen.false} ${seen.unknown}`,
          ]),
        );
        for (const [key, counts] of recount(policy.rules, results))
          expect([key, found.get(key)]).toEqual([key, counts]);
        const matched = policy.rules.map(
          (_, i) =>
            actions.filter((units) =>
              units.some((facts) => decideByOracle(policy.rules, "postgres", facts).matched.includes(i)),
            ).length,
        );
        expect(coverage.rules.map((rule) => rule.matched)).toEqual(matched);
        for (const rule of coverage.rules) expect(rule.decided).toBeLessThanOrEqual(rule.matched);
      },
    ),
    { numRuns: 150 },
  );
});
