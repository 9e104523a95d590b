import { UNKNOWN, type FactValue, type Truth } from "../../spec/contract/facts/index.ts";
import { evaluate, type CheckedExpr, type FactMap, type SourceFile } from "../../lang/index.ts";
import { bindElement } from "./children.ts";

/**
 * The parts of a condition that tell something apart: what `and`, `or` and `not` join, and inside of `any` and `all` what is
 * asked of each element. Constants are none.
 */
export function partsOf(expr: CheckedExpr): readonly CheckedExpr[] {
  switch (expr.kind) {
    case "not":
      return partsOf(expr.operand);
    case "and":
    case "or":
      return [...partsOf(expr.left), ...partsOf(expr.right)];
    case "quantified":
      return [expr, ...partsOf(expr.condition)];
    case "const":
      return [];
    default:
      return [expr];
  }
}

/** Tells `see` what each part came to under the facts; of a quantifier's body once for each element. */
export function observeParts(expr: CheckedExpr, facts: FactMap, see: (part: CheckedExpr, truth: Truth) => void): void {
  switch (expr.kind) {
    case "not":
      observeParts(expr.operand, facts, see);
      return;
    case "and":
    case "or":
      observeParts(expr.left, facts, see);
      observeParts(expr.right, facts, see);
      return;
    case "quantified":
      see(expr, evaluate(expr, facts));
      for (const item of itemsOf(expr.over, facts)) observeParts(bindElement(expr.condition, item), facts, see);
      return;
    case "const":
      return;
    default:
      see(expr, evaluate(expr, facts));
  }
}

function itemsOf(over: CheckedExpr, facts: FactMap): readonly FactValue[] {
  if (over.kind === "constant-set") return over.values.map(String);
  const value = over.kind === "fact" ? facts.get(over.path) : undefined;
  if (value instanceof Set) return [...(value as ReadonlySet<string>)];
  return Array.isArray(value) ? (value as readonly FactValue[]) : [];
}

export const truthText = (truth: Truth): "true" | "false" | "unknown" =>
  truth === UNKNOWN ? "unknown" : truth ? "true" : "false";

/** A source text by the path of its file. */
export type TextOf = (file: string) => string;
export function textsOf(files: readonly SourceFile[]): TextOf {
  const byPath = new Map(files.map((file) => [file.path, file.text]));
  return (file) => byPath.get(file) ?? "";
}

/** An expression as the author wrote it, on one line. */
export const sourceOf = (expr: Pick<CheckedExpr, "span">, textOf: TextOf): string =>
  textOf(expr.span.file).slice(expr.span.start, expr.span.end).replaceAll(/\s+/g, " ");
