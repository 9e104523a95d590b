import { SCOPES, factAt, type Fact } from "../../spec/contract/facts/index.ts";
import {
  childrenOf,
  type BinaryOperator,
  type Clause,
  type ColumnsDecl,
  type Expr,
  type ImportDecl,
  type LetDecl,
  type NeverDecl,
  type PolicyFile,
  type RuleDecl,
  type TestDecl,
} from "../ast/index.ts";
import { packageOf } from "../check/index.ts";
import type { SourceFile, Span } from "../source/index.ts";
import { NO_SHAPE, mix, shapeOf } from "./shape.ts";
import { addAtoms, readPath, type Atom } from "./walk.ts";

/** A condition as it was written, and where it stands. */
export interface Condition {
  readonly expr: Expr;
  readonly place: "when" | "unless" | "let";
  /** The whole clause or declaration. */
  readonly span: Span;
}

/** A part of a condition is found by its operator, or by its kind when it is one of these. */
export type PartKey = BinaryOperator | "not" | "list";

export interface Part {
  readonly part: Expr;
  readonly condition: Condition;
  /** See `shapeOf`. */
  readonly shape: number;
}

/** What the rules of the linter look at: the syntax trees of one package, and ways to ask them. */
export interface LintInput {
  readonly trees: readonly PolicyFile[];
  readonly rules: readonly RuleDecl[];
  readonly lets: readonly LetDecl[];
  readonly columnSets: readonly ColumnsDecl[];
  readonly tests: readonly TestDecl[];
  readonly imports: readonly ImportDecl[];
  readonly conditions: readonly Condition[];
  /** The parts of all conditions that have one of the keys, in order of place. */
  readonly partsOf: (...keys: readonly PartKey[]) => readonly Part[];
  /** The shape of a whole condition. */
  readonly shapeOf: (condition: Expr) => number;
  readonly atomsOfRule: (rule: RuleDecl) => readonly Atom[];
  readonly textOf: (span: Span) => string;
  readonly fileText: (path: string) => string;
  readonly letOf: (name: string) => Expr | undefined;
}

/** @param trees of one package; names that it imports are looked up in `all`. */
export function lintInput(
  files: readonly SourceFile[],
  trees: readonly PolicyFile[],
  all: readonly PolicyFile[] = trees,
): LintInput {
  const texts = new Map(files.map((file) => [file.path, file.text]));
  const items = trees.flatMap((tree) => tree.items);
  const lets = items.filter((item) => item.kind === "let");
  const rules = items.filter((item) => item.kind === "rule");
  const imports = items.filter((item) => item.kind === "import");
  const nevers = items.filter((item) => item.kind === "never");
  const declared = packagesOf(all);
  const exported = all.flatMap((tree) =>
    tree.items.flatMap((item) =>
      item.kind === "let" && item.exported
        ? [{ from: packageOf(tree, declared), name: item.name.text, value: item.value }]
        : [],
    ),
  );
  const values = new Map(
    imports.flatMap((one) =>
      one.names.flatMap(({ text }) => {
        const found = exported.find((other) => other.from === one.from.text && other.name === text);
        return found === undefined ? [] : [[text, found.value] as const];
      }),
    ),
  );
  for (const one of lets) values.set(one.name.text, one.value);
  const letOf = (name: string): Expr | undefined => values.get(name);
  const conditions = [
    ...lets.map((one): Condition => ({ expr: one.value, place: "let", span: one.span })),
    ...[...rules, ...nevers].flatMap((rule) => conditionsOf(rule)),
  ];
  const atoms = new Map<RuleDecl, readonly Atom[]>();
  return {
    trees,
    rules,
    lets,
    columnSets: items.filter((item) => item.kind === "column-set"),
    tests: items.filter((item) => item.kind === "test"),
    imports,
    conditions,
    ...partsByKey(conditions),
    atomsOfRule: (rule) => {
      const known = atoms.get(rule);
      if (known !== undefined) return known;
      const found: Atom[] = [];
      for (const { expr, place } of conditionsOf(rule)) addAtoms(found, expr, letOf, place === "unless");
      atoms.set(rule, found);
      return found;
    },
    textOf: (span) => (texts.get(span.file) ?? "").slice(span.start, span.end),
    fileText: (path) => texts.get(path) ?? "",
    letOf,
  };
}

interface Filed {
  readonly part: Expr;
  readonly condition: Condition;
  readonly place: number;
  shape: number;
}

