import { nearest } from "../../base/text.ts";
import type { ApprovalSpec, ColumnPattern, Effect, MaskClause, MaskSpec } from "../../spec/contract/bundle/index.ts";
import { EFFECTS, MASKS, REDACT, maskRow } from "../../spec/contract/bundle/index.ts";
import { SCOPES, type ProtocolName } from "../../spec/contract/facts/index.ts";
import type {
  Clause,
  ColumnPatternNode,
  ColumnsDecl,
  LetDecl,
  MaskEntry,
  MaskSpecNode,
  RuleDecl,
} from "../ast/index.ts";
import type { CheckedExpr, CheckedRule } from "../checked/index.ts";
import { diagnostic, type Diagnostic } from "../diagnostics/index.ts";
import { checkCondition } from "./condition.ts";
import { SCOPE_NAMES, factsOfScope, type Scope } from "./scope.ts";

/** Names that all rules of a package share. */
export interface PackageNames {
  readonly lets: ReadonlyMap<string, LetDecl>;
  readonly columnSets: ReadonlyMap<string, ColumnsDecl>;
  readonly usedLets: Set<string>;
  readonly usedColumns: Set<string>;
  readonly report: (found: Diagnostic) => void;
}

const OWN_CLAUSES: Readonly<Record<Effect, readonly Clause["kind"][]>> = {
  allow: [],
  deny: [],
  approve: ["by", "quorum", "within", "valid"],
  mask: ["columns", "with"],
  limit: ["rows"],
  alert: [],
};
const SHARED_CLAUSES: readonly Clause["kind"][] = ["when", "unless", "because"];
const CLAUSE_WORDS: Partial<Record<Clause["kind"], string>> = { rows: "to … rows" };

const DEFAULT_WITHIN_MS = 15 * 60_000;
const QUORUM_MAX = 20;
const WITHIN_MS_MAX = 7 * 86_400_000;

/** Checks one rule; null when it can't be carried out at all (the reasons were reported). */
export function checkRule(rule: RuleDecl, names: PackageNames): CheckedRule | null {
  const { report } = names;
  const effect = EFFECTS.find((known) => known === rule.effect.text);
  if (effect === undefined) {
    report(diagnostic("not-supported", rule.effect.span, { what: `\`${rule.effect.text}\`` }));
    return null;
  }
  const protocols = protocolsOf(rule, report);
  const scope: Scope = {
    protocols,
    facts: factsOfScope(protocols),
    lets: names.lets,
    usedLets: names.usedLets,
    opened: [],
    variables: [],
    report,
  };
  const clauses = sortClauses(rule, effect, report);
  const clause = <K extends Clause["kind"]>(kind: K): Extract<Clause, { kind: K }> | undefined =>
    clauses.get(kind) as never;
  const conditionOf = (kind: "when" | "unless"): CheckedExpr | null => {
    const found = clause(kind);
    return found === undefined || protocols.length === 0 ? null : checkCondition(found.condition, scope);
  };
  const because = clause("because")?.text.value ?? null;
  if (because === null && (effect === "deny" || effect === "approve"))
    report(diagnostic("no-because", rule.name.span, { effect }));
  return {
    name: rule.name.text,
    effect,
    protocols,
    when: conditionOf("when"),
    unless: conditionOf("unless"),
    because,
    annotations: rule.annotations.map((one) => ({ key: one.key.text, values: one.values.map((value) => value.value) })),
    approve: effect === "approve" ? approval(rule, clause, report) : null,
    mask: effect === "mask" ? maskClause(rule, clause("columns"), clause("with"), names) : null,
    limit: effect === "limit" ? { rows: rowLimit(rule, clause("rows"), report), bytes: null, rate: null } : null,
    alertTo: [],
    span: rule.span,
    nameSpan: rule.name.span,
  };
}

