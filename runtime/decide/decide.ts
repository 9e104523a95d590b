import { UNKNOWN, type ProtocolName, type Truth } from "../../spec/contract/facts/index.ts";
import type { Decision } from "../../spec/contract/decision/index.ts";
import type { Manifest } from "../../spec/contract/bundle/index.ts";
import { counts, verdictOf } from "../bundle/index.ts";
import { run, type FactSlots } from "../vm/index.ts";
import type { Executable } from "./executable.ts";

interface Limit {
  readonly most: number | null;
  readonly rule: number | null;
}
const NO_LIMIT: Limit = { most: null, rule: null };
/** The lower of two limits; of equal ones the first. */
const stricter = (a: Limit, b: Limit): Limit => (b.most !== null && (a.most === null || b.most < a.most) ? b : a);

/** What the matching rules of one action come to. `unknown`: those of them that match because something is unknown. */
export function decisionOf(manifest: Manifest, matched: readonly number[], unknown: readonly number[]): Decision {
  const { rules } = manifest;
  // Most kinds of rules match no action, so a list is made for its first rule.
  let denies = NONE;
  let approves = NONE;
  let allows = NONE;
  let masks = NONE;
  let rates = NONE;
  let alerts = NONE;
  let rows = NO_LIMIT;
  let bytes = NO_LIMIT;
  for (const index of matched) {
    const rule = rules[index]!;
    switch (rule.effect) {
      case "deny":
        denies = withOne(denies, index);
        break;
      case "approve":
        approves = withOne(approves, index);
        break;
      case "allow":
        allows = withOne(allows, index);
        break;
      case "mask":
        masks = withOne(masks, index);
        break;
      case "limit":
        rows = stricter(rows, { most: rule.limit?.rows ?? null, rule: index });
        bytes = stricter(bytes, { most: rule.limit?.bytes ?? null, rule: index });
        if (rule.limit !== null && rule.limit.rate !== null) rates = withOne(rates, index);
        break;
      case "alert":
        alerts = withOne(alerts, index);
        break;
    }
  }
  const verdict = verdictOf(denies.length > 0, approves.length > 0, allows.length > 0);
  const deciding = denies.length > 0 ? denies : approves.length > 0 ? approves : allows;
  return {
    verdict,
    matched,
    deciding,
    masks,
    rowLimit: rows.most,
    rowLimitRule: rows.rule,
    byteLimit: bytes.most,
    byteLimitRule: bytes.rule,
    rates,
    alerts,
    unknown,
  };
}

/** Shared by all decisions, so nothing is ever put into it. */
const NONE: number[] = [];

function withOne(list: number[], index: number): number[] {
  if (list === NONE) return [index];
  list.push(index);
  return list;
}

/**
 * Decides one action by running every rule's condition, without the index: what the index must agree with. Pure: the same
 * bundle and facts give the same decision on every machine.
 */
export function decideByConditions(bundle: Executable, protocol: ProtocolName, facts: FactSlots): Decision {
  const { rules } = bundle.manifest;
  const matched: number[] = [];
  const unknown: number[] = [];
  for (const index of bundle.rulesOf(protocol)) {
    const rule = rules[index]!;
    const found: Truth = rule.condition < 0 ? true : run(bundle.machine, rule.condition, facts);
    if (!counts(rule.effect, found)) continue;
    matched.push(index);
    if (found === UNKNOWN) unknown.push(index);
  }
  return decisionOf(bundle.manifest, matched, unknown);
}

const STRICTNESS = { allow: 0, approve: 1, deny: 2 } as const;
const union = (a: readonly number[], b: readonly number[]): readonly number[] =>
  [...new Set([...a, ...b])].sort((x, y) => x - y);

/**
 * One decision for several actions that stand or fall together: the strictest verdict, with what decided at that level.
 * Every action of the message must be allowed for it to go ahead.
 */
export function combine(decisions: readonly Decision[]): Decision {
  const [first, ...rest] = decisions;
  if (first === undefined) return EMPTY;
  return rest.reduce((all, one): Decision => {
    const level = STRICTNESS[one.verdict] - STRICTNESS[all.verdict];
    const rows = stricter(
      { most: all.rowLimit, rule: all.rowLimitRule },
      { most: one.rowLimit, rule: one.rowLimitRule },
    );
    const bytes = stricter(
      { most: all.byteLimit, rule: all.byteLimitRule },
      { most: one.byteLimit, rule: one.byteLimitRule },
    );
    return {
      verdict: level > 0 ? one.verdict : all.verdict,
      matched: union(all.matched, one.matched),
      // A default denial has no deciding rule, and the rules of the other actions must not seem to have made it.
      deciding: level > 0 ? one.deciding : level < 0 ? all.deciding : union(all.deciding, one.deciding),
      masks: union(all.masks, one.masks),
      rowLimit: rows.most,
      rowLimitRule: rows.rule,
      byteLimit: bytes.most,
      byteLimitRule: bytes.rule,
      rates: union(all.rates, one.rates),
      alerts: union(all.alerts, one.alerts),
      unknown: union(all.unknown, one.unknown),
    };
  }, first);
}

/** An empty message asks for nothing. */
const EMPTY: Decision = {
  verdict: "allow",
  matched: [],
  deciding: [],
  masks: [],
  rowLimit: null,
  rowLimitRule: null,
  byteLimit: null,
  byteLimitRule: null,
  rates: [],
  alerts: [],
  unknown: [],
};
