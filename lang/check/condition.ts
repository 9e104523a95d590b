import { nearest } from "../../base/text.ts";
import { BOOL, INT, STRING, TIME, factAt, type FactType } from "../../spec/contract/facts/index.ts";
import { pathText, type Binary, type Call, type Expr, type Path } from "../ast/index.ts";
import { TIME_PARTS, type CheckedExpr } from "../checked/index.ts";
import { diagnostic } from "../diagnostics/index.ts";
import { checkRegex } from "./regex.ts";
import { use, type Scope } from "./scope.ts";
import { isZone, momentOf, typeOfPart, zoneNames } from "./time.ts";
import { sameType, typeName } from "./type-names.ts";

/** A checked expression, its type, and which optional facts are known to be there when it is true or false. */
interface Typed {
  readonly expr: CheckedExpr;
  readonly type: FactType;
  readonly whenTrue: ReadonlySet<string>;
  readonly whenFalse: ReadonlySet<string>;
}

const NOTHING: ReadonlySet<string> = new Set();
const union = (a: ReadonlySet<string>, b: ReadonlySet<string>): ReadonlySet<string> =>
  a.size === 0 ? b : b.size === 0 ? a : new Set([...a, ...b]);
const both = (a: ReadonlySet<string>, b: ReadonlySet<string>): ReadonlySet<string> =>
  a.size === 0 || b.size === 0 ? NOTHING : new Set([...a].filter((item) => b.has(item)));

function plain(expr: CheckedExpr, type: FactType): Typed {
  return { expr, type, whenTrue: NOTHING, whenFalse: NOTHING };
}

/** Checks a condition; null when it has an error, which was reported. */
export function checkCondition(expr: Expr, scope: Scope): CheckedExpr | null {
  const found = condition(expr, scope, NOTHING);
  if (found === null) return null;
  if (isConstant(found.expr))
    scope.report(
      diagnostic("constant-condition", expr.span, {
        value: found.expr.kind === "const" ? String(found.expr.value) : "the same",
      }),
    );
  return found.expr;
}

function isConstant(expr: CheckedExpr): boolean {
  switch (expr.kind) {
    case "const":
    case "constant-set":
      return true;
    case "not":
      return isConstant(expr.operand);
    case "and":
    case "or":
    case "compare":
      return isConstant(expr.left) && isConstant(expr.right);
    default:
      return false;
  }
}

function condition(expr: Expr, scope: Scope, present: ReadonlySet<string>): Typed | null {
  const found = check(expr, scope, present, BOOL);
  if (found === null) return null;
  if (found.type.kind === "bool") return found;
  scope.report(diagnostic("not-a-condition", expr.span, { found: typeName(found.type) }));
  return null;
}

