import { nearest } from "../../base/text.ts";
import { PROTOCOLS, factAt, factsOf, type Fact, type ProtocolName } from "../../spec/contract/facts/index.ts";
import type { Expectation, Expr, TestDecl, TestEntry, TestText } from "../ast/index.ts";
import type { CheckedExpectation, CheckedTest, FactValueLiteral, TestAction, TestCase } from "../checked/index.ts";
import { diagnostic } from "../diagnostics/index.ts";
import { namedApprovers } from "./clauses.ts";
import { checkMaskSpec } from "./mask.ts";
import type { Report } from "./packages.ts";
import { momentOf } from "./time.ts";
import { typeName } from "./type-names.ts";

/** Rows of all tables of one test, multiplied. */
const CASES_MAX = 1000;

type EntryOf<K extends TestEntry["kind"]> = Extract<TestEntry, { kind: K }>;
type Row = ReadonlyMap<string, string>;

/** The protocol whose facts each form of action has. */
const PROTOCOL_OF_FORM = { sql: "postgres", ssh: "ssh", kubectl: "kubernetes", http: "http", tool: "mcp" } as const;

/** Checks a test's own form; what it expects is found out when it runs. Null when it can't run. */
export function checkTest(
  test: TestDecl,
  rules: ReadonlyMap<string, { readonly scopes: readonly ProtocolName[] }>,
  report: Report,
): CheckedTest | null {
  const only = <K extends TestEntry["kind"]>(kind: K): EntryOf<K> | undefined => {
    const [first, second] = test.entries.filter((entry): entry is EntryOf<K> => entry.kind === kind);
    if (second !== undefined) report(diagnostic("duplicate-clause", second.span, { clause: kind }));
    return first;
  };
  const user = only("user");
  const target = only("target");
  const time = only("time");
  const tables = test.entries.filter((entry) => entry.kind === "for");
  const rows = rowsOf(tables, report);
  const used = new Set<string>();
  const textOf = (text: TestText, row: Row): string => {
    if (text.kind === "string") return text.value;
    used.add(text.name.text);
    return row.get(text.name.text) ?? "";
  };
  reportUnknownNames(test, tables, report);
  const expectations = test.entries.flatMap((entry) =>
    entry.kind === "expect" ? [expectationOf(entry.expectation, rules, report)] : [],
  );
  const actions = test.entries.filter(isAction);
  const given = test.entries.filter((entry) => entry.kind === "facts");
  const protocol = actions[0] === undefined ? protocolOfFacts(given) : protocolOfAction(actions[0]);
  for (const other of actions.slice(1))
    if (protocolOfAction(other) !== protocol)
      report(diagnostic("mixed-actions", other.span, { first: protocol, second: protocolOfAction(other) }));
  const facts = given.flatMap((entry) => factsOfEntry(entry, protocol, report));
  if (user === undefined) report(diagnostic("test-incomplete", test.name.span, { what: "`user`" }));
  if (actions.length === 0 && given.length === 0)
    report(
      diagnostic("test-incomplete", test.name.span, {
        what: "action (`sql`, `ssh`, `http`, `kubectl`, `tool` or `facts`)",
      }),
    );
  if (expectations.length === 0) report(diagnostic("test-incomplete", test.name.span, { what: "`expect`" }));
  const timeMs = time === undefined ? null : momentOf(time.text.value);
  if (time !== undefined && timeMs === null) report(diagnostic("bad-time", time.text.span, { text: time.text.value }));
  if (user === undefined) return null;
  const several = actions.reduce((sum, entry) => sum + (entry.kind === "text" ? entry.texts.length : 1), 0) > 1;
  const cases = rows.flatMap((row): TestCase[] => {
    const filled = [...row].map(([name, value]) => `${name} = ${value}`).join(", ");
    const made: readonly TestAction[] =
      actions.length === 0
        ? [{ form: "facts", protocol, span: test.name.span }]
        : actions.flatMap((entry) => actionsOf(entry, (text) => textOf(text, row)));
    return made.map((action) => ({
      title: several && "text" in action ? [filled, action.text].filter((part) => part !== "").join(": ") : filled,
      user: { name: textOf(user.name, row), groups: user.groups.map((group) => textOf(group, row)) },
      target: {
        name: target === undefined ? "test" : textOf(target.name, row),
        labels: Object.fromEntries(
          (target?.labels ?? []).map((label) => [label.key.text, textOf(label.value, row)] as const),
        ),
      },
      action,
    }));
  });
  for (const { variable } of tables)
    if (!used.has(variable.text)) report(diagnostic("unused-variable", variable.span, { name: variable.text }));
  if (cases.length > CASES_MAX) {
    report(diagnostic("too-many-cases", test.name.span, { count: cases.length, countMax: CASES_MAX }));
    return null;
  }
  const schema = only("schema")?.path.value ?? null;
  return {
    name: test.name.value,
    file: test.span.file,
    schema,
    timeMs,
    facts,
    cases,
    expectations,
    span: test.name.span,
  };
}

