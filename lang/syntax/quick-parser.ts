import {
  EOF,
  tokenMatcher,
  type AtLeastOneSepMethodOpts,
  type DSLMethodOpts,
  type IOrAlt,
  type IToken,
  type ManySepMethodOpts,
  type OrMethodOpts,
  type ParserMethod,
  type TokenType,
} from "chevrotain";
import type { Item } from "../ast/index.ts";
import { LOOKAHEAD } from "./lookahead.ts";
import { END, QuickConditions, STUCK } from "./quick-conditions.ts";
import { allTokens } from "./tokens.ts";

const TYPES: ReadonlyMap<string, TokenType> = new Map([...allTokens, EOF].map((type) => [type.name, type]));
const TYPES_MAX = Math.max(...[...TYPES.values()].map((type) => type.tokenTypeIdx!));
const NONE = -1;

/** A choice of the grammar: which alternative the next tokens begin. */
class Choice {
  readonly #alternatives: readonly (readonly (readonly TokenType[])[])[];
  /** The alternative by the next token's type, where that one is enough to know. */
  readonly #byNext: Int8Array | null;

  constructor(alternatives: readonly (readonly string[])[]) {
    this.#alternatives = alternatives.map((paths) =>
      paths.map((path) => (path === "" ? [] : path.split(" ").map((name) => TYPES.get(name)!))),
    );
    const single = this.#alternatives.every((paths) => paths.every((path) => path.length === 1));
    this.#byNext = single ? byNextOf(this.#alternatives) : null;
  }

  /** The first alternative that fits and that its gate lets through, or `NONE`. */
  take(tokens: readonly IToken[], at: number, gates: readonly IOrAlt<unknown>[] | null): number {
    if (this.#byNext !== null) {
      const first = this.#byNext[(tokens[at] ?? END).tokenTypeIdx]!;
      if (first === NONE || gates === null || gates[first]!.GATE?.() !== false) return first;
    }
    return this.#alternatives.findIndex(
      (paths, i) =>
        gates?.[i]?.GATE?.() !== false &&
        paths.some((path) => path.every((type, ahead) => tokenMatcher(tokens[at + ahead] ?? END, type))),
    );
  }
}

function byNextOf(alternatives: readonly (readonly (readonly TokenType[])[])[]): Int8Array {
  const found = new Int8Array(TYPES_MAX + 1).fill(NONE);
  for (const [i, paths] of alternatives.entries())
    for (const [first] of paths)
      // The type itself, and those that it stands for: every keyword is a `Word`.
      for (const type of [first!.tokenTypeIdx!, ...(first!.categoryMatches ?? [])])
        if (found[type] === NONE) found[type] = i;
  return found;
}

/** The choices of one rule by method and number, each made when it is first met. */
class RuleChoices {
  readonly #table: Readonly<Record<string, readonly (readonly string[])[]>>;
  readonly #made = new Map<string, Choice[]>();

  constructor(name: string) {
    this.#table = LOOKAHEAD[name] ?? {};
  }

  of(method: string, occurrence: number): Choice {
    let own = this.#made.get(method);
    if (own === undefined) this.#made.set(method, (own = []));
    return (own[occurrence] ??= new Choice(this.#table[`${method}${occurrence}`]!));
  }
}

/**
 * The grammar without the library beneath it: reads files that have no error, and says so of all others. What the library
 * finds out about the grammar at each start stands in a table, and nothing is kept that only the telling of errors needs.
 */
export class QuickParser extends QuickConditions {
  #rule: RuleChoices | null = null;

  constructor() {
    super({ recovery: false, validate: false });
  }

  /** What stands in the file; null when there is any error in it. */
  read(path: string, tokens: IToken[]): readonly Item[] | null {
    this.begin(path, tokens);
    try {
      this.file();
    } catch (fault) {
      if (fault !== STUCK) throw fault;
      return null;
    } finally {
      // The reader stays for the next file; the words of this one need not.
      this.tokens = [];
    }
    return this.at === tokens.length ? this.items : null;
  }

  /** Nothing is to be found out: it stands in the table. */
  protected override performSelfAnalysis(): void {}

  protected override take(tokens: IToken[]): void {
    this.tokens = tokens;
    this.at = 0;
    this.#rule = null;
  }

  protected override LA(howFar: number): IToken {
    return this.tokens[this.at + howFar - 1] ?? END;
  }

  protected override RULE<F extends (...args: never[]) => unknown>(name: string, implementation: F) {
    let choices: RuleChoices | undefined;
    const byHand = this.byHand(name);
    const method = (): unknown => {
      const read = byHand === null ? null : byHand();
      if (read !== null) return read;
      const outer = this.#rule;
      this.#rule = choices ??= new RuleChoices(name);
      const found = implementation.call(this);
      this.#rule = outer;
      return found;
    };
    return method as unknown as ParserMethod<Parameters<F>, ReturnType<F>>;
  }

  protected override ACTION<T>(action: () => T): T {
    return action();
  }

  #call<R>(rule: ParserMethod<unknown[], R>): R {
    return rule();
  }

  #or<T>(occurrence: number, given: IOrAlt<unknown>[] | OrMethodOpts<unknown>): T {
    const alternatives = Array.isArray(given) ? given : given.DEF;
    const taken = this.#rule!.of("OR", occurrence).take(this.tokens, this.at, alternatives);
    if (taken === NONE) throw STUCK;
    return alternatives[taken]!.ALT() as T;
  }

