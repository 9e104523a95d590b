import { checkFiles, hasErrors } from "../check/index.ts";
import { applyFixes, type Diagnostic } from "../diagnostics/index.ts";
import type { SourceFile } from "../source/index.ts";
import { isSyntaxError } from "./lint.ts";
import { sameDecisions } from "./same-decisions.ts";

const ROUNDS_MAX = 20;
/** Fixes that are tried one by one when all together would change a decision. */
const SINGLE_TRIES_MAX = 200;

export interface FixResult {
  readonly files: readonly SourceFile[];
  /** Titles of the fixes that were made, in order. */
  readonly made: readonly string[];
  /** Diagnostics whose fix was taken back: it would have changed what the policy decides, or broken the file. */
  readonly takenBack: readonly Diagnostic[];
}

/**
 * Makes the safe fixes of what `find` finds, round by round, until none is left. Files with syntax errors are not touched.
 * After each round the package must parse, have fewer errors or still none, and decide as before; else the fixes are tried one
 * by one, and those that fail are taken back.
 */
export function fixFiles(
  files: readonly SourceFile[],
  find: (files: readonly SourceFile[]) => readonly Diagnostic[],
): FixResult {
  let now = files;
  const made: string[] = [];
  const takenBack: Diagnostic[] = [];
  const refused = new Set<string>();
  const keyOf = (one: Diagnostic): string => `${one.code}\0${one.span.file}\0${one.message}`;
  for (let round = 0, tries = 0; round < ROUNDS_MAX + tries; round++) {
    const found = fixable(now, find(now)).filter((one) => !refused.has(keyOf(one)));
    const together = applyFixes(now, found);
    if (together.fixes.length === 0) break;
    if (holds(now, together.files)) {
      now = together.files;
      made.push(...together.fixes.map((fix) => fix.title));
      continue;
    }
    for (const one of found) {
      if (++tries > SINGLE_TRIES_MAX) return { files: now, made, takenBack };
      const alone = applyFixes(now, [one]);
      if (holds(now, alone.files)) {
        now = alone.files;
        made.push(...alone.fixes.map((fix) => fix.title));
        // The others' places have moved.
        break;
      }
      refused.add(keyOf(one));
      takenBack.push(one);
    }
  }
  return { files: now, made, takenBack };
}

function fixable(files: readonly SourceFile[], found: readonly Diagnostic[]): readonly Diagnostic[] {
  const broken = new Set(
    checkFiles(files)
      .diagnostics.filter(isSyntaxError)
      .map((one) => one.span.file),
  );
  return found.filter((one) => one.fixes.some((fix) => fix.safe) && !broken.has(one.span.file));
}

/** Whether a package is as good as before, or better. */
function holds(before: readonly SourceFile[], after: readonly SourceFile[]): boolean {
  const old = checkFiles(before);
  const now = checkFiles(after);
  const errors = (found: readonly Diagnostic[]): number => found.filter((one) => one.severity === "error").length;
  if (hasErrors(old.diagnostics)) {
    const syntax = (found: readonly Diagnostic[]): number => found.filter(isSyntaxError).length;
    return errors(now.diagnostics) <= errors(old.diagnostics) && syntax(now.diagnostics) <= syntax(old.diagnostics);
  }
  return !hasErrors(now.diagnostics) && sameDecisions(old.policy, now.policy);
}
