import type { IToken } from "chevrotain";
import {
  LIMIT_UNITS,
  type Annotation,
  type Approver,
  type Clause,
  type Identifier,
  type LimitNode,
  type MaskEntry,
  type MaskSpecNode,
  type RegexLiteral,
  type StringLiteral,
} from "../ast/index.ts";
import { ExpressionRules } from "./parser-expressions.ts";
import { Duration, Int, K, M, Name, Regex, Text, Word } from "./tokens.ts";

/** Annotations, and what stands below the first line of a rule. */
export class ClauseRules extends ExpressionRules {
  readonly annotation = this.RULE("annotation", (): Annotation => {
    const start = this.here();
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
    return this.ACTION(() => ({ kind: "annotation", key: this.identifier(key), values, span: this.since(start) }));
  });

  readonly clause = this.RULE("clause", (): Clause => {
    const start = this.here();
    const one = (make: () => Clause): Clause => this.ACTION(make);
    return this.OR([
      {
        ALT: () => {
          this.CONSUME(K.when);
          const e = this.SUBRULE(this.expression);
          return one(() => ({ kind: "when", condition: this.orMissing(e), span: this.since(start) }));
        },
      },
      {
        ALT: () => {
          this.CONSUME(K.unless);
          const e = this.SUBRULE1(this.expression);
          return one(() => ({ kind: "unless", condition: this.orMissing(e), span: this.since(start) }));
        },
      },
      {
        ALT: () => {
          this.CONSUME(K.because);
          const t = this.CONSUME(Text);
          return one(() => ({ kind: "because", text: this.string(t), span: this.since(start) }));
        },
      },
      {
        ALT: () => {
          this.CONSUME(K.by);
          const approvers = this.SUBRULE(this.approvers);
          return one(() => ({ kind: "by", approvers: approvers ?? [], span: this.since(start) }));
        },
      },
      {
        ALT: () => {
          this.CONSUME(K.quorum);
          const n = this.CONSUME(Int);
          return one(() => ({ kind: "quorum", count: this.int(n), span: this.since(start) }));
        },
      },
      {
        ALT: () => {
          this.CONSUME(K.within);
          const d = this.CONSUME(Duration);
          return one(() => ({ kind: "within", duration: this.duration(d), span: this.since(start) }));
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
            duration: d === null ? null : this.duration(d as IToken),
            span: this.since(start),
          }));
        },
      },
      {
        ALT: () => {
          this.CONSUME(K.columns);
          const patterns = this.SUBRULE(this.patternList);
          return one(() => ({ kind: "columns", patterns: patterns ?? [], span: this.since(start) }));
        },
      },
      {
        ALT: () => {
          this.CONSUME(K.with);
          const masks = this.SUBRULE(this.masks);
          return one(() => ({ kind: "with", masks: masks ?? [], span: this.since(start) }));
        },
      },
      {
        ALT: () => {
          this.CONSUME(K.to);
          return this.OR2([
            {
              ALT: () => {
                const limits: LimitNode[] = [];
                this.AT_LEAST_ONE_SEP1({
                  SEP: M.comma,
                  DEF: () => {
                    const limit = this.SUBRULE(this.limitSpec);
                    if (limit !== undefined) limits.push(limit);
                  },
                });
                return one(() => ({ kind: "limits", limits, span: this.since(start) }));
              },
            },
            {
              ALT: () => {
                const channels: StringLiteral[] = [];
                this.AT_LEAST_ONE_SEP2({
                  SEP: M.comma,
                  DEF: () => {
                    const channel = this.CONSUME1(Text);
                    this.ACTION(() => channels.push(this.string(channel)));
                  },
                });
                return one(() => ({ kind: "notify", channels, span: this.since(start) }));
              },
            },
          ]);
        },
      },
      {
        ALT: () => {
          this.CONSUME(K.values);
          this.CONSUME(K.detect);
          this.CONSUME(M.leftBracket);
          const detectors: Identifier[] = [];
          this.MANY_SEP({
            SEP: M.comma,
            DEF: () => {
              const name = this.CONSUME(Name);
              this.ACTION(() => detectors.push(this.identifier(name)));
            },
          });
          this.CONSUME(M.rightBracket);
          return one(() => ({ kind: "detect", detectors, span: this.since(start) }));
        },
      },
      {
        ALT: () => {
          this.CONSUME(K.fields);
          const paths: StringLiteral[] = [];
          this.AT_LEAST_ONE_SEP3({
            SEP: M.comma,
            DEF: () => {
              const path = this.CONSUME2(Text);
              this.ACTION(() => paths.push(this.string(path)));
            },
          });
          return one(() => ({ kind: "fields", paths, span: this.since(start) }));
        },
      },
      {
        ALT: () => {
          this.CONSUME(K.output);
          const expressions: RegexLiteral[] = [];
          this.OPTION(() => {
            this.AT_LEAST_ONE_SEP4({
              SEP: M.comma,
              DEF: () => {
                const expression = this.CONSUME(Regex);
                this.ACTION(() => expressions.push(this.regex(expression)));
              },
            });
          });
          return one(() => ({ kind: "output", expressions, span: this.since(start) }));
        },
      },
      {
        ALT: () => {
          this.CONSUME(K.predicates);
          const mode = this.CONSUME(Word);
          return one(() => ({ kind: "predicates", mode: this.identifier(mode), span: this.since(start) }));
        },
      },
      {
        ALT: () => {
          this.CONSUME(K.trust);
          const functions: StringLiteral[] = [];
          this.AT_LEAST_ONE_SEP5({
            SEP: M.comma,
            DEF: () => {
              const name = this.CONSUME3(Text);
              this.ACTION(() => functions.push(this.string(name)));
            },
          });
          return one(() => ({ kind: "trust", functions, span: this.since(start) }));
        },
      },
      {
        ALT: () => {
          this.CONSUME(K.even);
          this.CONSUME(K.approved);
          return one(() => ({ kind: "even-approved", span: this.since(start) }));
        },
      },
    ]);
  });

  readonly limitSpec = this.RULE("limit of a rule", (): LimitNode => {
    const start = this.here();
    const count = this.CONSUME(Int);
    const unit = this.OR([
      { ALT: () => this.CONSUME(K.rows) },
      { ALT: () => this.CONSUME(K.bytes) },
      { ALT: () => this.CONSUME(K.statements) },
    ]);
    let per: IToken | null = null;
    this.OPTION(() => {
      this.CONSUME(K.per);
      per = this.CONSUME(Duration);
    });
    return this.ACTION(() => ({
      count: this.int(count),
      unit: LIMIT_UNITS.find((known) => known === unit.image) ?? "rows",
      per: per === null ? null : this.duration(per),
      span: this.since(start),
    }));
  });

  readonly approvers = this.RULE("list of approvers", (): Approver[] => {
    const found: Approver[] = [];
    this.AT_LEAST_ONE_SEP({
      SEP: M.comma,
      DEF: () => {
        const kind = this.OR([{ ALT: () => this.CONSUME(K.group) }, { ALT: () => this.CONSUME(K.user) }]);
        const name = this.CONSUME(Text);
        this.ACTION(() => found.push({ kind: kind.image === "user" ? "user" : "group", name: this.string(name) }));
      },
    });
    return found;
  });

  readonly masks = this.RULE("masks", (): MaskEntry[] => {
    const entries: MaskEntry[] = [];
    this.OR([
      {
        ALT: () => {
          const start = this.here();
          const mask = this.SUBRULE(this.maskSpec);
          this.ACTION(() => {
            if (mask !== undefined) entries.push({ column: "*", mask, span: this.since(start) });
          });
        },
      },
      {
        ALT: () => {
          this.CONSUME(M.leftBrace);
          this.AT_LEAST_ONE_SEP({
            SEP: M.comma,
            DEF: () => {
              const start = this.here();
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
                    return this.ACTION(() => (name === undefined ? undefined : { text: name.text, span: name.span }));
                  },
                },
              ]);
              this.CONSUME(M.colon);
              const mask = this.SUBRULE1(this.maskSpec);
              this.ACTION(() => {
                if (mask !== undefined && column !== undefined) entries.push({ column, mask, span: this.since(start) });
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
    const start = this.here();
    const name = this.CONSUME(Word);
    const args: MaskSpecNode["args"][number][] = [];
    this.OPTION(() => {
      this.CONSUME(M.leftParen);
      this.AT_LEAST_ONE_SEP({
        SEP: M.comma,
        DEF: () => {
          const arg = this.SUBRULE(this.maskArgument);
          if (arg !== undefined) args.push(arg);
        },
      });
      this.CONSUME(M.rightParen);
    });
    return this.ACTION(() => ({ kind: "mask-spec", name: this.identifier(name), args, span: this.since(start) }));
  });

  readonly maskArgument = this.RULE("argument of a mask", (): MaskSpecNode["args"][number] =>
    this.OR([
      {
        ALT: () => {
          const t = this.CONSUME(Int);
          return this.ACTION(() => this.int(t));
        },
      },
      {
        ALT: () => {
          const t = this.CONSUME(Text);
          return this.ACTION(() => this.string(t));
        },
      },
      {
        ALT: () => {
          const t = this.CONSUME(Word);
          return this.ACTION(() => ({ kind: "path" as const, parts: [this.identifier(t)], span: this.spanOf(t) }));
        },
      },
    ]),
  );
}
