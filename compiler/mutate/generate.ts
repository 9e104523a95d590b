import type { CheckedPolicy } from "../../lang/index.ts";
import type { CaseResult } from "../test/index.ts";
import { draftText } from "./draft.ts";
import { killerOf, matchesOfAction, probesOf, type Probe } from "./kill.ts";
import { mutantsOf, type Mutant } from "./operators.ts";
import { judgeSurvivor, type MutantResult, type MutationTools } from "./run.ts";
import { seedsOf } from "./witness.ts";

export interface Generated {
  /** Tests as policy text, in the order of the rules. */
  readonly tests: readonly string[];
  /** Faults that were found to be possible and that no test was found for. */
  readonly left: readonly MutantResult[];
  /** Faults that the tests notice: those there were, and those that are new. */
  readonly killed: number;
}

export interface GenerateOptions {
  /** Writes a whole suite, as if there were no tests; their statements are still taken up. */
  readonly fromScratch: boolean;
}

/** That a rule is gone is noticed by any test that it decides, so with these first the suite is small. */
const byWeight = (a: Mutant, b: Mutant): number =>
  Number(b.mutation === "rule-removed") - Number(a.mutation === "rule-removed") || a.place - b.place;

/** A small suite: for each fault that no test notices yet, a test that does; each new test counts for the next fault. */
export function generateTests(
  policy: CheckedPolicy,
  results: readonly CaseResult[],
  tools: MutationTools,
  { fromScratch }: GenerateOptions,
): Generated {
  const { rules } = policy;
  const existing = probesOf(results, rules);
  const seeds = seedsOf(existing);
  const probes: Probe[] = fromScratch ? [] : [...existing];
  const made: { readonly place: number; readonly text: string }[] = [];
  const left: MutantResult[] = [];
  let killed = 0;
  const mutants = rules.flatMap((rule, place) => mutantsOf(rule, place, tools.textOf)).sort(byWeight);
  for (const [i, mutant] of mutants.entries()) {
    tools.progress(i + 1, mutants.length);
    if (killerOf(rules, mutant, probes) !== null) {
      killed++;
      continue;
    }
    const result = judgeSurvivor(policy, mutant, seeds, tools);
    if (result.state === "equivalent") continue;
    if (result.test === null) {
      left.push(result);
      continue;
    }
    const { draft, action } = result.test;
    killed++;
    made.push({ place: mutant.place, text: draftText(draft) });
    probes.push({
      title: draft.title,
      expected: draft.expected,
      action,
      matches: matchesOfAction(rules, action),
      statement: null,
    });
  }
  return { tests: made.sort((a, b) => a.place - b.place).map((one) => one.text), left, killed };
}
