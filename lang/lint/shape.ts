import { childrenOf, type Expr } from "../ast/index.ts";

/**
 * Shapes of expressions: what they say, wherever they stand and however they are spaced. A shape is a number, which equal
 * expressions share and others hardly ever do, so that only those of one shape need be printed and compared.
 */
export const NO_SHAPE = 17;

/** The first with the second mixed in. */
export const mix = (a: number, b: number): number => (Math.imul(a, 31) + b) | 0;

/** The first with a text mixed in, of which blanks don't count. */
export function mixText(start: number, text: string): number {
  let found = start;
  for (let i = 0; i < text.length; i++) {
    const code = text.charCodeAt(i);
    if (code > 32) found = mix(found, code);
  }
  return found;
}

/** The shape of an expression; `inside` are those of its children, mixed one by one into `NO_SHAPE`. */
export function shapeOf(expr: Expr, inside: number): number {
  const start = mix(inside, expr.kind.length * 7 + expr.kind.charCodeAt(0));
  switch (expr.kind) {
    case "bool":
      return mix(start, expr.value ? 1 : 2);
    case "int":
      return mix(start, expr.value | 0);
    case "string":
      return mixText(start, expr.value);
    case "duration":
      return mix(start, expr.ms | 0);
    case "path": {
      let found = start;
      for (const part of expr.parts) found = mixText(mix(found, 1), part.text);
      return found;
    }
    case "index":
      return mixText(start, expr.key.value);
    case "call":
      return mixText(start, expr.name.text);
    case "regex":
      return mixText(start, expr.source);
    case "quantified":
      return mixText(mix(start, expr.quantifier.charCodeAt(1)), expr.variable.text);
    case "binary":
      return mixText(start, expr.op);
    case "list":
    case "not":
    case "exists":
    case "plain":
    case "missing":
      return start;
  }
}

/** False when two expressions say different things for certain. */
export function mayBeSame(a: Expr, b: Expr): boolean {
  if (a.kind !== b.kind) return false;
  switch (a.kind) {
    case "string":
    case "int":
    case "bool":
      return a.value === (b as typeof a).value;
    case "path": {
      const other = (b as typeof a).parts;
      return a.parts.length === other.length && a.parts.every((part, i) => part.text === other[i]!.text);
    }
    case "binary":
      if (a.op !== (b as typeof a).op) return false;
      break;
    default:
      break;
  }
  return wholeShape(a) === wholeShape(b);
}

export function wholeShape(expr: Expr): number {
  let inside = NO_SHAPE;
  for (const child of childrenOf(expr)) inside = mix(inside, wholeShape(child));
  return shapeOf(expr, inside);
}

/** Whether two of the expressions may be the same. Where there are many, it is not tried to tell. */
export function mayHaveDoubles(all: readonly Expr[]): boolean {
  if (all.length > PAIRED_MAX) return true;
  return all.some((one, i) => all.some((other, j) => j > i && mayBeSame(one, other)));
}

const PAIRED_MAX = 12;
