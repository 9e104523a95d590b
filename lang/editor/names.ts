import type {
  Clause,
  ColumnPatternNode,
  Expectation,
  Expr,
  Identifier,
  Item,
  PolicyFile,
  TestDecl,
  TestText,
} from "../ast/index.ts";
import { environmentsOf, type Environment } from "../check/index.ts";
import type { Span } from "../source/index.ts";

export type NameKind = "rule" | "let" | "columns" | "detector" | "variable";

/** One place where a name stands. */
export interface Occurrence {
  /** What it names: the same for every occurrence of one thing, in whatever file. */
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
  /** What a file can name: its package's own and what it imports. */
  readonly environments: ReadonlyMap<string, Environment>;
}

const NO_REPORT = (): void => undefined;

/** Where every name of rules, lets, column sets, detectors and variables is declared and used. */
export function namesOf(trees: readonly PolicyFile[]): NameTable {
  const found = environmentsOf(trees, NO_REPORT);
  const occurrences = trees.flatMap((tree) => new FileNames(found.get(tree)!).read(tree));
  const bySymbol = new Map<string, Occurrence[]>();
  for (const one of occurrences) {
    const known = bySymbol.get(one.symbol);
    if (known === undefined) bySymbol.set(one.symbol, [one]);
    else known.push(one);
  }
  return {
    occurrences,
    bySymbol,
    environments: new Map(trees.map((tree) => [tree.path, found.get(tree)!])),
  };
}

/** Names of a kind that a file can use, in the order in which they are declared. */
export function visibleIn(names: NameTable, file: string, kind: "let" | "columns" | "detector"): readonly string[] {
  const env = names.environments.get(file);
  return env === undefined ? [] : [...tableOf(env, kind).keys()];
}

/** Where a name that a file can use is declared. */
export function declarationOf(
  names: NameTable,
  file: string,
  kind: "let" | "columns" | "detector",
  name: string,
): Occurrence | undefined {
  const env = names.environments.get(file);
  const decl = env === undefined ? undefined : tableOf(env, kind).get(name)?.decl;
  return decl === undefined
    ? undefined
    : names.bySymbol.get(symbolAt(kind, decl.name.span))?.find((one) => one.definition);
}

const tableOf = (env: Environment, kind: "let" | "columns" | "detector") =>
  kind === "let" ? env.lets : kind === "columns" ? env.columnSets : env.detectors;

const symbolAt = (kind: NameKind, span: Span): string => `${kind} ${span.file}:${span.start}`;

type Variables = readonly { readonly name: string; readonly symbol: string }[];

class FileNames {
  readonly #env: Environment;
  readonly #found: Occurrence[] = [];

  constructor(env: Environment) {
    this.#env = env;
  }

  read(tree: PolicyFile): readonly Occurrence[] {
    for (const item of tree.items) this.#item(item);
    return this.#found.sort((a, b) => a.span.start - b.span.start);
  }

