import type { Span } from "../source/index.ts";
import { occurrenceAt } from "./names.ts";
import type { Workspace } from "./workspace.ts";

/** Where the name at an offset is declared; several places when it is declared twice. */
export function definitionsAt(workspace: Workspace, file: string, offset: number): readonly Span[] {
  const imported = packageAt(workspace, file, offset);
  if (imported !== null) return declarationsOf(workspace, imported);
  const found = occurrenceAt(workspace.names, file, offset);
  if (found === undefined) return [];
  return (workspace.names.bySymbol.get(found.symbol) ?? []).filter((one) => one.definition).map((one) => one.span);
}

/** Every place where the thing is named that is named at an offset. */
export function referencesAt(
  workspace: Workspace,
  file: string,
  offset: number,
  withDefinition: boolean,
): readonly Span[] {
  const found = occurrenceAt(workspace.names, file, offset);
  if (found === undefined) return [];
  return (workspace.names.bySymbol.get(found.symbol) ?? [])
    .filter((one) => withDefinition || !one.definition)
    .map((one) => one.span);
}

/** The package that an import names at an offset. */
function packageAt(workspace: Workspace, file: string, offset: number): string | null {
  for (const item of workspace.trees.get(file)?.items ?? [])
    if (item.kind === "import" && item.from.span.start <= offset && offset <= item.from.span.end) return item.from.text;
  return null;
}

/** Every place where a file says that it belongs to a package. */
function declarationsOf(workspace: Workspace, name: string): readonly Span[] {
  return [...workspace.trees.values()].flatMap((tree) =>
    tree.items.flatMap((item) => (item.kind === "package" && item.name === name ? [item.span] : [])),
  );
}

/** The text of a test's `schema` at an offset: a file to be opened. */
export function schemaAt(
  workspace: Workspace,
  file: string,
  offset: number,
): { readonly path: string; readonly span: Span } | null {
  for (const item of workspace.trees.get(file)?.items ?? []) {
    if (item.kind !== "test") continue;
    for (const entry of item.entries) {
      if (entry.kind === "schema" && entry.path.span.start <= offset && offset <= entry.path.span.end)
        return { path: entry.path.value, span: entry.path.span };
    }
  }
  return null;
}
