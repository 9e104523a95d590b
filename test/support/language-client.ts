import { spawn, type ChildProcess } from "node:child_process";
import { mkdirSync, mkdtempSync, realpathSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { fileURLToPath, pathToFileURL } from "node:url";
import {
  PublishDiagnosticsNotification,
  RegistrationRequest,
  StreamMessageReader,
  StreamMessageWriter,
  CodeLensRefreshRequest,
  createProtocolConnection,
  type ClientCapabilities,
  type InitializeResult,
  type Position,
  type ProtocolConnection,
  type PublishDiagnosticsParams,
  type Registration,
  type TextDocumentContentChangeEvent,
} from "vscode-languageserver-protocol/node";
import { TextDocument } from "vscode-languageserver-textdocument";

const POLICYC = fileURLToPath(new URL("../../cli/policyc.ts", import.meta.url));

export const FULL: ClientCapabilities = {
  workspace: {
    workspaceFolders: true,
    workspaceEdit: { documentChanges: true },
    didChangeWatchedFiles: { dynamicRegistration: true },
    codeLens: { refreshSupport: true },
  },
  textDocument: { completion: { completionItem: { snippetSupport: true } } },
};

/** A folder with files in it, which goes away with `[Symbol.dispose]`. */
export class Folder {
  readonly path = realpathSync(mkdtempSync(join(tmpdir(), "policy-editor-")));

  constructor(files: Readonly<Record<string, string>>) {
    for (const [name, text] of Object.entries(files)) this.write(name, text);
  }

  write(name: string, text: string): void {
    mkdirSync(dirname(join(this.path, name)), { recursive: true });
    writeFileSync(join(this.path, name), text);
  }

  remove(name: string): void {
    rmSync(join(this.path, name), { recursive: true, force: true });
  }

  uri(name = ""): string {
    return pathToFileURL(join(this.path, name)).href;
  }

  [Symbol.dispose](): void {
    rmSync(this.path, { recursive: true, force: true });
  }
}

/** An editor without a screen: starts `policyc lsp` and speaks the protocol with it over its pipes. */
export class LanguageClient {
  readonly connection: ProtocolConnection;
  readonly registrations: Registration[] = [];
  readonly published: PublishDiagnosticsParams[] = [];
  codeLensRefreshes = 0;
  initialized!: InitializeResult;
  readonly exited: Promise<number | null>;
  readonly #process: ChildProcess;
  readonly #documents = new Map<string, TextDocument>();
  #waiting: (() => void)[] = [];
  #stderr = "";

  private constructor(process_: ChildProcess) {
    this.#process = process_;
    this.connection = createProtocolConnection(
      new StreamMessageReader(process_.stdout!),
      new StreamMessageWriter(process_.stdin!),
    );
    process_.stderr!.on("data", (chunk: Buffer) => {
      this.#stderr += chunk.toString();
    });
    this.exited = new Promise((done) => {
      process_.once("exit", (code) => {
        done(code);
        this.#wake();
      });
    });
    this.connection.onNotification(PublishDiagnosticsNotification.type, (params) => {
      this.published.push(params);
      this.#wake();
    });
    this.connection.onRequest(RegistrationRequest.type, ({ registrations }) => {
      this.registrations.push(...registrations);
      this.#wake();
    });
    this.connection.onRequest(CodeLensRefreshRequest.type, () => {
      this.codeLensRefreshes++;
    });
  }

  static async start(folders: readonly Folder[], capabilities: ClientCapabilities = FULL): Promise<LanguageClient> {
    const child = spawn(process.execPath, [POLICYC, "lsp", "--stdio"], { stdio: ["pipe", "pipe", "pipe"] });
    const client = new LanguageClient(child);
    client.connection.listen();
    client.initialized = await client.connection.sendRequest("initialize", {
      processId: process.pid,
      rootUri: null,
      capabilities,
      workspaceFolders: folders.map((folder) => ({ uri: folder.uri(), name: folder.path })),
    });
    await client.connection.sendNotification("initialized", {});
    return client;
  }

  #wake(): void {
    const waiting = this.#waiting;
    this.#waiting = [];
    for (const wake of waiting) wake();
  }

  /** Resolves once `holds` is true; it is looked at again after each message of the server. */
  async until<T>(holds: () => T | undefined): Promise<T> {
    for (;;) {
      const found = holds();
      if (found !== undefined) return found;
      if (this.#process.exitCode !== null) throw new Error(`the server has ended: ${this.#stderr}`);
      await new Promise<void>((wake) => this.#waiting.push(wake));
    }
  }

  /** Opens and closes folders of the workspace. */
  async folders(added: readonly Folder[], removed: readonly Folder[]): Promise<void> {
    const named = (folders: readonly Folder[]) => folders.map((folder) => ({ uri: folder.uri(), name: folder.path }));
    await this.connection.sendNotification("workspace/didChangeWorkspaceFolders", {
      event: { added: named(added), removed: named(removed) },
    });
  }

  /** Files in a folder of their own, which the editor has open for as long as `run` takes. */
  async over(
    files: Readonly<Record<string, string>>,
    run: (client: LanguageClient, folder: Folder) => Promise<void>,
  ): Promise<void> {
    using own = new Folder(files);
    await this.folders([own], []);
    try {
      await run(this, own);
    } finally {
      for (const open of this.openUris.filter((one) => one.startsWith(own.uri()))) await this.close(open);
      await this.folders([], [own]);
    }
  }

  get openUris(): readonly string[] {
    return [...this.#documents.keys()];
  }

  async open(uri: string, text: string): Promise<void> {
    const document = TextDocument.create(uri, "policy", 1, text);
    this.#documents.set(uri, document);
    await this.connection.sendNotification("textDocument/didOpen", {
      textDocument: { uri, languageId: "policy", version: 1, text },
    });
  }

  /** Sends changes as a person's typing makes them, and keeps the text that must come of them. */
  async change(uri: string, changes: TextDocumentContentChangeEvent[]): Promise<void> {
    const document = this.#documents.get(uri)!;
    const version = document.version + 1;
    TextDocument.update(document, changes, version);
    await this.connection.sendNotification("textDocument/didChange", {
      textDocument: { uri, version },
      contentChanges: changes,
    });
  }

  /** Puts `text` in place of the first `old` there is. */
  async replace(uri: string, old: string, text: string): Promise<void> {
    const document = this.#documents.get(uri)!;
    const start = document.getText().indexOf(old);
    if (start < 0) throw new Error(`${uri} has no ${old}`);
    const range = { start: document.positionAt(start), end: document.positionAt(start + old.length) };
    await this.change(uri, [{ range, text }]);
  }

  async close(uri: string): Promise<void> {
    this.#documents.delete(uri);
    await this.connection.sendNotification("textDocument/didClose", { textDocument: { uri } });
  }

  document(uri: string): TextDocument {
    return this.#documents.get(uri)!;
  }

  /** The place of the first `mark` in an open document, behind its first `into` characters. */
  at(uri: string, mark: string, into = 0): Position {
    const document = this.document(uri);
    const offset = document.getText().indexOf(mark);
    if (offset < 0) throw new Error(`${uri} has no ${mark}`);
    return document.positionAt(offset + into);
  }

  /** What the server says of the text that the document has now: `code text` of each. */
  async diagnostics(uri: string): Promise<readonly string[]> {
    const document = this.document(uri);
    const found = await this.until(() =>
      this.published.findLast((one) => one.uri === uri && one.version === document.version),
    );
    return found.diagnostics.map((one) => `${one.code ?? one.source} ${document.getText(one.range)}`);
  }

  /** The last that was said of a file, as codes; undefined when nothing was. */
  last(uri: string): readonly string[] | undefined {
    return this.published.findLast((one) => one.uri === uri)?.diagnostics.map((one) => String(one.code ?? one.source));
  }

  request<T>(method: string, params: unknown): Promise<T> {
    return this.connection.sendRequest<T>(method, params);
  }

  /** A request about a word of an open document. */
  ask<T>(method: string, uri: string, mark: string, into = 0, more: object = {}): Promise<T> {
    return this.request<T>(method, { textDocument: { uri }, position: this.at(uri, mark, into), ...more });
  }

  /** Ends the server as an editor does; what it wrote to stderr must be nothing. */
  async stop(): Promise<{ readonly code: number | null; readonly stderr: string }> {
    if (this.#process.exitCode === null) {
      await this.connection.sendRequest("shutdown");
      await this.connection.sendNotification("exit");
    }
    const code = await this.exited;
    this.connection.dispose();
    return { code, stderr: this.#stderr };
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.stop();
  }
}
