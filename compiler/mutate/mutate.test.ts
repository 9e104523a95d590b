import * as fc from "fast-check";
import { describe, expect, it } from "vitest";
import { policyText } from "../../test/support/policies.ts";
import { checked, tested } from "../../test/support/policy-tests.ts";
import { textsOf } from "../condition/index.ts";
import { failureOf, oracleDecider, type CaseResult } from "../test/index.ts";
import { comparePolicies } from "./compare.ts";
import { draftText } from "./draft.ts";
import { generateTests } from "./generate.ts";
import { mutationHuman } from "./report.ts";
import { mutate, type MutationTools } from "./run.ts";
import { differenceOf } from "./witness.ts";

const POLICY = `allow reads on sql
  when user.groups has "staff" and statement.kind in [select, values]

deny large on sql
  when statement.count > 3
  because "Too many."
`;

const tools = (files: Parameters<typeof textsOf>[0], compare: MutationTools["compare"]): MutationTools => ({
  textOf: textsOf(files),
  compare,
  statement: () => [],
  progress: () => undefined,
});
const undecided: MutationTools["compare"] = () => ({ kind: "inconclusive" });

describe("mutation", () => {
  it("counts what the tests notice, and writes a test for what they do not", () => {
    const { policy, files, results } = tested(`${POLICY}
test "staff reads" {
  user "ana" in "staff"
  facts { statement.kind: select, statement.count: 1 }
  expect allow by reads
}
`);
    const found = mutate(policy, results, tools(files, undecided));
    const killed = found.mutants.filter((one) => one.state === "killed").map((one) => one.mutant.change);
    expect(killed).toEqual([
      "allow reads is not there",
      "reads is `deny` instead of `allow`",
      '`user.groups has "staff"` is always false',
      "`statement.kind in [select, values]` is always false",
      "select is missing from `[select, values]`",
      "there is no `when`",
    ]);
    expect(found.inconclusive).toBe(0);
    expect(found.score).toBe(Math.floor((6 / (6 + found.survived)) * 1000) / 10);
    const text = mutationHuman(found, files, false);
    expect(text).toContain(
      "a.policy:5:8: no test notices: `>=` instead of `>` in `statement.count > 3`\n  this one would:\n\n    test ",
    );
    expect(text).toContain("facts { statement.count: 3 }");
  });

  it("what the analyser proves to change nothing counts for nothing, what a witness shows counts without it", () => {
    const { policy, files, results } = tested(`allow any_one on sql

allow few on sql
  when user.groups has "staff"
`);
    const asked: number[] = [];
    const found = mutate(
      policy,
      results,
      tools(files, (_a, b) => {
        asked.push(b.rules.length);
        return { kind: "same" };
      }),
    );
    expect(found.mutants.map((one) => [one.mutant.change, one.state])).toEqual([
      ["allow any_one is not there", "survived"],
      ["any_one is `deny` instead of `allow`", "survived"],
      ["allow few is not there", "equivalent"],
      ["few is `deny` instead of `allow`", "survived"],
      ["there is no `when`", "equivalent"],
    ]);
    expect(asked).toEqual([1, 2]);
    expect(found).toMatchObject({ killed: 0, survived: 3, equivalent: 2, inconclusive: 0, score: 0 });
  });

  it("the analyser's own proof is asked of policies that differ in nothing that is decided", () => {
    const { policy, files, results } = tested(`allow any_one on sql

allow few on sql
  when user.groups has "staff"
`);
    const found = mutate(policy, results, tools(files, comparePolicies));
    expect(found).toMatchObject({ survived: 3, equivalent: 2, inconclusive: 0 });
  });

  it("a case that failed or could not run notices nothing", () => {
    const { policy, files, results } = tested(`${POLICY}
test "wrong" {
  user "ana" in "staff"
  facts { statement.kind: select }
  expect deny
}
`);
    expect(mutate(policy, results, tools(files, undecided)).killed).toBe(0);
  });

  it("progress is told once for each", () => {
    const { policy, files } = checked(POLICY);
    const told: string[] = [];
    mutate(policy, [], { ...tools(files, undecided), progress: (done, all) => void told.push(`${done}/${all}`) });
    expect(told.at(0)).toBe(`1/${told.length}`);
    expect(told.at(-1)).toBe(`${told.length}/${told.length}`);
  });

  it("each test that it writes passes, and fails under its fault, on any policy", () => {
    fc.assert(
      fc.property(policyText(2), (text) => {
        const { policy, files } = checked(text);
        const found = mutate(policy, [], tools(files, undecided));
        for (const { mutant, test } of found.mutants) {
          if (test === null) continue;
          const { after } = differenceOf(policy.rules, mutant);
          const [right, wrong] = [policy.rules, after].map((rules) => oracleDecider(rules)(test.action));
          expect(test.draft.expected.filter((one) => failureOf(one, right!) !== null)).toEqual([]);
          expect(test.draft.expected.some((one) => failureOf(one, wrong!) !== null)).toBe(true);
        }
      }),
      { numRuns: 5 },
    );
  });
});

describe("gen-tests", () => {
  it("writes a suite that reaches every rule and leaves no fault that it found unnoticed", () => {
    const { policy, files } = checked(POLICY);
    const made = generateTests(policy, [], tools(files, undecided), { fromScratch: false });
    expect(made.left).toEqual([]);
    const again = tested(`${POLICY}\n${made.tests.join("\n")}`);
    expect(again.results.filter((one: CaseResult) => one.failures.length > 0)).toEqual([]);
    expect(mutate(again.policy, again.results, tools(again.files, undecided))).toMatchObject({
      survived: 0,
      inconclusive: 0,
      score: 100,
    });
    expect(
      generateTests(again.policy, again.results, tools(again.files, undecided), { fromScratch: false }).tests,
    ).toEqual([]);
    // Each of them is needed by some fault: the suite is small.
    expect(made.tests.length).toBeLessThan(10);
  });

  it("texts with quotes and line ends come back as they were", () => {
    const text = draftText({
      title: 'a "quoted"\ntitle',
      user: { name: "x\\y", groups: [] },
      target: { name: "t", labels: { env: 'a"b' } },
      sql: null,
      protocol: "postgres",
      facts: [{ path: "statement.tables", value: new Set(["a\tb"]) }],
      expected: [{ kind: "verdict", verdict: "deny", by: null }],
    });
    const [test] = checked(`deny a on sql\n  because "x"\n\n${text}`).policy.tests;
    expect(test).toMatchObject({ name: 'a "quoted"\ntitle', facts: [{ value: ["a\tb"] }] });
  });
});
