import { fileURLToPath } from "node:url";
import type * as Code from "vscode";
import { afterAll, beforeAll, expect, it } from "vitest";
import { Folder } from "../../../test/support/language-client.ts";
import { PolicyClient } from "./client.ts";
import type { Api } from "./convert.ts";

const POLICYC = fileURLToPath(new URL("../../../cli/policyc.ts", import.meta.url));

interface Found {
  readonly message: string;
  readonly severity: number;
  readonly code?: { readonly value: string; readonly target: unknown };
}

/**
 * VS Code is no package and does not run here, so this stands for it: its plain classes, and a place where what the client
 * registers is kept. The server at the other end is the real one.
 */
class Editor {
  readonly providers = new Map<string, Record<string, (...args: unknown[]) => unknown>>();
  readonly commands = new Map<string, (...args: unknown[]) => unknown>();
  readonly listeners = new Map<string, (value: unknown) => unknown>();
  readonly diagnostics = new Map<string, readonly Found[]>();
  readonly output: string[] = [];
  readonly errors: string[] = [];
  readonly subscriptions: Code.Disposable[] = [];
  readonly documents: unknown[] = [];
  settings: Record<string, unknown> = {};
  lenses = 0;
  #waiting: (() => void)[] = [];
  readonly api: Api;

  constructor(root: Folder) {
    const disposable = { dispose: () => undefined };
    const keep =
      (name: string) =>
      (...args: unknown[]) => {
        const provider = args.find((one) => typeof one === "object" && one !== null);
        this.providers.set(name, provider as never);
        return { dispose: () => this.providers.delete(name) };
      };
    const listen = (name: string) => (listener: (value: unknown) => unknown) => {
      this.listeners.set(name, listener);
      return disposable;
    };
    const wake = (): void => {
      const waiting = this.#waiting;
      this.#waiting = [];
      for (const one of waiting) one();
    };
    const data = (...names: string[]) =>
      class {
        constructor(...values: unknown[]) {
          for (const [i, name] of names.entries()) Object.assign(this, { [name]: values[i] });
        }
      };
    const uri = (text: string) => {
      const scheme = new URL(text).protocol.slice(0, -1);
      return { toString: () => text, fsPath: scheme === "file" ? fileURLToPath(text) : text, scheme };
    };
    const registering = (kind: string) => [`register${kind}Provider`, keep(kind)] as const;
    const kinds =
      "CompletionItem Hover Definition Reference DocumentHighlight Rename DocumentFormattingEdit CodeActions";
    const more = "CodeLens DocumentSymbol WorkspaceSymbol FoldingRange SelectionRange DocumentSemanticTokens";
    const lenses = (): void => {
      this.lenses++;
      wake();
    };
    this.api = {
      Range: class {
        readonly start: unknown;
        readonly end: unknown;
        constructor(a: number, b: number, c: number, d: number) {
          this.start = { line: a, character: b };
          this.end = { line: c, character: d };
        }
      },
      Uri: { parse: uri },
      Location: data("uri", "range"),
      MarkdownString: data("value"),
      SnippetString: data("value"),
      Diagnostic: data("range", "message", "severity"),
      DiagnosticRelatedInformation: data("location", "message"),
      CompletionItem: data("label", "kind"),
      Hover: data("contents", "range"),
      DocumentHighlight: data("range"),
      TextEdit: data("range", "newText"),
      WorkspaceEdit: class {
        readonly edits: unknown[] = [];
        replace(at: unknown, range: unknown, text: unknown): void {
          this.edits.push([String(at), range, text]);
        }
      },
      CodeActionKind: { QuickFix: { value: "quickfix" } },
      CodeAction: data("title", "kind"),
      CodeLens: data("range", "command"),
      DocumentSymbol: data("name", "detail", "kind", "range", "selectionRange"),
      SymbolInformation: data("name", "kind", "containerName", "location"),
      FoldingRange: data("start", "end", "kind"),
      SelectionRange: data("range", "parent"),
      SemanticTokens: data("data"),
      SemanticTokensLegend: data("tokenTypes", "tokenModifiers"),
      EventEmitter: class {
        readonly event = () => disposable;
        fire = lenses;
        dispose(): void {}
      },
      workspace: {
        isTrusted: true,
        workspaceFolders: [{ uri: uri(root.uri()), name: "root" }],
        textDocuments: this.documents,
        getConfiguration: () => ({ get: (key: string, fallback: unknown) => this.settings[key] ?? fallback }),
        createFileSystemWatcher: () => ({
          ...disposable,
          onDidCreate: listen("created"),
          onDidChange: listen("changed"),
          onDidDelete: listen("deleted"),
        }),
        onDidGrantWorkspaceTrust: listen("trust"),
        onDidOpenTextDocument: listen("open"),
        onDidCloseTextDocument: listen("close"),
        onDidChangeTextDocument: listen("change"),
        onDidChangeWorkspaceFolders: listen("folders"),
        onDidChangeConfiguration: listen("configuration"),
      },
      window: {
        createOutputChannel: () => ({
          ...disposable,
          append: (text: string) => this.output.push(text),
          appendLine: (text: string) => {
            this.output.push(text);
            wake();
          },
          show: () => undefined,
        }),
        showErrorMessage: (message: string) => {
          this.errors.push(message);
          wake();
          return Promise.resolve(undefined);
        },
      },
      commands: {
        registerCommand: (name: string, run: (...args: unknown[]) => unknown) => {
          this.commands.set(name, run);
          return disposable;
        },
      },
      languages: {
        createDiagnosticCollection: () => ({
          ...disposable,
          clear: () => this.diagnostics.clear(),
          set: (at: unknown, found: []) => {
            this.diagnostics.set(String(at), found);
            wake();
          },
        }),
        ...Object.fromEntries(`${kinds} ${more}`.split(" ").map(registering)),
      },
    } as unknown as Api;
  }

