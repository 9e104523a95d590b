import {
  ABSENT,
  CONNECTION_FACTS,
  PROTOCOLS,
  factAt,
  factsOf,
  type FactType,
  type FactValue,
  type ProtocolName,
} from "../../spec/contract/facts/index.ts";
import type { CheckedRule, FactMap } from "../../lang/index.ts";
import { failureOf, maskText, verdictOf, type Expected, type ActionOutcome } from "../test/index.ts";

/** A test before it is text. */
export interface Draft {
  readonly title: string;
  readonly user: { readonly name: string; readonly groups: readonly string[] };
  readonly target: { readonly name: string; readonly labels: Readonly<Record<string, string>> };
  /** A statement over a schema; null when the test gives facts. */
  readonly sql: { readonly text: string; readonly schema: string | null } | null;
  readonly facts: readonly { readonly path: string; readonly value: FactValue }[];
  readonly protocol: ProtocolName;
  readonly expected: readonly Expected[];
}

/** Facts that a test states in words of their own, and those that every test has the same. */
const STATED_APART = new Set(["user.name", "user.groups", "target.name", "target.labels", "target.database"]);
const NOBODY = "someone";

const COMMON_FACTS: FactMap = new Map<string, FactValue>([
  ["user.name", NOBODY],
  ["user.groups", new Set()],
  ["user.auth_method", "password"],
  ["target.name", "test"],
  ["target.labels", new Map()],
  ["client.address", "127.0.0.1"],
  ["client.tls", true],
  ["session.id", "test"],
  ["session.started", 0],
  ["session.age", 0],
  ["time", 0],
]);

/** The facts of a test that says nothing of itself, as the runner takes them. */
export function baseFacts(protocol: ProtocolName): FactMap {
  const facts = new Map(COMMON_FACTS);
  if (factAt(protocol, "target.database") !== undefined) facts.set("target.database", "test");
  return facts;
}

/** Facts of the session, which every protocol has, and which a new test may state otherwise. */
export const OF_SESSION: ReadonlySet<string> = new Set([
  ...CONNECTION_FACTS.map((fact) => fact.path),
  "target.database",
]);

const isBase = (path: string, value: FactValue, protocol: ProtocolName): boolean =>
  sameValue(value, baseFacts(protocol).get(path));

/** Facts that a test of facts has to list. */
const listedFacts = (facts: FactMap, protocol: ProtocolName): readonly { path: string; value: FactValue }[] =>
  [...facts].flatMap(([path, value]) =>
    STATED_APART.has(path) || value === ABSENT || isBase(path, value, protocol) ? [] : [{ path, value }],
  );

/** The protocol that a test's facts speak of: the first that has them all. */
const protocolOfPaths = (paths: readonly string[]): ProtocolName | undefined =>
  paths.length === 0 ? undefined : PROTOCOLS.find((protocol) => paths.every((path) => factAt(protocol, path)));

/**
 * The facts with one more, where the others don't say which protocol they are of; null when none says it, as of those whose
 * facts another protocol has too.
 */
export function tellingProtocol(facts: FactMap, protocol: ProtocolName): FactMap | null {
  const paths = listedFacts(facts, protocol).map((one) => one.path);
  if (protocolOfPaths(paths) === protocol) return facts;
  for (const fact of factsOf(protocol)) {
    if (OF_SESSION.has(fact.path) || facts.has(fact.path)) continue;
    const value = plainValue(fact.type);
    if (value !== null && protocolOfPaths([...paths, fact.path]) === protocol)
      return new Map(facts).set(fact.path, value);
  }
  return null;
}

function plainValue(type: FactType): FactValue | null {
  switch (type.kind) {
    case "bool":
      return false;
    case "enum":
      return type.values[0] ?? null;
    case "string":
      return "x";
    default:
      return null;
  }
}

/** A test for an action with these facts, or null when a test has no words for them. */
export function draftOf(
  facts: FactMap,
  sql: Draft["sql"],
  protocol: ProtocolName,
): Omit<Draft, "title" | "expected"> | null {
  const name = facts.get("user.name");
  const groups = facts.get("user.groups");
  const target = facts.get("target.name");
  const labels = facts.get("target.labels");
  if (typeof name !== "string" || !(groups instanceof Set) || typeof target !== "string" || !(labels instanceof Map))
    return null;
  const base = baseFacts(protocol);
  if (base.has("target.database") && facts.get("target.database") !== target) return null;
  // What the base has and these facts lack can't be taken back by a test.
  if ([...base.keys()].some((path) => !facts.has(path))) return null;
  const stated = listedFacts(facts, protocol);
  if (sql === null && protocolOfPaths(stated.map((one) => one.path)) !== protocol) return null;
  for (const { path, value } of stated) {
    const fact = factAt(protocol, path);
    if (fact === undefined || literalText(value, fact.type) === null) return null;
  }
  return {
    user: { name, groups: [...(groups as ReadonlySet<string>)] },
    target: { name: target, labels: Object.fromEntries(labels as ReadonlyMap<string, string>) },
    sql,
    facts: stated,
    protocol,
  };
}

function sameValue(a: FactValue, b: FactValue | undefined): boolean {
  if (a === b) return true;
  const plain = (value: FactValue | undefined): string | null =>
    value instanceof Set || value instanceof Map ? JSON.stringify([...(value as Iterable<unknown>)]) : null;
  const left = plain(a);
  return left !== null && left === plain(b);
}

const quoted = (text: string): string =>
  `"${text.replaceAll(/["\\\n\t\r]/g, (char) => ({ '"': '\\"', "\\": "\\\\", "\n": "\\n", "\t": "\\t", "\r": "\\r" })[char]!)}"`;

