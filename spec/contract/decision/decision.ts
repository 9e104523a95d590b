/** What a decision can come to, from the mildest to the strictest. */
export const VERDICTS = ["allow", "approve", "deny"] as const;
export type Verdict = (typeof VERDICTS)[number];

/**
 * The answer for one action. Rules are numbers: places in the bundle's list of rules, ascending and without repeats.
 * A function of (bundle, facts) and nothing else.
 */
export interface Decision {
  readonly verdict: Verdict;
  /** Every rule that matched, whatever its effect. */
  readonly matched: readonly number[];
  /** The rules that made the verdict: the matching denials; else the approvals; else the allows; empty when denied by default. */
  readonly deciding: readonly number[];
  /** Matching `mask` rules. */
  readonly masks: readonly number[];
  /** The lowest row limit of the matching `limit` rules. */
  readonly rowLimit: number | null;
  /** The matching rule that set `rowLimit`. */
  readonly rowLimitRule: number | null;
  /** The lowest byte limit of the matching `limit` rules, and the rule that set it. */
  readonly byteLimit: number | null;
  readonly byteLimitRule: number | null;
  /** Matching `limit` rules that count actions over time; the caller keeps the counts. */
  readonly rates: readonly number[];
  /** Matching `alert` rules. */
  readonly alerts: readonly number[];
  /** Matching rules whose condition came out unknown and that count as matched for that reason. */
  readonly unknown: readonly number[];
}
