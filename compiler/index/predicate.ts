import { UNKNOWN, type FactType, type Truth } from "../../spec/contract/facts/index.ts";
import type { Atom, DimensionKind } from "../../spec/contract/bundle/index.ts";
import { evaluate, type CheckedExpr } from "../../lang/index.ts";
import { buildAutomaton } from "./automaton.ts";
import type { Dimensions } from "./dimensions.ts";
import { NO, YES, join, leaf, type Formula } from "./formula.ts";
import { PATTERN_STATES_MAX } from "./limits.ts";
import { OPAQUE, combine, literalNode, type Node } from "./node.ts";
import { endsWithPattern, globPattern, matchesPattern, startsWithPattern, type Pattern } from "./pattern.ts";

/**
 * What is wanted of a three-valued condition. A rule that restricts wants `not-false`, one that allows wants `true`; `not`
 * turns them into the other two. Each is two-valued, so nothing of the fail-closed meaning is lost on the way to bits.
 */
export type Wanted = "true" | "not-false" | "false" | "not-true";

const OPPOSITE = { true: "false", false: "true", "not-false": "not-true", "not-true": "not-false" } as const;
const negative = (wanted: Wanted): boolean => wanted === "false" || wanted === "not-true";
/** The answer when the condition is unknown. */
const onUnknown = (wanted: Wanted): boolean => wanted === "not-false" || wanted === "not-true";

const NO_FACTS: ReadonlyMap<string, never> = new Map<string, never>();

/** A condition as a formula over literals; what fits no literal is opaque. */
export function predicateOf(expr: CheckedExpr, wanted: Wanted, dimensions: Dimensions): Node {
  switch (expr.kind) {
    case "not":
      return predicateOf(expr.operand, OPPOSITE[wanted], dimensions);
    case "and":
    case "or":
      return combine((expr.kind === "and") !== negative(wanted) ? "and" : "or", [
        predicateOf(expr.left, wanted, dimensions),
        predicateOf(expr.right, wanted, dimensions),
      ]);
    case "quantified": {
      const over = placeOf(expr.over);
      if (over?.kind !== "elements" || over.fallback !== undefined) return OPAQUE;
      const dimension = dimensions.of(over.path, over.key, "elements");
      const some = (expr.quantifier === "any") !== negative(wanted);
      const formula = elementFormula(expr.condition, negative(wanted), dimension, dimensions);
      if (formula === null) return OPAQUE;
      return literalNode({ dimension, mode: some ? "any" : "all", whenUnknown: onUnknown(wanted), formula });
    }
    case "has":
      return hasNode(expr, wanted, dimensions);
    case "in":
      if (expr.set.kind === "constant-set") break;
      return hasNode(
        { kind: "has", mode: "one", set: expr.set, values: expr.value, span: expr.span },
        wanted,
        dimensions,
      );
    default:
      break;
  }
  if (isConstant(expr)) return truthNode(evaluate(expr, NO_FACTS), wanted);
  return scalarNode(expr, wanted, dimensions);
}

const truthNode = (found: Truth, wanted: Wanted): Node => (truthFits(found, wanted) ? YES : NO);
function truthFits(found: Truth, wanted: Wanted): boolean {
  return found === UNKNOWN ? onUnknown(wanted) : found !== negative(wanted);
}

function isConstant(expr: CheckedExpr): boolean {
  if (expr.kind === "const" || expr.kind === "constant-set") return true;
  if (expr.kind === "compare") return isConstant(expr.left) && isConstant(expr.right);
  return (expr.kind === "like" || expr.kind === "within") && isConstant(expr.value);
}

/** Where a value comes from, when it is one fact or one key of a map, perhaps with a constant in its absence. */
interface Place {
  readonly path: string;
  readonly key: string | null;
  readonly kind: DimensionKind;
  /** The expression without its fallback, and the fallback; undefined when there is none. */
  readonly fallback: CheckedExpr | undefined;
}

function placeOf(expr: CheckedExpr): Place | null {
  if (expr.kind === "else") {
    const inner = placeOf(expr.value);
    return inner === null || inner.fallback !== undefined || expr.fallback.kind !== "const"
      ? null
      : { ...inner, fallback: expr.fallback };
  }
  if (expr.kind !== "fact" && expr.kind !== "index") return null;
  const kind = kindOf(expr.type);
  if (kind === null) return null;
  return { path: expr.path, key: expr.kind === "index" ? expr.key : null, kind, fallback: undefined };
}

