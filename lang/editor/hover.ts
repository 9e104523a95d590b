import { plural } from "../../base/text.ts";
import { DETECTORS, MASKS, type MaskRow } from "../../spec/contract/bundle/index.ts";
import { SCOPES, type Fact } from "../../spec/contract/facts/index.ts";
import type { Item, PolicyFile } from "../ast/index.ts";
import type { CheckedRule } from "../checked/index.ts";
import { explainCode, type Diagnostic } from "../diagnostics/index.ts";
import { lintPageText, lintRule } from "../lint/index.ts";
import type { Span } from "../source/index.ts";
import { tokenize, type Token } from "../syntax/index.ts";
import { factsFor, protocolsOf, protocolsWith } from "./facts.ts";
import { occurrenceAt, type Occurrence } from "./names.ts";
import { effectInWords, showFact, showPattern } from "./words.ts";
import { columnsNamed } from "./resolved.ts";
import { diagnosticsOf, ruleNamedAt, testsOf, type Surroundings, type Workspace } from "./workspace.ts";

export interface Hover {
  readonly span: Span;
  /** Markdown. */
  readonly text: string;
}

/** What is to be said of the word at an offset, and the pages of the diagnostics that stand there. */
export function hoverAt(workspace: Workspace, file: string, offset: number, around: Surroundings): Hover | null {
  const source = workspace.files.get(file);
  const tree = workspace.trees.get(file);
  if (source === undefined || tree === undefined) return null;
  const found = aboutWord(workspace, tree, source.text, offset, around);
  const told = diagnosticsOf(workspace).filter(({ span }) => span.file === file && covers(span, offset));
  const at = found?.span ?? told[0]?.span;
  if (at === undefined) return null;
  const pages = told.map(page);
  return { span: at, text: [...(found === null ? [] : [found.text]), ...pages].join("\n\n---\n\n") };
}

const covers = (span: Span, offset: number): boolean => span.start <= offset && offset <= span.end;
const fence = (code: string): string => `\`\`\`policy\n${code}\n\`\`\``;

/** A diagnostic's page, as `policyc explain` prints it. */
function page(found: Diagnostic): string {
  const rule = lintRule(found.code);
  const { title, text } =
    explainCode(found.code) ??
    (rule === undefined
      ? { title: found.code, text: found.message }
      : { title: `${rule.code} ${rule.name} (${found.severity})`, text: lintPageText(rule) });
  const [what = "", ...rest] = text.split("\n\n");
  // Examples stand two columns to the right.
  const shown = rest.map((part) => (part.startsWith("  ") ? fence(part.replaceAll(/^ {2}/gm, "")) : part));
  return [`**${title}**`, what, ...shown].join("\n\n");
}

function aboutWord(
  workspace: Workspace,
  tree: PolicyFile,
  text: string,
  offset: number,
  around: Surroundings,
): Hover | null {
  const occurrence = occurrenceAt(workspace.names, tree.path, offset);
  if (occurrence !== undefined) {
    const said = aboutName(workspace, occurrence, around);
    return said === null ? null : { span: occurrence.span, text: said };
  }
  const item = tree.items.find(({ span }) => covers(span, offset));
  if (item === undefined) return null;
  const tokens = tokenize(text.slice(item.span.start, item.span.end)).map((token) => ({
    ...token,
    start: token.start + item.span.start,
    end: token.end + item.span.start,
  }));
  const at = tokens.findIndex(
    (token) => covers({ file: tree.path, start: token.start, end: token.end }, offset) && token.kind !== "mark",
  );
  const token = tokens[at];
  if (token === undefined) return null;
  const span = { file: tree.path, start: token.start, end: token.end };
  const fact = factAround(tokens, at, item);
  if (fact !== null) return { span: fact.span, text: aboutFact(fact.fact) };
  const mask = (MASKS as readonly MaskRow[]).find((one) => one.name === token.text);
  if (mask !== undefined && item.kind === "rule" && item.effect.text === "mask") {
    const given = mask.parameters.length === 0 ? "" : `(${mask.parameters.map((one) => one.name).join(", ")})`;
    return { span, text: `${fence(`${mask.name}${given}`)}\n\n${mask.doc}` };
  }
  const detector = DETECTORS.find((one) => one.name === token.text);
  const detecting = "clauses" in item && item.clauses.some((one) => one.kind === "detect" && covers(one.span, offset));
  if (detector !== undefined && detecting) return { span, text: `${fence(detector.name)}\n\n${detector.doc}` };
  if ("scopes" in item && item.scopes.some((scope) => covers(scope.span, offset)) && Object.hasOwn(SCOPES, token.text))
    return { span, text: `Stands for ${SCOPES[token.text]!.join(", ")}.` };
  return null;
}

