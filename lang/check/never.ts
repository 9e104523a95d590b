import type { ColumnPattern } from "../../spec/contract/bundle/index.ts";
import type { Expr, NeverDecl } from "../ast/index.ts";
import type { CheckedExpr, CheckedNever } from "../checked/index.ts";
import { diagnostic } from "../diagnostics/index.ts";
import { checkAnnotations, checkScopes, clauseOf, conditionReader, sortClauses, type Surroundings } from "./clauses.ts";
import { patternsOf } from "./mask.ts";

const CLAUSES = ["when", "unless", "because", "even-approved"] as const;

/** Checks an invariant; null when it says nothing that could be proved. */
export function checkNever(never: NeverDecl, around: Surroundings): CheckedNever | null {
  const { report } = around;
  const protocols = checkScopes(never.scopes, report);
  const clauses = sortClauses(never.clauses, CLAUSES, "never", report);
  const when = clauseOf(clauses, "when")?.condition;
  if (when === undefined) {
    report(diagnostic("clause-missing", never.title.span, { clause: "when", effect: "never" }));
    return null;
  }
  const plain: ColumnPattern[] = [];
  const rest: Expr[] = [];
  for (const part of conjuncts(when)) {
    if (part.kind !== "plain") rest.push(part);
    else {
      plain.push(...patternsOf(part.pattern));
      if (protocols.some((protocol) => protocol !== "postgres" && protocol !== "mysql"))
        report(
          diagnostic("clause-not-for-scope", part.span, {
            clause: "plain",
            protocol: protocols.join(", "),
            known: "sql",
          }),
        );
    }
  }
  const condition = conditionReader(protocols, around);
  const read = rest.map((part) => condition(part));
  const unless = condition(clauseOf(clauses, "unless")?.condition);
  const parts: CheckedExpr[] = [...read.filter((part) => part !== null)];
  if (unless !== null) parts.push({ kind: "not", operand: unless, span: unless.span });
  return {
    title: never.title.value,
    file: never.span.file,
    protocols,
    condition:
      parts.length === 0 ? null : parts.reduce((left, right) => ({ kind: "and", left, right, span: when.span })),
    plain,
    evenApproved: clauses.has("even-approved"),
    annotations: checkAnnotations(never.annotations),
    span: never.title.span,
  };
}

/** Parts that are joined by `and` at the top: where `plain` may stand. */
function conjuncts(expr: Expr): readonly Expr[] {
  return expr.kind === "binary" && expr.op === "and" ? [...conjuncts(expr.left), ...conjuncts(expr.right)] : [expr];
}
