import {
  SQL_KINDS,
  UNKNOWN,
  factAt,
  type FactType,
  type SqlClass,
  type ProtocolName,
  type Truth,
} from "../../spec/contract/facts/index.ts";
import { evaluate, type CheckedExpr, type FactMap } from "../../lang/index.ts";
import { Literals, NO, YES, join, type Atom, type Node, type Place } from "./literal.ts";
import { affixMachine, globMachine, regexMachine, type Machine } from "./machine.ts";
import type { Kinds } from "./group.ts";

/**
 * What is wanted of a three-valued condition. A rule that restricts fires when its condition is `not-false`, one that
 * allows when it is `true`; `not` turns them into the other two. Each is two-valued.
 */
export type Wanted = "true" | "not-false" | "false" | "not-true";

const OPPOSITE = { true: "false", false: "true", "not-false": "not-true", "not-true": "not-false" } as const;
const negative = (wanted: Wanted): boolean => wanted === "false" || wanted === "not-true";
const onUnknown = (wanted: Wanted): boolean => wanted === "not-false" || wanted === "not-true";
const truthFits = (found: Truth, wanted: Wanted): boolean =>
  found === UNKNOWN ? onUnknown(wanted) : found !== negative(wanted);

const NO_FACTS: FactMap = new Map();
const KIND_GROUP = "statement.kind";

/** A collection whose elements a condition speaks of; null for the facts themselves. */
type Level = Place | null;

/** A value that is one place, perhaps with a constant in its absence. */
interface Read {
  readonly place: Place;
  readonly fallback: CheckedExpr | null;
}

