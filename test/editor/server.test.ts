import { readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import type {
  CodeAction,
  CodeLens,
  CompletionList,
  DocumentSymbol,
  FoldingRange,
  Hover,
  Location,
  SelectionRange,
  SemanticTokens,
  TextEdit,
  WorkspaceEdit,
} from "vscode-languageserver-protocol/node";
import { TextDocument } from "vscode-languageserver-textdocument";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { Folder, LanguageClient } from "../support/language-client.ts";

const read = (name: string): string => readFileSync(fileURLToPath(new URL(`../../${name}`, import.meta.url)), "utf8");
const SHOP = read("policies/shop/shop.policy");
const SCHEMA = read("policies/shop/shop.sql");

const NAMES = `package shop
let production = target.labels["env"] == "production"
columns cards = public.payments.card_number
`;
const RULES = `package shop
@owner("privacy")
mask secrets on sql
  columns cards
  with { card_number: last(4) }
deny drops on sql
  when production and statement.kind in [drop_table]
  because "Not by hand."
allow reads on sql
  when statement.read_only
`;
const TESTS = `package shop
test "nobody drops" {
  user "ana" in "analyst"
  target "shop" { env: "production" }
  schema "s.sql"
  sql "drop table x"
  expect deny by drops
}
test "everybody reads" {
  user "ana" in "analyst"
  schema "s.sql"
  sql "select 1"
  expect deny by drops
}
`;

let folder: Folder;
let client: LanguageClient;
const uri = (name: string): string => folder.uri(name);

beforeAll(async () => {
  folder = new Folder({
    "shop.policy": SHOP,
    "shop.sql": SCHEMA,
  });
  client = await LanguageClient.start([folder]);
  await client.open(uri("shop.policy"), SHOP);
});
afterAll(async () => {
  expect(await client.stop()).toEqual({ code: 0, stderr: "" });
  folder[Symbol.dispose]();
});

const over = (
  files: Readonly<Record<string, string>>,
  run: (client: LanguageClient, folder: Folder) => Promise<void>,
): Promise<void> => client.over(files, run);

describe("diagnostics", () => {
  it("say nothing of the sample, and what is wrong as soon as it is typed", async () => {
    await over({ "a.policy": SHOP }, async (editor, own) => {
      const a = own.uri("a.policy");
      await editor.open(a, SHOP);
      expect(await editor.diagnostics(a)).toEqual([]);
      await editor.replace(a, "statement.class == dcl", "statement.class == dcll");
      expect(await editor.diagnostics(a)).toEqual(["P0024 dcll"]);
      await editor.replace(a, "dcll", "dcl");
      expect(await editor.diagnostics(a)).toEqual([]);
    });
  });

  it("are the linter's too, with its levels, links, pages, fixes and ignores", async () => {
    const loose = `allow reads on sql
  when user.groups has any ["analyst"]
// lint-ignore L065: written like the others
allow writes on sql
  when user.groups has any ["dba"]
test "t" {
  user "ana" in "analyst"
  sql "select 1"
  expect allow by reads
}
test "u" {
  user "ana" in "dba"
  sql "select 1"
  expect allow by writes
}
`;
    await over({ "a.policy": loose }, async (editor, own) => {
      const a = own.uri("a.policy");
      await editor.open(a, loose);
      expect((await editor.diagnostics(a)).filter((one) => one.startsWith("L065"))).toEqual([
        'L065 user.groups has any ["analyst"]',
      ]);
      const found = editor.published.findLast((one) => one.uri === a)!.diagnostics.find(({ code }) => code === "L065")!;
      expect(found).toMatchObject({ severity: 2, source: "policyc lint" });
      expect(found.codeDescription!.href).toMatch(/\/diagnostics\.md#l065-has-any-of-one$/);
      const hover = await editor.ask<Hover>("textDocument/hover", a, "has any", 0);
      expect(JSON.stringify(hover)).toContain("**L065 has-any-of-one (warning)**");
      const actions = await editor.request<CodeAction[]>("textDocument/codeAction", {
        textDocument: { uri: a },
        range: found.range,
        context: { diagnostics: [] },
      });
      const fix = actions.find(({ diagnostics }) => diagnostics?.[0]?.code === "L065")!;
      expect(fix.isPreferred).toBe(true);
      expect(JSON.stringify(fix.edit)).toContain('user.groups has \\"analyst\\"');
      // Settings of the folder hold as soon as they are saved.
      own.write("policyc.yaml", "lint: { rules: { has-any-of-one: error } }\n");
      const changes = [{ uri: own.uri("policyc.yaml"), type: 1 }];
      await editor.connection.sendNotification("workspace/didChangeWatchedFiles", { changes });
      await editor.replace(a, "ana", "eva");
      await editor.diagnostics(a);
      const now = editor.published.findLast((one) => one.uri === a)!.diagnostics.find(({ code }) => code === "L065");
      expect(now).toMatchObject({ severity: 1 });
    });
  });

  it("come once for changes that come together, and for the last of them", async () => {
    await over({}, async (editor, own) => {
      const a = own.uri("a.policy");
      await editor.open(a, "");
      await editor.diagnostics(a);
      const before = editor.published.length;
      for (const character of 'allow a on sql\n  when user.nme == "x"\n')
        await editor.change(a, [
          { range: { start: end(editor.document(a)), end: end(editor.document(a)) }, text: character },
        ]);
      expect(await editor.diagnostics(a)).toContain("P0020 user.nme");
      const versions = editor.published.slice(before).map((one) => one.version!);
      expect(versions).toEqual([...new Set(versions)].sort((one, other) => one - other));
      expect(versions.at(-1)).toBe(editor.document(a).version);
    });
  });

  it("look across files, open or not", async () => {
    await over({ "names.policy": NAMES, "rules.policy": RULES, "tests.policy": TESTS }, async (editor, own) => {
      const names = own.uri("names.policy");
      await editor.open(names, NAMES);
      expect(await editor.diagnostics(names)).toEqual([]);
      await editor.replace(names, "production", "productive");
      expect(await editor.diagnostics(names)).toContain("P0041 productive");
      await editor.until(() => (editor.last(own.uri("rules.policy"))?.includes("P0020") === true ? true : undefined));
    });
  });

  it("follow files that come, change and go on disk, and folders", async () => {
    await over({ "rules.policy": RULES, "tests.policy": TESTS }, async (editor, own) => {
      const rules = own.uri("rules.policy");
      const touch = (name: string): Promise<void> =>
        editor.connection.sendNotification("workspace/didChangeWatchedFiles", {
          changes: [{ uri: own.uri(name), type: 2 }],
        });
      await editor.until(() => (editor.registrations.length > 0 ? true : undefined));
      await editor.until(() => (editor.last(rules)?.includes("P0020") === true ? true : undefined));
      own.write("below/names.policy", NAMES);
      await touch("below/names.policy");
      await editor.until(() => (editor.last(rules)?.includes("P0020") === false ? true : undefined));
      own.write("below/names.policy", "package shop\n");
      await touch("below/names.policy");
      await editor.until(() => (editor.last(rules)?.includes("P0020") === true ? true : undefined));
      own.write("below/names.policy", NAMES);
      await touch("below/names.policy");
      await editor.until(() => (editor.last(rules)?.includes("P0020") === false ? true : undefined));
      own.remove("below");
      await touch("below");
      await editor.until(() => (editor.last(rules)?.includes("P0020") === true ? true : undefined));
      await editor.folders([], [own]);
      await editor.until(() => (editor.last(rules)?.length === 0 ? true : undefined));
    });
  });

  it("go when a document that was never saved is closed, and the disk's text counts again", async () => {
    await over({ "a.policy": "allow a on sql\n" }, async (editor, own) => {
      const [a, b] = [own.uri("a.policy"), own.uri("b.policy")];
      await editor.open(b, "allow b on sqll\n");
      expect(await editor.diagnostics(b)).toContain("P0011 sqll");
      await editor.close(b);
      await editor.until(() => (editor.last(b)?.length === 0 ? true : undefined));
      await editor.open(a, "allow a on sqll\n");
      expect(await editor.diagnostics(a)).toContain("P0011 sqll");
      await editor.close(a);
      await editor.until(() => (editor.last(a)?.includes("P0011") === false ? true : undefined));
    });
  });

  it("know a document that was never a file, and one outside of all folders", async () => {
    await over({}, async (editor) => {
      using elsewhere = new Folder({ "x.policy": "deny x on sqll\n" });
      await editor.open("untitled:Untitled-1", "allow a on sqll\n");
      expect(await editor.diagnostics("untitled:Untitled-1")).toContain("P0011 sqll");
      await editor.open(elsewhere.uri("x.policy"), "deny x on sqll\n");
      expect(await editor.diagnostics(elsewhere.uri("x.policy"))).toContain("P0011 sqll");
    });
  });
});

const end = (document: TextDocument) => document.positionAt(document.getText().length);

describe("completion", () => {
  it("offers facts after a dot, with type and meaning, and replaces what is written of them", async () => {
    const found = await client.ask<CompletionList>(
      "textDocument/completion",
      uri("shop.policy"),
      "statement.kind in",
      11,
    );
    const kind = found.items.find((one) => one.label === "kind")!;
    expect(kind.detail).toBe("SqlKind");
    expect(JSON.stringify(kind.documentation)).toContain("What the statement is.");
    expect(found.items.map((one) => one.label)).toContain("read_only");
    const edit = kind.textEdit as TextEdit;
    expect(client.document(uri("shop.policy")).getText(edit.range)).toBe("kind");
  });

  it("knows columns of the schema file that a test names, once the parser is there", async () => {
    await over({ "shop.sql": SCHEMA, "a.policy": SHOP }, async (editor, own) => {
      const a = own.uri("a.policy");
      await editor.open(a, SHOP);
      // Running a test loads the parser, so afterwards it is certainly there.
      await editor.request("workspace/executeCommand", {
        command: "sallyport.policy.runTest",
        arguments: [a, "another role is"],
      });
      const found = await editor.ask<CompletionList>("textDocument/completion", a, "public.payments.card_number", 16);
      expect(found.items.map((one) => one.label)).toEqual([
        "amount_cents",
        "card_brand",
        "card_number",
        "id",
        "order_id",
        "paid_at",
      ]);
    });
  });

  it("writes no snippet for an editor that has none", async () => {
    using own = new Folder({});
    await using editor = await LanguageClient.start([own], {});
    const a = own.uri("a.policy");
    await editor.open(a, "");
    const found = await editor.request<CompletionList>("textDocument/completion", {
      textDocument: { uri: a },
      position: { line: 0, character: 0 },
    });
    const rule = found.items.find((one) => one.label === "deny")!;
    expect(rule.insertTextFormat).toBe(1);
    expect((rule.textEdit as TextEdit).newText).not.toContain("$");
  });
});

const hoverText = (hover: Hover | null): string => (hover?.contents as { value: string } | undefined)?.value ?? "";

describe("hover", () => {
  it.each([
    ["a fact", "statement.filtered", 12, ["Bool", "the same for the same text and catalog", "postgres"]],
    ["a let", "production and statement.kind", 2, ['target.labels["env"] == "production"', "Used 2 times"]],
    ["a column set", "pii, cards", 1, ["5 column patterns", "public.staff.salary_cents"]],
    ["a rule, with its cost", "deny drop_objects", 7, ["Refuses", "at most", "steps", "1 test expects it"]],
    ["an approval", "unfiltered_write", 3, ["15 minutes", "dba-leads", "good once"]],
    ["a mask", "last(4), card_number", 1, ["Stars, then the last characters."]],
    ["a scope", "on sql\n  when statement.read_only", 4, ["postgres, mysql"]],
  ])("tells of %s", async (_title, mark, into, parts) => {
    const text = hoverText(await client.ask<Hover | null>("textDocument/hover", uri("shop.policy"), mark, into));
    for (const part of parts) expect(text).toContain(part);
  });

  it("shows the page of a diagnostic", async () => {
    await over({}, async (editor, own) => {
      const a = own.uri("a.policy");
      await editor.open(a, "allow a on sql when statement.row_limit > 5\n");
      const text = hoverText(await editor.ask<Hover | null>("textDocument/hover", a, "row_limit", 2));
      expect(text).toContain("P0025 optional-not-tested");
      expect(text).toContain("deny a on sql when exists statement.row_limit");
      expect(text).toContain("may be absent");
    });
  });
});

describe("names", () => {
  const files = { "names.policy": NAMES, "rules.policy": RULES, "tests.policy": TESTS };

  it("are found where they are declared and used, across files", async () => {
    await over(files, async (editor, own) => {
      const rules = own.uri("rules.policy");
      await editor.open(rules, RULES);
      const places = (found: readonly Location[] | null): readonly string[] =>
        (found ?? []).map((one) => `${one.uri.slice(own.uri().length + 1)}:${one.range.start.line}`);
      expect(places(await editor.ask("textDocument/definition", rules, "production", 3))).toEqual(["names.policy:1"]);
      expect(places(await editor.ask("textDocument/definition", rules, "cards", 5))).toEqual(["names.policy:2"]);
      const uses = await editor.ask<Location[]>("textDocument/references", rules, "drops", 1, {
        context: { includeDeclaration: false },
      });
      expect(places(uses)).toEqual(["tests.policy:6", "tests.policy:12"]);
      expect(await editor.ask("textDocument/definition", rules, "because", 1)).toEqual([]);
    });
  });

  it("are renamed in every file, for the version that is open", async () => {
    await over(files, async (editor, own) => {
      const rules = own.uri("rules.policy");
      await editor.open(rules, RULES);
      const edit = await editor.ask<WorkspaceEdit>("textDocument/rename", rules, "drops", 1, { newName: "no_drops" });
      const changed = edit.documentChanges as {
        textDocument: { uri: string; version: number | null };
        edits: TextEdit[];
      }[];
      expect(changed.map((one) => [one.textDocument.uri, one.textDocument.version, one.edits.length])).toEqual([
        [rules, 1, 1],
        [own.uri("tests.policy"), null, 2],
      ]);
      const renamed = TextDocument.applyEdits(TextDocument.create("", "", 0, TESTS), changed[1]!.edits);
      expect(renamed).toBe(TESTS.replaceAll("drops\n", "no_drops\n"));
    });
  });

  it.each([
    ["a name that is taken", "drops", "reads", /there is a rule `reads` already/],
    ["a word of the language", "drops", "deny", /is a word of the language/],
    ["no name at all", "drops", "1 x", /is not a name/],
    ["a value of an enumeration", "production", "drop_table", /as `drop_table` it would be an error/],
    ["nothing", "because", "x", /nothing that has a name/],
  ])("are not renamed to %s", async (_title, mark, newName, why) => {
    await over({ "all.policy": `${NAMES}${RULES.replace("package shop\n", "")}` }, async (editor, own) => {
      const all = own.uri("all.policy");
      await editor.open(all, `${NAMES}${RULES.replace("package shop\n", "")}`);
      await expect(editor.ask("textDocument/rename", all, mark, 1, { newName })).rejects.toThrow(why);
    });
  });

  it("tell what would be renamed", async () => {
    const found = await client.ask<{ placeholder: string } | null>(
      "textDocument/prepareRename",
      uri("shop.policy"),
      "drop_objects",
      4,
    );
    expect(found?.placeholder).toBe("drop_objects");
    expect(await client.ask("textDocument/prepareRename", uri("shop.policy"), "because", 2)).toBeNull();
  });

  it("of schema files lead to the file", async () => {
    const found = await client.ask<Location[]>("textDocument/definition", uri("shop.policy"), '"shop.sql"', 3);
    expect(found.map((one) => one.uri)).toEqual([uri("shop.sql")]);
  });
});

describe("edits", () => {
  it("format the text as it is now", async () => {
    await over({}, async (editor, own) => {
      const a = own.uri("a.policy");
      await editor.open(a, 'deny a on sql when user.name=="x"   because "y"\n');
      const format = (): Promise<TextEdit[]> =>
        editor.request("textDocument/formatting", {
          textDocument: { uri: a },
          options: { tabSize: 2, insertSpaces: true },
        });
      const first = await format();
      expect(TextDocument.applyEdits(editor.document(a), first)).toBe(
        'deny a on sql\n  when user.name == "x"\n  because "y"\n',
      );
      await editor.change(
        a,
        first.map(({ range, newText }) => ({ range, text: newText })),
      );
      expect(await format()).toEqual([]);
      await editor.change(a, [{ text: "deny a on\n" }]);
      expect(await format()).toEqual([]);
    });
  });

  it.each([
    ["a value", "allow a on sql when statement.kind == selct", "selct", "allow a on sql when statement.kind == select"],
    ["a mask", "mask m on sql columns a.b.c with lst(4)", "lst", "mask m on sql columns a.b.c with last(4)"],
    ["a scope", "allow a on sqll", "sqll", "allow a on sql"],
    [
      "an optional fact",
      "allow a on sql when statement.row_limit > 5",
      "statement.row_limit",
      "allow a on sql when (exists statement.row_limit and statement.row_limit > 5)",
    ],
    ["a reason", "deny a on sql", "a on", 'deny a on sql\n  because ""'],
    ["a name nobody uses", "let x = true\nallow a on sql", "x =", "allow a on sql"],
  ])("mend %s, and the diagnostic is gone", async (_title, text, mark, mended) => {
    await over({}, async (editor, own) => {
      const a = own.uri("a.policy");
      await editor.open(a, text);
      const before = await editor.diagnostics(a);
      const range = { start: editor.at(a, mark), end: editor.at(a, mark) };
      const actions = await editor.request<CodeAction[]>("textDocument/codeAction", {
        textDocument: { uri: a },
        range,
        context: { diagnostics: [], only: ["quickfix"] },
      });
      const action = actions.find((one) => !one.title.startsWith("Write a test"))!;
      const [{ edits }] = action.edit!.documentChanges as unknown as [{ edits: TextEdit[] }];
      expect(TextDocument.applyEdits(editor.document(a), edits)).toBe(mended);
      const code = String(action.diagnostics![0]!.code);
      expect(before.some((one) => one.startsWith(code))).toBe(true);
      await editor.change(a, [{ text: mended }]);
      expect((await editor.diagnostics(a)).filter((one) => one.startsWith(code))).toEqual([]);
    });
  });
});

describe("tests", () => {
  it("have a lens that runs them and shows what came of it, until the text changes", async () => {
    const files = { "names.policy": NAMES, "rules.policy": RULES, "tests.policy": TESTS, "s.sql": SCHEMA };
    await over(files, async (editor, own) => {
      const tests = own.uri("tests.policy");
      await editor.open(tests, TESTS);
      const refreshes = editor.codeLensRefreshes;
      const lenses = async (): Promise<readonly string[]> =>
        (await editor.request<CodeLens[]>("textDocument/codeLens", { textDocument: { uri: tests } })).map(
          (one) => one.command!.title,
        );
      expect(await lenses()).toEqual(["▶ Run test", "▶ Run test"]);
      const [first] = await editor.request<CodeLens[]>("textDocument/codeLens", { textDocument: { uri: tests } });
      const run = (command: CodeLens["command"]): Promise<unknown> =>
        editor.request("workspace/executeCommand", { command: command!.command, arguments: command!.arguments });
      expect(await run(first!.command)).toEqual({ test: "nobody drops", passed: true, cases: 1, failures: [] });
      expect(await lenses()).toEqual(["✓ Passed", "▶ Run test"]);
      const failed = await run({ ...first!.command!, arguments: [tests, "everybody reads"] });
      expect(failed).toMatchObject({ passed: false, failures: [{ text: "select 1" }] });
      expect((await lenses())[1]).toBe("✗ expected deny by drops, found allow by reads");
      await editor.until(() => (editor.last(tests)?.includes("policyc test") === true ? true : undefined));
      expect(editor.codeLensRefreshes - refreshes).toBe(2);
      await editor.replace(tests, "select 1", "select 2");
      expect(await lenses()).toEqual(["▶ Run test", "▶ Run test"]);
      expect(await editor.diagnostics(tests)).not.toContain("policyc test");
    });
  });

  it("are not run while the policy has errors, and say so", async () => {
    await over({ "rules.policy": RULES, "tests.policy": TESTS }, async (editor, own) => {
      const run = editor.request("workspace/executeCommand", {
        command: "sallyport.policy.runTest",
        arguments: [own.uri("tests.policy"), "nobody drops"],
      });
      await expect(run).rejects.toThrow(/the policy has errors; the first is in rules.policy/);
    });
  });

  it("refuse a command that is none", async () => {
    const send = (command: string, args: unknown[]): Promise<unknown> =>
      client.request("workspace/executeCommand", { command, arguments: args });
    await expect(send("sallyport.policy.other", [])).rejects.toThrow(/there is no command/);
    await expect(send("sallyport.policy.runTest", [1])).rejects.toThrow(/takes the document's address/);
    await expect(send("sallyport.policy.runTest", [uri("shop.policy"), "x"])).rejects.toThrow(/there is no test/);
  });
});

describe("the shape of a file", () => {
  it("is told in symbols", async () => {
    const found = await client.request<DocumentSymbol[]>("textDocument/documentSymbol", {
      textDocument: { uri: uri("shop.policy") },
    });
    expect(found.slice(0, 5).map((one) => one.name)).toEqual(["shop", "production", "dba", "engineer", "pii"]);
    expect(found.find((one) => one.name === "drop_objects")?.detail).toBe("deny on sql");
    const everywhere = await client.request<{ name: string }[]>("workspace/symbol", { query: "DROP" });
    expect(everywhere.map((one) => one.name)).toContain("drop_objects");
  });

  it("folds items and comments", async () => {
    const found = await client.request<FoldingRange[]>("textDocument/foldingRange", {
      textDocument: { uri: uri("shop.policy") },
    });
    expect(found[0]).toEqual({ startLine: 0, endLine: 1, kind: "comment" });
    const rule = client.at(uri("shop.policy"), '@soc2("CC6.1", "CC8.1") @owner').line;
    expect(found).toContainEqual({ startLine: rule, endLine: rule + 3 });
  });

  it("is selected piece by piece", async () => {
    const position = client.at(uri("shop.policy"), "drop_schema", 2);
    const [found] = await client.request<SelectionRange[]>("textDocument/selectionRange", {
      textDocument: { uri: uri("shop.policy") },
      positions: [position],
    });
    const texts: string[] = [];
    for (let one: SelectionRange | undefined = found; one !== undefined; one = one.parent)
      texts.push(client.document(uri("shop.policy")).getText(one.range));
    expect(texts[0]).toBe("drop_schema");
    expect(texts).toContain("[drop_database, drop_schema, drop_table]");
    expect(texts.at(-1)).toBe(SHOP);
    for (let i = 1; i < texts.length; i++) expect(texts[i]!.length).toBeGreaterThan(texts[i - 1]!.length);
  });

  it("is coloured by meaning", async () => {
    const legend = client.initialized.capabilities.semanticTokensProvider!.legend.tokenTypes;
    const { data } = await client.request<SemanticTokens>("textDocument/semanticTokens/full", {
      textDocument: { uri: uri("shop.policy") },
    });
    const lines = SHOP.split("\n");
    const kinds = new Map<string, string>();
    let line = 0;
    let character = 0;
    for (let i = 0; i < data.length; i += 5) {
      line += data[i]!;
      character = data[i] === 0 ? character + data[i + 1]! : data[i + 1]!;
      kinds.set(lines[line]!.slice(character, character + data[i + 2]!), legend[data[i + 3]!]!);
    }
    expect(
      Object.fromEntries(
        ["deny", "drop_objects", "production", "drop_table", "pii", "redact", "sql", "1000", "soc2"].map((word) => [
          word,
          kinds.get(word),
        ]),
      ),
    ).toEqual({
      deny: "keyword",
      drop_objects: "function",
      production: "variable",
      drop_table: "enumMember",
      pii: "type",
      redact: "macro",
      sql: "keyword",
      "1000": "number",
      soc2: "decorator",
    });
  });
});

describe("life", () => {
  it("says what it can do, and watches files", async () => {
    expect(client.initialized.serverInfo?.name).toBe("policyc");
    expect(client.initialized.capabilities.textDocumentSync).toEqual({ openClose: true, change: 2 });
    await client.until(() => (client.registrations.length > 0 ? true : undefined));
    expect(client.registrations[0]!.method).toBe("workspace/didChangeWatchedFiles");
  });

  it("ends with 1 when the editor is gone without a word", async () => {
    using own = new Folder({});
    const editor = await LanguageClient.start([own]);
    await editor.connection.sendNotification("exit");
    expect(await editor.exited).toBe(1);
  });
});
