import { nearest } from "../../base/text.ts";
import {
  DETECTORS,
  MASKS,
  PREDICATE_MODES,
  REDACT,
  isDetector,
  maskFault,
  maskRow,
  type ColumnPattern,
  type MaskParameter,
  type MaskSpec,
} from "../../spec/contract/bundle/index.ts";
import { SCOPES, type ProtocolName } from "../../spec/contract/facts/index.ts";
import type { Clause, ColumnPatternNode, ColumnsDecl, MaskSpecNode, RuleDecl } from "../ast/index.ts";
import type { CheckedMask } from "../checked/index.ts";
import { diagnostic } from "../diagnostics/index.ts";
import { clauseOf, clauseWord, type Clauses, type Surroundings } from "./clauses.ts";
import { fieldPaths, lastName } from "./field-path.ts";
import type { Environment, Report } from "./packages.ts";
import { checkSearched } from "./regex.ts";
import { use } from "./scope.ts";

/** What a mask can speak of, and where it can be found. */
const SUBJECTS = {
  columns: SCOPES["sql"]!,
  fields: ["http", "kubernetes", "mcp"],
  detect: SCOPES["*"]!,
  output: ["ssh", "kubernetes"],
} as const satisfies Partial<Record<Clause["kind"], readonly ProtocolName[]>>;
const SUBJECT_KINDS = ["columns", "fields", "detect", "output"] as const;

export function checkMask(
  rule: RuleDecl,
  protocols: readonly ProtocolName[],
  clauses: Clauses,
  around: Surroundings,
): CheckedMask {
  const { report } = around;
  const subjects = SUBJECT_KINDS.filter((kind) => clauses.has(kind));
  if (subjects.length === 0) {
    const clause = "columns, fields, values detect or output";
    report(diagnostic("clause-missing", rule.name.span, { clause, effect: "mask" }));
  }
  for (const kind of subjects) {
    const known: readonly ProtocolName[] = SUBJECTS[kind];
    const without = protocols.filter((protocol) => !known.includes(protocol));
    if (without.length > 0) {
      const params = { clause: clauseWord(kind), protocol: without.join(", "), known: known.join(", ") };
      report(diagnostic("clause-not-for-scope", clauses.get(kind)!.span, params));
    }
  }
  for (const kind of ["predicates", "trust"] as const) {
    const found = clauses.get(kind);
    if (found !== undefined && !clauses.has("columns"))
      report(diagnostic("clause-needs", found.span, { clause: kind, other: "columns" }));
  }
  const patterns = resolvePatterns(clauseOf(clauses, "columns")?.patterns ?? [], around, []);
  const fields = fieldsOf(clauseOf(clauses, "fields"), report);
  const names = new Set<string | null>([...patterns.map((one) => one.column), ...fields.map(lastName)]);
  return {
    columns: patterns,
    fields,
    detect: detectorsOf(clauseOf(clauses, "detect"), around),
    output: outputOf(clauseOf(clauses, "output"), report),
    with: entriesOf(rule, clauseOf(clauses, "with"), names, report),
    predicates: modeOf(clauseOf(clauses, "predicates"), report),
    trusted: functionsOf(clauseOf(clauses, "trust"), report),
  };
}

function fieldsOf(clause: Extract<Clause, { kind: "fields" }> | undefined, report: Report): readonly string[] {
  const found = new Set<string>();
  for (const { value, span } of clause?.paths ?? []) {
    const paths = fieldPaths(value);
    if (!paths.ok) report(diagnostic("bad-field-path", span, { why: paths.error }));
    else for (const path of paths.value) found.add(path);
  }
  return [...found].sort();
}

function detectorsOf(
  clause: Extract<Clause, { kind: "detect" }> | undefined,
  { env, used, report }: Surroundings,
): readonly string[] {
  const found = new Set<string>();
  for (const { text, span } of clause?.detectors ?? []) {
    const own = env.detectors.get(text);
    if (own !== undefined) use(used, own);
    else if (!isDetector(text)) {
      const near = nearest(text, [...DETECTORS.map((one) => one.name), ...env.detectors.keys()]);
      report(diagnostic("unknown-detector", span, { name: text, near }));
      continue;
    }
    found.add(text);
  }
  if (clause?.detectors.length === 0) report(diagnostic("empty-list", clause.span, { what: "`values detect`" }));
  return [...found].sort();
}

function outputOf(clause: Extract<Clause, { kind: "output" }> | undefined, report: Report): CheckedMask["output"] {
  if (clause === undefined) return null;
  return clause.expressions.flatMap((one) => checkSearched(one, report) ?? []);
}

function modeOf(
  clause: Extract<Clause, { kind: "predicates" }> | undefined,
  report: Report,
): CheckedMask["predicates"] {
  if (clause === undefined) return "refuse";
  const { text, span } = clause.mode;
  const known = PREDICATE_MODES.find((mode) => mode === text);
  if (known !== undefined) return known;
  const near = nearest(text, PREDICATE_MODES);
  report(diagnostic("unknown-enum-value", span, { value: text, type: "mode of predicates", near }));
  return "refuse";
}

function functionsOf(clause: Extract<Clause, { kind: "trust" }> | undefined, report: Report): readonly string[] {
  for (const { value, span } of clause?.functions ?? [])
    if (!/^[^.\s]+\.[^.\s]+$/.test(value)) report(diagnostic("bad-function-name", span, { text: value }));
  return [...new Set((clause?.functions ?? []).map((one) => one.value))].sort();
}