/** Turns conditions over the facts of one protocol into formulas over literals. */
export class Conditions {
  readonly literals = new Literals();
  /** The statement's kind and kinds, for protocols that have them. */
  readonly kinds: Kinds | null;
  readonly #protocol: ProtocolName;
  readonly #machines = new Map<string, Machine | null>();
  readonly #wholes = new Map<string, Place>();
  readonly #facts = new Map<string, Map<string | null, Place | null>>();
  /** Places of elements by the collection they are in; of their fields by name, of themselves by null. */
  readonly #elementsOf = new Map<Place, Map<string | null, Place>>();
  /** By place; most have none. */
  readonly #axioms: (Node | undefined)[] = [];
  /** Formulas of whole conditions, which are asked for again and again: once for reach, once for cover, once for each part. */
  readonly #made: Readonly<Record<Wanted, Map<CheckedExpr, Node>>> = {
    true: new Map(),
    "not-false": new Map(),
    false: new Map(),
    "not-true": new Map(),
  };

  constructor(protocol: ProtocolName) {
    this.#protocol = protocol;
    const kind = this.#fact("statement.kind", null);
    const kinds = this.#fact("statement.kinds", null);
    this.kinds = kind === null || kinds === null ? null : { kind, kinds };
    this.#stateAxioms();
  }

  /** The condition wanted so, as a formula. What is no question about one fact becomes a literal of its own. */
  node(expr: CheckedExpr, wanted: Wanted): Node {
    const known = this.#made[wanted].get(expr);
    if (known !== undefined) return known;
    const made = this.#node(expr, wanted, null) ?? this.#whole(expr, wanted);
    this.#made[wanted].set(expr, made);
    return made;
  }

  /**
   * What the schema says of every action, for a place that is asked about: only an update, delete, merge or truncate is ever
   * unfiltered; what is read-only is of a kind that reads; what writes is of a kind that writes.
   */
  axiomsOf(place: Place): Node {
    return this.#axioms[place.id] ?? YES;
  }

  #stateAxioms(): void {
    const { kinds } = this;
    if (kinds === null) return;
    const isTrue: Atom = { kind: "one-of", values: ["true"] };
    const either = (path: string, truth: boolean, values: readonly string[]): void => {
      const place = this.#fact(path, null);
      if (place === null) return;
      const atom: Atom = { kind: "one-of", values: sorted(values) };
      const kind = this.literals.node(kinds.kind, { kind: "atom", atom, negated: false }, true);
      const fact = this.literals.node(place, { kind: "atom", atom: isTrue, negated: !truth }, true);
      this.#axioms[place.id] = join("or", [kind, fact]);
    };
    either("statement.filtered", true, ["delete", "merge", "truncate", "update"]);
    either("statement.read_only", false, kindsOfClass("read"));
    either("statement.writes", false, kindsOfClass("write"));
  }

  /** Null when the condition can't be told about this level alone. */
  #node(expr: CheckedExpr, wanted: Wanted, level: Level): Node | null {
    switch (expr.kind) {
      case "not":
        return level === null
          ? this.node(expr.operand, OPPOSITE[wanted])
          : this.#node(expr.operand, OPPOSITE[wanted], level);
      case "and":
      case "or": {
        const parts: Node[] = [];
        const whole = this.#chain(expr, expr.kind, wanted, level, parts);
        return whole ? join((expr.kind === "and") !== negative(wanted) ? "and" : "or", parts) : null;
      }
      case "quantified": {
        const over = this.#read(expr.over, level);
        if (over === null || over.fallback !== null) return null;
        const formula = this.#node(expr.condition, negative(wanted) ? "false" : "true", over.place);
        if (formula === null) return null;
        const some = (expr.quantifier === "any") !== negative(wanted);
        return this.literals.node(over.place, { kind: some ? "any" : "all", formula }, onUnknown(wanted));
      }
      case "has":
        return this.#has(expr, wanted, level);
      case "in":
        if (expr.set.kind === "constant-set") break;
        return this.#has(
          { kind: "has", mode: "one", set: expr.set, values: expr.value, span: expr.span },
          wanted,
          level,
        );
      default:
        break;
    }
    if (isConstant(expr)) return truthFits(evaluate(expr, NO_FACTS), wanted) ? YES : NO;
    return this.#scalar(expr, wanted, level);
  }

  /** The operands of a chain of one operator as formulas; false when one of them can't be told about this level alone. */
  #chain(expr: CheckedExpr, kind: "and" | "or", wanted: Wanted, level: Level, parts: Node[]): boolean {
    if (expr.kind === kind) {
      const left = this.#chain(expr.left, kind, wanted, level, parts);
      return this.#chain(expr.right, kind, wanted, level, parts) && left;
    }
    const part = level === null ? this.node(expr, wanted) : this.#node(expr, wanted, level);
    if (part !== null) parts.push(part);
    return part !== null;
  }

  /** A condition that is taken whole: its truth is as good as a fact, until a concrete action tells. */
  #whole(expr: CheckedExpr, wanted: Wanted): Node {
    const name = `?${nameOf(expr)}`;
    let place = this.#wholes.get(name);
    if (place === undefined) {
      const type: FactType = { kind: "bool" };
      place = this.literals.place({
        path: name,
        key: null,
        type,
        optional: false,
        known: false,
        group: name,
        whole: expr,
      });
      this.#wholes.set(name, place);
      for (const { path, key } of readsOf(expr)) this.#fact(path, key);
    }
    const atom: Atom = { kind: "one-of", values: ["true"] };
    return this.literals.node(place, { kind: "atom", atom, negated: negative(wanted) }, onUnknown(wanted));
  }

  #fact(path: string, key: string | null): Place | null {
    let byKey = this.#facts.get(path);
    if (byKey === undefined) this.#facts.set(path, (byKey = new Map<string | null, Place | null>()));
    let place = byKey.get(key);
    if (place === undefined) byKey.set(key, (place = this.#factPlace(path, key)));
    return place;
  }

  #factPlace(path: string, key: string | null): Place | null {
    const fact = factAt(this.#protocol, path);
    if (fact === undefined) return null;
    const type = key === null || fact.type.kind !== "map" ? fact.type : fact.type.of;
    const group = path === "statement.kinds" ? KIND_GROUP : path;
    return this.literals.place({
      path,
      key,
      type,
      optional: fact.optional || key !== null,
      known: false,
      group,
      whole: null,
    });
  }

  #read(expr: CheckedExpr, level: Level): Read | null {
    switch (expr.kind) {
      case "else": {
        const inner = this.#read(expr.value, level);
        return inner === null || inner.fallback !== null || expr.fallback.kind !== "const"
          ? null
          : { ...inner, fallback: expr.fallback };
      }
      case "fact":
      case "index": {
        if (level !== null) return null;
        const place = this.#fact(expr.path, expr.kind === "index" ? expr.key : null);
        return place === null ? null : { place, fallback: null };
      }
      case "element":
        return level === null || expr.depth !== 0
          ? null
          : { place: this.#element(level, null, expr.type), fallback: null };
      case "field":
        return level === null || expr.of.kind !== "element" || expr.of.depth !== 0
          ? null
          : { place: this.#element(level, expr.name, expr.type), fallback: null };
      default:
        return null;
    }
  }

  #element(level: Place, field: string | null, type: FactType): Place {
    let byField = this.#elementsOf.get(level);
    if (byField === undefined) this.#elementsOf.set(level, (byField = new Map<string | null, Place>()));
    let place = byField.get(field);
    if (place === undefined) byField.set(field, (place = this.#elementPlace(level, field, type)));
    return place;
  }

  #elementPlace(level: Place, field: string | null, type: FactType): Place {
    const path = field === null ? `${level.path}[]` : `${level.path}[].${field}`;
    return this.literals.place({ path, key: null, type, optional: false, known: true, group: path, whole: null });
  }

  #machine<M extends Machine | null>(name: string, make: (name: string) => M): M {
    let machine = this.#machines.get(name) as M | undefined;
    if (machine === undefined) this.#machines.set(name, (machine = make(name)));
    return machine;
  }

  /** The one atom that a comparison or test asks of the one value in it; null when it asks something else. */
  #atomOf(expr: CheckedExpr): { readonly of: CheckedExpr; readonly atom: Atom; readonly negated: boolean } | null {
    switch (expr.kind) {
      case "fact":
      case "index":
      case "else":
      case "element":
      case "field":
        return { of: expr, atom: { kind: "one-of", values: ["true"] }, negated: false };
      case "exists":
        return { of: expr.operand, atom: { kind: "exists" }, negated: false };
      case "compare": {
        const flipped = expr.left.kind === "const";
        const [of, bound] = flipped ? [expr.right, expr.left] : [expr.left, expr.right];
        if (bound.kind !== "const") return null;
        if (of.kind === "time-part") return timeAtom(of, expr);
        const op = flipped ? FLIPPED[expr.op] : expr.op;
        if (op === "==" || op === "!=")
          return { of, atom: { kind: "one-of", values: [String(bound.value)] }, negated: op === "!=" };
        if (typeof bound.value !== "number") return null;
        return { of, atom: { kind: "order", op, bound: bound.value }, negated: false };
      }
      case "in":
        if (expr.set.kind !== "constant-set") return null;
        if (expr.value.kind === "time-part") return timeAtom(expr.value, expr);
        return { of: expr.value, atom: { kind: "one-of", values: sorted(expr.set.values) }, negated: false };
      case "like": {
        const { pattern } = expr;
        // Half a surrogate pair is a code unit to some tests and a character to others.
        if (!pattern.isWellFormed()) return null;
        const machine = this.#machine(`like ${pattern}`, () => globMachine(pattern));
        return { of: expr.value, atom: { kind: "pattern", machine }, negated: false };
      }
      case "matches": {
        const { regex } = expr;
        const machine = this.#machine(`matches /${regex.source}/${regex.ignoreCase ? "i" : ""}`, (name) =>
          regexMachine(name, regex.syntax),
        );
        return machine === null ? null : { of: expr.value, atom: { kind: "pattern", machine }, negated: false };
      }
      case "affix": {
        if (expr.text.kind !== "const" || typeof expr.text.value !== "string") return null;
        const text = expr.text.value;
        if (!text.isWellFormed()) return null;
        const machine = this.#machine(`${expr.side} ${text}`, () => affixMachine(expr.side, text));
        return { of: expr.value, atom: { kind: "pattern", machine }, negated: false };
      }
      case "within":
        return { of: expr.value, atom: { kind: "range", cidr: expr.cidr, answers: new Map() }, negated: false };
      default:
        return null;
    }
  }

  #scalar(expr: CheckedExpr, wanted: Wanted, level: Level): Node | null {
    const question = this.#atomOf(expr);
    if (question === null) return null;
    const klass = level === null ? this.#classNode(question, wanted) : null;
    if (klass !== null) return klass;
    const read = this.#read(question.of, level);
    if (read === null) return null;
    const { place, fallback } = read;
    const collection = place.type.kind === "set" || place.type.kind === "list" || place.type.kind === "map";
    if ((collection || fallback !== null) && question.atom.kind === "exists" && fallback !== null) return null;
    if (collection && question.atom.kind !== "exists") return null;
    if (place.type.kind === "record" || (question.atom.kind === "expression" && place.optional)) return null;
    const negated = negative(wanted) !== question.negated;
    const found = this.literals.node(place, { kind: "atom", atom: question.atom, negated }, onUnknown(wanted));
    if (fallback === null) return found;
    const absent = evaluate(replaceValue(expr, fallback), NO_FACTS);
    if (absent === UNKNOWN) return null;
    // An absent value says no to every atom; the constant answers in its place.
    const wish = truthFits(absent, wanted);
    const exists = this.literals.node(
      place,
      { kind: "atom", atom: { kind: "exists" }, negated: wish },
      onUnknown(wanted),
    );
    return join(wish ? "or" : "and", [found, exists]);
  }

  /** The class is a function of the kind: a question about it is one about the kind. */
  #classNode(
    question: { readonly of: CheckedExpr; readonly atom: Atom; readonly negated: boolean },
    wanted: Wanted,
  ): Node | null {
    const { of, atom } = question;
    if (this.kinds === null || of.kind !== "fact" || of.path !== "statement.class" || atom.kind !== "one-of")
      return null;
    const values = atom.values.flatMap((klass) => kindsOfClass(klass as SqlClass));
    const negated = negative(wanted) !== question.negated;
    return this.literals.node(
      this.kinds.kind,
      { kind: "atom", atom: { kind: "one-of", values: values.sort() }, negated },
      onUnknown(wanted),
    );
  }

  /** `has`, and `in` over a set of the facts: each wanted value is one question about some element. */
  #has(expr: Extract<CheckedExpr, { kind: "has" }>, wanted: Wanted, level: Level): Node | null {
    if (expr.set.kind === "constant-set") {
      if (expr.mode !== "one") return null;
      return this.#scalar({ kind: "in", value: expr.values, set: expr.set, span: expr.span }, wanted, level);
    }
    const read = this.#read(expr.set, level);
    if (read === null || read.fallback !== null) return null;
    const { type } = read.place;
    if ((type.kind !== "set" && type.kind !== "list") || type.of.kind === "record") return null;
    if (expr.mode === "one" && expr.values.kind !== "const") return null;
    const values =
      expr.values.kind === "const"
        ? [String(expr.values.value)]
        : expr.values.kind === "constant-set"
          ? expr.values.values.map(String)
          : null;
    if (values === null) return null;
    const element = this.#element(read.place, null, type.of);
    const one = (wish: readonly string[]): Node => {
      const atom: Atom = { kind: "one-of", values: sorted(wish) };
      const formula = this.literals.node(element, { kind: "atom", atom, negated: negative(wanted) }, false);
      return this.literals.node(read.place, { kind: negative(wanted) ? "all" : "any", formula }, onUnknown(wanted));
    };
    if (expr.mode !== "all" || values.length === 1) return values.length === 0 ? null : one(values);
    if (values.length === 0) return null;
    return join(
      negative(wanted) ? "or" : "and",
      values.map((value) => one([value])),
    );
  }
}

