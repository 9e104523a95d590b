import { PROTOCOLS, type ProtocolName } from "../../spec/contract/facts/index.ts";
import type { CheckedExpr, CheckedRule, FactMap } from "../../lang/index.ts";
import { conditionOf, either, negation } from "../condition/index.ts";
import { NOTHING_SHOWN, oracleDecider, verdictOf, type CapturedAction } from "../test/index.ts";
import { Domains, variablesOf, withKindFacts, type Variable } from "./domain.ts";
import { OF_SESSION, baseFacts, draftOf, tellApart, tellingProtocol, type Draft } from "./draft.ts";
import { sameDeeds, type Probe } from "./kill.ts";
import { SEARCH_STEPS_MAX, STATEMENTS_MAX, STATEMENT_STEPS_MAX } from "./limits.ts";
import type { Mutant } from "./operators.ts";
import { Search, type Budget, type Goal } from "./search.ts";

/** A statement that a new test may take up, with another user on another target. */
export interface Seed {
  readonly text: string;
  readonly schema: string | null;
  readonly action: CapturedAction;
}

/** Two lists of rules that differ in one. */
export interface Difference {
  readonly before: readonly CheckedRule[];
  readonly after: readonly CheckedRule[];
  readonly old: CheckedRule;
  /** Null: it is not there. */
  readonly changed: CheckedRule | null;
}

/** The difference that a mutant makes. */
export function differenceOf(rules: readonly CheckedRule[], { place, rule }: Mutant): Difference {
  const after = rule === null ? rules.toSpliced(place, 1) : rules.with(place, rule);
  return { before: rules, after, old: rules[place]!, changed: rule };
}

/** Actions of the tests, each once, whose facts come from one unit: what it is, is known whoever does it. */
export function seedsOf(probes: readonly Probe[]): readonly Seed[] {
  const found = new Map<string, Seed>();
  for (const { statement, action } of probes) {
    if (statement === null || action.units.length !== 1) continue;
    const key = JSON.stringify([statement.schema, statement.text]);
    if (!found.has(key) && found.size < STATEMENTS_MAX) found.set(key, { ...statement, action });
  }
  return [...found.values()];
}

/** A test with the action that it states. */
export interface Witness {
  readonly draft: Draft;
  readonly action: CapturedAction;
}

/** What all searches over the same rules share. */
interface Shared {
  /** Paths of the facts that any of them reads. */
  readonly read: ReadonlySet<string>;
  readonly domains: Domains;
  /** For each rule, that it fires and that it does not. */
  readonly fires: ReadonlyMap<CheckedRule, CheckedExpr>;
  readonly silent: ReadonlyMap<CheckedRule, CheckedExpr>;
}

const sharedOf = new WeakMap<readonly CheckedRule[], Shared>();

function shared(rules: readonly CheckedRule[]): Shared {
  let found = sharedOf.get(rules);
  if (found === undefined) {
    const fires = new Map(rules.map((rule) => [rule, firing(rule)]));
    const silent = new Map([...fires].map(([rule, expr]) => [rule, negation(expr)]));
    const read = new Set(conditions(rules).flatMap((one) => variablesOf(one).map((variable) => variable.path)));
    sharedOf.set(rules, (found = { read, domains: new Domains(conditions(rules)), fires, silent }));
  }
  return found;
}

/** Which differences count. `outcome`: in what happens to the action, whichever rules make it so. */
export type Telling = "outcome" | "anything";

/**
 * A test that passes under `before` and fails under `after`: over a statement of the tests if some user on some target shows
 * the difference there, else over facts. Null when none was found, which proves nothing.
 */
