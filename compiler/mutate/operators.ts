import { MASKS, type MaskSpec } from "../../spec/contract/bundle/index.ts";
import type { CheckedExpr, CheckedRule, Span } from "../../lang/index.ts";
import { childrenOf, sourceOf, type TextOf } from "../condition/index.ts";
import { maskText } from "../test/index.ts";

/** The kinds of change, as reports name them. */
export const MUTATIONS = [
  "effect-flip",
  "rule-removed",
  "unless-dropped",
  "condition-true",
  "condition-false",
  "negation-dropped",
  "operator-changed",
  "quantifier-changed",
  "element-removed",
  "element-added",
  "bound-moved",
  "pattern-widened",
  "range-widened",
  "mask-weakened",
  "column-dropped",
  "quorum-lowered",
  "limit-raised",
] as const;
export type Mutation = (typeof MUTATIONS)[number];

/** A policy with one small fault: one rule changed, or gone. */
export interface Mutant {
  readonly mutation: Mutation;
  /** Place of the rule in the policy. */
  readonly place: number;
  /** The rule as it is now; null when it is gone. */
  readonly rule: CheckedRule | null;
  readonly span: Span;
  /** The change in words: `user.groups has "x"` is always true. */
  readonly change: string;
}

interface Change {
  readonly mutation: Mutation;
  readonly expr: CheckedExpr;
  readonly span: Span;
  readonly text: string;
}

/** Every mutant of one rule, each kind of change at each place that it fits. Equal ones are left out. */
export function mutantsOf(rule: CheckedRule, place: number, textOf: TextOf): readonly Mutant[] {
  const found: Mutant[] = [];
  const seen = new Set<string>();
  const add = (mutation: Mutation, next: CheckedRule | null, span: Span, change: string): void => {
    const key = next === null ? "gone" : shapeOf(next);
    if (key === shapeOf(rule) || seen.has(key)) return;
    seen.add(key);
    found.push({ mutation, place, rule: next, span, change });
  };
  add("rule-removed", null, rule.nameSpan, `${rule.effect} ${rule.name} is not there`);
  const flipped = FLIPPED_EFFECT[rule.effect];
  if (flipped !== undefined)
    add(
      "effect-flip",
      { ...rule, effect: flipped, approve: null },
      rule.nameSpan,
      `${rule.name} is \`${flipped}\` instead of \`${rule.effect}\``,
    );
  if (rule.unless !== null) add("unless-dropped", { ...rule, unless: null }, rule.unless.span, "there is no `unless`");
  if (rule.when !== null) add("condition-true", { ...rule, when: null }, rule.when.span, "there is no `when`");
  for (const clause of ["when", "unless"] as const) {
    const expr = rule[clause];
    if (expr === null) continue;
    for (const change of changesOf(expr, textOf))
      add(change.mutation, { ...rule, [clause]: change.expr }, change.span, change.text);
  }
  clauseMutants(rule, add);
  return found;
}

const FLIPPED_EFFECT: Partial<Record<CheckedRule["effect"], CheckedRule["effect"]>> = {
  allow: "deny",
  deny: "allow",
  approve: "allow",
};

/** A rule's meaning without places. */
const shapeOf = (rule: CheckedRule): string =>
  JSON.stringify([rule.effect, rule.when, rule.unless, rule.approve, rule.mask, rule.limit], (key, value: unknown) =>
    key === "span" ? undefined : value,
  );

const constant = (value: boolean, of: CheckedExpr): CheckedExpr => ({
  kind: "const",
  value,
  type: { kind: "bool" },
  span: of.span,
});

