import {
  ABSENT,
  PROTOCOLS,
  UNKNOWN,
  factAt,
  type FactType,
  type FactValue,
  type ProtocolName,
} from "../../spec/contract/facts/index.ts";
import type { CheckedExpr, CheckedPolicy, CheckedRule } from "../checked/index.ts";
import { decideByOracle } from "../evaluate/index.ts";

/** Actions that two policies are compared on, for each protocol whose rules changed. */
const ACTIONS = 500;

/**
 * Whether two policies decide alike: the same rules by name with the same details, and the same verdict and matched rules on
 * generated actions. The actions are made of the constants that both policies speak of, with unknown and absent values among
 * them; the same two policies are always compared on the same ones.
 */
export function sameDecisions(before: CheckedPolicy, after: CheckedPolicy): boolean {
  if (details(before) !== details(after)) return false;
  const conditions = (policy: CheckedPolicy): readonly string[] =>
    policy.rules.map((rule) => plain([rule.when, rule.unless]));
  const [old, now] = [conditions(before), conditions(after)];
  const changed = before.rules.filter((_, i) => old[i] !== now[i]);
  const protocols = PROTOCOLS.filter((protocol) => changed.some((rule) => rule.protocols.includes(protocol)));
  const vocabulary = vocabularyOf([...before.rules, ...after.rules]);
  return protocols.every((protocol) => {
    const next = randomFrom(protocol.length);
    for (let i = 0; i < ACTIONS; i++) {
      const facts = someFacts(vocabulary, protocol, next);
      const a = decideByOracle(before.rules, protocol, facts);
      const b = decideByOracle(after.rules, protocol, facts);
      if (a.verdict !== b.verdict || a.matched.join() !== b.matched.join()) return false;
    }
    return true;
  });
}

const PLACES = new Set(["span", "nameSpan"]);
const plain = (value: unknown): string =>
  JSON.stringify(value, (key, inner: unknown) => (PLACES.has(key) ? undefined : inner));

/** Everything of a policy but its conditions. */
const details = (policy: CheckedPolicy): string =>
  plain({ ...policy, rules: policy.rules.map((rule) => ({ ...rule, when: null, unless: null })) });

interface Vocabulary {
  readonly facts: ReadonlyMap<string, FactType>;
  readonly keys: ReadonlyMap<string, ReadonlySet<string>>;
  readonly texts: readonly string[];
  readonly numbers: readonly number[];
}

function vocabularyOf(rules: readonly CheckedRule[]): Vocabulary {
  const facts = new Map<string, FactType>();
  const keys = new Map<string, Set<string>>();
  const texts = new Set<string>(["", "other"]);
  const numbers = new Set<number>([0]);
  // The tree is plain data, so that whatever kinds of nodes there are, every constant of it is seen.
  const visit = (node: unknown): void => {
    if (Array.isArray(node)) {
      for (const item of node) visit(item);
      return;
    }
    if (typeof node !== "object" || node === null) return;
    const expr = node as CheckedExpr;
    if (expr.kind === "fact") facts.set(expr.path, expr.type);
    if (expr.kind === "index") keys.set(expr.path, (keys.get(expr.path) ?? new Set()).add(expr.key));
    if (expr.kind === "like") for (const text of ["x", "x/y", ""]) texts.add(expr.pattern.replaceAll(/\*+/g, text));
    if (expr.kind === "within") texts.add(expr.cidr.replace(/\/\d+$/, ""));
    for (const [key, inner] of Object.entries(node)) {
      if (key === "type" || key === "of" || PLACES.has(key)) continue;
      if (typeof inner === "string") texts.add(inner);
      else if (typeof inner === "number") for (const near of [inner - 1, inner, inner + 1]) numbers.add(near);
      else visit(inner);
      if (Array.isArray(inner)) for (const item of inner) if (typeof item === "string") texts.add(item);
    }
  };
  for (const rule of rules) visit([rule.when, rule.unless]);
  return { facts, keys, texts: [...texts], numbers: [...numbers] };
}

type Random = (below: number) => number;

/** Mulberry32: small, and the same on every machine. */
function randomFrom(seed: number): Random {
  let state = seed;
  return (below) => {
    state = (state + 0x6d2b79f5) | 0;
    let t = Math.imul(state ^ (state >>> 15), 1 | state);
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
    return ((t ^ (t >>> 14)) >>> 0) % below;
  };
}

function someFacts(vocabulary: Vocabulary, protocol: ProtocolName, next: Random): ReadonlyMap<string, FactValue> {
  const facts = new Map<string, FactValue>();
  for (const [path, type] of vocabulary.facts) {
    const kind = next(10);
    const absent = kind < 3 && factAt(protocol, path)?.optional === true;
    facts.set(path, absent ? ABSENT : kind === 0 ? UNKNOWN : someValue(type, vocabulary, next));
  }
  for (const [path, keys] of vocabulary.keys)
    facts.set(
      path,
      next(10) === 0
        ? UNKNOWN
        : new Map([...keys].flatMap((key) => (next(4) === 0 ? [] : [[key, pick(vocabulary.texts, next)] as const]))),
    );
  return facts;
}

const pick = <T>(items: readonly T[], next: Random): T => items[next(items.length)]!;

function someValue(type: FactType, vocabulary: Vocabulary, next: Random): FactValue {
  switch (type.kind) {
    case "bool":
      return next(2) === 0;
    case "int":
    case "duration":
    case "time":
      return pick(vocabulary.numbers, next);
    case "string":
    case "address":
      return pick(vocabulary.texts, next);
    case "enum": {
      const spoken = type.values.filter((value) => vocabulary.texts.includes(value));
      return spoken.length > 0 && next(4) > 0 ? pick(spoken, next) : pick(type.values, next);
    }
    case "set":
    case "list": {
      const items = Array.from({ length: next(4) }, () => someValue(type.of, vocabulary, next));
      return type.kind === "set" ? new Set(items as string[]) : (items as readonly string[]);
    }
    case "map":
      return new Map();
    case "record":
      return Object.fromEntries(
        type.fields.map((field) => [field.name, someValue(field.type, vocabulary, next) as string]),
      );
  }
}