/** `expected` lets a bare word be read as a value of an enumeration. */
function check(expr: Expr, scope: Scope, present: ReadonlySet<string>, expected: FactType | null): Typed | null {
  const { span } = expr;
  switch (expr.kind) {
    case "missing":
      return null;
    case "bool":
      return plain({ kind: "const", value: expr.value, type: BOOL, span }, BOOL);
    case "int":
      if (!Number.isSafeInteger(expr.value)) {
        scope.report(diagnostic("bad-number", span, { what: "a number", range: "at most 9007199254740991" }));
        return null;
      }
      return plain({ kind: "const", value: expr.value, type: INT, span }, INT);
    case "string":
      return plain({ kind: "const", value: expr.value, type: STRING, span }, STRING);
    case "duration": {
      const type: FactType = { kind: "duration" };
      return plain({ kind: "const", value: expr.ms, type, span }, type);
    }
    case "list":
      return list(expr, scope, present, expected);
    case "path":
      return path(expr, scope, present, expected);
    case "index": {
      if (expr.of.kind !== "path") {
        scope.report(diagnostic("type-mismatch", expr.of.span, { expected: "a map fact", found: "something else" }));
        return null;
      }
      const name = pathText(expr.of);
      const fact = scope.facts.get(name);
      if (fact === undefined) return unknownName(expr.of, scope);
      if (fact.type.kind !== "map") {
        scope.report(diagnostic("type-mismatch", expr.of.span, { expected: "a map", found: typeName(fact.type) }));
        return null;
      }
      return plain({ kind: "index", path: name, key: expr.key.value, type: fact.type.of, span }, fact.type.of);
    }
    case "call":
      return call(expr, scope, present);
    case "regex":
      scope.report(
        diagnostic("type-mismatch", span, { expected: "an expression behind `matches`", found: "it alone" }),
      );
      return null;
    case "plain":
      scope.report(diagnostic("plain-outside-never", span, {}));
      return null;
    case "not": {
      const operand = condition(expr.operand, scope, present);
      if (operand === null) return null;
      return {
        expr: { kind: "not", operand: operand.expr, span },
        type: BOOL,
        whenTrue: operand.whenFalse,
        whenFalse: operand.whenTrue,
      };
    }
    case "exists":
      return exists(expr.operand, scope, span);
    case "quantified":
      return quantified(expr, scope, present);
    case "binary":
      return binary(expr, scope, present);
  }
}

function unknownName(expr: Path, scope: Scope): null {
  const name = pathText(expr);
  const key = expr.parts.at(-1)!.text;
  const map = name.slice(0, -key.length - 1);
  if (scope.facts.get(map)?.type.kind === "map") {
    scope.report(diagnostic("unknown-name", expr.span, { name, near: `${map}["${key}"]` }));
    return null;
  }
  const has = scope.protocols.filter((protocol) => factAt(protocol, name) !== undefined);
  if (has.length > 0) {
    // Some of the rule's protocols have it, or all of them in different forms.
    const without = scope.protocols.find((protocol) => !has.includes(protocol)) ?? scope.protocols.join(" and ");
    scope.report(diagnostic("fact-not-in-scope", expr.span, { name, protocol: without }));
    return null;
  }
  const known = [...scope.facts.keys(), ...scope.env.lets.keys(), ...scope.variables.map((variable) => variable.name)];
  scope.report(diagnostic("unknown-name", expr.span, { name, near: nearest(name, known) }));
  return null;
}

/** `time("…")`, and `time.hour("…")` of any time. */
function call(expr: Call, scope: Scope, present: ReadonlySet<string>): Typed | null {
  const { span, receiver, name } = expr;
  const [argument] = expr.args;
  const text = expr.args.length === 1 && argument?.kind === "string" ? argument : null;
  if (receiver === null && name.text === "time") {
    const ms = text === null ? null : momentOf(text.value);
    if (ms !== null) return plain({ kind: "const", value: ms, type: TIME, span }, TIME);
    scope.report(diagnostic("bad-time", text?.span ?? span, { text: text?.value ?? "" }));
    return null;
  }
  const part = TIME_PARTS.find((known) => known === name.text);
  if (receiver !== null && part !== undefined) {
    const time = check(receiver, scope, present, TIME);
    if (time === null) return null;
    if (time.type.kind !== "time") return mismatch(receiver, "a time", time.type, scope);
    if (text === null || !isZone(text.value)) {
      const near = text === null ? undefined : nearest(text.value, zoneNames());
      scope.report(diagnostic("unknown-zone", text?.span ?? span, { part, zone: text?.value ?? "", near }));
      return null;
    }
    const type = typeOfPart(part);
    return plain({ kind: "time-part", part, time: time.expr, zone: text.value, span }, type);
  }
  if (receiver === null && name.text === "cidr") {
    scope.report(diagnostic("type-mismatch", span, { expected: "`cidr(…)` after `within`", found: "it alone" }));
    return null;
  }
  const near = nearest(name.text, receiver === null ? ["cidr", "time"] : TIME_PARTS);
  scope.report(diagnostic("unknown-name", name.span, { name: `${name.text}(…)`, near }));
  return null;
}

