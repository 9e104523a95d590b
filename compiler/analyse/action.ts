import {
  ABSENT,
  UNKNOWN,
  factAt,
  type FactType,
  type FactValue,
  type ProtocolName,
} from "../../spec/contract/facts/index.ts";
import { decideByOracle, type CheckedRule, type FactMap } from "../../lang/index.ts";

/** What the rules make of an action, in names. */
export interface Outcome {
  readonly verdict: "allow" | "approve" | "deny";
  /** The rules that made the verdict; none when it is denied by default. */
  readonly deciding: readonly string[];
  /** All rules that matched. */
  readonly matched: readonly string[];
}

/** A concrete action: only the facts that matter; whatever the others are, it comes out the same. */
export interface Action {
  readonly protocol: ProtocolName;
  readonly facts: FactMap;
}

export function outcomeOf(rules: readonly CheckedRule[], { protocol, facts }: Action): Outcome {
  const { verdict, matched } = decideByOracle(rules, protocol, facts);
  const found = matched.map((i) => rules[i]!);
  return {
    verdict,
    deciding: found.filter((rule) => rule.effect === verdict).map((rule) => rule.name),
    matched: found.map((rule) => rule.name),
  };
}

/** The facts without those that can be left out while `holds` stays true. */
export function withoutIdle(facts: FactMap, holds: (facts: FactMap) => boolean): FactMap {
  let kept = new Map(facts);
  const attempt = (next: Map<string, FactValue>): void => {
    if (holds(next)) kept = next;
  };
  for (const [path, value] of facts) {
    const next = new Map(kept);
    next.delete(path);
    attempt(next);
    if (!kept.has(path)) continue;
    if (value instanceof Set) {
      for (const one of value as ReadonlySet<string>) {
        const fewer = new Set(kept.get(path) as ReadonlySet<string>);
        fewer.delete(one);
        attempt(new Map(kept).set(path, fewer));
      }
    }
    if (!(value instanceof Map)) continue;
    for (const key of (value as ReadonlyMap<string, string>).keys()) {
      const fewer = new Map(kept.get(path) as ReadonlyMap<string, string>);
      fewer.delete(key);
      attempt(new Map(kept).set(path, fewer));
    }
  }
  return kept;
}

/** A text as a policy writes it. */
export function quoted(text: string): string {
  let out = "";
  for (const char of text) {
    const code = char.codePointAt(0)!;
    if (char === "\\" || char === '"') out += `\\${char}`;
    else if (char === "\n") out += "\\n";
    else if (code < 32 || (code >= 127 && code < 160)) out += `\\u{${code.toString(16)}}`;
    else out += char;
  }
  return `"${out}"`;
}

/** A value as a policy writes it, as far as policies can write it. */
export function showValue(value: FactValue, type: FactType): string {
  if (value === UNKNOWN) return "unknown";
  if (value === ABSENT) return "absent";
  if (typeof value === "string") return type.kind === "enum" ? value : quoted(value);
  if (typeof value === "number") {
    if (type.kind === "time") return `time(${quoted(new Date(value).toISOString())})`;
    return type.kind === "duration" ? `${value}ms` : String(value);
  }
  if (typeof value === "boolean") return String(value);
  const of = type.kind === "set" || type.kind === "list" ? type.of : type;
  if (value instanceof Set)
    return `[${[...(value as ReadonlySet<string>)].map((one) => showValue(one, of)).join(", ")}]`;
  if (Array.isArray(value)) return `[${(value as readonly FactValue[]).map((one) => showValue(one, of)).join(", ")}]`;
  if (value instanceof Map)
    return `{ ${[...(value as ReadonlyMap<string, string>)].map(([key, one]) => `${quoted(key)}: ${quoted(one)}`).join(", ")} }`;
  return `{ ${Object.entries(value)
    .map(([name, one]) => `${name}: ${showValue(one as FactValue, fieldType(of, name))}`)
    .join(", ")} }`;
}

const fieldType = (type: FactType, name: string): FactType =>
  (type.kind === "record" ? type.fields.find((field) => field.name === name)?.type : undefined) ?? { kind: "string" };

/** `path value` for each fact, in the order of the schema's prefixes: who, where, what. */
export function showAction({ protocol, facts }: Action): readonly string[] {
  const place = (path: string): number => {
    const at = ["user.", "target.", "client.", "session.", "time"].findIndex((prefix) => path.startsWith(prefix));
    return at < 0 ? 9 : at;
  };
  return [...facts]
    .sort(([a], [b]) => place(a) - place(b) || (a < b ? -1 : 1))
    .map(([path, value]) => `${path}: ${showValue(value, factAt(protocol, path)?.type ?? { kind: "string" })}`);
}