function entriesOf(
  rule: RuleDecl,
  clause: Extract<Clause, { kind: "with" }> | undefined,
  known: ReadonlySet<string | null>,
  report: Report,
): CheckedMask["with"] {
  if (clause === undefined) {
    report(diagnostic("clause-missing", rule.name.span, { clause: "with", effect: "mask" }));
    return [];
  }
  const seen = new Set<string | null>();
  return clause.masks.map((entry) => {
    const name = entry.column === "*" ? null : entry.column.text;
    if (name !== null && !known.has(null) && !known.has(name)) {
      const near = nearest(
        name,
        [...known].filter((one) => one !== null),
      );
      report(diagnostic("mask-entry-unused", entry.span, { column: name, near }));
    }
    if (seen.has(name)) report(diagnostic("duplicate-name", entry.span, { what: "mask entry", name: name ?? "*" }));
    seen.add(name);
    return { name, mask: checkMaskSpec(entry.mask, report) };
  });
}

/** A mask with its arguments; `redact` when it can't be read, which was reported. */
export function checkMaskSpec(node: MaskSpecNode, report: Report): MaskSpec {
  const known = maskRow(node.name.text);
  if (known === undefined) {
    const near = nearest(
      node.name.text,
      MASKS.map((one) => one.name),
    );
    report(diagnostic("unknown-mask", node.span, { name: node.name.text, near }));
    return REDACT;
  }
  const { parameters } = known;
  if (node.args.length !== parameters.length) {
    const form = parameters.map(exampleOf).join(", ");
    const range = parameters.length === 0 ? "written without an argument" : `written as ${known.name}(${form})`;
    report(diagnostic("bad-number", node.span, { what: `\`${known.name}\``, range }));
    return REDACT;
  }
  const args = node.args.map((arg) => (arg.kind === "path" ? arg.parts.map((part) => part.text).join(".") : arg.value));
  for (const [i, parameter] of parameters.entries()) {
    const given = node.args[i]!;
    const one: MaskSpec = { kind: known.name as MaskSpec["kind"], args };
    const wrongForm =
      parameter.type === "count"
        ? given.kind !== "int"
        : parameter.type === "text"
          ? given.kind !== "string"
          : given.kind !== "path";
    if (wrongForm || (parameter.type !== "text" && !argumentFits(parameter, args[i]!))) {
      report(
        diagnostic("bad-number", given.span, { what: `${known.name}'s ${parameter.name}`, range: rangeOf(parameter) }),
      );
      return REDACT;
    }
    if (i === parameters.length - 1 && maskFault(one) !== null) return REDACT;
  }
  return { kind: known.name as MaskSpec["kind"], args };
}

const argumentFits = (
  { type, min = 0, max = Number.MAX_SAFE_INTEGER, words = [] }: MaskParameter,
  arg: string | number,
): boolean => (type === "count" ? typeof arg === "number" && arg >= min && arg <= max : words.includes(String(arg)));

function rangeOf({ type, min = 0, max, words = [] }: MaskParameter): string {
  switch (type) {
    case "count":
      return max === undefined ? `at least ${min}` : `from ${min} to ${max}`;
    case "text":
      return "a text in quotes";
    case "word":
      return `one of ${words.join(", ")}`;
  }
}

const exampleOf = ({ type, name, min = 1, words = [] }: MaskParameter): string =>
  type === "count" ? String(Math.max(min, 4)) : type === "text" ? `"${name}"` : (words[0] ?? name);

/** Column sets put in place of their names, choices multiplied out. */
export function resolvePatterns(
  nodes: readonly ColumnPatternNode[],
  { env, used, report }: { readonly env: Environment; readonly used: Surroundings["used"]; readonly report: Report },
  opened: readonly ColumnsDecl[],
): readonly ColumnPattern[] {
  return nodes.flatMap((node): readonly ColumnPattern[] => {
    const [first] = node.parts;
    if (node.parts.length === 1 && first !== undefined && first.names !== "*" && first.names.length === 1) {
      const { text } = first.names[0]!;
      const known = env.columnSets.get(text);
      if (known === undefined) {
        report(diagnostic("unknown-name", node.span, { name: text, near: nearest(text, env.columnSets.keys()) }));
        return [];
      }
      const decl = use(used, known);
      if (opened.includes(decl)) {
        report(diagnostic("let-cycle", node.span, { name: text }));
        return [];
      }
      return resolvePatterns(decl.patterns, { env: known.home, used, report }, [...opened, decl]);
    }
    if (node.parts.length !== 3) {
      report(diagnostic("bad-pattern", node.span, { why: `it has ${node.parts.length} parts` }));
      return [];
    }
    return patternsOf(node);
  });
}

/** A pattern of one to three parts written out; parts that are left out at the front are any. */
export function patternsOf(node: ColumnPatternNode): readonly ColumnPattern[] {
  const choices = node.parts.map((part) => (part.names === "*" ? [null] : part.names.map((name) => name.text)));
  const [schemas, tables, columns] = [...Array.from({ length: 3 - choices.length }, () => [null]), ...choices];
  return schemas!.flatMap((schema) =>
    tables!.flatMap((table) => columns!.map((column): ColumnPattern => ({ schema, table, column }))),
  );
}
