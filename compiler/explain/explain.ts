import { UNKNOWN, type Truth } from "../../spec/contract/facts/index.ts";
import {
  evaluate,
  placeOf,
  ruleMatches,
  type CheckedExpr,
  type CheckedPolicy,
  type CheckedRule,
  type FactMap,
  type SourceFile,
} from "../../lang/index.ts";

const show = (truth: Truth): string => (truth === UNKNOWN ? "unknown" : String(truth));

/** The parts of a condition that are joined by `and` and `or`, each with what it came to. */
function partsOf(expr: CheckedExpr, facts: FactMap, text: string, indent: string): readonly string[] {
  const truth = evaluate(expr, facts);
  if (expr.kind === "and" || expr.kind === "or") {
    return [
      `${indent}${expr.kind}: ${show(truth)}`,
      ...partsOf(expr.left, facts, text, `${indent}  `),
      ...partsOf(expr.right, facts, text, `${indent}  `),
    ];
  }
  const source = text.slice(expr.span.start, expr.span.end).replaceAll(/\s+/g, " ");
  return [`${indent}${source}: ${show(truth)}`];
}

/** Why an action is decided as it is: every rule with what its condition came to, part by part. */
export function explainDecision(policy: CheckedPolicy, files: readonly SourceFile[], facts: FactMap): string {
  const lines: string[] = [];
  for (const rule of policy.rules) {
    const { matched, unknown } = ruleMatches(rule, facts);
    const text = files.find((file) => file.path === rule.span.file)?.text ?? "";
    const { line } = placeOf(text, rule.nameSpan.start);
    lines.push(
      `${matched ? "matches" : "       "}  ${rule.effect} ${rule.name} (${rule.nameSpan.file}:${line})${unknown ? ", for something is unknown" : ""}`,
    );
    lines.push(...conditionLines(rule, facts, (file) => files.find((one) => one.path === file)?.text ?? ""));
  }
  return lines.join("\n");
}

function conditionLines(rule: CheckedRule, facts: FactMap, textOf: (file: string) => string): readonly string[] {
  const lines: string[] = [];
  // A let's parts stand where it was declared, so each part is quoted from its own file.
  if (rule.when !== null)
    lines.push("           when", ...partsOf(rule.when, facts, textOf(rule.when.span.file), "             "));
  if (rule.unless !== null)
    lines.push("           unless", ...partsOf(rule.unless, facts, textOf(rule.unless.span.file), "             "));
  return lines;
}
