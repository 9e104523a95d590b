import type { Binary, BinaryOperator, Expr } from "../../ast/index.ts";
import { SCOPES, factAt } from "../../../spec/contract/facts/index.ts";
import { clauseOf, type LintInput, type PartKey } from "../input.ts";
import type { LintRule, Tell } from "../lint-rule.ts";
import { rewrite } from "../rewrite.ts";
import { mayHaveDoubles } from "../shape.ts";
import { chain, printedExpr, readPath, within } from "../walk.ts";
import { redundantBrackets } from "./brackets.ts";

const FLIPPED: Partial<Record<BinaryOperator, BinaryOperator>> = {
  "==": "==",
  "!=": "!=",
  "<": ">",
  "<=": ">=",
  ">": "<",
  ">=": "<=",
};

const isConstant = (expr: Expr): boolean =>
  expr.kind === "string" || expr.kind === "int" || expr.kind === "duration" || expr.kind === "bool";

const binary = (op: BinaryOperator, left: Expr, right: Expr): Binary => ({
  kind: "binary",
  op,
  left,
  right,
  span: left.span,
});

const listOf = (items: readonly Expr[], like: Expr): Expr => ({ kind: "list", items, span: like.span });

/** Tells of every part with one of the keys that `find` has a shorter way to write for. */
function eachPart(
  input: LintInput,
  tell: Tell,
  keys: readonly PartKey[],
  find: (part: Expr) => { readonly by: Expr; readonly message: string } | null,
): void {
  for (const { part } of input.partsOf(...keys)) {
    const found = find(part);
    if (found !== null) tell(part.span, found.message, { fixes: rewrite(input, part, found.by) });
  }
}

/** Whether a bare word stands for a value of an enumeration rather than for a name or a fact. */
function isWord(expr: Expr, input: LintInput): boolean {
  if (expr.kind !== "path" || expr.parts.length !== 1) return false;
  const { text } = expr.parts[0]!;
  const isFact = SCOPES["*"]!.some((protocol) => factAt(protocol, text) !== undefined);
  return !isFact && input.letOf(text) === undefined;
}

/** One element of a list: the list as it is, or null. */
const onlyItem = (expr: Expr): Expr | null => (expr.kind === "list" && expr.items.length === 1 ? expr.items[0]! : null);

