import { err, ok, type Result } from "../../../base/result.ts";
import type { Manifest } from "../bundle/manifest.ts";
import { CODE_LENGTH_MAX, ELEMENTS_MAX, QUANTIFIER_DEPTH_MAX, STACK_DEPTH_MAX, STEPS_MAX } from "./limits.ts";
import { OP, OPCODES, type OpcodeRow } from "./opcodes.ts";
import { expressionsFault } from "./verify-expressions.ts";
import { indexFault } from "./verify-index.ts";

declare const verified: unique symbol;
/** A manifest whose every program was proved to halt within its stated steps and to touch nothing outside its tables. */
export type VerifiedManifest = Manifest & { readonly [verified]: true };

export interface VerifyError {
  readonly program: number;
  /** Instruction number, or -1 for the program as a whole. */
  readonly at: number;
  readonly why: string;
}

/**
 * States what the interpreter takes for granted. Jumps go forwards only, so one pass sees every path; a quantifier runs a
 * program of a higher number only, so none runs itself. The compiler verifies what it wrote and the gateway what it read,
 * with this function.
 */
export function verify(manifest: Manifest): Result<VerifiedManifest, VerifyError> {
  const { programs } = manifest;
  const steps = new Array<number>(programs.length).fill(0);
  const depths = new Array<number>(programs.length).fill(0);
  const usedAt = new Array<number>(programs.length).fill(-1);
  // Inner programs first: they have the higher numbers.
  for (let i = programs.length - 1; i >= 0; i--) {
    const found = verifyProgram(manifest, i, steps, depths);
    if (!found.ok) return found;
    steps[i] = found.value.steps;
    depths[i] = found.value.quantifierDepth;
    if (programs[i]!.stepsMax !== steps[i])
      return fail(i, -1, `claims ${programs[i]!.stepsMax} steps but may take ${steps[i]}`);
  }
  // How deep a program stands inside quantifiers decides which elements it may read.
  for (const rule of manifest.rules) if (rule.condition >= 0) usedAt[rule.condition] = 0;
  for (const [i, program] of programs.entries()) {
    const depth = usedAt[i]!;
    if (depth < 0) return fail(i, -1, "is used by nothing");
    for (let at = 0; at < program.code.length; at += 2) {
      const op = program.code[at]!;
      const operand = program.code[at + 1]!;
      if (op === OP.element && operand >= depth)
        return fail(i, at / 2, `element ${operand} outside of ${depth} quantifiers`);
      if (op === OP.any || op === OP.all) {
        if (usedAt[operand]! >= 0) return fail(i, at / 2, `program ${operand} is used twice`);
        usedAt[operand] = depth + 1;
      }
    }
  }
  const total = manifest.rules.reduce((sum, rule) => sum + (rule.condition < 0 ? 0 : steps[rule.condition]!), 0);
  if (total !== manifest.stepsMax)
    return fail(-1, -1, `the bundle claims ${manifest.stepsMax} steps but may take ${total}`);
  if (total > STEPS_MAX) return fail(-1, -1, `a decision may take ${total} steps; at most ${STEPS_MAX} are run`);
  const wrong = expressionsFault(manifest) ?? indexFault(manifest);
  return wrong === null ? ok(manifest as VerifiedManifest) : fail(-1, -1, wrong);
}

function fail(program: number, at: number, why: string): { readonly ok: false; readonly error: VerifyError } {
  return err({ program, at, why });
}

/** Room for the depths of one program at a time: at most `CODE_LENGTH_MAX`. */
let depthRoom = new Int32Array(256);

function verifyProgram(
  manifest: Manifest,
  index: number,
  steps: readonly number[],
  depths: readonly number[],
): Result<{ readonly steps: number; readonly quantifierDepth: number }, VerifyError> {
  const { code } = manifest.programs[index]!;
  const length = code.length / 2;
  if (code.length === 0 || code.length % 2 !== 0) return fail(index, -1, "is empty or has half an instruction");
  if (length > CODE_LENGTH_MAX)
    return fail(index, -1, `has ${length} instructions; at most ${CODE_LENGTH_MAX} are run`);
  // Depth of the stack on arrival; -1 where no path has led so far.
  if (depthRoom.length < length) depthRoom = new Int32Array(length);
  const depthAt = depthRoom;
  depthAt.fill(-1, 0, length);
  depthAt[0] = 0;
  let cost = 0;
  let quantifierDepth = 0;
  for (let at = 0; at < length; at++) {
    const op = code[at * 2]!;
    const operand = code[at * 2 + 1]!;
    const row: OpcodeRow | undefined = OPCODES[op];
    const depth = depthAt[at]!;
    if (row === undefined) return fail(index, at, `unknown opcode ${op}`);
    if (depth < 0) return fail(index, at, "no path leads here");
    if (depth < row.pops) return fail(index, at, `${row.name} pops ${row.pops}, but the stack holds ${depth}`);
    const after = depth - row.pops + row.pushes;
    if (after > STACK_DEPTH_MAX) return fail(index, at, `stack deeper than ${STACK_DEPTH_MAX}`);
    const wrong = wrongOperand(manifest, row, operand, index, at);
    if (wrong !== null) return fail(index, at, wrong);
    cost += 1;
    if (row.operand === "program") {
      cost += ELEMENTS_MAX * steps[operand]!;
      quantifierDepth = Math.max(quantifierDepth, depths[operand]! + 1);
      if (quantifierDepth > QUANTIFIER_DEPTH_MAX)
        return fail(index, at, `quantifiers more than ${QUANTIFIER_DEPTH_MAX} deep`);
    }
    if (op === OP.halt) {
      if (depth !== 1) return fail(index, at, `halt with ${depth} values on the stack`);
      continue;
    }
    const last = row.operand === "target" ? operand : at + 1;
    // Behind the instruction, and where it may jump to.
    for (let next = at + 1; ; next = last) {
      if (next >= length) return fail(index, at, "runs past the end");
      if (depthAt[next]! >= 0 && depthAt[next] !== after)
        return fail(index, at, `paths reach ${next} with different depths`);
      depthAt[next] = after;
      if (next === last) break;
    }
  }
  return ok({ steps: cost, quantifierDepth });
}

/** Constants that are no values of their own. */
const NOT_VALUES: ReadonlySet<string> = new Set(["glob", "cidr", "expression", "zone"]);

function wrongOperand(manifest: Manifest, row: OpcodeRow, operand: number, program: number, at: number): string | null {
  if (!Number.isSafeInteger(operand) || operand < 0) return `operand ${operand}`;
  switch (row.operand) {
    case "none":
      return operand === 0 ? null : `${row.name} has no operand`;
    case "fact":
      return operand < manifest.facts.length ? null : `no fact ${operand}`;
    case "constant": {
      const constant = manifest.constants[operand];
      if (constant === undefined) return `no constant ${operand}`;
      const { kind } = constant;
      const fits = row.constant === "any" ? !NOT_VALUES.has(kind) : kind === row.constant;
      return fits ? null : `constant ${operand} is a ${kind}`;
    }
    case "target":
      return operand > at ? null : `jump back to ${operand}`;
    case "program":
      return operand > program && operand < manifest.programs.length
        ? null
        : `program ${operand} from program ${program}`;
    case "depth":
      return operand < QUANTIFIER_DEPTH_MAX ? null : `element ${operand}`;
  }
}
