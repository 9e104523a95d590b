import type { DocumentSymbol, Hover, Location, TextEdit, WorkspaceEdit } from "vscode-languageserver-protocol/node";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { LanguageClient, type Folder } from "../support/language-client.ts";
import { PEOPLE, SAMPLE } from "../support/sample-policy.ts";

let client: LanguageClient;

beforeAll(async () => {
  client = await LanguageClient.start([]);
});
afterAll(async () => {
  expect(await client.stop()).toEqual({ code: 0, stderr: "" });
});

const over = (
  files: Readonly<Record<string, string>>,
  run: (client: LanguageClient, folder: Folder) => Promise<void>,
): Promise<void> => client.over(files, run);
const hoverText = (hover: Hover | null): string => (hover?.contents as { value: string } | undefined)?.value ?? "";

describe("packages", () => {
  const files = { "people/people.policy": PEOPLE, "shop/shop.policy": SAMPLE };
  const places = (own: Folder, found: readonly Location[] | null): readonly string[] =>
    (found ?? []).map((one) => `${one.uri.slice(own.uri().length + 1)}:${one.range.start.line}`);

  it("lead to one another: names, and the package itself", async () => {
    await over(files, async (editor, own) => {
      const shop = own.uri("shop/shop.policy");
      await editor.open(shop, SAMPLE);
      const definition = async (mark: string, into: number) =>
        places(own, await editor.ask("textDocument/definition", shop, mark, into));
      expect(await definition("{ production, dba", 3)).toEqual(["people/people.policy:3"]);
      expect(await definition("unless dba", 8)).toEqual(["people/people.policy:4"]);
      expect(await definition("contact, public", 2)).toEqual(["people/people.policy:5"]);
      expect(await definition("credit_card, badge", 14)).toEqual(["people/people.policy:6"]);
      expect(await definition("from company.people", 8)).toEqual(["people/people.policy:0"]);
      const uses = await editor.ask<Location[]>("textDocument/references", shop, "unless dba", 8, {
        context: { includeDeclaration: true },
      });
      expect(places(own, uses)).toEqual(["people/people.policy:4", "shop/shop.policy:2", "shop/shop.policy:13"]);
    });
  });

  it("are renamed together, imports among them", async () => {
    await over(files, async (editor, own) => {
      const shop = own.uri("shop/shop.policy");
      await editor.open(shop, SAMPLE);
      const rename = async (mark: string, into: number, newName: string) => {
        const edit = await editor.ask<WorkspaceEdit>("textDocument/rename", shop, mark, into, { newName });
        const changed = edit.documentChanges as unknown as { textDocument: { uri: string }; edits: TextEdit[] }[];
        return changed.map((one) => [one.textDocument.uri.slice(own.uri().length + 1), one.edits.length]);
      };
      expect(await rename("credit_card, badge", 14, "badge_number")).toEqual([
        ["people/people.policy", 1],
        ["shop/shop.policy", 2],
      ]);
      expect(await rename("for who in", 5, "whoever")).toEqual([["shop/shop.policy", 2]]);
      expect(await rename("any c in", 4, "line")).toEqual([["shop/shop.policy", 3]]);
      await expect(rename("unless dba", 8, "office_hours")).rejects.toThrow(/office_hours/);
    });
  });

  it("show what is not exported, and take it back when it is", async () => {
    await over(files, async (editor, own) => {
      const [shop, people] = [own.uri("shop/shop.policy"), own.uri("people/people.policy")];
      await editor.open(people, PEOPLE);
      await editor.open(shop, SAMPLE);
      const errors = () => (editor.last(shop) ?? []).length;
      await editor.diagnostics(shop);
      const before = errors();
      await editor.replace(people, "export let dba", "let dba");
      await editor.until(() => (errors() > before ? true : undefined));
      await editor.replace(people, "let dba", "export let dba");
      await editor.until(() => (errors() === before ? true : undefined));
    });
  });

  it("have hovers for detectors and invariants, and symbols for both", async () => {
    await over(files, async (editor, own) => {
      const shop = own.uri("shop/shop.policy");
      await editor.open(shop, SAMPLE);
      const hover = async (mark: string, into: number) =>
        hoverText(await editor.ask<Hover | null>("textDocument/hover", shop, mark, into));
      expect(await hover("credit_card, badge", 14)).toContain("/B-[0-9]{6}/ check luhn");
      expect(await hover("credit_card, badge", 2)).toContain("Luhn");
      expect(await hover("time.hour", 1)).toContain("The time of the decision");
      expect(await hover("deny removals", 6)).toMatch(/at most \d+ steps/);
      expect(await hover("c.program", 0)).toContain("Stands for each element in turn");
      const symbols = await editor.request<DocumentSymbol[]>("textDocument/documentSymbol", {
        textDocument: { uri: shop },
      });
      expect(symbols.map((one) => one.name)).toContain("raw numbers for contractors");
    });
  });
});

describe("a file of 1,000 rules", () => {
  const RULES_COUNT = 1000;
  const text = `package many\nlet office = user.groups has "staff"\n${Array.from(
    { length: RULES_COUNT },
    (_, i) =>
      `deny rule_${i} on sql\n  when office and statement.kind == drop_table and user.name == "u${i}"\n  because "no"\n`,
  ).join("")}`;

  it("is answered whole, and for each edit", async () => {
    await over({ "many.policy": text }, async (editor, own) => {
      const many = own.uri("many.policy");
      await editor.open(many, text);
      const before = await editor.diagnostics(many);
      expect(before.filter((one) => one.startsWith("P002"))).toEqual([]);
      const uses = await editor.ask<Location[]>("textDocument/references", many, "office", 1, {
        context: { includeDeclaration: false },
      });
      expect(uses).toHaveLength(RULES_COUNT);
      const edit = await editor.ask<WorkspaceEdit>("textDocument/rename", many, "office", 1, { newName: "inside" });
      const [changed] = edit.documentChanges as unknown as [{ edits: TextEdit[] }];
      expect(changed.edits).toHaveLength(RULES_COUNT + 1);
      const hover = hoverText(await editor.ask<Hover | null>("textDocument/hover", many, "rule_999", 2));
      expect(hover).toMatch(/at most \d+ steps/);
      await editor.replace(many, 'drop_table and user.name == "u777"', 'drop_tabel and user.name == "u777"');
      // The thousands of warnings before it are cut off, the error is not.
      expect(await editor.diagnostics(many)).toContain("P0024 drop_tabel");
    });
  });
});
