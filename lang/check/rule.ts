import { EFFECTS, type ApprovalSpec, type Effect, type LimitSpec } from "../../spec/contract/bundle/index.ts";
import type { Clause, RuleDecl } from "../ast/index.ts";
import type { CheckedRule } from "../checked/index.ts";
import { diagnostic } from "../diagnostics/index.ts";
import {
  checkAnnotations,
  checkScopes,
  clauseOf,
  conditionReader,
  namedApprovers,
  sortClauses,
  type Clauses,
  type Surroundings,
} from "./clauses.ts";
import { checkMask } from "./mask.ts";
import type { Report } from "./packages.ts";

const OWN_CLAUSES: Readonly<Record<Effect, readonly Clause["kind"][]>> = {
  allow: [],
  deny: [],
  approve: ["by", "quorum", "within", "valid"],
  mask: ["columns", "fields", "detect", "output", "with", "predicates", "trust"],
  limit: ["limits"],
  alert: ["notify"],
};
const SHARED_CLAUSES: readonly Clause["kind"][] = ["when", "unless", "because"];

const DEFAULT_WITHIN_MS = 15 * 60_000;
const QUORUM_MAX = 20;
const WITHIN_MS_MAX = 7 * 86_400_000;
const RATE_MS_MAX = 86_400_000;

/** Checks one rule; null when it can't be carried out at all (the reasons were reported). */
export function checkRule(rule: RuleDecl, around: Surroundings): CheckedRule | null {
  const { report } = around;
  const effect = EFFECTS.find((known) => known === rule.effect.text);
  if (effect === undefined) return null;
  const protocols = checkScopes(rule.scopes, report);
  const allowed = [...SHARED_CLAUSES, ...OWN_CLAUSES[effect]];
  const clauses = sortClauses(rule.clauses, allowed, effect, report);
  const condition = conditionReader(protocols, around);
  const because = clauseOf(clauses, "because")?.text.value ?? null;
  if (because === null && (effect === "deny" || effect === "approve"))
    report(diagnostic("no-because", rule.name.span, { effect }));
  return {
    name: rule.name.text,
    effect,
    protocols,
    when: condition(clauseOf(clauses, "when")?.condition),
    unless: condition(clauseOf(clauses, "unless")?.condition),
    because,
    annotations: checkAnnotations(rule.annotations),
    approve: effect === "approve" ? approval(rule, clauses, report) : null,
    mask: effect === "mask" ? checkMask(rule, protocols, clauses, around) : null,
    limit: effect === "limit" ? limit(rule, clauseOf(clauses, "limits"), report) : null,
    alertTo: effect === "alert" ? channels(rule, clauseOf(clauses, "notify"), report) : [],
    span: rule.span,
    nameSpan: rule.name.span,
  };
}

function approval(rule: RuleDecl, clauses: Clauses, report: Report): ApprovalSpec {
  const by = clauseOf(clauses, "by");
  if (by === undefined) report(diagnostic("clause-missing", rule.name.span, { clause: "by", effect: "approve" }));
  const quorum = clauseOf(clauses, "quorum")?.count;
  if (quorum !== undefined && (quorum.value < 1 || quorum.value > QUORUM_MAX))
    report(diagnostic("bad-number", quorum.span, { what: "a quorum", range: `from 1 to ${QUORUM_MAX}` }));
  const within = clauseOf(clauses, "within")?.duration;
  if (within !== undefined && (within.ms < 1000 || within.ms > WITHIN_MS_MAX))
    report(diagnostic("bad-number", within.span, { what: "the time to wait", range: "from 1s to 7d" }));
  const valid = clauseOf(clauses, "valid")?.duration ?? null;
  if (valid !== null && (valid.ms < 1000 || valid.ms > WITHIN_MS_MAX))
    report(
      diagnostic("bad-number", valid.span, { what: "the time a grant is valid", range: "from 1s to 7d, or `once`" }),
    );
  const approvers = by?.approvers ?? [];
  const users = namedApprovers(approvers, "user");
  if (by !== undefined && approvers.every((one) => one.kind === "user") && (quorum?.value ?? 1) > users.length)
    report(
      diagnostic("quorum-unreachable", quorum?.span ?? by.span, { quorum: quorum?.value ?? 1, users: users.length }),
    );
  return {
    groups: namedApprovers(approvers, "group"),
    users,
    quorum: quorum?.value ?? 1,
    withinMs: within?.ms ?? DEFAULT_WITHIN_MS,
    validMs: valid?.ms ?? 0,
  };
}

function limit(rule: RuleDecl, clause: Extract<Clause, { kind: "limits" }> | undefined, report: Report): LimitSpec {
  if (clause === undefined)
    report(diagnostic("clause-missing", rule.name.span, { clause: "to N rows", effect: "limit" }));
  let rows: number | null = null;
  let bytes: number | null = null;
  let rate: LimitSpec["rate"] = null;
  for (const one of clause?.limits ?? []) {
    const { count, unit, per } = one;
    if (count.value < 1 || !Number.isSafeInteger(count.value))
      report(diagnostic("bad-number", count.span, { what: "a limit", range: "at least 1" }));
    if ((unit === "statements") !== (per !== null)) {
      const range = unit === "statements" ? "given per time: `to 100 statements per 1m`" : `written without \`per\``;
      report(diagnostic("bad-number", one.span, { what: `a limit of ${unit}`, range }));
    } else if (per !== null && (per.ms < 1000 || per.ms > RATE_MS_MAX)) {
      report(diagnostic("bad-number", per.span, { what: "the time that is counted over", range: "from 1s to 1d" }));
    }
    if ((unit === "rows" ? rows : unit === "bytes" ? bytes : rate) !== null)
      report(diagnostic("duplicate-clause", one.span, { clause: `to … ${unit}` }));
    if (unit === "rows") rows = count.value;
    else if (unit === "bytes") bytes = count.value;
    else rate = { count: count.value, perMs: per?.ms ?? 1000 };
  }
  return { rows, bytes, rate };
}

function channels(
  rule: RuleDecl,
  clause: Extract<Clause, { kind: "notify" }> | undefined,
  report: Report,
): readonly string[] {
  if (clause === undefined)
    report(diagnostic("clause-missing", rule.name.span, { clause: 'to "channel"', effect: "alert" }));
  return [...new Set((clause?.channels ?? []).map((channel) => channel.value))].sort();
}
