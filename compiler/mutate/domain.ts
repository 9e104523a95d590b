import { ABSENT, SQL_KINDS, type FactType, type FactValue, type SqlKind } from "../../spec/contract/facts/index.ts";
import type { CheckedExpr, FactMap, RegexNode } from "../../lang/index.ts";
import { childrenOf, within } from "../condition/index.ts";
import { CANDIDATES_MAX } from "./limits.ts";

/** A fact, or one key of a map. */
export interface Variable {
  readonly path: string;
  readonly key: string | null;
  readonly type: FactType;
}
export const variableName = ({ path, key }: Pick<Variable, "path" | "key">): string =>
  key === null ? path : `${path}[${JSON.stringify(key)}]`;

/** What facts are assumed to be, by the names of their variables. */
export type Assignment = ReadonlyMap<string, FactValue>;

const variablesKnown = new WeakMap<CheckedExpr, readonly Variable[]>();

/** The facts that an expression reads. */
export function variablesOf(expr: CheckedExpr): readonly Variable[] {
  const known = variablesKnown.get(expr);
  if (known !== undefined) return known;
  const found = new Map<string, Variable>();
  for (const part of within(expr)) {
    if (part.kind !== "fact" && part.kind !== "index") continue;
    const variable = { path: part.path, key: part.kind === "index" ? part.key : null, type: part.type };
    found.set(variableName(variable), variable);
  }
  const variables = [...found.values()];
  variablesKnown.set(expr, variables);
  return variables;
}

/** The facts that the variables speak of, and no others, as they are under an assignment. */
export function factsFor(assignment: Assignment, variables: readonly Variable[], base: FactMap): FactMap {
  const own = new Map<string, FactValue>();
  for (const { path } of variables) {
    const value = base.get(path);
    if (value !== undefined) own.set(path, value);
  }
  return assigned(own, assignment, variables);
}

/** An assignment as facts, over those that hold anyway. */
export const factsUnder = (assignment: Assignment, variables: readonly Variable[], base: FactMap): FactMap =>
  assigned(new Map(base), assignment, variables);

function assigned(facts: Map<string, FactValue>, assignment: Assignment, variables: readonly Variable[]): FactMap {
  for (const variable of variables) {
    const value = assignment.get(variableName(variable));
    if (value === undefined) continue;
    if (variable.key === null) {
      if (value === ABSENT) facts.delete(variable.path);
      else facts.set(variable.path, value);
      continue;
    }
    const known = facts.get(variable.path);
    const map = new Map<string, string>(known instanceof Map ? (known as ReadonlyMap<string, string>) : []);
    if (typeof value === "string") map.set(variable.key, value);
    else map.delete(variable.key);
    facts.set(variable.path, map);
  }
  return facts;
}

const UNFILTERED: ReadonlySet<FactValue> = new Set(["update", "delete", "merge", "truncate"]);

/** Whether facts that hang together agree, so that tests speak of statements that there are. */
export function isPlausible(assignment: Assignment): boolean {
  const of = (name: string): FactValue | undefined => assignment.get(`statement.${name}`);
  const kind = of("kind");
  const ofKind = typeof kind === "string" && Object.hasOwn(SQL_KINDS, kind) ? SQL_KINDS[kind as SqlKind] : undefined;
  const stated = of("class");
  if (stated !== undefined && ofKind !== undefined && stated !== ofKind) return false;
  const group = stated ?? ofKind;
  const writes = of("writes");
  const readOnly = of("read_only");
  if (of("filtered") === false) {
    if (writes === false || readOnly === true || (kind !== undefined && !UNFILTERED.has(kind))) return false;
    if (group !== undefined && group !== "write") return false;
  }
  if (writes === true && (readOnly === true || (group !== undefined && group !== "write"))) return false;
  if (writes === false && kind !== undefined && group === "write" && kind !== "call") return false;
  return readOnly !== true || (group !== "write" && group !== "ddl" && group !== "dcl" && group !== "admin");
}

