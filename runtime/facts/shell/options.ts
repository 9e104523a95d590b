import { OPERAND, type Settled } from "./words.ts";

type Words = readonly Settled[];

/** What an option's value is: any text, a path that is read, or one that is written. */
type Value = "text" | "read" | "write";

interface Option {
  /** `attached`: a value only in the same word. */
  readonly takes: "nothing" | "value" | "attached";
  readonly value: Value;
}

/** The options of a program that are known to run nothing else. */
export type Options = ReadonlyMap<string, Option>;

/**
 * Options in short: `-abc` take no value, `-o=` and `--output=` do, `-i?` and `--color?` may have one in the same word. Instead of
 * the equals sign `<` says that the value is a file that is read, `>` that it is one that is written.
 */
export function known(text: string): Options {
  const found = new Map<string, Option>();
  for (const word of text.split(/\s+/).filter((one) => one !== "")) {
    const sign = /[=?<>]$/.exec(word)?.[0];
    const takes = sign === undefined ? "nothing" : sign === "?" ? "attached" : "value";
    const option: Option = { takes, value: sign === "<" ? "read" : sign === ">" ? "write" : "text" };
    const name = sign === undefined ? word : word.slice(0, -1);
    if (name.startsWith("--")) found.set(name, option);
    else for (const letter of name.slice(1)) found.set(`-${letter}`, option);
  }
  return found;
}

export interface Given {
  readonly operands: Words;
  /** Paths that options name. */
  readonly reads: Words;
  readonly writes: Words;
  /** Options as they are known, each with its values. */
  readonly options: ReadonlyMap<string, Words>;
  /** Words of which it is not known what they ask for: other options, abbreviated ones, and what may come to one. */
  readonly unknown: boolean;
}

/**
 * Tells options from operands as GNU's programs do, also behind operands. Abbreviations are not guessed: which option they mean
 * depends on the version.
 *
 * @param first options end at the first operand, as with programs that run the rest
 */
export function given(args: Words, options: Options, first = false): Given {
  const operands: Settled[] = [];
  const [reads, writes]: [Settled[], Settled[]] = [[], []];
  const values = new Map<string, Settled[]>();
  let unknown = false;
  const note = (name: string, option: Option, value: Settled | undefined): void => {
    const all = values.get(name) ?? [];
    values.set(name, all);
    if (value === undefined) return;
    all.push(value);
    if (option.value !== "text") (option.value === "read" ? reads : writes).push(value);
  };
  let at = 0;
  const next = (): Settled => args[++at] ?? null;
  for (; at < args.length; at++) {
    const arg = args[at]!;
    if (arg === "--") {
      operands.push(...args.slice(at + 1));
      break;
    }
    if (arg === null) unknown = true;
    if (typeof arg !== "string" || arg === "-" || !arg.startsWith("-")) {
      if (first) {
        operands.push(...args.slice(at));
        break;
      }
      operands.push(arg);
    } else if (arg.startsWith("--")) {
      const cut = arg.indexOf("=");
      const name = cut < 0 ? arg : arg.slice(0, cut);
      const option = options.get(name);
      if (option === undefined || (option.takes === "nothing" && cut >= 0)) unknown = true;
      else if (cut >= 0) note(name, option, arg.slice(cut + 1));
      else note(name, option, option.takes === "value" ? next() : undefined);
    } else {
      for (let i = 1; i < arg.length; i++) {
        const name = `-${arg[i]!}`;
        const option = options.get(name);
        if (option === undefined) {
          unknown = true;
          break;
        }
        if (option.takes === "nothing") note(name, option, undefined);
        else {
          const rest = arg.slice(i + 1);
          note(name, option, rest !== "" ? rest : option.takes === "value" ? next() : undefined);
          break;
        }
      }
    }
  }
  return { operands, reads, writes, options: values, unknown };
}

/** The values of an option under any of its names. */
export const valuesOf = ({ options }: Given, ...names: readonly string[]): Words =>
  names.flatMap((name) => options.get(name) ?? []);

export const has = ({ options }: Given, ...names: readonly string[]): boolean =>
  names.some((name) => options.has(name));

export const isUnsettled = (word: Settled | undefined): word is typeof OPERAND | null =>
  word === OPERAND || word === null;
