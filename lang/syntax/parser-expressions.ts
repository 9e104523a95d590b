import { tokenMatcher } from "chevrotain";
import type { BinaryOperator, ColumnPatternNode, Expr } from "../ast/index.ts";
import { PatternRules } from "./parser-patterns.ts";
import { Duration, K, M, Name, Regex, Text, Word } from "./tokens.ts";

/** Conditions, from `or` down to a name. */
export class ExpressionRules extends PatternRules {
  readonly expression: (idx?: number) => Expr = this.RULE("expression", (): Expr => {
    let left = this.SUBRULE(this.conjunction);
    this.MANY(() => {
      this.CONSUME(K.or);
      const right = this.SUBRULE1(this.conjunction);
      this.ACTION(() => {
        left = this.binary("or", left, right);
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
        left = this.binary("and", left, right);
      });
    });
    return left;
  });

  readonly negation: (idx?: number) => Expr = this.RULE("condition", (): Expr => {
    const start = this.here();
    return this.OR([
      {
        ALT: () => {
          this.CONSUME(K.not);
          const operand = this.SUBRULE(this.negation);
          return this.ACTION(() => ({
            kind: "not" as const,
            operand: this.orMissing(operand),
            span: this.since(start),
          }));
        },
      },
      { ALT: () => this.SUBRULE(this.quantified) },
      { ALT: () => this.SUBRULE(this.comparison) },
    ]);
  }) as never;

  readonly quantified: (idx?: number) => Expr = this.RULE("quantified condition", (): Expr => {
    const start = this.here();
    const quantifier = this.OR([{ ALT: () => this.CONSUME(K.any) }, { ALT: () => this.CONSUME(K.all) }]);
    const variable = this.CONSUME(Name);
    this.CONSUME(K.in);
    const over = this.SUBRULE(this.postfix);
    this.CONSUME(M.colon);
    const condition = this.SUBRULE(this.expression);
    return this.ACTION(() => ({
      kind: "quantified" as const,
      quantifier: quantifier.image === "all" ? ("all" as const) : ("any" as const),
      variable: this.identifier(variable),
      over: this.orMissing(over),
      condition: this.orMissing(condition),
      span: this.since(start),
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
              right = this.regex(t);
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
        left = this.binary(op, left, right);
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
        left = this.binary("else", left, right);
      });
    });
    return left;
  });

  readonly postfix: (idx?: number) => Expr = this.RULE("operand", (): Expr => {
    const start = this.here();
    let found = this.SUBRULE(this.primary);
    this.MANY(() => {
      this.OR([
        {
          ALT: () => {
            this.CONSUME(M.dot);
            const name = this.CONSUME(Word);
            let args: Expr[] | null = null;
            this.OPTION(() => {
              args = this.SUBRULE(this.callArguments);
            });
            this.ACTION(() => {
              const part = this.identifier(name);
              const span = this.since(start);
              if (args === null && found?.kind === "path")
                found = { kind: "path", parts: [...found.parts, part], span };
              else found = { kind: "call", receiver: this.orMissing(found), name: part, args: args ?? [], span };
            });
          },
        },
        {
          ALT: () => {
            this.CONSUME(M.leftBracket);
            const key = this.CONSUME(Text);
            this.CONSUME(M.rightBracket);
            this.ACTION(() => {
              found = { kind: "index", of: this.orMissing(found), key: this.string(key), span: this.since(start) };
            });
          },
        },
      ]);
    });
    return found;
  }) as never;

  readonly primary: (idx?: number) => Expr = this.RULE("primary", (): Expr => {
    const start = this.here();
    return this.OR([
      { ALT: () => this.SUBRULE(this.literal) },
      {
        ALT: () => {
          const t = this.CONSUME(Duration);
          return this.ACTION(() => this.duration(t));
        },
      },
      { ALT: () => this.SUBRULE(this.listExpr) },
      {
        ALT: () => {
          this.CONSUME(M.leftParen);
          const inner = this.SUBRULE(this.expression);
          this.CONSUME(M.rightParen);
          return this.ACTION(() => this.orMissing(inner));
        },
      },
      {
        ALT: () => {
          this.CONSUME(K.exists);
          const operand = this.SUBRULE(this.postfix);
          return this.ACTION(() => ({
            kind: "exists" as const,
            operand: this.orMissing(operand),
            span: this.since(start),
          }));
        },
      },
      {
        // `plain` may name something too; before another name it asks whether that column is shown.
        GATE: () => tokenMatcher(this.LA(2), Name) || tokenMatcher(this.LA(2), Text) || this.LA(2).tokenType === M.star,
        ALT: () => {
          this.CONSUME(K.plain);
          const pattern = this.SUBRULE(this.pattern) as ColumnPatternNode | undefined;
          return this.ACTION((): Expr =>
            pattern === undefined ? this.orMissing(undefined) : { kind: "plain", pattern, span: this.since(start) },
          );
        },
      },
      {
        ALT: () => {
          const name = this.CONSUME(Name);
          let args: Expr[] | null = null;
          this.OPTION(() => {
            args = this.SUBRULE(this.callArguments);
          });
          return this.ACTION((): Expr =>
            args !== null
              ? { kind: "call", receiver: null, name: this.identifier(name), args: args ?? [], span: this.since(start) }
              : { kind: "path", parts: [this.identifier(name)], span: this.since(start) },
          );
        },
      },
    ]);
  }) as never;

  readonly listExpr: (idx?: number) => Expr = this.RULE("list", (): Expr => {
    const start = this.here();
    const items: Expr[] = [];
    this.CONSUME(M.leftBracket);
    this.MANY_SEP({
      SEP: M.comma,
      DEF: () => {
        const item = this.SUBRULE(this.postfix);
        this.ACTION(() => items.push(this.orMissing(item)));
      },
    });
    this.CONSUME(M.rightBracket);
    return this.ACTION(() => ({ kind: "list" as const, items, span: this.since(start) }));
  }) as never;

  readonly callArguments: (idx?: number) => Expr[] = this.RULE("arguments", (): Expr[] => {
    const args: Expr[] = [];
    this.CONSUME(M.leftParen);
    this.MANY_SEP({
      SEP: M.comma,
      DEF: () => {
        const arg = this.SUBRULE(this.expression);
        this.ACTION(() => args.push(this.orMissing(arg)));
      },
    });
    this.CONSUME(M.rightParen);
    return args;
  }) as never;
}