export function telling(
  difference: Difference,
  seeds: readonly Seed[],
  title: string,
  what: Telling = "anything",
): Witness | null {
  const { before, old, changed } = difference;
  const goals = goalsOf(before, old, changed);
  const own = new Domains(conditions(changed === null ? [old] : [old, changed]), shared(before).domains);
  const wanted = (found: Witness | null): Witness | null =>
    found !== null && (what === "anything" || outcomesDiffer(found.action, difference)) ? found : null;
  let left = SEARCH_STEPS_MAX;
  for (const goal of goals) {
    for (const seed of seeds) {
      if (left <= 0) break;
      const budget = { left: Math.min(left, STATEMENT_STEPS_MAX) };
      const steps = budget.left;
      const found = wanted(fromSeed(seed, goal, own, difference, title, budget));
      if (found !== null) return found;
      left -= steps - Math.max(budget.left, 0);
    }
  }
  const budget = { left: SEARCH_STEPS_MAX };
  for (const goal of goals) {
    const found = wanted(fromFacts(goal, own, difference, title, budget));
    if (found !== null) return found;
  }
  return null;
}

/** Whether what happens to an action differs, whichever rules make it so. */
function outcomesDiffer(action: CapturedAction, { before, after }: Difference): boolean {
  const happens = (rules: readonly CheckedRule[]): string => {
    const found = oracleDecider(rules)(action);
    const verdict = verdictOf(found);
    const shown = found.shown.columns.map(({ name, mask }) => [name, mask]);
    return JSON.stringify([
      verdict,
      verdict === "deny" ? null : [shown, found.rowLimit, found.byteLimit, found.approvals],
    ]);
  };
  return happens(before) !== happens(after);
}

const conditions = (rules: readonly CheckedRule[]): readonly CheckedExpr[] =>
  rules.flatMap((rule) => [rule.when, rule.unless].filter((clause) => clause !== null));

const constant = (value: boolean, rule: CheckedRule): CheckedExpr => ({
  kind: "const",
  value,
  type: { kind: "bool" },
  span: rule.nameSpan,
});
const firing = (rule: CheckedRule): CheckedExpr => conditionOf(rule) ?? constant(true, rule);

/** What must hold for the two to be told apart, from what shows it best to the least that is needed. */
function goalsOf(rules: readonly CheckedRule[], old: CheckedRule, changed: CheckedRule | null): readonly Goal[] {
  const { fires, silent } = shared(rules);
  const firesToo = changed === null ? constant(false, old) : firing(changed);
  const apart: readonly Goal[] =
    changed === null || sameDeeds(old, changed)
      ? [
          [fires.get(old)!, negation(firesToo)],
          [silent.get(old)!, firesToo],
        ]
      : [[fires.get(old)!]];
  const others = rules.filter((rule) => rule !== old && rule.protocols.some((one) => old.protocols.includes(one)));
  const none = (effect: CheckedRule["effect"]): Goal =>
    others.filter((rule) => rule.effect === effect).map((rule) => silent.get(rule)!);
  const allows = others.filter((rule) => rule.effect === "allow").map((rule) => fires.get(rule)!);
  const allowed: Goal = allows.length === 0 ? [] : [allows.reduce(either)];
  // Where an allowance is at stake nothing else may allow; elsewhere the action is best allowed but for this rule.
  const alone = [...none("deny"), ...none("approve")];
  const settings: readonly Goal[] =
    old.effect === "allow"
      ? [[...alone, ...none("allow")], alone, []]
      : [[...allowed, ...alone], [...allowed, ...none("deny")], none("deny"), []];
  return settings.flatMap((setting) => apart.map((goal) => [...goal, ...setting]));
}

function fromSeed(
  seed: Seed,
  goal: Goal,
  domains: Domains,
  difference: Difference,
  title: string,
  budget: Budget,
): Witness | null {
  const [unit] = seed.action.units;
  const { protocol } = seed.action;
  if (unit === undefined || !difference.old.protocols.includes(protocol)) return null;
  const fixed = (variable: Variable): boolean => !OF_SESSION.has(variable.path);
  // Who acts on what is open again; the rest is as it was.
  const base = new Map([...unit].filter(([path]) => !OF_SESSION.has(path)));
  for (const [path, value] of baseFacts(protocol)) base.set(path, value);
  let witness: Witness | null = null;
  const make = (facts: FactMap): Witness | null => {
    const action = { ...seed.action, units: [facts] };
    const session = new Map([...facts].filter(([path]) => OF_SESSION.has(path)));
    return drafted(action, session, seed, difference, title);
  };
  new Search(goal, domains, base, budget).find(goal, fixed, (facts) => {
    witness = smallest(facts, (path) => !OF_SESSION.has(path), make);
    return witness !== null;
  });
  return witness;
}

