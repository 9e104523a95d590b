import { readFileSync, readdirSync, statSync } from "node:fs";
import { join, relative, resolve } from "node:path";
import type { SourceFile } from "../../../lang/index.ts";
import { UsageError, type Io } from "../../io.ts";

const FILES_MAX = 10_000;
/** Largest policy file in bytes: four for each of the units that the language reads at most. */
const FILE_BYTES_MAX = 16 * 1024 * 1024;
const DEPTH_MAX = 64;

/** Policy files of paths: files as they are, folders with all `.policy` files below them, in order of name; each once. */
export function policyFiles(paths: readonly string[], io: Io): readonly SourceFile[] {
  const found = new Map<string, SourceFile>();
  for (const path of paths.length === 0 ? ["."] : paths) {
    const full = resolve(io.cwd, path);
    let isFolder: boolean;
    try {
      isFolder = statSync(full).isDirectory();
    } catch {
      throw new UsageError(`${path} does not exist; give policy files or folders that hold some`);
    }
    for (const file of isFolder ? below(full, 0) : [full]) {
      if (found.has(file)) continue;
      if (found.size >= FILES_MAX) throw new UsageError(`more than ${FILES_MAX} policy files`);
      const shown = relative(io.cwd, file) || file;
      found.set(file, { path: shown, text: readPolicy(file, shown) });
    }
  }
  if (found.size === 0) throw new UsageError("there are no .policy files here; give files or folders that hold some");
  return [...found.values()];
}

/** The text of one file: UTF-8, and no longer than a policy may be. A byte-order mark is kept, for the language to refuse. */
export function readPolicy(file: string, shown: string): string {
  let bytes: Buffer;
  try {
    const { size } = statSync(file);
    if (size > FILE_BYTES_MAX)
      throw new UsageError(
        `${shown} has ${size} bytes; at most ${FILE_BYTES_MAX} are read. Split it: files of one package are read together`,
      );
    bytes = readFileSync(file);
  } catch (fault) {
    if (fault instanceof UsageError) throw fault;
    throw new UsageError(`${shown} can't be read: ${(fault as NodeJS.ErrnoException).code ?? "unknown reason"}`);
  }
  try {
    return new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(bytes);
  } catch {
    throw new UsageError(`${shown} is not UTF-8 (${placeOfBadByte(bytes)}); save it as UTF-8`);
  }
}

function placeOfBadByte(bytes: Buffer): string {
  if (bytes.length > 1 && ((bytes[0] === 0xff && bytes[1] === 0xfe) || (bytes[0] === 0xfe && bytes[1] === 0xff)))
    return "it begins as UTF-16";
  const replaced = bytes.toString("utf8").indexOf("\ufffd");
  const line = bytes.toString("utf8").slice(0, replaced).split("\n").length;
  return `line ${line}`;
}

function below(folder: string, depth: number): readonly string[] {
  if (depth > DEPTH_MAX) throw new UsageError(`${folder} is more than ${DEPTH_MAX} folders deep`);
  let entries;
  try {
    entries = readdirSync(folder, { withFileTypes: true });
  } catch (fault) {
    throw new UsageError(`${folder} can't be read: ${(fault as NodeJS.ErrnoException).code ?? "unknown reason"}`);
  }
  return entries
    .sort((a, b) => (a.name < b.name ? -1 : 1))
    .flatMap((entry) => {
      if (entry.name === "node_modules" || entry.name.startsWith(".")) return [];
      const path = join(folder, entry.name);
      return entry.isDirectory() ? below(path, depth + 1) : entry.name.endsWith(".policy") ? [path] : [];
    });
}
