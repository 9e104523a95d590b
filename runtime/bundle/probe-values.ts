import type { Constant, Manifest } from "../../spec/contract/bundle/index.ts";
import { OP, OPCODES, parseRange } from "../../spec/contract/bytecode/index.ts";
import { ABSENT, UNKNOWN, type FactType, type FactValue } from "../../spec/contract/facts/index.ts";
import { PROBE_VALUES_MAX } from "./limits.ts";

/** What a condition names: texts and numbers that it compares with, and keys of maps. */
export interface Named {
  readonly texts: ReadonlySet<string>;
  readonly numbers: ReadonlySet<number>;
  readonly keys: ReadonlySet<string>;
}

/** What a program, and those that it runs, name. */
export function namedBy(manifest: Manifest, program: number): Named {
  const named = { texts: new Set<string>(), numbers: new Set<number>(), keys: new Set<string>() };
  const waiting = [program];
  for (let one = waiting.pop(); one !== undefined; one = waiting.pop()) {
    const { code } = manifest.programs[one]!;
    for (let at = 0; at < code.length; at += 2) {
      const op = code[at]!;
      const operand = code[at + 1]!;
      if (op === OP.any || op === OP.all) waiting.push(operand);
      if (OPCODES[op]!.operand !== "constant" || op === OP.field) continue;
      const constant = manifest.constants[operand]!;
      if (op === OP.index && constant.kind === "string") named.keys.add(constant.value);
      else
        for (const value of valuesOf(constant))
          (typeof value === "string" ? named.texts : named.numbers).add(value as never);
    }
  }
  return named;
}

/** Values that a constant speaks of: of a glob a text that fits it, of a range its first address and its last. */
function valuesOf(constant: Constant): readonly (string | number)[] {
  switch (constant.kind) {
    case "string":
    case "int":
      return [constant.value];
    case "set":
      return constant.values;
    case "glob":
      return [constant.pattern.replace(/\\(.)|\*+|\?/gsu, (all, taken?: string) => taken ?? (all === "?" ? "x" : ""))];
    case "cidr":
      return endsOf(constant.text);
    case "bool":
    case "expression":
    case "zone":
      return [];
  }
}

function endsOf(cidr: string): readonly string[] {
  const range = parseRange(cidr);
  if (range === null) return [];
  const { network, shift, length } = range;
  const first = network << shift;
  return [first, first | ((1n << shift) - 1n)].map((bits) =>
    length === 32 ? [24n, 16n, 8n, 0n].map((by) => (bits >> by) & 0xffn).join(".") : groupsOf(bits),
  );
}

const groupsOf = (bits: bigint): string =>
  Array.from({ length: 8 }, (_, i) => ((bits >> BigInt(112 - i * 16)) & 0xffffn).toString(16)).join(":");

/** Values of a fact that tell a condition's cases apart: unknown, absent, what the condition names and something that it does not. */
export function probeValues(type: FactType, named: Named): readonly FactValue[] {
  return [UNKNOWN, ABSENT, ...knownValues(type, named).slice(0, PROBE_VALUES_MAX)];
}

function knownValues(type: FactType, named: Named): readonly Exclude<FactValue, symbol>[] {
  switch (type.kind) {
    case "bool":
      return [true, false];
    case "int":
    case "time":
    case "duration":
      return [0, ...[...named.numbers].flatMap((number) => [number, number + 1, number - 1])];
    case "string":
      return ["", ...named.texts];
    case "address":
      return ["192.0.2.1", ...named.texts];
    case "enum": {
      const other = type.values.find((value) => !named.texts.has(value));
      return [...(other === undefined ? [] : [other]), ...type.values.filter((value) => named.texts.has(value))];
    }
    case "set":
      return elementsOf(type.of, named).map((elements) => new Set(elements));
    case "list":
      return elementsOf(type.of, named);
    case "map":
      return [...named.keys].flatMap((key) => [...named.texts].map((text) => new Map([[key, text]])));
    case "record":
      return [];
  }
}

/** None, all, each by itself, and all but each. */
function elementsOf(type: FactType, named: Named): readonly (readonly string[])[] {
  const texts = knownValues(type, named).filter((value) => typeof value === "string");
  const single = texts.map((text) => [text]);
  return texts.length < 2
    ? [[], ...single]
    : [[], texts, ...single, ...texts.map((text) => texts.filter((one) => one !== text))];
}
