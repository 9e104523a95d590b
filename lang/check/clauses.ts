import { nearest } from "../../base/text.ts";
import { SCOPES, type ProtocolName } from "../../spec/contract/facts/index.ts";
import type { Annotation, Approver, Clause, Expr, Identifier } from "../ast/index.ts";
import type { CheckedExpr, CheckedRule } from "../checked/index.ts";
import { diagnostic } from "../diagnostics/index.ts";
import { checkCondition } from "./condition.ts";
import type { Environment, Report } from "./packages.ts";
import { SCOPE_NAMES, factsOfScope, type Scope, type Used } from "./scope.ts";

/** What checking one declaration needs besides the declaration. */
export interface Surroundings {
  readonly env: Environment;
  readonly used: Used;
  readonly report: Report;
}

/** Clauses as the writer knows them. */
export const CLAUSE_WORDS: Partial<Record<Clause["kind"], string>> = {
  limits: "to … rows",
  notify: 'to "…"',
  detect: "values detect",
  "even-approved": "even approved",
};
export const clauseWord = (kind: Clause["kind"]): string => CLAUSE_WORDS[kind] ?? kind;

export type Clauses = ReadonlyMap<Clause["kind"], Clause>;
export const clauseOf = <K extends Clause["kind"]>(
  clauses: Clauses,
  kind: K,
): Extract<Clause, { kind: K }> | undefined => clauses.get(kind) as Extract<Clause, { kind: K }> | undefined;

export const checkAnnotations = (annotations: readonly Annotation[]): CheckedRule["annotations"] =>
  annotations.map((one) => ({ key: one.key.text, values: one.values.map((value) => value.value) }));

/** A reader of conditions over the facts that all of these protocols share. Without protocols nothing can be told. */
export function conditionReader(
  protocols: readonly ProtocolName[],
  { env, used, report }: Surroundings,
): (expr: Expr | undefined) => CheckedExpr | null {
  const facts = factsOfScope(protocols);
  const scope: Scope = { protocols, facts, env, used, opened: [], variables: [], report };
  return (expr) => (expr === undefined || protocols.length === 0 ? null : checkCondition(expr, scope));
}

export function checkScopes(scopes: readonly Identifier[], report: Report): readonly ProtocolName[] {
  const found = new Set<ProtocolName>();
  for (const scope of scopes) {
    // Recovery put an empty name where one was missing, which was told.
    if (scope.text === "") continue;
    const protocols = Object.hasOwn(SCOPES, scope.text) ? SCOPES[scope.text] : undefined;
    if (protocols !== undefined) for (const protocol of protocols) found.add(protocol);
    else report(diagnostic("unknown-scope", scope.span, { scope: scope.text, near: nearest(scope.text, SCOPE_NAMES) }));
  }
  return found.size < 2 ? [...found] : [...found].sort();
}

export function sortClauses(
  given: readonly Clause[],
  allowed: readonly Clause["kind"][],
  effect: string,
  report: Report,
): Clauses {
  const found = new Map<Clause["kind"], Clause>();
  for (const clause of given) {
    const word = clauseWord(clause.kind);
    const first = found.get(clause.kind);
    if (!allowed.includes(clause.kind)) report(diagnostic("clause-not-allowed", clause.span, { clause: word, effect }));
    else if (first !== undefined)
      report(
        diagnostic("duplicate-clause", clause.span, { clause: word }, [
          { span: first.span, label: "first given here" },
        ]),
      );
    else found.set(clause.kind, clause);
  }
  return found;
}

export const namedApprovers = (approvers: readonly Approver[], kind: "group" | "user"): readonly string[] =>
  [...new Set(approvers.filter((one) => one.kind === kind).map((one) => one.name.value))].sort();
