import { describe, expect, it } from "vitest";
import { importsOf, isTest, projectFiles, read, shippedSources, usesOf } from "./files.ts";

const files = projectFiles();
const isText = (path: string): boolean => !/\.(png|gz|bin|bundle|tar|wasm)$/.test(path);
const code = files.filter((path) => /\.(ts|js|mjs)$/.test(path));

/** Lines of a file that match, as `file:line: text`. */
function lines(path: string, pattern: RegExp): readonly string[] {
  return read(path)
    .split("\n")
    .flatMap((line, i) => (pattern.test(line) ? [`${path}:${i + 1}: ${line.trim()}`] : []));
}

describe("length", () => {
  const LINES_MAX = 600;
  /** Longer files, each with the reason why it stays one. */
  const LONG: Readonly<Record<string, string>> = {
    "runtime/protocols/postgres/machine.ts": "one state, and what each message of the client does to it",
    "runtime/protocols/postgres/server-side.ts": "one state, and what each message of the server does to it",
    "test/bypass/bypass.test.ts": "one server and gateway, and every attack that is run against them",
  };

  it(`no file is longer than ${LINES_MAX} lines without a reason`, () => {
    const long = code.filter((path) => read(path).split("\n").length > LINES_MAX);
    expect(long.filter((path) => LONG[path] === undefined)).toEqual([]);
  });

  it("no reason is kept for a file that is short or gone", () => {
    const stale = Object.keys(LONG).filter(
      (path) => !files.includes(path) || read(path).split("\n").length <= LINES_MAX,
    );
    expect(stale).toEqual([]);
  });
});

describe("leftovers", () => {
  // Written in two pieces so that this file does not find itself.
  const MARKS = new RegExp(
    [
      "\\b(TO" + "DO|FIX" + "ME|X" + "XX|HA" + "CK)\\b",
      "\\b(describe|it|test)(\\.\\w+)*\\.(on" + "ly|to" + "do|fa" + "ils)\\b",
      // A test that needs what is not on every machine says so by a condition, and CI counts it as failed.
      "\\b(describe|it|test)(\\.\\w+)*\\.(sk" + "ip(\\.\\w+)*[(`]|sk" + "ipIf\\(true|run" + "If\\(false)",
      "\\bx(it|describe|test)\\(",
      "\\b(sk" + "ip|on" + "ly|to" + "do|fa" + "ils): true\\b",
      "\\b(context|ctx|task)\\.sk" + "ip\\(",
      "@ts-ig" + "nore",
      "@ts-no" + "check",
      "eslint-dis" + "able",
      "\\bdeb" + "ugger\\b",
      "console\\.l" + "og\\(",
    ].join("|"),
  );

  it("no marks of unfinished work, switched-off tests or checks", () => {
    expect(code.flatMap((path) => lines(path, MARKS))).toEqual([]);
  });

  it.each([
    "TO" + "DO later",
    "it.on" + "ly(",
    "it.on" + "ly.each(",
    "it.sk" + "ip('a'",
    "it.sk" + "ip.each(",
    "it.sk" + "ip.each`",
    "describe.concurrent.sk" + "ip(",
    "it.sk" + "ipIf(true)(",
    "it.run" + "If(false)(",
    "test.fa" + "ils(",
    "xi" + "t('a'",
    "it('a', { sk" + "ip: true }",
    "ctx.sk" + "ip()",
    "it.to" + "do('a'",
    "test.on" + "ly.for(",
    "it.concurrent.to" + "do(",
    "// @ts-ig" + "nore",
    "console.l" + "og(1)",
  ])("is noticed: %s", (text) => {
    expect(MARKS.test(text)).toBe(true);
  });

  it.each(["it.sk" + 'ipIf(!inPath("psql"))(', "bytes.sk" + "ip(4)", "exit(1)"])("is none: %s", (text) => {
    expect(MARKS.test(text)).toBe(false);
  });
});

