import type { SourceFile } from "../source/index.ts";
import type { Diagnostic, Edit, Fix } from "./diagnostic.ts";

export interface Applied {
  /** The files with the chosen fixes made; those without any are the same objects. */
  readonly files: readonly SourceFile[];
  readonly fixes: readonly Fix[];
}

/**
 * Makes the first safe fix of each diagnostic, in order. A fix that touches text which an earlier one changed is left out
 * whole (the next round sees to it), and so is one of a file that is not among `files`. Cost: linear in text and fixes.
 */
export function applyFixes(files: readonly SourceFile[], found: readonly Diagnostic[]): Applied {
  const taken = new Map<string, Edit[]>(files.map((file) => [file.path, []]));
  const fixes: Fix[] = [];
  for (const { fixes: offered } of found) {
    const fix = offered.find((one) => one.safe);
    if (fix === undefined || !fix.edits.every((edit) => isFree(taken.get(edit.span.file), edit))) continue;
    for (const edit of fix.edits) taken.get(edit.span.file)!.push(edit);
    fixes.push(fix);
  }
  return {
    files: files.map((file) => {
      const edits = taken.get(file.path)!;
      return edits.length === 0 ? file : { ...file, text: withEdits(file.text, edits) };
    }),
    fixes,
  };
}

/** Two edits may not even touch: what they make together was not looked at by either. */
function isFree(taken: readonly Edit[] | undefined, { span }: Edit): boolean {
  return taken?.every((other) => other.span.end < span.start || other.span.start > span.end) ?? false;
}

/** A text with edits made that don't overlap. */
export function withEdits(text: string, edits: readonly Edit[]): string {
  let out = "";
  let at = 0;
  for (const { span, text: put } of [...edits].sort((a, b) => a.span.start - b.span.start)) {
    out += text.slice(at, span.start) + put;
    at = span.end;
  }
  return out + text.slice(at);
}
