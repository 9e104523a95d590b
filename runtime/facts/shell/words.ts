import type { Word, WordPart } from "unbash";

/** A word of a command line: its text when that is settled before the shell runs, else null. */
export type Settled = string | null;

/**
 * What a word comes to, quotes resolved; null when variables, substitutions, patterns or braces make it something that only
 * the shell that runs it can tell.
 *
 * @param home what `~` stands for
 */
export function settle(word: Word, home: string): Settled {
  if (word.text.startsWith("~")) {
    if (word.parts !== undefined || word.text.includes("\\")) return null;
    return word.text === "~" || word.text.startsWith("~/") ? home + word.text.slice(1) : null;
  }
  return word.parts === undefined || word.parts.every(isSettled) ? word.value : null;
}

function isSettled(part: WordPart): boolean {
  switch (part.type) {
    case "Literal":
    case "SingleQuoted":
    case "AnsiCQuoted":
      return true;
    case "DoubleQuoted":
      return part.parts.every(isSettled);
    // `$"…"` is looked up in a message catalogue.
    case "LocaleString":
    case "Glob":
    case "SimpleExpansion":
    case "ParameterExpansion":
    case "CommandExpansion":
    case "ArithmeticExpansion":
    case "ProcessSubstitution":
    case "ExtendedGlob":
    case "BraceExpansion":
      return false;
  }
}
