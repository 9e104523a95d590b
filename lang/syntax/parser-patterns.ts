import type { Annotation, ColumnPatternNode, PatternPart } from "../ast/index.ts";
import type { Span } from "../source/index.ts";
import { ParserBase } from "./parser-base.ts";
import { Int, K, M, Text, Word } from "./tokens.ts";

/** Literals and column patterns. */
export class PatternRules extends ParserBase {
  readonly literal = this.RULE("literal", (): Annotation["values"][number] => {
    return this.OR([
      {
        ALT: () => {
          const t = this.CONSUME(Text);
          return this.ACTION(() => this.string(t));
        },
      },
      {
        ALT: () => {
          const t = this.CONSUME(Int);
          return this.ACTION(() => this.int(t));
        },
      },
      {
        ALT: () => {
          const t = this.CONSUME(K.true);
          return this.ACTION(() => ({ kind: "bool" as const, value: true, span: this.spanOf(t) }));
        },
      },
      {
        ALT: () => {
          const t = this.CONSUME(K.false);
          return this.ACTION(() => ({ kind: "bool" as const, value: false, span: this.spanOf(t) }));
        },
      },
    ]);
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
    const start = this.here();
    const parts: PatternPart[] = [];
    this.AT_LEAST_ONE_SEP({
      SEP: M.dot,
      DEF: () => {
        const part = this.SUBRULE(this.patternPart);
        if (part !== undefined) parts.push(part);
      },
    });
    return this.ACTION(() => ({ kind: "pattern", parts, span: this.since(start) }));
  });

  readonly patternPart = this.RULE("part of a column pattern", (): PatternPart => {
    const start = this.here();
    const names: { text: string; quoted: boolean; span: Span }[] = [];
    let star = false;
    // Of a name that could not be read nothing comes.
    const push = (name: (typeof names)[number] | undefined): void => {
      if (name !== undefined) names.push(name);
    };
    this.OR([
      {
        ALT: () => {
          this.CONSUME(M.star);
          star = true;
        },
      },
      { ALT: () => push(this.SUBRULE(this.columnName)) },
      {
        ALT: () => {
          this.CONSUME(M.leftBrace);
          this.AT_LEAST_ONE_SEP({ SEP: M.comma, DEF: () => push(this.SUBRULE1(this.columnName)) });
          this.CONSUME(M.rightBrace);
        },
      },
    ]);
    return this.ACTION(() => ({ names: star ? ("*" as const) : names, span: this.since(start) }));
  });

  readonly columnName = this.RULE("column name", (): { text: string; quoted: boolean; span: Span } => {
    const token = this.OR([{ ALT: () => this.CONSUME(Word) }, { ALT: () => this.CONSUME(Text) }]);
    return this.ACTION(() =>
      token.tokenType === Text
        ? { text: this.string(token).value, quoted: true, span: this.spanOf(token) }
        : { text: token.image.toLowerCase(), quoted: false, span: this.spanOf(token) },
    );
  });
}
