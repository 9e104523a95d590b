import { sameDecisions } from "../analyse/index.ts";
import type { CheckedPolicy } from "../../lang/index.ts";
import type { Comparison } from "./run.ts";

/** Whether two policies come to the same with every action, as the analyser proves it. */
export function comparePolicies(a: CheckedPolicy, b: CheckedPolicy): Comparison {
  const found = sameDecisions(a, b);
  if (found === "same") return { kind: "same" };
  if (found === "inconclusive") return { kind: "inconclusive" };
  return { kind: "different", action: found };
}