/**
 * The facts with what a statement's kind says of it, as far as `read` asks for it: a test that names a kind without its class
 * would speak of a statement that there is not.
 */
export function withKindFacts(facts: FactMap, read: ReadonlySet<string>): FactMap {
  const kind = facts.get("statement.kind");
  if (typeof kind !== "string" || !Object.hasOwn(SQL_KINDS, kind)) return facts;
  const group = SQL_KINDS[kind as SqlKind];
  const said: readonly (readonly [path: string, value: FactValue])[] = [
    ["statement.class", group],
    ["statement.kinds", new Set([kind])],
    ["statement.writes", group === "write"],
    ...(UNFILTERED.has(kind) ? [] : [["statement.filtered", true] as const]),
  ];
  const missing = said.filter(([path]) => read.has(path) && !facts.has(path));
  return missing.length === 0 ? facts : new Map([...facts, ...missing]);
}

type Element = string | number;

const NONE: ReadonlySet<Element> = new Set();

/** Values worth trying for each fact, collected from what conditions compare it with. */
export class Domains {
  readonly #elements = new Map<string, Set<Element>>();

  readonly #rest: Domains | null;

  /** Constants of these conditions come first, then those of the rest. */
  constructor(conditions: readonly CheckedExpr[], rest: Domains | null = null) {
    this.#rest = rest;
    for (const condition of conditions) this.#collect(condition, []);
  }

