import type { AnalysedStatement, Literal } from "../../facts/index.ts";
import { maskedByPolicy, type Masked } from "../../../spec/contract/record/index.ts";
import type { Scanner } from "../detect/index.ts";
import { hideMatches } from "./detect-mask.ts";
import type { MaskedCatalog } from "./masked-catalog.ts";

/** What stands in place of a literal that may not be shown. */
export const HIDDEN = "«hidden»";

const hides = (literal: Literal, masked: MaskedCatalog | null, reachesMasked: boolean): boolean => {
  if (literal.secret) return true;
  if (masked === null) return false;
  if (literal.loose && reachesMasked) return true;
  return literal.columns.some((column) => masked.maskOfColumn(column) !== null);
};

/**
 * A statement's text as it may be kept: literals that belong to a masked column, that may belong to one, or that are
 * passwords by their place, are taken out. `masked` says what is masked for anybody, not only for this user: the record
 * outlives its reader's rights.
 */
export function recordText(
  text: Buffer,
  statements: readonly AnalysedStatement[],
  masked: MaskedCatalog | null,
  scanner: Scanner | null = null,
): { readonly text: Masked; readonly hidden: boolean } {
  const shown = withoutLiterals(text, statements, masked);
  const found = scanner === null ? shown.text : lookedThrough(shown.text, scanner);
  return { text: maskedByPolicy(found), hidden: shown.hidden || found !== shown.text };
}

/** What any rule of the policy looks for is not kept, whoever may see it. */
const lookedThrough = (text: string, scanner: Scanner): string => hideMatches(text, scanner, () => true, HIDDEN);

function withoutLiterals(
  text: Buffer,
  statements: readonly AnalysedStatement[],
  masked: MaskedCatalog | null,
): { readonly text: string; readonly hidden: boolean } {
  const holes: Literal[] = [];
  for (const statement of statements) {
    const reachesMasked =
      masked !== null && (statement.reachesAnything || statement.reached.some((oid) => masked.relations.has(oid)));
    for (const literal of statement.literals) if (hides(literal, masked, reachesMasked)) holes.push(literal);
  }
  if (holes.length === 0) return { text: text.toString("utf8"), hidden: false };
  holes.sort((a, b) => a.start - b.start);
  let out = "";
  let at = 0;
  for (const hole of holes) {
    if (hole.start < at) continue;
    out += text.toString("utf8", at, hole.start) + HIDDEN;
    at = hole.end;
  }
  return { text: out + text.toString("utf8", at), hidden: true };
}

/** A text that can't be analysed can't be masked either: only its size is kept. */
export function unreadableText(text: Buffer): Masked {
  return maskedByPolicy(`«${text.length} bytes that could not be analysed»`);
}

/** Bound values, or marks in their place when any of them may belong to a masked column. */
export function recordParameters(
  parameters: readonly (Buffer | null)[],
  formats: readonly number[],
  hide: boolean,
  scanner: Scanner | null = null,
): readonly (Masked | null)[] {
  return parameters.map((value, i) => {
    if (value === null) return null;
    if (hide) return maskedByPolicy(HIDDEN);
    const format = formats.length === 1 ? formats[0] : (formats[i] ?? 0);
    // In binary form a text is itself, so it is looked through all the same.
    if (scanner !== null && scanner.matches(value, 0, value.length)) return maskedByPolicy(HIDDEN);
    return maskedByPolicy(
      format === 1
        ? `\\x${value.toString("hex", 0, PARAMETER_BYTES_MAX)}`
        : value.toString("utf8", 0, PARAMETER_BYTES_MAX),
    );
  });
}

/** Of a bound value at most this many bytes are shown in the record. */
const PARAMETER_BYTES_MAX = 1024;
