import type { AnalysisError } from "./analysis.ts";

/** The parser's own complaint about a text, or null when the fault is of another kind. */
export function asSyntaxError(fault: unknown): AnalysisError | null {
  if (typeof fault !== "object" || fault === null || (fault as { name?: unknown }).name !== "SqlError") return null;
  const details = (fault as { sqlDetails?: { message?: string; cursorPosition?: number } }).sqlDetails;
  const message = details?.message ?? (fault as Error).message;
  // Out of its own memory is no word about the text.
  if (message.includes("memory exhausted"))
    return { kind: "too-deep", message: "the statement is nested deeper than the parser reads" };
  return { kind: "syntax", message, position: (details?.cursorPosition ?? -1) + 1 };
}
