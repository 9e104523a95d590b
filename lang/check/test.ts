import { nearest } from "../../base/text.ts";
import { factsOf, type Fact } from "../../spec/contract/facts/index.ts";
import type { Expr, TestDecl } from "../ast/index.ts";
import type { CheckedExpectation, CheckedTest, FactValueLiteral } from "../checked/index.ts";
import { diagnostic, type Diagnostic } from "../diagnostics/index.ts";
import { typeName } from "./type-names.ts";

/** Checks a test's own form; what it expects is found out when it runs. Null when it can't run. */
export function checkTest(
  test: TestDecl,
  ruleNames: ReadonlySet<string>,
  report: (found: Diagnostic) => void,
): CheckedTest | null {
  let user: CheckedTest["user"] | null = null;
  let target: CheckedTest["target"] = { name: "test", labels: {} };
  let schema: string | null = null;
  const sql: { text: string; span: TestDecl["span"] }[] = [];
  const facts: { path: string; value: FactValueLiteral }[] = [];
  const expectations: CheckedExpectation[] = [];
  for (const entry of test.entries) {
    switch (entry.kind) {
      case "user":
        user = { name: entry.name.value, groups: entry.groups.map((group) => group.value) };
        break;
      case "target":
        target = {
          name: entry.name.value,
          labels: Object.fromEntries(entry.labels.map((label) => [label.key.text, label.value.value])),
        };
        break;
      case "schema":
        schema = entry.path.value;
        break;
      case "sql":
        sql.push(...entry.texts.map((text) => ({ text: text.value, span: text.span })));
        break;
      case "facts":
        for (const given of entry.facts) {
          const path = given.path.parts.map((part) => part.text).join(".");
          const fact = factsOf("postgres").find((known) => known.path === path);
          if (fact === undefined) {
            const near = nearest(
              path,
              factsOf("postgres").map((known) => known.path),
            );
            report(diagnostic("unknown-name", given.path.span, { name: path, near }));
            continue;
          }
          const value = literalOf(given.value, fact, report);
          if (value !== null) facts.push({ path, value });
        }
        break;
      case "expect": {
        const { expectation } = entry;
        if ("by" in expectation && expectation.by !== null && !ruleNames.has(expectation.by.text)) {
          report(
            diagnostic("unknown-rule", expectation.by.span, {
              name: expectation.by.text,
              near: nearest(expectation.by.text, ruleNames),
            }),
          );
        }
        expectations.push(toExpectation(expectation));
        break;
      }
    }
  }
  if (user === null) report(diagnostic("test-incomplete", test.name.span, { what: "`user`" }));
  if (sql.length === 0 && facts.length === 0)
    report(diagnostic("test-incomplete", test.name.span, { what: "action (`sql` or `facts`)" }));
  if (expectations.length === 0) report(diagnostic("test-incomplete", test.name.span, { what: "`expect`" }));
  if (user === null) return null;
  return {
    name: test.name.value,
    file: test.span.file,
    user,
    target,
    schema,
    sql,
    facts,
    expectations,
    span: test.name.span,
  };
}

function toExpectation(
  node: Extract<TestDecl["entries"][number], { kind: "expect" }>["expectation"],
): CheckedExpectation {
  const { span } = node;
  switch (node.kind) {
    case "verdict":
      return { kind: "verdict", verdict: node.verdict, by: node.by?.text ?? null, span };
    case "masked":
      return { kind: "masked", column: node.column.text, by: node.by?.text ?? null, span };
    case "plain":
      return { kind: "plain", column: node.column.text, span };
    case "row-limit":
      return { kind: "row-limit", count: node.count.value, span };
    case "message":
      return { kind: "message", text: node.text.value, span };
  }
}

function literalOf(expr: Expr, fact: Fact, report: (found: Diagnostic) => void): FactValueLiteral | null {
  const { type } = fact;
  const fail = (): null => {
    report(diagnostic("type-mismatch", expr.span, { expected: typeName(type), found: "something else" }));
    return null;
  };
  switch (type.kind) {
    case "bool":
      return expr.kind === "bool" ? expr.value : fail();
    case "int":
      return expr.kind === "int" ? expr.value : fail();
    case "string":
    case "address":
      return expr.kind === "string" ? expr.value : fail();
    case "enum":
      return expr.kind === "path" && expr.parts.length === 1 && type.values.includes(expr.parts[0]!.text)
        ? expr.parts[0]!.text
        : fail();
    case "set":
    case "list": {
      if (expr.kind !== "list") return fail();
      const of = type.of;
      const items = expr.items.map((item) => literalOf(item, { ...fact, type: of }, report));
      return items.every((item) => typeof item === "string") ? items : null;
    }
    case "record":
    case "map":
    case "time":
    case "duration":
      return fail();
  }
}
