import type { Word, WordPart } from "unbash";

/** Something that only the shell can tell, one word or several, of which none is an option. */
export const OPERAND = Symbol("operand");

/** A word of a command line: its text when that is settled before the shell runs; null: it may come to anything. */
export type Settled = string | typeof OPERAND | null;

/**
 * What a word comes to, quotes resolved, unless variables, substitutions, patterns or braces make it something that only the
 * shell that runs it can tell.
 *
 * @param home what `~` stands for
 */
export function settle(word: Word, home: string): Settled {
  const { text, parts } = word;
  if (text.startsWith("~") && parts === undefined) {
    if (text.includes("\\")) return OPERAND;
    return text === "~" || text.startsWith("~/") ? home + text.slice(1) : OPERAND;
  }
  if (parts === undefined || (parts.every(isSettled) && !text.startsWith("~"))) return word.value;
  // Numbers of the shell's own.
  return /^\$[?#$!]$/.test(text) || beginsPlainly(parts) ? OPERAND : null;
}

/** Whether each word that it comes to begins with a text that no option begins with. */
function beginsPlainly(parts: readonly WordPart[]): boolean {
  const first = parts[0]!;
  const text = first.type === "DoubleQuoted" ? first.parts[0] : first;
  if (text === undefined || !isSettled(text) || !("value" in text) || !/^[^-]/.test(text.value)) return false;
  return parts.every(isTogether);
}

/** Not split into words of its own: what is not quoted is, and a list is. */
function isTogether(part: WordPart): boolean {
  if (part.type === "DoubleQuoted")
    return part.parts.every((one) => one.type === "Literal" || !/^\$(?:@|\{[^}]*@)/.test(one.text));
  return isSettled(part) || (part.type === "Glob" && part.parts === undefined);
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
