import { NO, YES, join, keyOf, type Formula } from "./formula.ts";

/** What is asked of one dimension. */
export interface Literal {
  readonly dimension: number;
  readonly mode: "is" | "any" | "all";
  readonly whenUnknown: boolean;
  readonly formula: Formula;
}

/** When a rule fires, as a two-valued formula over literals. `opaque` stands for what only the bytecode can tell. */
export type Node =
  | { readonly op: "literal"; readonly literal: Literal }
  | { readonly op: "and" | "or"; readonly parts: readonly Node[] }
  | { readonly op: "yes" }
  | { readonly op: "no" }
  | { readonly op: "opaque" };

export const OPAQUE: Node = { op: "opaque" };

/** A literal, or its truth when it does not depend on the fact. */
export function literalNode(literal: Literal): Node {
  const { formula, mode } = literal;
  if (mode === "is") {
    if (formula.op === "yes") return YES;
    return formula.op === "no" ? NO : { op: "literal", literal };
  }
  // `any` of nothing and `all` of nothing have their answer, but for an unknown set.
  if (!literal.whenUnknown && mode === "any" && formula.op === "no") return NO;
  if (literal.whenUnknown && mode === "all" && formula.op === "yes") return YES;
  return { op: "literal", literal };
}

/** Literals that can be one: of a scalar always; `any` under `or`, `all` under `and`. */
export function combine(op: "and" | "or", parts: readonly Node[]): Node {
  const flat = parts.flatMap((part) => (part.op === op ? part.parts : [part]));
  const absorbing = op === "and" ? "no" : "yes";
  if (flat.some((part) => part.op === absorbing)) return op === "and" ? NO : YES;
  const merged = new Map<string, Literal>();
  const rest: Node[] = [];
  for (const part of flat) {
    if (part.op === "yes" || part.op === "no") continue;
    if (part.op !== "literal") {
      rest.push(part);
      continue;
    }
    const { literal } = part;
    const merges = literal.mode === "is" || (literal.mode === "any") === (op === "or");
    const name = merges
      ? `${literal.dimension} ${literal.mode} ${literal.whenUnknown}`
      : `${literal.dimension} ${literal.mode} ${literal.whenUnknown} ${keyOf(literal.formula)}`;
    const known = merged.get(name);
    merged.set(
      name,
      known === undefined || !merges ? literal : { ...known, formula: join(op, [known.formula, literal.formula]) },
    );
  }
  const all: Node[] = [...[...merged.values()].map(literalNode), ...rest];
  if (all.some((part) => part.op === absorbing)) return op === "and" ? NO : YES;
  const kept = all.filter((part) => part.op !== "yes" && part.op !== "no");
  if (kept.length === 0) return op === "and" ? YES : NO;
  return kept.length === 1 ? kept[0]! : { op, parts: kept };
}
