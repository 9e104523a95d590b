import type { ProtocolName } from "../../spec/contract/facts/index.ts";
import {
  evaluate,
  ruleMatches,
  type CheckedExpr,
  type CheckedPolicy,
  type CheckedRule,
  type FactMap,
} from "../../lang/index.ts";
import { outcomeOf, withoutIdle, type Action, type Outcome } from "./action.ts";
import { Engine } from "./engine.ts";
import { QUERY_CUBES_MAX } from "./limits.ts";
import { join, nameOfNode, type Literal, type Node } from "./literal.ts";
import type { Entry } from "./rules.ts";
import { showLiteral, type TextOf } from "./show-condition.ts";
import { Side } from "./sides.ts";

export const QUERY_VERDICTS = ["allow", "approve", "mask"] as const;
export type QueryVerdict = (typeof QUERY_VERDICTS)[number];

/** One way in which a rule grants: all of the conditions together. */
export interface Way {
  /** About the user. */
  readonly who: readonly string[];
  /** About everything else that the question left open. */
  readonly when: readonly string[];
}

/** A rule that grants what was asked for, on some actions of the question. */
export interface Grant {
  readonly rule: CheckedRule;
  readonly verdict: QueryVerdict;
  /** Empty ways are always; null: too many to be shown. */
  readonly ways: readonly Way[] | null;
  /** Rules that may stand in its way on the same actions, with when they do; null: in too many ways to be shown. */
  readonly except: readonly { readonly rule: CheckedRule; readonly ways: readonly Way[] | null }[];
  readonly action: Action;
  readonly outcome: Outcome;
}

export interface QueryAnswer {
  readonly grants: readonly Grant[];
  readonly inconclusive: readonly { readonly rule: CheckedRule; readonly why: string }[];
}

export interface Query {
  readonly protocol: ProtocolName;
  /** What is known of the action; null: nothing. */
  readonly given: CheckedExpr | null;
  readonly verdicts: readonly QueryVerdict[];
}

const STRONGER = { allow: ["deny", "approve"], approve: ["deny"], mask: ["deny"] } as const;

/** Who can: the rules that grant on actions like the given one, each with its conditions and an action. */
export function query(policy: Pick<CheckedPolicy, "rules">, asked: Query, textOf: TextOf): QueryAnswer {
  const { protocol, given, verdicts } = asked;
  const engine = new Engine(protocol);
  const side = new Side(engine, protocol, policy.rules, 0);
  const known: Node = given === null ? { op: "yes" } : engine.conditions.node(given, "true");
  const grants: Grant[] = [];
  const inconclusive: { rule: CheckedRule; why: string }[] = [];
  for (const entry of side.entries) {
    const { rule } = entry;
    const verdict = verdicts.find((one) => one === rule.effect);
    if (verdict === undefined) continue;
    const holds = (facts: FactMap): boolean =>
      (given === null || evaluate(given, facts) === true) &&
      ruleMatches(rule, facts).matched &&
      goesWith(verdict, outcomeOf(policy.rules, { protocol, facts }).verdict);
    const found = engine.ask({
      all: [known, entry.fires, ...(verdict === "mask" ? [side.some(["allow", "approve"])] : [])],
      watch: side.none(STRONGER[verdict]),
      confirm: holds,
    });
    if (found.kind === "inconclusive") inconclusive.push({ rule, why: found.why });
    if (found.kind !== "found") continue;
    const facts = withoutIdle(found.candidate.facts(), holds);
    const action = { protocol, facts };
    grants.push({
      rule,
      verdict,
      ways: waysOf(engine, known, entry.fires, textOf),
      except: exceptions(engine, side, known, entry, verdict, textOf),
      action,
      outcome: outcomeOf(policy.rules, action),
    });
  }
  return { grants, inconclusive };
}

const goesWith = (wanted: QueryVerdict, verdict: Outcome["verdict"]): boolean =>
  wanted === "mask" ? verdict !== "deny" : verdict === wanted;

function exceptions(
  engine: Engine,
  side: Side,
  known: Node,
  entry: Entry,
  verdict: QueryVerdict,
  textOf: TextOf,
): Grant["except"] {
  const given = join("and", [known, entry.fires]);
  const stronger: readonly string[] = STRONGER[verdict];
  return side.entries.flatMap(({ rule, fires }) => {
    if (!stronger.includes(rule.effect)) return [];
    const meets = engine.ask({ all: [given, fires], watch: null, confirm: null });
    return meets.kind === "none" ? [] : [{ rule, ways: waysOf(engine, given, fires, textOf) }];
  });
}

/** The formula as ways, without what the given already says and without ways that it rules out. */
function waysOf(engine: Engine, given: Node, formula: Node, textOf: TextOf): readonly Way[] | null {
  const cubes = cubesOf(formula);
  if (cubes === null) return null;
  const possible = (nodes: readonly Node[]): boolean =>
    engine.ask({ all: [given, ...nodes], watch: null, confirm: null }).kind !== "none";
  const found = new Map<string, readonly Literal[]>();
  for (const cube of cubes) {
    const nodes = cube.map((literal): Node => ({ op: "literal", literal }));
    if (!possible(nodes)) continue;
    const open = cube.filter((literal) =>
      possible([engine.conditions.literals.complement({ op: "literal", literal })]),
    );
    found.set(
      nameOfNode(
        join(
          "and",
          open.map((literal): Node => ({ op: "literal", literal })),
        ),
      ),
      open,
    );
  }
  const kept = [...found.values()].filter(
    (cube, i, all) =>
      !all.some(
        (other, j) => j !== i && other.length < cube.length && other.every((literal) => cube.includes(literal)),
      ),
  );
  return kept.map((cube) => {
    const aboutUser = (literal: Literal): boolean => literal.place.path.startsWith("user.");
    const show = (literals: readonly Literal[]): readonly string[] =>
      literals.map((literal) => showLiteral(literal, textOf));
    return { who: show(cube.filter(aboutUser)), when: show(cube.filter((literal) => !aboutUser(literal))) };
  });
}

/** The disjunction of conjunctions that a formula is; null past the limit. */
function cubesOf(node: Node): readonly (readonly Literal[])[] | null {
  switch (node.op) {
    case "yes":
      return [[]];
    case "no":
      return [];
    case "literal":
      return [[node.literal]];
    case "or": {
      const all: (readonly Literal[])[] = [];
      for (const part of node.parts) {
        const cubes = cubesOf(part);
        if (cubes === null || all.length + cubes.length > QUERY_CUBES_MAX) return null;
        all.push(...cubes);
      }
      return all;
    }
    case "and": {
      let all: readonly (readonly Literal[])[] = [[]];
      for (const part of node.parts) {
        const cubes = cubesOf(part);
        if (cubes === null || all.length * cubes.length > QUERY_CUBES_MAX) return null;
        all = all.flatMap((left) => cubes.map((right) => [...new Set([...left, ...right])]));
      }
      return all;
    }
  }
}