  #enters(method: string, occurrence: number): boolean {
    return this.#rule!.of(method, occurrence).take(this.tokens, this.at, null) !== NONE;
  }

  #option<T>(occurrence: number, given: (() => T) | DSLMethodOpts<T>): T | undefined {
    if (!this.#enters("OPTION", occurrence)) return undefined;
    return typeof given === "function" ? given() : given.DEF();
  }

  #many(occurrence: number, given: (() => unknown) | DSLMethodOpts<unknown>): void {
    const each = typeof given === "function" ? given : given.DEF;
    let before = NONE;
    while (this.at > before && this.#enters("MANY", occurrence)) {
      before = this.at;
      each();
    }
  }

  #separated(method: string, occurrence: number, { SEP, DEF }: ManySepMethodOpts<unknown>): boolean {
    if (!this.#enters(method, occurrence)) return false;
    DEF();
    while ((this.tokens[this.at] ?? END).tokenType === SEP) {
      this.at++;
      DEF();
    }
    return true;
  }

  #someSeparated(occurrence: number, options: AtLeastOneSepMethodOpts<unknown>): void {
    if (!this.#separated("AT_LEAST_ONE_SEP", occurrence, options)) throw STUCK;
  }

  protected override AT_LEAST_ONE_SEP(options: AtLeastOneSepMethodOpts<unknown>): void {
    this.#someSeparated(0, options);
  }

  protected override AT_LEAST_ONE_SEP1(options: AtLeastOneSepMethodOpts<unknown>): void {
    this.#someSeparated(1, options);
  }

  protected override AT_LEAST_ONE_SEP2(options: AtLeastOneSepMethodOpts<unknown>): void {
    this.#someSeparated(2, options);
  }

  protected override AT_LEAST_ONE_SEP3(options: AtLeastOneSepMethodOpts<unknown>): void {
    this.#someSeparated(3, options);
  }

  protected override AT_LEAST_ONE_SEP4(options: AtLeastOneSepMethodOpts<unknown>): void {
    this.#someSeparated(4, options);
  }

  protected override AT_LEAST_ONE_SEP5(options: AtLeastOneSepMethodOpts<unknown>): void {
    this.#someSeparated(5, options);
  }

  protected override CONSUME(type: TokenType): IToken {
    return this.need(type);
  }

  protected override CONSUME1(type: TokenType): IToken {
    return this.need(type);
  }

  protected override CONSUME2(type: TokenType): IToken {
    return this.need(type);
  }

  protected override CONSUME3(type: TokenType): IToken {
    return this.need(type);
  }

  protected override MANY(given: (() => unknown) | DSLMethodOpts<unknown>): void {
    this.#many(0, given);
  }

  protected override MANY_SEP(options: ManySepMethodOpts<unknown>): void {
    this.#separated("MANY_SEP", 0, options);
  }

  protected override OPTION<T>(given: (() => T) | DSLMethodOpts<T>): T | undefined {
    return this.#option(0, given);
  }

  protected override OPTION1<T>(given: (() => T) | DSLMethodOpts<T>): T | undefined {
    return this.#option(1, given);
  }

  protected override OPTION2<T>(given: (() => T) | DSLMethodOpts<T>): T | undefined {
    return this.#option(2, given);
  }

  protected override OPTION3<T>(given: (() => T) | DSLMethodOpts<T>): T | undefined {
    return this.#option(3, given);
  }

  protected override OPTION4<T>(given: (() => T) | DSLMethodOpts<T>): T | undefined {
    return this.#option(4, given);
  }

  protected override OR<T>(given: IOrAlt<unknown>[] | OrMethodOpts<unknown>): T {
    return this.#or(0, given);
  }

  protected override OR1<T>(given: IOrAlt<unknown>[] | OrMethodOpts<unknown>): T {
    return this.#or(1, given);
  }

  protected override OR2<T>(given: IOrAlt<unknown>[] | OrMethodOpts<unknown>): T {
    return this.#or(2, given);
  }

  protected override SUBRULE<A extends unknown[], R>(rule: ParserMethod<A, R>): R {
    return this.#call(rule as never);
  }

  protected override SUBRULE1<A extends unknown[], R>(rule: ParserMethod<A, R>): R {
    return this.#call(rule as never);
  }

  protected override SUBRULE2<A extends unknown[], R>(rule: ParserMethod<A, R>): R {
    return this.#call(rule as never);
  }

  protected override SUBRULE3<A extends unknown[], R>(rule: ParserMethod<A, R>): R {
    return this.#call(rule as never);
  }

  protected override SUBRULE4<A extends unknown[], R>(rule: ParserMethod<A, R>): R {
    return this.#call(rule as never);
  }

  protected override SUBRULE5<A extends unknown[], R>(rule: ParserMethod<A, R>): R {
    return this.#call(rule as never);
  }

  protected override SUBRULE6<A extends unknown[], R>(rule: ParserMethod<A, R>): R {
    return this.#call(rule as never);
  }

  protected override SUBRULE7<A extends unknown[], R>(rule: ParserMethod<A, R>): R {
    return this.#call(rule as never);
  }

  protected override SUBRULE8<A extends unknown[], R>(rule: ParserMethod<A, R>): R {
    return this.#call(rule as never);
  }

  protected override SUBRULE9<A extends unknown[], R>(rule: ParserMethod<A, R>): R {
    return this.#call(rule as never);
  }
}
