export { completionsAt } from "./complete.ts";
export type { Completion, CompletionKind, Completions } from "./completion.ts";
export { applyEdits, minimalEdit, type Edit } from "./edits.ts";
export { fixesFor, type Fix } from "./fixes.ts";
export { hoverAt, type Hover } from "./hover.ts";
export { definitionsAt, referencesAt, schemaAt } from "./navigate.ts";
export {
  foldsOf,
  selectionsAt,
  symbolsOf,
  testsIn,
  type DocumentSymbol,
  type Fold,
  type TestPlace,
} from "./outline.ts";
export { renameAt, renameableAt } from "./rename.ts";
export { SEMANTIC_KINDS, SEMANTIC_MODIFIERS, semanticTokensOf, type SemanticToken } from "./semantic.ts";
export { NO_SURROUNDINGS, diagnosticsOf, openWorkspace, type Surroundings, type Workspace } from "./workspace.ts";
