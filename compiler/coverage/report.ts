import { placeOf, type SourceFile, type Span } from "../../lang/index.ts";
import { sourceOf, textsOf, type TextOf } from "../condition/index.ts";
import {
  outcomesReached,
  percent,
  rulesReached,
  stateOf,
  type ConditionCoverage,
  type Coverage,
  type Share,
} from "./measure.ts";

const lineOf = (span: Span, offset: number, textOf: TextOf): number => placeOf(textOf(span.file), offset).line;
const placeText = (span: Span, textOf: TextOf): string => {
  const { line, column } = placeOf(textOf(span.file), span.start);
  return `${span.file}:${line}:${column}`;
};

/** Which of `true` and `false` a condition never came to. */
export const missingOf = ({ seen }: ConditionCoverage): readonly ("true" | "false")[] => [
  ...(seen.true === 0 ? (["true"] as const) : []),
  ...(seen.false === 0 ? (["false"] as const) : []),
];

const shareText = (share: Share): string => `${percent(share)} % (${share.reached} of ${share.all})`;

/** For a person: what is not reached, then the shares. */
export function coverageHuman(coverage: Coverage, files: readonly SourceFile[], colour: boolean): string {
  const textOf = textsOf(files);
  const yellow = (text: string): string => (colour ? `\u001b[33m${text}\u001b[39m` : text);
  const lines: string[] = [];
  for (const rule of coverage.rules) {
    const state = stateOf(rule);
    if (state === "decided") continue;
    const what = state === "never" ? "matched no action" : "matched, but another rule decided each time";
    lines.push(`${placeText(rule.nameSpan, textOf)}: ${yellow(`${rule.effect} ${rule.name} ${what}`)}`);
  }
  for (const condition of coverage.conditions) {
    const missing = missingOf(condition);
    if (missing.length === 0) continue;
    lines.push(
      `${placeText(condition.span, textOf)}: \`${sourceOf(condition, textOf)}\` was never ${yellow(missing.join(" and never "))}`,
    );
  }
  const unknown = coverage.conditions.filter((one) => one.seen.unknown > 0).length;
  lines.push(
    `rules that decided an action: ${shareText(rulesReached(coverage))}`,
    `conditions' outcomes seen:    ${shareText(outcomesReached(coverage))}, and unknown at ${unknown} of ${coverage.conditions.length}`,
    `denied by default:            ${coverage.deniedByDefault} of ${coverage.actions} actions`,
  );
  return `${lines.join("\n")}\n`;
}

/** For scripts; the shape is stable. */
export function coverageJson(coverage: Coverage, files: readonly SourceFile[]): string {
  const textOf = textsOf(files);
  const share = (one: Share) => ({ ...one, percent: percent(one) });
  return `${JSON.stringify(
    {
      rules: share(rulesReached(coverage)),
      conditions: share(outcomesReached(coverage)),
      actions: coverage.actions,
      deniedByDefault: coverage.deniedByDefault,
      byRule: coverage.rules.map((rule) => ({
        rule: rule.name,
        effect: rule.effect,
        file: rule.nameSpan.file,
        line: lineOf(rule.nameSpan, rule.nameSpan.start, textOf),
        state: stateOf(rule),
        matched: rule.matched,
        decided: rule.decided,
      })),
      byCondition: coverage.conditions.map((one) => ({
        ...placeOf(textOf(one.span.file), one.span.start),
        file: one.span.file,
        text: sourceOf(one, textOf),
        rules: one.rules,
        ...one.seen,
      })),
    },
    null,
    2,
  )}\n`;
}

/**
 * LCOV, as editors and coverage services read it: a rule is a function, a condition a branch with `true` and `false`. A line
 * with the head of a rule was run as often as the rule decided; a line with conditions as often as the least seen outcome of
 * them, so that editors mark it until both were seen.
 */
export function coverageLcov(coverage: Coverage, files: readonly SourceFile[]): string {
  const textOf = textsOf(files);
  const paths = new Set([...coverage.rules, ...coverage.conditions].map(({ span }) => span.file));
  return [...paths]
    .sort()
    .map((path) => lcovOfFile(path, coverage, textOf))
    .join("");
}

function lcovOfFile(path: string, coverage: Coverage, textOf: TextOf): string {
  const rules = coverage.rules.filter((rule) => rule.nameSpan.file === path);
  const conditions = coverage.conditions.filter((one) => one.span.file === path);
  const hits = new Map<number, number>();
  const hit = (line: number, count: number): void =>
    void hits.set(line, Math.min(count, hits.get(line) ?? Number.MAX_SAFE_INTEGER));
  const out = ["TN:", `SF:${path}`];
  for (const rule of rules) out.push(`FN:${lineOf(rule.nameSpan, rule.nameSpan.start, textOf)},${rule.name}`);
  for (const rule of rules) {
    out.push(`FNDA:${rule.decided},${rule.name}`);
    hit(lineOf(rule.nameSpan, rule.nameSpan.start, textOf), rule.decided);
  }
  out.push(`FNF:${rules.length}`, `FNH:${rules.filter((rule) => rule.decided > 0).length}`);
  for (const [block, { span, seen }] of conditions.entries()) {
    const line = lineOf(span, span.start, textOf);
    const evaluated = seen.true + seen.false + seen.unknown > 0;
    for (const [branch, count] of [seen.true, seen.false].entries())
      out.push(`BRDA:${line},${block},${branch},${evaluated ? count : "-"}`);
    hit(line, Math.min(seen.true, seen.false));
  }
  const reached = outcomesReached({ ...coverage, conditions });
  out.push(`BRF:${reached.all}`, `BRH:${reached.reached}`);
  const lines = [...hits].sort(([a], [b]) => a - b);
  for (const [line, count] of lines) out.push(`DA:${line},${count}`);
  out.push(`LF:${lines.length}`, `LH:${lines.filter(([, count]) => count > 0).length}`, "end_of_record");
  return `${out.join("\n")}\n`;
}
