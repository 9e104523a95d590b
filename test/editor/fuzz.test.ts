import * as fc from "fast-check";
import type { DocumentSymbol, FoldingRange, SemanticTokens } from "vscode-languageserver-protocol/node";
import { TextDocument } from "vscode-languageserver-textdocument";
import { afterAll, beforeAll, expect, it } from "vitest";
import { foldsOf, diagnosticsOf, openWorkspace, semanticTokensOf, symbolsOf } from "../../lang/editor/index.ts";
import { tokenize } from "../../lang/syntax/index.ts";
import { Folder, LanguageClient } from "../support/language-client.ts";
import { PEOPLE, SAMPLE } from "../support/sample-policy.ts";

let folder: Folder;
let client: LanguageClient;

beforeAll(async () => {
  folder = new Folder({ "people.policy": PEOPLE });
  client = await LanguageClient.start([folder]);
});
afterAll(async () => {
  expect(await client.stop()).toEqual({ code: 0, stderr: "" });
  folder[Symbol.dispose]();
});

const WORDS = [
  ...new Set(tokenize(SAMPLE).map((token) => token.text)),
  '"',
  "/",
  "{",
  "}",
  "\n",
  "\r\n",
  "ä",
  "😀",
  "\u0000",
];

interface Step {
  readonly at: number;
  readonly cut: number;
  readonly put: string;
  readonly ask: "hover" | "completion" | "definition" | "prepareRename" | "codeAction" | "selectionRange" | null;
}

const step: fc.Arbitrary<Step> = fc.record({
  at: fc.nat(),
  cut: fc.oneof(fc.constant(0), fc.nat(10), fc.nat(1000)),
  put: fc.oneof(fc.constantFrom(...WORDS), fc.string({ maxLength: 8 })),
  ask: fc.constantFrom("hover", "completion", "definition", "prepareRename", "codeAction", "selectionRange", null),
});

/** What must be said of a text, worked out here from the text that the editor holds. */
function expected(text: string) {
  const workspace = openWorkspace([
    { path: "people.policy", text: PEOPLE },
    { path: "shop.policy", text },
  ]);
  const tree = workspace.trees.get("shop.policy")!;
  return {
    codes: diagnosticsOf(workspace)
      .filter((one) => one.span.file === "shop.policy")
      .map((one) => one.code)
      .sort(),
    symbols: symbolsOf(tree).map((one) => one.name),
    folds: foldsOf(tree, text).length,
    tokens: semanticTokensOf(workspace, "shop.policy").length,
  };
}

it("fuzz: random edits never end the server, and every answer is for the text as it is", async () => {
  const uri = folder.uri("shop.policy");
  await fc.assert(
    fc.asyncProperty(fc.array(step, { minLength: 1, maxLength: 12 }), async (steps) => {
      await client.open(uri, SAMPLE);
      const asked: Promise<unknown>[] = [];
      for (const { at, cut, put, ask } of steps) {
        const document = client.document(uri);
        const { length } = document.getText();
        const start = document.positionAt(at % (length + 1));
        const end = document.positionAt((at % (length + 1)) + cut);
        await client.change(uri, [{ range: { start, end }, text: put }]);
        const position = start;
        const textDocument = { uri };
        if (ask === "codeAction")
          asked.push(
            client.request("textDocument/codeAction", {
              textDocument,
              range: { start, end: start },
              context: { diagnostics: [] },
            }),
          );
        else if (ask === "selectionRange")
          asked.push(client.request("textDocument/selectionRange", { textDocument, positions: [position] }));
        else if (ask !== null) asked.push(client.request(`textDocument/${ask}`, { textDocument, position }));
      }
      const text = client.document(uri).getText();
      const textDocument = { uri };
      const symbols = await client.request<DocumentSymbol[]>("textDocument/documentSymbol", { textDocument });
      const folds = await client.request<FoldingRange[]>("textDocument/foldingRange", { textDocument });
      const { data } = await client.request<SemanticTokens>("textDocument/semanticTokens/full", { textDocument });
      await Promise.all(asked);
      await client.diagnostics(uri);
      const told = client.published.findLast((one) => one.uri === uri)!;
      expect({
        codes: told.diagnostics.map((one) => String(one.code)).sort(),
        symbols: symbols.map((one) => one.name),
        folds: folds.length,
        tokens: data.length / 5,
      }).toEqual(expected(text));
      const document = TextDocument.create(uri, "policy", 0, text);
      for (const { range } of told.diagnostics) {
        // Within the text, for an editor takes places beyond its end for an old text's.
        expect(document.positionAt(document.offsetAt(range.end))).toEqual(range.end);
      }
      await client.close(uri);
    }),
    { numRuns: 60 },
  );
});
