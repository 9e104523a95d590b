import type * as Code from "vscode";
import { Convert, wirePosition, wireRange, type Api } from "./convert.ts";
import type {
  WireCommand,
  WireCompletion,
  WireDiagnostic,
  WireEdit,
  WireLocation,
  WireRange,
  WireSelection,
  WireSymbol,
  WireWorkspaceEdit,
} from "./wire.ts";

/** Asks the server; null when it does not run, or has no answer. What it refuses is thrown. */
export type Ask = <T>(method: string, params: object, token?: Code.CancellationToken) => Promise<T | null>;

export interface Legend {
  readonly tokenTypes: string[];
  readonly tokenModifiers: string[];
}

const POLICY = "policy";

/** Registers everything that the editor may ask of policies. */
export function registerFeatures(
  api: Api,
  ask: Ask,
  legend: Legend,
  triggers: readonly string[],
  lensesChanged: Code.EventEmitter<void>,
): Code.Disposable[] {
  const { languages } = api;
  const to = new Convert(api);
  const of = (document: Code.TextDocument) => ({ textDocument: { uri: document.uri.toString() } });
  const at = (document: Code.TextDocument, position: Code.Position) => ({
    ...of(document),
    position: wirePosition(position),
  });
  const locations = (found: readonly WireLocation[] | null) => (found ?? []).map((one) => to.location(one));
  return [
    languages.registerCompletionItemProvider(
      POLICY,
      {
        async provideCompletionItems(document, position, token) {
          const params = at(document, position);
          const found = await ask<{ items: WireCompletion[] }>("textDocument/completion", params, token);
          return (found?.items ?? []).map((one) => to.completion(one));
        },
      },
      ...triggers,
    ),
    languages.registerHoverProvider(POLICY, {
      async provideHover(document, position, token) {
        const params = at(document, position);
        const found = await ask<{ contents: { value: string }; range: WireRange }>("textDocument/hover", params, token);
        return found === null
          ? null
          : new api.Hover(new api.MarkdownString(found.contents.value), to.range(found.range));
      },
    }),
    languages.registerDefinitionProvider(POLICY, {
      async provideDefinition(document, position, token) {
        return locations(await ask<WireLocation[]>("textDocument/definition", at(document, position), token));
      },
    }),
    languages.registerReferenceProvider(POLICY, {
      async provideReferences(document, position, context, token) {
        const params = { ...at(document, position), context };
        return locations(await ask<WireLocation[]>("textDocument/references", params, token));
      },
    }),
    languages.registerDocumentHighlightProvider(POLICY, {
      async provideDocumentHighlights(document, position, token) {
        const params = at(document, position);
        const found = await ask<{ range: WireRange }[]>("textDocument/documentHighlight", params, token);
        return (found ?? []).map(({ range }) => new api.DocumentHighlight(to.range(range)));
      },
    }),
    languages.registerRenameProvider(POLICY, {
      async provideRenameEdits(document, position, newName, token) {
        const params = { ...at(document, position), newName };
        const found = await ask<WireWorkspaceEdit>("textDocument/rename", params, token);
        return found === null ? null : to.workspaceEdit(found);
      },
      async prepareRename(document, position, token) {
        const params = at(document, position);
        const found = await ask<{ range: WireRange; placeholder: string }>("textDocument/prepareRename", params, token);
        if (found === null) throw new Error("Nothing that has a name of its own stands here.");
        return { range: to.range(found.range), placeholder: found.placeholder };
      },
    }),
    languages.registerDocumentFormattingEditProvider(POLICY, {
      async provideDocumentFormattingEdits(document, _options, token) {
        const params = { ...of(document), options: { tabSize: 2, insertSpaces: true } };
        const found = await ask<WireEdit[]>("textDocument/formatting", params, token);
        return (found ?? []).map(({ range, newText }) => new api.TextEdit(to.range(range), newText));
      },
    }),
    languages.registerCodeActionsProvider(
      POLICY,
      {
        async provideCodeActions(document, range, _context, token) {
          const params = { ...of(document), range: wireRange(range), context: { diagnostics: [] } };
          const found = await ask<
            { title: string; isPreferred: boolean; edit: WireWorkspaceEdit; diagnostics: WireDiagnostic[] }[]
          >("textDocument/codeAction", params, token);
          return (found ?? []).map((one) => {
            const action = new api.CodeAction(one.title, api.CodeActionKind.QuickFix);
            action.edit = to.workspaceEdit(one.edit);
            action.isPreferred = one.isPreferred;
            action.diagnostics = one.diagnostics.map((diagnostic) => to.diagnostic(diagnostic));
            return action;
          });
        },
      },
      { providedCodeActionKinds: [api.CodeActionKind.QuickFix] },
    ),
    languages.registerCodeLensProvider(POLICY, {
      onDidChangeCodeLenses: lensesChanged.event,
      async provideCodeLenses(document, token) {
        const params = of(document);
        const found = await ask<{ range: WireRange; command: WireCommand }[]>("textDocument/codeLens", params, token);
        return (found ?? []).map(({ range, command }) => new api.CodeLens(to.range(range), command));
      },
    }),
    languages.registerDocumentSymbolProvider(POLICY, {
      async provideDocumentSymbols(document, token) {
        const found = await ask<WireSymbol[]>("textDocument/documentSymbol", of(document), token);
        return (found ?? []).map(
          (one) =>
            // Kinds of the protocol begin with 1, those of the editor with 0.
            new api.DocumentSymbol(
              one.name,
              one.detail,
              one.kind - 1,
              to.range(one.range),
              to.range(one.selectionRange),
            ),
        );
      },
    }),
    languages.registerWorkspaceSymbolProvider({
      async provideWorkspaceSymbols(query, token) {
        const found = await ask<{ name: string; kind: number; containerName: string; location: WireLocation }[]>(
          "workspace/symbol",
          { query },
          token,
        );
        return (found ?? []).map(
          (one) => new api.SymbolInformation(one.name, one.kind - 1, one.containerName, to.location(one.location)),
        );
      },
    }),
    languages.registerFoldingRangeProvider(POLICY, {
      async provideFoldingRanges(document, _context, token) {
        const found = await ask<{ startLine: number; endLine: number; kind?: string }[]>(
          "textDocument/foldingRange",
          of(document),
          token,
        );
        return (found ?? []).map(({ startLine, endLine, kind }) =>
          // 1 is the editor's kind for comments.
          kind === "comment" ? new api.FoldingRange(startLine, endLine, 1) : new api.FoldingRange(startLine, endLine),
        );
      },
    }),
    languages.registerSelectionRangeProvider(POLICY, {
      async provideSelectionRanges(document, positions, token) {
        const params = { ...of(document), positions: positions.map(wirePosition) };
        const found = await ask<WireSelection[]>("textDocument/selectionRange", params, token);
        return (found ?? []).map((one) => to.selection(one));
      },
    }),
    languages.registerDocumentSemanticTokensProvider(
      POLICY,
      {
        async provideDocumentSemanticTokens(document, token) {
          const found = await ask<{ data: number[] }>("textDocument/semanticTokens/full", of(document), token);
          return found === null ? null : new api.SemanticTokens(new Uint32Array(found.data));
        },
      },
      new api.SemanticTokensLegend([...legend.tokenTypes], [...legend.tokenModifiers]),
    ),
  ];
}
