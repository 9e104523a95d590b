import type { Clause, ColumnPatternNode, Expr, Identifier, Item, PolicyFile, TestDecl } from "../ast/index.ts";
import type { Span } from "../source/index.ts";

export type NameKind = "rule" | "let" | "columns" | "variable";

/** One place where a name stands. */
export interface Occurrence {
  /** What it names: the same for every occurrence of one thing. */
  readonly symbol: string;
  readonly kind: NameKind;
  readonly name: string;
  readonly span: Span;
  readonly definition: boolean;
}

export interface NameTable {
  /** In order of file and place. */
  readonly occurrences: readonly Occurrence[];
  readonly bySymbol: ReadonlyMap<string, readonly Occurrence[]>;
  /** Names declared in a file's package, by kind. */
  readonly declaredIn: (packageName: string, kind: NameKind) => readonly string[];
}

export const DEFAULT_PACKAGE = "policy";

export function packageOf(tree: PolicyFile): string {
  const found = tree.items.find((item) => item.kind === "package");
  return found?.kind === "package" ? found.name : DEFAULT_PACKAGE;
}

export const symbolOf = (packageName: string, kind: NameKind, name: string): string => `${kind} ${packageName}.${name}`;

/** Where every name of rules, lets, column sets and variables is declared and used. */
export function namesOf(trees: readonly PolicyFile[]): NameTable {
  const declared = new Map<string, Set<string>>();
  for (const tree of trees) {
    for (const item of tree.items) {
      const kind = declaredKind(item);
      if (kind === null || !("name" in item) || typeof item.name === "string" || "value" in item.name) continue;
      const key = `${kind} ${packageOf(tree)}`;
      if (!declared.has(key)) declared.set(key, new Set());
      declared.get(key)!.add(item.name.text);
    }
  }
  const occurrences = trees.flatMap((tree) => new FileNames(packageOf(tree), declared).read(tree));
  const bySymbol = new Map<string, Occurrence[]>();
  for (const one of occurrences) {
    const found = bySymbol.get(one.symbol);
    if (found === undefined) bySymbol.set(one.symbol, [one]);
    else found.push(one);
  }
  return {
    occurrences,
    bySymbol,
    declaredIn: (packageName, kind) => [...(declared.get(`${kind} ${packageName}`) ?? [])],
  };
}

function declaredKind(item: Item): NameKind | null {
  switch (item.kind) {
    case "let":
      return "let";
    case "column-set":
      return "columns";
    case "rule":
      return "rule";
    case "package":
    case "test":
      return null;
  }
}

type Variables = readonly { readonly name: string; readonly symbol: string }[];

class FileNames {
  readonly #package: string;
  readonly #declared: ReadonlyMap<string, ReadonlySet<string>>;
  readonly #found: Occurrence[] = [];

  constructor(packageName: string, declared: ReadonlyMap<string, ReadonlySet<string>>) {
    this.#package = packageName;
    this.#declared = declared;
  }

  read(tree: PolicyFile): readonly Occurrence[] {
    for (const item of tree.items) this.#item(item);
    return this.#found.sort((a, b) => a.span.start - b.span.start);
  }

  #add(kind: NameKind, { text, span }: Identifier, definition: boolean): void {
    if (text === "") return;
    const symbol = symbolOf(this.#package, kind, text);
    this.#found.push({ symbol, kind, name: text, span, definition });
  }

  #knows(kind: NameKind, name: string): boolean {
    return this.#declared.get(`${kind} ${this.#package}`)?.has(name) === true;
  }

  #item(item: Item): void {
    switch (item.kind) {
      case "package":
        return;
      case "let":
        this.#add("let", item.name, true);
        this.#expr(item.value, []);
        return;
      case "column-set":
        this.#add("columns", item.name, true);
        this.#patterns(item.patterns);
        return;
      case "rule":
        this.#add("rule", item.name, true);
        for (const clause of item.clauses) this.#clause(clause);
        return;
      case "test":
        this.#test(item);
        return;
    }
  }

  #clause(clause: Clause): void {
    switch (clause.kind) {
      case "when":
      case "unless":
        this.#expr(clause.condition, []);
        return;
      case "columns":
        this.#patterns(clause.patterns);
        return;
      case "because":
      case "by":
      case "quorum":
      case "within":
      case "valid":
      case "with":
      case "rows":
      case "planned":
        return;
    }
  }

  /** A pattern of one part is the name of a column set. */
  #patterns(patterns: readonly ColumnPatternNode[]): void {
    for (const { parts } of patterns) {
      const [first] = parts;
      if (parts.length !== 1 || first === undefined || first.names === "*" || first.names.length !== 1) continue;
      this.#add("columns", first.names[0]!, false);
    }
  }

  #test(test: TestDecl): void {
    for (const entry of test.entries) {
      if (entry.kind !== "expect") continue;
      const { expectation } = entry;
      if ("by" in expectation && expectation.by !== null) this.#add("rule", expectation.by, false);
    }
  }

  #expr(expr: Expr, variables: Variables): void {
    switch (expr.kind) {
      case "bool":
      case "int":
      case "string":
      case "duration":
      case "missing":
        return;
      case "list":
        for (const item of expr.items) this.#expr(item, variables);
        return;
      case "path": {
        const [first] = expr.parts;
        if (first === undefined) return;
        const variable = variables.find((one) => one.name === first.text);
        if (variable !== undefined) {
          const { symbol } = variable;
          this.#found.push({ symbol, kind: "variable", name: first.text, span: first.span, definition: false });
        } else if (expr.parts.length === 1 && this.#knows("let", first.text)) this.#add("let", first, false);
        return;
      }
      case "index":
        this.#expr(expr.of, variables);
        return;
      case "call":
        for (const arg of expr.args) this.#expr(arg, variables);
        return;
      case "not":
      case "exists":
        this.#expr(expr.operand, variables);
        return;
      case "binary":
        this.#expr(expr.left, variables);
        this.#expr(expr.right, variables);
        return;
      case "quantified": {
        this.#expr(expr.over, variables);
        const { text, span } = expr.variable;
        const symbol = `variable ${span.file}:${span.start}`;
        this.#found.push({ symbol, kind: "variable", name: text, span, definition: true });
        this.#expr(expr.condition, [{ name: text, symbol }, ...variables]);
        return;
      }
    }
  }
}

/** The occurrence at an offset; the end of a word belongs to it. */
export function occurrenceAt(names: NameTable, file: string, offset: number): Occurrence | undefined {
  return names.occurrences.find(
    ({ span }) => span.file === file && span.start <= offset && offset <= span.end && span.end > span.start,
  );
}
