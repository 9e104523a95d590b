import type { CheckedPolicy, CheckedRule } from "../../lang/index.ts";
import { assembleManifest } from "../bundle/index.ts";

/**
 * The most steps that a rule's condition takes, as the certificate of a bundle with this rule states them; 0 when the rule
 * always applies. Null when its expressions can't be built. The policy must be free of errors.
 */
export function stepsOfRule(policy: CheckedPolicy, rule: CheckedRule): number | null {
  const made = assembleManifest({ ...policy, rules: [rule], tests: [] }, [], { sequence: 0, vectors: [] });
  return made.ok ? made.value.stepsMax : null;
}
