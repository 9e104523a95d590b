import { readFileSync, writeFileSync } from "node:fs";
import { format, resolveConfig } from "prettier";
import {
  ELEMENTS_MAX,
  OPCODES,
  QUANTIFIER_DEPTH_MAX,
  STACK_DEPTH_MAX,
  type OpcodeRow,
} from "../spec/contract/bytecode/index.ts";

export const PAGE = new URL("../spec/formats/bytecode.md", import.meta.url);

/** The reference page of the instructions, made from their table. */
export async function bytecodePage(): Promise<string> {
  const rows = (OPCODES as readonly OpcodeRow[]).map(
    (row) =>
      `| ${row.code} | \`${row.name}\` | ${row.operand} | ${row.pops} | ${row.pushes} | ${row.meaning.replaceAll("|", "\\|")} |`,
  );
  const text = `# Bytecode

Made from \`contract/bytecode/opcodes.ts\` by \`node tools/gen-bytecode-page.ts\`; a test keeps it so.

A condition is a program: pairs of opcode and operand that work on a stack of values. \`T\` marks a value read as a truth:
absent is false, and anything that is no truth value is unknown.

| code | name | operand | pops | pushes | meaning |
| --- | --- | --- | --- | --- | --- |
${rows.join("\n")}

## What the verifier proves

1. Every opcode is known and every operand lies in its table and is of the right kind.
2. Jumps go forwards only, so a program of n instructions ends within n steps.
3. The stack never underflows, never holds more than ${STACK_DEPTH_MAX} values, and is as deep on every path to an instruction.
4. A quantifier runs a program of a higher number, which nothing else runs, at most ${QUANTIFIER_DEPTH_MAX} deep, and an \`element\` stands inside
   as many quantifiers as it counts.
5. The steps that a program states are the most it can take, a quantifier counted ${ELEMENTS_MAX} times; and the bundle's steps are
   their sum.
`;
  return format(text, { ...(await resolveConfig(PAGE.pathname)), parser: "markdown" });
}

if (import.meta.main) writeFileSync(PAGE, await bytecodePage());
export const currentPage = (): string => readFileSync(PAGE, "utf8");