describe("what is committed", () => {
  it("names no machine and no registry", () => {
    const pattern = new RegExp(
      [
        "(^|[\\s\"'`=(:])/(wo" + "rk|ro" + "ot|ho" + "me|Us" + "ers)/[a-z]",
        "registry\\.np" + "mjs|npm" + "mirror|artif" + "actory|verd" + "accio",
        "\\.\\./sha" + "red/",
      ].join("|"),
    );
    expect(files.filter(isText).flatMap((path) => lines(path, pattern))).toEqual([]);
  });

  it("the lock file says nothing of where packages come from, and everything of what they are", () => {
    const lock = JSON.parse(read("package-lock.json")) as {
      packages: Record<string, { resolved?: string; integrity?: string; link?: boolean; inBundle?: boolean }>;
    };
    const packages = Object.entries(lock.packages).filter(([path]) => path !== "");
    expect(packages.filter(([, one]) => one.resolved !== undefined).map(([path]) => path)).toEqual([]);
    expect(
      packages.filter(([, one]) => one.integrity === undefined && one.inBundle !== true).map(([path]) => path),
    ).toEqual([]);
  });

  it("versions are pinned, and each dependency has its reason", () => {
    const manifest = JSON.parse(read("package.json")) as Record<string, Record<string, string>>;
    const page = read("docs/dependencies.md");
    const all = Object.entries({ ...manifest["dependencies"], ...manifest["devDependencies"] });
    expect(all.filter(([, version]) => !/^\d+\.\d+\.\d+(-[\w.]+)?$/.test(version))).toEqual([]);
    const rows = new Set([...page.matchAll(/^\| `([^`]+)` +\| (\S+) +\|/gm)].map((row) => `${row[1]} ${row[2]}`));
    expect([...rows].sort()).toEqual(all.map(([name, version]) => `${name} ${version}`).sort());
  });

  it("links between pages lead somewhere", () => {
    const known = new Set(files);
    const broken = files
      .filter((path) => path.endsWith(".md"))
      .flatMap((path) =>
        [
          ...read(path)
            .replaceAll(/```[\s\S]*?```|`[^`\n]*`/g, "")
            .matchAll(/\]\(([^)#\s]+)(#[^)]*)?\)/g),
        ]
          .map((match) => match[1]!)
          .filter((to) => !/^[a-z]+:/.test(to))
          .map((to) => new URL(to, `file:///${path}`).pathname.slice(1).replace(/\/$/, ""))
          .filter((to) => !known.has(to) && !files.some((file) => file.startsWith(`${to}/`)))
          .map((to) => `${path} → ${to}`),
      );
    expect(broken).toEqual([]);
  });
});

describe("the world is handed in", () => {
  const PLACES = /^(runtime\/outside|cli)\//;

  /** Modules that touch the world, and the files outside of its places that may still name them. */
  const WORLDLY = new Set(
    [
      "fs",
      "fs/promises",
      "net",
      "tls",
      "http",
      "https",
      "http2",
      "dgram",
      "dns",
      "child_process",
      "os",
      "process",
      "readline",
      "timers",
      "timers/promises",
      "worker_threads",
      "sqlite",
    ].map((name) => `node:${name}`),
  );
  const MODULES: Readonly<Record<string, string>> = {
    "runtime/facts/sql/worker.ts node:worker_threads": "the caged parser",
    "runtime/facts/sql/analyser.ts node:worker_threads": "starts and ends the cage",
    "runtime/record/writer-worker.ts node:worker_threads": "the thread that writes the record",
    "runtime/record/writer-thread.ts node:worker_threads": "starts and ends it",
    "runtime/enforce/approve/store.ts node:sqlite": "the table of approvals; its path is handed in",
    "runtime/enforce/mask/vault.ts node:sqlite": "the tokens' vault; its path is handed in",
    "runtime/enforce/mask/addresses.ts node:net": "isIPv4 and isIPv6, which look at a text",
    "runtime/gateway/gateway.ts node:net": "isIP, which looks at a text",
    "runtime/control/guard.ts node:http": "types of requests",
    "runtime/control/server.ts node:http": "types of requests",
    "runtime/control/sign-in.ts node:http": "types of requests",
    "runtime/control/inbox.ts node:http": "types of requests",
  };
  const GLOBALS =
    /^(process\..*|Date\.now|Math\.random|performance\.now|crypto\.(getRandomValues|randomUUID)|(setTimeout|setInterval|fetch|randomBytes|randomUUID|randomInt)\(\)|new Date\(0\))$/;
  const USES: Readonly<Record<string, string>> = {};

  const own = shippedSources().filter((path) => !PLACES.test(path));

  it("no module of the world outside its places", () => {
    const found = own.flatMap((path) =>
      importsOf(path)
        .filter((one) => WORLDLY.has(one.to) && MODULES[`${path} ${one.to}`] === undefined)
        .map((one) => `${path}:${one.line}: ${one.to}`),
    );
    expect(found).toEqual([]);
  });

  it("no clock, chance, timer or environment outside its places", () => {
    const found = own.flatMap((path) =>
      usesOf(path)
        .filter((use) => GLOBALS.test(use.name) && USES[`${path} ${use.name}`] === undefined)
        .map((use) => `${path}:${use.line}: ${use.name}`),
    );
    expect(found).toEqual([]);
  });

  it("no exception is kept that nobody uses", () => {
    const modules = new Set(own.flatMap((path) => importsOf(path).map((one) => `${path} ${one.to}`)));
    const uses = new Set(own.flatMap((path) => usesOf(path).map((use) => `${path} ${use.name}`)));
    expect(Object.keys(MODULES).filter((key) => !modules.has(key))).toEqual([]);
    expect(Object.keys(USES).filter((key) => !uses.has(key))).toEqual([]);
  });

  it.each(["Date.now()", "new Date()", "Math.random()", "process.env['A']", "setTimeout(f, 1)", "performance.now()"])(
    "is noticed: %s",
    (text) => {
      expect(usesOf("runtime/x.ts", `const x = ${text};`).some((use) => GLOBALS.test(use.name))).toBe(true);
    },
  );

  it("no code is made from text", () => {
    const found = code
      .filter((path) => !isTest(path))
      .flatMap((path) => usesOf(path).map((use) => ({ path, ...use })))
      .filter((use) => /^(eval\(\)|new Function\(\d+\)|Function\(\)|vm\.\w+)$/.test(use.name))
      .map((use) => `${use.path}:${use.line}: ${use.name}`);
    expect(found).toEqual([]);
  });
});
