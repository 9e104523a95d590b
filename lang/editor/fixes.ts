import type { Diagnostic } from "../diagnostics/index.ts";
import type { RuleDecl } from "../ast/index.ts";
import type { Edit } from "./edits.ts";
import type { Workspace } from "./workspace.ts";

export interface Fix {
  readonly title: string;
  readonly edits: readonly Edit[];
  /** Whether it is most likely what is wanted: an editor may offer it first. */
  readonly preferred: boolean;
}

/** Fixes that a diagnostic brings along; `safe` ones keep every decision. */
type Offering = Diagnostic & {
  readonly fixes?: readonly { readonly title: string; readonly edits: readonly Edit[]; readonly safe: boolean }[];
};

/** What would mend a diagnostic: what it brings along, else what its kind suggests. Each fix is whole: applied, the diagnostic is gone. */
export function fixesFor(workspace: Workspace, found: Diagnostic): readonly Fix[] {
  const text = workspace.files.get(found.span.file)?.text;
  if (text === undefined) return [];
  const { fixes: offered = [] }: Offering = found;
  if (offered.length > 0)
    return offered.map(({ title, edits, safe }) => ({ title, edits, preferred: safe && offered.length === 1 }));
  const here = (replacement: string): readonly Edit[] => [{ span: found.span, text: replacement }];
  const near = /did you mean `([^`]+)`\?/.exec(found.hint ?? "")?.[1];
  if (near !== undefined)
    return [{ title: `Change to \`${near}\``, edits: nearEdit(found, text, near), preferred: true }];
  switch (found.name) {
    case "optional-not-tested": {
      const path = text.slice(found.span.start, found.span.end);
      return [
        { title: `Test with \`exists ${path}\``, edits: existsEdit(workspace, found, path), preferred: true },
      ].filter((fix) => fix.edits.length > 0);
    }
    case "exists-always":
      return [{ title: "Write `true` instead", edits: here("true"), preferred: true }];
    case "no-because": {
      const rule = ruleAt(workspace, found);
      if (rule === undefined) return [];
      const span = { file: found.span.file, start: rule.span.end, end: rule.span.end };
      return [{ title: "Add `because`", edits: [{ span, text: '\n  because ""' }], preferred: true }];
    }
    case "unused-import":
      return importRemoval(workspace, found, text);
    case "no-tests":
      return skeleton(workspace, found);
    case "unused-let":
    case "unused-columns":
    case "unused-detector":
      return removal(workspace, found, text);
    default:
      return [];
  }
}

/** A mask's diagnostic spans its arguments, and an entry of `with` its mask: only the name is changed. */
function nearEdit(found: Diagnostic, text: string, near: string): readonly Edit[] {
  const { span } = found;
  const written = text.slice(span.start, span.end);
  const name = /^[A-Za-z_][\w.]*/.exec(written)?.[0] ?? written;
  return [{ span: { ...span, end: span.start + name.length }, text: near.replace(/\(…\)$/, "") }];
}

function ruleAt(workspace: Workspace, found: Diagnostic): RuleDecl | undefined {
  return workspace.trees
    .get(found.span.file)
    ?.items.find((item): item is RuleDecl => item.kind === "rule" && item.name.span.start === found.span.start);
}

/** `exists x and …` before the comparison that reads the fact. */
function existsEdit(workspace: Workspace, found: Diagnostic, path: string): readonly Edit[] {
  let smallest: { readonly start: number; readonly end: number } | null = null;
  const visit = (node: unknown): void => {
    if (node === null || typeof node !== "object") return;
    if ("kind" in node && node.kind === "binary" && "op" in node && "span" in node) {
      const span = node.span as { readonly start: number; readonly end: number };
      const inside = span.start <= found.span.start && found.span.end <= span.end;
      if (
        inside &&
        node.op !== "and" &&
        node.op !== "or" &&
        (smallest === null || span.end - span.start < smallest.end - smallest.start)
      )
        smallest = { start: span.start, end: span.end };
    }
    for (const value of Object.values(node)) if (typeof value === "object") visit(value);
  };
  visit(workspace.trees.get(found.span.file)?.items ?? []);
  if (smallest === null) return [];
  const { start, end } = smallest as { readonly start: number; readonly end: number };
  const at = (offset: number) => ({ file: found.span.file, start: offset, end: offset });
  return [
    { span: at(start), text: `(exists ${path} and ` },
    { span: at(end), text: ")" },
  ];
}

/** A test for the rule, behind the last item of the file. */
function skeleton(workspace: Workspace, found: Diagnostic): readonly Fix[] {
  const rule = ruleAt(workspace, found);
  const text = workspace.files.get(found.span.file)?.text;
  if (rule === undefined || text === undefined) return [];
  const name = rule.name.text;
  const effect = rule.effect.text;
  const expected =
    effect === "mask"
      ? `masked column by ${name}`
      : effect === "limit"
        ? "limit 1000 rows"
        : effect === "alert"
          ? "allow"
          : `${effect} by ${name}`;
  const at = { file: found.span.file, start: text.length, end: text.length };
  const lead = text.endsWith("\n") ? "\n" : "\n\n";
  const body = `${lead}test "${name}" {\n  user "someone" in "group"\n  target "target" { env: "production" }\n  sql "select 1"\n  expect ${expected}\n}\n`;
  return [{ title: `Write a test for \`${name}\``, edits: [{ span: at, text: body }], preferred: false }];
}

/** One name taken out of an import; with the last of them the import goes. */
function importRemoval(workspace: Workspace, found: Diagnostic, text: string): readonly Fix[] {
  const item = workspace.trees
    .get(found.span.file)
    ?.items.find(
      (one) => one.kind === "import" && one.span.start <= found.span.start && found.span.end <= one.span.end,
    );
  if (item?.kind !== "import") return [];
  if (item.names.length === 1) return removal(workspace, found, text);
  const at = item.names.findIndex((name) => name.span.start === found.span.start);
  const previous = item.names[at - 1];
  const next = item.names[at + 1];
  const start = previous === undefined ? found.span.start : previous.span.end;
  const end = previous === undefined ? (next?.span.start ?? found.span.end) : found.span.end;
  const span = { file: found.span.file, start, end };
  return [
    {
      title: `Remove \`${text.slice(found.span.start, found.span.end)}\``,
      edits: [{ span, text: "" }],
      preferred: false,
    },
  ];
}

function removal(workspace: Workspace, found: Diagnostic, text: string): readonly Fix[] {
  const item = workspace.trees
    .get(found.span.file)
    ?.items.find(({ span }) => span.start <= found.span.start && found.span.end <= span.end);
  if (item === undefined) return [];
  let end = item.span.end;
  while (text[end] === " " || text[end] === "\t") end++;
  if (text[end] === "\n") end++;
  const span = { file: found.span.file, start: item.span.start, end };
  return [
    {
      title: `Remove \`${text.slice(found.span.start, found.span.end)}\``,
      edits: [{ span, text: "" }],
      preferred: false,
    },
  ];
}
