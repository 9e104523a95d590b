import type { CheckedPolicy, CheckedRule } from "../../lang/index.ts";
import type { Action } from "../analyse/index.ts";
import type { TextOf } from "../condition/index.ts";
import type { CaseResult } from "../test/index.ts";
import { baseFacts, draftText } from "./draft.ts";
import { killerOf, probesOf } from "./kill.ts";
import { mutantsOf, type Mutant } from "./operators.ts";
import { differenceOf, fromStated, seedsOf, telling, type Seed, type Witness } from "./witness.ts";

/** Whether two policies decide every action alike, as the analyser sees it. */
export type Comparison =
  | { readonly kind: "same" }
  /** With an action that they decide differently. */
  | { readonly kind: "different"; readonly action: Action }
  | { readonly kind: "inconclusive" };

export interface MutationTools {
  readonly textOf: TextOf;
  readonly compare: (a: CheckedPolicy, b: CheckedPolicy) => Comparison;
  /** A statement of our own making over the schemas of the tests; nothing where it can't be analysed. */
  readonly statement: (text: string) => readonly Seed[];
  /** Told after each mutant. */
  readonly progress: (done: number, all: number) => void;
}

/**
 * `equivalent`: no action shows the fault, so no test can. `inconclusive`: the tests let it pass, and it was neither proved
 * equivalent nor was an action found that shows it.
 */
export type MutantState = "killed" | "survived" | "equivalent" | "inconclusive";

export interface MutantResult {
  readonly mutant: Mutant;
  readonly state: MutantState;
  /** Title of the first test that noticed it. */
  readonly killedBy: string | null;
  /** A test that would notice it; only of survivors. */
  readonly test: Witness | null;
  /** An action that shows it, when no test can state that. */
  readonly action: Action | null;
}

export const testTextOf = (result: MutantResult): string | null =>
  result.test === null ? null : draftText(result.test.draft);

export interface MutationResult {
  readonly mutants: readonly MutantResult[];
  readonly killed: number;
  readonly survived: number;
  readonly equivalent: number;
  readonly inconclusive: number;
  /** Killed of those that can be told apart, in percent, rounded down; 100 when there are none. */
  readonly score: number;
}

/** Puts every small fault into the rules, one at a time, and sees whether a test notices. */
export function mutate(policy: CheckedPolicy, results: readonly CaseResult[], tools: MutationTools): MutationResult {
  const { rules } = policy;
  const probes = probesOf(results, rules);
  const seeds = seedsOf(probes);
  const mutants = rules.flatMap((rule, place) => mutantsOf(rule, place, tools.textOf));
  const found = mutants.map((mutant, i): MutantResult => {
    const killer = killerOf(rules, mutant, probes);
    const result: MutantResult =
      killer === null
        ? judgeSurvivor(policy, mutant, seeds, tools)
        : { mutant, state: "killed", killedBy: killer.title, test: null, action: null };
    tools.progress(i + 1, mutants.length);
    return result;
  });
  const count = (state: MutantState): number => found.filter((one) => one.state === state).length;
  const [killed, survived] = [count("killed"), count("survived")];
  return {
    mutants: found,
    killed,
    survived,
    equivalent: count("equivalent"),
    inconclusive: count("inconclusive"),
    score: killed + survived === 0 ? 100 : Math.floor((killed * 1000) / (killed + survived)) / 10,
  };
}

/** Why no test noticed a mutant: it changes nothing, or a test is missing. */
export function judgeSurvivor(
  policy: CheckedPolicy,
  mutant: Mutant,
  seeds: readonly Seed[],
  tools: MutationTools,
): MutantResult {
  const difference = differenceOf(policy.rules, mutant);
  const title = titleOf(mutant, policy.rules);
  const own = maskedSeeds(policy.rules[mutant.place]!, tools);
  // A witness is cheaper than a proof, and settles it as well.
  const shown = telling(difference, [...own, ...seeds], title, "outcome");
  if (shown !== null) return { mutant, state: "survived", killedBy: null, test: shown, action: null };
  const comparison = tools.compare(policy, { ...policy, rules: difference.after });
  if (comparison.kind === "same") return { mutant, state: "equivalent", killedBy: null, test: null, action: null };
  let test = telling(difference, [...own, ...seeds], title);
  if (test === null && comparison.kind === "different") {
    const { protocol } = comparison.action;
    const facts = new Map([...baseFacts(protocol), ...comparison.action.facts]);
    test = fromStated(facts, protocol, difference, title);
  }
  const state = test !== null || comparison.kind === "different" ? "survived" : "inconclusive";
  const action = test === null && comparison.kind === "different" ? comparison.action : null;
  return { mutant, state, killedBy: null, test, action };
}

/** Long lists are left out: the place says which it is. */
function titleOf(mutant: Mutant, rules: readonly CheckedRule[]): string {
  const change = mutant.change
    .replaceAll(/\[[^\]]{20,}\]/g, "[…]")
    .replaceAll("`", "")
    .replaceAll('"', "'");
  return `${rules[mutant.place]!.name}: notices when ${change}`;
}

/** Queries that bring back what a mask speaks of, where it names whole columns. */
function maskedSeeds(rule: CheckedRule, tools: MutationTools): readonly Seed[] {
  const name = (text: string): string => (/^[a-z_][a-z0-9_]*$/.test(text) ? text : `"${text.replaceAll('"', '""')}"`);
  return (rule.mask?.columns ?? []).flatMap(({ schema, table, column }) =>
    table === null || column === null
      ? []
      : tools.statement(`select ${name(column)} from ${schema === null ? "" : `${name(schema)}.`}${name(table)}`),
  );
}
