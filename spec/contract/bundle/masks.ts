/**
 * The masks of the language, one row each: what may stand in the brackets, and how much it hides. Checker, reference page,
 * completion, the bundle's reader and the runtime's choice between two masks on one value are all made from this table.
 */

export type MaskParameterType =
  /** A whole number within the parameter's bounds. */
  | "count"
  /** A text in quotes. */
  | "text"
  /** One of `words`, written bare. */
  | "word";

export interface MaskParameter {
  readonly name: string;
  readonly type: MaskParameterType;
  readonly min?: number;
  readonly max?: number;
  readonly words?: readonly string[];
}

export interface MaskRow {
  readonly name: string;
  readonly parameters: readonly MaskParameter[];
  readonly doc: string;
}

const count = (name: string, min: number, max: number): MaskParameter => ({ name, type: "count", min, max });
const row = <const N extends string>(name: N, parameters: readonly MaskParameter[], doc: string) => ({
  name,
  parameters,
  doc,
});

/** Most characters that a mask may leave in sight. */
export const KEEP_MAX = 64;

/**
 * From the strictest to the mildest: of two masks on one value the one that stands earlier wins. The place in this list is
 * part of the bundle's format only by name, so that rows may be put where they belong.
 */
/** Largest step of a grid of numbers. */
const STEP_MAX = 1_000_000_000;

export const MASKS = [
  row("null", [], "There is no value."),
  row("redact", [], "Three stars, whatever the value; of what is no text, no value."),
  row("full", [], "Nothing of the value, but one of its type: `***`, `0`, `1970-01-01`, `{}`."),
  row("hash", [], "A keyed hash: equal values stay equal, so joins and counts keep working."),
  row("token", [], "A token from the gateway's vault, the same for the same value; whoever may, turns it back."),
  row(
    "format",
    [],
    "Encrypted into another value of the same form: digits stay digits, letters letters, a card number stays a valid one.",
  ),
  row(
    "date",
    [{ name: "unit", type: "word", words: ["decade", "year", "quarter", "month", "day", "hour"] }],
    "The beginning of the unit that a date or time is in.",
  ),
  row("bucket", [count("size", 1, STEP_MAX)], "The lower end of the range of that size that a number is in."),
  row("round", [count("step", 1, STEP_MAX)], "A number rounded to a multiple of the step."),
  row("network", [count("ipv4_bits", 0, 32), count("ipv6_bits", 0, 128)], "The network that an IP address is in."),
  row(
    "json",
    [{ name: "paths", type: "text" }],
    'A JSON document without the values at some paths: `json("$.ssn, $.cards[*].number")`.',
  ),
  row("email", [], "The first letter and the top-level domain: `a***@***.com`; what does not look like one is hidden."),
  row(
    "partial",
    [count("first", 1, KEEP_MAX), count("last", 1, KEEP_MAX)],
    "The first and the last characters, stars between.",
  ),
  row("first", [count("shown", 1, KEEP_MAX)], "The first characters, then stars."),
  row("last", [count("shown", 1, KEEP_MAX)], "Stars, then the last characters."),
] as const satisfies readonly MaskRow[];

export type MaskKind = (typeof MASKS)[number]["name"];

/** How a masked value is shown: a row of the table with its arguments. */
export interface MaskSpec {
  readonly kind: MaskKind;
  readonly args: readonly (number | string)[];
}

export const REDACT: MaskSpec = { kind: "redact", args: [] };

export const maskRow = (name: string): MaskRow | undefined => MASKS.find((one) => one.name === name);

/** What is wrong with a mask's arguments, or null. */
export function maskFault({ kind, args }: MaskSpec): string | null {
  const known = maskRow(kind);
  if (known === undefined) return `is no mask that is known: ${kind}`;
  if (args.length !== known.parameters.length)
    return `${kind} takes ${known.parameters.length} arguments, not ${args.length}`;
  for (const [i, parameter] of known.parameters.entries()) {
    const arg = args[i]!;
    const fits =
      parameter.type === "count"
        ? typeof arg === "number" && arg >= (parameter.min ?? 0) && arg <= (parameter.max ?? Number.MAX_SAFE_INTEGER)
        : typeof arg === "string" && (parameter.type === "text" || (parameter.words ?? []).includes(arg));
    if (!fits || (kind === "json" && !isPathList(String(arg))))
      return `${kind} has a wrong ${parameter.name}: ${String(arg)}`;
  }
  return null;
}

const PATH = /^\s*\$(?:\.\.?(?:[\w$-]+|\*)|\.{0,2}\[\s*(?:\d+|\*|'[^']*'|"[^"]*")\s*\])+\s*$/;

/** Paths as the mask `json` takes them: `$.a.b, $.list[*].c, $..d`. */
export const isPathList = (text: string): boolean => text.split(",").every((one) => PATH.test(one));

/** Negative when `a` hides more than `b`. Of one kind, smaller arguments hide more. A total order over different masks. */
export function compareMasks(a: MaskSpec, b: MaskSpec): number {
  const place = (spec: MaskSpec): number => MASKS.findIndex((one) => one.name === spec.kind);
  const byKind = place(a) - place(b);
  if (byKind !== 0) return byKind;
  for (const [i, left] of a.args.entries()) {
    const right = b.args[i];
    if (typeof left === "number" && typeof right === "number" && left !== right) return left - right;
    if (String(left) !== String(right)) return String(left) < String(right) ? -1 : 1;
  }
  return 0;
}
