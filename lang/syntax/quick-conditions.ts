import { EOF, createTokenInstance, tokenMatcher, type IToken, type TokenType } from "chevrotain";
import type { BinaryOperator, Clause, ColumnPatternNode, Expr } from "../ast/index.ts";
import type { Span } from "../source/index.ts";
import { PolicyParser } from "./parser.ts";
import { Duration, Int, K, M, Name, Regex, Text, Word } from "./tokens.ts";

/** What stands behind the last token. */
export const END = createTokenInstance(EOF, "", Number.NaN, Number.NaN, Number.NaN, Number.NaN, Number.NaN, Number.NaN);

/** Thrown at the first token that the grammar has no place for; never leaves the quick parser. */
export const STUCK = new Error("the text is no policy");

/** Operators of one word or mark between two values. */
const OPERATORS: ReadonlyMap<TokenType, BinaryOperator> = new Map<TokenType, BinaryOperator>([
  [M.equal, "=="],
  [M.notEqual, "!="],
  [M.less, "<"],
  [M.lessEqual, "<="],
  [M.greater, ">"],
  [M.greaterEqual, ">="],
  [K.in, "in"],
  [K.like, "like"],
]);

/**
 * Conditions, which most of a policy is, read without going through the grammar's choices one by one. What is read and where
 * there is an error must be what the grammar in `parser-expressions.ts` says: tests compare both on sentences that leave
 * out nothing of it.
 */
export abstract class QuickConditions extends PolicyParser {
  protected tokens: readonly IToken[] = [];
  protected at = 0;

  /** How a rule of the grammar is read here; null: by the grammar. What is read so gives null to leave it to the grammar. */
  protected byHand(rule: string): (() => unknown) | null {
    switch (rule) {
      case "expression":
        return () => this.#expression();
      case "operand":
        return () => this.#operand();
      case "clause":
        return () => this.#clause();
      default:
        return null;
    }
  }

  /** The next token, which must be of the type. */
  protected need(type: TokenType): IToken {
    const next = this.tokens[this.at] ?? END;
    if (next.tokenType !== type && !tokenMatcher(next, type)) throw STUCK;
    this.at++;
    return next;
  }

