import type { AnalysisError } from "./analysis.ts";
import { COMMENT_OPENINGS_MAX, NESTING_MAX, OPERATOR_RUN_MAX } from "./limits.ts";

const OPERATOR = new Uint8Array(256);
for (const char of "+-*/<>=~!@#%^&|`?") OPERATOR[char.charCodeAt(0)] = 1;

/**
 * Refuses, in one pass, texts that the parser would choke on: NUL (it stops reading there, the server does not), runs of
 * operator characters and comment openings (its time grows with their square), and deep brackets.
 */
export function prescan(bytes: Uint8Array, bytesMax: number): AnalysisError | null {
  if (bytes.length > bytesMax) return { kind: "too-large", bytes: bytes.length, bytesMax };
  let run = 0;
  let openings = 0;
  let depth = 0;
  for (let i = 0; i < bytes.length; i++) {
    const byte = bytes[i]!;
    if (byte === 0) return { kind: "not-utf8" };
    if (OPERATOR[byte] === 1) {
      if (++run > OPERATOR_RUN_MAX && !isRuler(bytes, i))
        return { kind: "too-deep", message: `more than ${OPERATOR_RUN_MAX} operator characters in a row` };
      if (byte === 0x2a && bytes[i - 1] === 0x2f && ++openings > COMMENT_OPENINGS_MAX) {
        return { kind: "too-deep", message: `more than ${COMMENT_OPENINGS_MAX} comments are opened` };
      }
    } else {
      run = 0;
      if (byte === 0x28 || byte === 0x5b) {
        if (++depth > NESTING_MAX)
          return { kind: "too-deep", message: `brackets are nested more than ${NESTING_MAX} deep` };
      } else if (byte === 0x29 || byte === 0x5d) depth--;
    }
  }
  return null;
}

/** A line of dashes, as people draw them in comments. */
function isRuler(bytes: Uint8Array, at: number): boolean {
  return bytes[at] === 0x2d && bytes[at - 1] === 0x2d;
}
