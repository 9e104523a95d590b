import { REDACT, compareMasks, type ColumnPattern, type MaskSpec } from "../../spec/contract/bundle/index.ts";
import type { CheckedRule } from "../checked/index.ts";
import { diagnostic } from "../diagnostics/index.ts";
import type { Report } from "./packages.ts";

/** Masks of one rule, each with the column that it is for. */
interface Entry {
  readonly rule: CheckedRule;
  readonly pattern: ColumnPattern;
  readonly mask: MaskSpec;
}

/** Pairs that are compared; a package with more masks than that is told of the first. */
const PAIRS_MAX = 200_000;

/** Rules that may mask one column in two ways: the stricter wins, and whoever wrote the other should know. */
export function reportMaskConflicts(rules: readonly CheckedRule[], report: Report): void {
  const byColumn = new Map<string | null, Entry[]>();
  for (const rule of rules) {
    for (const pattern of rule.mask?.columns ?? []) {
      const entry =
        rule.mask!.with.find((one) => one.name === pattern.column) ?? rule.mask!.with.find((one) => one.name === null);
      const list = byColumn.get(pattern.column) ?? [];
      list.push({ rule, pattern, mask: entry?.mask ?? REDACT });
      byColumn.set(pattern.column, list);
    }
  }
  const told = new Set<string>();
  let pairs = 0;
  for (const [column, entries] of byColumn) {
    const others = column === null ? [...byColumn.values()].flat() : [...entries, ...(byColumn.get(null) ?? [])];
    for (const a of entries) {
      for (const b of others) {
        if (++pairs > PAIRS_MAX) return;
        if (a.rule === b.rule || !overlap(a, b)) continue;
        const order = compareMasks(a.mask, b.mask);
        if (order >= 0) continue;
        const pair = `${a.rule.name} ${b.rule.name}`;
        if (told.has(pair)) continue;
        told.add(pair);
        const params = {
          weaker: b.rule.name,
          stricter: a.rule.name,
          column: pathOf(a.pattern, b.pattern),
          mask: show(a.mask),
        };
        report(
          diagnostic("mask-conflict", b.rule.nameSpan, params, [
            { span: a.rule.nameSpan, label: `\`${a.rule.name}\` masks it with ${show(a.mask)}` },
          ]),
        );
      }
    }
  }
}

const show = ({ kind, args }: MaskSpec): string => (args.length === 0 ? kind : `${kind}(${args.join(", ")})`);

function overlap(a: Entry, b: Entry): boolean {
  const same = (x: string | null, y: string | null): boolean => x === null || y === null || x === y;
  return (
    same(a.pattern.schema, b.pattern.schema) &&
    same(a.pattern.table, b.pattern.table) &&
    same(a.pattern.column, b.pattern.column) &&
    a.rule.protocols.some((protocol) => b.rule.protocols.includes(protocol))
  );
}

const pathOf = (a: ColumnPattern, b: ColumnPattern): string =>
  [a.schema ?? b.schema ?? "*", a.table ?? b.table ?? "*", a.column ?? b.column ?? "*"].join(".");
