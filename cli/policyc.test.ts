import { spawn, spawnSync } from "node:child_process";
import { once } from "node:events";
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  readdirSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { Packr } from "msgpackr";
import { afterAll, beforeEach, describe, expect, it, vi } from "vitest";
import { inPath, runProgram } from "../test/support/programs.ts";
import { POLICY_COMMANDS } from "./commands/policy/registry.ts";

// Many processes, one after the other, on machines that do other things too.
vi.setConfig({ testTimeout: 300_000 });

const PROGRAM = join(import.meta.dirname, "policyc.ts");
const root = mkdtempSync(join(tmpdir(), "policyc-cli-"));
afterAll(() => rmSync(root, { recursive: true }));
let folder = root;
let count = 0;
beforeEach(() => {
  folder = join(root, String(count++));
  mkdirSync(folder);
});

interface Run {
  readonly code: number;
  readonly out: string;
  readonly err: string;
}

/** Runs the command in its own process, in the test's folder. */
async function run(
  argv: readonly string[],
  over: {
    readonly stdin?: string;
    readonly env?: Readonly<Record<string, string>>;
    readonly node?: readonly string[];
  } = {},
): Promise<Run> {
  const child = spawn(process.execPath, [...(over.node ?? []), PROGRAM, ...argv], {
    cwd: folder,
    env: { PATH: process.env["PATH"], NO_COLOR: "1", TMPDIR: folder, ...over.env },
  });
  let out = "";
  let err = "";
  child.stdout.setEncoding("utf8").on("data", (text: string) => (out += text));
  child.stderr.setEncoding("utf8").on("data", (text: string) => (err += text));
  child.stdin.on("error", () => undefined);
  child.stdin.end(over.stdin ?? "");
  const [code] = (await once(child, "close")) as [number];
  return { code, out, err };
}

function put(path: string, content: string | Uint8Array): void {
  mkdirSync(dirname(join(folder, path)), { recursive: true });
  writeFileSync(join(folder, path), content);
}
const get = (path: string): string => readFileSync(join(folder, path), "utf8");

const GOOD = `package shop

allow staff_read on sql
  when user.groups has "staff" and statement.read_only

approve writes on sql
  when user.groups has "staff" and statement.writes
  by group "leads" within 15m valid once
  because "Writes are seen by two."

test "staff reads" {
  user "ana" in "staff"
  schema "s.sql"
  sql "select 1"
  expect allow by staff_read
}

test "a write waits" {
  user "ana" in "staff"
  facts { statement.writes: true, statement.read_only: false }
  expect approve by writes
}

test "others do not" {
  user "bob"
  schema "s.sql"
  sql "select 1"
  expect deny
}
`;

describe("help", () => {
  it("the overview names every command and every exit code", async () => {
    const { code, out } = await run(["--help"]);
    expect(code).toBe(0);
    for (const name of Object.keys(POLICY_COMMANDS)) expect(out).toContain(`policyc ${name} `);
    for (const number of [
      "0 fine",
      "1 findings",
      "2 wrong",
      "3 tests",
      "4 a gate",
      "5 signature",
      "6 diff",
      "7 analysis",
      "70 a bug",
    ])
      expect(out).toContain(number);
    expect((await run([])).code).toBe(2);
  });

  it("each command has its own, and refuses an option that it does not know", async () => {
    for (const [name, { run: command }] of Object.entries(POLICY_COMMANDS)) {
      let out = "";
      const io = {
        stdout: (text: string) => void (out += text),
        stderr: () => undefined,
        env: {},
        cwd: folder,
        colour: false,
        readStdin: () => Promise.resolve(""),
        askSecret: () => Promise.resolve(undefined),
      };
      expect(await command(["--help"], io)).toBe(0);
      expect(out).toMatch(new RegExp(`^policyc ${name}: .+\n\n  policyc ${name}`));
      await expect((async () => command(["--no-such-option"], io))()).rejects.toThrow(/there is no option/);
    }
  });

  it("a mistyped command is told", async () => {
    const { code, err } = await run(["chekc"]);
    expect(code).toBe(2);
    expect(err).toBe('policyc: policyc has no command "chekc"; did you mean check?\n');
  });
});