/** Changes at every place of a condition. That the whole clause is true or false are mutants of the rule. */
function* changesOf(expr: CheckedExpr, textOf: TextOf): Generator<Change> {
  yield* ownChanges(expr, textOf);
  for (const { child, put, condition } of childrenOf(expr)) {
    if (condition && child.kind !== "const") {
      const text = sourceOf(child, textOf);
      yield {
        mutation: "condition-true",
        expr: put(constant(true, child)),
        span: child.span,
        text: `\`${text}\` is always true`,
      };
      yield {
        mutation: "condition-false",
        expr: put(constant(false, child)),
        span: child.span,
        text: `\`${text}\` is always false`,
      };
    }
    for (const change of changesOf(child, textOf)) yield { ...change, expr: put(change.expr) };
  }
}

const NEXT_OPERATOR = { "==": "!=", "!=": "==", "<": "<=", "<=": "<", ">": ">=", ">=": ">" } as const;

function* ownChanges(expr: CheckedExpr, textOf: TextOf): Generator<Change> {
  const { span } = expr;
  const text = sourceOf(expr, textOf);
  const change = (mutation: Mutation, next: CheckedExpr, why: string): Change => ({
    mutation,
    expr: next,
    span,
    text: why,
  });
  switch (expr.kind) {
    case "not":
      yield change("negation-dropped", expr.operand, `\`${text}\` is not negated`);
      return;
    case "and":
    case "or": {
      const kind = expr.kind === "and" ? "or" : "and";
      yield change("operator-changed", { ...expr, kind }, `\`${kind}\` instead of \`${expr.kind}\` in \`${text}\``);
      return;
    }
    case "compare": {
      const op = NEXT_OPERATOR[expr.op];
      yield change("operator-changed", { ...expr, op }, `\`${op}\` instead of \`${expr.op}\` in \`${text}\``);
      for (const side of ["left", "right"] as const) {
        const bound = expr[side];
        if (bound.kind !== "const" || typeof bound.value !== "number") continue;
        for (const by of [-1, 1])
          yield change(
            "bound-moved",
            { ...expr, [side]: { ...bound, value: bound.value + by } },
            `${bound.value + by} instead of ${bound.value} in \`${text}\``,
          );
      }
      return;
    }
    case "has":
      if (expr.mode !== "one") {
        const mode = expr.mode === "any" ? "all" : "any";
        yield change(
          "quantifier-changed",
          { ...expr, mode },
          `\`has ${mode}\` instead of \`has ${expr.mode}\` in \`${text}\``,
        );
      }
      return;
    case "quantified": {
      const quantifier = expr.quantifier === "any" ? "all" : "any";
      yield change(
        "quantifier-changed",
        { ...expr, quantifier },
        `\`${quantifier}\` instead of \`${expr.quantifier}\` in \`${text}\``,
      );
      return;
    }
    case "constant-set":
      yield* setChanges(expr, text, change);
      return;
    case "like":
      for (const pattern of widened(expr.pattern))
        yield change("pattern-widened", { ...expr, pattern }, `the pattern is "${pattern}" in \`${text}\``);
      return;
    case "within": {
      const [address, bits] = expr.cidr.split("/");
      if (bits === undefined || Number(bits) === 0) return;
      const cidr = `${address}/${Number(bits) - 1}`;
      yield change("range-widened", { ...expr, cidr }, `the range is ${cidr} in \`${text}\``);
      return;
    }
    default:
      return;
  }
}

function* setChanges(
  expr: Extract<CheckedExpr, { kind: "constant-set" }>,
  text: string,
  change: (mutation: Mutation, next: CheckedExpr, why: string) => Change,
): Generator<Change> {
  if (expr.values.length > 1)
    for (const value of expr.values)
      yield change(
        "element-removed",
        { ...expr, values: expr.values.filter((one) => one !== value) },
        `${String(value)} is missing from \`${text}\``,
      );
  // A made-up text in a set is a fault that no real action could show; of an enumeration every value is real.
  if (expr.of.kind !== "enum") return;
  const last = expr.of.values.indexOf(String(expr.values.at(-1)));
  const after = [...expr.of.values.slice(last + 1), ...expr.of.values.slice(0, Math.max(last, 0))];
  const added = after.find((value) => !expr.values.includes(value));
  if (added !== undefined)
    yield change("element-added", { ...expr, values: [...expr.values, added] }, `${added} is one more in \`${text}\``);
}

