import { maskedByPolicy, type Masked } from "../../../spec/contract/record/index.ts";
import type { Scanner } from "../detect/index.ts";
import { hideMatches } from "./detect-mask.ts";
import type { MaskPlan } from "./plan.ts";
import { HIDDEN } from "./statement-text.ts";

/** What of a sample may not be kept: columns by position, or all of it; null when nothing has to be left out. */
export type SampleHoles = ReadonlySet<number> | "all" | null;

/**
 * A client may see what others may not, and the record outlives its reader's rights: what is masked for anybody is kept only
 * as far as it was masked for this client too.
 *
 * @param mine the plans by which the client's results were masked, by statement
 * @param anybodys what they would be if every mask of the policy applied
 * @param lines rows come as lines of COPY, whose columns are not told apart: one hole hides them whole
 */
export function sampleHoles(mine: readonly MaskPlan[], anybodys: readonly MaskPlan[], lines: boolean): SampleHoles {
  const holes = new Set<number>();
  for (const [i, plan] of anybodys.entries()) {
    if (plan.kind === "clear") continue;
    if (plan.kind === "refuse") return "all";
    const own = mine[i];
    for (const [column, mask] of plan.columns.entries())
      if (mask !== null && (own?.kind !== "mask" || (own.columns[column] ?? null) === null)) holes.add(column);
  }
  if (holes.size === 0) return null;
  return lines ? "all" : holes;
}

type Rows = readonly (readonly (string | null)[])[];

const HIDDEN_CELL = maskedByPolicy(HIDDEN);

/** Rows as the client was sent them, less their holes and what any rule of the policy looks for. */
export function recordRows(
  rows: Rows,
  holes: SampleHoles,
  scanner: Scanner | null = null,
): readonly (readonly (Masked | null)[])[] {
  return rows.map((row) =>
    row.map((cell, column) => {
      if (holes !== null && (holes === "all" || holes.has(column))) return HIDDEN_CELL;
      if (cell === null) return null;
      if (scanner === null) return maskedByPolicy(cell);
      // Bytes that are shown in hex may be a text; as it can't be cut, it is left out whole.
      const hex = cell.startsWith("\\x") ? Buffer.from(cell.slice(2), "hex") : null;
      if (hex !== null && scanner.matches(hex, 0, hex.length)) return HIDDEN_CELL;
      return maskedByPolicy(hideMatches(cell, scanner, () => true, HIDDEN));
    }),
  );
}
