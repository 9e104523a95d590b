import { diagnostic, type Diagnostic } from "../diagnostics/index.ts";
import type { SourceFile } from "../source/index.ts";
import { SYNTAX_ERRORS_MAX } from "./limits.ts";

/** Bidirectional controls, characters without width, line separators, and the byte-order mark. */
const UNSEEN = /[\u061c\u00ad\u200b-\u200f\u2028-\u202e\u2060-\u2064\u2066-\u206f\ufeff]|\r(?!\n)/g;

/**
 * What stands in a file and is not seen in it, also inside texts and comments.
 * Source: Boucher and Anderson, "Trojan Source: Invisible Vulnerabilities" (2021).
 */
export function unseenIn(file: SourceFile): readonly Diagnostic[] {
  const found: Diagnostic[] = [];
  for (const { 0: char, index } of file.text.matchAll(UNSEEN)) {
    if (found.length >= SYNTAX_ERRORS_MAX) break;
    const span = { file: file.path, start: index, end: index + 1 };
    if (char === "\r") {
      found.push(diagnostic("lone-carriage-return", span, {}));
      continue;
    }
    const code = `U+${char.charCodeAt(0).toString(16).toUpperCase().padStart(4, "0")}`;
    const name = char === "\ufeff" ? `${code}, a byte-order mark` : code;
    found.push(diagnostic("hidden-character", span, { name }));
  }
  return found;
}