const kindsOfClass = (wanted: SqlClass): readonly string[] =>
  Object.entries(SQL_KINDS).flatMap(([kind, klass]) => (klass === wanted ? [kind] : []));

const FLIPPED = { "==": "==", "!=": "!=", "<": ">", "<=": ">=", ">": "<", ">=": "<=" } as const;
const sorted = (values: readonly (string | number)[]): readonly string[] => {
  if (values.length === 1) return [String(values[0])];
  // In order of code units, as they are sorted.
  if (increasing(values)) return values as readonly string[];
  if (values.length > INSERTED_MAX) return [...new Set(values.map(String))].sort();
  const texts: string[] = [];
  for (let i = 0; i < values.length; i++) insert(String(values[i]), texts);
  return texts;
};

/** Values up to which each is put in its place, which is quicker than sorting so few. */
const INSERTED_MAX = 8;

function insert(text: string, into: string[]): void {
  let at = into.length;
  while (at > 0 && into[at - 1]! > text) at--;
  if (at > 0 && into[at - 1] === text) return;
  into.push(text);
  for (let i = into.length - 1; i > at; i--) into[i] = into[i - 1]!;
  into[at] = text;
}

function increasing(values: readonly (string | number)[]): boolean {
  for (let i = 0; i < values.length; i++)
    if (typeof values[i] !== "string" || (i > 0 && values[i - 1]! >= values[i]!)) return false;
  return true;
}