type ActionEntry = EntryOf<"text"> | EntryOf<"http"> | EntryOf<"tool">;
const isAction = (entry: TestEntry): entry is ActionEntry =>
  entry.kind === "text" || entry.kind === "http" || entry.kind === "tool";

const protocolOfAction = (entry: ActionEntry): ProtocolName =>
  PROTOCOL_OF_FORM[entry.kind === "text" ? entry.form : entry.kind];

/** Facts name their protocol by their own: the first that has them all. */
function protocolOfFacts(entries: readonly EntryOf<"facts">[]): ProtocolName {
  const paths = entries.flatMap((entry) => entry.facts.map((fact) => pathOf(fact.path)));
  return PROTOCOLS.find((protocol) => paths.every((path) => factAt(protocol, path) !== undefined)) ?? "postgres";
}

const pathOf = (path: { readonly parts: readonly { readonly text: string }[] }): string =>
  path.parts.map((part) => part.text).join(".");

/** Every combination of the tables' values; one empty row without tables. */
function rowsOf(tables: readonly EntryOf<"for">[], report: Report): readonly Row[] {
  let rows: readonly Row[] = [new Map()];
  for (const { variable, values, span } of tables) {
    if (values.length === 0) report(diagnostic("empty-list", span, { what: `\`for ${variable.text}\`` }));
    if (rows[0]?.has(variable.text) === true)
      report(diagnostic("duplicate-name", variable.span, { what: "table", name: variable.text }));
    if (rows.length * values.length > CASES_MAX * 10) continue;
    rows = rows.flatMap((row) => values.map((value) => new Map([...row, [variable.text, value.value]])));
  }
  return rows;
}

/** Names that stand for a text but belong to no table. */
function reportUnknownNames(test: TestDecl, tables: readonly EntryOf<"for">[], report: Report): void {
  const known = tables.map((table) => table.variable.text);
  const look = (...texts: readonly (TestText | { readonly kind: "int" | "bool" })[]): void => {
    for (const text of texts) {
      if (text.kind !== "variable" || known.includes(text.name.text)) continue;
      const { text: name, span } = text.name;
      report(diagnostic("unknown-variable", span, { name, near: nearest(name, known) }));
    }
  };
  for (const entry of test.entries) {
    switch (entry.kind) {
      case "user":
        look(entry.name, ...entry.groups);
        break;
      case "target":
        look(entry.name, ...entry.labels.map((label) => label.value));
        break;
      case "text":
        look(...entry.texts);
        break;
      case "http":
        look(entry.path, ...entry.headers.map((header) => header.value), ...(entry.body === null ? [] : [entry.body]));
        break;
      case "tool":
        look(entry.name, ...entry.args.map((arg) => arg.value));
        break;
      default:
        break;
    }
  }
}

