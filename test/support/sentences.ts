import {
  Alternation,
  NonTerminal,
  Option,
  Repetition,
  RepetitionMandatory,
  RepetitionMandatoryWithSeparator,
  RepetitionWithSeparator,
  Terminal,
  type Alternative,
  type IProduction,
  type TokenType,
} from "chevrotain";
import type { PolicyParser } from "../../lang/syntax/parser.ts";
import {
  Comment,
  Duration,
  Identifier,
  Int,
  K,
  Name,
  Regex,
  Space,
  Text,
  Word,
  allTokens,
} from "../../lang/syntax/tokens.ts";

const WORDS = allTokens.filter((type) => type !== Space && type !== Comment);

const alternativesOf = ({ definition }: Alternation): readonly Alternative[] => definition as Alternative[];

/** Sentences of a grammar: each choice in it is made by the next of some numbers, and by what ends soonest when they are used up. */
export class Sentences {
  readonly #parser: PolicyParser;
  readonly #choices: { readonly rule: string; readonly choice: Alternation; readonly taken: Set<number> }[] = [];
  /** How few rules can stand below each other in what a production makes. */
  readonly #heights = new Map<string, number>();
  #numbers: readonly number[] = [];
  #at = 0;

  constructor(parser: PolicyParser) {
    this.#parser = parser;
    const rules = Object.values(parser.getGAstProductions());
    while (this.#heights.size < rules.length)
      for (const { name, definition } of rules) {
        const height = this.#heightOf(definition);
        if (!this.#heights.has(name) && height < Infinity) this.#heights.set(name, height + 1);
      }
    const note = (rule: string, production: IProduction): void => {
      if (production instanceof Alternation) this.#choices.push({ rule, choice: production, taken: new Set() });
      if (!(production instanceof NonTerminal) && "definition" in production)
        for (const inner of production.definition as IProduction[]) note(rule, inner);
    };
    for (const { name, definition } of rules) for (const one of definition) note(name, one);
  }

  made(numbers: readonly number[]): string[] {
    this.#numbers = numbers;
    this.#at = 0;
    return this.#all(this.#parser.getGAstProductions()["file"]!.definition);
  }

  anyWord(number: number): string {
    return this.#wordOf(WORDS[number % WORDS.length]!, number);
  }

  /** Alternatives that no sentence has had yet: the rule, and the number within its first, second … choice. */
  untaken(): readonly string[] {
    return this.#choices.flatMap(({ rule, choice, taken }) =>
      choice.definition.flatMap((_, i) => (taken.has(i) ? [] : [`${rule}, choice ${choice.idx}, alternative ${i}`])),
    );
  }

  #heightOf(productions: readonly IProduction[]): number {
    return Math.max(0, ...productions.map((one) => this.#heightOfOne(one)));
  }

  #heightOfOne(one: IProduction): number {
    if (one instanceof NonTerminal) return this.#heights.get(one.nonTerminalName) ?? Infinity;
    if (one instanceof Alternation)
      return Math.min(...alternativesOf(one).map((part) => this.#heightOf(part.definition)));
    if (one instanceof RepetitionMandatory || one instanceof RepetitionMandatoryWithSeparator)
      return this.#heightOf(one.definition);
    return 0;
  }

  #all(productions: readonly IProduction[]): string[] {
    return productions.flatMap((one) => this.#one(one));
  }

  #one(one: IProduction): string[] {
    if (one instanceof Terminal) return [this.#wordOf(one.terminalType, this.#next(7))];
    if (one instanceof NonTerminal) return this.#all(one.referencedRule.definition);
    if (one instanceof Alternation) return this.#all(this.#choose(one).definition);
    if (one instanceof Option) return this.#next(2) === 1 ? this.#all(one.definition) : [];
    if (one instanceof RepetitionWithSeparator || one instanceof RepetitionMandatoryWithSeparator) {
      const least = one instanceof RepetitionWithSeparator ? 0 : 1;
      const count = least + this.#next(3);
      return Array.from({ length: count }, (_, i) => [
        ...(i === 0 ? [] : [this.#wordOf(one.separator, 0)]),
        ...this.#all(one.definition),
      ]).flat();
    }
    if (one instanceof Repetition) return Array.from({ length: this.#next(3) }, () => this.#all(one.definition)).flat();
    throw new Error(`the grammar has ${one.constructor.name}, which sentences can't be made of yet`);
  }

  #choose(one: Alternation): Alternative {
    const alternatives = alternativesOf(one);
    const heights = alternatives.map((part) => this.#heightOf(part.definition));
    const number = this.#at < this.#numbers.length ? this.#next(heights.length) : heights.indexOf(Math.min(...heights));
    this.#choices.find(({ choice }) => choice === one)!.taken.add(number);
    return alternatives[number]!;
  }

  #next(below: number): number {
    return (this.#numbers[this.#at++] ?? 0) % below;
  }

  #wordOf(type: TokenType, number: number): string {
    const one = (of: readonly string[]): string => of[number % of.length]!;
    if (type === Text) return one(['"a"', '"b c"', '""']);
    if (type === Int) return one(["1", "-2", "3_0"]);
    if (type === Duration) return "15m";
    if (type === Regex) return one(["/a/", "/b+/i"]);
    if (typeof type.PATTERN === "string") return type.PATTERN;
    const words = Object.values(K).filter((word) => word === type || word.CATEGORIES?.includes(type) === true);
    return one([...([Identifier, Word, Name].includes(type) ? ["x", "y", "z"] : []), ...words.map(({ name }) => name)]);
  }
}
