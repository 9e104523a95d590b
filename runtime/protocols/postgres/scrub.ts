import { cstring, message } from "./messages.ts";

/** Fields that tell nothing of any row: severity, its untranslated form, SQLSTATE, and the place in the statement. */
const HARMLESS = ["S", "V", "C", "P"] as const;

/**
 * An error or notice of the server while masked columns are within the statement's reach: texts of the server quote
 * values ("invalid input syntax for type integer: …", "Key (email)=(…) already exists"), so none is passed on.
 */
export function scrubReport(type: number, fields: ReadonlyMap<string, string>): Buffer {
  const parts: Buffer[] = [];
  for (const code of HARMLESS) {
    const value = fields.get(code);
    if (value !== undefined) parts.push(Buffer.from(code), cstring(value));
  }
  const sqlstate = fields.get("C") ?? "XX000";
  parts.push(Buffer.from("M"), cstring(`the server reports ${sqlstate}; its text is withheld, for it may quote masked values`));
  parts.push(Buffer.of(0));
  return message(type, ...parts);
}
