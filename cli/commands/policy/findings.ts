import { renameSync, writeFileSync } from "node:fs";
import { resolve } from "node:path";
import { plural } from "../../../base/text.ts";
import {
  cataloguePages,
  fixFiles,
  lintPages,
  renderGithub,
  renderJson,
  renderSarif,
  renderTerminal,
  unifiedDiff,
  type Diagnostic,
  type SourceFile,
} from "../../../lang/index.ts";
import { UsageError, type Io } from "../../io.ts";
import { VERSION } from "../../version.ts";

export const FINDING_FORMATS = ["human", "json", "sarif", "github"] as const;
export type FindingFormat = (typeof FINDING_FORMATS)[number];

/** @throws UsageError for a format that is not one */
export function findingFormat(given: string | undefined): FindingFormat {
  const format = FINDING_FORMATS.find((known) => known === (given ?? "human"));
  if (format === undefined) throw new UsageError(`--format takes ${FINDING_FORMATS.join(", ")}`);
  return format;
}

/** Findings of one code that a person is shown. */
const SHOWN_MAX = 50;

/** Diagnostics in the form that was asked for. For a person the first of each code, unless `all`; for a program all. */
export function render(
  found: readonly Diagnostic[],
  files: readonly SourceFile[],
  format: FindingFormat,
  all: boolean,
  io: Io,
): string {
  switch (format) {
    case "human": {
      const { shown, more } = all ? { shown: found, more: [] } : firstOfEach(found);
      return [renderTerminal(shown, files, io.colour), ...more].join("\n");
    }
    case "json":
      return renderJson(found, files);
    case "sarif":
      return renderSarif(found, files, VERSION, [...cataloguePages, ...lintPages]);
    case "github":
      return renderGithub(found, files);
  }
}

/** Thousands of one kind are read by nobody: the first ones, and how many there are besides. */
function firstOfEach(found: readonly Diagnostic[]): {
  readonly shown: readonly Diagnostic[];
  readonly more: readonly string[];
} {
  const counts = new Map<string, number>();
  const shown = found.filter(({ code }) => {
    const count = (counts.get(code) ?? 0) + 1;
    counts.set(code, count);
    return count <= SHOWN_MAX;
  });
  const left = [...counts].filter(([, count]) => count > SHOWN_MAX).sort(([a], [b]) => (a < b ? -1 : 1));
  const names = new Map(found.map(({ code, name }) => [code, name]));
  const more = left.map(
    ([code, count]) => `… and ${count - SHOWN_MAX} more of ${code} (${names.get(code)!}): --all shows them\n`,
  );
  return { shown, more };
}

export interface FixOptions {
  readonly fix: boolean;
  /** Show what would be changed, change nothing. */
  readonly diff: boolean;
}

/**
 * Makes safe fixes and writes the files that changed, or shows the difference. What was done is told on stderr, so that a
 * report on stdout stays one.
 *
 * @returns the files as they are now; with `diff`, as they were
 */
export function withFixes(
  files: readonly SourceFile[],
  find: (files: readonly SourceFile[]) => readonly Diagnostic[],
  { fix, diff }: FixOptions,
  io: Io,
): readonly SourceFile[] {
  if (!fix && !diff) return files;
  const { files: fixed, made, takenBack } = fixFiles(files, find);
  const changed = fixed.filter((file, i) => file !== files[i]);
  const before = new Map(files.map((file) => [file.path, file.text]));
  if (diff) {
    for (const file of changed) io.stdout(unifiedDiff(file.path, before.get(file.path)!, file.text));
    return files;
  }
  for (const file of changed) replaceFile(resolve(io.cwd, file.path), file.text);
  if (made.length > 0)
    io.stderr(`policyc: ${plural(made.length, "fix", "fixes")} in ${plural(changed.length, "file")}\n`);
  for (const one of takenBack)
    io.stderr(`policyc: ${one.span.file}: the fix of ${one.code} would change what is decided, so it was not made\n`);
  return fixed;
}

/** Put in place whole, so that an editor or a watcher never sees half a file. */
export function replaceFile(path: string, text: string | Uint8Array): void {
  writeFileSync(`${path}.new`, text);
  renameSync(`${path}.new`, path);
}
