import { childrenOf, pathText, type Expr } from "../ast/index.ts";
import { printExpr } from "../format/index.ts";

/** Trees are never changed, so what was once listed or printed of one stays true. */
const listed = new WeakMap<Expr, readonly Expr[]>();
const printed = new WeakMap<Expr, string>();

/** Every expression inside one, itself first. */
export function within(expr: Expr): readonly Expr[] {
  const known = listed.get(expr);
  if (known !== undefined) return known;
  const found: Expr[] = [];
  const add = (one: Expr): void => {
    found.push(one);
    for (const child of childrenOf(one)) add(child);
  };
  add(expr);
  listed.set(expr, found);
  return found;
}

/** An expression in the one style, kept. */
export function printedExpr(expr: Expr): string {
  const known = printed.get(expr);
  if (known !== undefined) return known;
  const text = printExpr(expr);
  printed.set(expr, text);
  return text;
}

/** The dotted path that an operand reads, also of a map's entry; null for anything else. */
export function readPath(expr: Expr): string | null {
  if (expr.kind === "path") return pathText(expr);
  return expr.kind === "index" && expr.of.kind === "path" ? pathText(expr.of) : null;
}

/** The operands of a chain of one operator: `a or b or c` is [a, b, c]. */
export function chain(expr: Expr, op: "and" | "or"): readonly Expr[] {
  const found: Expr[] = [];
  const add = (one: Expr): void => {
    if (one.kind !== "binary" || one.op !== op) {
      found.push(one);
      return;
    }
    add(one.left);
    add(one.right);
  };
  add(expr);
  return found;
}

export interface Atom {
  readonly expr: Expr;
  /** The path that a comparison reads on its left. */
  readonly left: string | null;
  /** Whether the condition is made true by this part being false. */
  readonly negated: boolean;
  /** What the variables of the quantifiers around it range over. */
  readonly variables: ReadonlyMap<string, Expr>;
}

const NO_VARIABLES: ReadonlyMap<string, Expr> = new Map();

/**
 * Puts to `found` the parts of a condition that `and`, `or`, `not` and quantifiers join, with names of lets opened by
 * `letOf`.
 */
export function addAtoms(
  found: Atom[],
  expr: Expr,
  letOf: (name: string) => Expr | undefined,
  negated: boolean,
  variables = NO_VARIABLES,
  opened: readonly string[] = [],
): void {
  if (expr.kind === "not") {
    addAtoms(found, expr.operand, letOf, !negated, variables, opened);
    return;
  }
  if (expr.kind === "binary" && (expr.op === "and" || expr.op === "or")) {
    addAtoms(found, expr.left, letOf, negated, variables, opened);
    addAtoms(found, expr.right, letOf, negated, variables, opened);
    return;
  }
  if (expr.kind === "quantified") {
    const more = new Map(variables).set(expr.variable.text, expr.over);
    addAtoms(found, expr.condition, letOf, negated, more, opened);
    return;
  }
  if (expr.kind === "path" && expr.parts.length === 1) {
    const name = expr.parts[0]!.text;
    const value = variables.has(name) || opened.includes(name) ? undefined : letOf(name);
    if (value !== undefined) {
      addAtoms(found, value, letOf, negated, NO_VARIABLES, [...opened, name]);
      return;
    }
  }
  found.push({ expr, left: expr.kind === "binary" ? readPath(expr.left) : null, negated, variables });
}
