import type * as Code from "vscode";
import type {
  WireCompletion,
  WireDiagnostic,
  WireLocation,
  WirePosition,
  WireRange,
  WireSelection,
  WireWorkspaceEdit,
} from "./wire.ts";

export type Api = typeof Code;

/** The protocol's shapes as the editor's, and back. Places are counted alike: from 0, in UTF-16 units. */
export class Convert {
  readonly #api: Api;

  constructor(api: Api) {
    this.#api = api;
  }

  range({ start, end }: WireRange): Code.Range {
    return new this.#api.Range(start.line, start.character, end.line, end.character);
  }

  location({ uri, range }: WireLocation): Code.Location {
    return new this.#api.Location(this.#api.Uri.parse(uri), this.range(range));
  }

  diagnostic(found: WireDiagnostic): Code.Diagnostic {
    // Severities and tags of the protocol begin with 1; severities of the editor with 0.
    const made = new this.#api.Diagnostic(this.range(found.range), found.message, found.severity - 1);
    const { code, codeDescription } = found;
    if (code !== undefined && codeDescription !== undefined)
      made.code = { value: code, target: this.#api.Uri.parse(codeDescription.href) };
    else if (code !== undefined) made.code = code;
    if (found.source !== undefined) made.source = found.source;
    if (found.tags !== undefined) made.tags = [...found.tags];
    made.relatedInformation = (found.relatedInformation ?? []).map(
      ({ location, message }) => new this.#api.DiagnosticRelatedInformation(this.location(location), message),
    );
    return made;
  }

  completion(found: WireCompletion): Code.CompletionItem {
    // Kinds of the protocol begin with 1, those of the editor with 0.
    const item = new this.#api.CompletionItem(found.label, found.kind - 1);
    const { newText } = found.textEdit;
    item.insertText = found.insertTextFormat === 2 ? new this.#api.SnippetString(newText) : newText;
    item.range = this.range(found.textEdit.range);
    item.sortText = found.sortText;
    item.filterText = found.filterText;
    if (found.detail !== undefined) item.detail = found.detail;
    if (found.documentation !== undefined) item.documentation = new this.#api.MarkdownString(found.documentation.value);
    return item;
  }

  workspaceEdit(found: WireWorkspaceEdit): Code.WorkspaceEdit {
    const edit = new this.#api.WorkspaceEdit();
    for (const { textDocument, edits } of found.documentChanges ?? [])
      for (const { range, newText } of edits)
        edit.replace(this.#api.Uri.parse(textDocument.uri), this.range(range), newText);
    return edit;
  }

  selection(found: WireSelection): Code.SelectionRange {
    const { range, parent } = found;
    return parent === undefined
      ? new this.#api.SelectionRange(this.range(range))
      : new this.#api.SelectionRange(this.range(range), this.selection(parent));
  }
}

export const wirePosition = ({ line, character }: Code.Position): WirePosition => ({ line, character });
export const wireRange = ({ start, end }: Code.Range): WireRange => ({
  start: wirePosition(start),
  end: wirePosition(end),
});
