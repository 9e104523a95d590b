import type { Span } from "../source/index.ts";
import { catalogue, type CatalogueEntry, type Code, type Severity } from "./catalogue.ts";

export interface Diagnostic {
  readonly code: string;
  readonly name: Code;
  readonly severity: Severity;
  readonly span: Span;
  readonly message: string;
  readonly hint: string | undefined;
  /** Other places that belong to it. */
  readonly related: readonly { readonly span: Span; readonly label: string }[];
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
): Diagnostic {
  const { code, severity, message, hint }: CatalogueEntry = catalogue[name];
  return { code, name, severity, span, message: message(params as never), hint: hint?.(params as never), related };
}

/** In order of place: file, then offset, then code. */
export function sortDiagnostics(found: readonly Diagnostic[]): readonly Diagnostic[] {
  return [...found].sort(
    (a, b) => compare(a.span.file, b.span.file) || a.span.start - b.span.start || compare(a.code, b.code),
  );
}

const compare = (a: string, b: string): number => (a < b ? -1 : a > b ? 1 : 0);

/** The long explanation of a code such as `P0025`, or undefined when there is none of that number. */
export function explainCode(code: string): { readonly title: string; readonly text: string } | undefined {
  for (const [name, entry] of Object.entries(catalogue)) {
    if (entry.code === code.toUpperCase())
      return { title: `${entry.code} ${name} (${entry.severity})`, text: entry.explain };
  }
  return undefined;
}

export const allCodes: readonly string[] = Object.values(catalogue).map((entry) => entry.code);
