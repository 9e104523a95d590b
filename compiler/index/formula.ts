import { FORMULA } from "../../spec/contract/bundle/index.ts";

/** A two-valued formula over the atoms of one dimension. */
export type Formula =
  | { readonly op: "leaf"; readonly code: number }
  | { readonly op: "and" | "or"; readonly parts: readonly Formula[] }
  | { readonly op: "yes" }
  | { readonly op: "no" };

export const YES = { op: "yes" } as const;
export const NO = { op: "no" } as const;

/** `negated`: the atom must not hold; `whenUnknown`: the answer when the value is unknown. */
export const leaf = (atom: number, negated: boolean, whenUnknown: boolean): Formula => ({
  op: "leaf",
  code: atom * 4 + (negated ? 2 : 0) + (whenUnknown ? 1 : 0),
});

/** Conjunction or disjunction in one shape, whatever order the parts come in: equal formulas have equal postfix forms. */
export function join(op: "and" | "or", parts: readonly Formula[]): Formula {
  const [absorbing, neutral] = op === "and" ? (["no", "yes"] as const) : (["yes", "no"] as const);
  const flat = new Map<string, Formula>();
  const add = (part: Formula): boolean => {
    if (part.op === absorbing) return true;
    if (part.op === neutral) return false;
    if (part.op === op) return part.parts.some(add);
    flat.set(keyOf(part), part);
    return false;
  };
  if (parts.some(add) || (op === "and" && opposed([...flat.values()]))) return { op: absorbing };
  const ordered = [...flat].sort(([a], [b]) => (a < b ? -1 : 1)).map(([, part]) => part);
  if (ordered.length === 0) return { op: neutral };
  return ordered.length === 1 ? ordered[0]! : { op, parts: ordered };
}

/**
 * An atom beside its negation, which is never both; but an unknown value may answer yes to each. (That one of them holds
 * is not used: a rule that always fires still has to say whether it does so for something unknown.)
 */
function opposed(parts: readonly Formula[]): boolean {
  const seen = new Map<number, number>();
  for (const part of parts) {
    if (part.op !== "leaf") continue;
    const other = seen.get(part.code >> 2);
    if (other !== undefined && (other & 2) !== (part.code & 2) && (other & part.code & 1) === 0) return true;
    seen.set(part.code >> 2, part.code);
  }
  return false;
}

export const keyOf = (formula: Formula): string => postfix(formula).join(" ");

export function postfix(formula: Formula): readonly number[] {
  switch (formula.op) {
    case "leaf":
      return [formula.code];
    case "yes":
      return [FORMULA.yes];
    case "no":
      return [FORMULA.no];
    default:
      return formula.parts.flatMap((part, i) =>
        i === 0 ? postfix(part) : [...postfix(part), FORMULA[formula.op as "and" | "or"]],
      );
  }
}
