import { InvariantError, assert } from "../../base/assert.ts";
import { ABSENT, UNKNOWN, type FactRecord, type FactValue, type Truth } from "../../spec/contract/facts/index.ts";
import { ELEMENTS_MAX, OP, parseRange, type Range, type VerifiedManifest } from "../../spec/contract/bytecode/index.ts";
import { compileGlob, matchGlob, type Glob } from "./glob.ts";
import { ExpressionMatcher } from "./expression.ts";
import { Zone } from "./zone.ts";
import { inRange } from "./address.ts";

/** A constant as the interpreter uses it. */
type Ready = boolean | number | string | ReadonlySet<string> | Glob | Range | ExpressionMatcher | Zone;

/** A bundle's programs and constants, made ready to run. */
export interface Machine {
  readonly code: readonly (readonly number[])[];
  readonly constants: readonly Ready[];
}

export function prepare(manifest: VerifiedManifest): Machine {
  const expressions = manifest.expressions.map((one) => new ExpressionMatcher(one));
  return {
    code: manifest.programs.map((program) => program.code),
    constants: manifest.constants.map((constant): Ready => {
      switch (constant.kind) {
        case "set":
          return new Set(constant.values.map(String));
        case "glob":
          return compileGlob(constant.pattern);
        case "cidr":
          return readyRange(constant.text);
        case "expression":
          return expressions[constant.expression]!;
        case "zone":
          return new Zone(constant.from, constant.minutes);
        default:
          return constant.value;
      }
    }),
  };
}

function readyRange(text: string): Range {
  const range = parseRange(text);
  assert(range !== null, "the verifier lets no range pass that can't be read");
  return range;
}

/** Facts by slot, as `Manifest.facts` numbers them. */
export type FactSlots = readonly FactValue[];

const truth = (found: FactValue | undefined): Truth =>
  found === true || found === false ? found : found === ABSENT ? false : UNKNOWN;
const kleeneAnd = (a: Truth, b: Truth): Truth =>
  a === false || b === false ? false : a === UNKNOWN || b === UNKNOWN ? UNKNOWN : true;
const kleeneOr = (a: Truth, b: Truth): Truth =>
  a === true || b === true ? true : a === UNKNOWN || b === UNKNOWN ? UNKNOWN : false;

/**
 * Runs a condition. Total: the verifier proved that it halts and stays inside its tables; what can't be decided is
 * unknown, and the caller counts that against the action.
 */
export function run(
  machine: Machine,
  program: number,
  facts: FactSlots,
  elements: readonly FactValue[] = NO_ELEMENTS,
): Truth {
  const code = machine.code[program]!;
  const constants = machine.constants;
  const stack: FactValue[] = [];
  let pc = 0;
  while (pc < code.length) {
    const op = code[pc]!;
    const operand = code[pc + 1]!;
    pc += 2;
    switch (op) {
      case OP.halt:
        return truth(stack.pop());
      case OP.const:
        stack.push(constants[operand] as FactValue);
        break;
      case OP.fact:
        stack.push(facts[operand] ?? ABSENT);
        break;
      case OP.index: {
        const map = stack.pop()!;
        stack.push(
          map === UNKNOWN
            ? UNKNOWN
            : map instanceof Map
              ? ((map as Map<string, string>).get(constants[operand] as string) ?? ABSENT)
              : ABSENT,
        );
        break;
      }
      case OP.element:
        stack.push(elements[operand] ?? UNKNOWN);
        break;
      case OP.eq:
      case OP.ne:
      case OP.lt:
      case OP.le:
      case OP.gt:
      case OP.ge: {
        const right = stack.pop()!;
        const left = stack.pop()!;
        stack.push(compare(op, left, right));
        break;
      }
      case OP.and: {
        const right = truth(stack.pop());
        stack.push(kleeneAnd(truth(stack.pop()), right));
        break;
      }
      case OP.or: {
        const right = truth(stack.pop());
        stack.push(kleeneOr(truth(stack.pop()), right));
        break;
      }
      case OP.not: {
        const operandTruth = truth(stack.pop());
        stack.push(operandTruth === UNKNOWN ? UNKNOWN : !operandTruth);
        break;
      }
      case OP.skip_if_false:
      case OP.skip_if_true: {
        const top = truth(stack[stack.length - 1]);
        stack[stack.length - 1] = top;
        if (top === (op === OP.skip_if_true)) pc = operand * 2;
        break;
      }
      case OP.in_set: {
        const value = stack.pop()!;
        stack.push(
          value === UNKNOWN
            ? UNKNOWN
            : value !== ABSENT && (constants[operand] as ReadonlySet<string>).has(String(value)),
        );
        break;
      }
      case OP.contains: {
        const value = stack.pop()!;
        stack.push(contains(stack.pop()!, value));
        break;
      }
      case OP.has_any:
      case OP.has_all:
        stack.push(hasMany(stack.pop()!, constants[operand] as ReadonlySet<string>, op === OP.has_any));
        break;
      case OP.has_any_of:
      case OP.has_all_of: {
        const wanted = stack.pop()!;
        const set = stack.pop()!;
        stack.push(wanted === UNKNOWN ? UNKNOWN : hasMany(set, members(wanted), op === OP.has_any_of));
        break;
      }
      case OP.like: {
        const value = stack.pop()!;
        stack.push(
          value === UNKNOWN ? UNKNOWN : typeof value === "string" && matchGlob(constants[operand] as Glob, value),
        );
        break;
      }
      case OP.starts_with:
      case OP.ends_with: {
        const affix = stack.pop()!;
        const value = stack.pop()!;
        stack.push(affixed(op === OP.starts_with, value, affix));
        break;
      }
      case OP.within: {
        const value = stack.pop()!;
        stack.push(
          value === ABSENT ? false : typeof value === "string" ? inRange(constants[operand] as Range, value) : UNKNOWN,
        );
        break;
      }
      case OP.field: {
        const value = stack.pop()!;
        stack.push(fieldOf(value, constants[operand] as string));
        break;
      }
      case OP.matches: {
        const value = stack.pop()!;
        stack.push(
          value === UNKNOWN
            ? UNKNOWN
            : typeof value === "string" && (constants[operand] as ExpressionMatcher).matches(value),
        );
        break;
      }
      case OP.hour:
      case OP.minute:
      case OP.weekday: {
        const value = stack.pop()!;
        const zone = constants[operand] as Zone;
        stack.push(typeof value !== "number" ? (value === ABSENT ? ABSENT : UNKNOWN) : partOf(op, zone, value));
        break;
      }
      case OP.exists: {
        const value = stack.pop()!;
        stack.push(value === UNKNOWN ? UNKNOWN : value !== ABSENT);
        break;
      }
      case OP.or_else: {
        const fallback = stack.pop()!;
        const value = stack.pop()!;
        stack.push(value === ABSENT ? fallback : value);
        break;
      }
      case OP.any:
      case OP.all:
        stack.push(quantify(machine, operand, facts, elements, stack.pop()!, op === OP.any));
        break;
      default:
        throw new InvariantError(`opcode ${op} passed the verifier`);
    }
  }
  throw new InvariantError("a verified program always halts");
}

