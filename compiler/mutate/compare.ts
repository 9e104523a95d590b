import type { CheckedPolicy } from "../../lang/index.ts";
import type { Comparison } from "./run.ts";

/** Whether two policies decide every action alike. Nothing is proved yet: what no witness shows is told as undecided. */
export function comparePolicies(_a: CheckedPolicy, _b: CheckedPolicy): Comparison {
  return { kind: "inconclusive" };
}
