import { childrenOf, type Expr, type Path } from "../ast/index.ts";
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

export const pathText = (path: Path): string => path.parts.map((part) => part.text).join(".");

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
  /** Whether the condition is made true by this part being false. */
  readonly negated: boolean;
  /** What the variables of the quantifiers around it range over. */
  readonly variables: ReadonlyMap<string, Expr>;
}

/** The parts of a condition that `and`, `or`, `not` and quantifiers join, with names of lets opened by `letOf`. */
export function atomsOf(
  expr: Expr,
  letOf: (name: string) => Expr | undefined,
  negated = false,
  variables: ReadonlyMap<string, Expr> = new Map(),
  opened: readonly string[] = [],
): readonly Atom[] {
  const inside = (inner: Expr, flip: boolean, more = variables, names = opened): readonly Atom[] =>
    atomsOf(inner, letOf, flip ? !negated : negated, more, names);
  if (expr.kind === "not") return inside(expr.operand, true);
  if (expr.kind === "binary" && (expr.op === "and" || expr.op === "or"))
    return [...inside(expr.left, false), ...inside(expr.right, false)];
  if (expr.kind === "quantified")
    return inside(expr.condition, false, new Map([...variables, [expr.variable.text, expr.over]]));
  if (expr.kind === "path" && expr.parts.length === 1) {
    const name = expr.parts[0]!.text;
    const value = variables.has(name) || opened.includes(name) ? undefined : letOf(name);
    if (value !== undefined) return inside(value, false, new Map(), [...opened, name]);
  }
  return [{ expr, negated, variables }];
}