/** A pattern with one single star made to go across segments. */
function widened(pattern: string): readonly string[] {
  return [...pattern.matchAll(/\*+/g)].flatMap((star) =>
    star[0] === "*" && pattern[star.index - 1] !== "\\"
      ? [`${pattern.slice(0, star.index)}**${pattern.slice(star.index + 1)}`]
      : [],
  );
}

type Add = (mutation: Mutation, next: CheckedRule | null, span: Span, change: string) => void;

/** Faults in what a rule does, rather than in when it does it. */
function clauseMutants(rule: CheckedRule, add: Add): void {
  const { approve, mask, limit, nameSpan } = rule;
  if (approve !== null && approve.quorum > 1) {
    const quorum = approve.quorum - 1;
    add(
      "quorum-lowered",
      { ...rule, approve: { ...approve, quorum } },
      nameSpan,
      `the quorum of ${rule.name} is ${quorum} instead of ${approve.quorum}`,
    );
  }
  if (limit !== null) {
    if (limit.rows !== null)
      add(
        "limit-raised",
        { ...rule, limit: { ...limit, rows: limit.rows + 1 } },
        nameSpan,
        `${rule.name} lets ${limit.rows + 1} rows through instead of ${limit.rows}`,
      );
    if (limit.bytes !== null)
      add(
        "limit-raised",
        { ...rule, limit: { ...limit, bytes: limit.bytes + 1 } },
        nameSpan,
        `${rule.name} lets ${limit.bytes + 1} bytes through instead of ${limit.bytes}`,
      );
  }
  if (limit !== null && limit.rate !== null) {
    const rate = { ...limit.rate, count: limit.rate.count + 1 };
    add(
      "limit-raised",
      { ...rule, limit: { ...limit, rate } },
      nameSpan,
      `${rule.name} lets ${rate.count} actions through instead of ${limit.rate.count}`,
    );
  }
  if (mask === null) return;
  for (const [i, entry] of mask.with.entries()) {
    const weaker = weakerMask(entry.mask);
    if (weaker === null) continue;
    const next = mask.with.map((one, j) => (i === j ? { ...one, mask: weaker } : one));
    add(
      "mask-weakened",
      { ...rule, mask: { ...mask, with: next } },
      nameSpan,
      `${rule.name} masks ${entry.name ?? "the rest"} with ${maskText(weaker)} instead of ${maskText(entry.mask)}`,
    );
  }
  for (const part of ["fields", "detect"] as const)
    for (const one of mask[part].length > 1 ? mask[part] : [])
      add(
        "column-dropped",
        { ...rule, mask: { ...mask, [part]: mask[part].filter((other) => other !== one) } },
        nameSpan,
        `${rule.name} says nothing of ${one}`,
      );
  for (const column of mask.columns.length > 1 ? mask.columns : []) {
    const columns = mask.columns.filter((one) => one !== column);
    const name = [column.schema, column.table, column.column].map((part) => part ?? "*").join(".");
    add("column-dropped", { ...rule, mask: { ...mask, columns } }, nameSpan, `${rule.name} says nothing of ${name}`);
  }
}

/** Characters that a weakened mask shows. */
const SHOWN = 4;

/** The next milder mask of the table, or one character more of what it shows. */
function weakerMask(spec: MaskSpec): MaskSpec | null {
  const [first] = spec.args;
  if (typeof first === "number") return { ...spec, args: [first + 1, ...spec.args.slice(1)] };
  const place = MASKS.findIndex((row) => row.name === spec.kind);
  const next = MASKS.slice(place + 1).find((row) => row.parameters.every((parameter) => parameter.type === "count"));
  return next === undefined ? null : { kind: next.name, args: next.parameters.map(() => SHOWN) };
}