/** The fact whose path goes through the word at `at`. */
function factAround(
  tokens: readonly Token[],
  at: number,
  item: Item,
): { readonly fact: Fact; readonly span: Span } | null {
  let from = at;
  while (tokens[from - 1]?.text === "." && from >= 2) from -= 2;
  let to = at;
  while (tokens[to + 1]?.text === "." && tokens[to + 2] !== undefined) to += 2;
  const facts = factsFor("scopes" in item ? protocolsOf(item.scopes.map((scope) => scope.text)) : []);
  // `time.hour(…)`: the fact may be shorter than the path.
  for (let end = to; end >= at; end -= 2) {
    const path = tokens
      .slice(from, end + 1)
      .map((token) => token.text)
      .join("");
    const fact = facts.get(path);
    if (fact !== undefined)
      return { fact, span: { file: item.span.file, start: tokens[from]!.start, end: tokens[end]!.end } };
  }
  return null;
}

const VALUES_SHOWN = 12;

function aboutFact(fact: Fact): string {
  const of = fact.type.kind === "set" || fact.type.kind === "list" ? fact.type.of : fact.type;
  const values =
    of.kind === "enum"
      ? [
          `Values: ${of.values
            .slice(0, VALUES_SHOWN)
            .map((value) => `\`${value}\``)
            .join(", ")}${of.values.length > VALUES_SHOWN ? ` and ${of.values.length - VALUES_SHOWN} more` : ""}.`,
        ]
      : of.kind === "record"
        ? [of.fields.map((field) => `- \`${field.name}\`: ${field.doc}`).join("\n")]
        : [];
  return [fence(fact.path), fact.doc, `${showFact(fact)}. Of ${protocolsWith(fact.path).join(", ")}.`, ...values].join(
    "\n\n",
  );
}

const COLUMNS_SHOWN = 20;

function aboutName(workspace: Workspace, occurrence: Occurrence, around: Surroundings): string | null {
  const all = workspace.names.bySymbol.get(occurrence.symbol) ?? [];
  const definition = all.find((one) => one.definition);
  if (definition === undefined) return null;
  const uses = all.length - 1;
  const item = itemAt(workspace, definition.span);
  if (item === undefined) return null;
  const source = workspace.files.get(definition.span.file)?.text.slice(item.span.start, item.span.end) ?? "";
  const used = `Used ${plural(uses, "time")}.`;
  switch (occurrence.kind) {
    case "let":
      return [fence(source), used].join("\n\n");
    case "columns": {
      const columns = columnsNamed(workspace, definition).map(showPattern);
      const shown = columns.slice(0, COLUMNS_SHOWN).map((one) => `- \`${one}\``);
      const more = columns.length > COLUMNS_SHOWN ? [`- and ${columns.length - COLUMNS_SHOWN} more`] : [];
      return [fence(source), `${plural(columns.length, "column pattern")}:`, [...shown, ...more].join("\n"), used].join(
        "\n\n",
      );
    }
    case "rule": {
      const rule = ruleNamedAt(workspace, definition.span.file, definition.span.start);
      return rule === undefined ? null : aboutRule(workspace, rule, around);
    }
    case "detector":
      return [fence(source), used].join("\n\n");
    case "variable":
      return `Stands for each element in turn. ${used}`;
  }
}

function itemAt(workspace: Workspace, { file, start }: Span): Item | undefined {
  return workspace.trees.get(file)?.items.find(({ span }) => span.start <= start && start <= span.end);
}

function aboutRule(workspace: Workspace, rule: CheckedRule, around: Surroundings): string {
  const steps = around.stepsOf(rule);
  const tests = testsOf(workspace, rule.name).length;
  const lines = [fence(`${rule.effect} ${rule.name}`), effectInWords(rule)];
  if (rule.mask !== null && rule.mask.columns.length > 0) {
    const columns = rule.mask.columns.map(showPattern);
    const more = columns.length > COLUMNS_SHOWN ? `\n- and ${columns.length - COLUMNS_SHOWN} more` : "";
    lines.push(
      `${columns
        .slice(0, COLUMNS_SHOWN)
        .map((one) => `- \`${one}\``)
        .join("\n")}${more}`,
    );
  }
  if (rule.because !== null) lines.push(`> ${rule.because.replaceAll("\n", " ")}`);
  if (steps !== null)
    lines.push(
      steps === 0
        ? "Always applies: its condition costs nothing."
        : `Its condition takes at most ${plural(steps, "step")}.`,
    );
  lines.push(
    tests === 0
      ? "No test expects anything of it."
      : `${plural(tests, "test")} ${tests === 1 ? "expects" : "expect"} it.`,
  );
  return lines.join("\n\n");
}