function fromFacts(
  goal: Goal,
  domains: Domains,
  difference: Difference,
  title: string,
  budget: Budget,
): Witness | null {
  let witness: Witness | null = null;
  // Protocols in the order in which the facts of a test are read.
  const protocol = PROTOCOLS.find((one) => difference.old.protocols.includes(one));
  if (protocol === undefined) return null;
  const { read } = shared(difference.before);
  new Search(goal, domains, baseFacts(protocol), budget).find(
    goal,
    () => false,
    (found) => {
      witness = smallest(
        found,
        () => false,
        (facts) => fromStated(withKindFacts(facts, read), protocol, difference, title),
      );
      return witness !== null;
    },
  );
  return witness;
}

/** Facts with one statement less: a label, a group, or a fact that is not everybody's. */
function* simpler(facts: FactMap, fixed: (path: string) => boolean): Generator<FactMap> {
  const labels = facts.get("target.labels");
  if (labels instanceof Map)
    for (const key of labels.keys() as Iterable<string>) {
      const rest = new Map([...(labels as ReadonlyMap<string, string>)].filter(([other]) => other !== key));
      yield new Map(facts).set("target.labels", rest);
    }
  const groups = facts.get("user.groups");
  if (groups instanceof Set)
    for (const group of groups as ReadonlySet<string>)
      yield new Map(facts).set(
        "user.groups",
        new Set([...(groups as ReadonlySet<string>)].filter((one) => one !== group)),
      );
  for (const path of facts.keys())
    if (!OF_SESSION.has(path) && !fixed(path)) yield new Map([...facts].filter(([other]) => other !== path));
}

/** Whether a simpler test is as plain: the same verdict, and no more to expect. */
function saysAsMuch(made: Witness, best: Witness): boolean {
  const verdict = (one: Witness): string =>
    one.draft.expected.map((e) => (e.kind === "verdict" ? e.verdict : "")).join("");
  return made.draft.expected.length <= best.draft.expected.length && verdict(made) === verdict(best);
}

/** The test of an action with as little said as it takes, when a test can say it and tells the two apart. */
function smallest(
  facts: FactMap,
  fixed: (path: string) => boolean,
  make: (facts: FactMap) => Witness | null,
): Witness | null {
  let best = make(facts);
  if (best === null) return null;
  for (let known: FactMap | null = facts; known !== null;) {
    let next: FactMap | null = null;
    for (const less of simpler(known, fixed)) {
      const made = make(less);
      if (made === null || !saysAsMuch(made, best)) continue;
      best = made;
      next = less;
      break;
    }
    known = next;
  }
  return best;
}

/** A test that states facts. */
export function fromStated(
  facts: FactMap,
  protocol: ProtocolName,
  difference: Difference,
  title: string,
): Witness | null {
  const stated = tellingProtocol(facts, protocol);
  if (stated === null) return null;
  const action: CapturedAction = { protocol, units: [stated], show: () => NOTHING_SHOWN };
  return drafted(action, stated, null, difference, title);
}

/** The test of an action, when a test can say it and tells the two apart. */
function drafted(
  action: CapturedAction,
  stated: FactMap,
  statement: Draft["sql"],
  { before, after }: Difference,
  title: string,
): Witness | null {
  const found = oracleDecider(before)(action);
  const expected = tellApart(found, oracleDecider(after)(action), before);
  if (expected.length === 0) return null;
  const sql = statement === null ? null : { text: statement.text, schema: statement.schema };
  const draft = draftOf(stated, sql, action.protocol);
  return draft === null ? null : { draft: { ...draft, title, expected }, action };
}
