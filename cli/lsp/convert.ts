import {
  CompletionItemKind,
  DiagnosticSeverity,
  DiagnosticTag,
  InsertTextFormat,
  MarkupKind,
  SymbolKind,
  type CompletionItem,
  type Diagnostic as WireDiagnostic,
  type DocumentSymbol as WireSymbol,
  type Location,
  type SelectionRange,
  type TextEdit,
  type WorkspaceEdit,
} from "vscode-languageserver/node";
import {
  SEMANTIC_KINDS,
  semanticTokensOf,
  symbolsOf,
  type Completion,
  type CompletionKind,
  type Completions,
  type DocumentSymbol,
  type Edit,
  type Workspace,
} from "../../lang/editor/index.ts";
import { helpUri, type Diagnostic, type SourceFile, type Span } from "../../lang/index.ts";
import { COMPLETIONS_MAX } from "./limits.ts";
import { linesOf, rangeOf, type Project } from "./projects.ts";
import type { TestOutcome } from "./tests.ts";

/** Codes of what is there for nothing: editors show it faded. */
const UNNECESSARY = new Set(["unused-let", "unused-columns", "unused-detector", "unused-import", "exists-always"]);

export function toDiagnostic(project: Project, file: SourceFile, found: Diagnostic): WireDiagnostic {
  const { files } = project.workspace;
  return {
    range: rangeOf(file, found.span),
    severity: found.severity === "error" ? DiagnosticSeverity.Error : DiagnosticSeverity.Warning,
    code: found.code,
    codeDescription: { href: helpUri(found) },
    source: found.code.startsWith("L") ? "policyc lint" : "policyc",
    message: found.hint === undefined ? found.message : `${found.message}\n${found.hint}`,
    ...(UNNECESSARY.has(found.name) ? { tags: [DiagnosticTag.Unnecessary] } : {}),
    relatedInformation: found.related.flatMap(({ span, label }) => {
      const other = files.get(span.file);
      return other === undefined ? [] : [{ location: toLocation(project, span), message: label }];
    }),
  };
}

/** What failed of a test that was run, at the expectation that was not met. */
export function toTestDiagnostics(file: SourceFile, outcome: TestOutcome): readonly WireDiagnostic[] {
  return outcome.failures
    .filter(({ span }) => span.file === file.path)
    .map(({ span, why, text }) => ({
      range: rangeOf(file, span),
      severity: DiagnosticSeverity.Error,
      source: "policyc test",
      message: text === null ? why : `${why}\nfor ${text}`,
    }));
}

export function toLocation(project: Project, span: Span): Location {
  const file = project.workspace.files.get(span.file) ?? { path: span.file, text: "" };
  return { uri: project.uriOf(span.file), range: rangeOf(file, span) };
}

export function toTextEdit(file: SourceFile, { span, text }: Edit): TextEdit {
  return { range: rangeOf(file, span), newText: text };
}

/** Edits of several files, for the versions of the documents that they were made for. */
export function toWorkspaceEdit(project: Project, edits: readonly Edit[], versioned: boolean): WorkspaceEdit {
  const { files } = project.workspace;
  const byFile = [...new Set(edits.map((one) => one.span.file))].flatMap((path) => {
    const file = files.get(path);
    if (file === undefined) return [];
    const own = edits.filter((one) => one.span.file === path).map((one) => toTextEdit(file, one));
    return [{ path, uri: project.uriOf(path), edits: own }];
  });
  if (!versioned) return { changes: Object.fromEntries(byFile.map((one) => [one.uri, one.edits])) };
  return {
    documentChanges: byFile.map((one) => ({
      textDocument: { uri: one.uri, version: project.versionOf(one.path) ?? null },
      edits: one.edits,
    })),
  };
}

