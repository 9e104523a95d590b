import { parseArgs, type ParseArgsConfig } from "node:util";
import { listing, nearest } from "../base/text.ts";
import { UsageError } from "./io.ts";

/** Options of a command and what is left. `--help` is known to all of them. */
export function readArguments<const T extends NonNullable<ParseArgsConfig["options"]>>(
  argv: readonly string[],
  options: T,
) {
  try {
    return parseArgs({
      args: [...argv],
      options: { ...options, help: { type: "boolean", short: "h" } } as T & { help: { type: "boolean"; short: "h" } },
      allowPositionals: true,
      strict: true,
    });
  } catch (fault) {
    const message = fault instanceof Error ? fault.message : String(fault);
    const unknown = /^Unknown option '(-[^']*)'/.exec(message)?.[1];
    if (unknown === undefined) throw new UsageError(message.split(". ")[0]!);
    const known = [...Object.keys(options), "help"].map((name) => `--${name}`);
    const near = nearest(unknown, known);
    throw new UsageError(
      `there is no option ${unknown}; ${near === undefined ? `known are ${listing(known, "and")}` : `did you mean ${near}?`}`,
    );
  }
}

/** The one of several commands that is meant. */
export function chooseCommand<T>(name: string, commands: Readonly<Record<string, T>>, of: string): T {
  const found = Object.hasOwn(commands, name) ? commands[name] : undefined;
  if (found !== undefined) return found;
  const known = Object.keys(commands);
  const near = nearest(name, known);
  throw new UsageError(
    `${of} has no command ${JSON.stringify(name)}; ${near === undefined ? `known are ${listing(known, "and")}` : `did you mean ${near}?`}`,
  );
}

/** The one positional argument that a command takes. */
export function onlyArgument(positionals: readonly string[], what: string): string {
  const [first, second] = positionals;
  if (first === undefined) throw new UsageError(`${what} is missing`);
  if (second !== undefined) throw new UsageError(`${JSON.stringify(second)} is one argument too many`);
  return first;
}
