import * as fc from "fast-check";
import { describe, expect, it } from "vitest";
import { evaluate } from "../../lang/index.ts";
import { anyFacts, policyText } from "../../test/support/policies.ts";
import { checked } from "../../test/support/policy-tests.ts";
import { textsOf } from "../condition/index.ts";
import { MUTATIONS, mutantsOf } from "./operators.ts";

function changesOf(text: string): readonly string[] {
  const { policy, files } = checked(text);
  return policy.rules.flatMap((rule, place) =>
    mutantsOf(rule, place, textsOf(files)).map((one) => `${one.mutation}: ${one.change}`),
  );
}

describe("mutants", () => {
  it.each<readonly [what: string, text: string, changes: readonly string[]]>([
    [
      "a rule without condition",
      "allow a on sql\n",
      ["rule-removed: allow a is not there", "effect-flip: a is `deny` instead of `allow`"],
    ],
    [
      "and, not",
      "allow a on sql\n  when statement.writes and not statement.filtered\n",
      [
        "rule-removed: allow a is not there",
        "effect-flip: a is `deny` instead of `allow`",
        "condition-true: there is no `when`",
        "operator-changed: `or` instead of `and` in `statement.writes and not statement.filtered`",
        "condition-true: `statement.writes` is always true",
        "condition-false: `statement.writes` is always false",
        "condition-true: `not statement.filtered` is always true",
        "condition-false: `not statement.filtered` is always false",
        "negation-dropped: `not statement.filtered` is not negated",
        "condition-true: `statement.filtered` is always true",
        "condition-false: `statement.filtered` is always false",
      ],
    ],
    [
      "a bound",
      "allow a on sql\n  when statement.count <= 3\n",
      [
        "rule-removed: allow a is not there",
        "effect-flip: a is `deny` instead of `allow`",
        "condition-true: there is no `when`",
        "operator-changed: `<` instead of `<=` in `statement.count <= 3`",
        "bound-moved: 2 instead of 3 in `statement.count <= 3`",
        "bound-moved: 4 instead of 3 in `statement.count <= 3`",
      ],
    ],
    [
      "sets, quantifiers, patterns",
      'deny a on sql\n  when statement.kind in [select, values] or any t in statement.tables : t like "a.*"\n  because "x"\n',
      [
        "rule-removed: deny a is not there",
        "effect-flip: a is `allow` instead of `deny`",
        "condition-true: there is no `when`",
        'operator-changed: `and` instead of `or` in `statement.kind in [select, values] or any t in statement.tables : t like "a.*"`',
        "condition-true: `statement.kind in [select, values]` is always true",
        "condition-false: `statement.kind in [select, values]` is always false",
        "element-removed: select is missing from `[select, values]`",
        "element-removed: values is missing from `[select, values]`",
        "element-added: table is one more in `[select, values]`",
        'condition-true: `any t in statement.tables : t like "a.*"` is always true',
        'condition-false: `any t in statement.tables : t like "a.*"` is always false',
        'quantifier-changed: `all` instead of `any` in `any t in statement.tables : t like "a.*"`',
        'condition-true: `t like "a.*"` is always true',
        'condition-false: `t like "a.*"` is always false',
        'pattern-widened: the pattern is "a.**" in `t like "a.*"`',
      ],
    ],
    [
      "approval, unless, range",
      'approve a on sql\n  unless client.address within cidr("10.0.0.0/8")\n  by group "g" quorum 2\n  because "x"\n',
      [
        "rule-removed: approve a is not there",
        "effect-flip: a is `allow` instead of `approve`",
        "unless-dropped: there is no `unless`",
        'range-widened: the range is 10.0.0.0/7 in `client.address within cidr("10.0.0.0/8")`',
        "quorum-lowered: the quorum of a is 1 instead of 2",
      ],
    ],
    [
      "masks",
      "mask a on sql\n  columns public.t.{x, y}\n  with { x: last(4), *: redact }\n",
      [
        "rule-removed: mask a is not there",
        "mask-weakened: a masks x with last(5) instead of last(4)",
        "mask-weakened: a masks the rest with full instead of redact",
        "column-dropped: a says nothing of public.t.x",
        "column-dropped: a says nothing of public.t.y",
      ],
    ],
    [
      "limits",
      "limit a on sql\n  to 10 rows\n",
      ["rule-removed: limit a is not there", "limit-raised: a lets 11 rows through instead of 10"],
    ],
  ])("%s", (_what, text, changes) => {
    expect(changesOf(text)).toEqual(changes);
  });

  it("are all different, can all be evaluated, and each kind is in use", () => {
    const kinds = new Set<string>();
    fc.assert(
      fc.property(policyText(4), anyFacts, (text, facts) => {
        const { policy, files } = checked(text);
        for (const [place, rule] of policy.rules.entries()) {
          const mutants = mutantsOf(rule, place, textsOf(files));
          const shapes = mutants.map((one) =>
            JSON.stringify(one.rule, (key, value: unknown) => (key === "span" ? 0 : value)),
          );
          expect(new Set(shapes).size).toBe(mutants.length);
          for (const { rule: mutated, mutation } of mutants) {
            kinds.add(mutation);
            for (const clause of [mutated?.when, mutated?.unless]) if (clause) evaluate(clause, facts);
          }
        }
      }),
      { numRuns: 200 },
    );
    const elsewhere = ["quorum-lowered", "column-dropped"];
    expect([...kinds, ...elsewhere].sort()).toEqual([...new Set([...MUTATIONS, ...elsewhere])].sort());
  });
});
