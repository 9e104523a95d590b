/** What the client uses of VS Code's interface, and no more: the whole of it is large and comes with the editor. */
declare module "vscode" {
  export interface Disposable {
    dispose(): unknown;
  }
  export class Position {
    constructor(line: number, character: number);
    readonly line: number;
    readonly character: number;
  }
  export class Range {
    constructor(startLine: number, startCharacter: number, endLine: number, endCharacter: number);
    readonly start: Position;
    readonly end: Position;
  }
  export class Uri {
    static parse(value: string, strict?: boolean): Uri;
    toString(): string;
    readonly fsPath: string;
    readonly scheme: string;
  }
  export class Location {
    constructor(uri: Uri, range: Range);
  }
  export class MarkdownString {
    constructor(value: string);
  }
  export class SnippetString {
    constructor(value: string);
  }
  export class Diagnostic {
    constructor(range: Range, message: string, severity: number);
    code?: string | { readonly value: string; readonly target: Uri };
    source?: string;
    tags?: number[];
    relatedInformation?: DiagnosticRelatedInformation[];
  }
  export class DiagnosticRelatedInformation {
    constructor(location: Location, message: string);
  }
  export class CompletionItem {
    constructor(label: string, kind?: number);
    detail?: string;
    documentation?: MarkdownString;
    sortText?: string;
    filterText?: string;
    insertText?: string | SnippetString;
    range?: Range;
  }
  export class Hover {
    constructor(contents: MarkdownString, range?: Range);
  }
  export class DocumentHighlight {
    constructor(range: Range);
  }
  export class TextEdit {
    constructor(range: Range, newText: string);
  }
  export class WorkspaceEdit {
    replace(uri: Uri, range: Range, newText: string): void;
  }
  export class CodeActionKind {
    static readonly QuickFix: CodeActionKind;
    readonly value: string;
  }
  export class CodeAction {
    constructor(title: string, kind: CodeActionKind);
    edit?: WorkspaceEdit;
    isPreferred?: boolean;
    diagnostics?: Diagnostic[];
  }
  export interface Command {
    title: string;
    command: string;
    arguments?: unknown[];
  }
  export class CodeLens {
    constructor(range: Range, command: Command);
  }
  export class DocumentSymbol {
    constructor(name: string, detail: string, kind: number, range: Range, selectionRange: Range);
  }
  export class SymbolInformation {
    constructor(name: string, kind: number, containerName: string, location: Location);
  }
  export class FoldingRange {
    constructor(start: number, end: number, kind?: number);
  }
  export class SelectionRange {
    constructor(range: Range, parent?: SelectionRange);
  }
  export class SemanticTokens {
    constructor(data: Uint32Array);
  }
  export class SemanticTokensLegend {
    constructor(tokenTypes: string[], tokenModifiers: string[]);
  }
  export class EventEmitter<T> {
    readonly event: (listener: (value: T) => unknown) => Disposable;
    fire(value: T): void;
    dispose(): void;
  }
  export class RelativePattern {
    constructor(base: WorkspaceFolder, pattern: string);
  }

  export interface TextDocument {
    readonly uri: Uri;
    readonly languageId: string;
    readonly version: number;
    getText(): string;
  }
  export interface TextDocumentChangeEvent {
    readonly document: TextDocument;
    readonly contentChanges: readonly { readonly range: Range; readonly text: string }[];
  }
  export interface WorkspaceFolder {
    readonly uri: Uri;
    readonly name: string;
  }
  export interface CancellationToken {
    readonly isCancellationRequested: boolean;
    readonly onCancellationRequested: (listener: () => unknown) => Disposable;
  }
  export interface OutputChannel extends Disposable {
    append(text: string): void;
    appendLine(text: string): void;
    show(): void;
  }
  export interface DiagnosticCollection extends Disposable {
    set(uri: Uri, diagnostics: Diagnostic[]): void;
    clear(): void;
  }
  export interface ExtensionContext {
    readonly subscriptions: Disposable[];
  }
  type Listen<T> = (listener: (value: T) => unknown) => Disposable;
  type Asked<A extends unknown[]> = (document: TextDocument, ...rest: A) => unknown;

