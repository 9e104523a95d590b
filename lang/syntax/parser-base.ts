import { EmbeddedActionsParser, type ILookaheadStrategy, type IToken } from "chevrotain";
import type {
  BinaryOperator,
  Expr,
  Identifier,
  IntLiteral,
  RegexLiteral,
  StringLiteral,
  TestText,
} from "../ast/index.ts";
import type { Span } from "../source/index.ts";
import { durationMs, intValue, textValue } from "./literals.ts";
import { allTokens } from "./tokens.ts";

/** Whether a token stands in the text: the end of the file and what recovery puts in have no place. */
const stands = (token: IToken): boolean => token.startOffset >= 0;

export interface ParserOptions {
  /** Go on after an error. Reading takes about twice as long with it. */
  readonly recovery: boolean;
  readonly validate: boolean;
  /** How choices are told apart, where not as usual. */
  readonly lookahead?: ILookaheadStrategy;
}

/** Places and literals: what every part of the grammar needs. The parts build on one another as classes. */
export class ParserBase extends EmbeddedActionsParser {
  protected fileName = "";
  #end = 0;

  /** `validate`: look for faults of the grammar itself, which is for tests. */
  constructor({ recovery, validate, lookahead }: ParserOptions) {
    super(allTokens, {
      recoveryEnabled: recovery,
      maxLookahead: 3,
      nodeLocationTracking: "none",
      skipValidations: !validate,
      ...(lookahead === undefined ? {} : { lookaheadStrategy: lookahead }),
    });
  }

  begin(file: string, tokens: IToken[]): void {
    this.fileName = file;
    this.take(tokens);
    this.#end = 0;
  }

  protected take(tokens: IToken[]): void {
    this.input = tokens;
  }

  protected spanOf(token: IToken): Span {
    const start = stands(token) ? token.startOffset : this.#end;
    return { file: this.fileName, start, end: start + token.image.length };
  }

  /** From a start to the end of the last token read. */
  protected since(start: number): Span {
    const last = this.LA(0);
    const end = stands(last) ? last.startOffset + last.image.length : start;
    this.#end = Math.max(end, start);
    return { file: this.fileName, start, end: this.#end };
  }

  /** Where the next token begins. */
  protected here(): number {
    const next = this.LA(1);
    return stands(next) ? next.startOffset : this.since(0).end;
  }

  protected identifier(token: IToken): Identifier {
    return { text: token.image, span: this.spanOf(token) };
  }

  protected string(token: IToken): StringLiteral {
    return {
      kind: "string",
      value: textValue(token.image.length >= 2 ? token.image : '""').value,
      span: this.spanOf(token),
    };
  }

  protected int(token: IToken): IntLiteral {
    return { kind: "int", value: intValue(token.image === "" ? "0" : token.image), span: this.spanOf(token) };
  }

  protected duration(token: IToken): { kind: "duration"; ms: number; span: Span } {
    return { kind: "duration", ms: durationMs(token.image === "" ? "0s" : token.image), span: this.spanOf(token) };
  }

  protected regex(token: IToken): RegexLiteral {
    const { image } = token;
    const ignoreCase = image.endsWith("i");
    return {
      kind: "regex",
      source: image.slice(1, ignoreCase ? -2 : -1),
      ignoreCase,
      span: this.spanOf(token),
    };
  }

  /** What recovery left out is a hole. */
  protected orMissing(expr: Expr | undefined): Expr {
    return expr ?? { kind: "missing", span: { file: this.fileName, start: this.#end, end: this.#end } };
  }

  protected orText(text: TestText | undefined): TestText {
    return text ?? { kind: "string", value: "", span: { file: this.fileName, start: this.#end, end: this.#end } };
  }

  protected binary(op: BinaryOperator, left: Expr | undefined, right: Expr | undefined): Expr {
    const l = this.orMissing(left);
    const r = this.orMissing(right);
    return {
      kind: "binary",
      op,
      left: l,
      right: r,
      span: { file: this.fileName, start: l.span.start, end: r.span.end },
    };
  }
}
