import { isAbsolute, join } from "node:path";
import type * as Code from "vscode";
import { Convert, wireRange, type Api } from "./convert.ts";
import { registerFeatures, type Ask, type Legend } from "./features.ts";
import { Server } from "./server.ts";
import type { WireDiagnostic } from "./wire.ts";

interface Capabilities {
  readonly semanticTokensProvider: { readonly legend: Legend };
  readonly completionProvider: { readonly triggerCharacters: readonly string[] };
}

/** What this client can do: LSP 3.17, "Client Capabilities". */
const CAPABILITIES = {
  workspace: {
    workspaceFolders: true,
    workspaceEdit: { documentChanges: true },
    didChangeWatchedFiles: { dynamicRegistration: false },
    codeLens: { refreshSupport: true },
  },
  textDocument: {
    completion: { completionItem: { snippetSupport: true } },
    publishDiagnostics: { relatedInformation: true, tagSupport: { valueSet: [1] }, versionSupport: true },
  },
};

interface Outcome {
  readonly test: string;
  readonly passed: boolean;
  readonly failures: readonly { readonly text: string | null; readonly why: string }[];
}

/** Keeps one server running for all folders of a window, and tells it what happens in the editor. */
export class PolicyClient {
  readonly #api: Api;
  readonly #to: Convert;
  readonly #output: Code.OutputChannel;
  readonly #diagnostics: Code.DiagnosticCollection;
  readonly #lensesChanged: Code.EventEmitter<void>;
  #server: Server | null = null;
  #features: Code.Disposable[] = [];
  /** One start or stop after the other. */
  #turn: Promise<void> = Promise.resolve();

