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
    if (!kept.has(path) || !(value instanceof Map)) continue;
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
