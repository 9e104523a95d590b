import type { Expr, RuleDecl } from "../../ast/index.ts";
import type { LintInput } from "../input.ts";
import type { LintRule } from "../lint-rule.ts";
import { rewrite, shorten } from "../rewrite.ts";
import { NO_SHAPE, mayHaveDoubles, mixText } from "../shape.ts";
import { chain, printedExpr, within } from "../walk.ts";

/** Places from which on a condition is worth a name. */
const PLACES_MIN = 3;

const isJoined = (expr: Expr): expr is Extract<Expr, { kind: "binary" }> =>
  expr.kind === "binary" && (expr.op === "and" || expr.op === "or");

export const REDUNDANCY_RULES: readonly LintRule[] = [
  {
    code: "L080",
    name: "same-rule-twice",
    group: "redundancy",
    level: "warn",
    what: "Two rules say the same under different names.",
    why: "Changing one of them then changes nothing, which is seen only when it matters.",
    before:
      'deny no_drops on sql\n  when statement.kind == drop_table\n  because "Drops come from migrations."\n\ndeny no_table_drops on sql\n  when statement.kind == drop_table\n  because "Drops come from migrations."',
    after: 'deny no_drops on sql\n  when statement.kind == drop_table\n  because "Drops come from migrations."',
    check(input, tell) {
      const first = new Map<string, RuleDecl>();
      const alike = Map.groupBy(input.rules, (rule) => roughly(rule, input));
      for (const rule of input.rules) {
        if (alike.get(roughly(rule, input))!.length < 2) continue;
        const body = bodyOf(rule, input);
        const earlier = first.get(body);
        if (earlier === undefined) first.set(body, rule);
        else
          tell(rule.name.span, `\`${rule.name.text}\` says the same as \`${earlier.name.text}\``, {
            hint: "remove one of them",
            related: [{ span: earlier.name.span, label: "the same rule" }],
          });
      }
    },
  },
  {
    code: "L081",
    name: "repeated-condition",
    group: "redundancy",
    level: "warn",
    what: "The same condition is written out in three places or more.",
    why: "When it changes, one place is forgotten. A `let` gives it a name and one place.",
    before:
      'allow a_read on sql\n  when user.groups has "x" and target.name == "shop" and statement.read_only\nallow b_write on sql\n  when user.groups has "x" and target.name == "shop" and statement.writes\nallow c_drop on sql\n  when user.groups has "x" and target.name == "shop" and statement.nested',
    after:
      'let shop_team = user.groups has "x" and target.name == "shop"\nallow a_read on sql\n  when shop_team and statement.read_only\nallow b_write on sql\n  when shop_team and statement.writes\nallow c_drop on sql\n  when shop_team and statement.nested',
    check(input, tell) {
      const places = new Map<string, Expr[]>();
      // What is joined has two parts at least, so it is worth a name.
      const alike = Map.groupBy(input.partsOf("and", "or"), (one) => one.shape);
      for (const { part, shape } of input.partsOf("and", "or")) {
        if (alike.get(shape)!.length < PLACES_MIN) continue;
        const text = printedExpr(part);
        const found = places.get(text);
        if (found === undefined) places.set(text, [part]);
        else found.push(part);
      }
      const told: Expr[] = [];
      // Longest first, so that a part of a repeated condition is not told of beside the whole.
      const often = [...places].filter(([, found]) => found.length >= PLACES_MIN);
      const order = often.sort(([a], [b]) => b.length - a.length || (a < b ? -1 : 1));
      for (const [text, found] of order) {
        if (found.every((part) => told.some((other) => covers(other, part)))) continue;
        told.push(...found);
        const [one, ...others] = found;
        tell(one!.span, `\`${shorten(text)}\` is written out ${found.length} times`, {
          hint: "give it a name with `let`",
          related: others.slice(0, 5).map(({ span }) => ({ span, label: "and here" })),
        });
      }
    },
  },
  {
    code: "L082",
    name: "condition-has-a-name",
    group: "redundancy",
    level: "warn",
    what: "A condition is written out although a `let` names it.",
    why: "The name says what is meant, and follows when its meaning changes.",
    before:
      'let dba = user.groups has any ["dba", "dba-leads"]\nallow a_read on sql\n  when dba\nallow b_read on ssh\n  when user.groups has any ["dba", "dba-leads"]',
    after:
      'let dba = user.groups has any ["dba", "dba-leads"]\nallow a_read on sql\n  when dba\nallow b_read on ssh\n  when dba',
    check(input, tell) {
      const names = new Map(
        input.lets.flatMap((one) => (one.value.kind === "binary" ? [[printedExpr(one.value), one] as const] : [])),
      );
      if (names.size === 0) return;
      for (const { expr, place } of input.conditions) {
        for (const part of within(expr)) {
          const named = part.kind === "binary" ? names.get(printedExpr(part)) : undefined;
          // The let's own value is where the name comes from.
          if (named === undefined || (place === "let" && part === expr)) continue;
          const by: Expr = { kind: "path", parts: [named.name], span: part.span };
          tell(part.span, `this is \`${named.name.text}\`, written out`, {
            related: [{ span: named.name.span, label: "named here" }],
            fixes: rewrite(input, part, by),
          });
        }
      }
    },
  },
  {
    code: "L083",
    name: "same-part-twice",
    group: "redundancy",
    level: "warn",
    what: "The same part stands twice between `and`s or `or`s.",
    why: "The second one changes nothing; most likely something else was meant.",
    before: 'allow a_read on sql\n  when user.groups has "x" and statement.read_only and user.groups has "x"',
    after: 'allow a_read on sql\n  when user.groups has "x" and statement.read_only',
    check(input, tell) {
      for (const { expr } of input.conditions)
        for (const part of topChains(expr)) {
          const op = part.op as "and" | "or";
          const seen = new Map<string, Expr>();
          const kept: Expr[] = [];
          const doubles: Expr[] = [];
          const operands = chain(part, op);
          if (!mayHaveDoubles(operands)) continue;
          for (const operand of operands) {
            const text = printedExpr(operand);
            if (seen.has(text)) doubles.push(operand);
            else {
              seen.set(text, operand);
              kept.push(operand);
            }
          }
          const [double] = doubles;
          if (double === undefined) continue;
          const by = kept.reduce((left, right): Expr => ({ kind: "binary", op, left, right, span: part.span }));
          tell(double.span, `\`${shorten(printedExpr(double))}\` stands here twice`, {
            related: [{ span: seen.get(printedExpr(double))!.span, label: "first here" }],
            fixes: rewrite(input, part, by, "leave the second one out"),
          });
        }
    },
  },
  {
    code: "L084",
    name: "neutral-constant",
    group: "redundancy",
    level: "warn",
    what: "`and true` or `or false` stands in a condition.",
    why: "It changes nothing, and is most likely left over from trying something out.",
    before: "allow a_read on sql\n  when statement.read_only and true",
    after: "allow a_read on sql\n  when statement.read_only",
    check(input, tell) {
      for (const { part } of input.partsOf("and", "or")) {
        if (!isJoined(part)) continue;
        const neutral = part.op === "and";
        const [constant, other] = part.left.kind === "bool" ? [part.left, part.right] : [part.right, part.left];
        if (constant.kind !== "bool" || constant.value !== neutral) continue;
        tell(constant.span, `\`${part.op} ${String(neutral)}\` changes nothing`, {
          fixes: rewrite(input, part, other),
        });
      }
    },
  },
];