/** For machines: `null` stands for a fact that is unknown. */
export function actionJson({ protocol, facts }: Action): Readonly<Record<string, unknown>> {
  const plain = (value: FactValue): unknown => {
    if (value === UNKNOWN || value === ABSENT) return null;
    if (value instanceof Set) return [...(value as ReadonlySet<string>)];
    return value instanceof Map ? Object.fromEntries(value as ReadonlyMap<string, string>) : value;
  };
  return {
    protocol,
    facts: Object.fromEntries(
      [...facts].sort(([a], [b]) => (a < b ? -1 : 1)).map(([path, value]) => [path, plain(value)]),
    ),
  };
}

/** The fact that says what is done, for each protocol: a test that states facts should state it. */
const DEEDS: Readonly<Record<ProtocolName, string>> = {
  postgres: "statement.kind",
  mysql: "statement.kind",
  ssh: "channel.kind",
  http: "request.method",
  kubernetes: "request.verb",
  mcp: "mcp.method",
};

/**
 * The action as a `test` of the language. `full` has what the action leaves open. What no test can state is listed beside
 * it: unknown facts, maps but the target's labels, records, and lengths of time.
 */
export function actionAsTest(
  title: string,
  action: Action,
  full: FactMap,
  expectation: string,
): { readonly test: string; readonly unstated: readonly string[] } {
  const unstated: string[] = [];
  const facts = new Map(action.facts);
  const deed = DEEDS[action.protocol];
  if (!facts.has(deed) && typeof full.get(deed) === "string") facts.set(deed, full.get(deed)!);
  const text = (path: string, usual: string): string => {
    const value = facts.get(path);
    if (value === UNKNOWN) unstated.push(`${path} is unknown`);
    facts.delete(path);
    return typeof value === "string" ? value : usual;
  };
  const lines = [`test ${quoted(title)} {`];
  const name = text("user.name", "ana");
  const groups = facts.get("user.groups");
  if (groups === UNKNOWN) unstated.push("user.groups is unknown");
  facts.delete("user.groups");
  const inGroups = groups instanceof Set && groups.size > 0 ? [...(groups as ReadonlySet<string>)].map(quoted) : [];
  lines.push(`  user ${quoted(name)}${inGroups.length === 0 ? "" : ` in ${inGroups.join(", ")}`}`);
  const target = text("target.name", "db");
  const labels = facts.get("target.labels");
  facts.delete("target.labels");
  const pairs = labels instanceof Map ? [...(labels as ReadonlyMap<string, string>)] : [];
  if (labels === UNKNOWN) unstated.push("target.labels is unknown");
  const sayable = pairs.filter(([key]) => /^[A-Za-z_][A-Za-z0-9_]*$/.test(key));
  for (const [key, value] of pairs)
    if (!sayable.some(([known]) => known === key)) unstated.push(`target.labels[${quoted(key)}] is ${quoted(value)}`);
  lines.push(
    `  target ${quoted(target)}${sayable.length === 0 ? "" : ` { ${sayable.map(([key, value]) => `${key}: ${quoted(value)}`).join(", ")} }`}`,
  );
  const time = facts.get("time");
  facts.delete("time");
  if (typeof time === "number") lines.push(`  time ${quoted(new Date(time).toISOString())}`);
  if (time === UNKNOWN) unstated.push("time is unknown");
  const given = [...facts]
    .sort(([a], [b]) => (a < b ? -1 : 1))
    .flatMap(([path, value]) => {
      const type = factAt(action.protocol, path)?.type ?? { kind: "string" as const };
      const shown = showValue(value, type);
      if (canBeStated(type) && value !== UNKNOWN && value !== ABSENT) return [`${path}: ${shown}`];
      unstated.push(`${path} is ${shown}`);
      return [];
    });
  lines.push("  facts {", ...given.map((one, i) => `    ${one}${i < given.length - 1 ? "," : ""}`), "  }");
  lines.push(`  ${expectation}`, "}");
  return { test: lines.join("\n"), unstated };
}

function canBeStated(type: FactType): boolean {
  switch (type.kind) {
    case "bool":
    case "int":
    case "string":
    case "address":
    case "enum":
      return true;
    case "set":
    case "list":
      return type.of.kind === "string" || type.of.kind === "enum";
    case "map":
    case "record":
    case "time":
    case "duration":
      return false;
  }
}
