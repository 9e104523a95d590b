import { EmbeddedActionsParser, type IToken, type TokenType } from "chevrotain";
import type {
  Annotation,
  Approver,
  BinaryOperator,
  Clause,
  ColumnPatternNode,
  Expectation,
  Expr,
  Identifier as IdentifierNode,
  IntLiteral,
  Item,
  MaskEntry,
  MaskSpecNode,
  PatternPart,
  StringLiteral,
  TestEntry,
} from "../ast/index.ts";
import type { Span } from "../source/index.ts";
import { durationMs, intValue, textValue } from "./literals.ts";
import { Duration, Identifier, Int, K, M, Name, Regex, Text, Word, allTokens } from "./tokens.ts";

const EFFECTS = [K.allow, K.deny, K.approve, K.mask, K.limit, K.alert];

/**
 * The grammar. Actions build the syntax tree as they go; after an error the parser re-synchronises and goes on, so that one
 * run shows every error, and what could not be read is a `missing` node.
 */
export class PolicyParser extends EmbeddedActionsParser {
  #file = "";
  #end = 0;

  constructor() {
    super(allTokens, { recoveryEnabled: true, maxLookahead: 3, nodeLocationTracking: "none" });
    this.performSelfAnalysis();
  }

  begin(file: string, tokens: IToken[]): void {
    this.#file = file;
    this.input = tokens;
    this.#end = 0;
  }

  // ---- places ------------------------------------------------------------------------------------------------------

  #spanOf(token: IToken): Span {
    const start = Number.isNaN(token.startOffset) ? this.#end : token.startOffset;
    return { file: this.#file, start, end: start + token.image.length };
  }

  /** From a start to the end of the last token read. */
  #since(start: number): Span {
    const last = this.LA(0);
    const end = Number.isNaN(last.startOffset) ? start : last.startOffset + last.image.length;
    this.#end = Math.max(end, start);
    return { file: this.#file, start, end: this.#end };
  }

