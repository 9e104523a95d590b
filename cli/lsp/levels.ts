import { statSync } from "node:fs";
import { relative } from "node:path";
import { settingsFile } from "../commands/policy/settings.ts";
import { levelsOf } from "../commands/policy/settings-file.ts";
import type { LintLevels } from "../../lang/index.ts";

const OWN: LintLevels = new Map();

/** The linter's levels for one folder, read again when their file is another one or has changed. */
export class Levels {
  readonly #root: string;
  #stamp = "";
  #levels = OWN;

  constructor(root: string) {
    this.#root = root;
  }

  get now(): LintLevels {
    return this.#levels;
  }

  /** Whether they are others than before. `fail` is told why a file can't be read; the rules' own levels hold then. */
  refresh(fail: (why: string) => void): boolean {
    const file = settingsFile(this.#root);
    const stamp = file === null ? "" : stampOf(file);
    if (stamp === this.#stamp) return false;
    this.#stamp = stamp;
    this.#levels = OWN;
    if (file === null) return true;
    try {
      this.#levels = levelsOf(file, relative(this.#root, file));
    } catch (fault) {
      fail(fault instanceof Error ? fault.message : String(fault));
    }
    return true;
  }
}

function stampOf(file: string): string {
  try {
    const { mtimeMs, size } = statSync(file);
    return `${file} ${mtimeMs} ${size}`;
  } catch {
    return "";
  }
}
