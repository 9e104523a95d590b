import { checkFiles, packageOf, type CheckResult } from "../check/index.ts";
import { sortDiagnostics, type Diagnostic } from "../diagnostics/index.ts";
import type { SourceFile, Span } from "../source/index.ts";
import { ignoresOf, type Ignore } from "./ignores.ts";
import { lintInput, packagesOf, type LintInput } from "./input.ts";
import type { LintLevel, LintRule } from "./lint-rule.ts";
import { LINT_RULES } from "./rules.ts";

/** Levels by code, where they differ from a rule's own. */
export type LintLevels = ReadonlyMap<string, LintLevel>;

export interface LintResult {
  readonly check: CheckResult;
  /** In order of place. Empty when a file has syntax errors: what is missing there may be what a rule asks for. */
  readonly findings: readonly Diagnostic[];
}

const RULE_BY_CODE = new Map<string, LintRule>(LINT_RULES.map((rule) => [rule.code, rule]));
const CODES: ReadonlySet<string> = new Set(RULE_BY_CODE.keys());

/** The rule of a code such as `L012`, or of a name such as `constant-first`. */
export const lintRule = (codeOrName: string): LintRule | undefined =>
  RULE_BY_CODE.get(codeOrName.toUpperCase()) ?? LINT_RULES.find((rule) => rule.name === codeOrName);

/** Reads, checks and lints the files of one package. Never throws for any text. */
export function lintFiles(files: readonly SourceFile[], levels: LintLevels = new Map()): LintResult {
  const check = checkFiles(files);
  return { check, findings: lintChecked(files, check, levels) };
}

/** Syntax errors have the codes P0001 to P0009. */
export const isSyntaxError = (found: Diagnostic): boolean =>
  found.severity === "error" && /^P000[1-9]$/.test(found.code);

/** The same for files that were checked already. */
export function lintChecked(
  files: readonly SourceFile[],
  check: CheckResult,
  levels: LintLevels = new Map(),
): readonly Diagnostic[] {
  if (check.diagnostics.some(isSyntaxError)) return [];
  const declared = packagesOf(check.trees);
  const packages = Map.groupBy(check.trees, (tree) => packageOf(tree, declared));
  return sortDiagnostics(
    [...packages.values()].flatMap((trees) => {
      const input = lintInput(files, trees, check.trees);
      const found = LINT_RULES.flatMap((rule) => findingsOf(rule, input, levels));
      return withoutIgnored(found, input, levels);
    }),
  );
}

const levelOf = (rule: LintRule, levels: LintLevels): LintLevel => levels.get(rule.code) ?? rule.level;

function findingsOf(rule: LintRule, input: LintInput, levels: LintLevels): readonly Diagnostic[] {
  const level = levelOf(rule, levels);
  if (level === "off") return [];
  const found: Diagnostic[] = [];
  rule.check(input, (span, message, more = {}) => {
    found.push(finding(rule, level, span, message, more.hint, more.related, more.fixes));
  });
  return dedupe(found);
}

const finding = (
  rule: LintRule,
  level: LintLevel,
  span: Span,
  message: string,
  hint: string | undefined,
  related: Diagnostic["related"] = [],
  fixes: Diagnostic["fixes"] = [],
): Diagnostic => ({
  code: rule.code,
  name: rule.name,
  severity: level === "error" ? "error" : "warning",
  span,
  message,
  hint,
  related,
  fixes,
});

/** A let that several rules use is looked at for each of them; what is found there is told once. */
function dedupe(found: readonly Diagnostic[]): readonly Diagnostic[] {
  const seen = new Map<string, Set<number>>();
  return found.filter(({ span }) => {
    let places = seen.get(span.file);
    if (places === undefined) seen.set(span.file, (places = new Set()));
    // Both fit into one number: a file has less than 2^23 units.
    const place = span.start * 2 ** 23 + span.end;
    if (places.has(place)) return false;
    places.add(place);
    return true;
  });
}

const isIn = (inner: Span, outer: Span): boolean =>
  inner.file === outer.file && inner.start >= outer.start && inner.start < outer.end;

function withoutIgnored(found: readonly Diagnostic[], input: LintInput, levels: LintLevels): readonly Diagnostic[] {
  const all = input.trees.map((tree) => ignoresOf(tree, input, CODES));
  const ignores = all.flatMap((one) => one.ignores);
  const used = new Set<Ignore>();
  const kept = found.filter((one) => {
    const by = ignores.filter((ignore) => ignore.code === one.code && isIn(one.span, ignore.covers));
    for (const ignore of by) used.add(ignore);
    return by.length === 0;
  });
  const tell = (
    code: "L100" | "L101" | "L102",
    span: Span,
    message: string,
    hint: string,
    fixes: Diagnostic["fixes"],
  ): readonly Diagnostic[] => {
    const rule = RULE_BY_CODE.get(code)!;
    const level = levelOf(rule, levels);
    return level === "off" ? [] : [finding(rule, level, span, message, hint, [], fixes)];
  };
  const bad = all.flatMap((one) =>
    one.bad.flatMap(({ code, span, message, hint }) => tell(code, span, message, hint, [])),
  );
  const unused = ignores.flatMap((ignore) => {
    // What is switched off could not be found, so its ignore is not to blame.
    const isOff = levelOf(RULE_BY_CODE.get(ignore.code)!, levels) === "off";
    return used.has(ignore) || isOff
      ? []
      : tell("L101", ignore.span, `${ignore.code} finds nothing here`, "remove the comment", [ignore.removal]);
  });
  return [...kept, ...bad, ...unused];
}
