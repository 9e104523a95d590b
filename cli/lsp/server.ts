import { resolve, dirname } from "node:path";
import { pathToFileURL } from "node:url";
import {
  CodeActionKind,
  CodeLensRefreshRequest,
  DidChangeWatchedFilesNotification,
  FoldingRangeKind,
  LSPErrorCodes,
  MarkupKind,
  ResponseError,
  TextDocumentSyncKind,
  type ClientCapabilities,
  type CodeAction,
  type CodeLens,
  type Connection,
  type InitializeParams,
  type InitializeResult,
  type Position,
} from "vscode-languageserver/node";
import { TextDocument } from "vscode-languageserver-textdocument";
import { formatText, type SourceFile } from "../../lang/index.ts";
import {
  SEMANTIC_KINDS,
  SEMANTIC_MODIFIERS,
  completionsAt,
  definitionsAt,
  diagnosticsOf,
  fixesFor,
  foldsOf,
  hoverAt,
  minimalEdit,
  referencesAt,
  renameAt,
  renameableAt,
  schemaAt,
  selectionsAt,
  testsIn,
  type Workspace,
} from "../../lang/editor/index.ts";
import type { Io } from "../io.ts";
import { VERSION } from "../version.ts";
import {
  toCompletionItems,
  toDiagnostic,
  toLocation,
  toSelection,
  toSemanticData,
  toSymbols,
  toTextEdit,
  toWorkspaceEdit,
} from "./convert.ts";
import { Diagnoses } from "./diagnose.ts";
import { linesOf, Projects, rangeOf, type Project } from "./projects.ts";
import { WhenQuiet } from "./quiet.ts";
import { Schemas } from "./schemas.ts";
import { Outcomes, runTest, type TestOutcome } from "./tests.ts";

export const RUN_TEST = "sallyport.policy.runTest";

/** A document of a request as it is now, with everything around it. */
interface Here {
  readonly project: Project;
  readonly path: string;
  readonly file: SourceFile;
  readonly workspace: Workspace;
  readonly offset: number;
}

/**
 * Answers an editor over a connection. Every answer is made from the texts as they are when the request is taken in, which is
 * after all changes that were sent before it.
 */
export class PolicyServer {
  readonly #connection: Connection;
  readonly #io: Io;
  readonly #projects = new Projects();
  readonly #schemas = new Schemas();
  readonly #outcomes = new Outcomes();
  readonly #diagnoses: Diagnoses;
  readonly #quiet: WhenQuiet;
  #client: ClientCapabilities = {};

