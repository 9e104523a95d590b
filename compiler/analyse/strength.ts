import {
  PREDICATE_MODES,
  REDACT,
  compareMasks,
  type ColumnPattern,
  type MaskSpec,
} from "../../spec/contract/bundle/index.ts";
import type { CheckedRule } from "../../lang/index.ts";
import { COLUMNS_MAX } from "./limits.ts";

/** Something that a mask hides: a column by its three names, or a path, detector or output by its own. */
export type Hidden =
  | { readonly kind: "column"; readonly schema: string; readonly table: string; readonly column: string }
  | { readonly kind: "field" | "detector" | "output"; readonly name: string };

/** Names that stand for all those that a `*` takes in besides the ones that are mentioned; made longer until they are none. */
const OTHERS = { schema: "public", table: "t", column: "c" } as const;

export const hiddenName = (one: Hidden): string =>
  one.kind === "column" ? `${one.schema}.${one.table}.${one.column}` : `${one.kind} ${one.name}`;

const outputName = ({ source, ignoreCase }: { readonly source: string; readonly ignoreCase: boolean }): string =>
  `/${source}/${ignoreCase ? "i" : ""}`;

const names = (patterns: readonly ColumnPattern[], part: keyof ColumnPattern): readonly string[] => [
  ...new Set(patterns.flatMap((pattern) => pattern[part] ?? [])),
];

/**
 * Columns that stand for all that the patterns take in, as far as the `others` can tell them apart: where a pattern has `*`,
 * each name that the others mention, and one that nobody does. Null past the limit.
 */
export function columnsOf(
  patterns: readonly ColumnPattern[],
  others: readonly ColumnPattern[],
): readonly Extract<Hidden, { kind: "column" }>[] | null {
  const found = new Map<string, Extract<Hidden, { kind: "column" }>>();
  const choices = (pattern: ColumnPattern, part: keyof ColumnPattern): readonly string[] => {
    const own = pattern[part];
    if (own !== null) return [own];
    const known = names([...patterns, ...others], part);
    let fresh: string = OTHERS[part];
    while (known.includes(fresh)) fresh += "_";
    return [...known, fresh];
  };
  for (const pattern of patterns) {
    for (const schema of choices(pattern, "schema"))
      for (const table of choices(pattern, "table"))
        for (const column of choices(pattern, "column")) {
          const one = { kind: "column", schema, table, column } as const;
          found.set(hiddenName(one), one);
          if (found.size > COLUMNS_MAX) return null;
        }
  }
  return [...found.values()];
}

export const takesIn = (pattern: ColumnPattern, one: Extract<Hidden, { kind: "column" }>): boolean =>
  (pattern.schema === null || pattern.schema === one.schema) &&
  (pattern.table === null || pattern.table === one.table) &&
  (pattern.column === null || pattern.column === one.column);

/** How a mask rule shows something, or null when it says nothing of it. */
export function maskOf(rule: CheckedRule, hidden: Hidden): MaskSpec | null {
  const { mask } = rule;
  if (mask === null) return null;
  const entry = (name: string | null): MaskSpec | undefined => mask.with.find((one) => one.name === name)?.mask;
  switch (hidden.kind) {
    case "column":
      return mask.columns.some((pattern) => takesIn(pattern, hidden))
        ? (entry(hidden.column) ?? entry(null) ?? REDACT)
        : null;
    case "field":
      return mask.fields.includes(hidden.name)
        ? (entry(
            hidden.name
              .split(/[.[\]]+/)
              .filter((part) => part !== "")
              .pop() ?? "",
          ) ??
            entry(null) ??
            REDACT)
        : null;
    case "detector":
      return mask.detect.includes(hidden.name) ? (entry(null) ?? REDACT) : null;
    case "output":
      return mask.output !== null &&
        (mask.output.length === 0 || mask.output.some((regex) => outputName(regex) === hidden.name))
        ? (entry(null) ?? REDACT)
        : null;
  }
}

/** All that a mask rule hides, as far as it can be told apart from what `others` hide; null past the limit. */
export function hiddenBy(rule: CheckedRule, others: readonly CheckedRule[]): readonly Hidden[] | null {
  const { mask } = rule;
  if (mask === null) return [];
  const columns = columnsOf(
    mask.columns,
    others.flatMap((other) => other.mask?.columns ?? []),
  );
  if (columns === null) return null;
  // A `with` entry names a column too, so the name it stands for is one to be told apart.
  return [
    ...columns,
    ...mask.fields.map((name): Hidden => ({ kind: "field", name })),
    ...mask.detect.map((name): Hidden => ({ kind: "detector", name })),
    ...(mask.output === null ? [] : mask.output.length === 0 ? [""] : mask.output.map(outputName)).map(
      (name): Hidden => ({
        kind: "output",
        name,
      }),
    ),
  ];
}

/** Whether `rule` hides `one` at least as well as `than` does, and is no milder about what a statement may ask of it. */
export function hidesAsWell(rule: CheckedRule, than: CheckedRule, one: Hidden): boolean {
  const [a, b] = [maskOf(rule, one), maskOf(than, one)];
  if (b === null) return true;
  if (a === null || compareMasks(a, b) > 0) return false;
  const place = (of: CheckedRule): number => PREDICATE_MODES.indexOf(of.mask!.predicates);
  return place(rule) <= place(than) && rule.mask!.trusted.every((name) => than.mask!.trusted.includes(name));
}

/** Whether whatever grants satisfy `rule` satisfy `than` too. */
export function approvesAsStrictly(rule: CheckedRule, than: CheckedRule): boolean {
  const [a, b] = [rule.approve, than.approve];
  if (a === null || b === null) return false;
  return (
    a.quorum >= b.quorum &&
    a.validMs <= b.validMs &&
    a.withinMs <= b.withinMs &&
    a.groups.every((group) => b.groups.includes(group)) &&
    a.users.every((user) => b.users.includes(user))
  );
}

const asLow = (a: number | null, b: number | null): boolean => b === null || (a !== null && a <= b);

export function limitsAsStrictly(rule: CheckedRule, than: CheckedRule): boolean {
  const [a, b] = [rule.limit, than.limit];
  if (a === null || b === null) return false;
  const rate = b.rate === null || (a.rate !== null && a.rate.count <= b.rate.count && a.rate.perMs >= b.rate.perMs);
  return asLow(a.rows, b.rows) && asLow(a.bytes, b.bytes) && rate;
}

export const alertsAsMany = (rule: CheckedRule, than: CheckedRule): boolean =>
  than.alertTo.every((channel) => rule.alertTo.includes(channel));

/** Whether `rule`, where it fires, does all that `than` would do. Both are of one effect. */
export function doesAllOf(rule: CheckedRule, than: CheckedRule): boolean {
  switch (than.effect) {
    case "allow":
    case "deny":
      return true;
    case "approve":
      return approvesAsStrictly(rule, than);
    case "limit":
      return limitsAsStrictly(rule, than);
    case "alert":
      return alertsAsMany(rule, than);
    case "mask": {
      const own = rule.mask?.columns ?? [];
      if (!(than.mask?.columns ?? []).every((pattern) => own.some((one) => meets(one, pattern)))) return false;
      const hidden = hiddenBy(than, [rule]);
      return hidden !== null && hidden.every((one) => hidesAsWell(rule, than, one));
    }
  }
}

/** Whether some column is taken in by both patterns. */
const meets = (a: ColumnPattern, b: ColumnPattern): boolean =>
  (["schema", "table", "column"] as const).every((part) => a[part] === null || b[part] === null || a[part] === b[part]);