function path(expr: Path, scope: Scope, present: ReadonlySet<string>, expected: FactType | null): Typed | null {
  const name = pathText(expr);
  const { span } = expr;
  const [head] = expr.parts;
  const depth =
    scope.variables.length === 0 ? -1 : scope.variables.findIndex((variable) => variable.name === head!.text);
  if (depth >= 0) return element(expr, depth, scope);
  if (expr.parts.length === 1) {
    const known = scope.env.lets.get(name);
    if (known !== undefined) {
      const decl = use(scope.used, known);
      if (scope.opened.includes(decl)) {
        scope.report(diagnostic("let-cycle", span, { name }));
        return null;
      }
      // A let is read where it was declared: with the names of its own file, and no variable of the user in sight.
      const inside = { ...scope, env: known.home, opened: [...scope.opened, decl], variables: [] };
      return check(decl.value, inside, present, expected);
    }
    if (expected?.kind === "enum") {
      if (expected.values.includes(name)) return plain({ kind: "const", value: name, type: expected, span }, expected);
      const near = nearest(name, expected.values);
      scope.report(diagnostic("unknown-enum-value", span, { value: name, type: expected.name, near }));
      return null;
    }
  }
  const fact = scope.facts.get(name);
  if (fact === undefined) {
    const last = expr.parts[expr.parts.length - 1]!.text;
    if (
      TIME_PARTS.some((part) => part === last) &&
      scope.facts.get(name.slice(0, -last.length - 1))?.type.kind === "time"
    )
      scope.report(diagnostic("unknown-zone", span, { part: last, zone: "" }));
    else unknownName(expr, scope);
    return null;
  }
  if (fact.optional && !present.has(name)) {
    scope.report(diagnostic("optional-not-tested", span, { path: name }));
    return null;
  }
  return plain({ kind: "fact", path: name, type: fact.type, span }, fact.type);
}

/** A quantifier's variable, or a field of the record that it is. */
function element(expr: Path, depth: number, scope: Scope): Typed | null {
  const { span } = expr;
  const [head, field, ...rest] = expr.parts;
  const { type } = scope.variables[depth]!;
  const whole: CheckedExpr = { kind: "element", depth, type, span: head!.span };
  if (field === undefined) return plain({ ...whole, span }, type);
  const known = type.kind === "record" ? type.fields.find((one) => one.name === field.text) : undefined;
  if (known === undefined || rest.length > 0) {
    const wrong = known === undefined ? field : rest[0]!;
    const fields = type.kind === "record" && known === undefined ? type.fields.map((one) => one.name) : [];
    const of = typeName(known?.type ?? type);
    scope.report(diagnostic("unknown-field", wrong.span, { field: wrong.text, of, near: nearest(wrong.text, fields) }));
    return null;
  }
  return plain({ kind: "field", of: whole, name: field.text, type: known.type, span }, known.type);
}

function list(
  expr: Expr & { kind: "list" },
  scope: Scope,
  present: ReadonlySet<string>,
  expected: FactType | null,
): Typed | null {
  const of = expected !== null && (expected.kind === "set" || expected.kind === "list") ? expected.of : expected;
  const values: (string | number)[] = [];
  let type: FactType | null = of;
  let failed = false;
  for (const item of expr.items) {
    const found = check(item, scope, present, type);
    if (found === null) {
      failed = true;
      continue;
    }
    if (found.expr.kind !== "const" || typeof found.expr.value === "boolean") {
      scope.report(diagnostic("type-mismatch", item.span, { expected: "a constant", found: typeName(found.type) }));
      failed = true;
      continue;
    }
    if (type !== null && !sameType(type, found.type) && !(type.kind === "address" && found.type.kind === "string")) {
      notOfType(item, type, found.type, scope);
      failed = true;
      continue;
    }
    type ??= found.type;
    values.push(found.expr.value);
  }
  if (failed) return null;
  const element = type ?? STRING;
  return plain(
    { kind: "constant-set", values: values.length < 2 ? values : [...new Set(values)], of: element, span: expr.span },
    { kind: "set", of: element },
  );
}

