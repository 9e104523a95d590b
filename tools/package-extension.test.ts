import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { pathToFileURL } from "node:url";
import { inflateRawSync } from "node:zlib";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { packageExtension } from "./package-extension.ts";

/** The files of a zip archive by its central directory (APPNOTE 4.3.12). */
function filesOf(zip: Buffer): ReadonlyMap<string, Buffer> {
  const end = zip.lastIndexOf(Buffer.from("PK\u0005\u0006", "latin1"));
  const count = zip.readUInt16LE(end + 10);
  let at = zip.readUInt32LE(end + 16);
  const found = new Map<string, Buffer>();
  for (let i = 0; i < count; i++) {
    const [method, size] = [zip.readUInt16LE(at + 10), zip.readUInt32LE(at + 20)];
    const [name, extra, comment] = [zip.readUInt16LE(at + 28), zip.readUInt16LE(at + 30), zip.readUInt16LE(at + 32)];
    const local = zip.readUInt32LE(at + 42);
    const start = local + 30 + zip.readUInt16LE(local + 26) + zip.readUInt16LE(local + 28);
    const bytes = zip.subarray(start, start + size);
    found.set(zip.toString("utf8", at + 46, at + 46 + name), method === 8 ? inflateRawSync(bytes) : bytes);
    at += 46 + name + extra + comment;
  }
  return found;
}

let folder: string;
let files: ReadonlyMap<string, Buffer>;

beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), "policy-vsix-"));
  const path = join(folder, "out.vsix");
  await packageExtension(path);
  files = filesOf(readFileSync(path));
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

describe("the package for VS Code", () => {
  it("holds what the editor needs, and nothing else", () => {
    expect([...files.keys()].sort()).toEqual([
      "[Content_Types].xml",
      "extension.vsixmanifest",
      "extension/LICENSE.txt",
      "extension/language-configuration.json",
      "extension/out/client.js",
      "extension/out/convert.js",
      "extension/out/extension.js",
      "extension/out/features.js",
      "extension/out/rpc.js",
      "extension/out/server.js",
      "extension/out/wire.js",
      "extension/package.json",
      "extension/readme.md",
      "extension/syntaxes/policy.tmLanguage.json",
    ]);
  });

  it("names files that are in it", () => {
    const manifest = JSON.parse(files.get("extension/package.json")!.toString("utf8")) as {
      main: string;
      contributes: { languages: { configuration: string }[]; grammars: { path: string }[] };
    };
    const named = [
      manifest.main,
      ...manifest.contributes.languages.map((one) => one.configuration),
      ...manifest.contributes.grammars.map((one) => one.path),
    ];
    expect(named.filter((path) => !files.has(join("extension", path)))).toEqual([]);
  });

  it("has code that loads with nothing but the editor beside it", async () => {
    const work = join(folder, "unpacked");
    for (const [name, bytes] of files) {
      mkdirSync(dirname(join(work, name)), { recursive: true });
      writeFileSync(join(work, name), bytes);
    }
    const editor = join(work, "node_modules/vscode");
    mkdirSync(editor, { recursive: true });
    writeFileSync(join(editor, "package.json"), '{ "name": "vscode", "type": "module", "main": "index.js" }');
    writeFileSync(join(editor, "index.js"), "export const window = {};\n");
    const loaded = (await import(pathToFileURL(join(work, "extension/out/extension.js")).href)) as object;
    expect(Object.keys(loaded).sort()).toEqual(["activate", "deactivate"]);
  });
});