  export namespace workspace {
    const isTrusted: boolean;
    const onDidGrantWorkspaceTrust: Listen<void>;
    const workspaceFolders: readonly WorkspaceFolder[] | undefined;
    const textDocuments: readonly TextDocument[];
    const onDidOpenTextDocument: Listen<TextDocument>;
    const onDidCloseTextDocument: Listen<TextDocument>;
    const onDidChangeTextDocument: Listen<TextDocumentChangeEvent>;
    const onDidChangeWorkspaceFolders: Listen<{
      readonly added: readonly WorkspaceFolder[];
      readonly removed: readonly WorkspaceFolder[];
    }>;
    const onDidChangeConfiguration: Listen<{ affectsConfiguration(section: string): boolean }>;
    function getConfiguration(section: string): { get<T>(key: string, fallback: T): T };
    function createFileSystemWatcher(pattern: string): Disposable & {
      readonly onDidCreate: Listen<Uri>;
      readonly onDidChange: Listen<Uri>;
      readonly onDidDelete: Listen<Uri>;
    };
  }
  export namespace window {
    function createOutputChannel(name: string): OutputChannel;
    function showErrorMessage(message: string, ...items: string[]): PromiseLike<string | undefined>;
    function showInformationMessage(message: string): PromiseLike<string | undefined>;
  }
  export namespace commands {
    function registerCommand(command: string, run: (...args: never[]) => unknown): Disposable;
  }
  export namespace languages {
    function createDiagnosticCollection(name: string): DiagnosticCollection;
    function registerCompletionItemProvider(
      selector: string,
      provider: { provideCompletionItems: Asked<[Position, CancellationToken]> },
      ...triggers: string[]
    ): Disposable;
    function registerHoverProvider(
      selector: string,
      provider: { provideHover: Asked<[Position, CancellationToken]> },
    ): Disposable;
    function registerDefinitionProvider(
      selector: string,
      provider: { provideDefinition: Asked<[Position, CancellationToken]> },
    ): Disposable;
    function registerReferenceProvider(
      selector: string,
      provider: { provideReferences: Asked<[Position, { includeDeclaration: boolean }, CancellationToken]> },
    ): Disposable;
    function registerDocumentHighlightProvider(
      selector: string,
      provider: { provideDocumentHighlights: Asked<[Position, CancellationToken]> },
    ): Disposable;
    function registerRenameProvider(
      selector: string,
      provider: {
        provideRenameEdits: Asked<[Position, string, CancellationToken]>;
        prepareRename: Asked<[Position, CancellationToken]>;
      },
    ): Disposable;
    function registerDocumentFormattingEditProvider(
      selector: string,
      provider: { provideDocumentFormattingEdits: Asked<[unknown, CancellationToken]> },
    ): Disposable;
    function registerCodeActionsProvider(
      selector: string,
      provider: { provideCodeActions: Asked<[Range, unknown, CancellationToken]> },
      metadata: { providedCodeActionKinds: CodeActionKind[] },
    ): Disposable;
    function registerCodeLensProvider(
      selector: string,
      provider: { onDidChangeCodeLenses: Listen<void>; provideCodeLenses: Asked<[CancellationToken]> },
    ): Disposable;
    function registerDocumentSymbolProvider(
      selector: string,
      provider: { provideDocumentSymbols: Asked<[CancellationToken]> },
    ): Disposable;
    function registerWorkspaceSymbolProvider(provider: {
      provideWorkspaceSymbols(query: string, token: CancellationToken): unknown;
    }): Disposable;
    function registerFoldingRangeProvider(
      selector: string,
      provider: { provideFoldingRanges: Asked<[unknown, CancellationToken]> },
    ): Disposable;
    function registerSelectionRangeProvider(
      selector: string,
      provider: { provideSelectionRanges: Asked<[readonly Position[], CancellationToken]> },
    ): Disposable;
    function registerDocumentSemanticTokensProvider(
      selector: string,
      provider: { provideDocumentSemanticTokens: Asked<[CancellationToken]> },
      legend: SemanticTokensLegend,
    ): Disposable;
  }
}
