import type { FactValue } from "../../spec/contract/facts/index.ts";
import { evaluate, type CheckedExpr, type FactMap } from "../../lang/index.ts";
import {
  factsFor,
  factsUnder,
  isPlausible,
  variableName,
  variablesOf,
  type Assignment,
  type Domains,
  type Variable,
} from "./domain.ts";

/** Conditions that must all be true. */
export type Goal = readonly CheckedExpr[];

/** Steps that several searches may take together. */
export interface Budget {
  left: number;
}

/**
 * Looks for facts under which a condition comes out as wanted, by trying values that conditions speak of. It finds only what
 * can be made of those values, so that it finds nothing proves nothing.
 */
export class Search {
  readonly #domains: Domains;
  readonly #base: FactMap;
  readonly #variables: readonly Variable[];
  readonly #budget: Budget;

  /** `base`: facts that hold unless they are assigned. `budget`: how many expressions are looked at before it gives up. */
  constructor(goal: Goal, domains: Domains, base: FactMap, budget: Budget) {
    this.#domains = domains;
    this.#base = base;
    this.#variables = [...new Map(goal.flatMap(variablesOf).map((one) => [variableName(one), one])).values()];
    this.#budget = budget;
  }

  /** Facts over the base, as soon as `accept` takes them. `fixed` names variables that must stay as the base has them. */
  find(
    goal: Goal,
    fixed: (variable: Variable) => boolean,
    accept: (facts: FactMap, assignment: Assignment) => boolean,
  ): FactMap | null {
    for (const assignment of this.#solveAll(goal, 0, new Map(), fixed)) {
      const facts = factsUnder(assignment, this.#variables, this.#base);
      if (goal.every((part) => evaluate(part, facts) === true) && accept(facts, assignment)) return facts;
    }
    return null;
  }

  *#solveAll(
    goal: Goal,
    from: number,
    known: Assignment,
    fixed: (variable: Variable) => boolean,
  ): Generator<Assignment> {
    const part = goal[from];
    if (part === undefined) {
      yield known;
      return;
    }
    for (const found of this.#solve(part, true, known, fixed)) yield* this.#solveAll(goal, from + 1, found, fixed);
  }

  *#solve(
    expr: CheckedExpr,
    wanted: boolean,
    known: Assignment,
    fixed: (variable: Variable) => boolean,
  ): Generator<Assignment> {
    if (--this.#budget.left < 0) return;
    // What nothing is open in has one answer; without this each way to it would be tried again and again.
    const variables = variablesOf(expr);
    const open = variables.filter((variable) => !known.has(variableName(variable)) && !fixed(variable));
    if (open.length === 0) {
      if (evaluate(expr, factsFor(known, variables, this.#base)) === wanted) yield known;
      return;
    }
    switch (expr.kind) {
      case "const":
        if (expr.value === wanted) yield known;
        return;
      case "not":
        yield* this.#solve(expr.operand, !wanted, known, fixed);
        return;
      case "and":
      case "or":
        if ((expr.kind === "and") === wanted) {
          for (const left of this.#solve(expr.left, wanted, known, fixed))
            yield* this.#solve(expr.right, wanted, left, fixed);
        } else {
          yield* this.#solve(expr.left, wanted, known, fixed);
          yield* this.#solve(expr.right, wanted, known, fixed);
        }
        return;
      default:
        yield* this.#assign(expr, wanted, variables, open, known);
    }
  }

  *#assign(
    expr: CheckedExpr,
    wanted: boolean,
    variables: readonly Variable[],
    open: readonly Variable[],
    known: Assignment,
  ): Generator<Assignment> {
    const [first, ...rest] = open;
    if (first === undefined) {
      if (--this.#budget.left < 0) return;
      if (evaluate(expr, factsFor(known, variables, this.#base)) === wanted) yield known;
      return;
    }
    for (const value of this.#domains.candidates(first)) {
      const next = new Map<string, FactValue>(known).set(variableName(first), value);
      if (isPlausible(next)) yield* this.#assign(expr, wanted, variables, rest, next);
      if (this.#budget.left < 0) return;
    }
  }
}