  async until(holds: () => boolean): Promise<void> {
    while (!holds()) await new Promise<void>((wake) => this.#waiting.push(wake));
  }

  ask<T>(kind: string, method: string, ...args: unknown[]): Promise<T> {
    return Promise.resolve(this.providers.get(kind)![method]!(...args) as T);
  }
}

const TEXT = `allow reads on sql
  when statement.read_only and user.groups has "x"

test "reads" {
  user "ana" in "x"
  schema "s.sql"
  sql "select id from t"
  expect allow by reads
}
`;

let folder: Folder;
let editor: Editor;
let client: PolicyClient;
let document: { uri: unknown; languageId: string; version: number; getText: () => string };
const token = { isCancellationRequested: false, onCancellationRequested: () => ({ dispose: () => undefined }) };
const labels = (found: readonly { label: string }[]): readonly string[] => found.map((one) => one.label);

beforeAll(async () => {
  folder = new Folder({ "a.policy": TEXT, "s.sql": "create table t (id int);" });
  editor = new Editor(folder);
  editor.settings = { path: process.execPath, arguments: [POLICYC] };
  document = {
    uri: editor.api.Uri.parse(folder.uri("a.policy")),
    languageId: "policy",
    version: 1,
    getText: () => TEXT,
  };
  editor.documents.push(document);
  client = new PolicyClient(editor.api, { subscriptions: editor.subscriptions });
  await client.restart();
});
afterAll(async () => {
  await client.stop();
  expect(editor.providers.size).toBe(0);
  folder[Symbol.dispose]();
});

it("registers everything once the server answers", () => {
  expect(editor.errors).toEqual([]);
  expect(editor.providers.size).toBe(14);
});

it("brings completions, hovers and symbols to the editor", async () => {
  const at = { line: 1, character: 17 };
  const items = await editor.ask<{ label: string }[]>("CompletionItem", "provideCompletionItems", document, at, token);
  expect(labels(items)).toContain("read_only");
  const hover = await editor.ask<{ contents: { value: string } }>("Hover", "provideHover", document, at, token);
  expect(hover.contents.value).toContain("statement.read_only");
  const symbols = await editor.ask<{ name: string; kind: number }[]>(
    "DocumentSymbol",
    "provideDocumentSymbols",
    document,
    token,
  );
  // 11 and 5 are the editor's numbers for a function and a method.
  expect(symbols.map((one) => [one.name, one.kind])).toEqual([
    ["reads", 11],
    ["reads", 5],
  ]);
  const tokens = await editor.ask<{ data: Uint32Array }>(
    "DocumentSemanticTokens",
    "provideDocumentSemanticTokens",
    document,
    token,
  );
  expect(tokens.data.length).toBeGreaterThan(50);
});

it("renames, and says why it does not", async () => {
  const at = { line: 0, character: 7 };
  const edit = await editor.ask<{ edits: unknown[] }>("Rename", "provideRenameEdits", document, at, "all_read", token);
  expect(edit.edits).toHaveLength(2);
  await expect(editor.ask("Rename", "provideRenameEdits", document, at, "deny", token)).rejects.toThrow(
    "is a word of the language",
  );
  await expect(editor.ask("Rename", "prepareRename", document, { line: 0, character: 1 }, token)).rejects.toThrow(
    "Nothing that has a name",
  );
});

it("runs a test from its lens", async () => {
  const lenses = async () =>
    editor.ask<{ command: { title: string; command: string; arguments: unknown[] } }[]>(
      "CodeLens",
      "provideCodeLenses",
      document,
      token,
    );
  const [lens] = await lenses();
  expect(lens!.command.title).toBe("▶ Run test");
  await editor.commands.get(lens!.command.command)!(...lens!.command.arguments);
  expect(editor.output).toContain("✓ reads");
  expect((await lenses())[0]!.command.title).toBe("✓ Passed");
});

it("sends changes as they are made, and shows what is wrong", async () => {
  const range = { start: { line: 1, character: 17 }, end: { line: 1, character: 26 } };
  editor.listeners.get("change")!({ document: { ...document, version: 2 }, contentChanges: [{ range, text: "reed" }] });
  const found = () => editor.diagnostics.get(folder.uri("a.policy")) ?? [];
  const unknown = () => found().find((one) => one.code?.value === "P0020");
  await editor.until(() => unknown() !== undefined);
  expect(unknown()).toMatchObject({ severity: 0, source: "policyc" });
  expect(String(unknown()!.code!.target)).toMatch(/#p0020-/);
});

it("says when the server can't be started, and starts it again", async () => {
  editor.settings = { path: "policyc-that-is-not-there" };
  await client.restart();
  await editor.until(() => editor.errors.length > 0);
  expect(editor.errors[0]).toMatch(/policyc-that-is-not-there can't be started.*sallyport\.policyc\.path/);
  expect(editor.providers.size).toBe(0);
  editor.settings = { path: process.execPath, arguments: [POLICYC] };
  await client.restart();
  expect(editor.providers.size).toBe(14);
});
