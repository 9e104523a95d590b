import { readFileSync, readdirSync } from "node:fs";
import { describe, expect, it } from "vitest";
import { parse } from "yaml";
import { compile } from "../../compiler/index.ts";
import { executableOf } from "../../cli/commands/policy/decide.ts";
import { decideByOracle, ruleMatches } from "../../lang/index.ts";
import { SessionPolicy, decideByConditions } from "../../runtime/decide/index.ts";
import {
  ABSENT,
  UNKNOWN,
  factAt,
  type FactRecord,
  type FactType,
  type FactValue,
  type ProtocolName,
} from "../contract/facts/index.ts";

const CASES = new URL("cases/", import.meta.url);
const PAGES = new URL("../language/", import.meta.url);

interface Expected {
  readonly decision: string;
  readonly rows?: number;
  readonly bytes?: number;
  readonly rates?: readonly string[];
  readonly alerts?: readonly string[];
  readonly masks?: readonly string[];
  readonly unknown?: readonly string[];
}
interface Group {
  readonly rule: string;
  readonly title: string;
  readonly protocol?: ProtocolName;
  readonly policy: string | Readonly<Record<string, string>>;
  readonly cases?: readonly (readonly [Readonly<Record<string, unknown>>, string | Expected])[];
  readonly error?: string;
  readonly errors?: readonly string[];
}

const unknownTag = { tag: "!unknown", resolve: () => UNKNOWN };

function readGroups(file: string): readonly Group[] {
  return parse(readFileSync(new URL(file, CASES), "utf8"), { customTags: [unknownTag] }) as readonly Group[];
}

function toFact(value: unknown, type: FactType, path: string): FactValue {
  if (value === UNKNOWN) return UNKNOWN;
  switch (type.kind) {
    case "set":
    case "list": {
      const items = value as readonly unknown[];
      if (type.of.kind === "record") return items as readonly FactRecord[];
      return type.kind === "set" ? new Set(items as readonly string[]) : (items as readonly string[]);
    }
    case "map":
      return new Map(Object.entries(value as Readonly<Record<string, string>>));
    case "time":
      return typeof value === "string" ? Date.parse(value) : (value as number);
    case "bool":
    case "int":
    case "duration":
    case "string":
    case "address":
    case "enum":
      return value as string | number | boolean;
    case "record":
      throw new Error(`${path}: no record stands alone`);
  }
}

const filesOf = (policy: Group["policy"]): readonly { readonly path: string; readonly text: string }[] =>
  typeof policy === "string"
    ? [{ path: "case.policy", text: policy }]
    : Object.entries(policy).map(([path, text]) => ({ path, text }));

function runCase(group: Group, given: Readonly<Record<string, unknown>>, wanted: string | Expected): void {
  const protocol = group.protocol ?? "postgres";
  const { manifest, policy, diagnostics } = compile(filesOf(group.policy), { sequence: 1 });
  if (manifest === null) throw new Error(diagnostics.map((one) => `${one.code} ${one.message}`).join("\n"));
  const facts = new Map(
    Object.entries(given).map(([path, value]): [string, FactValue] => {
      const fact = factAt(protocol, path);
      if (fact === undefined) throw new Error(`${protocol} has no fact ${path}`);
      return [path, toFact(value, fact.type, path)];
    }),
  );
  const expected: Expected = typeof wanted === "string" ? { decision: wanted } : wanted;
  const name = (index: number): string => manifest.rules[index]!.name;
  const sentence = (verdict: string, matched: readonly number[]): string =>
    [verdict, ...matched.map(name).sort()].join(" ");
  const [verdict, ...rules] = expected.decision.split(" ");
  const decision = [verdict, ...rules.sort()].join(" ");
  const oracle = decideByOracle(policy.rules, protocol, facts);
  expect(sentence(oracle.verdict, oracle.matched), "by the plain interpreter").toBe(decision);
  const bundle = executableOf(manifest);
  const read = (path: string): FactValue => facts.get(path) ?? ABSENT;
  const byConditions = decideByConditions(bundle, protocol, manifest.facts.map(read));
  expect(sentence(byConditions.verdict, byConditions.matched), "by the bytecode").toBe(decision);
  for (const fold of [true, false]) {
    const found = new SessionPolicy(bundle, protocol, read, fold).decide(() => undefined);
    expect(found, fold ? "by the index, folded" : "by the index").toEqual(byConditions);
  }
  const told = policy.rules.flatMap((rule) =>
    rule.protocols.includes(protocol) && ruleMatches(rule, facts).unknown ? [rule.name] : [],
  );
  expect(byConditions.unknown.map(name)).toEqual(told);
  if (expected.rows !== undefined) expect(byConditions.rowLimit).toBe(expected.rows);
  if (expected.bytes !== undefined) expect(byConditions.byteLimit).toBe(expected.bytes);
  for (const list of ["rates", "alerts", "masks", "unknown"] as const)
    if (expected[list] !== undefined) expect(byConditions[list].map(name).sort()).toEqual([...expected[list]].sort());
}

const files = readdirSync(CASES).filter((name) => name.endsWith(".yaml"));
const all = files.flatMap(readGroups);

for (const file of files) {
  describe(file, () => {
    for (const group of readGroups(file)) {
      const errors = group.errors ?? (group.error === undefined ? [] : [group.error]);
      if (errors.length > 0) {
        it(`${group.rule}: ${group.title}`, () => {
          const found = compile(filesOf(group.policy), { sequence: 1 }).diagnostics.filter(
            (one) => one.severity === "error",
          );
          expect([...new Set(found.map((one) => one.code))].sort()).toEqual([...errors].sort());
        });
        continue;
      }
      for (const [i, [facts, expected]] of (group.cases ?? []).entries())
        it(`${group.rule}: ${group.title} (${i + 1})`, () => runCase(group, facts, expected));
    }
  });
}

describe("the cases as a whole", () => {
  /** Rules that no decision shows: how files are laid out, what masks and approvals do later, what tools say. */
  const ELSEWHERE = new Set([
    "L1",
    "N8",
    "O13",
    "D5",
    "D9",
    "K2",
    "K3",
    "K4",
    "A1",
    "A2",
    "A3",
    "V1",
    "V2",
    "V3",
    "X1",
    "X2",
    "X3",
    "G2",
  ]);
  const written = new Set(
    ["lexical.md", "names.md", "types.md", "meaning.md", "grammar.md"].flatMap((page) =>
      [...readFileSync(new URL(page, PAGES), "utf8").matchAll(/\*\*([A-Z]\d+)\.?\*\*/g)].map((match) => match[1]!),
    ),
  );

  it("are more than four hundred", () => {
    const count = all.reduce((sum, group) => sum + (group.cases?.length ?? 1), 0);
    expect(count).toBeGreaterThanOrEqual(400);
  });

  it("name rules that are written, and leave none of those out that they can show", () => {
    const named = new Set(all.map((group) => group.rule));
    expect([...named].filter((rule) => !written.has(rule))).toEqual([]);
    expect([...written].filter((rule) => !named.has(rule) && !ELSEWHERE.has(rule))).toEqual([]);
    expect([...ELSEWHERE].filter((rule) => !written.has(rule))).toEqual([]);
  });
});