function kindOf(type: FactType): DimensionKind | null {
  switch (type.kind) {
    case "bool":
      return "bool";
    case "int":
    case "duration":
    case "time":
      return "int";
    case "string":
    case "enum":
      return "text";
    case "address":
      return "address";
    case "set":
    case "list":
      return type.of.kind === "string" || type.of.kind === "enum" ? "elements" : null;
    default:
      return null;
  }
}

/** What a comparison, a test of a text, or a bare truth asks of the one value in it; and that value. */
interface Question {
  readonly of: CheckedExpr;
  readonly atom: (kind: DimensionKind) => Atom | Pattern | null;
  /** The question is `!=`: the negation of the atom. */
  readonly negated: boolean;
}

function questionOf(expr: CheckedExpr): Question | null {
  switch (expr.kind) {
    case "fact":
    case "index":
    case "else":
      return { of: expr, atom: (kind) => (kind === "bool" ? oneOf(["true"]) : null), negated: false };
    case "exists":
      return { of: expr.operand, atom: () => ({ kind: "exists" }), negated: false };
    case "compare": {
      const flipped = expr.left.kind === "const";
      const [of, bound] = flipped ? [expr.right, expr.left] : [expr.left, expr.right];
      if (bound.kind !== "const") return null;
      const op = flipped ? FLIPPED[expr.op] : expr.op;
      if (op === "==" || op === "!=")
        return {
          of,
          atom: (kind) => (fits(kind, bound.value) ? oneOf([String(bound.value)]) : null),
          negated: op === "!=",
        };
      const { value } = bound;
      if (typeof value !== "number") return null;
      return { of, atom: (kind) => (kind === "int" ? { kind: ORDER[op], bound: value } : null), negated: false };
    }
    case "in":
      if (expr.set.kind !== "constant-set") return null;
      return oneOfQuestion(expr.value, expr.set.values.map(String));
    case "like":
      return patternQuestion(expr.value, globPattern(expr.pattern), expr.pattern);
    case "matches": {
      const { source, ignoreCase, syntax } = expr.regex;
      const pattern = matchesPattern(`/${source}/${ignoreCase ? "i" : ""}`, syntax);
      return pattern === null ? null : patternQuestion(expr.value, pattern, source);
    }
    case "affix": {
      if (expr.text.kind !== "const" || typeof expr.text.value !== "string") return null;
      const text = expr.text.value;
      return patternQuestion(expr.value, expr.side === "start" ? startsWithPattern(text) : endsWithPattern(text), text);
    }
    case "within": {
      const { cidr } = expr;
      return { of: expr.value, atom: (kind) => (kind === "address" ? { kind: "range", cidr } : null), negated: false };
    }
    default:
      return null;
  }
}

const FLIPPED = { "==": "==", "!=": "!=", "<": ">", "<=": ">=", ">": "<", ">=": "<=" } as const;
const ORDER = { "<": "below", "<=": "at-most", ">": "above", ">=": "at-least" } as const;

const oneOf = (values: readonly string[]): Atom => ({ kind: "one-of", values: [...new Set(values)].sort() });

function oneOfQuestion(of: CheckedExpr, values: readonly string[]): Question {
  return { of, atom: (kind) => (kind === "presence" ? null : oneOf(values)), negated: false };
}

/** Half a surrogate pair is a code unit to some tests and a character to others: such texts are left to the bytecode. */
function patternQuestion(of: CheckedExpr, pattern: Pattern, text: string): Question {
  const plain = text.isWellFormed();
  return { of, atom: (kind) => (plain && (kind === "text" || kind === "elements") ? pattern : null), negated: false };
}

function fits(kind: DimensionKind, value: boolean | number | string): boolean {
  switch (kind) {
    case "bool":
      return typeof value === "boolean";
    case "int":
      return typeof value === "number";
    case "presence":
      return false;
    default:
      return typeof value === "string";
  }
}

/** The atom's number, or null when the dimension can't answer it. */
function atomOf(question: Question, dimension: number, kind: DimensionKind, dimensions: Dimensions): number | null {
  const atom = question.atom(kind);
  if (atom === null) return null;
  if (!("parts" in atom)) return dimensions.atom(dimension, atom);
  // No automaton answers for what no text fits.
  const automaton = buildAutomaton(dimension, [[0, atom]], PATTERN_STATES_MAX);
  if (automaton === null || automaton.accepts.length === 0) return null;
  return dimensions.pattern(dimension, atom);
}

