import type { ColumnPattern } from "../../spec/contract/bundle/index.ts";
import type { ColumnPatternNode, ColumnsDecl } from "../ast/index.ts";
import type { Occurrence } from "./names.ts";
import type { Workspace } from "./workspace.ts";

/** All columns of a column set: other sets put in place of their names, choices multiplied out. */
export function columnsNamed(workspace: Workspace, definition: Occurrence): readonly ColumnPattern[] {
  return ofSet(workspace, definition, new Set());
}

function ofSet(workspace: Workspace, definition: Occurrence, opened: ReadonlySet<string>): readonly ColumnPattern[] {
  if (opened.has(definition.symbol)) return [];
  const tree = workspace.trees.get(definition.span.file);
  const decl = tree?.items.find(
    (item): item is ColumnsDecl => item.kind === "column-set" && item.name.span.start === definition.span.start,
  );
  const inside = new Set([...opened, definition.symbol]);
  return (decl?.patterns ?? []).flatMap((pattern) => ofPattern(workspace, pattern, inside));
}

function ofPattern(
  workspace: Workspace,
  { parts, span }: ColumnPatternNode,
  opened: ReadonlySet<string>,
): readonly ColumnPattern[] {
  if (parts.length === 1) {
    const used = workspace.names.occurrences.find(
      (one) => one.kind === "columns" && one.span.file === span.file && one.span.start === span.start,
    );
    const definition = (workspace.names.bySymbol.get(used?.symbol ?? "") ?? []).find((one) => one.definition);
    return definition === undefined ? [] : ofSet(workspace, definition, opened);
  }
  const [schemas = [], tables = [], columns = []] = parts.map((part) =>
    part.names === "*" ? [null] : part.names.map((name) => name.text),
  );
  return schemas.flatMap((schema) => tables.flatMap((table) => columns.map((column) => ({ schema, table, column }))));
}
