export { fatesOf, type RuleFate } from "./unreachable.ts";
export { idlePartsOf, type IdlePart } from "./parts.ts";
export { ruleFindings } from "./findings.ts";
export { differences, CHANGES, type Change, type Difference, type Undecided } from "./difference.ts";
export { sameDecisions } from "./same.ts";
export { prove, type Proof } from "./prove.ts";
export {
  query,
  QUERY_VERDICTS,
  type Grant,
  type Query,
  type QueryAnswer,
  type QueryVerdict,
  type Way,
} from "./query.ts";
export { actionJson, outcomeOf, showAction, type Action, type Outcome } from "./action.ts";
