import { nearest } from "../../base/text.ts";
import type { ColumnsDecl, DetectorDecl, Identifier, ImportDecl, LetDecl, PolicyFile } from "../ast/index.ts";
import { diagnostic, type Diagnostic } from "../diagnostics/index.ts";

export type Report = (found: Diagnostic) => void;

/** What has a name that others may use. */
type NamedDecl = LetDecl | ColumnsDecl | DetectorDecl;

/** A declaration as it is seen from one file. `home` is where its own names are looked up. */
export interface Known<T> {
  readonly decl: T;
  readonly home: Environment;
  /** The name in an import that brought it here; null when it is the package's own. */
  readonly via: Identifier | null;
}

/** The names that one file can use. */
export interface Environment {
  readonly package: string;
  readonly lets: Map<string, Known<LetDecl>>;
  readonly columnSets: Map<string, Known<ColumnsDecl>>;
  readonly detectors: Map<string, Known<DetectorDecl>>;
}

export const DEFAULT_PACKAGE = "policy";

/** A file's package; a file that does not say belongs to the only one there is. */
export function packageOf(tree: PolicyFile, others: ReadonlySet<string>): string {
  const own = tree.items.find((item) => item.kind === "package");
  if (own !== undefined) return own.name;
  return others.size === 1 ? [...others][0]! : DEFAULT_PACKAGE;
}

const tableOf = (env: Environment, kind: NamedDecl["kind"]): Map<string, Known<NamedDecl>> =>
  (kind === "let" ? env.lets : kind === "column-set" ? env.columnSets : env.detectors) as Map<string, Known<NamedDecl>>;

const WORDS = { let: "let", "column-set": "column set", detector: "detector" } as const;

/** For each file the names that it can use: its package's own, and what it imports. Reports what does not fit. */
export function environmentsOf(trees: readonly PolicyFile[], report: Report): ReadonlyMap<PolicyFile, Environment> {
  const declaredPackages = new Set(
    trees.flatMap((tree) => tree.items.flatMap((item) => (item.kind === "package" ? [item.name] : []))),
  );
  const environments = new Map<PolicyFile, Environment>();
  const byPackage = new Map<string, PolicyFile[]>();
  for (const tree of trees) {
    const name = packageOf(tree, declaredPackages);
    environments.set(tree, { package: name, lets: new Map(), columnSets: new Map(), detectors: new Map() });
    byPackage.set(name, [...(byPackage.get(name) ?? []), tree]);
    for (const extra of tree.items.filter((item) => item.kind === "package").slice(1))
      report(diagnostic("duplicate-name", extra.span, { what: "package", name: extra.name }));
  }
  for (const files of byPackage.values()) declareOwn(files, environments, report);
  for (const tree of trees)
    for (const item of tree.items)
      if (item.kind === "import") bring(item, environments.get(tree)!, byPackage, environments, report);
  reportCycles(trees, environments, report);
  return environments;
}

/** A package's own names, seen by all of its files; each is at home in the file that declares it. */
function declareOwn(
  files: readonly PolicyFile[],
  environments: ReadonlyMap<PolicyFile, Environment>,
  report: Report,
): void {
  for (const file of files) {
    const home = environments.get(file)!;
    for (const item of file.items) {
      if (item.kind !== "let" && item.kind !== "column-set" && item.kind !== "detector") continue;
      const { text, span } = item.name;
      const first = tableOf(home, item.kind).get(text);
      if (first !== undefined) {
        const label = `first declared in ${first.decl.name.span.file}`;
        const params = { what: WORDS[item.kind], name: text };
        report(diagnostic("duplicate-name", span, params, [{ span: first.decl.name.span, label }]));
        continue;
      }
      for (const other of files)
        tableOf(environments.get(other)!, item.kind).set(text, { decl: item, home, via: null });
    }
  }
}

function bring(
  item: ImportDecl,
  into: Environment,
  byPackage: ReadonlyMap<string, readonly PolicyFile[]>,
  environments: ReadonlyMap<PolicyFile, Environment>,
  report: Report,
): void {
  const files = byPackage.get(item.from.text);
  if (files === undefined || item.from.text === into.package) {
    const near = nearest(
      item.from.text,
      [...byPackage.keys()].filter((name) => name !== into.package),
    );
    report(diagnostic("unknown-package", item.from.span, { name: item.from.text, near }));
    // Its names are known to be wanted, so that their uses are not told as well: they are left out of the tables.
    return;
  }
  const declared = files.flatMap((file) =>
    file.items.flatMap((one) =>
      one.kind === "let" || one.kind === "column-set" || one.kind === "detector" ? [{ one, file }] : [],
    ),
  );
  for (const name of item.names) {
    const found = declared.filter(({ one }) => one.name.text === name.text);
    const exported = found.filter(({ one }) => one.exported);
    if (exported.length === 0) {
      const [hidden] = found;
      if (hidden !== undefined) {
        const label = `declared here in ${hidden.one.name.span.file}`;
        const params = { name: name.text, package: item.from.text };
        report(diagnostic("not-exported", name.span, params, [{ span: hidden.one.name.span, label }]));
      } else {
        const near = nearest(
          name.text,
          declared.filter(({ one }) => one.exported).map(({ one }) => one.name.text),
        );
        report(diagnostic("unknown-name", name.span, { name: name.text, near }));
      }
      continue;
    }
    for (const { one, file } of exported) {
      const table = tableOf(into, one.kind);
      const taken = table.get(name.text);
      if (taken !== undefined) {
        const label = `declared in ${taken.decl.name.span.file}`;
        const params = { what: WORDS[one.kind], name: name.text };
        report(diagnostic("duplicate-name", name.span, params, [{ span: taken.decl.name.span, label }]));
      } else table.set(name.text, { decl: one, home: environments.get(file)!, via: name });
    }
  }
}

/** Packages that import one another in a circle, told once each, where the circle closes. */
function reportCycles(
  trees: readonly PolicyFile[],
  environments: ReadonlyMap<PolicyFile, Environment>,
  report: Report,
): void {
  const imports = new Map<string, { readonly to: string; readonly at: Identifier }[]>();
  for (const tree of trees) {
    const { package: from } = environments.get(tree)!;
    for (const item of tree.items)
      if (item.kind === "import" && item.from.text !== from)
        imports.set(from, [...(imports.get(from) ?? []), { to: item.from.text, at: item.from }]);
  }
  const done = new Set<string>();
  const visit = (name: string, path: readonly string[]): void => {
    for (const { to, at } of imports.get(name) ?? []) {
      const start = path.indexOf(to);
      if (start >= 0) report(diagnostic("import-cycle", at.span, { path: [...path.slice(start), to] }));
      else if (!done.has(to)) visit(to, [...path, to]);
    }
    done.add(name);
  };
  for (const name of [...imports.keys()].sort()) if (!done.has(name)) visit(name, [name]);
}
