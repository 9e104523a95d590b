import type { ColumnsDecl, LetDecl, PolicyFile, RuleDecl, TestDecl } from "../ast/index.ts";
import type { CheckedPolicy, CheckedRule, CheckedTest } from "../checked/index.ts";
import { diagnostic, sortDiagnostics, type Diagnostic } from "../diagnostics/index.ts";
import type { SourceFile } from "../source/index.ts";
import { parseFile } from "../syntax/index.ts";
import { checkCondition } from "./condition.ts";
import { checkRule, resolvePatterns, type PackageNames } from "./rule.ts";
import { factsOfScope } from "./scope.ts";
import { checkTest } from "./test.ts";

export interface CheckResult {
  /** Holds what could be read; to be carried out only when no diagnostic is an error. */
  readonly policy: CheckedPolicy;
  readonly diagnostics: readonly Diagnostic[];
  readonly trees: readonly PolicyFile[];
}

export const hasErrors = (found: readonly Diagnostic[]): boolean => found.some((one) => one.severity === "error");

/** Reads and checks the files of one package together. Never throws, and tells every error of all of them. */
export function checkFiles(files: readonly SourceFile[]): CheckResult {
  const diagnostics: Diagnostic[] = [];
  const report = (found: Diagnostic): void => void diagnostics.push(found);
  const trees = files.map((file) => {
    const { tree, diagnostics: found } = parseFile(file);
    diagnostics.push(...found);
    return tree;
  });
  const unreadable = diagnostics.length > 0;
  const items = trees.flatMap((tree) => tree.items);
  const lets = declared(
    items.filter((item): item is LetDecl => item.kind === "let"),
    "let",
    report,
  );
  const columnSets = declared(
    items.filter((item): item is ColumnsDecl => item.kind === "column-set"),
    "column set",
    report,
  );
  const ruleDecls = declared(
    items.filter((item): item is RuleDecl => item.kind === "rule"),
    "rule",
    report,
  );
  const testDecls = items.filter((item): item is TestDecl => item.kind === "test");
  const names: PackageNames = { lets, columnSets, usedLets: new Set(), usedColumns: new Set(), report };
  const rules = [...ruleDecls.values()]
    .map((rule) => checkRule(rule, names))
    .filter((rule): rule is CheckedRule => rule !== null);
  checkUnused(names, report);
  const ruleNames = new Set(ruleDecls.keys());
  const tests = testDecls
    .map((test) => checkTest(test, ruleNames, report))
    .filter((test): test is CheckedTest => test !== null);
  // While something could not be read, what seems to be missing may be there.
  if (!unreadable && rules.length > 0) checkCoverage(rules, tests, report);
  const packageName = items.find((item) => item.kind === "package")?.name ?? "policy";
  return { policy: { package: packageName, rules, tests }, diagnostics: dedupe(sortDiagnostics(diagnostics)), trees };
}

function declared<T extends { readonly name: { readonly text: string; readonly span: LetDecl["span"] } }>(
  items: readonly T[],
  what: string,
  report: (found: Diagnostic) => void,
): ReadonlyMap<string, T> {
  const found = new Map<string, T>();
  for (const item of items) {
    const { text, span } = item.name;
    const first = found.get(text);
    if (first === undefined) found.set(text, item);
    else
      report(
        diagnostic("duplicate-name", span, { what, name: text }, [
          { span: first.name.span, label: `first declared in ${first.name.span.file}` },
        ]),
      );
  }
  return found;
}

/** What no rule uses is checked too, so that its errors are not found only once it is used. */
function checkUnused(names: PackageNames, report: (found: Diagnostic) => void): void {
  for (const [name, decl] of names.lets) {
    if (names.usedLets.has(name)) continue;
    const scope = {
      protocols: ["postgres"] as const,
      facts: factsOfScope(["postgres"]),
      lets: names.lets,
      usedLets: names.usedLets,
      opened: [name],
      variables: [],
      report,
    };
    report(diagnostic("unused-let", decl.name.span, { name }));
    checkCondition(decl.value, scope);
  }
  for (const [name, decl] of names.columnSets) {
    if (names.usedColumns.has(name)) continue;
    report(diagnostic("unused-columns", decl.name.span, { name }));
    resolvePatterns(decl.patterns, names, [name]);
  }
}

function checkCoverage(
  rules: readonly CheckedRule[],
  tests: readonly CheckedTest[],
  report: (found: Diagnostic) => void,
): void {
  if (!rules.some((rule) => rule.effect === "allow" || rule.effect === "approve"))
    report(diagnostic("no-rules", rules[0]!.nameSpan, {}));
  const expected = new Set(tests.flatMap((test) => test.expectations.map((one) => ("by" in one ? one.by : null))));
  const limits = tests.some((test) => test.expectations.some((one) => one.kind === "row-limit"));
  for (const rule of rules) {
    if (expected.has(rule.name) || (rule.effect === "limit" && limits)) continue;
    report(diagnostic("no-tests", rule.nameSpan, { name: rule.name }));
  }
}

/** A let that is used twice is checked twice; its errors are told once. */
function dedupe(found: readonly Diagnostic[]): readonly Diagnostic[] {
  const seen = new Set<string>();
  return found.filter((one) => {
    const key = `${one.code} ${one.span.file} ${one.span.start} ${one.message}`;
    if (seen.has(key)) return false;
    seen.add(key);
    return true;
  });
}
