import type { Expression, Manifest } from "../bundle/manifest.ts";
import { parseRange } from "./address.ts";
import { tableFault } from "./alphabet.ts";
import { EXPRESSION_STATES_MAX } from "./limits.ts";

/** What is wrong with a bundle's expressions, ranges, zones and detectors, or null: every number lies in its table. */
export function expressionsFault({ expressions, constants, detectors, rules }: Manifest): string | null {
  for (const [i, one] of expressions.entries()) {
    const wrong = expressionFault(one);
    if (wrong !== null) return `expression ${i} ${wrong}`;
  }
  const known = (expression: number): boolean => expression >= 0 && expression < expressions.length;
  for (const [i, constant] of constants.entries()) {
    if (constant.kind === "expression" && !known(constant.expression))
      return `constant ${i} names expression ${constant.expression}`;
    if (constant.kind === "cidr" && parseRange(constant.text) === null)
      return `constant ${i} is range ${constant.text}, which can't be read`;
    if (constant.kind === "zone") {
      const { from, minutes } = constant;
      if (from.length === 0 || from.length !== minutes.length) return `constant ${i} is a zone with a hole`;
      if (from.some((at, j) => j > 0 && at <= from[j - 1]!)) return `constant ${i} is a zone out of order`;
    }
  }
  for (const [i, one] of detectors.entries())
    if (!known(one.expression)) return `detector ${i} names expression ${one.expression}`;
  for (const [i, { mask }] of rules.entries())
    if (mask?.output?.some((one) => !known(one)) === true) return `rule ${i} masks by an expression that is not there`;
  return null;
}

function expressionFault(expression: Expression): string | null {
  const wrong = tableFault(expression);
  if (wrong !== null) return wrong;
  const { inputCount, next, accepting } = expression;
  const states = next.length / inputCount;
  if (states < 2) return "has too few states";
  if (states > EXPRESSION_STATES_MAX) return `has ${states} states; at most ${EXPRESSION_STATES_MAX} are run`;
  for (let input = 0; input < inputCount; input++)
    if (next[inputCount + input] !== 1) return "has a way out of its dead state";
  if (
    accepting.some((state, i) => state < 0 || state >= states || state === 1 || (i > 0 && state <= accepting[i - 1]!))
  )
    return "accepts in a state that is not there";
  return null;
}