describe("bad input: a clear error, and the exit code of the table", () => {
  const cases: readonly (readonly [
    title: string,
    prepare: () => void,
    argv: readonly string[],
    code: number,
    says: RegExp,
  ])[] = [
    ["a file that is not there", () => undefined, ["check", "x.policy"], 2, /x\.policy does not exist/],
    ["a folder without policies", () => undefined, ["check"], 2, /no \.policy files/],
    [
      "a folder named as a file",
      () => mkdirSync(join(folder, "d.policy")),
      ["check", "d.policy"],
      2,
      /no \.policy files/,
    ],
    [
      "a link to nothing",
      () => symlinkSync("nowhere", join(folder, "x.policy")),
      ["check"],
      2,
      /x\.policy can't be read: ENOENT/,
    ],
    [
      "50 MB",
      () => put("x.policy", Buffer.alloc(50 * 1024 * 1024, 0x20)),
      ["check"],
      2,
      /x\.policy has 52428800 bytes; at most/,
    ],
    [
      "more characters than a file may have",
      () => put("x.policy", " ".repeat(5 * 1024 * 1024)),
      ["check"],
      1,
      /error\[P0003\]/,
    ],
    [
      "deep nesting",
      () => put("x.policy", `allow a on sql when ${"(".repeat(100_000)}`),
      ["check"],
      1,
      /error\[P0004\]/,
    ],
    [
      "a byte-order mark",
      () => put("x.policy", `\ufeff${GOOD}`),
      ["check"],
      1,
      /error\[P0008\]: here is a character that is not seen: U\+FEFF, a byte-order mark/,
    ],
    [
      "UTF-16",
      () => put("x.policy", Buffer.from(`\ufeff${GOOD}`, "utf16le")),
      ["check"],
      2,
      /not UTF-8 \(it begins as UTF-16\)/,
    ],
    [
      "bytes that are no text",
      () => put("x.policy", Buffer.from([0x61, 0x0a, 0xc3, 0x28])),
      ["check"],
      2,
      /not UTF-8 \(line 2\)/,
    ],
    ["a carriage return alone", () => put("x.policy", "// x\rallow a on sql\n"), ["check"], 1, /error\[P0009\]/],
    ["an unknown character", () => put("x.policy", "allow a on sql when § == 1"), ["check"], 1, /error\[P0001\]: "§"/],
    [
      "a mistyped format",
      () => put("x.policy", GOOD),
      ["check", "--format", "xml"],
      2,
      /--format takes human, json, sarif, github/,
    ],
    [
      "settings that can't be read",
      () => {
        put("x.policy", GOOD);
        put("policyc.yaml", "lint:\n  rules:\n    L0033: off\n");
      },
      ["check"],
      2,
      /policyc\.yaml:3:5: there is no "L0033" here; did you mean/,
    ],
    [
      "a level that is none",
      () => {
        put("x.policy", GOOD);
        put("policyc.yaml", "lint: { rules: { L003: loud } }\n");
      },
      ["lint"],
      2,
      /policyc\.yaml:1:24: a level is error, warn or off/,
    ],
    ["no key", () => put("x.policy", GOOD), ["build", "--out", "b"], 2, /--key is missing/],
    [
      "a key that is none",
      () => {
        put("x.policy", GOOD);
        put("k", "x");
      },
      ["build", "--out", "b", "--key", "k"],
      2,
      /key .* can't be read/,
    ],
    ["a bundle that is none", () => put("b", "hello"), ["inspect", "b"], 5, /b: it is not a bundle/],
    [
      "a bundle of another version",
      () =>
        put(
          "b",
          new Packr({ useRecords: false }).pack(["sallyport-bundle", 9, Buffer.alloc(3), "k", Buffer.alloc(64)]),
        ),
      ["inspect", "b"],
      5,
      /version 9; this policyc reads version 1/,
    ],
    ["a code that is none", () => undefined, ["explain", "P9999"], 2, /there is no code P9999/],
    ["a shell that is none", () => undefined, ["completion", "tcsh"], 2, /completion is for bash, zsh or fish/],
    ["another language", () => undefined, ["import", "rego", "x"], 2, /`cedar`, not "rego"/],
    [
      "facts that are no JSON",
      () => {
        put("x.policy", GOOD);
        put("f", "{");
      },
      ["decide", "--facts", "f"],
      12,
      /not JSON/,
    ],
    ["no facts file", () => put("x.policy", GOOD), ["decide", "--facts", "f"], 12, /f can't be read: ENOENT/],
    ["a folder that can't be written", () => put("x.policy", GOOD), ["keygen", "no/such/key"], 2, /ENOENT/],
  ];
  it.each(cases)("%s", async (_title, prepare, argv, code, says) => {
    prepare();
    const found = await run(argv);
    expect(found.err + found.out).toMatch(says);
    expect(found.code).toBe(code);
    expect(found.err).not.toMatch(/\n {4}at /);
  });

  it("line ends of Windows are read like others", async () => {
    put("x.policy", GOOD.replaceAll("\n", "\r\n"));
    expect((await run(["check", "--strict"])).code).toBe(0);
  });

  it("a bug ends with 70 and leaves a report", async () => {
    put("x.policy", GOOD);
    put("break.mjs", 'process.stdout.write = () => { throw new TypeError("broken on purpose"); };');
    const { code, err } = await run(["check"], { node: ["--import", join(folder, "break.mjs")] });
    expect(code).toBe(70);
    const file = /Please report it with (\S+)/.exec(err)?.[1];
    expect(readFileSync(file!, "utf8")).toMatch(/TypeError: broken on purpose\n {4}at /);
    expect(readFileSync(file!, "utf8")).not.toContain("staff");
  });
});

describe("a reader that has had enough", () => {
  it("ends nothing with a fault", () => {
    const text = Array.from({ length: 3000 }, (_, i) => `deny r${i} on sql when user.nmae == "x"`).join("\n");
    writeFileSync(join(folder, "many.policy"), text);
    const policyc = `"${process.execPath}" "${PROGRAM}" check --format json many.policy`;
    const found = spawnSync("sh", ["-c", `${policyc} | head -c 20; true`], { cwd: folder, encoding: "utf8" });
    expect({ stdout: found.stdout.length, stderr: found.stderr }).toEqual({ stdout: 20, stderr: "" });
  });
});

describe("check and lint mend what they can", () => {
  const BAD = GOOD.replace("statement.read_only", "statement.readonly").replace(
    'user.groups has "staff" and statement.writes',
    'not not statement.writes and "ana" == user.name',
  );

  it("--diff shows it and writes nothing", async () => {
    put("x.policy", BAD);
    const { code, out } = await run(["check", "--diff"]);
    expect(code).toBe(1);
    expect(out).toContain("--- a/x.policy\n+++ b/x.policy\n@@");
    expect(out).toContain('-  when user.groups has "staff" and statement.readonly\n');
    expect(out).toContain('+  when user.groups has "staff" and statement.read_only\n');
    expect(get("x.policy")).toBe(BAD);
  });

  it("--fix writes it", async () => {
    put("x.policy", BAD);
    const { code, err } = await run(["check", "--fix"]);
    expect(err).toMatch(/^policyc: \d fixes in 1 file\n$/);
    expect(code).toBe(0);
    expect(get("x.policy")).toBe(
      GOOD.replace('user.groups has "staff" and statement.writes', 'statement.writes and user.name == "ana"'),
    );
  });

  it("shows a person 50 findings of one code, and all when asked; programs get all", async () => {
    const rules = Array.from({ length: 53 }, (_, i) => `allow reads_${i} on sql\n  when user.name == "u${i}"\n`);
    put("many.policy", rules.join("\n"));
    const short = await run(["check", "many.policy"]);
    expect(short.out.match(/warning\[P0052\]/g)).toHaveLength(50);
    expect(short.out).toMatch(
      /\n… and 3 more of P0052 \(no-tests\): --all shows them\n1 file: 0 errors, 53 warnings\n$/,
    );
    const long = await run(["check", "--all", "many.policy"]);
    expect(long.out.match(/warning\[P0052\]/g)).toHaveLength(53);
    expect(long.out).not.toContain("--all");
    const json = JSON.parse((await run(["check", "--format", "json", "many.policy"])).out) as {
      diagnostics: unknown[];
    };
    expect(json.diagnostics).toHaveLength(53);
  });

  it("lint tells, mends on demand, and obeys settings from a folder above", async () => {
    put("policies/x.policy", GOOD.replace("on sql\n  when", "on *\n  when"));
    put("policies/x.policy", 'allow admins on *\n  when "root" == user.name\n');
    const first = await run(["lint", "policies"]);
    expect(first.code).toBe(0);
    expect(first.out).toMatch(/warning\[L003\][^]*warning\[L060\][^]*1 file: 2 findings\n$/);
    expect((await run(["lint", "--strict", "policies"])).code).toBe(1);
    put(".policyc.yaml", "lint:\n  rules:\n    L003: error\n    constant-first: off\n");
    const second = await run(["lint", "policies"]);
    expect(second.code).toBe(1);
    expect(second.out).toMatch(/error\[L003\][^]*1 file: 1 finding\n$/);
    put(".policyc.yaml", "lint: {}\n");
    expect((await run(["lint", "--fix", "policies"])).err).toBe("policyc: 1 fix in 1 file\n");
    expect(get("policies/x.policy")).toBe('allow admins on *\n  when user.name == "root"\n');
  });

  const FINE = 'allow a on sql\n  when user.name == "root"\n';
  it.each<readonly [argv: string, text: string, code: number, out: RegExp, err: RegExp]>([
    ["lint", "allow a on sql when x ==\n", 1, /^$/, /error\[P0002\]/],
    ["lint", FINE.replace("user.name", "user.nmae"), 1, /^$/, /error\[P0\d+\]/],
    ["lint", FINE.replace('user.name == "root"', '"root" == user.name'), 0, /^--- a\/x\.policy\n/, /^$/],
    ["lint --strict", FINE.replace('user.name == "root"', '"root" == user.name'), 1, /^--- a/, /warning\[L060\]/],
    ["lint --strict", FINE.replace("sql", "*"), 1, /^$/, /warning\[L003\]/],
    ["lint --strict", FINE, 0, /^$/, /^$/],
    ["check", "allow a on sql when x ==\n", 1, /^$/, /error\[P0002\]/],
    ["check", FINE, 0, /^$/, /^$/],
    ["check --strict", FINE, 1, /^$/, /warning\[P0052\]/],
  ])("%s --diff tells on stderr what it exits by: %j", async (argv, text, code, out, err) => {
    put("x.policy", text);
    const found = await run([...argv.split(" "), "--diff", "x.policy"]);
    expect(found).toMatchObject({ code });
    expect(found.out).toMatch(out);
    expect(found.err).toMatch(err);
    expect(get("x.policy")).toBe(text);
  });

  it.each(["json", "sarif", "github"])("--format %s is the same twice", async (format) => {
    put("x.policy", BAD);
    const [one, two] = [await run(["check", "--format", format]), await run(["check", "--format", format])];
    expect(one.out).toBe(two.out);
    expect(one.code).toBe(1);
    if (format !== "github") expect(JSON.parse(one.out)).toBeTypeOf("object");
  });

  it("lists its rules", async () => {
    const { rules } = JSON.parse((await run(["lint", "--rules", "--json"])).out) as {
      rules: { code: string; level: string }[];
    };
    expect(rules.length).toBeGreaterThanOrEqual(30);
    expect((await run(["explain", rules[0]!.code])).out).toMatch(/before:\n[^]*after:\n/);
  });
});

describe("from sources to a decision", () => {
  beforeEach(async () => {
    put("p/x.policy", GOOD);
    put("p/s.sql", "create table t (id int);");
    expect((await run(["keygen", "k"])).code).toBe(0);
  });
  const build = (...more: readonly string[]): Promise<Run> =>
    run(["build", "--out", "b.bundle", "--key", "k.key", "--sequence", "7", ...more, "p"]);

  it("builds the same bytes twice, and shows the certificate", async () => {
    const { code, out } = await build();
    expect(code).toBe(0);
    expect(out).toMatch(
      /^b\.bundle: 2 rules, \d+ bytes\ndigest {4}[0-9a-f]{64}\nkey {7}[0-9a-f]{16}\nsequence {2}7\nsteps {5}at most \d+ a decision \((staff_read|writes) \d+/,
    );
    const bytes = readFileSync(join(folder, "b.bundle"));
    const certificate = JSON.parse((await build("--json")).out) as { digest: string; stepsMax: number };
    expect(out).toContain(certificate.digest);
    expect(readFileSync(join(folder, "b.bundle")).equals(bytes)).toBe(true);
    const refused = await build("--max-steps", String(certificate.stepsMax - 1));
    expect(refused.code).toBe(4);
  });

  it("builds nothing from errors or with failing tests", async () => {
    put("p/x.policy", GOOD.replace("expect deny", "expect allow by staff_read"));
    expect((await build()).code).toBe(3);
    put("p/x.policy", GOOD.replace("read_only\n", "readonly\n"));
    expect((await build()).code).toBe(1);
    expect(existsSync(join(folder, "b.bundle"))).toBe(false);
  });

  it("verifies, inspects and disassembles it; another key, an older sequence and a changed byte are refused", async () => {
    await build();
    expect((await run(["verify", "b.bundle", "--key", "k.pub"])).out).toMatch(
      /^b\.bundle: good, [0-9a-f]{64}, signed by [0-9a-f]{16}, sequence 7\n$/,
    );
    expect((await run(["inspect", "b.bundle"])).out).toContain("allow staff_read on mysql, postgres");
    expect(JSON.parse((await run(["inspect", "--json", "b.bundle"])).out)).toMatchObject({
      sequence: 7,
      package: "shop",
    });
    expect((await run(["disasm", "--rule", "writes", "b.bundle"])).out).toMatch(/^approve writes .*\n {2}/);
    await run(["keygen", "other"]);
    const wrong = await run(["verify", "b.bundle", "--key", "other.pub"]);
    expect(wrong).toMatchObject({ code: 5, err: expect.stringMatching(/is refused: it is signed by key/) as string });
    expect((await run(["verify", "b.bundle", "--key", "k.pub", "--sequence", "8"])).code).toBe(5);
    const bytes = readFileSync(join(folder, "b.bundle"));
    bytes[bytes.length >> 1]! ^= 1;
    put("b.bundle", bytes);
    expect((await run(["verify", "b.bundle", "--key", "k.pub", "--json"])).code).toBe(5);
  });

  const facts = (groups: readonly string[], statement: Readonly<Record<string, unknown>>): string =>
    JSON.stringify({ protocol: "postgres", facts: { "user.name": "ana", "user.groups": groups, ...statement } });
  const READ = { "statement.read_only": true, "statement.writes": false };

  it("decides by sources and by the bundle alike: 0 allow, 10 deny, 11 approval", async () => {
    await build();
    const cases: readonly (readonly [string, number, string])[] = [
      [facts(["staff"], READ), 0, "allow"],
      [facts([], READ), 10, "deny"],
      [facts(["staff"], { "statement.read_only": false, "statement.writes": true }), 11, "approve"],
      // What is not known is not allowed, and waits.
      [facts(["staff"], {}), 11, "approve"],
    ];
    for (const [stdin, code, verdict] of cases) {
      const [plain, bundled] = [
        await run(["decide", "p"], { stdin }),
        await run(["decide", "--bundle", "b.bundle", "--key", "k.pub"], { stdin }),
      ];
      expect(plain).toMatchObject({ code, err: "" });
      expect(JSON.parse(plain.out)).toMatchObject({ version: 1, verdict });
      expect(bundled).toEqual(plain);
    }
  });

  it("tells everything that is wrong with facts", async () => {
    const stdin = JSON.stringify({
      protocol: "postgres",
      facts: { "user.nme": "x", "statement.kind": "selct", "statement.count": "1" },
    });
    const { code, out, err } = await run(["decide", "p"], { stdin });
    expect(code).toBe(12);
    expect(out).toBe("");
    expect(err).toBe(
      "policyc: postgres has no fact user.nme; did you mean user.name?\npolicyc: statement.kind must be a SqlKind; did you mean select?\npolicyc: statement.count must be a whole number\n",
    );
    await run(["keygen", "other"]);
    await build();
    expect((await run(["decide", "--bundle", "b.bundle", "--key", "other.pub"], { stdin: facts([], READ) })).code).toBe(
      12,
    );
  });

  it("measures", async () => {
    const { code, out } = await run(["bench", "--seconds", "0.1", "--json", "p"]);
    expect(code).toBe(0);
    expect(JSON.parse(out)).toMatchObject({ version: 1, rules: 2, whole: { p50Us: expect.any(Number) as number } });
    expect((await run(["bench", "--seconds", "0.1", "--max-p99", "0.000001", "p"])).code).toBe(4);
  });
});

describe("a project to start from", () => {
  it("passes check, lint, fmt and test, and is never overwritten", async () => {
    const made = await run(["init", "new"]);
    expect(made.code).toBe(0);
    expect(readdirSync(join(folder, "new")).sort()).toEqual([
      ".github",
      ".pre-commit-config.yaml",
      "policies",
      "policyc.yaml",
    ]);
    for (const argv of [["check", "--strict"], ["lint", "--strict"], ["fmt", "--check"], ["test"]])
      expect(await run([...argv, "new"])).toMatchObject({ code: 0 });
    put("new/policies/main.policy", "// mine\n");
    const again = await run(["init", "new"]);
    expect(again.code).toBe(2);
    expect(again.err).toMatch(/is there already; nothing was written/);
    expect(get("new/policies/main.policy")).toBe("// mine\n");
  });
});

describe("import", () => {
  it("writes rules, and names what it left out", async () => {
    put("a.cedar", 'permit(principal in Group::"staff", action in Action::"read", resource);\n');
    const good = await run(["import", "cedar", "--package", "shop", "a.cedar"]);
    expect(good).toMatchObject({
      code: 0,
      out: 'package shop\n\nallow cedar_0 on sql\n  when user.groups has "staff" and statement.class == read\n',
    });
    put("b.cedar", "permit(principal, action, resource)\n  when { 1 + 1 == 2 };\n");
    const bad = await run(["import", "cedar", "a.cedar", "b.cedar"]);
    expect(bad.code).toBe(1);
    expect(bad.err).toMatch(/^b\.cedar:2:12: arithmetic is not in the fragment/);
    expect(bad.out).toContain("allow cedar_0");
  });
});

describe("completion", () => {
  it.skipIf(!inPath("bash"))("of bash offers commands and options", async () => {
    put("c.bash", (await run(["completion", "bash"])).out);
    const ask = (words: string, at: number): Promise<string> =>
      runProgram("bash", [
        "-c",
        `. ${join(folder, "c.bash")}; COMP_WORDS=(${words}); COMP_CWORD=${at}; _policyc; echo "\${COMPREPLY[@]}"`,
      ]).then((ran) => ran.stdout.trim());
    expect(await ask("policyc li", 1)).toBe("lint");
    expect(await ask("policyc build --s", 2)).toBe("--sequence");
    expect((await ask("policyc ''", 1)).split(" ")).toEqual(expect.arrayContaining(Object.keys(POLICY_COMMANDS)));
  });
  it.each(["zsh", "fish"])("of %s names every command", async (shell) => {
    const { out, code } = await run(["completion", shell]);
    expect(code).toBe(0);
    for (const name of Object.keys(POLICY_COMMANDS)) expect(out).toContain(name);
    if (inPath(shell)) {
      put("c", out);
      expect((await runProgram(shell, ["-n", join(folder, "c")])).status).toBe(0);
    }
  });
});