  #put(kind: NameKind, symbol: string, { text, span }: Identifier, definition: boolean): void {
    if (text !== "") this.#found.push({ symbol, kind, name: text, span, definition });
  }

  #declare(kind: NameKind, name: Identifier): void {
    this.#put(kind, symbolAt(kind, name.span), name, true);
  }

  /** A use of a let, column set or detector; nothing when the file knows none of that name. */
  #use(kind: "let" | "columns" | "detector", name: Identifier): void {
    const known = tableOf(this.#env, kind).get(name.text);
    if (known !== undefined) this.#put(kind, symbolAt(kind, known.decl.name.span), name, false);
  }

  /** Rules are known by their names alone, in all packages together. */
  #rule(name: Identifier, definition: boolean): void {
    this.#put("rule", `rule ${name.text}`, name, definition);
  }

  #item(item: Item): void {
    switch (item.kind) {
      case "package":
        return;
      case "import":
        for (const name of item.names) {
          const kind = (["let", "columns", "detector"] as const).find(
            (one) => tableOf(this.#env, one).get(name.text)?.via === name,
          );
          if (kind !== undefined) this.#use(kind, name);
        }
        return;
      case "let":
        this.#declare("let", item.name);
        this.#expr(item.value, []);
        return;
      case "column-set":
        this.#declare("columns", item.name);
        this.#patterns(item.patterns);
        return;
      case "detector":
        this.#declare("detector", item.name);
        return;
      case "never":
        for (const clause of item.clauses) this.#clause(clause);
        return;
      case "rule":
        this.#rule(item.name, true);
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
      case "detect":
        for (const name of clause.detectors) this.#use("detector", name);
        return;
      case "because":
      case "by":
      case "quorum":
      case "within":
      case "valid":
      case "with":
      case "limits":
      case "notify":
      case "fields":
      case "output":
      case "predicates":
      case "trust":
      case "even-approved":
        return;
    }
  }

  /** A pattern of one part is the name of a column set. */
  #patterns(patterns: readonly ColumnPatternNode[]): void {
    for (const { parts } of patterns) {
      const [first] = parts;
      if (parts.length !== 1 || first === undefined || first.names === "*" || first.names.length !== 1) continue;
      this.#use("columns", first.names[0]!);
    }
  }

  #test(test: TestDecl): void {
    const variables: { name: string; symbol: string }[] = [];
    const text = (one: TestText): void => {
      if (one.kind !== "variable") return;
      const variable = variables.find(({ name }) => name === one.name.text);
      if (variable !== undefined) this.#put("variable", variable.symbol, one.name, false);
    };
    for (const entry of test.entries) {
      if (entry.kind !== "for") continue;
      variables.push({ name: entry.variable.text, symbol: symbolAt("variable", entry.variable.span) });
      this.#declare("variable", entry.variable);
    }
    for (const entry of test.entries) {
      switch (entry.kind) {
        case "user":
          text(entry.name);
          entry.groups.forEach(text);
          break;
        case "target":
          text(entry.name);
          for (const label of entry.labels) text(label.value);
          break;
        case "text":
          entry.texts.forEach(text);
          break;
        case "http":
          text(entry.path);
          for (const header of entry.headers) text(header.value);
          if (entry.body !== null) text(entry.body);
          break;
        case "tool":
          text(entry.name);
          for (const { value } of entry.args) if (value.kind === "variable") text(value);
          break;
        case "expect":
          this.#expectation(entry.expectation);
          break;
        case "schema":
        case "time":
        case "for":
        case "facts":
          break;
      }
    }
  }

  #expectation(expectation: Expectation): void {
    switch (expectation.kind) {
      case "verdict":
      case "masked":
        if (expectation.by !== null) this.#rule(expectation.by, false);
        return;
      case "matched":
        this.#rule(expectation.rule, false);
        return;
      case "plain-column":
      case "limit":
      case "message":
      case "approvers":
        return;
    }
  }

  #expr(expr: Expr, variables: Variables): void {
    switch (expr.kind) {
      case "bool":
      case "int":
      case "string":
      case "duration":
      case "regex":
      case "missing":
        return;
      case "plain":
        this.#patterns([expr.pattern]);
        return;
      case "list":
        for (const item of expr.items) this.#expr(item, variables);
        return;
      case "path": {
        const [first] = expr.parts;
        if (first === undefined) return;
        const variable = variables.find((one) => one.name === first.text);
        if (variable !== undefined) this.#put("variable", variable.symbol, first, false);
        else if (expr.parts.length === 1) this.#use("let", first);
        return;
      }
      case "index":
        this.#expr(expr.of, variables);
        return;
      case "call":
        if (expr.receiver !== null) this.#expr(expr.receiver, variables);
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
        this.#declare("variable", expr.variable);
        const own = { name: expr.variable.text, symbol: symbolAt("variable", expr.variable.span) };
        this.#expr(expr.condition, [own, ...variables]);
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
