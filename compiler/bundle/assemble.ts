import { createHash } from "node:crypto";
import { assert } from "../../base/assert.ts";
import { OPCODES, ELEMENTS_MAX, verify } from "../../spec/contract/bytecode/index.ts";
import { err, ok, type Result } from "../../base/result.ts";
import type {
  BundleRule,
  DetectorSpec,
  Manifest,
  MaskClause,
  Program,
  TestVector,
} from "../../spec/contract/bundle/index.ts";
import {
  diagnostic,
  placeOf,
  type CheckedExpr,
  type CheckedMask,
  type CheckedPolicy,
  type CheckedRule,
  type Diagnostic,
  type SourceFile,
} from "../../lang/index.ts";
import { EXPRESSION_STATES, Emitter } from "../emit/index.ts";
import { buildIndex } from "../index/index.ts";

export interface AssembleOptions {
  readonly sequence: number;
  readonly vectors: readonly TestVector[];
}

/** `when` and not `unless`, as one condition; null when the rule always applies. */
export function conditionOf(rule: CheckedRule): CheckedExpr | null {
  const unless: CheckedExpr | null =
    rule.unless === null ? null : { kind: "not", operand: rule.unless, span: rule.unless.span };
  if (rule.when === null || unless === null) return rule.when ?? unless;
  return { kind: "and", left: rule.when, right: unless, span: rule.when.span };
}

/**
 * The manifest of a policy without errors. The same policy, files and options give the same manifest. What can't be
 * compiled within the limits is told instead.
 */
export function assembleManifest(
  policy: CheckedPolicy,
  files: readonly SourceFile[],
  options: AssembleOptions,
): Result<Manifest, readonly Diagnostic[]> {
  const emitter = new Emitter();
  const texts = new Map(files.map((file) => [file.path, file.text]));
  const rules = policy.rules.map((rule): BundleRule => {
    const condition = conditionOf(rule);
    const { line, column } = placeOf(texts.get(rule.nameSpan.file) ?? "", rule.nameSpan.start);
    return {
      name: rule.name,
      effect: rule.effect,
      protocols: rule.protocols,
      condition: condition === null ? -1 : emitter.condition(condition),
      because: rule.because,
      annotations: rule.annotations,
      source: { file: rule.nameSpan.file, line, column },
      approve: rule.approve,
      mask: rule.mask === null ? null : maskClause(rule.mask, emitter),
      limit: rule.limit,
      alertTo: rule.alertTo,
    };
  });
  const detectors = detectorsOf(policy, emitter);
  const { all: expressions } = emitter.expressions;
  const tooLarge = tooLargeIn(emitter);
  if (tooLarge.length > 0) return err(tooLarge);
  const programs = withSteps(emitter.programs());
  const manifest: Manifest = {
    format: 3,
    package: policy.package,
    sequence: options.sequence,
    requires: featuresOf(rules),
    facts: emitter.facts,
    constants: emitter.constants,
    expressions,
    detectors,
    programs,
    rules,
    sources: files
      .map((file) => ({ file: file.path, sha256: createHash("sha256").update(file.text).digest("hex") }))
      .sort((a, b) => (a.file < b.file ? -1 : 1)),
    vectors: options.vectors,
    stepsMax: rules.reduce((sum, rule) => sum + (rule.condition < 0 ? 0 : programs[rule.condition]!.stepsMax), 0),
    index: buildIndex(policy.rules.map((rule) => ({ effect: rule.effect, condition: conditionOf(rule) }))),
  };
  const verified = verify(manifest);
  assert(
    verified.ok,
    `the compiler wrote bytecode that does not verify: ${verified.ok ? "" : JSON.stringify(verified.error)}`,
  );
  return ok(manifest);
}

const tooLargeIn = ({ expressions }: Emitter): readonly Diagnostic[] =>
  expressions.tooLarge.map((span) => diagnostic("expression-too-large", span, { statesMax: EXPRESSION_STATES }));

/** Expressions that can't be compiled within the limits, for who wants to know without building. */
export function expressionFindings(policy: CheckedPolicy): readonly Diagnostic[] {
  const emitter = new Emitter();
  for (const rule of policy.rules) {
    const condition = conditionOf(rule);
    if (condition !== null) emitter.condition(condition);
    if (rule.mask !== null) maskClause(rule.mask, emitter);
  }
  detectorsOf(policy, emitter);
  return tooLargeIn(emitter);
}

function maskClause(mask: CheckedMask, emitter: Emitter): MaskClause {
  return { ...mask, output: mask.output?.map((regex) => emitter.expressions.add(regex, "anchored")) ?? null };
}

/** Detectors of the policy's own that a mask names, in order of name. */
function detectorsOf(policy: CheckedPolicy, emitter: Emitter): readonly DetectorSpec[] {
  const wanted = new Set(policy.rules.flatMap((rule) => rule.mask?.detect ?? []));
  return policy.detectors
    .filter((one) => wanted.has(one.name))
    .sort((a, b) => (a.name < b.name ? -1 : 1))
    .map(({ name, regex, check }) => ({ name, expression: emitter.expressions.add(regex, "anchored"), check }));
}

/** The certificate that the loader checks: most steps of each program, inner ones first. */
function withSteps(programs: readonly Program[]): readonly Program[] {
  const steps = new Array<number>(programs.length).fill(0);
  for (let i = programs.length - 1; i >= 0; i--) {
    const { code } = programs[i]!;
    for (let at = 0; at < code.length; at += 2) {
      steps[i]! += 1;
      if (OPCODES[code[at]!]!.operand === "program") steps[i]! += ELEMENTS_MAX * steps[code[at + 1]!]!;
    }
  }
  return programs.map((program, i) => ({ code: program.code, stepsMax: steps[i]! }));
}

/** What a gateway must be able to carry out, so that one which can't refuses the bundle instead of skipping a rule. */
function featuresOf(rules: readonly BundleRule[]): readonly string[] {
  const features = new Set<string>(["sql/1"]);
  for (const { effect, mask, limit } of rules) {
    if (effect === "approve") features.add("approve/1");
    if (effect === "alert") features.add("alert/1");
    if (mask !== null) {
      features.add("mask/1");
      if (mask.fields.length > 0) features.add("mask-fields/1");
      if (mask.detect.length > 0) features.add("mask-detect/1");
      if (mask.output !== null) features.add("mask-output/1");
      if (mask.predicates === "substitute") features.add("mask-substitute/1");
      if (mask.trusted.length > 0) features.add("mask-trusted/1");
    }
    if (limit !== null) {
      if (limit.rows !== null) features.add("limit-rows/1");
      if (limit.bytes !== null) features.add("limit-bytes/1");
      if (limit.rate !== null) features.add("limit-rate/1");
    }
  }
  return [...features].sort();
}
