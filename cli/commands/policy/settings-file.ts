import { readFileSync } from "node:fs";
import { LineCounter, isMap, isScalar, parseDocument, type Node, type Pair } from "yaml";
import { listing, nearest } from "../../../base/text.ts";
import { LINT_LEVELS, LINT_RULES, lintRule, type LintLevel, type LintLevels } from "../../../lang/index.ts";
import { UsageError } from "../../io.ts";

const BYTES_MAX = 256 * 1024;

/** Levels that a settings file sets. `shown` is its name in messages. */
export function levelsOf(file: string, shown: string): LintLevels {
  const text = readFileSync(file, "utf8");
  if (text.length > BYTES_MAX) throw new UsageError(`${shown} is larger than ${BYTES_MAX} bytes`);
  const lines = new LineCounter();
  const document = parseDocument(text, { lineCounter: lines, maxAliasCount: 0 } as Parameters<typeof parseDocument>[1]);
  const fail = (offset: number, why: string): never => {
    const { line, col } = lines.linePos(offset);
    throw new UsageError(`${shown}:${line}:${col}: ${why}`);
  };
  const [error] = document.errors;
  if (error !== undefined) fail(error.pos[0], error.message.split("\n")[0]!);
  const levels = new Map<string, LintLevel>();
  const lint = entries(document.contents, ["lint"], fail).get("lint");
  if (lint === undefined) return levels;
  const rules = entries(lint, ["rules"], fail).get("rules");
  if (rules === undefined) return levels;
  const known = LINT_RULES.flatMap((rule) => [rule.code, rule.name]);
  for (const [name, value] of entries(rules, known, fail)) {
    const level = isScalar(value) ? LINT_LEVELS.find((one) => one === levelName(value.value)) : undefined;
    if (level === undefined) fail(value.range?.[0] ?? 0, `a level is ${listing(LINT_LEVELS)}`);
    else levels.set(lintRule(name)!.code, level);
  }
  return levels;
}

/** YAML 1.1 readers take `off` for false; both are meant the same. */
const levelName = (value: unknown): unknown => (value === false ? "off" : value);

function entries(
  node: Node | null,
  known: readonly string[],
  fail: (offset: number, why: string) => never,
): ReadonlyMap<string, Node> {
  const found = new Map<string, Node>();
  if (node === null) return found;
  if (!isMap(node)) return fail(node.range?.[0] ?? 0, "expected keys with values");
  for (const { key, value } of node.items as readonly Pair<Node, Node | null>[]) {
    const name = isScalar(key) ? String(key.value) : "";
    if (!known.includes(name)) {
      const near = nearest(name, known);
      const more =
        near !== undefined
          ? `did you mean ${near}?`
          : known.length < 10
            ? `known: ${known.join(", ")}`
            : "policyc lint --rules lists them";
      fail(key.range?.[0] ?? 0, `there is no ${JSON.stringify(name)} here; ${more}`);
    }
    if (value !== null) found.set(name, value);
  }
  return found;
}
