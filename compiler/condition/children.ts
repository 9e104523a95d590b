import { unreachable } from "../../base/assert.ts";
import { ABSENT, type FactRecord, type FactValue } from "../../spec/contract/facts/index.ts";
import type { CheckedExpr, CheckedRule } from "../../lang/index.ts";

/** A part of an expression, and the expression with another in its place. */
export interface Child {
  readonly child: CheckedExpr;
  readonly put: (next: CheckedExpr) => CheckedExpr;
  /** Whether the part is a condition of its own, so that `true` and `false` fit its place. */
  readonly condition: boolean;
  /** Whether the part sees one more element than the expression: it is a quantifier's body. */
  readonly binds: boolean;
}

const operand = (child: CheckedExpr, put: Child["put"]): Child => ({ child, put, condition: false, binds: false });
const condition = (child: CheckedExpr, put: Child["put"]): Child => ({ child, put, condition: true, binds: false });

/** The direct parts of an expression, in the order of the text. */
export function childrenOf(expr: CheckedExpr): readonly Child[] {
  switch (expr.kind) {
    case "const":
    case "constant-set":
    case "fact":
    case "element":
    case "index":
      return [];
    case "not":
      return [condition(expr.operand, (next) => ({ ...expr, operand: next }))];
    case "and":
    case "or":
      return [
        condition(expr.left, (next) => ({ ...expr, left: next })),
        condition(expr.right, (next) => ({ ...expr, right: next })),
      ];
    case "compare":
      return [
        operand(expr.left, (next) => ({ ...expr, left: next })),
        operand(expr.right, (next) => ({ ...expr, right: next })),
      ];
    case "in":
      return [
        operand(expr.value, (next) => ({ ...expr, value: next })),
        operand(expr.set, (next) => ({ ...expr, set: next })),
      ];
    case "has":
      return [
        operand(expr.set, (next) => ({ ...expr, set: next })),
        operand(expr.values, (next) => ({ ...expr, values: next })),
      ];
    case "like":
    case "matches":
    case "within":
      return [operand(expr.value, (next) => ({ ...expr, value: next }))];
    case "affix":
      return [
        operand(expr.value, (next) => ({ ...expr, value: next })),
        operand(expr.text, (next) => ({ ...expr, text: next })),
      ];
    case "field":
      return [operand(expr.of, (next) => ({ ...expr, of: next }))];
    case "time-part":
      return [operand(expr.time, (next) => ({ ...expr, time: next }))];
    case "exists":
      return [operand(expr.operand, (next) => ({ ...expr, operand: next }))];
    case "else":
      return [
        operand(expr.value, (next) => ({ ...expr, value: next })),
        operand(expr.fallback, (next) => ({ ...expr, fallback: next })),
      ];
    case "quantified":
      return [
        operand(expr.over, (next) => ({ ...expr, over: next })),
        { child: expr.condition, put: (next) => ({ ...expr, condition: next }), condition: true, binds: true },
      ];
    default:
      return unreachable(expr);
  }
}

/** Every expression inside one, itself first. */
export function* within(expr: CheckedExpr): Generator<CheckedExpr> {
  yield expr;
  for (const { child } of childrenOf(expr)) yield* within(child);
}

/** A quantifier's body with one value in the place of its element. */
export function bindElement(body: CheckedExpr, value: FactValue, depth = 0): CheckedExpr {
  if (body.kind === "element" && body.depth === depth) return constantOf(value, body) ?? body;
  if (body.kind === "field" && body.of.kind === "element" && body.of.depth === depth && isRecord(value))
    return constantOf(value[body.name] ?? ABSENT, body) ?? body;
  return childrenOf(body).reduce<CheckedExpr>((expr, { binds }, i) => {
    const { child, put } = childrenOf(expr)[i]!;
    return put(bindElement(child, value, binds ? depth + 1 : depth));
  }, body);
}

const isRecord = (value: FactValue): value is FactRecord =>
  typeof value === "object" && !Array.isArray(value) && !(value instanceof Set) && !(value instanceof Map);

/** A value as an expression in the place of another; null for one that no expression stands for. */
function constantOf(value: FactValue, of: Extract<CheckedExpr, { kind: "element" | "field" }>): CheckedExpr | null {
  const { type, span } = of;
  if (typeof value === "string" || typeof value === "number" || typeof value === "boolean")
    return { kind: "const", value, type, span };
  if (!Array.isArray(value) || (type.kind !== "list" && type.kind !== "set")) return null;
  return { kind: "constant-set", values: value as readonly string[], of: type.of, span };
}

/** `when` and not `unless`; null when the rule always applies. */
export function conditionOf(rule: Pick<CheckedRule, "when" | "unless">): CheckedExpr | null {
  const unless = rule.unless === null ? null : negation(rule.unless);
  return rule.when === null || unless === null ? (rule.when ?? unless) : both(rule.when, unless);
}

export const negation = (of: CheckedExpr): CheckedExpr => ({ kind: "not", operand: of, span: of.span });
export const both = (left: CheckedExpr, right: CheckedExpr): CheckedExpr => ({
  kind: "and",
  left,
  right,
  span: left.span,
});
export const either = (left: CheckedExpr, right: CheckedExpr): CheckedExpr => ({
  kind: "or",
  left,
  right,
  span: left.span,
});
