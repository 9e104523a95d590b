import type { ProtocolName } from "../../spec/contract/facts/index.ts";
import type { CheckedExpr, CheckedRule } from "../../lang/index.ts";
import type { Wanted } from "./condition.ts";
import type { Engine } from "./engine.ts";
import type { Node } from "./literal.ts";
import { firing } from "./rules.ts";

/** A part of a condition that could as well not be there. */
export interface IdlePart {
  readonly rule: CheckedRule;
  readonly part: CheckedExpr;
  /** `and` parts that are always true beside the others; `or` parts that are never true where the others are not. */
  readonly always: boolean;
  /** Whether it is so whatever the other parts say. */
  readonly alone: boolean;
}

const OPPOSITE = { true: "false", false: "true", "not-false": "not-true", "not-true": "not-false" } as const;
const OTHER_SIDE = { true: "not-true", "not-false": "false", false: "not-false", "not-true": "true" } as const;

/**
 * Parts of a rule's condition that change nothing: beside the other parts of an `and` they always hold, or beside those of
 * an `or` they add nothing. Tests with `exists` are left alone: the language wants them there.
 */
export function idlePartsOf(rule: CheckedRule, engine: Engine): readonly IdlePart[] {
  const wanted = firing(rule);
  const found: IdlePart[] = [];
  if (rule.when !== null) look(rule.when, wanted, [], rule, engine, found);
  if (rule.unless !== null) look(rule.unless, OPPOSITE[wanted], [], rule, engine, found);
  return found;
}

/** `around`: what holds wherever this condition's value matters. */
function look(
  expr: CheckedExpr,
  wanted: Wanted,
  around: readonly Node[],
  rule: CheckedRule,
  engine: Engine,
  found: IdlePart[],
): void {
  if (expr.kind === "not") {
    look(expr.operand, OPPOSITE[wanted], around, rule, engine, found);
    return;
  }
  if (expr.kind !== "and" && expr.kind !== "or") return;
  const { conditions } = engine;
  const parts = flat(expr, expr.kind);
  const conjunction = (expr.kind === "and") === (wanted === "true" || wanted === "not-false");
  const impossible = (nodes: readonly Node[]): boolean => engine.possible(nodes) === "none";
  const idle = new Set<CheckedExpr>();
  const whole = parts.map((part) => conditions.node(part, wanted));
  // Of literals that each have a value, whatever the others say, only those are idle that can't fail.
  const apart = conjunction && around.length === 0 && engine.holdApart(whole);
  for (let i = 0; i < parts.length; i++) {
    const part = parts[i]!;
    if (part.kind !== "not" && part.kind !== "and" && part.kind !== "or") {
      // Nothing to look into: what is left alone, and what meets nothing that it could conflict with, is done with.
      if (part.kind === "exists") continue;
      if (apart ? mayFail(whole[i]!) : standsApart(whole[i]!, [...around, ...whole])) continue;
    }
    const others = parts.filter((other, j) => j !== i && !idle.has(other));
    const context = [
      ...around,
      ...others.map((other) => conditions.node(other, conjunction ? wanted : OTHER_SIDE[wanted])),
    ];
    // Within an `and` a part does something where it does not hold and the others do; within an `or` where it alone does.
    const node = conditions.node(part, conjunction ? OTHER_SIDE[wanted] : wanted);
    if (shares(node, context) && impossible([...context, node])) {
      idle.add(part);
      found.push({ rule, part, always: expr.kind === "and", alone: impossible([node]) });
      continue;
    }
    look(part, wanted, context, rule, engine, found);
  }
}

function flat(expr: CheckedExpr, kind: "and" | "or", found: CheckedExpr[] = []): readonly CheckedExpr[] {
  if (expr.kind === kind) {
    flat(expr.left, kind, found);
    flat(expr.right, kind, found);
  } else found.push(expr);
  return found;
}

/** Whether a question of its own certainly has a value that fails it: a set is empty, a text or name is another. */
function mayFail(node: Node): boolean {
  if (node.op !== "literal") return false;
  const { place, test } = node.literal;
  if (test.kind !== "atom") return true;
  const { atom } = test;
  if (atom.kind !== "one-of" || test.negated) return false;
  return (
    place.type.kind === "string" ||
    (place.type.kind === "enum" && place.type.values.some((value) => !atom.values.includes(value)))
  );
}

/**
 * Whether a question about a set shares its facts with nothing else among the nodes, so that it conflicts with none of them.
 * Whichever way a condition is wanted, its formula speaks of the same facts.
 */
function standsApart(node: Node, all: readonly Node[]): boolean {
  if (node.op !== "literal" || node.literal.test.kind === "atom") return false;
  const { group } = node.literal.place;
  return all.every((other) => other === node || !speaksOf(other, group));
}

function speaksOf(node: Node, group: string): boolean {
  if (node.op === "literal") return node.literal.place.group === group;
  return (node.op === "and" || node.op === "or") && node.parts.some((part) => speaksOf(part, group));
}

/** Whether the node can conflict at all: with itself, or with something about the same facts. */
function shares(node: Node, context: readonly Node[]): boolean {
  const own = groupsOf(node, []);
  if (own.length !== 1 || node.op !== "literal") return true;
  return context.some((other) => speaksOf(other, own[0]!)) || node.literal.test.kind === "atom";
}

function groupsOf(node: Node, found: string[]): readonly string[] {
  if (node.op === "literal") found.push(node.literal.place.group);
  if (node.op === "and" || node.op === "or") for (const part of node.parts) groupsOf(part, found);
  return found;
}

/** The protocol by which a rule's parts are judged: all of its protocols have the facts that it reads. */
export const protocolOf = (rule: CheckedRule): ProtocolName | undefined => rule.protocols[0];
