import type { ProtocolName } from "../../spec/contract/facts/index.ts";
import type { ApprovalSpec, MaskClause, MaskSpec } from "../../spec/contract/bundle/index.ts";
import { ruleMatches, type CheckedRule, type FactMap } from "../../lang/index.ts";

export type Verdict = "allow" | "approve" | "deny";

/** One column of a result; `rule` and `mask` are null for one that is shown as it is. */
export interface ShownColumn {
  readonly name: string;
  readonly rule: string | null;
  readonly mask: MaskSpec | null;
}

/** What masks make of an action's answer. */
export interface Shown {
  readonly columns: readonly ShownColumn[];
  /** Why masking refuses the action though the rules allow it. */
  readonly refused: string | null;
}

export const NOTHING_SHOWN: Shown = { columns: [], refused: null };

/** What masking takes of a rule. */
export interface MaskingRule {
  readonly name: string;
  readonly mask: (Omit<MaskClause, "output"> & { readonly output: readonly unknown[] | null }) | null;
}

/**
 * An action of a test, with its facts as the adapter of its protocol finds them. It is captured once; every decision over it
 * (the bundle's, a mutant's) starts from here.
 */
export interface CapturedAction {
  readonly protocol: ProtocolName;
  /** Facts of each of its units, such as the statements of one message; the strictest decision holds for all. */
  readonly units: readonly FactMap[];
  /** What comes back when these mask rules apply. */
  readonly show: (masks: readonly MaskingRule[]) => Shown;
}

/** What became of an action, in names. */
export interface ActionOutcome {
  readonly verdict: Verdict;
  /** Every rule that matched. */
  readonly matched: readonly string[];
  /** Rules that made the verdict; empty when it is denied by default. */
  readonly deciding: readonly string[];
  /** Mask rules that apply. */
  readonly masks: readonly string[];
  readonly rowLimit: number | null;
  readonly byteLimit: number | null;
  readonly because: readonly string[];
  /** Of each deciding `approve` rule, who may grant it and how many must. */
  readonly approvals: readonly ApprovalSpec[];
  readonly shown: Shown;
}

/** The verdict as the person at the client meets it: what masking refuses is denied. */
export const verdictOf = (outcome: ActionOutcome): Verdict =>
  outcome.verdict !== "deny" && outcome.shown.refused !== null ? "deny" : outcome.verdict;

/** Decides a captured action. */
export type DecideAction = (action: CapturedAction) => ActionOutcome;

/** Which rules match each unit, as places in the list of rules. */
export type Matches = readonly (readonly number[])[];

const STRICTNESS: Readonly<Record<Verdict, number>> = { allow: 0, approve: 1, deny: 2 };

/** What rules that match come to over all units of an action; `matches` has one list for each unit. */
export function outcomeOfMatches(
  rules: readonly CheckedRule[],
  matches: Matches,
  action: CapturedAction,
): ActionOutcome {
  const units = matches.map((matched) => decideUnit(rules, matched));
  // An action without units has nothing that could be allowed.
  const verdict = units.reduce<Verdict>(
    (all, one) => (STRICTNESS[one.verdict] > STRICTNESS[all] ? one.verdict : all),
    units.length === 0 ? "deny" : "allow",
  );
  const ascending = (places: Iterable<number>): readonly number[] => [...new Set(places)].sort((a, b) => a - b);
  const matched = ascending(matches.flat());
  const deciding = ascending(units.flatMap((one) => (one.verdict === verdict ? one.deciding : [])));
  const rulesOf = (places: readonly number[]): readonly CheckedRule[] => places.map((place) => rules[place]!);
  const limits = rulesOf(matched).flatMap((rule) => rule.limit ?? []);
  const masks = rulesOf(matched).filter((rule) => rule.effect === "mask");
  const least = (values: readonly (number | null)[]): number | null =>
    values.reduce((low, one) => (one !== null && (low === null || one < low) ? one : low), null);
  return {
    verdict,
    matched: rulesOf(matched).map((rule) => rule.name),
    deciding: rulesOf(deciding).map((rule) => rule.name),
    masks: masks.map((rule) => rule.name),
    rowLimit: least(limits.map((limit) => limit.rows)),
    byteLimit: least(limits.map((limit) => limit.bytes)),
    because: rulesOf(deciding).flatMap((rule) => rule.because ?? []),
    approvals: rulesOf(deciding).flatMap((rule) => (rule.effect === "approve" ? (rule.approve ?? []) : [])),
    shown: action.show(masks),
  };
}

interface UnitDecision {
  readonly verdict: Verdict;
  readonly deciding: readonly number[];
}

function decideUnit(rules: readonly CheckedRule[], matched: readonly number[]): UnitDecision {
  const of = (effect: string): readonly number[] => matched.filter((place) => rules[place]!.effect === effect);
  for (const verdict of ["deny", "approve", "allow"] as const) {
    const deciding = of(verdict);
    if (deciding.length > 0) return { verdict, deciding };
  }
  return { verdict: "deny", deciding: [] };
}

/** Places of the rules that match one unit, by the plain meaning of their conditions. */
export function matchesOf(rules: readonly CheckedRule[], protocol: ProtocolName, facts: FactMap): readonly number[] {
  return rules.flatMap((rule, i) => (rule.protocols.includes(protocol) && ruleMatches(rule, facts).matched ? [i] : []));
}

/** Decides by the plain meaning of the checked rules, without bundle or gateway: what mutants are run with. */
export function oracleDecider(rules: readonly CheckedRule[]): DecideAction {
  return (action) =>
    outcomeOfMatches(
      rules,
      action.units.map((facts) => matchesOf(rules, action.protocol, facts)),
      action,
    );
}
