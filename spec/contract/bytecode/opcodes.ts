import { assert } from "../../../base/assert.ts";

/** What an instruction's operand is a number of. */
export type OperandKind = "none" | "constant" | "fact" | "depth" | "target" | "program";

export interface OpcodeRow {
  readonly code: number;
  readonly name: string;
  readonly operand: OperandKind;
  readonly pops: number;
  readonly pushes: number;
  /** What kind of constant the operand must be, for `constant`. */
  readonly constant: "any" | "set" | "glob" | "cidr" | "string" | "expression" | "zone" | null;
  readonly meaning: string;
}

const row = <const N extends string, const C extends number>(
  code: C,
  name: N,
  operand: OperandKind,
  pops: number,
  pushes: number,
  meaning: string,
  constant: OpcodeRow["constant"] = null,
) => ({ code, name, operand, pops, pushes, meaning, constant });

/**
 * The instructions: verifier, interpreter, disassembler and reference page are made from this table. Codes are part of
 * the bundle format: add rows at the end, never renumber, never reuse. `T` marks a value read as a truth: absent is
 * false, anything that is no truth value is unknown.
 */
export const OPCODES = [
  row(0, "halt", "none", 1, 0, "stop; the popped T is the condition's truth"),
  row(1, "const", "constant", 0, 1, "push constants[operand]", "any"),
  row(2, "fact", "fact", 0, 1, "push the fact, or absent, or unknown"),
  row(3, "index", "constant", 1, 1, "pop a map; push its value at the text constants[operand], or absent", "string"),
  row(4, "element", "depth", 0, 1, "push the element that the operand-th enclosing quantifier looks at"),
  row(5, "eq", "none", 2, 1, "pop right, left; push left == right; absent equals nothing"),
  row(6, "ne", "none", 2, 1, "pop right, left; push left != right"),
  row(7, "lt", "none", 2, 1, "pop right, left; push left < right; false when either is absent"),
  row(8, "le", "none", 2, 1, "pop right, left; push left <= right"),
  row(9, "gt", "none", 2, 1, "pop right, left; push left > right"),
  row(10, "ge", "none", 2, 1, "pop right, left; push left >= right"),
  row(11, "and", "none", 2, 1, "pop T, T; push their Kleene conjunction"),
  row(12, "or", "none", 2, 1, "pop T, T; push their Kleene disjunction"),
  row(13, "not", "none", 1, 1, "pop T; push its negation; unknown stays"),
  row(14, "skip_if_false", "target", 1, 1, "if the top T is false, leave it and go to instruction operand"),
  row(15, "skip_if_true", "target", 1, 1, "if the top T is true, leave it and go to instruction operand"),
  row(16, "in_set", "constant", 1, 1, "pop a value; push whether the set constants[operand] has it", "set"),
  row(17, "contains", "none", 2, 1, "pop a value, a set; push whether the set has it"),
  row(18, "has_any", "constant", 1, 1, "pop a set; push whether it has any of the set constants[operand]", "set"),
  row(19, "has_all", "constant", 1, 1, "pop a set; push whether it has all of the set constants[operand]", "set"),
  row(20, "has_any_of", "none", 2, 1, "pop a second set, a set; push whether it has any of the second"),
  row(21, "has_all_of", "none", 2, 1, "pop a second set, a set; push whether it has all of the second"),
  row(22, "like", "constant", 1, 1, "pop a text; push whether it matches the glob constants[operand]", "glob"),
  row(23, "starts_with", "none", 2, 1, "pop an affix, a text; push whether the text begins with it"),
  row(24, "ends_with", "none", 2, 1, "pop an affix, a text; push whether the text ends with it"),
  row(
    25,
    "within",
    "constant",
    1,
    1,
    "pop an address; push whether it is in the range constants[operand]; unknown when it can't be read",
    "cidr",
  ),
  row(26, "exists", "none", 1, 1, "pop a value; push whether it is not absent"),
  row(27, "or_else", "none", 2, 1, "pop a fallback, a value; push the value, or the fallback when it is absent"),
  row(28, "any", "program", 1, 1, "pop a set; run program operand for each element; push the disjunction"),
  row(29, "all", "program", 1, 1, "pop a set; run program operand for each element; push the conjunction"),
  row(30, "field", "constant", 1, 1, "pop a record; push its field constants[operand]", "string"),
  row(31, "matches", "constant", 1, 1, "pop a text; push whether constants[operand] matches in it", "expression"),
  row(32, "hour", "constant", 1, 1, "pop a time; push its hour, 0 to 23, in the zone constants[operand]", "zone"),
  row(33, "minute", "constant", 1, 1, "pop a time; push its minute in the zone constants[operand]", "zone"),
  row(34, "weekday", "constant", 1, 1, "pop a time; push the name of its day in the zone constants[operand]", "zone"),
] as const satisfies readonly OpcodeRow[];

type Row = (typeof OPCODES)[number];
export const OP = Object.fromEntries(OPCODES.map((r) => [r.name, r.code])) as {
  readonly [R in Row as R["name"]]: R["code"];
};
OPCODES.forEach((r, i) => assert(r.code === i, `opcode ${r.name} is out of place`));
