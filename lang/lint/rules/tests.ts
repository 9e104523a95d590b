import type { TestDecl } from "../../ast/index.ts";
import type { LintRule } from "../lint-rule.ts";

const verdicts = (test: TestDecl): readonly string[] =>
  test.entries.flatMap((entry) =>
    entry.kind === "expect" && entry.expectation.kind === "verdict" ? [entry.expectation.verdict] : [],
  );

const ALLOW = 'allow staff on sql\n  when user.groups has "staff" and statement.read_only\n\n';
const READS = 'test "staff reads" {\n  user "ana" in "staff"\n  sql "select 1"\n  expect allow by staff\n}\n';
const REFUSED = 'test "staff does not write" {\n  user "ana" in "staff"\n  sql "delete from t"\n  expect deny\n}\n';

export const TEST_RULES: readonly LintRule[] = [
  {
    code: "L090",
    name: "nothing-refused",
    group: "tests",
    level: "warn",
    what: "The tests of a package allow, and not one of them expects a refusal.",
    why: "Tests that only show what works stay green when a rule is widened to everybody. Show the border: who may not, and what may not be done.",
    before: ALLOW + READS,
    after: `${ALLOW}${READS}\n${REFUSED}`,
    check(input, tell) {
      const found = input.tests.flatMap(verdicts);
      const first = input.tests.find((test) => verdicts(test).includes("allow"));
      if (first !== undefined && !found.includes("deny") && !found.includes("approve"))
        tell(first.name.span, "no test of this package expects a refusal", {
          hint: "add a test with `expect deny`: who may not, or what may not be done",
        });
    },
  },
  {
    code: "L091",
    name: "verdict-without-rule",
    group: "tests",
    level: "warn",
    what: "A test expects an allow or an approval without naming the rule.",
    why: "It stays green when another rule allows for another reason. `by` holds the reason, not only the outcome.",
    before: `${ALLOW}${READS.replace(" by staff", "")}\n${REFUSED}`,
    after: `${ALLOW}${READS}\n${REFUSED}`,
    check(input, tell) {
      for (const test of input.tests)
        for (const entry of test.entries) {
          if (entry.kind !== "expect") continue;
          const { expectation } = entry;
          if (expectation.kind === "verdict" && expectation.verdict !== "deny" && expectation.by === null)
            tell(expectation.span, `this does not say which rule should ${expectation.verdict}`, {
              hint: "write `by RULE` behind it",
            });
        }
    },
  },
  {
    code: "L092",
    name: "duplicate-test-name",
    group: "tests",
    level: "warn",
    what: "Two tests have the same name.",
    why: "A report that names one of them leaves open which. Most likely one is a copy that was to be changed.",
    before: `${ALLOW}${READS}\n${READS.replace("select 1", "select 2")}\n${REFUSED}`,
    after: `${ALLOW}${READS}\n${READS.replace("select 1", "select 2").replace("staff reads", "staff reads more")}\n${REFUSED}`,
    check(input, tell) {
      const first = new Map<string, TestDecl>();
      for (const test of input.tests) {
        const earlier = first.get(test.name.value);
        if (earlier === undefined) first.set(test.name.value, test);
        else
          tell(test.name.span, `another test is called ${JSON.stringify(test.name.value)}`, {
            related: [{ span: earlier.name.span, label: "the first of that name" }],
          });
      }
    },
  },
  {
    code: "L093",
    name: "duplicate-test",
    group: "tests",
    level: "warn",
    what: "Two tests say the same.",
    why: "The second one costs time and shows nothing. If something else was meant, it is not tested.",
    before: `${ALLOW}${READS}\n${READS.replace("staff reads", "staff reads more")}\n${REFUSED}`,
    after: `${ALLOW}${READS}\n${REFUSED}`,
    check(input, tell) {
      const first = new Map<string, TestDecl>();
      for (const test of input.tests) {
        const body = test.entries.map((entry) => input.textOf(entry.span).replaceAll(/\s+/g, " ")).join("\n");
        const earlier = first.get(body);
        if (earlier === undefined) first.set(body, test);
        else
          tell(test.name.span, `this test says the same as ${JSON.stringify(earlier.name.value)}`, {
            hint: "remove one of them, or test something else",
            related: [{ span: earlier.name.span, label: "the same test" }],
          });
      }
    },
  },
  {
    code: "L094",
    name: "test-without-schema",
    group: "tests",
    level: "warn",
    what: "A test of SQL names no schema, in a package that masks columns.",
    why: "Without a schema no name can be resolved, so masks can't be followed and the statement is judged otherwise than in production.",
    before: `${ALLOW}mask pii on sql\n  columns public.users.email\n  with redact\n\n${READS}\n${REFUSED.replace("  sql", '  schema "shop.sql"\n  sql')}`,
    after: `${ALLOW}mask pii on sql\n  columns public.users.email\n  with redact\n\n${READS.replace("  sql", '  schema "shop.sql"\n  sql')}\n${REFUSED.replace("  sql", '  schema "shop.sql"\n  sql')}`,
    check(input, tell) {
      if (!input.rules.some((rule) => rule.effect.text === "mask")) return;
      for (const test of input.tests) {
        const ofSql = test.entries.some((entry) => entry.kind === "text" && entry.form === "sql");
        if (ofSql && !test.entries.some((entry) => entry.kind === "schema"))
          tell(test.name.span, "this test names no schema, so masks can't be followed", {
            hint: 'add `schema "FILE.sql"`',
          });
      }
    },
  },
];