  /** `over`: what the elements of the enclosing quantifiers are taken from, innermost first. */
  #collect(expr: CheckedExpr, over: readonly CheckedExpr[]): void {
    switch (expr.kind) {
      case "compare":
        this.#note(expr.left, over, constantsOf(expr.right, true));
        this.#note(expr.right, over, constantsOf(expr.left, true));
        break;
      case "in":
        this.#note(expr.value, over, constantsOf(expr.set));
        this.#note(expr.set, over, constantsOf(expr.value));
        break;
      case "has":
        this.#note(expr.set, over, constantsOf(expr.values));
        break;
      case "like":
        this.#note(expr.value, over, samplesOf(expr.pattern));
        break;
      case "affix":
        this.#note(
          expr.value,
          over,
          constantsOf(expr.text).map((text) => (expr.side === "start" ? `${text}x` : `x${text}`)),
        );
        break;
      case "matches":
        this.#note(expr.value, over, regexSamples(expr.regex.syntax));
        break;
      case "time-part":
        this.#note(expr.time, over, MOMENTS);
        break;
      case "within":
        this.#note(expr.value, over, addressesOf(expr.cidr));
        break;
      default:
        break;
    }
    for (const { child, binds } of childrenOf(expr))
      this.#collect(child, binds && expr.kind === "quantified" ? [expr.over, ...over] : over);
  }

  #note(of: CheckedExpr, over: readonly CheckedExpr[], values: readonly Element[]): void {
    if (of.kind === "else") {
      this.#note(of.value, over, values);
      return;
    }
    if (of.kind === "element") {
      const source = over[of.depth];
      if (source !== undefined) this.#note(source, over.slice(of.depth + 1), values);
      return;
    }
    if (of.kind !== "fact" && of.kind !== "index") return;
    const name = variableName({ path: of.path, key: of.kind === "index" ? of.key : null });
    const known = this.#elements.get(name) ?? new Set<Element>();
    for (const value of values) known.add(value);
    this.#elements.set(name, known);
  }

  #of(name: string): ReadonlySet<Element> {
    return this.#elements.get(name) ?? NONE;
  }

  /** Values to try for a variable, the plainest first. */
  candidates(variable: Variable): readonly FactValue[] {
    const name = variableName(variable);
    const rest = this.#rest === null ? NONE : this.#rest.#of(name);
    const known = [...new Set([...this.#of(name), ...rest])].slice(0, CANDIDATES_MAX);
    const values = valuesOf(variable.type, known).slice(0, CANDIDATES_MAX * 2);
    return variable.key === null ? values : [...values, ABSENT];
  }
}

const OTHER = "other";

function valuesOf(type: FactType, known: readonly Element[]): readonly FactValue[] {
  switch (type.kind) {
    case "bool":
      return [true, false];
    case "int":
    case "duration":
    case "time":
      return [...known, 0];
    case "string":
      return [...known, OTHER];
    case "address":
      return [...known, "192.0.2.1"];
    case "enum": {
      const other = type.values.find((value) => !known.includes(value));
      return other === undefined ? known : [...known, other];
    }
    case "set":
    case "list":
      return type.of.kind === "string" || type.of.kind === "enum" ? setsOf(type.of, known.map(String)) : [];
    case "map":
    case "record":
      return [];
  }
}

function setsOf(of: FactType, known: readonly string[]): readonly FactValue[] {
  const other = of.kind === "enum" ? of.values.find((value) => !known.includes(value)) : OTHER;
  const sets: (readonly string[])[] = known.map((one) => [one]);
  if (other !== undefined) sets.push([other]);
  sets.push([]);
  for (const one of known) if (other !== undefined) sets.push([one, other]);
  for (const [i, one] of known.entries()) for (const two of known.slice(i + 1)) sets.push([one, two]);
  if (known.length > 2) sets.push(known);
  return sets.map((items) => new Set(items));
}

const HOUR = 3_600_000;
/** Monday, the fifth of January 2026, in UTC. */
const MONDAY = Date.UTC(2026, 0, 5);
/** Each hour of a Monday and of a Saturday, and noon of the other days: enough for any hour and any weekday of any zone. */
const MOMENTS: readonly number[] = [0, 5, 1, 2, 3, 4, 6].flatMap((day, i) =>
  (i < 2 ? Array.from({ length: 24 }, (_, hour) => hour) : [12]).map((hour) => MONDAY + (day * 24 + hour) * HOUR),
);

/** Texts that an expression matches, alone and with more around it. */
function regexSamples(node: RegexNode): readonly string[] {
  const sample = regexSample(node);
  return [sample, `x${sample}x`];
}

const PRINTABLE = 0x21;

function regexSample(node: RegexNode): string {
  switch (node.op) {
    case "chars": {
      const [low, high] = node.ranges.findLast(([, last]) => last < 0x7f) ?? node.ranges[0] ?? [0, 0];
      return String.fromCodePoint(Math.min(Math.max(low, PRINTABLE), high));
    }
    case "seq":
      return node.parts.map(regexSample).join("");
    case "alt":
      return node.parts[0] === undefined ? "" : regexSample(node.parts[0]);
    case "repeat":
      return regexSample(node.of).repeat(node.min);
    case "start":
    case "end":
      return "";
  }
}

/** Constants of an expression; of numbers also what lies beside them. */
function constantsOf(expr: CheckedExpr, beside = false): readonly Element[] {
  if (expr.kind === "constant-set") return expr.values;
  if (expr.kind !== "const" || typeof expr.value === "boolean") return [];
  const { value } = expr;
  return typeof value === "number" && beside ? [value, value - 1, value + 1] : [value];
}

/** Texts that a pattern matches, with and without a further segment where a single star stands. */
function samplesOf(pattern: string): readonly string[] {
  const fill = (single: string, double: string): string =>
    pattern.replaceAll(/\\(.)|\*\*|\*|\?/g, (part, escaped: string | undefined) =>
      escaped !== undefined ? escaped : part === "**" ? double : part === "*" ? single : "x",
    );
  return [...new Set([fill("x", "x"), fill("x/y", "x"), fill("", "")])];
}

/** An address inside of a range, and one that only a range of twice the size holds. */
function addressesOf(cidr: string): readonly string[] {
  const [address, bits] = cidr.split("/");
  const parts = (address ?? "").split(".").map(Number);
  if (parts.length !== 4 || bits === undefined) return address === undefined ? [] : [address];
  const place = Number(bits) - 1;
  if (place < 0) return [address!];
  const beside = parts.map((part, i) => (i === place >> 3 ? part ^ (0x80 >> (place & 7)) : part)).join(".");
  return [address!, beside];
}
