import type { Automaton, Constraint, Cube, DecisionIndex } from "../../spec/contract/bundle/index.ts";
import type { Effect } from "../../spec/contract/bundle/index.ts";
import type { CheckedExpr } from "../../lang/index.ts";
import { buildAutomata } from "./automaton.ts";
import { cubesOf } from "./cubes.ts";
import { Dimensions } from "./dimensions.ts";
import { postfix } from "./formula.ts";
import type { Literal } from "./node.ts";
import { predicateOf } from "./predicate.ts";

export interface IndexedRule {
  readonly effect: Effect;
  /** Null when the rule always applies. */
  readonly condition: CheckedExpr | null;
}

/** The index of all rules. The same rules give the same index. */
export function buildIndex(rules: readonly IndexedRule[]): DecisionIndex {
  const dimensions = new Dimensions();
  const constraints: Constraint[] = [];
  const constraintAt = new Map<string, number>();
  const constraintOf = (literal: Literal): number => {
    const made: Constraint = {
      dimension: literal.dimension,
      mode: literal.mode,
      whenUnknown: literal.whenUnknown,
      formula: postfix(literal.formula),
    };
    const name = JSON.stringify(made);
    const known = constraintAt.get(name);
    if (known !== undefined) return known;
    constraintAt.set(name, constraints.length);
    return constraints.push(made) - 1;
  };
  const cubes: Cube[] = rules.flatMap(({ effect, condition }, rule) => {
    if (condition === null) return [{ rule, exact: true, constraints: [] }];
    const wanted = effect === "allow" ? "true" : "not-false";
    const made = cubesOf(predicateOf(condition, wanted, dimensions)).map(({ exact, literals }) => ({
      rule,
      exact,
      constraints: literals.map(constraintOf).sort((a, b) => a - b),
    }));
    // A restriction that no cube can find would be none at all, so the gateway refuses it; one that can never match is left
    // to its condition.
    return made.length === 0 && effect !== "allow" ? [{ rule, exact: false, constraints: [] }] : made;
  });
  const automata: Automaton[] = [];
  for (let dimension = 0; dimension < dimensions.count; dimension++)
    automata.push(...buildAutomata(dimension, [...dimensions.patternsOf(dimension)]));
  return { dimensions: dimensions.all(), automata, constraints, cubes };
}
