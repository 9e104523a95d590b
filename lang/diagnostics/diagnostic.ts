import type { Span } from "../source/index.ts";
import { EXAMPLES, type Example } from "./examples.ts";
import { catalogue, type CatalogueEntry, type Code, type Severity } from "./catalogue.ts";

/** One piece of text put in the place of another; an empty span is an insertion. */
export interface Edit {
  readonly span: Span;
  readonly text: string;
}

/** A change that would mend what a diagnostic tells of. */
export interface Fix {
  /** What it does, as a command: "replace it with `select`". */
  readonly title: string;
  /** They don't overlap. All of them or none. */
  readonly edits: readonly Edit[];
  /** Whether `--fix` may make it without asking: it keeps what the policy means, or mends a misspelt name. */
  readonly safe: boolean;
}

export interface Diagnostic {
  readonly code: string;
  /** Its name in the catalogue, or of the lint rule. */
  readonly name: string;
  readonly severity: Severity;
  readonly span: Span;
  readonly message: string;
  readonly hint: string | undefined;
  /** Other places that belong to it. */
  readonly related: readonly { readonly span: Span; readonly label: string }[];
  readonly fixes: readonly Fix[];
}

/** Takes what the message needs; a hint may need `near` besides. */
type ParamsWithNear<C extends Code> =
  Parameters<(typeof catalogue)[C]["message"]> extends [infer P]
    ? P & { near?: string | undefined }
    : { near?: string | undefined };

export function diagnostic<C extends Code>(
  name: C,
  span: Span,
  params: ParamsWithNear<C>,
  related: Diagnostic["related"] = [],
  fixes: Diagnostic["fixes"] = [],
): Diagnostic {
  const entry: CatalogueEntry = catalogue[name];
  const { code, severity, message, hint } = entry;
  return {
    code,
    name,
    severity,
    span,
    message: message(params as never),
    hint: hint?.(params as never),
    related,
    fixes: fixes.length > 0 ? fixes : replacement(entry, span, params),
  };
}

/** The fix of a misspelt name: the near one in its place. None where the span is longer than the name (quoted, spaced out). */
function replacement(entry: CatalogueEntry, span: Span, params: { near?: string | undefined }): readonly Fix[] {
  if (entry.misspelt === undefined || params.near === undefined) return [];
  const word = entry.misspelt(params as never).replace(/\(…\)$/, "");
  const exact = span.end - span.start === word.length;
  // A mask's span goes on behind its name: `emial(3)`.
  if (!exact && entry !== catalogue["unknown-mask"]) return [];
  return [
    {
      title: `replace it with \`${params.near}\``,
      edits: [{ span: { ...span, end: span.start + word.length }, text: params.near }],
      safe: true,
    },
  ];
}

/** In order of place: file, then offset, then code. */
export function sortDiagnostics(found: readonly Diagnostic[]): readonly Diagnostic[] {
  return [...found].sort(
    (a, b) => compare(a.span.file, b.span.file) || a.span.start - b.span.start || compare(a.code, b.code),
  );
}

const compare = (a: string, b: string): number => (a < b ? -1 : a > b ? 1 : 0);

function exampleText(code: Code): string {
  const example = EXAMPLES[code];
  if (example === null) return "";
  const shown = (title: string, text: Example): string => {
    const files = typeof text === "string" ? { "": text } : text;
    return Object.entries(files)
      .map(([path, lines]) => {
        const head = path === "" ? `${title}:` : `${title}, ${path}:`;
        return `${head}\n\n${visible(lines).replaceAll(/^(?=.)/gm, "  ")}`;
      })
      .join("\n\n");
  };
  return `\n\n${shown("before", example.before)}\n\n${shown("after", example.after)}`;
}

/** Characters that are not seen are shown by their numbers. */
const visible = (text: string): string =>
  text.replaceAll(/[\u202a-\u202e\r]/g, (char) => `\\u{${char.codePointAt(0)!.toString(16)}}`);

/** The page of one code: what it means, why it matters, an example before and after. */
export interface Page {
  readonly code: string;
  readonly name: string;
  readonly severity: Severity;
  readonly text: string;
}

/** The pages of the catalogue, in order of code. */
export const cataloguePages: readonly Page[] = Object.entries(catalogue)
  .map(([name, entry]) => ({
    code: entry.code,
    name,
    severity: entry.severity,
    text: entry.explain + exampleText(name as Code),
  }))
  .sort((a, b) => compare(a.code, b.code));

/** The long explanation of a code such as `P0025`, or undefined when there is none of that number. */
export function explainCode(code: string): { readonly title: string; readonly text: string } | undefined {
  const page = cataloguePages.find((one) => one.code === code.toUpperCase());
  return page === undefined ? undefined : { title: `${page.code} ${page.name} (${page.severity})`, text: page.text };
}

export const allCodes: readonly string[] = Object.values(catalogue).map((entry) => entry.code);
