import { spawnSync } from "node:child_process";
import { existsSync, readFileSync } from "node:fs";
import { dirname, join, normalize } from "node:path";
import { fileURLToPath } from "node:url";
import ts from "typescript";

export const root = dirname(dirname(dirname(fileURLToPath(import.meta.url))));

/** Every file that is, or with the next commit may be, in the repository: paths from its top. */
export function projectFiles(): readonly string[] {
  const listed = spawnSync("git", ["ls-files", "-z", "--cached", "--others", "--exclude-standard"], {
    cwd: root,
    encoding: "utf8",
  });
  if (listed.status !== 0) throw new Error(`git ls-files failed: ${listed.stderr}`);
  // A file that was deleted but not committed yet is listed too.
  return listed.stdout.split("\0").filter((path) => path !== "" && existsSync(join(root, path)));
}

export const read = (path: string): string => readFileSync(join(root, path), "utf8");

/** Tests, what helps them, and the parts of a protocol that only tests use (its suite and its stand-in peers). */
export const isTest = (path: string): boolean =>
  path.endsWith(".test.ts") || path.startsWith("test/") || /^runtime\/protocols\/(.*\/)?(suite|fake)\.ts$/.test(path);

/** Source that ships: what ends up in dist/. */
export function shippedSources(): readonly string[] {
  return projectFiles().filter(
    (path) => /^(base|spec\/contract|lang|compiler|runtime|cli)\//.test(path) && path.endsWith(".ts") && !isTest(path),
  );
}

export interface Import {
  readonly from: string;
  readonly line: number;
  /** Names brought in; empty for `import "x"`, `import()` and `export * from`. */
  readonly names: readonly string[];
  /** A path from the project's top, or a package with its subpath (`node:fs`, `pg`). */
  readonly to: string;
  readonly relative: boolean;
}

/** All imports and re-exports of a file, static and dynamic, as the compiler reads them. */
export function importsOf(path: string, text = read(path)): readonly Import[] {
  const source = ts.createSourceFile(path, text, ts.ScriptTarget.Latest, true);
  const found: Import[] = [];
  const add = (at: ts.Node, specifier: ts.Expression | undefined, names: readonly string[]): void => {
    if (specifier === undefined || !ts.isStringLiteralLike(specifier)) return;
    const relative = specifier.text.startsWith(".");
    const to = relative ? normalize(join(dirname(path), specifier.text)) : specifier.text;
    const line = source.getLineAndCharacterOfPosition(at.getStart(source)).line + 1;
    found.push({ from: path, line, names, to, relative });
  };
  const visit = (node: ts.Node): void => {
    if (ts.isImportDeclaration(node)) {
      const bindings = node.importClause?.namedBindings;
      const named = bindings !== undefined && ts.isNamedImports(bindings) ? bindings.elements : [];
      add(
        node,
        node.moduleSpecifier,
        named.map((element) => (element.propertyName ?? element.name).text),
      );
    } else if (ts.isExportDeclaration(node)) {
      const clause = node.exportClause;
      const named = clause !== undefined && ts.isNamedExports(clause) ? clause.elements : [];
      add(
        node,
        node.moduleSpecifier,
        named.map((element) => (element.propertyName ?? element.name).text),
      );
    } else if (ts.isCallExpression(node) && node.expression.kind === ts.SyntaxKind.ImportKeyword) {
      add(node, node.arguments[0], []);
    } else if (ts.isImportTypeNode(node) && ts.isLiteralTypeNode(node.argument)) {
      add(node, node.argument.literal as ts.Expression, []);
    }
    ts.forEachChild(node, visit);
  };
  visit(source);
  return found;
}

/** Names that the code of a file uses (not its comments or texts), as `a` and, for properties of a plain name, `a.b`. */
export function usesOf(path: string, text = read(path)): readonly { readonly name: string; readonly line: number }[] {
  const source = ts.createSourceFile(path, text, ts.ScriptTarget.Latest, true);
  const found: { name: string; line: number }[] = [];
  const visit = (node: ts.Node): void => {
    const line = source.getLineAndCharacterOfPosition(node.getStart(source)).line + 1;
    if (ts.isPropertyAccessExpression(node) && ts.isIdentifier(node.expression)) {
      found.push({ name: `${node.expression.text}.${node.name.text}`, line });
    }
    if (ts.isCallExpression(node) && ts.isIdentifier(node.expression))
      found.push({ name: `${node.expression.text}()`, line });
    if (ts.isNewExpression(node) && ts.isIdentifier(node.expression)) {
      found.push({ name: `new ${node.expression.text}(${node.arguments?.length ?? 0})`, line });
    }
    ts.forEachChild(node, visit);
  };
  visit(source);
  return found;
}
