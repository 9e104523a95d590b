import type { Truth } from "../../spec/contract/facts/index.ts";
import { evaluate, placeOf, ruleMatches, type CheckedExpr, type CheckedRule, type FactMap } from "../../lang/index.ts";
import { sourceOf, truthText, type TextOf } from "../condition/index.ts";
import { ruleNamed } from "./cases.ts";
import { NOTHING_SHOWN, oracleDecider, type ActionOutcome } from "./outcome.ts";
import type { CaseResult, Failure } from "./run.ts";

/** Rules that are explained for one failure; the nearest misses come first. */
const EXPLAINED_MAX = 3;

/** A part of a condition that keeps it from being what was wanted. */
interface Blocker {
  readonly part: CheckedExpr;
  readonly truth: Truth;
}

/** The parts because of which a condition did not come out as `wanted`; empty when it did. */
function blockersOf(expr: CheckedExpr, wanted: boolean, facts: FactMap): readonly Blocker[] {
  const truth = evaluate(expr, facts);
  if (truth === wanted) return [];
  switch (expr.kind) {
    case "not":
      return blockersOf(expr.operand, !wanted, facts);
    case "and":
    case "or":
      return [...blockersOf(expr.left, wanted, facts), ...blockersOf(expr.right, wanted, facts)];
    default:
      return [{ part: expr, truth }];
  }
}

interface Explained {
  readonly rule: CheckedRule;
  readonly matched: boolean;
  readonly clauses: readonly { readonly word: string; readonly parts: readonly Blocker[] }[];
}

/** Why a rule matched, or did not: the parts that made it so. */
function explainRule(rule: CheckedRule, facts: FactMap): Explained {
  const { matched } = ruleMatches(rule, facts);
  // A rule matched because no part stood against it: those parts are what would have to come out otherwise.
  const of = (expr: CheckedExpr | null, wanted: boolean): readonly Blocker[] =>
    expr === null ? [] : blockersOf(expr, wanted, facts);
  const clauses = [
    { word: "when", parts: of(rule.when, !matched) },
    { word: "unless", parts: of(rule.unless, matched) },
  ].filter((clause) => clause.parts.length > 0);
  return { rule, matched, clauses };
}

/**
 * Why an action was decided otherwise than a test expects, for a person: the rule that the test names, or those that nearly
 * gave the expected verdict, and the rules that made the verdict, each with the parts of its condition that made it so.
 */
export function whyLines(
  result: CaseResult,
  failure: Failure,
  rules: readonly CheckedRule[],
  textOf: TextOf,
): readonly string[] {
  const { action, outcome } = result;
  if (action === null || outcome === null || failure.expectation === null) return [];
  const expected = failure.expectation;
  const named = ruleNamed(expected);
  // Of a mask that applies but shows something else, its condition is no explanation.
  const masks = expected.kind === "masked";
  // Of several statements, the one that made the verdict.
  const decide = oracleDecider(rules);
  const alone = (unit: FactMap): ActionOutcome => decide({ ...action, units: [unit], show: () => NOTHING_SHOWN });
  const facts = action.units.find((unit) => alone(unit).verdict === outcome.verdict);
  if (facts === undefined) return [];
  const own = rules.filter((rule) => rule.protocols.includes(action.protocol));
  const wanted = own.filter((rule) =>
    named !== null
      ? rule.name === named && !outcome.deciding.includes(rule.name) && !(masks && outcome.matched.includes(named))
      : expected.kind === "verdict" && rule.effect === expected.verdict && !outcome.matched.includes(rule.name),
  );
  const nearest = wanted
    .map((rule) => explainRule(rule, facts))
    .sort((a, b) => blockerCount(a) - blockerCount(b))
    .slice(0, EXPLAINED_MAX);
  const deciding =
    expected.kind === "verdict" || expected.kind === "message"
      ? own.filter((rule) => outcome.deciding.includes(rule.name) && rule.name !== named).slice(0, EXPLAINED_MAX)
      : [];
  return [...nearest, ...deciding.map((rule) => explainRule(rule, facts))].flatMap((one) =>
    explainedLines(one, textOf),
  );
}

const blockerCount = (one: Explained): number => one.clauses.reduce((sum, clause) => sum + clause.parts.length, 0);

function explainedLines(one: Explained, textOf: TextOf): readonly string[] {
  const { rule, matched, clauses } = one;
  const { line } = placeOf(textOf(rule.nameSpan.file), rule.nameSpan.start);
  const verb = matched ? "matched" : "did not match";
  const head = `${rule.effect} ${rule.name} (${rule.nameSpan.file}:${line}) ${verb}${clauses.length === 0 ? ", for it has no condition" : ", for"}`;
  return [
    head,
    ...clauses.flatMap(({ word, parts }) =>
      parts.map(({ part, truth }) => `  ${word}: \`${sourceOf(part, textOf)}\` is ${truthText(truth)}`),
    ),
  ];
}
