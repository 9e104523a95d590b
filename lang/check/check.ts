import { SCOPES, PROTOCOLS, factAt, type ProtocolName } from "../../spec/contract/facts/index.ts";
import type { Expr, Identifier, PolicyFile, RuleDecl } from "../ast/index.ts";
import { childrenOf } from "../ast/index.ts";
import type { CheckedDetector, CheckedPolicy, CheckedRule, CheckedTest } from "../checked/index.ts";
import { diagnostic, sortDiagnostics, type Diagnostic } from "../diagnostics/index.ts";
import type { SourceFile } from "../source/index.ts";
import { parseFile } from "../syntax/index.ts";
import { conditionReader } from "./clauses.ts";
import { checkDetector } from "./detector.ts";
import { reportMaskConflicts } from "./mask-conflicts.ts";
import { resolvePatterns } from "./mask.ts";
import { checkNever } from "./never.ts";
import { DEFAULT_PACKAGE, environmentsOf, type Environment, type Report } from "./packages.ts";
import { checkRule } from "./rule.ts";
import type { Used } from "./scope.ts";
import { checkTest } from "./test.ts";

export interface CheckResult {
  /** Holds what could be read; to be carried out only when no diagnostic is an error. */
  readonly policy: CheckedPolicy;
  readonly diagnostics: readonly Diagnostic[];
  readonly trees: readonly PolicyFile[];
}

export const hasErrors = (found: readonly Diagnostic[]): boolean => found.some((one) => one.severity === "error");

/** Reads and checks files together. Never throws, and tells every error of all of them. */
export function checkFiles(files: readonly SourceFile[]): CheckResult {
  const parsed = files.map(parseFile);
  return checkTrees(
    parsed.map(({ tree }) => tree),
    parsed.flatMap(({ diagnostics }) => diagnostics),
  );
}

/** As `checkFiles`, of trees that were read before; `found` is what reading them told. */
export function checkTrees(trees: readonly PolicyFile[], found: readonly Diagnostic[]): CheckResult {
  const diagnostics: Diagnostic[] = [...found];
  const report: Report = (one) => void diagnostics.push(one);
  const environments = environmentsOf(trees, report);
  const used: Used = new Set();
  const all = trees.flatMap((tree) => {
    const around = { env: environments.get(tree)!, used, report };
    return tree.items.map((item) => ({ item, around }));
  });
  const names = new Map<string, { readonly scopes: readonly ProtocolName[]; readonly name: Identifier }>();
  const rules: CheckedRule[] = [];
  for (const { item, around } of all) {
    if (item.kind !== "rule") continue;
    const first = names.get(item.name.text);
    if (first !== undefined) {
      const label = `first declared in ${first.name.span.file}`;
      const params = { what: "rule", name: item.name.text };
      report(diagnostic("duplicate-name", item.name.span, params, [{ span: first.name.span, label }]));
      continue;
    }
    names.set(item.name.text, { scopes: scopesOf(item), name: item.name });
    const rule = checkRule(item, around);
    if (rule !== null) rules.push(rule);
  }
  const nevers = all.flatMap(({ item, around }) => (item.kind === "never" ? (checkNever(item, around) ?? []) : []));
  const detectors = detectorsOf(all, report);
  const tests = all.flatMap(({ item }) => (item.kind === "test" ? (checkTest(item, names, report) ?? []) : []));
  reportUnused(trees, environments, used, report);
  // While something could not be read, what seems to be missing may be there.
  if (found.length === 0 && rules.length > 0) checkCoverage(rules, tests, report);
  reportMaskConflicts(rules, report);
  return {
    policy: { package: mainPackage(trees, environments), rules, tests, detectors, nevers },
    diagnostics: dedupe(sortDiagnostics(diagnostics)),
    trees,
  };
}

const scopesOf = (rule: RuleDecl): readonly ProtocolName[] =>
  rule.scopes.flatMap((scope) => (Object.hasOwn(SCOPES, scope.text) ? SCOPES[scope.text]! : []));

