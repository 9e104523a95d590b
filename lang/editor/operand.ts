import type { Fact, FactType } from "../../spec/contract/facts/index.ts";
import { typeOfPart } from "../check/index.ts";
import { TIME_PARTS } from "../checked/index.ts";
import type { Token } from "../syntax/index.ts";
import { elementOf } from "./facts.ts";

/** What an unfinished condition may name. */
export interface Known {
  readonly facts: ReadonlyMap<string, Fact>;
  /** Variables of the quantifiers before the cursor; null where the type is not known. */
  readonly variables: ReadonlyMap<string, FactType | null>;
}

const isWord = (token: Token | undefined): boolean => token?.kind === "name" || token?.kind === "keyword";

/** The dotted path that ends with the token at `last`, read backwards: `["statement", "kind"]`. */
export function pathBefore(tokens: readonly Token[], last: number): readonly string[] {
  const parts: string[] = [];
  let at = last;
  while (at >= 0 && isWord(tokens[at])) {
    parts.unshift(tokens[at]!.text);
    if (tokens[at - 1]?.text !== ".") break;
    at -= 2;
  }
  return parts;
}

/** The type of the operand that ends at `last`, or null when that can't be told from a path. */
export function typeBefore(tokens: readonly Token[], last: number, known: Known): FactType | null {
  const end = tokens[last];
  if (end?.text === "]") {
    const open = last - 2;
    if (tokens[open]?.text !== "[" || tokens[last - 1]?.kind !== "text") return null;
    const map = typeOfPath(pathBefore(tokens, open - 1), known);
    return map?.kind === "map" ? map.of : null;
  }
  if (end?.text === ")") {
    // `time.hour("Europe/Vienna")`
    const open = openBracket(tokens.slice(0, last));
    const part = TIME_PARTS.find((one) => one === tokens[open - 1]?.text);
    return part !== undefined && tokens[open - 2]?.text === "." ? typeOfPart(part) : null;
  }
  // `x else y`: both sides are of one type.
  if (tokens[last - 1]?.text === "else") return typeBefore(tokens, last - 2, known);
  return isWord(end) ? typeOfPath(pathBefore(tokens, last), known) : null;
}

export function typeOfPath(path: readonly string[], known: Known): FactType | null {
  const [first, ...rest] = path;
  if (first === undefined) return null;
  if (known.variables.has(first)) {
    let type = known.variables.get(first) ?? null;
    for (const part of rest)
      type = type?.kind === "record" ? (type.fields.find((field) => field.name === part)?.type ?? null) : null;
    return type;
  }
  return known.facts.get(path.join("."))?.type ?? null;
}

/** Variables of the quantifiers that stand in these words. */
export function variablesIn(tokens: readonly Token[], facts: Known["facts"]): Known["variables"] {
  const variables = new Map<string, FactType | null>();
  for (const [i, token] of tokens.entries()) {
    if ((token.text !== "any" && token.text !== "all") || tokens[i - 1]?.text === "has" || tokens[i + 2]?.text !== "in")
      continue;
    const variable = tokens[i + 1]!;
    let end = i + 3;
    while (tokens[end + 1]?.text === ".") end += 2;
    if (!isWord(tokens[end]) || tokens[end + 1]?.text !== ":") continue;
    const over = typeOfPath(pathBefore(tokens, end), { facts, variables });
    variables.set(variable.text, over === null ? null : elementOf(over));
  }
  return variables;
}

/** The place of the bracket that is still open at the end, or -1. */
export function openBracket(tokens: readonly Token[]): number {
  let depth = 0;
  for (let i = tokens.length - 1; i >= 0; i--) {
    const token = tokens[i]!;
    if (token.kind !== "mark") continue;
    if (")]}".includes(token.text)) depth++;
    else if ("([{".includes(token.text) && depth-- === 0) return i;
  }
  return -1;
}