const COMPLETION_KINDS: Readonly<Record<CompletionKind, CompletionItemKind>> = {
  keyword: CompletionItemKind.Keyword,
  fact: CompletionItemKind.Property,
  value: CompletionItemKind.EnumMember,
  let: CompletionItemKind.Variable,
  columns: CompletionItemKind.Class,
  rule: CompletionItemKind.Function,
  scope: CompletionItemKind.Module,
  mask: CompletionItemKind.Method,
  column: CompletionItemKind.Field,
  text: CompletionItemKind.Text,
  snippet: CompletionItemKind.Snippet,
  variable: CompletionItemKind.Variable,
  field: CompletionItemKind.Field,
  annotation: CompletionItemKind.Interface,
  detector: CompletionItemKind.Constant,
  package: CompletionItemKind.Module,
  file: CompletionItemKind.File,
};

/** Snippets with their places taken out, for an editor that has none. */
const withoutPlaces = (text: string): string =>
  text.replaceAll(/\$\{\d+:([^}]*)\}|\$\{\d+\}|\$\d+/g, (_, inner: string | undefined) => inner ?? "");

export function toCompletionItems(file: SourceFile, found: Completions, snippets: boolean): CompletionItem[] {
  const range = rangeOf(file, found);
  return found.items.slice(0, COMPLETIONS_MAX).map((one: Completion, i) => {
    const text = one.insert ?? one.label;
    const isSnippet = one.snippet === true && snippets;
    return {
      label: one.label,
      kind: COMPLETION_KINDS[one.kind],
      sortText: `${one.rank ?? 1}${String(i).padStart(4, "0")}`,
      filterText: one.label,
      textEdit: { range, newText: isSnippet || one.snippet !== true ? text : withoutPlaces(text) },
      insertTextFormat: isSnippet ? InsertTextFormat.Snippet : InsertTextFormat.PlainText,
      ...(one.detail === undefined ? {} : { detail: one.detail }),
      ...(one.doc === undefined ? {} : { documentation: { kind: MarkupKind.Markdown, value: one.doc } }),
    };
  });
}

const SYMBOL_KINDS: Readonly<Record<DocumentSymbol["kind"], SymbolKind>> = {
  package: SymbolKind.Package,
  let: SymbolKind.Variable,
  import: SymbolKind.Module,
  columns: SymbolKind.Class,
  detector: SymbolKind.Constant,
  never: SymbolKind.Event,
  rule: SymbolKind.Function,
  test: SymbolKind.Method,
};

export function toSymbols(workspace: Workspace, file: SourceFile): WireSymbol[] {
  const tree = workspace.trees.get(file.path);
  return (tree === undefined ? [] : symbolsOf(tree)).map((one) => ({
    name: one.name,
    detail: one.detail,
    kind: SYMBOL_KINDS[one.kind],
    range: rangeOf(file, one.span),
    selectionRange: rangeOf(file, one.nameSpan),
  }));
}

/** Chain of ever larger ranges; the file itself where nothing else is. */
export function toSelection(file: SourceFile, spans: readonly Span[]): SelectionRange {
  const whole: SelectionRange = { range: rangeOf(file, { start: 0, end: file.text.length }) };
  return spans.reduceRight<SelectionRange>((parent, span) => ({ range: rangeOf(file, span), parent }), whole);
}

const KIND_NUMBERS = new Map(SEMANTIC_KINDS.map((kind, i) => [kind, i]));

/** Tokens as five numbers each, counted from the one before: LSP 3.17, "Semantic Tokens". */
export function toSemanticData(workspace: Workspace, file: SourceFile, from: number, to: number): number[] {
  const text = linesOf(file);
  const data: number[] = [];
  let line = 0;
  let character = 0;
  for (const token of semanticTokensOf(workspace, file.path)) {
    if (token.end <= from || token.start >= to) continue;
    const at = text.positionAt(token.start);
    data.push(
      at.line - line,
      at.line === line ? at.character - character : at.character,
      token.end - token.start,
      KIND_NUMBERS.get(token.kind)!,
      token.declaration ? 1 : 0,
    );
    line = at.line;
    character = at.character;
  }
  return data;
}
