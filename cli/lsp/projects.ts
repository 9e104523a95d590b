import { existsSync, statSync } from "node:fs";
import { basename, dirname, relative, resolve, sep } from "node:path";
import { fileURLToPath, pathToFileURL } from "node:url";
import { TextDocument } from "vscode-languageserver-textdocument";
import type { SourceFile, Span } from "../../lang/index.ts";
import { openWorkspace, type Workspace } from "../../lang/editor/index.ts";
import { Levels } from "./levels.ts";
import { policyPathsBelow, readText } from "./disk.ts";

/** Policy files that are read together: those of a workspace folder, or one file that lies in none. */
export class Project {
  /** The folder that paths are relative to. */
  readonly root: string;
  readonly #known = new Map<string, SourceFile>();
  /** Texts of open documents; they stand before what the disk has. */
  readonly #open = new Map<string, { readonly uri: string; readonly version: number; readonly file: SourceFile }>();
  readonly #levels: Levels;
  #workspace: Workspace | null = null;

  constructor(root: string) {
    this.root = root;
    this.#levels = new Levels(root);
  }

  /** The linter's settings anew. */
  refreshSettings(fail: (why: string) => void): void {
    if (this.#levels.refresh(fail)) this.#workspace = null;
  }

  pathOf(absolute: string): string {
    return relative(this.root, absolute).split(sep).join("/") || basename(absolute);
  }

  /** Everything on disk anew. */
  scan(): void {
    this.#known.clear();
    for (const path of policyPathsBelow(this.root)) this.#read(path);
    this.#workspace = null;
  }

  /** One file on disk anew: it may have come, changed or gone. */
  refresh(absolute: string): void {
    this.#read(absolute);
    this.#workspace = null;
  }

  /** A folder of it may be gone, and every file in it. */
  forgetMissing(): void {
    for (const path of [...this.#known.keys()]) if (!existsSync(resolve(this.root, path))) this.#known.delete(path);
    this.#workspace = null;
  }

  #read(absolute: string): void {
    const path = this.pathOf(absolute);
    const text = readText(absolute);
    if (text === null) this.#known.delete(path);
    else if (this.#known.get(path)?.text !== text) this.#known.set(path, { path, text });
  }

  open(path: string, uri: string, version: number, text: string): void {
    this.#open.set(path, { uri, version, file: { path, text } });
    this.#workspace = null;
  }

  close(path: string): void {
    this.#open.delete(path);
    this.#workspace = null;
  }

  get isEmpty(): boolean {
    return this.#open.size === 0 && this.#known.size === 0;
  }

  /** All files as they are now, read and checked. */
  get workspace(): Workspace {
    if (this.#workspace === null) {
      const files = new Map(this.#known);
      for (const [path, { file }] of this.#open) files.set(path, file);
      this.#workspace = openWorkspace([...files.values()], this.#levels.now);
    }
    return this.#workspace;
  }

  /** The address of a file by its path; that of the editor where it is open. */
  uriOf(path: string): string {
    return this.#open.get(path)?.uri ?? pathToFileURL(resolve(this.root, path)).href;
  }

  /** The version of the text that an open document has; undefined for a file that is not open. */
  versionOf(path: string): number | undefined {
    return this.#open.get(path)?.version;
  }
}

/** Where a document belongs. */
export interface Located {
  readonly project: Project;
  readonly path: string;
}

/** All folders and open documents of an editor. */
export class Projects {
  readonly #folders = new Map<string, Project>();
  /** Documents in no folder, each on its own, by address. */
  readonly #loose = new Map<string, Project>();
  readonly #documents = new Map<string, TextDocument>();

  get all(): readonly Project[] {
    return [...this.#folders.values(), ...this.#loose.values()];
  }

  addFolder(uri: string): void {
    const root = pathFromUri(uri);
    if (root === null || this.#folders.has(root)) return;
    const project = new Project(root);
    project.scan();
    this.#folders.set(root, project);
    this.#settle();
  }

  removeFolder(uri: string): Project | undefined {
    const root = pathFromUri(uri);
    const project = root === null ? undefined : this.#folders.get(root);
    if (root !== null) this.#folders.delete(root);
    this.#settle();
    return project;
  }

  /** Puts every open document where it belongs, after folders came or went. */
  #settle(): void {
    this.#loose.clear();
    for (const document of this.#documents.values()) this.#put(document);
  }

  #put(document: TextDocument): void {
    const { project, path } = this.#locate(document.uri);
    project.open(path, document.uri, document.version, document.getText());
  }

  #locate(uri: string): Located {
    const absolute = pathFromUri(uri);
    // Of nested folders the innermost.
    const folder =
      absolute === null
        ? undefined
        : [...this.#folders.values()]
            .filter(({ root }) => absolute === root || absolute.startsWith(root.endsWith(sep) ? root : root + sep))
            .sort((a, b) => b.root.length - a.root.length)[0];
    if (absolute !== null && folder !== undefined) return { project: folder, path: folder.pathOf(absolute) };
    let project = this.#loose.get(uri);
    if (project === undefined) {
      project = new Project(absolute === null ? process.cwd() : dirname(absolute));
      this.#loose.set(uri, project);
    }
    return { project, path: absolute === null ? uri : project.pathOf(absolute) };
  }

  opened(document: TextDocument): void {
    this.#documents.set(document.uri, document);
    this.#put(document);
  }

  changed(document: TextDocument): void {
    this.#put(document);
  }

  closed(uri: string): Located {
    const located = this.#locate(uri);
    this.#documents.delete(uri);
    located.project.close(located.path);
    const absolute = pathFromUri(uri);
    if (this.#loose.get(uri) !== undefined) this.#loose.delete(uri);
    else if (absolute !== null) located.project.refresh(absolute);
    return located;
  }

  /** Something on disk came, changed or went. */
  touched(uri: string): void {
    const absolute = pathFromUri(uri);
    if (absolute === null) return;
    const { project } = this.#locate(uri);
    if (this.#loose.get(uri) === project && !this.#documents.has(uri)) this.#loose.delete(uri);
    if (absolute.endsWith(".policy")) project.refresh(absolute);
    else if (!existsSync(absolute)) project.forgetMissing();
    else if (statSync(absolute).isDirectory()) project.scan();
  }

  /** The document of an address; undefined when it is neither open nor known from disk. */
  find(uri: string): (Located & { readonly file: SourceFile }) | undefined {
    const absolute = pathFromUri(uri);
    const isKnown = this.#documents.has(uri) || absolute !== null;
    if (!isKnown) return undefined;
    const located = this.#locate(uri);
    const file = located.project.workspace.files.get(located.path);
    if (file === undefined) {
      if (!this.#documents.has(uri)) this.#loose.delete(uri);
      return undefined;
    }
    return { ...located, file };
  }

  openText(uri: string): TextDocument | undefined {
    return this.#documents.get(uri);
  }
}

/** The path of a `file:` address, or null for any other (an untitled document). */
export function pathFromUri(uri: string): string | null {
  try {
    return uri.startsWith("file:") ? fileURLToPath(uri) : null;
  } catch {
    return null;
  }
}

const lines = new WeakMap<SourceFile, TextDocument>();

/** A file's text with its lines counted, once for each text. */
export function linesOf(file: SourceFile): TextDocument {
  let found = lines.get(file);
  if (found === undefined) {
    found = TextDocument.create(file.path, "policy", 0, file.text);
    lines.set(file, found);
  }
  return found;
}

export function rangeOf(file: SourceFile, span: Pick<Span, "start" | "end">) {
  const text = linesOf(file);
  return { start: text.positionAt(span.start), end: text.positionAt(span.end) };
}
