import { readFileSync, readdirSync, statSync } from "node:fs";
import { join, relative, resolve } from "node:path";
import type { SourceFile } from "../../../lang/index.ts";
import { UsageError, type Io } from "../../io.ts";

const FILES_MAX = 10_000;

/** Policy files of paths: files as they are, folders with all `.policy` files below them, in order of name. */
export function policyFiles(paths: readonly string[], io: Io): readonly SourceFile[] {
  const found: SourceFile[] = [];
  for (const path of paths.length === 0 ? ["."] : paths) {
    const full = resolve(io.cwd, path);
    let isFolder: boolean;
    try {
      isFolder = statSync(full).isDirectory();
    } catch {
      throw new UsageError(`${path} does not exist; give policy files or folders that hold some`);
    }
    for (const file of isFolder ? below(full) : [full]) {
      if (found.length >= FILES_MAX) throw new UsageError(`more than ${FILES_MAX} policy files`);
      found.push({ path: relative(io.cwd, file) || file, text: readFileSync(file, "utf8") });
    }
  }
  if (found.length === 0) throw new UsageError("there are no .policy files here; give files or folders that hold some");
  return found;
}

function below(folder: string): readonly string[] {
  return readdirSync(folder, { withFileTypes: true })
    .sort((a, b) => (a.name < b.name ? -1 : 1))
    .flatMap((entry) => {
      if (entry.name === "node_modules" || entry.name.startsWith(".")) return [];
      const path = join(folder, entry.name);
      return entry.isDirectory() ? below(path) : entry.name.endsWith(".policy") ? [path] : [];
    });
}