function scalarNode(expr: CheckedExpr, wanted: Wanted, dimensions: Dimensions): Node {
  const question = questionOf(expr);
  const place = question === null ? null : placeOf(question.of);
  if (question === null || place === null) return OPAQUE;
  if (place.kind === "elements") {
    if (expr.kind !== "exists" || place.fallback !== undefined) return OPAQUE;
    const presence = dimensions.of(place.path, place.key, "presence");
    const exists = leaf(dimensions.atom(presence, { kind: "exists" }), negative(wanted), onUnknown(wanted));
    return literalNode({ dimension: presence, mode: "is", whenUnknown: false, formula: exists });
  }
  if (expr.kind === "exists" && place.fallback !== undefined) return OPAQUE;
  const dimension = dimensions.of(place.path, place.key, place.kind);
  const atom = atomOf(question, dimension, place.kind, dimensions);
  if (atom === null) return OPAQUE;
  const found = leaf(atom, negative(wanted) !== question.negated, onUnknown(wanted));
  if (place.fallback === undefined) return literalNode({ dimension, mode: "is", whenUnknown: false, formula: found });
  const absent = evaluate(replaceValue(expr, place.fallback), NO_FACTS);
  if (absent === UNKNOWN) return OPAQUE;
  // An absent value says no to every atom; the constant answers in its place.
  const wish = truthFits(absent, wanted);
  const exists = leaf(dimensions.atom(dimension, { kind: "exists" }), wish, onUnknown(wanted));
  const formula = join(wish ? "or" : "and", [found, exists]);
  return literalNode({ dimension, mode: "is", whenUnknown: false, formula });
}

/** The same question about the constant. */
function replaceValue(expr: CheckedExpr, value: CheckedExpr): CheckedExpr {
  switch (expr.kind) {
    case "else":
      return value;
    case "compare":
      return expr.left.kind === "else" ? { ...expr, left: value } : { ...expr, right: value };
    case "in":
    case "like":
    case "affix":
    case "matches":
    case "within":
      return { ...expr, value };
    default:
      return expr;
  }
}

/** `has`, and `in` over a set of the facts: each wanted value is one question about some element. */
function hasNode(expr: Extract<CheckedExpr, { kind: "has" }>, wanted: Wanted, dimensions: Dimensions): Node {
  const place = placeOf(expr.set);
  if (place?.kind !== "elements" || place.fallback !== undefined) {
    if (expr.set.kind === "constant-set" && expr.mode === "one")
      return scalarNode({ kind: "in", value: expr.values, set: expr.set, span: expr.span }, wanted, dimensions);
    return OPAQUE;
  }
  const values =
    expr.values.kind === "const"
      ? [String(expr.values.value)]
      : expr.values.kind === "constant-set"
        ? expr.values.values.map(String)
        : null;
  if (values === null || (expr.mode === "one" && expr.values.kind !== "const")) return OPAQUE;
  const dimension = dimensions.of(place.path, place.key, "elements");
  const one = (wish: readonly string[]): Node => {
    const atom = dimensions.atom(dimension, oneOf(wish));
    const mode = negative(wanted) ? "all" : "any";
    const formula = wish.length === 0 ? (negative(wanted) ? YES : NO) : leaf(atom, negative(wanted), false);
    return literalNode({ dimension, mode, whenUnknown: onUnknown(wanted), formula });
  };
  if (expr.mode !== "all" || values.length === 1) return one(values);
  if (values.length === 0) return OPAQUE;
  return combine(
    negative(wanted) ? "or" : "and",
    values.map((value) => one([value])),
  );
}

/** A condition over one element and constants only; null when it reads anything else. Elements are always known. */
function elementFormula(
  expr: CheckedExpr,
  negated: boolean,
  dimension: number,
  dimensions: Dimensions,
): Formula | null {
  switch (expr.kind) {
    case "not":
      return elementFormula(expr.operand, !negated, dimension, dimensions);
    case "and":
    case "or": {
      const left = elementFormula(expr.left, negated, dimension, dimensions);
      const right = elementFormula(expr.right, negated, dimension, dimensions);
      if (left === null || right === null) return null;
      return join((expr.kind === "and") !== negated ? "and" : "or", [left, right]);
    }
    case "const":
      return typeof expr.value === "boolean" ? (expr.value === negated ? NO : YES) : null;
    default: {
      const question = questionOf(expr);
      if (question?.of.kind !== "element" || question.of.depth !== 0 || expr.kind === "exists") return null;
      const atom = atomOf(question, dimension, "elements", dimensions);
      return atom === null ? null : leaf(atom, negated !== question.negated, false);
    }
  }
}