  constructor(api: Api, context: Code.ExtensionContext) {
    this.#api = api;
    this.#to = new Convert(api);
    this.#output = api.window.createOutputChannel("Sallyport policies");
    this.#diagnostics = api.languages.createDiagnosticCollection("policyc");
    this.#lensesChanged = new api.EventEmitter<void>();
    const watcher = api.workspace.createFileSystemWatcher("**/*.{policy,sql}");
    const touched = (type: number) => (uri: Code.Uri) =>
      this.#tell("workspace/didChangeWatchedFiles", { changes: [{ uri: uri.toString(), type }] });
    const folders = (all: readonly Code.WorkspaceFolder[]) =>
      all.map((one) => ({ uri: one.uri.toString(), name: one.name }));
    context.subscriptions.push(
      this.#output,
      this.#diagnostics,
      this.#lensesChanged,
      watcher,
      watcher.onDidCreate(touched(1)),
      watcher.onDidChange(touched(2)),
      watcher.onDidDelete(touched(3)),
      api.workspace.onDidOpenTextDocument((document) => this.#opened(document)),
      api.workspace.onDidCloseTextDocument((document) => {
        if (document.languageId === "policy")
          this.#tell("textDocument/didClose", { textDocument: { uri: document.uri.toString() } });
      }),
      api.workspace.onDidChangeTextDocument(({ document, contentChanges }) => {
        if (document.languageId !== "policy" || contentChanges.length === 0) return;
        this.#tell("textDocument/didChange", {
          textDocument: { uri: document.uri.toString(), version: document.version },
          contentChanges: contentChanges.map(({ range, text }) => ({ range: wireRange(range), text })),
        });
        this.#lensesChanged.fire();
      }),
      api.workspace.onDidChangeWorkspaceFolders(({ added, removed }) =>
        this.#tell("workspace/didChangeWorkspaceFolders", {
          event: { added: folders(added), removed: folders(removed) },
        }),
      ),
      api.workspace.onDidGrantWorkspaceTrust(() => this.restart()),
      api.workspace.onDidChangeConfiguration((change) => {
        if (change.affectsConfiguration("sallyport.policyc")) void this.restart();
      }),
      api.commands.registerCommand("sallyport.policy.restart", () => this.restart()),
      api.commands.registerCommand("sallyport.policy.output", () => this.#output.show()),
      api.commands.registerCommand("sallyport.policy.runTest", (...args: never[]) => this.#runTest(args)),
    );
  }

  /** Starts the server, after the one that runs has ended. */
  restart(): Promise<void> {
    this.#turn = this.#turn.then(async () => {
      await this.#end();
      if (this.#api.workspace.isTrusted) await this.#begin();
    });
    return this.#turn;
  }

  stop(): Promise<void> {
    this.#turn = this.#turn.then(() => this.#end());
    return this.#turn;
  }

  async #begin(): Promise<void> {
    const { workspace } = this.#api;
    const settings = workspace.getConfiguration("sallyport.policyc");
    const root = workspace.workspaceFolders?.find((folder) => folder.uri.scheme === "file")?.uri.fsPath;
    const stated = settings.get("path", "policyc");
    // A bare name is looked up on the path; anything with a slash lies in the workspace.
    const program = /[\\/]/.test(stated) && !isAbsolute(stated) && root !== undefined ? join(root, stated) : stated;
    const server = new Server(program, settings.get<string[]>("arguments", []), root, {
      notification: (method, params) => this.#noticed(method, params),
      request: (method) => {
        if (method === "workspace/codeLens/refresh") this.#lensesChanged.fire();
        return null;
      },
      log: (text) => this.#output.append(text),
      lost: (why) => this.#lost(why),
    });
    this.#server = server;
    try {
      const { answer } = server.rpc.request("initialize", {
        processId: process.pid,
        rootUri: null,
        capabilities: CAPABILITIES,
        workspaceFolders: (workspace.workspaceFolders ?? []).map((one) => ({
          uri: one.uri.toString(),
          name: one.name,
        })),
      });
      const { capabilities } = (await answer) as { readonly capabilities: Capabilities };
      server.rpc.notify("initialized", {});
      for (const document of workspace.textDocuments) this.#opened(document);
      this.#features = registerFeatures(
        this.#api,
        this.#ask,
        capabilities.semanticTokensProvider.legend,
        capabilities.completionProvider.triggerCharacters,
        this.#lensesChanged,
      );
    } catch (fault) {
      // A server that was lost has told so itself.
      this.#output.appendLine(fault instanceof Error ? fault.message : String(fault));
    }
  }

  async #end(): Promise<void> {
    const server = this.#server;
    this.#server = null;
    for (const feature of this.#features) feature.dispose();
    this.#features = [];
    this.#diagnostics.clear();
    await server?.stop();
  }

  #lost(why: string): void {
    this.#server = null;
    this.#diagnostics.clear();
    this.#output.appendLine(why);
    const message = `The language server of policies is not running: ${why}. The setting sallyport.policyc.path says what is started.`;
    void this.#api.window.showErrorMessage(message, "Start again", "Show output").then((chosen) => {
      if (chosen === "Start again") void this.restart();
      if (chosen === "Show output") this.#output.show();
    });
  }

  #tell(method: string, params: object): void {
    this.#server?.rpc.notify(method, params);
  }

  readonly #ask: Ask = async <T>(method: string, params: object, token?: Code.CancellationToken): Promise<T | null> => {
    const server = this.#server;
    const isCancelled = (): boolean => token?.isCancellationRequested === true;
    if (server === null || isCancelled()) return null;
    const { answer, cancel } = server.rpc.request(method, params);
    const listening = token?.onCancellationRequested(cancel);
    try {
      return (await answer) as T | null;
    } catch (fault) {
      if (isCancelled()) return null;
      throw fault;
    } finally {
      listening?.dispose();
    }
  };

  #opened(document: Code.TextDocument): void {
    if (document.languageId !== "policy") return;
    this.#tell("textDocument/didOpen", {
      textDocument: {
        uri: document.uri.toString(),
        languageId: "policy",
        version: document.version,
        text: document.getText(),
      },
    });
  }

  #noticed(method: string, params: unknown): void {
    if (method === "textDocument/publishDiagnostics") {
      const { uri, diagnostics } = params as { readonly uri: string; readonly diagnostics: readonly WireDiagnostic[] };
      const found = diagnostics.map((one) => this.#to.diagnostic(one));
      this.#diagnostics.set(this.#api.Uri.parse(uri), found);
    } else if (method === "window/logMessage") this.#output.appendLine((params as { message: string }).message);
  }

  async #runTest(args: readonly unknown[]): Promise<void> {
    const { window } = this.#api;
    try {
      const found = await this.#ask<Outcome>("workspace/executeCommand", {
        command: "sallyport.policy.runTest",
        arguments: args,
      });
      if (found === null) return;
      this.#output.appendLine(`${found.passed ? "✓" : "✗"} ${found.test}`);
      for (const { text, why } of found.failures)
        this.#output.appendLine(`  ${why}${text === null ? "" : ` (${text})`}`);
    } catch (fault) {
      void window.showErrorMessage(fault instanceof Error ? fault.message : String(fault));
    }
  }
}