const partOf = (op: number, zone: Zone, timeMs: number): number | string =>
  op === OP.hour ? zone.hour(timeMs) : op === OP.minute ? zone.minute(timeMs) : zone.weekday(timeMs);

/** A field of a record; of anything else it is unknown, for a record always has its fields. */
function fieldOf(value: FactValue, name: string): FactValue {
  if (value === ABSENT) return ABSENT;
  if (typeof value !== "object" || value instanceof Set || value instanceof Map || Array.isArray(value)) return UNKNOWN;
  return Object.hasOwn(value, name) ? (value as FactRecord)[name]! : UNKNOWN;
}

const NO_ELEMENTS: readonly FactValue[] = [];
const NO_MEMBERS: readonly FactValue[] = [];

function compare(op: number, left: FactValue, right: FactValue): Truth {
  if (left === UNKNOWN || right === UNKNOWN) return UNKNOWN;
  const absent = left === ABSENT || right === ABSENT;
  if (op === OP.eq) return !absent && left === right;
  if (op === OP.ne) return absent || left !== right;
  if (absent || typeof left !== "number" || typeof right !== "number") return false;
  return op === OP.lt ? left < right : op === OP.le ? left <= right : op === OP.gt ? left > right : left >= right;
}

function members(set: FactValue): readonly FactValue[] | ReadonlySet<string> {
  return set instanceof Set || Array.isArray(set) ? (set as readonly FactValue[] | ReadonlySet<string>) : NO_MEMBERS;
}

function contains(set: FactValue, value: FactValue): Truth {
  if (set === UNKNOWN || value === UNKNOWN) return UNKNOWN;
  if (value === ABSENT) return false;
  const text = String(value);
  if (set instanceof Set) return (set as ReadonlySet<string>).has(text);
  return Array.isArray(set) && (set as readonly string[]).includes(text);
}

function hasMany(set: FactValue, wanted: Iterable<FactValue>, any: boolean): Truth {
  if (set === UNKNOWN) return UNKNOWN;
  for (const item of wanted) if (contains(set, item) === any) return any;
  return !any;
}

function affixed(start: boolean, value: FactValue, affix: FactValue): Truth {
  if (value === UNKNOWN || affix === UNKNOWN) return UNKNOWN;
  if (typeof value !== "string" || typeof affix !== "string") return false;
  return start ? value.startsWith(affix) : value.endsWith(affix);
}

function quantify(
  machine: Machine,
  program: number,
  facts: FactSlots,
  outer: readonly FactValue[],
  set: FactValue,
  any: boolean,
): Truth {
  if (set === UNKNOWN) return UNKNOWN;
  let answer: Truth = !any;
  let count = 0;
  for (const item of members(set)) {
    if (++count > ELEMENTS_MAX) return UNKNOWN;
    const found = run(machine, program, facts, [item, ...outer]);
    answer = any ? kleeneOr(answer, found) : kleeneAnd(answer, found);
    if (answer === any) return answer;
  }
  return answer;
}
