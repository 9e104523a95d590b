import type { Constant, Manifest } from "../bundle/manifest.ts";
import { OPCODES, type OpcodeRow } from "./opcodes.ts";

export function showConstant(constant: Constant | undefined): string {
  if (constant === undefined) return "?";
  switch (constant.kind) {
    case "set":
      return `{${constant.values.map((value) => JSON.stringify(value)).join(", ")}}`;
    case "glob":
      return `like ${JSON.stringify(constant.pattern)}`;
    case "cidr":
      return constant.text;
    case "expression":
      return `expression ${constant.expression}`;
    case "zone":
      return constant.name;
    default:
      return JSON.stringify(constant.value);
  }
}

/** One program as lines of text: number, instruction, and what its operand means. */
export function disassemble(manifest: Manifest, program: number): readonly string[] {
  const code = manifest.programs[program]?.code ?? [];
  const lines: string[] = [];
  for (let at = 0; at < code.length; at += 2) {
    const row: OpcodeRow | undefined = OPCODES[code[at]!];
    const operand = code[at + 1]!;
    const meaning = row === undefined ? "" : operandText(manifest, row, operand);
    lines.push(`${String(at / 2).padStart(4)}  ${(row?.name ?? "?").padEnd(14)}${meaning}`.trimEnd());
  }
  return lines;
}

function operandText(manifest: Manifest, row: OpcodeRow, operand: number): string {
  switch (row.operand) {
    case "none":
      return "";
    case "constant":
      return showConstant(manifest.constants[operand]);
    case "fact":
      return manifest.facts[operand] ?? "?";
    case "target":
      return `-> ${operand}`;
    case "program":
      return `program ${operand}`;
    case "depth":
      return String(operand);
  }
}