function protocolsOf(rule: RuleDecl, report: PackageNames["report"]): readonly ProtocolName[] {
  const found = new Set<ProtocolName>();
  for (const scope of rule.scopes) {
    const protocols = Object.hasOwn(SCOPES, scope.text) ? SCOPES[scope.text] : undefined;
    if (protocols !== undefined) for (const protocol of protocols) found.add(protocol);
    else report(diagnostic("unknown-scope", scope.span, { scope: scope.text, near: nearest(scope.text, SCOPE_NAMES) }));
  }
  return [...found].sort();
}

function sortClauses(
  rule: RuleDecl,
  effect: Effect,
  report: PackageNames["report"],
): ReadonlyMap<Clause["kind"], Clause> {
  const found = new Map<Clause["kind"], Clause>();
  for (const clause of rule.clauses) {
    if (clause.kind === "planned") {
      report(diagnostic("not-supported", clause.span, { what: `clause \`${clause.word}\`` }));
      continue;
    }
    const word = CLAUSE_WORDS[clause.kind] ?? clause.kind;
    if (!SHARED_CLAUSES.includes(clause.kind) && !OWN_CLAUSES[effect].includes(clause.kind)) {
      report(diagnostic("clause-not-allowed", clause.span, { clause: word, effect }));
    } else if (found.has(clause.kind)) report(diagnostic("duplicate-clause", clause.span, { clause: word }));
    else found.set(clause.kind, clause);
  }
  return found;
}

type ClauseOf = <K extends Clause["kind"]>(kind: K) => Extract<Clause, { kind: K }> | undefined;

function approval(rule: RuleDecl, clause: ClauseOf, report: PackageNames["report"]): ApprovalSpec {
  const by = clause("by");
  const planned = rule.clauses.some((one) => one.kind === "planned");
  if (by === undefined && !planned)
    report(diagnostic("clause-missing", rule.name.span, { clause: "by", effect: "approve" }));
  const quorum = clause("quorum")?.count;
  if (quorum !== undefined && (quorum.value < 1 || quorum.value > QUORUM_MAX)) {
    report(diagnostic("bad-number", quorum.span, { what: "a quorum", range: `from 1 to ${QUORUM_MAX}` }));
  }
  const within = clause("within")?.duration;
  if (within !== undefined && (within.ms < 1000 || within.ms > WITHIN_MS_MAX)) {
    report(diagnostic("bad-number", within.span, { what: "the time to wait", range: "from 1s to 7d" }));
  }
  const valid = clause("valid")?.duration ?? null;
  if (valid !== null && (valid.ms < 1000 || valid.ms > WITHIN_MS_MAX)) {
    report(
      diagnostic("bad-number", valid.span, { what: "the time a grant is valid", range: "from 1s to 7d, or `once`" }),
    );
  }
  const named = (kind: "group" | "user"): readonly string[] =>
    [...new Set((by?.approvers ?? []).filter((one) => one.kind === kind).map((one) => one.name.value))].sort();
  return {
    groups: named("group"),
    users: named("user"),
    quorum: quorum?.value ?? 1,
    withinMs: within?.ms ?? DEFAULT_WITHIN_MS,
    validMs: valid?.ms ?? 0,
  };
}

function rowLimit(
  rule: RuleDecl,
  clause: Extract<Clause, { kind: "rows" }> | undefined,
  report: PackageNames["report"],
): number | null {
  if (clause === undefined) {
    report(diagnostic("clause-missing", rule.name.span, { clause: "to N rows", effect: "limit" }));
    return null;
  }
  if (clause.count.value < 1)
    report(diagnostic("bad-number", clause.count.span, { what: "a row limit", range: "at least 1" }));
  return clause.count.value;
}