function exists(operand: Expr, scope: Scope, span: Expr["span"]): Typed | null {
  if (operand.kind === "index") {
    const found = check(operand, scope, NOTHING, null);
    return found === null ? null : plain({ kind: "exists", operand: found.expr, span }, BOOL);
  }
  if (operand.kind !== "path") {
    scope.report(diagnostic("type-mismatch", operand.span, { expected: "a fact", found: "an expression" }));
    return null;
  }
  const name = pathText(operand);
  const fact = scope.facts.get(name);
  if (fact === undefined) return unknownName(operand, scope);
  if (!fact.optional) scope.report(diagnostic("exists-always", span, { path: name }));
  const read: CheckedExpr = { kind: "fact", path: name, type: fact.type, span: operand.span };
  return { expr: { kind: "exists", operand: read, span }, type: BOOL, whenTrue: new Set([name]), whenFalse: NOTHING };
}

function quantified(expr: Expr & { kind: "quantified" }, scope: Scope, present: ReadonlySet<string>): Typed | null {
  const over = check(expr.over, scope, present, null);
  if (over === null) return null;
  if (over.type.kind !== "set" && over.type.kind !== "list") {
    scope.report(
      diagnostic("type-mismatch", expr.over.span, { expected: "a set or list", found: typeName(over.type) }),
    );
    return null;
  }
  const variables = [{ name: expr.variable.text, type: over.type.of }, ...scope.variables];
  const body = condition(expr.condition, { ...scope, variables }, present);
  if (body === null) return null;
  return plain(
    { kind: "quantified", quantifier: expr.quantifier, over: over.expr, condition: body.expr, span: expr.span },
    BOOL,
  );
}

