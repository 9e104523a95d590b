/** The protocol's shapes that the client reads: LSP 3.17. */
export interface WirePosition {
  readonly line: number;
  readonly character: number;
}
export interface WireRange {
  readonly start: WirePosition;
  readonly end: WirePosition;
}
export interface WireEdit {
  readonly range: WireRange;
  readonly newText: string;
}
export interface WireLocation {
  readonly uri: string;
  readonly range: WireRange;
}
export interface WireDiagnostic {
  readonly range: WireRange;
  readonly message: string;
  readonly severity: number;
  readonly code?: string;
  readonly codeDescription?: { readonly href: string };
  readonly source?: string;
  readonly tags?: number[];
  readonly relatedInformation?: readonly { readonly location: WireLocation; readonly message: string }[];
}
export interface WireWorkspaceEdit {
  readonly documentChanges?: readonly {
    readonly textDocument: { readonly uri: string; readonly version: number | null };
    readonly edits: readonly WireEdit[];
  }[];
}
export interface WireCompletion {
  readonly label: string;
  readonly kind: number;
  readonly detail?: string;
  readonly documentation?: { readonly value: string };
  readonly sortText: string;
  readonly filterText: string;
  readonly insertTextFormat: number;
  readonly textEdit: WireEdit;
}
export interface WireSymbol {
  readonly name: string;
  readonly detail: string;
  readonly kind: number;
  readonly range: WireRange;
  readonly selectionRange: WireRange;
}
export interface WireSelection {
  readonly range: WireRange;
  readonly parent?: WireSelection;
}
export interface WireCommand {
  readonly title: string;
  readonly command: string;
  readonly arguments?: unknown[];
}
