import { ABSENT, UNKNOWN, type FactRecord, type FactValue, type Truth } from "../../spec/contract/facts/index.ts";
import type { CheckedExpr, CheckedRule } from "../checked/index.ts";
import { cidrContains } from "./cidr.ts";
import { globMatches } from "./glob.ts";
import { regexFinds } from "./regex.ts";
import { timePart } from "./time-part.ts";

/** Facts by path; what is not in the map is absent. */
export type FactMap = ReadonlyMap<string, FactValue>;

type Value = FactValue;

/**
 * The meaning of a checked condition, as plain as it can be said: the oracle that the compiled form is judged by. Kleene's
 * three-valued logic; `absent` equals nothing.
 */
export function evaluate(expr: CheckedExpr, facts: FactMap): Truth {
  return truth(value(expr, facts, []));
}

function truth(found: Value): Truth {
  if (found === true || found === false) return found;
  return found === ABSENT ? false : UNKNOWN;
}

const not = (a: Truth): Truth => (a === UNKNOWN ? UNKNOWN : !a);
const and = (a: Truth, b: Truth): Truth =>
  a === false || b === false ? false : a === UNKNOWN || b === UNKNOWN ? UNKNOWN : true;
const or = (a: Truth, b: Truth): Truth =>
  a === true || b === true ? true : a === UNKNOWN || b === UNKNOWN ? UNKNOWN : false;

function value(expr: CheckedExpr, facts: FactMap, elements: readonly Value[]): Value {
  const of = (inner: CheckedExpr): Value => value(inner, facts, elements);
  switch (expr.kind) {
    case "const":
      return expr.value;
    case "constant-set":
      return expr.values.map(String);
    case "fact":
      return facts.get(expr.path) ?? ABSENT;
    case "element":
      return elements[expr.depth] ?? UNKNOWN;
    case "index": {
      const map = facts.get(expr.path) ?? ABSENT;
      if (map === UNKNOWN) return UNKNOWN;
      return map instanceof Map ? ((map.get(expr.key) as string | undefined) ?? ABSENT) : ABSENT;
    }
    case "not":
      return not(truth(of(expr.operand)));
    case "and":
      return and(truth(of(expr.left)), truth(of(expr.right)));
    case "or":
      return or(truth(of(expr.left)), truth(of(expr.right)));
    case "compare":
      return compare(expr.op, of(expr.left), of(expr.right));
    case "in":
      return contains(of(expr.set), of(expr.value));
    case "has": {
      const set = of(expr.set);
      const wanted = of(expr.values);
      if (expr.mode === "one") return contains(set, wanted);
      const items = members(wanted);
      if (items === UNKNOWN || set === UNKNOWN) return UNKNOWN;
      const answers = items.map((item) => contains(set, item));
      return expr.mode === "any" ? answers.reduce(or, false as Truth) : answers.reduce(and, true as Truth);
    }
    case "like":
      return onText(of(expr.value), (text) => globMatches(expr.pattern, text));
    case "matches":
      return onText(of(expr.value), (text) => regexFinds(expr.regex.syntax, text));
    case "field": {
      const record = of(expr.of);
      if (record === ABSENT) return ABSENT;
      return isRecord(record) && Object.hasOwn(record, expr.name) ? record[expr.name]! : UNKNOWN;
    }
    case "time-part": {
      const time = of(expr.time);
      if (time === ABSENT) return ABSENT;
      return typeof time === "number" ? timePart(expr.part, time, expr.zone) : UNKNOWN;
    }
    case "affix": {
      const affix = of(expr.text);
      if (affix === UNKNOWN) return UNKNOWN;
      if (typeof affix !== "string") return false;
      return onText(of(expr.value), (text) => (expr.side === "start" ? text.startsWith(affix) : text.endsWith(affix)));
    }
    case "within": {
      const found = of(expr.value);
      // What is no address, or can't be read, may be any.
      return found === ABSENT ? false : typeof found === "string" ? cidrContains(expr.cidr, found) : UNKNOWN;
    }
    case "exists": {
      const found = of(expr.operand);
      return found === UNKNOWN ? UNKNOWN : found !== ABSENT;
    }
    case "else": {
      const found = of(expr.value);
      return found === ABSENT ? of(expr.fallback) : found;
    }
    case "quantified": {
      const items = members(of(expr.over));
      if (items === UNKNOWN) return UNKNOWN;
      const answers = items.map((item) => truth(value(expr.condition, facts, [item, ...elements])));
      return expr.quantifier === "any" ? answers.reduce(or, false as Truth) : answers.reduce(and, true as Truth);
    }
  }
}

const isRecord = (found: Value): found is FactRecord =>
  typeof found === "object" && !Array.isArray(found) && !(found instanceof Set) && !(found instanceof Map);

function onText(found: Value, test: (text: string) => boolean): Truth {
  if (found === UNKNOWN) return UNKNOWN;
  return typeof found === "string" && test(found);
}

function compare(op: string, left: Value, right: Value): Truth {
  if (left === UNKNOWN || right === UNKNOWN) return UNKNOWN;
  const absent = left === ABSENT || right === ABSENT;
  switch (op) {
    case "==":
      return !absent && left === right;
    case "!=":
      return absent || left !== right;
    default:
      if (absent || typeof left !== "number" || typeof right !== "number") return false;
      return op === "<" ? left < right : op === "<=" ? left <= right : op === ">" ? left > right : left >= right;
  }
}

function members(set: Value): readonly Value[] | typeof UNKNOWN {
  if (set === UNKNOWN) return UNKNOWN;
  if (set instanceof Set) return [...(set as ReadonlySet<string>)];
  return Array.isArray(set) ? (set as readonly Value[]) : [];
}

function contains(set: Value, item: Value): Truth {
  const found = members(set);
  if (found === UNKNOWN || item === UNKNOWN) return UNKNOWN;
  return item !== ABSENT && found.includes(String(item));
}

/** Whether a rule counts as matched: a rule that restricts does so when its condition is unknown, one that allows does not. */
export function ruleMatches(
  rule: CheckedRule,
  facts: FactMap,
): { readonly matched: boolean; readonly unknown: boolean } {
  const when = rule.when === null ? true : evaluate(rule.when, facts);
  const unless = rule.unless === null ? false : evaluate(rule.unless, facts);
  const condition = and(when, not(unless));
  const unknown = condition === UNKNOWN;
  return { matched: unknown ? rule.effect !== "allow" : condition, unknown: unknown && rule.effect !== "allow" };
}

/** The verdict of all rules of a protocol over one action. */
export function decideByOracle(
  rules: readonly CheckedRule[],
  protocol: CheckedRule["protocols"][number],
  facts: FactMap,
): { readonly verdict: "allow" | "approve" | "deny"; readonly matched: readonly number[] } {
  const matched = rules.flatMap((rule, i) =>
    rule.protocols.includes(protocol) && ruleMatches(rule, facts).matched ? [i] : [],
  );
  const effects = new Set(matched.map((i) => rules[i]!.effect));
  const verdict = effects.has("deny")
    ? "deny"
    : effects.has("approve")
      ? "approve"
      : effects.has("allow")
        ? "allow"
        : "deny";
  return { verdict, matched };
}
