import type { AnalysedStatement, CatalogRelation, ColumnId } from "../../facts/index.ts";
import type { MaskedCatalog } from "./masked-catalog.ts";
import { maskExpression, quoted } from "./sql-expression.ts";

/** A name in a statement's text, to be replaced by a sub-select that masks. */
export interface Replacement {
  /** Byte offset of the name. */
  readonly place: number;
  /** What stands there instead, with a name for it where the text gives none. */
  readonly text: string;
}

export interface Substitution {
  readonly replacements: readonly Replacement[];
  /** Columns, `relation.attribute`, that the statement sees masked only. */
  readonly covered: ReadonlySet<string>;
}

export const columnKey = (column: ColumnId): string => `${column.relation}.${column.attribute}`;

/**
 * How every masked relation that a statement reads can be replaced by a sub-select over it; or why it can't. What the database
 * can't mask itself stays as it is in the sub-select, and is not among `covered`.
 */
export function substitute(statement: AnalysedStatement, masked: MaskedCatalog): Substitution | string {
  const replacements: Replacement[] = [];
  const covered = new Set<string>();
  const { effects } = statement;
  if (effects.prepares !== null || effects.declares !== null)
    return "what is prepared or declared in SQL can't be rewritten; send it by the protocol's own prepared statements";
  for (const use of statement.relations) {
    const relation = use.oid === null ? undefined : masked.relation(use.oid);
    if (relation === undefined) continue;
    const reach = [relation.oid, ...relation.reads, ...relation.family];
    if (!reach.some((oid) => masked.relations.has(oid))) continue;
    const name = `${relation.schema}.${relation.name}`;
    if (use.access === "write" || typeof use.place !== "number" || relation.reads.length > 0)
      return `${name} stands where no masked form of it can be put`;
    const columns = relation.columns.map((column) => {
      const own = quoted(column.name);
      const related = masked.related(relation, column.name);
      const mask = masked.strictest(related);
      if (mask === null) return own;
      const expression = maskExpression(mask.spec, column.type, own);
      if (expression === null) return own;
      for (const one of related) covered.add(columnKey(one));
      return `${expression} as ${own}`;
    });
    replacements.push({
      place: use.place,
      text: `(select ${columns.join(", ")} from ${sourceOf(relation)})${use.aliased === true ? "" : ` as ${quoted(relation.name)}`}`,
    });
  }
  return { replacements, covered };
}

const sourceOf = (relation: CatalogRelation): string => `${quoted(relation.schema)}.${quoted(relation.name)}`;

/**
 * A text with names replaced at their exact places; null when something else than a name stands at one of them.
 */
export function rewrite(text: Buffer, replacements: readonly Replacement[]): Buffer | null {
  const parts: Buffer[] = [];
  let at = 0;
  for (const { place, text: instead } of [...replacements].sort((a, b) => a.place - b.place)) {
    const end = place < at ? -1 : nameEnd(text, place);
    if (end < 0) return null;
    parts.push(text.subarray(at, place), Buffer.from(instead, "utf8"));
    at = end;
  }
  return Buffer.concat([...parts, text.subarray(at)]);
}

const QUOTE = 0x22;
const DOT = 0x2e;
const STAR = 0x2a;
const isBlank = (byte: number): boolean => byte === 0x20 || (byte >= 0x09 && byte <= 0x0d);
const isStart = (byte: number): boolean =>
  (byte >= 0x41 && byte <= 0x5a) || (byte >= 0x61 && byte <= 0x7a) || byte === 0x5f || byte >= 0x80;
const isPart = (byte: number): boolean => isStart(byte) || (byte >= 0x30 && byte <= 0x39) || byte === 0x24;

/** Where a name of up to three parts ends, with the `*` that may follow it; -1 when there is none that is understood. */
function nameEnd(text: Buffer, place: number): number {
  let at = identifierEnd(text, place);
  for (let parts = 1; at >= 0; parts++) {
    const next = blankEnd(text, at);
    if (next < text.length && text[next] === STAR) return next + 1;
    if (next >= text.length || text[next] !== DOT) return at;
    if (parts === 3) return -1;
    at = identifierEnd(text, blankEnd(text, next + 1));
  }
  return -1;
}

function identifierEnd(text: Buffer, from: number): number {
  if (from >= text.length) return -1;
  let at = from;
  // Names with Unicode escapes may go on with UESCAPE: they are left alone.
  if ((text[at]! | 0x20) === 0x75 && text[at + 1] === 0x26) return -1;
  if (text[at] === QUOTE) {
    for (at++; at < text.length; at++) {
      if (text[at] !== QUOTE) continue;
      if (text[at + 1] !== QUOTE) return at + 1;
      at++;
    }
    return -1;
  }
  if (!isStart(text[at]!)) return -1;
  while (at < text.length && isPart(text[at]!)) at++;
  return at;
}

/** Behind white space and comments. */
function blankEnd(text: Buffer, from: number): number {
  let at = from;
  for (;;) {
    if (at < text.length && isBlank(text[at]!)) at++;
    else if (text[at] === 0x2d && text[at + 1] === 0x2d) {
      while (at < text.length && text[at] !== 0x0a && text[at] !== 0x0d) at++;
    } else if (text[at] === 0x2f && text[at + 1] === STAR) {
      let depth = 1;
      for (at += 2; at < text.length && depth > 0; at++) {
        if (text[at] === 0x2f && text[at + 1] === STAR) {
          depth++;
          at++;
        } else if (text[at] === STAR && text[at + 1] === 0x2f) {
          depth--;
          at++;
        }
      }
    } else return at;
  }
}
