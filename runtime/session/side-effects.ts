import { plural } from "../../base/text.ts";
import type { Manifest } from "../../spec/contract/bundle/index.ts";
import type { Decision } from "../../spec/contract/decision/index.ts";
import type { ProtocolName } from "../../spec/contract/facts/index.ts";
import type { Alerts } from "../enforce/alert/index.ts";
import type { RateLimit, Rates } from "../enforce/limit/index.ts";
import type { Clock } from "../outside/index.ts";
import type { Refusal } from "../protocols/index.ts";
import { RecorderFailed, type SessionLog } from "../record/index.ts";

/** What a decision asks for beside its verdict, the same on every protocol: who is told, and what is counted. */
export interface SideEffectParts {
  readonly protocol: ProtocolName;
  readonly rates: Rates;
  readonly alerts: Alerts;
  readonly log: SessionLog;
  readonly clock: Clock;
  readonly identity: { readonly name: string; readonly issuer: string | null };
  readonly target: string;
}

const ALERT_TEXT_UNITS_MAX = 2_048;

/**
 * Raises the alerts of a decision. Each is recorded before anybody is told; whether somebody hears of it, nothing waits
 * for. False when it can't be recorded: then the action must not go ahead.
 */
export function raiseAlerts(
  { log, alerts, identity, target, clock, protocol }: SideEffectParts,
  manifest: Manifest,
  rules: readonly number[],
  told: {
    readonly decisionId: number;
    readonly verdict: string;
    readonly kinds: readonly string[];
    /** The action as the record has it. */
    readonly text: string;
  },
): boolean {
  try {
    for (const index of rules) {
      const rule = manifest.rules[index]!;
      log.append({ type: "alert", decision: told.decisionId, rule: rule.name, channels: rule.alertTo });
      alerts.raise(
        {
          rule: rule.name,
          because: rule.because,
          sid: log.sid,
          decision: told.decisionId,
          user: identity.name,
          target,
          protocol,
          verdict: told.verdict,
          kinds: told.kinds,
          text: told.text.slice(0, ALERT_TEXT_UNITS_MAX),
          at: clock.now(),
        },
        rule.alertTo,
      );
    }
    return true;
  } catch (fault) {
    if (!(fault instanceof RecorderFailed)) throw fault;
    return false;
  }
}

/** Counts `actions` under these limits; why they may not go ahead when one of them is used up. */
export function countActions(
  { rates, identity, target }: SideEffectParts,
  limits: readonly RateLimit[],
  actions: number,
): Refusal | null {
  if (limits.length === 0) return null;
  const answer = rates.take(limits, JSON.stringify([identity.issuer, identity.name]), target, actions);
  if (answer.ok) return null;
  const { rule, count, perMs } = answer.limit;
  const seconds = Math.max(1, Math.ceil(answer.waitMs / 1000));
  return {
    kind: "policy",
    message: `rule ${rule} allows ${plural(count, "statement")} in ${plural(Math.round(perMs / 1000), "second")}, and you have had them`,
    hint: `Try again in ${plural(seconds, "second")}.`,
  };
}

/** The limits over time that a decision names. */
export const rateLimitsOf = ({ rules }: Manifest, decision: Decision): readonly RateLimit[] =>
  decision.rates.map((index) => ({ rule: rules[index]!.name, ...rules[index]!.limit!.rate! }));

/** A limit on rows where there are none: what it limits is refused, for passing it over would leave the rule unheard. */
export function rowLimitRefusal(manifest: Manifest, decision: Decision, protocol: ProtocolName): Refusal | null {
  if (decision.rowLimitRule === null) return null;
  return {
    kind: "unsupported",
    message: `limit ${manifest.rules[decision.rowLimitRule]!.name} is of rows, and ${protocol} has none, so what it limits is refused`,
    hint: "Limit bytes, or leave this protocol out of the rule.",
  };
}
