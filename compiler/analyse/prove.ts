import { factAt, type ProtocolName } from "../../spec/contract/facts/index.ts";
import {
  evaluate,
  ruleMatches,
  type CheckedNever,
  type CheckedPolicy,
  type CheckedRule,
  type FactMap,
} from "../../lang/index.ts";
import { actionAsTest, outcomeOf, withoutIdle, type Action, type Outcome } from "./action.ts";
import { Engine, type Answer } from "./engine.ts";
import { COLUMN_CHOICES_MAX } from "./limits.ts";
import type { Node } from "./literal.ts";
import { protocolGroups } from "./rules.ts";
import { Side, both } from "./sides.ts";
import { columnsOf, hiddenName, takesIn, type Hidden } from "./strength.ts";

type Column = Extract<Hidden, { kind: "column" }>;

export type Proof = { readonly never: CheckedNever } & (
  | { readonly kind: "proved" }
  | {
      readonly kind: "refuted";
      readonly action: Action;
      readonly outcome: Outcome;
      /** Columns that come back as they are though they should not. */
      readonly plain: readonly string[];
      /** A `test` that fails until the policy keeps to the invariant, and facts that no test can state. */
      readonly test: string;
      readonly unstated: readonly string[];
    }
  | { readonly kind: "inconclusive"; readonly why: string }
);

/** Whether the rules keep to each invariant of the policy, on every action. */
export function prove(policy: Pick<CheckedPolicy, "rules" | "nevers">): readonly Proof[] {
  return policy.nevers.map((never) => proofOf(never, policy.rules));
}

function proofOf(never: CheckedNever, rules: readonly CheckedRule[]): Proof {
  let why: string | null = null;
  // A protocol without rules is denied by default, and nothing comes back.
  for (const { all } of protocolGroups([rules])) {
    for (const protocol of all.filter((one) => never.protocols.includes(one)).slice(0, 1)) {
      const choices = columnChoices(never, rules);
      if (choices === null)
        return { never, kind: "inconclusive", why: "the masks and the invariant name too many columns" };
      const engine = new Engine(protocol);
      const side = new Side(engine, protocol, rules, 0);
      for (const columns of choices) {
        for (const verdict of never.evenApproved ? (["allow", "approve"] as const) : (["allow"] as const)) {
          const found = violation(never, verdict, columns, protocol, engine, side);
          if (found.kind === "inconclusive") why ??= found.why;
          if (found.kind === "found") return refuted(never, found, verdict, columns, protocol, side);
        }
      }
    }
  }
  return why === null ? { never, kind: "proved" } : { never, kind: "inconclusive", why };
}

/** One column for each pattern of `plain`, in every way that the masks can tell apart. */
function columnChoices(never: CheckedNever, rules: readonly CheckedRule[]): readonly (readonly Column[])[] | null {
  const masks = rules.flatMap((rule) => (rule.mask === null ? [] : [rule.mask]));
  let choices: readonly (readonly Column[])[] = [[]];
  for (const pattern of never.plain) {
    const columns = columnsOf(
      [pattern],
      masks.flatMap((mask) => mask.columns),
    );
    if (columns === null) return null;
    const byMasks = new Map<string, Column>();
    for (const column of columns) {
      const key = masks.map((mask) => (mask.columns.some((one) => takesIn(one, column)) ? 1 : 0)).join("");
      if (!byMasks.has(key)) byMasks.set(key, column);
    }
    choices = choices.flatMap((chosen) => [...byMasks.values()].map((column) => [...chosen, column]));
    if (choices.length > COLUMN_CHOICES_MAX) return null;
  }
  return choices;
}

const hides = (rule: CheckedRule, columns: readonly Column[]): boolean =>
  rule.mask !== null && columns.some((column) => rule.mask!.columns.some((pattern) => takesIn(pattern, column)));

function namesColumn(engine: Engine, protocol: ProtocolName, column: Column): Node {
  const fact = factAt(protocol, "statement.columns");
  if (fact === undefined) return { op: "yes" };
  const { span } = NOWHERE;
  return engine.conditions.node(
    {
      kind: "has",
      mode: "one",
      set: { kind: "fact", path: fact.path, type: fact.type, span },
      values: { kind: "const", value: hiddenName(column), type: { kind: "string" }, span },
      span,
    },
    "true",
  );
}

const NOWHERE = { span: { file: "", start: 0, end: 0 } } as const;

function violation(
  never: CheckedNever,
  verdict: "allow" | "approve",
  columns: readonly Column[],
  protocol: ProtocolName,
  engine: Engine,
  side: Side,
): Answer {
  const masks = side.none(["mask"], (entry) => !hides(entry.rule, columns));
  return engine.ask({
    all: [
      ...(never.condition === null ? [] : [engine.conditions.node(never.condition, "true")]),
      ...columns.map((column) => namesColumn(engine, protocol, column)),
      side.some([verdict]),
    ],
    watch: both(side.none(verdict === "allow" ? ["deny", "approve"] : ["deny"]), masks),
    confirm: (facts) => breaks(never, verdict, columns, protocol, side, facts),
  });
}

function breaks(
  never: CheckedNever,
  verdict: "allow" | "approve",
  columns: readonly Column[],
  protocol: ProtocolName,
  side: Side,
  facts: FactMap,
): boolean {
  return (
    (never.condition === null || evaluate(never.condition, facts) === true) &&
    outcomeOf(side.rules, { protocol, facts }).verdict === verdict &&
    !side.entries.some(({ rule }) => hides(rule, columns) && ruleMatches(rule, facts).matched)
  );
}

function refuted(
  never: CheckedNever,
  found: Extract<Answer, { kind: "found" }>,
  verdict: "allow" | "approve",
  columns: readonly Column[],
  protocol: ProtocolName,
  side: Side,
): Proof {
  const full = found.candidate.facts();
  const facts = withoutIdle(full, (fewer) => breaks(never, verdict, columns, protocol, side, fewer));
  const action: Action = { protocol, facts };
  // A mask that speaks of the column would do; else only a denial will.
  const mask = side.entries.find(({ rule }) => hides(rule, columns))?.rule.name;
  const expectation = mask === undefined ? "expect deny" : `expect matched ${mask}`;
  const { test, unstated } = actionAsTest(`never: ${never.title}`, action, full, expectation);
  return {
    never,
    kind: "refuted",
    action,
    outcome: outcomeOf(side.rules, action),
    plain: columns.map(hiddenName),
    test,
    unstated,
  };
}
