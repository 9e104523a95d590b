import { hideMatches, type DetectPlan } from "../../enforce/mask/index.ts";
import { cstring, message } from "./messages.ts";

/** Fields that tell nothing of any row: severity, its untranslated form, SQLSTATE, and the place in the statement. */
const HARMLESS = ["S", "V", "C", "P"] as const;

/**
 * Conditions whose text names only what the statement itself names: transaction and lock states, cancellation, names that
 * do not exist or exist already.
 */
const HARMLESS_TEXTS: ReadonlySet<string> = new Set([
  "25P02",
  "57014",
  "40001",
  "40P01",
  "55P03",
  "42P03",
  "42P05",
  "26000",
  "34000",
]);

/**
 * Names that do not exist and faults of grammar. The parser tells their place in the statement; a function that reads
 * its argument as a name or as some grammar of its own (`regclass`, `to_tsquery`) raises the same ones without a place, and
 * quotes the argument.
 */
const HARMLESS_WITH_PLACE: ReadonlySet<string> = new Set(["42P01", "42703", "42601"]);

/**
 * An error or notice of the server while masked columns are within the statement's reach: texts of the server quote
 * values ("invalid input syntax for type integer: …", "Key (email)=(…) already exists"), so none is passed on.
 *
 * @param moved the server was sent another text, so that its places are left out
 */
export function scrubReport(type: number, fields: ReadonlyMap<string, string>, moved = false): Buffer {
  const parts: Buffer[] = [];
  for (const code of HARMLESS) {
    const value = fields.get(code);
    if (value !== undefined && !(moved && code === "P")) parts.push(Buffer.from(code), cstring(value));
  }
  const sqlstate = fields.get("C") ?? "XX000";
  const harmless = HARMLESS_TEXTS.has(sqlstate) || (HARMLESS_WITH_PLACE.has(sqlstate) && fields.has("P"));
  const text = harmless ? fields.get("M") : undefined;
  parts.push(
    Buffer.from("M"),
    cstring(text ?? `the server reports ${sqlstate}; its text is withheld, for it may quote masked values`),
  );
  parts.push(Buffer.of(0));
  return message(type, ...parts);
}

/** A report with what detectors find in its texts replaced by stars; null when they find nothing. */
export function detectInReport(type: number, fields: ReadonlyMap<string, string>, detect: DetectPlan): Buffer | null {
  const parts: Buffer[] = [];
  let found = false;
  for (const [code, text] of fields) {
    const shown = hideMatches(text, detect.scanner, (one) => detect.specs[one] !== null, "***");
    found ||= shown !== text;
    parts.push(Buffer.from(code), cstring(shown));
  }
  parts.push(Buffer.of(0));
  return found ? message(type, ...parts) : null;
}