function isConstant(expr: CheckedExpr): boolean {
  switch (expr.kind) {
    case "const":
    case "constant-set":
      return true;
    case "compare":
      return isConstant(expr.left) && isConstant(expr.right);
    case "in":
      return isConstant(expr.value) && isConstant(expr.set);
    case "like":
    case "matches":
    case "within":
      return isConstant(expr.value);
    default:
      return false;
  }
}

/** A question about a part of the time, asked as it stands. */
function timeAtom(
  part: Extract<CheckedExpr, { kind: "time-part" }>,
  expr: CheckedExpr,
): { readonly of: CheckedExpr; readonly atom: Atom; readonly negated: boolean } {
  const { zone } = part;
  const minutes = part.part === "minute";
  return { of: part.time, atom: { kind: "expression", name: nameOf(expr), expr, zone, minutes }, negated: false };
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
    case "matches":
    case "affix":
    case "within":
      return { ...expr, value };
    default:
      return expr;
  }
}

/** Equal conditions, wherever they stand, have equal names. */
export function nameOf(expr: CheckedExpr): string {
  return JSON.stringify(expr, (key, value: unknown) =>
    key === "span" || key === "type" || key === "of" ? undefined : value,
  );
}

/** The facts, and keys of maps, that a condition reads. */
export function readsOf(expr: CheckedExpr): readonly { readonly path: string; readonly key: string | null }[] {
  const found = new Map<string, { readonly path: string; readonly key: string | null }>();
  const look = (value: unknown): void => {
    if (typeof value !== "object" || value === null) return;
    if ("kind" in value && (value.kind === "fact" || value.kind === "index") && "path" in value) {
      const key = "key" in value ? (value.key as string) : null;
      found.set(`${value.path as string} ${key ?? ""}`, { path: value.path as string, key });
    }
    for (const [name, inner] of Object.entries(value)) if (name !== "span" && name !== "type") look(inner);
  };
  look(expr);
  return [...found.values()];
}