/** A fact's value as a test writes it; null when the language has no words for it there. */
function literalText(value: FactValue, type: FactType): string | null {
  switch (type.kind) {
    case "bool":
    case "int":
      return typeof value === "boolean" || typeof value === "number" ? String(value) : null;
    case "string":
    case "address":
      return typeof value === "string" ? quoted(value) : null;
    case "enum":
      return typeof value === "string" && type.values.includes(value) ? value : null;
    case "set":
    case "list": {
      if (!(value instanceof Set) && !Array.isArray(value)) return null;
      const items = [...(value as Iterable<FactValue>)].map((item) => literalText(item, type.of));
      return items.every((item) => item !== null) ? `[${items.join(", ")}]` : null;
    }
    case "time":
      return typeof value === "number" && value >= 0 ? quoted(new Date(value).toISOString()) : null;
    case "duration":
      if (typeof value !== "number" || value < 0) return null;
      return value % SECOND === 0 ? `${value / SECOND}s` : `${value}ms`;
    case "map":
    case "record":
      return null;
  }
}

const SECOND = 1000;

/** What an outcome is, in the fewest expectations that tell it apart from `other`; empty when no expectation does. */
export function tellApart(
  found: ActionOutcome,
  other: ActionOutcome,
  rules: readonly CheckedRule[],
): readonly Expected[] {
  const verdict = verdictOf(found);
  const by = found.deciding.find((name) => !other.deciding.includes(name)) ?? found.deciding[0] ?? null;
  const plain: Expected = { kind: "verdict", verdict, by: found.shown.refused !== null ? null : by };
  if (failureOf(plain, other) !== null) return [plain];
  // Of what is denied nothing comes back, so its masks and limits are nobody's concern.
  const shown = verdict === "deny" ? [] : [...columnExpectations(found), ...limitExpectations(found)];
  const more = [...shown, ...otherExpectations(found, other, rules)];
  const telling = more.find((one) => failureOf(one, found) === null && failureOf(one, other) !== null);
  return telling === undefined ? [] : [plain, telling];
}

function* columnExpectations(found: ActionOutcome): Generator<Expected> {
  for (const { name, rule, mask } of found.shown.columns) {
    if (!/^[a-z_][a-z0-9_]*$/.test(name)) continue;
    if (rule === null) yield { kind: "plain", column: name };
    else if (rule !== "") {
      yield { kind: "masked", column: name, by: rule, mask: null };
      yield { kind: "masked", column: name, by: rule, mask };
    }
  }
}

function* limitExpectations(found: ActionOutcome): Generator<Expected> {
  if (found.rowLimit !== null) yield { kind: "limit", count: found.rowLimit, unit: "rows" };
  if (found.byteLimit !== null) yield { kind: "limit", count: found.byteLimit, unit: "bytes" };
}

function* otherExpectations(
  found: ActionOutcome,
  other: ActionOutcome,
  rules: readonly CheckedRule[],
): Generator<Expected> {
  for (const text of found.because) yield { kind: "message", text };
  for (const { groups, users, quorum } of found.approvals) yield { kind: "approvers", groups, users, quorum };
  for (const { name } of rules) {
    const matched = found.matched.includes(name);
    if (matched !== other.matched.includes(name)) yield { kind: "matched", rule: name, matched };
  }
}

function expectedText(expected: Expected): string {
  switch (expected.kind) {
    case "verdict":
      return `expect ${expected.verdict}${expected.by === null ? "" : ` by ${expected.by}`}`;
    case "masked":
      return `expect masked ${expected.column}${expected.by === null ? "" : ` by ${expected.by}`}${expected.mask === null ? "" : ` with ${maskText(expected.mask)}`}`;
    case "plain":
      return `expect plain ${expected.column}`;
    case "limit":
      return `expect limit ${expected.count} ${expected.unit}`;
    case "message":
      return `expect because ${quoted(expected.text)}`;
    case "approvers": {
      const { groups, users } = expected;
      const names = [...groups.map((name) => `group ${quoted(name)}`), ...users.map((name) => `user ${quoted(name)}`)];
      return `expect approvers ${names.join(", ")}${expected.quorum === null ? "" : ` quorum ${expected.quorum}`}`;
    }
    case "matched":
      return `expect ${expected.matched ? "" : "not "}matched ${expected.rule}`;
  }
}

/** A draft as policy text, ready to paste. */
export function draftText(draft: Draft): string {
  const { user, target, sql } = draft;
  const labels = Object.entries(target.labels).map(([key, value]) => `${key}: ${quoted(value)}`);
  const facts = draft.facts.map(
    ({ path, value }) => `${path}: ${literalText(value, factAt(draft.protocol, path)!.type) ?? "?"}`,
  );
  const lines = [
    `test ${quoted(draft.title)} {`,
    `  user ${quoted(user.name)}${user.groups.length === 0 ? "" : ` in ${user.groups.map(quoted).join(", ")}`}`,
    `  target ${quoted(target.name)}${labels.length === 0 ? "" : ` { ${labels.join(", ")} }`}`,
    ...(sql === null
      ? []
      : [...(sql.schema === null ? [] : [`  schema ${quoted(sql.schema)}`]), `  sql ${quoted(sql.text)}`]),
    ...(facts.length === 0 ? [] : [`  facts { ${facts.join(", ")} }`]),
    ...draft.expected.map((one) => `  ${expectedText(one)}`),
    "}",
  ];
  return `${lines.join("\n")}\n`;
}