export const STYLE_RULES: readonly LintRule[] = [
  {
    code: "L060",
    name: "constant-first",
    group: "style",
    level: "warn",
    what: "A comparison begins with the constant.",
    why: "Conditions read as sentences: what is looked at first, then what it must be.",
    before: 'allow a_read on sql\n  when "ana" == user.name',
    after: 'allow a_read on sql\n  when user.name == "ana"',
    check(input, tell) {
      eachPart(input, tell, Object.keys(FLIPPED) as BinaryOperator[], (part) => {
        const op = part.kind === "binary" ? FLIPPED[part.op] : undefined;
        if (part.kind !== "binary" || op === undefined || !isConstant(part.left) || isConstant(part.right)) return null;
        return { by: binary(op, part.right, part.left), message: "the constant stands first" };
      });
    },
  },
  {
    code: "L061",
    name: "double-negation",
    group: "style",
    level: "warn",
    what: "`not not` stands before a condition.",
    why: "It is the condition itself, in more words.",
    before: "allow a_read on sql\n  when not not statement.read_only",
    after: "allow a_read on sql\n  when statement.read_only",
    check(input, tell) {
      eachPart(input, tell, ["not"], (part) =>
        part.kind === "not" && part.operand.kind === "not"
          ? { by: part.operand.operand, message: "`not not` is the condition itself" }
          : null,
      );
    },
  },
  {
    code: "L062",
    name: "compared-with-true",
    group: "style",
    level: "warn",
    what: "A condition is compared with `true` or `false`.",
    why: "A condition is true or false already; the comparison only makes it longer.",
    before: "allow a_read on sql\n  when statement.read_only == true",
    after: "allow a_read on sql\n  when statement.read_only",
    check(input, tell) {
      eachPart(input, tell, ["==", "!="], (part) => {
        if (part.kind !== "binary" || (part.op !== "==" && part.op !== "!=")) return null;
        const [constant, other] = part.left.kind === "bool" ? [part.left, part.right] : [part.right, part.left];
        if (constant.kind !== "bool" || other.kind === "bool") return null;
        const plain = (part.op === "==") === constant.value;
        return {
          by: plain ? other : { kind: "not", operand: other, span: part.span },
          message: `\`${part.op} ${String(constant.value)}\` says ${plain ? "nothing" : "`not`"}`,
        };
      });
    },
  },
  {
    code: "L063",
    name: "element-twice",
    group: "style",
    level: "warn",
    what: "A list has the same element twice.",
    why: "The second one changes nothing; most likely another one was meant.",
    before: "allow a_read on sql\n  when statement.kind in [select, values, select]",
    after: "allow a_read on sql\n  when statement.kind in [select, values]",
    check(input, tell) {
      for (const { part } of input.partsOf("list")) {
        if (part.kind !== "list" || part.items.length < 2 || !mayHaveDoubles(part.items)) continue;
        const texts = part.items.map(printedExpr);
        const at = texts.findIndex((text, i) => texts.indexOf(text) < i);
        if (at < 0) continue;
        const kept = part.items.filter((_, i) => texts.indexOf(texts[i]!) === i);
        tell(part.items[at]!.span, `${texts[at]} stands in the list twice`, {
          fixes: rewrite(input, part, listOf(kept, part), "keep each element once"),
        });
      }
    },
  },
  {
    code: "L064",
    name: "needless-brackets",
    group: "style",
    level: "warn",
    what: "Brackets stand around what belongs together without them.",
    why: "`not` binds before `and`, `and` before `or`; `policyc fmt` leaves out brackets that change nothing, and so does this.",
    before: "allow a_read on sql\n  when (statement.read_only) and not statement.nested",
    after: "allow a_read on sql\n  when statement.read_only and not statement.nested",
    check(input, tell) {
      for (const condition of input.conditions)
        for (const { open, close } of redundantBrackets(condition, input))
          tell({ ...open, end: close.end }, "these brackets change nothing", {
            fixes: [
              {
                title: "leave the brackets out",
                edits: [
                  { span: open, text: "" },
                  { span: close, text: "" },
                ],
                safe: true,
              },
            ],
          });
    },
  },
  {
    code: "L065",
    name: "has-any-of-one",
    group: "style",
    level: "warn",
    what: "`has any` or `has all` is followed by a list of one.",
    why: "`has` says it in fewer words.",
    before: 'allow a_read on sql\n  when user.groups has any ["analyst"]',
    after: 'allow a_read on sql\n  when user.groups has "analyst"',
    check(input, tell) {
      eachPart(input, tell, ["has any", "has all"], (part) => {
        if (part.kind !== "binary" || (part.op !== "has any" && part.op !== "has all")) return null;
        const item = onlyItem(part.right);
        return item === null ? null : { by: binary("has", part.left, item), message: `\`${part.op}\` of one element` };
      });
    },
  },
  {
    code: "L066",
    name: "in-list-of-one",
    group: "style",
    level: "warn",
    what: "`in` is followed by a list of one.",
    why: "`==` says it in fewer words.",
    before: "allow a_read on sql\n  when statement.kind in [select]",
    after: "allow a_read on sql\n  when statement.kind == select",
    check(input, tell) {
      eachPart(input, tell, ["in"], (part) => {
        const item = part.kind === "binary" && part.op === "in" ? onlyItem(part.right) : null;
        return part.kind === "binary" && item !== null
          ? { by: binary("==", part.left, item), message: "`in` a list of one element" }
          : null;
      });
    },
  },
  {
    code: "L067",
    name: "equals-chain",
    group: "style",
    level: "warn",
    what: "One fact is compared with several values, joined by `or`.",
    why: "`in [a, b]` says it once, and the next value is added in one place.",
    before: "allow a_read on sql\n  when statement.kind == select or statement.kind == values",
    after: "allow a_read on sql\n  when statement.kind in [select, values]",
    check: (input, tell) =>
      eachChain(input, tell, (one) => one.op === "==" && (isConstant(one.right) || isWord(one.right, input)), "in"),
  },
  {
    code: "L068",
    name: "has-chain",
    group: "style",
    level: "warn",
    what: "One set is asked for several elements, joined by `or`.",
    why: "`has any [a, b]` says it once, and the next element is added in one place.",
    before: 'allow a_read on sql\n  when user.groups has "a" or user.groups has "b"',
    after: 'allow a_read on sql\n  when user.groups has any ["a", "b"]',
    check: (input, tell) =>
      eachChain(
        input,
        tell,
        (one) => one.op === "has" && (isConstant(one.right) || isWord(one.right, input)),
        "has any",
      ),
  },
  {
    code: "L069",
    name: "not-equal-in-words",
    group: "style",
    level: "warn",
    what: "`not` stands before a comparison that has an opposite.",
    why: "`a != b` is read at once; `not a == b` is read twice.",
    before: 'allow a_read on sql\n  when not user.name == "ana"',
    after: 'allow a_read on sql\n  when user.name != "ana"',
    check(input, tell) {
      eachPart(input, tell, ["not"], (part) => {
        if (part.kind !== "not" || part.operand.kind !== "binary") return null;
        const { op, left, right } = part.operand;
        // `<` has none: with an absent value both `a < b` and `a >= b` are false.
        const opposite = op === "==" ? "!=" : op === "!=" ? "==" : null;
        return opposite === null
          ? null
          : { by: binary(opposite, left, right), message: `\`not … ${op} …\` is \`${opposite}\`` };
      });
    },
  },
  {
    code: "L070",
    name: "unless-not",
    group: "style",
    level: "warn",
    what: "A rule has `unless not …` and no `when`.",
    why: "Two negations are one too many: `when` says the same.",
    before: 'deny no_writes on sql\n  unless not statement.writes\n  because "Writes come from jobs."',
    after: 'deny no_writes on sql\n  when statement.writes\n  because "Writes come from jobs."',
    check(input, tell) {
      for (const rule of input.rules) {
        const unless = clauseOf(rule, "unless");
        if (unless?.condition.kind !== "not" || clauseOf(rule, "when") !== undefined) continue;
        const text = `when ${printedExpr(unless.condition.operand)}`;
        const clean = !input.textOf(unless.span).includes("//");
        tell(unless.span, "`unless not` is `when`", {
          fixes: clean ? [{ title: "write `when`", edits: [{ span: unless.span, text }], safe: true }] : [],
        });
      }
    },
  },
  {
    code: "L071",
    name: "pattern-without-star",
    group: "style",
    level: "warn",
    what: "`like` is given a pattern without `*` or `?`.",
    why: "It is a plain comparison, and reads as if something were left open.",
    before: 'allow a_read on sql\n  when user.name like "ana"',
    after: 'allow a_read on sql\n  when user.name == "ana"',
    check(input, tell) {
      eachPart(input, tell, ["like"], (part) =>
        part.kind === "binary" && part.op === "like" && part.right.kind === "string" && !/[*?\\]/.test(part.right.value)
          ? { by: binary("==", part.left, part.right), message: "the pattern leaves nothing open" }
          : null,
      );
    },
  },
  {
    code: "L072",
    name: "unsorted-imports",
    group: "style",
    level: "warn",
    what: "The names of an import are not in order, or one stands there twice.",
    why: "In order, a missing or doubled name is seen at once, and two people who add one each don't meet in a conflict.",
    before:
      "package shop\nimport { production, dba } from company.people\nallow a_read on sql\n  when production and dba",
    after:
      "package shop\nimport { dba, production } from company.people\nallow a_read on sql\n  when production and dba",
    check(input, tell) {
      for (const one of input.imports) {
        const names = one.names.map((name) => name.text);
        const sorted = [...new Set(names)].sort();
        const [first, last] = [one.names[0], one.names.at(-1)];
        if (first === undefined || last === undefined || sorted.join() === names.join()) continue;
        const span = { ...first.span, end: last.span.end };
        const clean = !input.textOf(span).includes("//");
        const fix = { title: "put them in order", edits: [{ span, text: sorted.join(", ") }], safe: true };
        tell(span, "these names are not in order", { fixes: clean ? [fix] : [] });
      }
    },
  },
];

/** `x OP a or x OP b` with the same `x`, as one comparison with a list. */
function eachChain(input: LintInput, tell: Tell, fits: (one: Binary) => boolean, op: BinaryOperator): void {
  for (const { part, condition } of input.partsOf("or")) {
    if (part.kind !== "binary") continue;
    const operands = chain(part, "or");
    const [first] = operands;
    const whole = operands.every(
      (one): one is Binary =>
        one.kind === "binary" &&
        fits(one) &&
        readPath(one.left) !== null &&
        first?.kind === "binary" &&
        printedExpr(one.left) === printedExpr(first.left),
    );
    if (!whole || operands.length < 2 || isInLongerChain(condition.expr, part)) continue;
    const values = (operands as readonly Binary[]).map((one) => one.right);
    const by = binary(op, (first as Binary).left, listOf(values, part));
    tell(part.span, `this is one comparison with ${values.length} values`, { fixes: rewrite(input, part, by) });
  }
}

const isInLongerChain = (root: Expr, part: Expr): boolean =>
  within(root).some((one) => one.kind === "binary" && one.op === "or" && one !== part && one.left === part);
