import { err, ok, type Result } from "../../../../base/result.ts";
import { PATH_CHARS_MAX, PATH_STEPS_MAX } from "./limits.ts";

/** One step of a path: what it goes to from where it stands, or (`deep`) from anywhere below. */
export interface PathStep {
  readonly kind: "name" | "index" | "any";
  readonly name: string;
  readonly index: number;
  readonly deep: boolean;
}

/** What an entry of a mask's `fields` speaks of. */
export type FieldPattern =
  | { readonly kind: "path"; readonly steps: readonly PathStep[]; readonly last: string | null }
  /** GraphQL: a field of a type; `*` stands for any. */
  | { readonly kind: "type-field"; readonly type: string; readonly field: string };

const NAME = /[A-Za-z_\u0080-\uffff][A-Za-z0-9_\u0080-\uffff-]*/y;
const INDEX = /0|[1-9][0-9]{0,8}/y;
const TYPE_FIELD = /^([A-Za-z_][A-Za-z0-9_]*|\*)\.([A-Za-z_][A-Za-z0-9_]*|\*)$/;

/**
 * Reads `$.customers[*].email`, `$..ssn`, `$["odd name"][0].*` (the parts of RFC 9535 that name places) or `User.email`.
 * A path that ends at an object or a list means everything in it.
 *
 * @returns the pattern, or in words what is wrong
 */
export function readFieldPattern(text: string): Result<FieldPattern, string> {
  if (text.length > PATH_CHARS_MAX) return err(`a path has at most ${PATH_CHARS_MAX} characters`);
  const typed = TYPE_FIELD.exec(text);
  if (typed !== null) return ok({ kind: "type-field", type: typed[1]!, field: typed[2]! });
  if (text[0] !== "$")
    return err(`${JSON.stringify(text)} is neither a path such as $.email nor a field such as User.email`);
  const steps: PathStep[] = [];
  let at = 1;
  const bad = (why: string): Result<FieldPattern, string> =>
    err(`${JSON.stringify(text)}, character ${at + 1}: ${why}`);
  const match = (pattern: RegExp): string | null => {
    pattern.lastIndex = at;
    const found = pattern.exec(text)?.[0] ?? null;
    if (found !== null) at += found.length;
    return found;
  };
  while (at < text.length) {
    if (steps.length >= PATH_STEPS_MAX) return bad(`a path has at most ${PATH_STEPS_MAX} steps`);
    let deep = false;
    let dotted = false;
    if (text[at] === ".") {
      dotted = true;
      at++;
      if (text[at] === ".") {
        deep = true;
        at++;
      }
    }
    if (text[at] === "[" && (!dotted || deep)) {
      at++;
      const step = bracket();
      if (step === null) return bad('expected *, a number or a name in quotes, such as ["name"], and then ]');
      steps.push({ ...step, deep });
    } else if (!dotted) return bad("expected . or [");
    else if (text[at] === "*") {
      at++;
      steps.push({ kind: "any", name: "", index: -1, deep });
    } else {
      const name = match(NAME);
      if (name === null) return bad('expected a name; odd ones are written in brackets: ["odd name"]');
      steps.push({ kind: "name", name, index: -1, deep });
    }
  }
  const names = steps.filter((step) => step.kind === "name");
  return ok({ kind: "path", steps, last: names.at(-1)?.name ?? null });

  function bracket(): Omit<PathStep, "deep"> | null {
    const close = (step: Omit<PathStep, "deep">): Omit<PathStep, "deep"> | null => (text[at++] === "]" ? step : null);
    if (text[at] === "*") {
      at++;
      return close({ kind: "any", name: "", index: -1 });
    }
    const index = match(INDEX);
    if (index !== null) return close({ kind: "index", name: "", index: Number(index) });
    const quote = text[at];
    if (quote !== '"' && quote !== "'") return null;
    let name = "";
    for (at++; at < text.length && text[at] !== quote; at++) {
      if (text[at] === "\\") at++;
      name += text[at] ?? "";
    }
    at++;
    return close({ kind: "name", name, index: -1 });
  }
}
