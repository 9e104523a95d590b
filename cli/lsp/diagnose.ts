import type { Diagnostic, PublishDiagnosticsParams } from "vscode-languageserver/node";
import { diagnosticsOf } from "../../lang/editor/index.ts";
import { toDiagnostic, toTestDiagnostics } from "./convert.ts";
import { DIAGNOSTICS_MAX } from "./limits.ts";
import type { Project, Projects } from "./projects.ts";
import type { Outcomes } from "./tests.ts";

/** Tells an editor what is wrong in which file, and only what it does not know yet. */
export class Diagnoses {
  readonly #projects: Projects;
  readonly #outcomes: Outcomes;
  readonly #publish: (params: PublishDiagnosticsParams) => void;
  /** Tells the reader what is wrong with settings. */
  readonly #warn: (why: string) => void;
  /** What was told last, by address. */
  readonly #told = new Map<string, string>();

  constructor(
    projects: Projects,
    outcomes: Outcomes,
    publish: (params: PublishDiagnosticsParams) => void,
    warn: (why: string) => void,
  ) {
    this.#projects = projects;
    this.#outcomes = outcomes;
    this.#publish = publish;
    this.#warn = warn;
  }

  /** For the texts as they are now. */
  tell(): void {
    const current = new Set<string>();
    for (const project of this.#projects.all) {
      project.refreshSettings(this.#warn);
      for (const [uri, version, diagnostics] of this.#of(project)) {
        current.add(uri);
        this.#send(uri, version, diagnostics);
      }
    }
    for (const uri of this.#told.keys()) {
      if (current.has(uri)) continue;
      this.#send(uri, undefined, []);
      this.#told.delete(uri);
    }
  }

  #send(uri: string, version: number | undefined, diagnostics: Diagnostic[]): void {
    const known = this.#told.get(uri);
    const text = `${version ?? ""} ${JSON.stringify(diagnostics)}`;
    // Of a file that is not open and in which nothing is wrong nothing need be said.
    if (known === text || (known === undefined && version === undefined && diagnostics.length === 0)) return;
    this.#told.set(uri, text);
    this.#publish({ uri, diagnostics, ...(version === undefined ? {} : { version }) });
  }

  #of(project: Project): readonly (readonly [uri: string, version: number | undefined, diagnostics: Diagnostic[]])[] {
    const { workspace } = project;
    const byFile = new Map<string, Diagnostic[]>([...workspace.files.keys()].map((path) => [path, []]));
    // Where there are too many, warnings are left out before errors are.
    const diagnostics = diagnosticsOf(workspace);
    const ranked = [
      ...diagnostics.filter((one) => one.severity === "error"),
      ...diagnostics.filter((one) => one.severity !== "error"),
    ];
    for (const found of ranked) {
      const list = byFile.get(found.span.file);
      const file = workspace.files.get(found.span.file);
      if (list !== undefined && file !== undefined && list.length < DIAGNOSTICS_MAX)
        list.push(toDiagnostic(project, file, found));
    }
    return [...byFile].map(([path, list]) => {
      const file = workspace.files.get(path)!;
      const failed = this.#outcomes.ofFile(workspace, path).flatMap((outcome) => toTestDiagnostics(file, outcome));
      return [project.uriOf(path), project.versionOf(path), [...list, ...failed]];
    });
  }
}