const covers = (outer: Expr, inner: Expr): boolean =>
  outer.span.file === inner.span.file && outer.span.start <= inner.span.start && outer.span.end >= inner.span.end;

/** Chains of `and` or `or` that are not part of a longer one of the same. */
function topChains(expr: Expr): readonly Extract<Expr, { kind: "binary" }>[] {
  if (!isJoined(expr)) return childChains(expr);
  return [expr, ...chain(expr, expr.op as "and" | "or").flatMap(topChains)];
}

const childChains = (expr: Expr): readonly Extract<Expr, { kind: "binary" }>[] => {
  switch (expr.kind) {
    case "not":
      return topChains(expr.operand);
    case "quantified":
      return topChains(expr.condition);
    default:
      return [];
  }
};

/** A number that rules share which say the same. */
function roughly(rule: RuleDecl, input: LintInput): number {
  let found = 0;
  for (const clause of rule.clauses)
    found +=
      clause.kind === "when" || clause.kind === "unless"
        ? mixText(input.shapeOf(clause.condition), clause.kind)
        : mixText(NO_SHAPE, input.textOf(clause.span));
  return mixText(found | 0, rule.effect.text);
}

/** What a rule says, without its name and annotations. */
function bodyOf(rule: RuleDecl, input: LintInput): string {
  const clauses = rule.clauses
    .map((clause) =>
      clause.kind === "when" || clause.kind === "unless"
        ? `${clause.kind} ${printedExpr(clause.condition)}`
        : input.textOf(clause.span).replaceAll(/\s+/g, " "),
    )
    .sort();
  return [
    rule.effect.text,
    rule.scopes
      .map((scope) => scope.text)
      .sort()
      .join(),
    ...clauses,
  ].join("\n");
}
