import type { Edit } from "../../diagnostics/index.ts";
import type { LintInput } from "../input.ts";
import type { LintRule } from "../lint-rule.ts";
import { within } from "../walk.ts";

const SNAKE = /^[a-z][a-z0-9]*(_[a-z0-9]+)*$/;
const VAGUE = /^(rule|test|tmp|temp|foo|bar|baz|new|old|my|policy|allow|deny|mask|stuff|misc|todo)?_?[0-9]*$/i;

/** `dropTables` and `Drop__tables` as `drop_tables`. */
export function snakeCase(name: string): string {
  return name
    .replaceAll(/([a-z0-9])([A-Z])/g, "$1_$2")
    .toLowerCase()
    .replaceAll(/_+/g, "_")
    .replaceAll(/^_|_$/g, "");
}

/** Every place where a let, or a column set, is named, its declaration included. */
function usesOf(input: LintInput, name: string, kind: "let" | "column-set"): readonly Edit[] | null {
  const to = snakeCase(name);
  const taken = [...input.lets, ...input.columnSets, ...input.rules].some((one) => one.name.text === to);
  if (taken || !SNAKE.test(to)) return null;
  const edits: Edit[] = [];
  if (kind === "let") {
    for (const one of input.lets) if (one.name.text === name) edits.push({ span: one.name.span, text: to });
    for (const { expr } of input.conditions)
      for (const part of within(expr)) {
        // A quantifier's variable of the same name hides the let; the fix keeps away from it.
        if (part.kind === "quantified" && part.variable.text === name) return null;
        if (part.kind === "path" && part.parts.length === 1 && part.parts[0]!.text === name)
          edits.push({ span: part.span, text: to });
      }
    return edits;
  }
  for (const one of input.columnSets) if (one.name.text === name) edits.push({ span: one.name.span, text: to });
  const patterns = [
    ...input.columnSets.flatMap((one) => one.patterns),
    ...input.rules.flatMap((rule) =>
      rule.clauses.flatMap((clause) => (clause.kind === "columns" ? clause.patterns : [])),
    ),
  ];
  for (const { parts, span } of patterns) {
    const [only] = parts;
    if (parts.length === 1 && only!.names !== "*" && only!.names.length === 1 && input.textOf(span) === name)
      edits.push({ span, text: to });
  }
  return edits;
}

export const NAMING_RULES: readonly LintRule[] = [
  {
    code: "L040",
    name: "rule-name-style",
    group: "naming",
    level: "warn",
    what: "A rule's name is not in snake_case.",
    why: "Names of rules stand in messages, in the record and in reports; one style makes them searchable.",
    before: 'deny noDrops on sql\n  when statement.kind == drop_table\n  because "Drops come from migrations."',
    after: 'deny no_drops on sql\n  when statement.kind == drop_table\n  because "Drops come from migrations."',
    check(input, tell) {
      for (const { name } of input.rules) {
        if (SNAKE.test(name.text)) continue;
        const to = snakeCase(name.text);
        const mentions = input.tests.flatMap((test) =>
          test.entries.flatMap((entry) => {
            const by = entry.kind === "expect" && "by" in entry.expectation ? entry.expectation.by : null;
            return by !== null && by.text === name.text ? [by.span] : [];
          }),
        );
        tell(name.span, `rule \`${name.text}\` is not in snake_case`, {
          hint: `call it \`${to}\``,
          fixes: [
            {
              title: `rename it to \`${to}\``,
              edits: [name.span, ...mentions].map((span) => ({ span, text: to })),
              // Reports and saved searches may know the old name.
              safe: false,
            },
          ],
        });
      }
    },
  },
  {
    code: "L041",
    name: "let-name-style",
    group: "naming",
    level: "warn",
    what: "The name of a `let` or of a column set is not in snake_case.",
    why: "Facts are in snake_case; a name beside them that is not looks like something else.",
    before: 'let inProd = target.labels["env"] == "production"\nallow a_read on sql\n  when not inProd',
    after: 'let in_prod = target.labels["env"] == "production"\nallow a_read on sql\n  when not in_prod',
    check(input, tell) {
      for (const one of [...input.lets, ...input.columnSets]) {
        const { text, span } = one.name;
        if (SNAKE.test(text)) continue;
        const edits = usesOf(input, text, one.kind);
        tell(span, `\`${text}\` is not in snake_case`, {
          hint: `call it \`${snakeCase(text)}\``,
          fixes: edits === null ? [] : [{ title: `rename it to \`${snakeCase(text)}\``, edits, safe: true }],
        });
      }
    },
  },
  {
    code: "L042",
    name: "vague-name",
    group: "naming",
    level: "warn",
    what: "A rule's name says nothing.",
    why: "It is what a person who was refused reads first, and what an auditor has in the report.",
    before: 'deny rule1 on sql\n  when statement.kind == drop_table\n  because "Drops come from migrations."',
    after: 'deny no_drops on sql\n  when statement.kind == drop_table\n  because "Drops come from migrations."',
    check(input, tell) {
      for (const { name } of input.rules)
        if (VAGUE.test(name.text))
          tell(name.span, `the name \`${name.text}\` does not say what the rule is about`, {
            hint: "name what it forbids or gives, such as `no_drops`",
          });
    },
  },
];