function binary(expr: Binary, scope: Scope, present: ReadonlySet<string>): Typed | null {
  const { span } = expr;
  switch (expr.op) {
    case "and": {
      const left = condition(expr.left, scope, present);
      const right = condition(expr.right, scope, left === null ? present : union(present, left.whenTrue));
      if (left === null || right === null) return null;
      return {
        expr: { kind: "and", left: left.expr, right: right.expr, span },
        type: BOOL,
        whenTrue: union(left.whenTrue, right.whenTrue),
        whenFalse: both(left.whenFalse, right.whenFalse),
      };
    }
    case "or": {
      const left = condition(expr.left, scope, present);
      const right = condition(expr.right, scope, left === null ? present : union(present, left.whenFalse));
      if (left === null || right === null) return null;
      return {
        expr: { kind: "or", left: left.expr, right: right.expr, span },
        type: BOOL,
        whenTrue: both(left.whenTrue, right.whenTrue),
        whenFalse: union(left.whenFalse, right.whenFalse),
      };
    }
    case "else":
      return otherwise(expr, scope, present);
    case "==":
    case "!=":
    case "<":
    case "<=":
    case ">":
    case ">=":
      return compare(expr, expr.op, scope, present);
    case "in": {
      const value = check(expr.left, scope, present, null);
      if (value === null) return null;
      const set = check(expr.right, scope, present, { kind: "set", of: value.type });
      if (set === null) return null;
      if (set.type.kind !== "set" && set.type.kind !== "list")
        return mismatch(expr.right, "a list in brackets, or a set", set.type, scope);
      if (!comparable(set.type.of, value.type))
        return mismatch(expr.right, `values like ${typeName(value.type)}`, set.type, scope);
      return plain({ kind: "in", value: value.expr, set: set.expr, span }, BOOL);
    }
    case "has":
    case "has any":
    case "has all": {
      const set = check(expr.left, scope, present, null);
      if (set === null) return null;
      if (set.type.kind !== "set" && set.type.kind !== "list")
        return mismatch(expr.left, "a set or list", set.type, scope);
      const mode = expr.op === "has" ? "one" : expr.op === "has any" ? "any" : "all";
      const values = check(expr.right, scope, present, mode === "one" ? set.type.of : set.type);
      if (values === null) return null;
      const element =
        mode === "one"
          ? values.type
          : values.type.kind === "set" || values.type.kind === "list"
            ? values.type.of
            : null;
      if (element === null || !comparable(set.type.of, element)) {
        return mismatch(
          expr.right,
          mode === "one" ? typeName(set.type.of) : `a list of them in brackets`,
          values.type,
          scope,
          mode === "one" && expr.right.kind === "list" ? "of several it is `has any […]` or `has all […]`" : undefined,
        );
      }
      return plain({ kind: "has", mode, set: set.expr, values: values.expr, span }, BOOL);
    }
    case "like": {
      const value = text(expr.left, scope, present);
      const pattern = check(expr.right, scope, present, STRING);
      if (value === null || pattern === null) return null;
      if (pattern.expr.kind !== "const" || typeof pattern.expr.value !== "string")
        return mismatch(expr.right, "a pattern in quotes", pattern.type, scope);
      return plain({ kind: "like", value, pattern: pattern.expr.value, span }, BOOL);
    }
    case "starts with":
    case "ends with": {
      const value = text(expr.left, scope, present);
      const affix = text(expr.right, scope, present);
      if (value === null || affix === null) return null;
      return plain(
        { kind: "affix", side: expr.op === "starts with" ? "start" : "end", value, text: affix, span },
        BOOL,
      );
    }
    case "within":
      return within(expr, scope, present);
    case "matches": {
      const value = text(expr.left, scope, present);
      if (expr.right.kind !== "regex") return null;
      const regex = checkRegex(expr.right, scope.report);
      return value === null || regex === null ? null : plain({ kind: "matches", value, regex, span }, BOOL);
    }
  }
}

function mismatch(at: Expr, expected: string, found: FactType, scope: Scope, hint?: string): null {
  scope.report(diagnostic("type-mismatch", at.span, { expected, found: typeName(found), hint }));
  return null;
}

/** A value of another type than the one that it is compared with; a word of that type may only have been put in quotes. */
function notOfType(at: Expr, expected: FactType, found: FactType, scope: Scope): null {
  if (expected.kind !== "enum" || at.kind !== "string") return mismatch(at, typeName(expected), found, scope);
  const same = expected.values.find((one) => one.toLowerCase() === at.value.toLowerCase());
  scope.report(
    diagnostic("type-mismatch", at.span, {
      expected: typeName(expected),
      found: typeName(found),
      written: `"${at.value}"`,
      near: same ?? nearest(at.value, expected.values),
      hint: `its values are words without quotes: ${expected.values.slice(0, 3).join(", ")}, …`,
    }),
  );
  return null;
}

const comparable = (a: FactType, b: FactType): boolean =>
  sameType(a, b) || (a.kind === "address" && b.kind === "string") || (a.kind === "string" && b.kind === "address");

function text(expr: Expr, scope: Scope, present: ReadonlySet<string>): CheckedExpr | null {
  const found = check(expr, scope, present, STRING);
  if (found === null) return null;
  return found.type.kind === "string" ? found.expr : mismatch(expr, "a text", found.type, scope);
}