function maskSpec(node: MaskSpecNode, report: PackageNames["report"]): MaskSpec {
  const known = maskRow(node.name.text);
  if (known === undefined) {
    const near = nearest(
      node.name.text,
      MASKS.map((one) => one.name),
    );
    report(diagnostic("unknown-mask", node.span, { name: node.name.text, near }));
    return REDACT;
  }
  const given = node.argument === null ? [] : [node.argument];
  const [parameter] = known.parameters;
  if (given.length !== known.parameters.length) {
    report(
      diagnostic("bad-number", node.span, {
        what: `\`${node.name.text}\``,
        range: parameter === undefined ? "written without a count" : `written with a count: ${node.name.text}(4)`,
      }),
    );
    return REDACT;
  }
  for (const argument of given) {
    const { min = 0, max = 0 } = parameter!;
    if (argument.value < min || argument.value > max)
      report(
        diagnostic("bad-number", argument.span, {
          what: "the count of shown characters",
          range: `from ${min} to ${max}`,
        }),
      );
  }
  return { kind: known.name as MaskSpec["kind"], args: given.map((argument) => argument.value) };
}

function maskClause(
  rule: RuleDecl,
  columns: Extract<Clause, { kind: "columns" }> | undefined,
  masks: Extract<Clause, { kind: "with" }> | undefined,
  names: PackageNames,
): MaskClause {
  const { report } = names;
  const planned = rule.clauses.some((one) => one.kind === "planned");
  if (columns === undefined && !planned)
    report(diagnostic("clause-missing", rule.name.span, { clause: "columns", effect: "mask" }));
  if (masks === undefined) report(diagnostic("clause-missing", rule.name.span, { clause: "with", effect: "mask" }));
  const patterns = resolvePatterns(columns?.patterns ?? [], names, []);
  const known = new Set(patterns.map((pattern) => pattern.column));
  const entries = (masks?.masks ?? []).map((entry: MaskEntry) => {
    const column = entry.column === "*" ? null : entry.column.text;
    if (column !== null && !known.has(null) && !known.has(column)) {
      const candidates = [...known].filter((name) => name !== null);
      report(diagnostic("mask-entry-unused", entry.span, { column, near: nearest(column, candidates) }));
    }
    return { name: column, mask: maskSpec(entry.mask, report) };
  });
  const seen = new Set<string | null>();
  for (const [i, entry] of entries.entries()) {
    if (seen.has(entry.name))
      report(diagnostic("duplicate-name", masks!.masks[i]!.span, { what: "mask entry", name: entry.name ?? "*" }));
    seen.add(entry.name);
  }
  return {
    columns: patterns,
    fields: [],
    detect: [],
    output: null,
    with: entries,
    predicates: "refuse",
    trusted: [],
  };
}

/** Column sets put in place of their names, choices multiplied out. */
export function resolvePatterns(
  nodes: readonly ColumnPatternNode[],
  names: PackageNames,
  opened: readonly string[],
): readonly ColumnPattern[] {
  return nodes.flatMap((node): readonly ColumnPattern[] => {
    const [first] = node.parts;
    if (node.parts.length === 1 && first !== undefined && first.names !== "*" && first.names.length === 1) {
      const { text } = first.names[0]!;
      const set = names.columnSets.get(text);
      if (set === undefined) {
        names.report(
          diagnostic("unknown-name", node.span, { name: text, near: nearest(text, names.columnSets.keys()) }),
        );
        return [];
      }
      if (opened.includes(text)) {
        names.report(diagnostic("let-cycle", node.span, { name: text }));
        return [];
      }
      names.usedColumns.add(text);
      return resolvePatterns(set.patterns, names, [...opened, text]);
    }
    if (node.parts.length !== 3) {
      names.report(diagnostic("bad-pattern", node.span, { why: `it has ${node.parts.length} parts` }));
      return [];
    }
    const choices = node.parts.map((part) => (part.names === "*" ? [null] : part.names.map((name) => name.text)));
    return choices[0]!.flatMap((schema) =>
      choices[1]!.flatMap((table) => choices[2]!.map((column): ColumnPattern => ({ schema, table, column }))),
    );
  });
}