function actionsOf(entry: ActionEntry, textOf: (text: TestText) => string): readonly TestAction[] {
  const { span } = entry;
  switch (entry.kind) {
    case "text":
      return entry.texts.map((text) => ({ form: entry.form, text: textOf(text), span: text.span }));
    case "http":
      return [
        {
          form: "http",
          method: entry.method.text,
          path: textOf(entry.path),
          headers: entry.headers.map((header) => [header.name.value, textOf(header.value)] as const),
          body: entry.body === null ? null : textOf(entry.body),
          span,
        },
      ];
    case "tool":
      return [
        {
          form: "tool",
          name: textOf(entry.name),
          args: Object.fromEntries(
            entry.args.map(({ key, value }) => [
              key.text,
              value.kind === "int" || value.kind === "bool" ? value.value : textOf(value),
            ]),
          ),
          span,
        },
      ];
  }
}

function expectationOf(node: Expectation, rules: Parameters<typeof checkTest>[1], report: Report): CheckedExpectation {
  const { span } = node;
  const known = (rule: { readonly text: string; readonly span: Expectation["span"] } | null): string | null => {
    if (rule !== null && !rules.has(rule.text))
      report(diagnostic("unknown-rule", rule.span, { name: rule.text, near: nearest(rule.text, rules.keys()) }));
    return rule?.text ?? null;
  };
  switch (node.kind) {
    case "verdict":
      return { kind: "verdict", verdict: node.verdict, by: known(node.by), span };
    case "masked": {
      const mask = node.mask === null ? null : checkMaskSpec(node.mask, report);
      return { kind: "masked", column: node.column.text, by: known(node.by), mask, span };
    }
    case "plain-column":
      return { kind: "plain", column: node.column.text, span };
    case "limit":
      return { kind: "limit", count: node.count.value, unit: node.unit, span };
    case "message":
      return { kind: "message", text: node.text.value, span };
    case "approvers":
      return {
        kind: "approvers",
        groups: namedApprovers(node.approvers, "group"),
        users: namedApprovers(node.approvers, "user"),
        quorum: node.quorum?.value ?? null,
        span,
      };
    case "matched":
      return { kind: "matched", rule: known(node.rule) ?? "", matched: node.matched, span };
  }
}

function factsOfEntry(entry: EntryOf<"facts">, protocol: ProtocolName, report: Report): CheckedTest["facts"] {
  return entry.facts.flatMap((given) => {
    const path = pathOf(given.path);
    const fact = factAt(protocol, path);
    if (fact === undefined) {
      const other = PROTOCOLS.some((one) => factAt(one, path) !== undefined);
      const near = nearest(
        path,
        factsOf(protocol).map((known) => known.path),
      );
      report(
        other
          ? diagnostic("fact-not-in-scope", given.path.span, { name: path, protocol })
          : diagnostic("unknown-name", given.path.span, { name: path, near }),
      );
      return [];
    }
    const value = literalOf(given.value, fact.type, report);
    return value === null ? [] : [{ path, value }];
  });
}

function literalOf(expr: Expr, type: Fact["type"], report: Report): FactValueLiteral | null {
  const fail = (): null => {
    report(diagnostic("type-mismatch", expr.span, { expected: typeName(type), found: "something else" }));
    return null;
  };
  switch (type.kind) {
    case "bool":
      return expr.kind === "bool" ? expr.value : fail();
    case "int":
      return expr.kind === "int" ? expr.value : fail();
    case "duration":
      return expr.kind === "duration" ? expr.ms : fail();
    case "time": {
      const text = expr.kind === "call" && expr.name.text === "time" ? expr.args[0] : expr;
      const ms = text?.kind === "string" ? momentOf(text.value) : null;
      return ms ?? fail();
    }
    case "string":
    case "address":
      return expr.kind === "string" ? expr.value : fail();
    case "enum":
      return expr.kind === "path" && expr.parts.length === 1 && type.values.includes(expr.parts[0]!.text)
        ? expr.parts[0]!.text
        : fail();
    case "set":
    case "list": {
      if (expr.kind !== "list" || type.of.kind === "record") return fail();
      const items = expr.items.map((item) => literalOf(item, type.of, report));
      return items.every((item) => typeof item === "string") ? items : null;
    }
    case "record":
    case "map":
      return fail();
  }
}
