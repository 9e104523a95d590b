export { fatesOf, type RuleFate } from "./unreachable.ts";
export { differences, CHANGES, type Change, type Difference, type Undecided } from "./difference.ts";
export { sameDecisions } from "./same.ts";
export { actionJson, outcomeOf, showAction, type Action, type Outcome } from "./action.ts";
