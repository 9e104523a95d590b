import type { IToken } from "chevrotain";
import type { Annotation, Clause, Identifier, Item } from "../ast/index.ts";
import type { ParserOptions } from "./parser-base.ts";
import { TestRules } from "./parser-tests.ts";
import { K, M, Name, Regex, Text, Word } from "./tokens.ts";

const EFFECTS = [K.allow, K.deny, K.approve, K.mask, K.limit, K.alert];

/**
 * The grammar. Actions build the syntax tree as they go; after an error the parser re-synchronises and goes on, so that one
 * run shows every error, and what could not be read is a `missing` node.
 */
export class PolicyParser extends TestRules {
  /** What `file` has read, also when its end was no end and it gives nothing back. */
  items: Item[] = [];

  constructor(options: ParserOptions) {
    super(options);
    this.performSelfAnalysis();
  }

  readonly file = this.RULE("file", (): void => {
    this.items = [];
    this.MANY(() => {
      const item = this.OR([
        { ALT: () => this.SUBRULE(this.packageDecl) },
        { ALT: () => this.SUBRULE(this.importDecl) },
        { ALT: () => this.SUBRULE(this.namedDecl) },
        { ALT: () => this.SUBRULE(this.testDecl) },
        { ALT: () => this.SUBRULE(this.annotated) },
      ]) as Item | undefined;
      if (item !== undefined) this.items.push(item);
    });
  });

  readonly packageDecl = this.RULE("package declaration", (): Item => {
    const start = this.here();
    this.CONSUME(K.package);
    const parts: string[] = [];
    this.AT_LEAST_ONE_SEP({ SEP: M.dot, DEF: () => parts.push(this.CONSUME(Word).image) });
    return this.ACTION(() => ({ kind: "package", name: parts.join("."), span: this.since(start) }));
  });

  readonly importDecl = this.RULE("import declaration", (): Item => {
    const start = this.here();
    const names: Identifier[] = [];
    this.CONSUME(K.import);
    this.CONSUME(M.leftBrace);
    this.AT_LEAST_ONE_SEP({
      SEP: M.comma,
      DEF: () => {
        const name = this.CONSUME(Name);
        this.ACTION(() => names.push(this.identifier(name)));
      },
    });
    this.CONSUME(M.rightBrace);
    this.CONSUME(K.from);
    const parts: IToken[] = [];
    this.AT_LEAST_ONE_SEP1({ SEP: M.dot, DEF: () => parts.push(this.CONSUME(Word)) });
    return this.ACTION(() => {
      const first = this.spanOf(parts[0]!);
      const from = { text: parts.map((part) => part.image).join("."), span: { ...first, end: this.since(start).end } };
      return { kind: "import", names, from, span: this.since(start) };
    });
  });

  /** What gives something a name: `let`, `columns`, `detector`, each with or without `export`. */
  readonly namedDecl = this.RULE("declaration", (): Item => {
    const start = this.here();
    let exported = false;
    this.OPTION(() => {
      this.CONSUME(K.export);
      exported = true;
    });
    return this.OR([
      {
        ALT: () => {
          this.CONSUME(K.let);
          const name = this.CONSUME(Name);
          this.CONSUME(M.assign);
          const value = this.SUBRULE(this.expression);
          return this.ACTION(() => ({
            kind: "let" as const,
            exported,
            name: this.identifier(name),
            value: this.orMissing(value),
            span: this.since(start),
          }));
        },
      },
      {
        ALT: () => {
          this.CONSUME(K.columns);
          const name = this.CONSUME1(Name);
          this.CONSUME1(M.assign);
          const patterns = this.SUBRULE(this.patternList);
          return this.ACTION(() => ({
            kind: "column-set" as const,
            exported,
            name: this.identifier(name),
            patterns: patterns ?? [],
            span: this.since(start),
          }));
        },
      },
      {
        ALT: () => {
          this.CONSUME(K.detector);
          const name = this.CONSUME2(Name);
          this.CONSUME2(M.assign);
          const expression = this.CONSUME(Regex);
          let check: IToken | null = null;
          this.OPTION1(() => {
            this.CONSUME(K.check);
            check = this.CONSUME3(Name);
          });
          return this.ACTION(() => ({
            kind: "detector" as const,
            exported,
            name: this.identifier(name),
            expression: this.regex(expression),
            check: check === null ? null : this.identifier(check),
            span: this.since(start),
          }));
        },
      },
    ]);
  });

  /** A rule, or a `never`. */
  readonly annotated = this.RULE("rule", (): Item => {
    const start = this.here();
    const annotations: Annotation[] = [];
    this.MANY(() => {
      const annotation = this.SUBRULE(this.annotation);
      if (annotation !== undefined) annotations.push(annotation);
    });
    return this.OR([
      {
        ALT: () => {
          this.CONSUME(K.never);
          const title = this.CONSUME(Text);
          const scopes = this.SUBRULE(this.scopeList);
          const clauses = this.SUBRULE(this.clauseList);
          return this.ACTION(() => ({
            kind: "never" as const,
            title: this.string(title),
            scopes: scopes ?? [],
            clauses: clauses ?? [],
            annotations,
            span: this.since(start),
          }));
        },
      },
      {
        ALT: () => {
          const effect = this.OR1(EFFECTS.map((token) => ({ ALT: () => this.CONSUME(token) })));
          const name = this.CONSUME(Name);
          const scopes = this.SUBRULE1(this.scopeList);
          const clauses = this.SUBRULE1(this.clauseList);
          return this.ACTION(() => ({
            kind: "rule" as const,
            effect: this.identifier(effect as IToken),
            name: this.identifier(name),
            scopes: scopes ?? [],
            clauses: clauses ?? [],
            annotations,
            span: this.since(start),
          }));
        },
      },
    ]);
  });

  readonly scopeList = this.RULE("scopes", (): Identifier[] => {
    const scopes: Identifier[] = [];
    this.CONSUME(K.on);
    this.AT_LEAST_ONE_SEP({
      SEP: M.comma,
      DEF: () => {
        const scope = this.OR([{ ALT: () => this.CONSUME(M.star) }, { ALT: () => this.CONSUME(Name) }]) as IToken;
        this.ACTION(() => scopes.push(this.identifier(scope)));
      },
    });
    return scopes;
  });

  readonly clauseList = this.RULE("clauses", (): Clause[] => {
    const clauses: Clause[] = [];
    this.MANY(() => {
      const found = this.SUBRULE(this.clause);
      if (found !== undefined) clauses.push(found);
    });
    return clauses;
  });
}
