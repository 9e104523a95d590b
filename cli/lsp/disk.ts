import { readFileSync, readdirSync, statSync } from "node:fs";
import { join } from "node:path";
import { FILES_MAX, FILE_BYTES_MAX, FOLDER_DEPTH_MAX } from "./limits.ts";

/** Paths of the policy files below a folder, in order of name. Folders that can't be read are passed over. */
export function policyPathsBelow(folder: string): readonly string[] {
  const found: string[] = [];
  const look = (at: string, depth: number): void => {
    if (depth > FOLDER_DEPTH_MAX || found.length >= FILES_MAX) return;
    let entries;
    try {
      entries = readdirSync(at, { withFileTypes: true });
    } catch {
      return;
    }
    for (const entry of entries.sort((a, b) => (a.name < b.name ? -1 : 1))) {
      if (entry.name === "node_modules" || entry.name.startsWith(".")) continue;
      const path = join(at, entry.name);
      if (entry.isDirectory()) look(path, depth + 1);
      else if (entry.isFile() && entry.name.endsWith(".policy") && found.length < FILES_MAX) found.push(path);
    }
  };
  look(folder, 0);
  return found;
}

/** A file's text, or null when it is gone, no file, too large or not readable. */
export function readText(path: string, bytesMax = FILE_BYTES_MAX): string | null {
  try {
    const { size } = statSync(path);
    return size > bytesMax ? null : readFileSync(path, "utf8");
  } catch {
    return null;
  }
}
