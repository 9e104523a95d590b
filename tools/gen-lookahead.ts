import { readFileSync, writeFileSync } from "node:fs";
import { LLkLookaheadStrategy, getLookaheadPaths, type ILookaheadStrategy, type TokenType } from "chevrotain";
import { format, resolveConfig } from "prettier";
import { PolicyParser } from "../lang/syntax/parser.ts";

export const LOOKAHEAD_FILE = new URL("../lang/syntax/lookahead.ts", import.meta.url);

type AtChoice = Parameters<ILookaheadStrategy["buildLookaheadForAlternation"]>[0];
type AtOption = Parameters<ILookaheadStrategy["buildLookaheadForOptional"]>[0];

const METHODS = {
  Option: "OPTION",
  Repetition: "MANY",
  RepetitionWithSeparator: "MANY_SEP",
  RepetitionMandatoryWithSeparator: "AT_LEAST_ONE_SEP",
  RepetitionMandatory: "AT_LEAST_ONE",
} as const;

/** What the library finds out about a grammar when it makes a parser for it. */
class Listening extends LLkLookaheadStrategy {
  readonly found = new Map<string, Map<string, readonly (readonly string[])[]>>();

  override buildLookaheadForAlternation(at: AtChoice) {
    this.#note(at, "OR", getLookaheadPaths({ ...at, occurrence: at.prodOccurrence, prodType: "Alternation" }));
    return super.buildLookaheadForAlternation(at);
  }

  override buildLookaheadForOptional(at: AtOption) {
    const [inside] = getLookaheadPaths({ ...at, occurrence: at.prodOccurrence });
    this.#note(at, METHODS[at.prodType], [inside!]);
    return super.buildLookaheadForOptional(at);
  }

  #note(at: AtChoice | AtOption, method: string, paths: readonly (readonly (readonly TokenType[])[])[]): void {
    const own = this.found.get(at.rule.name) ?? new Map<string, readonly (readonly string[])[]>();
    this.found.set(at.rule.name, own);
    own.set(
      `${method}${at.prodOccurrence}`,
      paths.map((alternative) => alternative.map((path) => path.map((token) => token.name).join(" "))),
    );
  }
}

/** The source of the table by which the quick parser chooses. */
export async function lookaheadSource(): Promise<string> {
  const listening = new Listening({ maxLookahead: 3 });
  new PolicyParser({ recovery: false, validate: false, lookahead: listening });
  const table = Object.fromEntries([...listening.found].map(([rule, own]) => [rule, Object.fromEntries(own)]));
  const text = `/**
 * By which tokens each choice of the grammar is told: for each rule, for each choice in it, for each alternative, the tokens
 * that may come next. Made from the grammar by \`node tools/gen-lookahead.ts\`; a test keeps it so.
 */
export const LOOKAHEAD: Readonly<Record<string, Readonly<Record<string, readonly (readonly string[])[]>>>> = ${JSON.stringify(table)};
`;
  return format(text, { ...(await resolveConfig(LOOKAHEAD_FILE.pathname)), parser: "typescript" });
}

export const currentLookahead = (): string => readFileSync(LOOKAHEAD_FILE, "utf8");

if (import.meta.main) writeFileSync(LOOKAHEAD_FILE, await lookaheadSource());