  #here(): number {
    const next = this.LA(1).startOffset;
    return Number.isNaN(next) ? this.#since(0).end : next;
  }

  #identifier(token: IToken): IdentifierNode {
    return { text: token.image, span: this.#spanOf(token) };
  }

  #string(token: IToken): StringLiteral {
    return {
      kind: "string",
      value: textValue(token.image.length >= 2 ? token.image : '""').value,
      span: this.#spanOf(token),
    };
  }

  #int(token: IToken): IntLiteral {
    return { kind: "int", value: intValue(token.image === "" ? "0" : token.image), span: this.#spanOf(token) };
  }

  // ---- file --------------------------------------------------------------------------------------------------------

  readonly file = this.RULE("file", (): Item[] => {
    const items: Item[] = [];
    this.MANY(() => {
      const item = this.OR([
        { ALT: () => this.SUBRULE(this.packageDecl) },
        { ALT: () => this.SUBRULE(this.letDecl) },
        { ALT: () => this.SUBRULE(this.columnsDecl) },
        { ALT: () => this.SUBRULE(this.testDecl) },
        { ALT: () => this.SUBRULE(this.ruleDecl) },
      ]) as Item | undefined;
      if (item !== undefined) items.push(item);
    });
    return items;
  });

  readonly packageDecl = this.RULE("package declaration", (): Item => {
    const start = this.#here();
    this.CONSUME(K.package);
    const parts: string[] = [];
    this.AT_LEAST_ONE_SEP({ SEP: M.dot, DEF: () => parts.push(this.CONSUME(Word).image) });
    return this.ACTION(() => ({ kind: "package", name: parts.join("."), span: this.#since(start) }));
  });

  readonly letDecl = this.RULE("let declaration", (): Item => {
    const start = this.#here();
    this.CONSUME(K.let);
    const name = this.CONSUME(Name);
    this.CONSUME(M.assign);
    const value = this.SUBRULE(this.expression);
    return this.ACTION(() => ({
      kind: "let",
      name: this.#identifier(name),
      value: this.#orMissing(value),
      span: this.#since(start),
    }));
  });

  readonly columnsDecl = this.RULE("column set", (): Item => {
    const start = this.#here();
    this.CONSUME(K.columns);
    const name = this.CONSUME(Name);
    this.CONSUME(M.assign);
    const patterns = this.SUBRULE(this.patternList);
    return this.ACTION(() => ({
      kind: "column-set",
      name: this.#identifier(name),
      patterns: patterns ?? [],
      span: this.#since(start),
    }));
  });

  readonly ruleDecl = this.RULE("rule", (): Item => {
    const start = this.#here();
    const annotations: Annotation[] = [];
    this.MANY(() => {
      const annotation = this.SUBRULE(this.annotation);
      if (annotation !== undefined) annotations.push(annotation);
    });
    const effect = this.OR(EFFECTS.map((token) => ({ ALT: () => this.CONSUME(token) })));
    const name = this.CONSUME(Name);
    this.CONSUME(K.on);
    const scopes: IdentifierNode[] = [];
    this.AT_LEAST_ONE_SEP({
      SEP: M.comma,
      DEF: () => {
        const scope = this.OR1([{ ALT: () => this.CONSUME(M.star) }, { ALT: () => this.CONSUME1(Name) }]) as IToken;
        this.ACTION(() => scopes.push(this.#identifier(scope)));
      },
    });
    const clauses: Clause[] = [];
    this.MANY1(() => {
      const found = this.SUBRULE(this.clause);
      if (found !== undefined) clauses.push(found);
    });
    return this.ACTION(() => ({
      kind: "rule",
      effect: this.#identifier(effect as IToken),
      name: this.#identifier(name),
      scopes,
      clauses,
      annotations,
      span: this.#since(start),
    }));
  });

  readonly annotation = this.RULE("annotation", (): Annotation => {
    const start = this.#here();
    this.CONSUME(M.at);
    const key = this.CONSUME(Word);
    const values: Annotation["values"][number][] = [];
    this.OPTION(() => {
      this.CONSUME(M.leftParen);
      this.MANY_SEP({
        SEP: M.comma,
        DEF: () => {
          const value = this.SUBRULE(this.literal);
          if (value !== undefined) values.push(value);
        },
      });
      this.CONSUME(M.rightParen);
    });
    return this.ACTION(() => ({ kind: "annotation", key: this.#identifier(key), values, span: this.#since(start) }));
  });

  readonly literal = this.RULE("literal", (): Annotation["values"][number] => {
    return this.OR([
      {
        ALT: () => {
          const t = this.CONSUME(Text);
          return this.ACTION(() => this.#string(t));
        },
      },
      {
        ALT: () => {
          const t = this.CONSUME(Int);
          return this.ACTION(() => this.#int(t));
        },
      },
      {
        ALT: () => {
          const t = this.CONSUME(K.true);
          return this.ACTION(() => ({ kind: "bool" as const, value: true, span: this.#spanOf(t) }));
        },
      },
      {
        ALT: () => {
          const t = this.CONSUME(K.false);
          return this.ACTION(() => ({ kind: "bool" as const, value: false, span: this.#spanOf(t) }));
        },
      },
    ]);
  });

  // ---- clauses -----------------------------------------------------------------------------------------------------

  readonly clause = this.RULE("clause", (): Clause => {
    const start = this.#here();
    const one = (make: () => Clause): Clause => this.ACTION(make);
    return this.OR([
      {
        ALT: () => {
          this.CONSUME(K.when);
          const e = this.SUBRULE(this.expression);
          return one(() => ({ kind: "when", condition: this.#orMissing(e), span: this.#since(start) }));
        },
      },
      {
        ALT: () => {
          this.CONSUME(K.unless);
          const e = this.SUBRULE1(this.expression);
          return one(() => ({ kind: "unless", condition: this.#orMissing(e), span: this.#since(start) }));
        },
      },
      {
        ALT: () => {
          this.CONSUME(K.because);
          const t = this.CONSUME(Text);
          return one(() => ({ kind: "because", text: this.#string(t), span: this.#since(start) }));
        },
      },
      {
        ALT: () => {
          this.CONSUME(K.by);
          const approvers = this.SUBRULE(this.approvers);
          return one(() => ({ kind: "by", approvers: approvers ?? [], span: this.#since(start) }));
        },
      },
      {
        ALT: () => {
          this.CONSUME(K.quorum);
          const n = this.CONSUME(Int);
          return one(() => ({ kind: "quorum", count: this.#int(n), span: this.#since(start) }));
        },
      },
      {
        ALT: () => {
          this.CONSUME(K.within);
          const d = this.CONSUME(Duration);
          return one(() => ({ kind: "within", duration: this.#duration(d), span: this.#since(start) }));
        },
      },
      {
        ALT: () => {
          this.CONSUME(K.valid);
          const d = this.OR1([
            {
              ALT: () => {
                this.CONSUME(K.once);
                return null;
              },
            },
            { ALT: () => this.CONSUME1(Duration) },
          ]);
          return one(() => ({
            kind: "valid",
            duration: d === null ? null : this.#duration(d as IToken),
            span: this.#since(start),
          }));
        },
      },
      {
        ALT: () => {
          this.CONSUME(K.columns);
          const patterns = this.SUBRULE(this.patternList);
          return one(() => ({ kind: "columns", patterns: patterns ?? [], span: this.#since(start) }));
        },
      },
      {
        ALT: () => {
          this.CONSUME(K.with);
          const masks = this.SUBRULE(this.masks);
          return one(() => ({ kind: "with", masks: masks ?? [], span: this.#since(start) }));
        },
      },
      {
        ALT: () => {
          this.CONSUME(K.to);
          const n = this.CONSUME1(Int);
          this.CONSUME(K.rows);
          return one(() => ({ kind: "rows", count: this.#int(n), span: this.#since(start) }));
        },
      },
      {
        ALT: () => {
          this.CONSUME(K.values);
          this.CONSUME(K.detect);
          this.SUBRULE(this.listExpr);
          return one(() => ({ kind: "planned", word: "values detect", span: this.#since(start) }));
        },
      },
      {
        ALT: () => {
          this.CONSUME(K.fields);
          this.AT_LEAST_ONE_SEP({ SEP: M.comma, DEF: () => this.CONSUME1(Text) });
          return one(() => ({ kind: "planned", word: "fields", span: this.#since(start) }));
        },
      },
      {
        ALT: () => {
          this.CONSUME(K.output);
          return one(() => ({ kind: "planned", word: "output", span: this.#since(start) }));
        },
      },
    ]);
  });

  #duration(token: IToken): { kind: "duration"; ms: number; span: Span } {
    return { kind: "duration", ms: durationMs(token.image === "" ? "0s" : token.image), span: this.#spanOf(token) };
  }

  readonly approvers = this.RULE("approvers", (): Approver[] => {
    const found: Approver[] = [];
    this.AT_LEAST_ONE_SEP({
      SEP: M.comma,
      DEF: () => {
        const kind = this.OR([{ ALT: () => this.CONSUME(K.group) }, { ALT: () => this.CONSUME(K.user) }]);
        const name = this.CONSUME(Text);
        this.ACTION(() => found.push({ kind: kind.image === "user" ? "user" : "group", name: this.#string(name) }));
      },
    });
    return found;
  });

  readonly patternList = this.RULE("column patterns", (): ColumnPatternNode[] => {
    const found: ColumnPatternNode[] = [];
    this.AT_LEAST_ONE_SEP({
      SEP: M.comma,
      DEF: () => {
        const pattern = this.SUBRULE(this.pattern);
        if (pattern !== undefined) found.push(pattern);
      },
    });
    return found;
  });

  readonly pattern = this.RULE("column pattern", (): ColumnPatternNode => {
    const start = this.#here();
    const parts: PatternPart[] = [];
    this.AT_LEAST_ONE_SEP({
      SEP: M.dot,
      DEF: () => {
        const part = this.SUBRULE(this.patternPart);
        if (part !== undefined) parts.push(part);
      },
    });
    return this.ACTION(() => ({ kind: "pattern", parts, span: this.#since(start) }));
  });

  readonly patternPart = this.RULE("part of a column pattern", (): PatternPart => {
    const start = this.#here();
    const names: { text: string; quoted: boolean; span: Span }[] = [];
    let star = false;
    this.OR([
      {
        ALT: () => {
          this.CONSUME(M.star);
          star = true;
        },
      },
      { ALT: () => names.push(this.SUBRULE(this.columnName)) },
      {
        ALT: () => {
          this.CONSUME(M.leftBrace);
          this.AT_LEAST_ONE_SEP({ SEP: M.comma, DEF: () => names.push(this.SUBRULE1(this.columnName)) });
          this.CONSUME(M.rightBrace);
        },
      },
    ]);
    return this.ACTION(() => ({ names: star ? ("*" as const) : names, span: this.#since(start) }));
  });

  readonly columnName = this.RULE("column name", (): { text: string; quoted: boolean; span: Span } => {
    const token = this.OR([{ ALT: () => this.CONSUME(Word) }, { ALT: () => this.CONSUME(Text) }]);
    return this.ACTION(() =>
      token.tokenType === Text
        ? { text: this.#string(token).value, quoted: true, span: this.#spanOf(token) }
        : { text: token.image.toLowerCase(), quoted: false, span: this.#spanOf(token) },
    );
  });

  readonly masks = this.RULE("masks", (): MaskEntry[] => {
    const entries: MaskEntry[] = [];
    this.OR([
      {
        ALT: () => {
          const start = this.#here();
          const mask = this.SUBRULE(this.maskSpec);
          this.ACTION(() => entries.push({ column: "*", mask, span: this.#since(start) }));
        },
      },
      {
        ALT: () => {
          this.CONSUME(M.leftBrace);
          this.AT_LEAST_ONE_SEP({
            SEP: M.comma,
            DEF: () => {
              const start = this.#here();
              const column = this.OR1([
                {
                  ALT: () => {
                    this.CONSUME(M.star);
                    return "*" as const;
                  },
                },
                {
                  ALT: () => {
                    const name = this.SUBRULE(this.columnName);
                    return this.ACTION(() => ({ text: name.text, span: name.span }));
                  },
                },
              ]);
              this.CONSUME(M.colon);
              const mask = this.SUBRULE1(this.maskSpec);
              this.ACTION(() => {
                if (mask !== undefined) entries.push({ column, mask, span: this.#since(start) });
              });
            },
          });
          this.CONSUME(M.rightBrace);
        },
      },
    ]);
    return entries;
  });

  readonly maskSpec = this.RULE("mask specification", (): MaskSpecNode => {
    const start = this.#here();
    const name = this.CONSUME(Word);
    let argument: IToken | null = null;
    this.OPTION(() => {
      this.CONSUME(M.leftParen);
      argument = this.CONSUME(Int);
      this.CONSUME(M.rightParen);
    });
    return this.ACTION(() => ({
      kind: "mask-spec",
      name: this.#identifier(name),
      argument: argument === null ? null : this.#int(argument),
      span: this.#since(start),
    }));
  });

  // ---- expressions -------------------------------------------------------------------------------------------------

  #orMissing(expr: Expr | undefined): Expr {
    return expr ?? { kind: "missing", span: { file: this.#file, start: this.#end, end: this.#end } };
  }

  #binary(op: BinaryOperator, left: Expr | undefined, right: Expr | undefined): Expr {
    const l = this.#orMissing(left);
    const r = this.#orMissing(right);
    return { kind: "binary", op, left: l, right: r, span: { file: this.#file, start: l.span.start, end: r.span.end } };
  }

  readonly expression: (idx?: number) => Expr = this.RULE("expression", (): Expr => {
    let left = this.SUBRULE(this.conjunction);
    this.MANY(() => {
      this.CONSUME(K.or);
      const right = this.SUBRULE1(this.conjunction);
      this.ACTION(() => {
        left = this.#binary("or", left, right);
      });
    });
    return left;
  }) as never;

  readonly conjunction = this.RULE("conjunction", (): Expr => {
    let left = this.SUBRULE(this.negation);
    this.MANY(() => {
      this.CONSUME(K.and);
      const right = this.SUBRULE1(this.negation);
      this.ACTION(() => {
        left = this.#binary("and", left, right);
      });
    });
    return left;
  });

  readonly negation: (idx?: number) => Expr = this.RULE("condition", (): Expr => {
    const start = this.#here();
    return this.OR([
      {
        ALT: () => {
          this.CONSUME(K.not);
          const operand = this.SUBRULE(this.negation);
          return this.ACTION(() => ({
            kind: "not" as const,
            operand: this.#orMissing(operand),
            span: this.#since(start),
          }));
        },
      },
      { ALT: () => this.SUBRULE(this.quantified) },
      { ALT: () => this.SUBRULE(this.comparison) },
    ]);
  }) as never;

  readonly quantified: (idx?: number) => Expr = this.RULE("quantified condition", (): Expr => {
    const start = this.#here();
    const quantifier = this.OR([{ ALT: () => this.CONSUME(K.any) }, { ALT: () => this.CONSUME(K.all) }]);
    const variable = this.CONSUME(Name);
    this.CONSUME(K.in);
    const over = this.SUBRULE(this.postfix);
    this.CONSUME(M.colon);
    const condition = this.SUBRULE(this.expression);
    return this.ACTION(() => ({
      kind: "quantified" as const,
      quantifier: quantifier.image === "all" ? ("all" as const) : ("any" as const),
      variable: this.#identifier(variable),
      over: this.#orMissing(over),
      condition: this.#orMissing(condition),
      span: this.#since(start),
    }));
  }) as never;

  readonly comparison = this.RULE("comparison", (): Expr => {
    let left = this.SUBRULE(this.defaulted);
    this.OPTION(() => {
      let op: BinaryOperator = "==";
      let right: Expr | undefined;
      this.OR([
        {
          ALT: () => {
            this.CONSUME(M.equal);
            op = "==";
            right = this.SUBRULE1(this.defaulted);
          },
        },
        {
          ALT: () => {
            this.CONSUME(M.notEqual);
            op = "!=";
            right = this.SUBRULE2(this.defaulted);
          },
        },
        {
          ALT: () => {
            this.CONSUME(M.less);
            op = "<";
            right = this.SUBRULE3(this.defaulted);
          },
        },
        {
          ALT: () => {
            this.CONSUME(M.lessEqual);
            op = "<=";
            right = this.SUBRULE4(this.defaulted);
          },
        },
        {
          ALT: () => {
            this.CONSUME(M.greater);
            op = ">";
            right = this.SUBRULE5(this.defaulted);
          },
        },
        {
          ALT: () => {
            this.CONSUME(M.greaterEqual);
            op = ">=";
            right = this.SUBRULE6(this.defaulted);
          },
        },
        {
          ALT: () => {
            this.CONSUME(K.in);
            op = "in";
            right = this.SUBRULE7(this.defaulted);
          },
        },
        {
          ALT: () => {
            this.CONSUME(K.has);
            op = "has";
            this.OPTION1(() =>
              this.OR1([
                {
                  ALT: () => {
                    this.CONSUME(K.any);
                    op = "has any";
                  },
                },
                {
                  ALT: () => {
                    this.CONSUME(K.all);
                    op = "has all";
                  },
                },
              ]),
            );
            right = this.SUBRULE8(this.defaulted);
          },
        },
        {
          ALT: () => {
            this.CONSUME(K.like);
            op = "like";
            right = this.SUBRULE9(this.defaulted);
          },
        },
        {
          ALT: () => {
            this.CONSUME(K.matches);
            const t = this.CONSUME(Regex);
            op = "matches";
            this.ACTION(() => {
              right = { kind: "string", value: t.image, span: this.#spanOf(t) };
            });
          },
        },
        {
          ALT: () => {
            this.CONSUME(K.starts);
            this.CONSUME(K.with);
            op = "starts with";
            right = this.SUBRULE(this.postfix);
          },
        },
        {
          ALT: () => {
            this.CONSUME(K.ends);
            this.CONSUME1(K.with);
            op = "ends with";
            right = this.SUBRULE1(this.postfix);
          },
        },
        {
          // `within 15m` is a clause of the rule, `within cidr(…)` an operator.
          GATE: () => this.LA(2).tokenType !== Duration,
          ALT: () => {
            this.CONSUME(K.within);
            op = "within";
            right = this.SUBRULE2(this.postfix);
          },
        },
      ]);
      this.ACTION(() => {
        left = this.#binary(op, left, right);
      });
    });
    return left;
  });

  readonly defaulted = this.RULE("value", (): Expr => {
    let left = this.SUBRULE(this.postfix);
    this.OPTION(() => {
      this.CONSUME(K.else);
      const right = this.SUBRULE1(this.postfix);
      this.ACTION(() => {
        left = this.#binary("else", left, right);
      });
    });
    return left;
  });

  readonly postfix: (idx?: number) => Expr = this.RULE("operand", (): Expr => {
    const start = this.#here();
    let found = this.SUBRULE(this.primary);
    this.MANY(() => {
      this.OR([
        {
          ALT: () => {
            this.CONSUME(M.dot);
            const name = this.CONSUME(Word);
            this.ACTION(() => {
              const part = this.#identifier(name);
              if (found?.kind === "path")
                found = { kind: "path", parts: [...found.parts, part], span: this.#since(start) };
              else found = { kind: "call", name: part, args: [this.#orMissing(found)], span: this.#since(start) };
            });
          },
        },
        {
          ALT: () => {
            this.CONSUME(M.leftBracket);
            const key = this.CONSUME(Text);
            this.CONSUME(M.rightBracket);
            this.ACTION(() => {
              found = { kind: "index", of: this.#orMissing(found), key: this.#string(key), span: this.#since(start) };
            });
          },
        },
      ]);
    });
    return found;
  }) as never;

  readonly primary: (idx?: number) => Expr = this.RULE("primary", (): Expr => {
    const start = this.#here();
    return this.OR([
      { ALT: () => this.SUBRULE(this.literal) },
      {
        ALT: () => {
          const t = this.CONSUME(Duration);
          return this.ACTION(() => this.#duration(t));
        },
      },
      { ALT: () => this.SUBRULE(this.listExpr) },
      {
        ALT: () => {
          this.CONSUME(M.leftParen);
          const inner = this.SUBRULE(this.expression);
          this.CONSUME(M.rightParen);
          return this.ACTION(() => this.#orMissing(inner));
        },
      },
      {
        ALT: () => {
          this.CONSUME(K.exists);
          const operand = this.SUBRULE(this.postfix);
          return this.ACTION(() => ({
            kind: "exists" as const,
            operand: this.#orMissing(operand),
            span: this.#since(start),
          }));
        },
      },
      {
        ALT: () => {
          const name = this.CONSUME(Name);
          const args: Expr[] = [];
          let called = false;
          this.OPTION(() => {
            this.CONSUME1(M.leftParen);
            called = true;
            this.MANY_SEP({ SEP: M.comma, DEF: () => args.push(this.SUBRULE1(this.expression)) });
            this.CONSUME1(M.rightParen);
          });
          return this.ACTION((): Expr =>
            called
              ? { kind: "call", name: this.#identifier(name), args, span: this.#since(start) }
              : { kind: "path", parts: [this.#identifier(name)], span: this.#since(start) },
          );
        },
      },
    ]);
  }) as never;

  readonly listExpr: (idx?: number) => Expr = this.RULE("list", (): Expr => {
    const start = this.#here();
    const items: Expr[] = [];
    this.CONSUME(M.leftBracket);
    this.MANY_SEP({
      SEP: M.comma,
      DEF: () => {
        const item = this.SUBRULE(this.postfix);
        this.ACTION(() => items.push(this.#orMissing(item)));
      },
    });
    this.CONSUME(M.rightBracket);
    return this.ACTION(() => ({ kind: "list" as const, items, span: this.#since(start) }));
  }) as never;

  // ---- tests -------------------------------------------------------------------------------------------------------

  readonly testDecl = this.RULE("test block", (): Item => {
    const start = this.#here();
    this.CONSUME(K.test);
    const name = this.CONSUME(Text);
    this.CONSUME(M.leftBrace);
    const entries: TestEntry[] = [];
    this.MANY(() => {
      const entry = this.SUBRULE(this.testEntry);
      if (entry !== undefined) entries.push(entry);
    });
    this.CONSUME(M.rightBrace);
    return this.ACTION(() => ({ kind: "test", name: this.#string(name), entries, span: this.#since(start) }));
  });

  readonly testEntry = this.RULE("test entry", (): TestEntry => {
    const start = this.#here();
    return this.OR([
      {
        ALT: () => {
          this.CONSUME(K.user);
          const name = this.CONSUME(Text);
          const groups: StringLiteral[] = [];
          this.OPTION(() => {
            this.CONSUME(K.in);
            this.AT_LEAST_ONE_SEP({
              SEP: M.comma,
              DEF: () => {
                const group = this.CONSUME1(Text);
                this.ACTION(() => groups.push(this.#string(group)));
              },
            });
          });
          return this.ACTION(() => ({
            kind: "user" as const,
            name: this.#string(name),
            groups,
            span: this.#since(start),
          }));
        },
      },
      {
        ALT: () => {
          this.CONSUME(K.target);
          const name = this.CONSUME2(Text);
          const labels: { key: IdentifierNode; value: StringLiteral }[] = [];
          this.OPTION1(() => {
            this.CONSUME(M.leftBrace);
            this.MANY_SEP({
              SEP: M.comma,
              DEF: () => {
                const key = this.CONSUME(Word);
                this.CONSUME(M.colon);
                const value = this.CONSUME3(Text);
                this.ACTION(() => labels.push({ key: this.#identifier(key), value: this.#string(value) }));
              },
            });
            this.CONSUME(M.rightBrace);
          });
          return this.ACTION(() => ({
            kind: "target" as const,
            name: this.#string(name),
            labels,
            span: this.#since(start),
          }));
        },
      },
      {
        ALT: () => {
          this.CONSUME(K.schema);
          const t = this.CONSUME4(Text);
          return this.ACTION(() => ({ kind: "schema" as const, path: this.#string(t), span: this.#since(start) }));
        },
      },
      {
        ALT: () => {
          this.CONSUME(K.sql);
          const t = this.CONSUME5(Text);
          return this.ACTION(() => ({ kind: "sql" as const, texts: [this.#string(t)], span: this.#since(start) }));
        },
      },
      {
        ALT: () => {
          this.CONSUME(K.for);
          this.CONSUME1(K.sql);
          this.CONSUME1(K.in);
          this.CONSUME(M.leftBracket);
          const texts: StringLiteral[] = [];
          this.MANY_SEP1({
            SEP: M.comma,
            DEF: () => {
              const t = this.CONSUME6(Text);
              this.ACTION(() => texts.push(this.#string(t)));
            },
          });
          this.CONSUME(M.rightBracket);
          return this.ACTION(() => ({ kind: "sql" as const, texts, span: this.#since(start) }));
        },
      },
      {
        ALT: () => {
          this.CONSUME(K.facts);
          this.CONSUME1(M.leftBrace);
          const facts: { path: { kind: "path"; parts: IdentifierNode[]; span: Span }; value: Expr }[] = [];
          this.MANY_SEP2({
            SEP: M.comma,
            DEF: () => {
              const from = this.#here();
              const parts: IdentifierNode[] = [];
              this.AT_LEAST_ONE_SEP1({
                SEP: M.dot,
                DEF: () => {
                  const part = this.CONSUME1(Word);
                  this.ACTION(() => parts.push(this.#identifier(part)));
                },
              });
              const path = this.ACTION(() => ({ kind: "path" as const, parts, span: this.#since(from) }));
              this.CONSUME1(M.colon);
              const value = this.SUBRULE(this.postfix);
              this.ACTION(() => facts.push({ path, value: this.#orMissing(value) }));
            },
          });
          this.CONSUME1(M.rightBrace);
          return this.ACTION(() => ({ kind: "facts" as const, facts, span: this.#since(start) }));
        },
      },
      {
        ALT: () => {
          this.CONSUME(K.expect);
          const expectation = this.SUBRULE(this.expectation);
          return this.ACTION(() => ({ kind: "expect" as const, expectation, span: this.#since(start) }));
        },
      },
    ]);
  });

  readonly expectation = this.RULE("expectation", (): Expectation => {
    const start = this.#here();
    const by = (): IdentifierNode | null => null;
    return this.OR([
      {
        ALT: () => {
          const verdict = this.OR1([
            { ALT: () => this.CONSUME(K.allow) },
            { ALT: () => this.CONSUME(K.deny) },
            { ALT: () => this.CONSUME(K.approve) },
          ]);
          let rule = by();
          this.OPTION(() => {
            this.CONSUME(K.by);
            const name = this.CONSUME(Name);
            this.ACTION(() => {
              rule = this.#identifier(name);
            });
          });
          return this.ACTION(() => ({
            kind: "verdict" as const,
            verdict: verdict.image as "allow" | "deny" | "approve",
            by: rule,
            span: this.#since(start),
          }));
        },
      },
      {
        ALT: () => {
          this.CONSUME(K.masked);
          const column = this.CONSUME(Word);
          let rule = by();
          this.OPTION1(() => {
            this.CONSUME1(K.by);
            const name = this.CONSUME1(Name);
            this.ACTION(() => {
              rule = this.#identifier(name);
            });
          });
          return this.ACTION(() => ({
            kind: "masked" as const,
            column: this.#identifier(column),
            by: rule,
            span: this.#since(start),
          }));
        },
      },
      {
        ALT: () => {
          this.CONSUME(K.plain);
          const column = this.CONSUME1(Word);
          return this.ACTION(() => ({
            kind: "plain" as const,
            column: this.#identifier(column),
            span: this.#since(start),
          }));
        },
      },
      {
        ALT: () => {
          this.CONSUME(K.limit);
          const n = this.CONSUME(Int);
          this.CONSUME(K.rows);
          return this.ACTION(() => ({ kind: "row-limit" as const, count: this.#int(n), span: this.#since(start) }));
        },
      },
      {
        ALT: () => {
          this.CONSUME(K.because);
          const t = this.CONSUME(Text);
          return this.ACTION(() => ({ kind: "message" as const, text: this.#string(t), span: this.#since(start) }));
        },
      },
    ]);
  });
}

export type { TokenType };
export { Identifier };