/** The package that no other imports from; of several the first by name. */
function mainPackage(trees: readonly PolicyFile[], environments: ReadonlyMap<PolicyFile, Environment>): string {
  const names = new Set(trees.map((tree) => environments.get(tree)!.package));
  for (const tree of trees) for (const item of tree.items) if (item.kind === "import") names.delete(item.from.text);
  return [...names].sort()[0] ?? DEFAULT_PACKAGE;
}

function detectorsOf(
  all: readonly { readonly item: PolicyFile["items"][number] }[],
  report: Report,
): readonly CheckedDetector[] {
  const found = new Map<string, CheckedDetector>();
  for (const { item } of all) {
    if (item.kind !== "detector") continue;
    const made = checkDetector(item, report);
    const first = found.get(item.name.text);
    // The record and the gateway know a detector by its name alone, so it is one throughout a bundle.
    if (first !== undefined && first.span.file !== item.span.file)
      report(diagnostic("duplicate-name", item.name.span, { what: "detector", name: item.name.text }));
    if (made !== null) found.set(made.name, made);
  }
  return [...found.values()];
}

/** What nothing uses is checked too, so that its errors are not found only once it is used. */
function reportUnused(
  trees: readonly PolicyFile[],
  environments: ReadonlyMap<PolicyFile, Environment>,
  used: Used,
  report: Report,
): void {
  for (const tree of trees) {
    const around = { env: environments.get(tree)!, used, report };
    for (const item of tree.items) {
      if (item.kind === "import") {
        for (const name of item.names)
          if (!used.has(name) && broughtSomething(name, around.env))
            report(diagnostic("unused-import", name.span, { name: name.text }));
        continue;
      }
      if ((item.kind !== "let" && item.kind !== "column-set" && item.kind !== "detector") || used.has(item)) continue;
      const name = item.name.text;
      const told = item.exported ? () => undefined : report;
      switch (item.kind) {
        case "let":
          told(diagnostic("unused-let", item.name.span, { name }));
          conditionReader([protocolFor(item.value, around.env)], around)(item.value);
          break;
        case "column-set":
          told(diagnostic("unused-columns", item.name.span, { name }));
          resolvePatterns(item.patterns, around, [item]);
          break;
        case "detector":
          told(diagnostic("unused-detector", item.name.span, { name }));
          break;
      }
    }
  }
}

const broughtSomething = (name: Identifier, env: Environment): boolean =>
  [env.lets, env.columnSets, env.detectors].some((table) => table.get(name.text)?.via === name);

/** The first protocol that has every fact that an expression names, so that a let without users is read in its own terms. */
function protocolFor(expr: Expr, env: Environment): ProtocolName {
  const paths: string[] = [];
  const visit = (one: Expr): void => {
    if (one.kind === "path" && one.parts.length > 1) paths.push(one.parts.map((part) => part.text).join("."));
    else if (one.kind === "path") {
      const known = env.lets.get(one.parts[0]!.text);
      if (known !== undefined && known.decl.value !== expr) visit(known.decl.value);
    }
    for (const child of childrenOf(one)) visit(child);
  };
  visit(expr);
  const known = paths.filter((path) => PROTOCOLS.some((protocol) => factAt(protocol, path) !== undefined));
  return PROTOCOLS.find((protocol) => known.every((path) => factAt(protocol, path) !== undefined)) ?? "postgres";
}

function checkCoverage(rules: readonly CheckedRule[], tests: readonly CheckedTest[], report: Report): void {
  if (!rules.some((rule) => rule.effect === "allow" || rule.effect === "approve"))
    report(diagnostic("no-rules", rules[0]!.nameSpan, {}));
  const expected = new Set(
    tests.flatMap((test) =>
      test.expectations.map((one) => ("by" in one ? one.by : one.kind === "matched" ? one.rule : null)),
    ),
  );
  const limits = tests.some((test) => test.expectations.some((one) => one.kind === "limit"));
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