function compare(
  expr: Binary,
  op: "==" | "!=" | "<" | "<=" | ">" | ">=",
  scope: Scope,
  present: ReadonlySet<string>,
): Typed | null {
  // A bare word is read with the other side's type in mind, on whichever side it stands.
  const wordOnLeft =
    expr.left.kind === "path" &&
    expr.left.parts.length === 1 &&
    !scope.env.lets.has(expr.left.parts[0]!.text) &&
    !isVariable(expr.left.parts[0]!.text, scope);
  const second = wordOnLeft ? expr.left : expr.right;
  const first = wordOnLeft ? expr.right : expr.left;
  const a = check(first, scope, present, null);
  if (a === null) return null;
  const b = check(second, scope, present, a.type);
  if (b === null) return null;
  const single = a.type.kind !== "set" && a.type.kind !== "list";
  if (single && !comparable(a.type, b.type))
    return first.kind === "string" && b.type.kind === "enum"
      ? notOfType(first, b.type, a.type, scope)
      : notOfType(second, a.type, b.type, scope);
  if (a.type.kind === "set" || a.type.kind === "list" || a.type.kind === "map" || a.type.kind === "record")
    return mismatch(first, "a single value (sets are asked with `has`)", a.type, scope);
  if (op !== "==" && op !== "!=" && a.type.kind !== "int" && a.type.kind !== "duration" && a.type.kind !== "time")
    return mismatch(first, "a number, time or duration", a.type, scope);
  const [left, right] = wordOnLeft ? [b.expr, a.expr] : [a.expr, b.expr];
  return plain({ kind: "compare", op, left, right, span: expr.span }, BOOL);
}

const isVariable = (name: string, { variables }: Scope): boolean =>
  variables.length > 0 && variables.some((variable) => variable.name === name);

function otherwise(expr: Binary, scope: Scope, present: ReadonlySet<string>): Typed | null {
  if (expr.left.kind !== "path" && expr.left.kind !== "index")
    return mismatch(expr.left, "a fact that may be absent", BOOL, scope);
  const name = expr.left.kind === "path" ? pathText(expr.left) : "";
  const value = check(expr.left, scope, name === "" ? present : union(present, new Set([name])), null);
  if (value === null) return null;
  const fallback = check(expr.right, scope, present, value.type);
  if (fallback === null) return null;
  if (!comparable(value.type, fallback.type)) return mismatch(expr.right, typeName(value.type), fallback.type, scope);
  return plain({ kind: "else", value: value.expr, fallback: fallback.expr, span: expr.span }, value.type);
}

function within(expr: Binary, scope: Scope, present: ReadonlySet<string>): Typed | null {
  const value = check(expr.left, scope, present, null);
  if (value === null) return null;
  if (value.type.kind !== "address") return mismatch(expr.left, "an address", value.type, scope);
  const right = expr.right;
  const argument =
    right.kind === "call" && right.name.text === "cidr" && right.args.length === 1 ? right.args[0]! : null;
  if (argument?.kind !== "string") {
    scope.report(diagnostic("type-mismatch", right.span, { expected: '`cidr("…")`', found: "something else" }));
    return null;
  }
  if (!isCidr(argument.value)) {
    scope.report(diagnostic("bad-cidr", argument.span, { text: argument.value }));
    return null;
  }
  return plain({ kind: "within", value: value.expr, cidr: argument.value, span: expr.span }, BOOL);
}

/** Form only; the bits are read where ranges are matched. */
function isCidr(text: string): boolean {
  const v4 = /^(\d{1,3})\.(\d{1,3})\.(\d{1,3})\.(\d{1,3})\/(\d{1,2})$/.exec(text);
  if (v4 !== null) return v4.slice(1, 5).every((part) => Number(part) <= 255) && Number(v4[5]) <= 32;
  const v6 = /^([0-9a-fA-F:]+)\/(\d{1,3})$/.exec(text);
  if (v6 === null || Number(v6[2]) > 128) return false;
  const halves = v6[1]!.split("::");
  if (halves.length > 2) return false;
  const groups = halves.flatMap((half) => (half === "" ? [] : half.split(":")));
  return (
    groups.every((group) => /^[0-9a-fA-F]{1,4}$/.test(group)) &&
    (halves.length === 2 ? groups.length < 8 : groups.length === 8)
  );
}