  constructor(connection: Connection, io: Io) {
    this.#connection = connection;
    this.#io = io;
    this.#diagnoses = new Diagnoses(
      this.#projects,
      this.#outcomes,
      (params) => void connection.sendDiagnostics(params),
      (why) =>
        void connection.window.showWarningMessage(`${why}; the linter goes by its own levels until it is mended`),
    );
    this.#quiet = new WhenQuiet(() => {
      try {
        this.#diagnoses.tell();
      } catch (fault) {
        // A fault of ours in one text must not end the editor's session: it is told, and the next text is read anew.
        connection.console.error(
          `policyc lsp: ${fault instanceof Error ? (fault.stack ?? fault.message) : String(fault)}`,
        );
      }
    });
    this.#life();
    this.#documents();
    this.#words();
    this.#changes();
    this.#shape();
    this.#tests();
  }

  // ---- life --------------------------------------------------------------------------------------------------------

  #life(): void {
    this.#connection.onInitialize((params) => this.#initialize(params));
    this.#connection.onInitialized(async () => {
      // Before anything is waited for: the next message may already say that a folder was opened.
      if (this.#client.workspace?.workspaceFolders === true) {
        this.#connection.workspace.onDidChangeWorkspaceFolders(({ added, removed }) => {
          for (const folder of removed) this.#projects.removeFolder(folder.uri);
          for (const folder of added) this.#projects.addFolder(folder.uri);
          this.#quiet.changed();
        });
      }
      if (this.#client.workspace?.didChangeWatchedFiles?.dynamicRegistration === true) {
        // Folders too: one that is moved away takes its files with it.
        const watchers = ["**/*.policy", "**/*.sql", "**/{policyc,.policyc}.yaml", "**/"].map((globPattern) => ({
          globPattern,
        }));
        await this.#connection.client.register(DidChangeWatchedFilesNotification.type, { watchers });
      }
      this.#quiet.changed();
      await this.#schemas.load();
    });
    this.#connection.onDidChangeWatchedFiles(({ changes }) => {
      for (const { uri } of changes) this.#projects.touched(uri);
      this.#quiet.changed();
    });
    // Nothing needs to be put in order before the end.
    this.#connection.onShutdown(() => {});
  }

  #initialize(params: InitializeParams): InitializeResult {
    this.#client = params.capabilities;
    const old = params as { readonly rootUri?: string | null };
    const folders = params.workspaceFolders ?? (old.rootUri == null ? [] : [{ uri: old.rootUri }]);
    for (const folder of folders) this.#projects.addFolder(folder.uri);
    return {
      serverInfo: { name: "policyc", version: VERSION },
      capabilities: {
        textDocumentSync: { openClose: true, change: TextDocumentSyncKind.Incremental },
        completionProvider: { triggerCharacters: [".", '"', "@", "[", "{", ":", " "] },
        hoverProvider: true,
        definitionProvider: true,
        referencesProvider: true,
        documentHighlightProvider: true,
        renameProvider: { prepareProvider: true },
        documentFormattingProvider: true,
        codeActionProvider: { codeActionKinds: [CodeActionKind.QuickFix] },
        codeLensProvider: { resolveProvider: false },
        documentSymbolProvider: true,
        workspaceSymbolProvider: true,
        foldingRangeProvider: true,
        selectionRangeProvider: true,
        semanticTokensProvider: {
          legend: { tokenTypes: [...SEMANTIC_KINDS], tokenModifiers: [...SEMANTIC_MODIFIERS] },
          full: true,
          range: true,
        },
        executeCommandProvider: { commands: [RUN_TEST] },
        workspace: { workspaceFolders: { supported: true, changeNotifications: true } },
      },
    };
  }

  // ---- documents ---------------------------------------------------------------------------------------------------

  #documents(): void {
    this.#connection.onDidOpenTextDocument(({ textDocument: { uri, languageId, version, text } }) => {
      this.#projects.opened(TextDocument.create(uri, languageId, version, text));
      this.#quiet.changed();
    });
    this.#connection.onDidChangeTextDocument(({ textDocument: { uri, version }, contentChanges }) => {
      const document = this.#projects.openText(uri);
      if (document === undefined) return;
      this.#projects.changed(TextDocument.update(document, contentChanges, version));
      this.#quiet.changed();
    });
    this.#connection.onDidCloseTextDocument(({ textDocument: { uri } }) => {
      this.#projects.closed(uri);
      this.#quiet.changed();
    });
  }

  #here(uri: string, position?: Position): Here | null {
    const found = this.#projects.find(uri);
    if (found === undefined) return null;
    const offset = position === undefined ? 0 : linesOf(found.file).offsetAt(position);
    return { ...found, workspace: found.project.workspace, offset };
  }

  // ---- about a word ------------------------------------------------------------------------------------------------

  #words(): void {
    const connection = this.#connection;
    connection.onCompletion(({ textDocument, position }) => {
      const here = this.#here(textDocument.uri, position);
      if (here === null) return null;
      const around = this.#schemas.surroundings(here.project, here.path);
      const found = completionsAt(here.workspace, here.path, here.offset, around);
      const snippets = this.#client.textDocument?.completion?.completionItem?.snippetSupport === true;
      return { isIncomplete: false, items: toCompletionItems(here.file, found, snippets) };
    });
    connection.onHover(({ textDocument, position }) => {
      const here = this.#here(textDocument.uri, position);
      if (here === null) return null;
      const around = this.#schemas.surroundings(here.project, here.path);
      const found = hoverAt(here.workspace, here.path, here.offset, around);
      return found === null
        ? null
        : { contents: { kind: MarkupKind.Markdown, value: found.text }, range: rangeOf(here.file, found.span) };
    });
    connection.onDefinition(({ textDocument, position }) => {
      const here = this.#here(textDocument.uri, position);
      if (here === null) return null;
      const schema = schemaAt(here.workspace, here.path, here.offset);
      if (schema !== null) {
        const path = resolve(here.project.root, dirname(here.path), schema.path);
        const start = { line: 0, character: 0 };
        return [{ uri: pathToFileURL(path).href, range: { start, end: start } }];
      }
      return definitionsAt(here.workspace, here.path, here.offset).map((span) => toLocation(here.project, span));
    });
    connection.onReferences(({ textDocument, position, context }) => {
      const here = this.#here(textDocument.uri, position);
      if (here === null) return null;
      return referencesAt(here.workspace, here.path, here.offset, context.includeDeclaration).map((span) =>
        toLocation(here.project, span),
      );
    });
    connection.onDocumentHighlight(({ textDocument, position }) => {
      const here = this.#here(textDocument.uri, position);
      if (here === null) return null;
      return referencesAt(here.workspace, here.path, here.offset, true)
        .filter((span) => span.file === here.path)
        .map((span) => ({ range: rangeOf(here.file, span) }));
    });
  }

  // ---- what changes a file -----------------------------------------------------------------------------------------

  #changes(): void {
    const connection = this.#connection;
    const versioned = (): boolean => this.#client.workspace?.workspaceEdit?.documentChanges === true;
    connection.onPrepareRename(({ textDocument, position }) => {
      const here = this.#here(textDocument.uri, position);
      const found = here === null ? null : renameableAt(here.workspace, here.path, here.offset);
      return here === null || found === null
        ? null
        : { range: rangeOf(here.file, found.span), placeholder: found.name };
    });
    connection.onRenameRequest(({ textDocument, position, newName }) => {
      const here = this.#here(textDocument.uri, position);
      if (here === null) return null;
      const found = renameAt(here.workspace, here.path, here.offset, newName);
      if (!found.ok) return new ResponseError(LSPErrorCodes.RequestFailed, found.error);
      return toWorkspaceEdit(here.project, found.value, versioned());
    });
    connection.onDocumentFormatting(({ textDocument }) => {
      const here = this.#here(textDocument.uri);
      if (here === null) return null;
      const { text } = formatText(here.file);
      const edit = minimalEdit(here.file, text);
      return edit === null ? [] : [toTextEdit(here.file, edit)];
    });
    connection.onCodeAction(({ textDocument, range, context }) => {
      const here = this.#here(textDocument.uri);
      if (here === null || (context.only !== undefined && !context.only.some(isQuickFix))) return [];
      const lines = linesOf(here.file);
      const [start, end] = [lines.offsetAt(range.start), lines.offsetAt(range.end)];
      return diagnosticsOf(here.workspace)
        .filter(({ span }) => span.file === here.path && span.start <= end && start <= span.end)
        .flatMap((diagnostic) =>
          fixesFor(here.workspace, diagnostic).map((fix): CodeAction => ({
            title: fix.title,
            kind: CodeActionKind.QuickFix,
            isPreferred: fix.preferred,
            diagnostics: [toDiagnostic(here.project, here.file, diagnostic)],
            edit: toWorkspaceEdit(here.project, fix.edits, versioned()),
          })),
        );
    });
  }

  // ---- the shape of a file -----------------------------------------------------------------------------------------

  #shape(): void {
    const connection = this.#connection;
    connection.onDocumentSymbol(({ textDocument }) => {
      const here = this.#here(textDocument.uri);
      return here === null ? null : toSymbols(here.workspace, here.file);
    });
    connection.onWorkspaceSymbol(({ query }) => {
      const wanted = query.toLowerCase();
      return this.#projects.all.flatMap((project) =>
        [...project.workspace.files.values()].flatMap((file) =>
          toSymbols(project.workspace, file)
            .filter((one) => one.name.toLowerCase().includes(wanted))
            .map((one) => ({
              name: one.name,
              kind: one.kind,
              containerName: file.path,
              location: { uri: project.uriOf(file.path), range: one.selectionRange },
            })),
        ),
      );
    });
    connection.onFoldingRanges(({ textDocument }) => {
      const here = this.#here(textDocument.uri);
      const tree = here?.workspace.trees.get(here.path);
      if (here === null || tree === undefined) return null;
      return foldsOf(tree, here.file.text).map(({ startLine, endLine, kind }) => ({
        startLine,
        endLine,
        ...(kind === "comment" ? { kind: FoldingRangeKind.Comment } : {}),
      }));
    });
    connection.onSelectionRanges(({ textDocument, positions }) => {
      const here = this.#here(textDocument.uri);
      const tree = here?.workspace.trees.get(here.path);
      if (here === null || tree === undefined) return null;
      const lines = linesOf(here.file);
      return positions.map((position) => toSelection(here.file, selectionsAt(tree, lines.offsetAt(position))));
    });
    connection.languages.semanticTokens.on(({ textDocument }) => {
      const here = this.#here(textDocument.uri);
      if (here === null) return { data: [] };
      return { data: toSemanticData(here.workspace, here.file, 0, here.file.text.length) };
    });
    connection.languages.semanticTokens.onRange(({ textDocument, range }) => {
      const here = this.#here(textDocument.uri);
      if (here === null) return { data: [] };
      const lines = linesOf(here.file);
      const [from, to] = [lines.offsetAt(range.start), lines.offsetAt(range.end)];
      return { data: toSemanticData(here.workspace, here.file, from, to) };
    });
  }

  // ---- tests -------------------------------------------------------------------------------------------------------

  #tests(): void {
    const connection = this.#connection;
    connection.onCodeLens(({ textDocument }) => {
      const here = this.#here(textDocument.uri);
      const tree = here?.workspace.trees.get(here.path);
      if (here === null || tree === undefined) return [];
      return testsIn(tree).map(({ name, nameSpan }): CodeLens => ({
        range: rangeOf(here.file, nameSpan),
        command: {
          title: lensTitle(this.#outcomes.get(here.workspace, here.path, name)),
          command: RUN_TEST,
          arguments: [textDocument.uri, name],
        },
      }));
    });
    connection.onExecuteCommand(async ({ command, arguments: args }) => {
      const [uri, name] = (args ?? []) as readonly unknown[];
      if (command !== RUN_TEST) return new ResponseError(LSPErrorCodes.RequestFailed, `there is no command ${command}`);
      if (typeof uri !== "string" || typeof name !== "string")
        return new ResponseError(
          LSPErrorCodes.RequestFailed,
          `${RUN_TEST} takes the document's address and the test's name`,
        );
      const here = this.#here(uri);
      if (here === null)
        return new ResponseError(LSPErrorCodes.RequestFailed, `${uri} is not a policy file of this workspace`);
      const io: Io = { ...this.#io, cwd: here.project.root };
      const outcome = await runTest(here.workspace, here.path, name, io);
      if (typeof outcome === "string") return new ResponseError(LSPErrorCodes.RequestFailed, outcome);
      this.#outcomes.put(here.workspace, here.path, outcome);
      this.#quiet.changed();
      if (this.#client.workspace?.codeLens?.refreshSupport === true)
        await connection.sendRequest(CodeLensRefreshRequest.type);
      return {
        test: outcome.test,
        passed: outcome.passed,
        cases: outcome.cases,
        failures: outcome.failures.map(({ text, why }) => ({ text, why })),
      };
    });
  }
}

const isQuickFix = (kind: string): boolean => kind === "" || kind === CodeActionKind.QuickFix;

function lensTitle(outcome: TestOutcome | undefined): string {
  if (outcome === undefined) return "▶ Run test";
  if (outcome.passed) return outcome.cases === 1 ? "✓ Passed" : `✓ Passed, ${outcome.cases} cases`;
  const [first] = outcome.failures;
  const more = outcome.failures.length > 1 ? ` (and ${outcome.failures.length - 1} more)` : "";
  return `✗ ${first?.why ?? "Failed"}${more}`;
}