/** One walk for all rules of the linter, most of which look at parts of a few kinds only. */
function partsByKey(conditions: readonly Condition[]): Pick<LintInput, "partsOf" | "shapeOf"> {
  const filed = new Map<PartKey, Filed[]>();
  const wholes = new Map<Expr, number>();
  let place = 0;
  const file = (part: Expr, condition: Condition): number => {
    const key = part.kind === "binary" ? part.op : part.kind === "not" || part.kind === "list" ? part.kind : null;
    const one: Filed | null = key === null ? null : { part, condition, place: place++, shape: NO_SHAPE };
    if (one !== null) {
      const list = filed.get(key!);
      if (list === undefined) filed.set(key!, [one]);
      else list.push(one);
    }
    let inside = NO_SHAPE;
    if (part.kind === "binary") inside = mix(mix(inside, file(part.left, condition)), file(part.right, condition));
    else {
      const children = childrenOf(part);
      for (let i = 0; i < children.length; i++) inside = mix(inside, file(children[i]!, condition));
    }
    const shape = shapeOf(part, inside);
    if (one !== null) one.shape = shape;
    return shape;
  };
  const all = (): typeof filed => {
    if (wholes.size === 0)
      for (const condition of conditions) wholes.set(condition.expr, file(condition.expr, condition));
    return filed;
  };
  return {
    partsOf: (...keys) => {
      const known = all();
      if (keys.length === 1) return known.get(keys[0]!) ?? [];
      return keys.flatMap((key) => known.get(key) ?? []).sort((a, b) => a.place - b.place);
    },
    shapeOf: (condition) => {
      all();
      return wholes.get(condition) ?? NO_SHAPE;
    },
  };
}

/** Names of the packages that the files declare. */
export const packagesOf = (trees: readonly PolicyFile[]): ReadonlySet<string> =>
  new Set(trees.flatMap((tree) => tree.items.flatMap((item) => (item.kind === "package" ? [item.name] : []))));

export function clauseOf<K extends Clause["kind"]>(rule: RuleDecl, kind: K): Extract<Clause, { kind: K }> | undefined {
  const { clauses } = rule;
  for (let i = 0; i < clauses.length; i++)
    if (clauses[i]!.kind === kind) return clauses[i] as Extract<Clause, { kind: K }>;
  return undefined;
}

function conditionsOf(rule: RuleDecl | NeverDecl): readonly Condition[] {
  return rule.clauses.flatMap((clause): readonly Condition[] =>
    clause.kind === "when" || clause.kind === "unless"
      ? [{ expr: clause.condition, place: clause.kind, span: clause.span }]
      : [],
  );
}

/** The parts of a rule's conditions, lets opened; those of `unless` are negated. */
export const ruleAtoms = (rule: RuleDecl, input: LintInput): readonly Atom[] => input.atomsOfRule(rule);

/** The fact that an operand reads, in the first protocol of the rule that has it. */
export function factOf(rule: RuleDecl, expr: Expr): Fact | undefined {
  const path = readPath(expr);
  if (path === null) return undefined;
  for (const scope of rule.scopes) {
    const protocols = Object.hasOwn(SCOPES, scope.text) ? SCOPES[scope.text]! : [];
    for (const protocol of protocols) {
      const found = factAt(protocol, path);
      if (found !== undefined) return found;
    }
  }
  return undefined;
}

/** The texts that a part compares with: `"a"` of `x == "a"`, all of a list. */
export function textsIn(expr: Expr): readonly { readonly value: string; readonly span: Span }[] {
  if (expr.kind === "string") return [expr];
  return expr.kind === "list" ? expr.items.flatMap(textsIn) : [];
}

/** Bare words that a part compares with, which are values of enumerations: `drop_table` of `kind in [drop_table]`. */
export function wordsIn(expr: Expr): readonly string[] {
  if (expr.kind === "path" && expr.parts.length === 1) return [expr.parts[0]!.text];
  return expr.kind === "list" ? expr.items.flatMap(wordsIn) : [];
}

/** Groups that a part asks the user to be in. */
export function groupsAsked({ expr, left }: Atom): readonly { readonly value: string; readonly span: Span }[] {
  const asks =
    left === "user.groups" &&
    expr.kind === "binary" &&
    (expr.op === "has" || expr.op === "has any" || expr.op === "has all");
  return asks ? textsIn(expr.right) : [];
}