  #next(): TokenType {
    return (this.tokens[this.at] ?? END).tokenType;
  }

  /** From a start to the end of the last token read. */
  #until(start: number): Span {
    const { startOffset, image } = this.tokens[this.at - 1]!;
    return { file: this.fileName, start, end: startOffset + image.length };
  }

  #clause(): Clause | null {
    const { startOffset: start, tokenType } = this.tokens[this.at] ?? END;
    if (tokenType === K.when || tokenType === K.unless) {
      this.at++;
      const condition = this.#expression();
      return { kind: tokenType === K.when ? "when" : "unless", condition, span: this.#until(start) };
    }
    if (tokenType !== K.because) return null;
    this.at++;
    const text = this.string(this.need(Text));
    return { kind: "because", text, span: this.#until(start) };
  }

  #expression(): Expr {
    let left = this.#conjunction();
    while (this.#next() === K.or) {
      this.at++;
      left = this.binary("or", left, this.#conjunction());
    }
    return left;
  }

  #conjunction(): Expr {
    let left = this.#negation();
    while (this.#next() === K.and) {
      this.at++;
      left = this.binary("and", left, this.#negation());
    }
    return left;
  }

  #negation(): Expr {
    const { startOffset: start, tokenType } = this.tokens[this.at] ?? END;
    if (tokenType === K.not) {
      this.at++;
      const operand = this.#negation();
      return { kind: "not", operand, span: this.#until(start) };
    }
    if (tokenType !== K.any && tokenType !== K.all) return this.#comparison();
    this.at++;
    const variable = this.identifier(this.need(Name));
    this.need(K.in);
    const over = this.#operand();
    this.need(M.colon);
    const condition = this.#expression();
    const quantifier = tokenType === K.all ? "all" : "any";
    return { kind: "quantified", quantifier, variable, over, condition, span: this.#until(start) };
  }

  #comparison(): Expr {
    const left = this.#defaulted();
    const type = this.#next();
    const plain = OPERATORS.get(type);
    if (plain !== undefined) {
      this.at++;
      return this.binary(plain, left, this.#defaulted());
    }
    switch (type) {
      case K.has: {
        this.at++;
        const mode = this.#next();
        const op = mode === K.any ? "has any" : mode === K.all ? "has all" : "has";
        if (op !== "has") this.at++;
        return this.binary(op, left, this.#defaulted());
      }
      case K.matches:
        this.at++;
        return this.binary("matches", left, this.regex(this.need(Regex)));
      case K.starts:
      case K.ends:
        this.at++;
        this.need(K.with);
        return this.binary(type === K.starts ? "starts with" : "ends with", left, this.#operand());
      case K.within:
        // `within 15m` is a clause of the rule, `within cidr(…)` an operator.
        if (this.tokens[this.at + 1]?.tokenType === Duration) throw STUCK;
        this.at++;
        return this.binary("within", left, this.#operand());
      default:
        return left;
    }
  }

  #defaulted(): Expr {
    const left = this.#operand();
    if (this.#next() !== K.else) return left;
    this.at++;
    return this.binary("else", left, this.#operand());
  }

  #operand(): Expr {
    const start = (this.tokens[this.at] ?? END).startOffset;
    let found = this.#primary(start);
    for (;;) {
      const type = this.#next();
      if (type === M.dot) {
        this.at++;
        const name = this.identifier(this.need(Word));
        if (this.#next() === M.leftParen || found.kind !== "path") {
          const args = this.#next() === M.leftParen ? this.#arguments() : [];
          found = { kind: "call", receiver: found, name, args, span: this.#until(start) };
        } else found = { kind: "path", parts: [...found.parts, name], span: this.#until(start) };
      } else if (type === M.leftBracket) {
        this.at++;
        const key = this.string(this.need(Text));
        this.need(M.rightBracket);
        found = { kind: "index", of: found, key, span: this.#until(start) };
      } else return found;
    }
  }

  #primary(start: number): Expr {
    const token = this.tokens[this.at] ?? END;
    switch (token.tokenType) {
      case Text:
        this.at++;
        return this.string(token);
      case Int:
        this.at++;
        return this.int(token);
      case K.true:
      case K.false:
        this.at++;
        return { kind: "bool", value: token.tokenType === K.true, span: this.spanOf(token) };
      case Duration:
        this.at++;
        return this.duration(token);
      case M.leftBracket:
        return this.#list(start);
      case M.leftParen: {
        this.at++;
        const inner = this.#expression();
        this.need(M.rightParen);
        return inner;
      }
      case K.exists: {
        this.at++;
        const operand = this.#operand();
        return { kind: "exists", operand, span: this.#until(start) };
      }
      case K.plain:
        if (this.#namesColumn()) {
          this.at++;
          const pattern = this.pattern() as ColumnPatternNode;
          return { kind: "plain", pattern, span: this.#until(start) };
        }
    }
    const name = this.identifier(this.need(Name));
    if (this.#next() !== M.leftParen) return { kind: "path", parts: [name], span: this.#until(start) };
    const args = this.#arguments();
    return { kind: "call", receiver: null, name, args, span: this.#until(start) };
  }

  /** Whether `plain` asks for a column; it may name something too. */
  #namesColumn(): boolean {
    const next = this.tokens[this.at + 1] ?? END;
    return tokenMatcher(next, Name) || next.tokenType === Text || next.tokenType === M.star;
  }

  #list(start: number): Expr {
    this.at++;
    const items: Expr[] = [];
    if (this.#next() !== M.rightBracket) {
      items.push(this.#operand());
      while (this.#next() === M.comma) {
        this.at++;
        items.push(this.#operand());
      }
    }
    this.need(M.rightBracket);
    return { kind: "list", items, span: this.#until(start) };
  }

  #arguments(): Expr[] {
    this.at++;
    const args: Expr[] = [];
    if (this.#next() !== M.rightParen) {
      args.push(this.#expression());
      while (this.#next() === M.comma) {
        this.at++;
        args.push(this.#expression());
      }
    }
    this.need(M.rightParen);
    return args;
  }
}
