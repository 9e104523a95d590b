import {
  copyFileSync,
  cpSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  readdirSync,
  rmSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { createVSIX } from "@vscode/vsce";
import ts from "typescript";

const ROOT = fileURLToPath(new URL("..", import.meta.url));
const EXTENSION = join(ROOT, "editors/vscode");

/**
 * The client as JavaScript: one module for each source. It uses nothing but Node and the editor, so that there is no package
 * to bring along and nothing to bundle.
 */
export function buildClient(out: string): void {
  mkdirSync(out, { recursive: true });
  for (const name of readdirSync(join(EXTENSION, "client"))) {
    if (!name.endsWith(".ts") || name.endsWith(".d.ts") || name.endsWith(".test.ts")) continue;
    const { outputText } = ts.transpileModule(readFileSync(join(EXTENSION, "client", name), "utf8"), {
      fileName: name,
      compilerOptions: {
        target: ts.ScriptTarget.ES2024,
        module: ts.ModuleKind.ESNext,
        verbatimModuleSyntax: true,
        rewriteRelativeImportExtensions: true,
      },
    });
    writeFileSync(join(out, name.replace(/\.ts$/, ".js")), outputText);
  }
}

/** Packages the extension for VS Code at `path`. Works in a folder of its own and leaves nothing beside. */
export async function packageExtension(path: string): Promise<void> {
  const work = mkdtempSync(join(tmpdir(), "policy-extension-"));
  try {
    for (const entry of readdirSync(EXTENSION)) {
      if (entry === "client" || entry === "out" || entry.endsWith(".vsix")) continue;
      cpSync(join(EXTENSION, entry), join(work, entry), { recursive: true });
    }
    copyFileSync(join(ROOT, "LICENSE"), join(work, "LICENSE"));
    buildClient(join(work, "out"));
    await createVSIX({ cwd: work, packagePath: path, dependencies: false });
  } finally {
    rmSync(work, { recursive: true, force: true });
  }
}

if (import.meta.main) {
  const path = process.argv[2] ?? "sallyport-policy.vsix";
  await packageExtension(path);
  process.stdout.write(`${path}\n`);
}
