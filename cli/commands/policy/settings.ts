import { existsSync } from "node:fs";
import { dirname, join, relative } from "node:path";
import type { LintLevels } from "../../../lang/index.ts";
import type { Io } from "../../io.ts";

const NAMES = ["policyc.yaml", ".policyc.yaml"] as const;

export interface Settings {
  /** The file they come from, or null when there is none. */
  readonly file: string | null;
  readonly levels: LintLevels;
}

/**
 * Settings of the nearest `policyc.yaml` or `.policyc.yaml`, here or in a folder above:
 * `lint: { rules: { L012: off, constant-first: error } }`. YAML is loaded where there is such a file.
 *
 * @throws UsageError with the place of what can't be read
 */
export async function readSettings(io: Io): Promise<Settings> {
  const file = settingsFile(io.cwd);
  if (file === null) return { file: null, levels: new Map() };
  const { levelsOf } = await import("./settings-file.ts");
  return { file, levels: levelsOf(file, relative(io.cwd, file) || file) };
}

/** The nearest file of settings, here or in a folder above; null when there is none. */
export function settingsFile(cwd: string): string | null {
  for (let folder = cwd; ; folder = dirname(folder)) {
    for (const name of NAMES) {
      const file = join(folder, name);
      if (existsSync(file)) return file;
    }
    if (dirname(folder) === folder) return null;
  }
}
