import { cpSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeEach, describe, expect, it } from "vitest";
import { compile, oracleDecider, runTests, captureCases } from "../../../compiler/index.ts";
import { loadParser } from "../../../runtime/facts/sql/offline.ts";
import { UsageError, type Io } from "../../io.ts";
import { bundleDecider, executableOf } from "./decide.ts";
import { captureWith } from "./extract.ts";
import { policyFiles } from "./files.ts";
import { genTestsCommand } from "./gen-tests.ts";
import { Schemas } from "./schemas.ts";
import { testCommand } from "./test.ts";

const SHOP = new URL("../../../policies/shop/", import.meta.url).pathname;
const folders: string[] = [];
let folder = "";

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "policyc-test-"));
  folders.push(folder);
});
afterAll(() => {
  for (const one of folders) rmSync(one, { recursive: true });
});

interface Said {
  readonly code: number;
  readonly out: string;
  readonly err: string;
}

async function said(run: (io: Io) => Promise<number>): Promise<Said> {
  let [out, err] = ["", ""];
  const io: Io = {
    stdout: (text) => void (out += text),
    stderr: (text) => void (err += text),
    env: {},
    cwd: folder,
    colour: false,
    readStdin: () => Promise.resolve(""),
    askSecret: () => Promise.resolve(undefined),
  };
  const code = await run(io);
  return { code, out, err };
}
const policycTest = (...argv: readonly string[]): Promise<Said> => said((io) => testCommand(argv, io));
const genTests = (...argv: readonly string[]): Promise<Said> => said((io) => genTestsCommand(argv, io));
const write = (name: string, text: string): void => writeFileSync(join(folder, name), text);
const read = (name: string): string => readFileSync(join(folder, name), "utf8");

const RULES = `allow reads on sql
  when user.groups has "staff" and statement.read_only

deny drops on sql
  when statement.kind in [drop_table, drop_schema]
  because "Not by hand."
`;
const READS = `
test "staff reads" {
  user "ana" in "staff"
  sql "select 1"
  expect allow by reads
}
`;
const WRONG = `
test "staff drops" {
  user "ana" in "staff"
  sql "drop table t"
  expect allow
}
`;

describe("policyc test", () => {
  it("0: all passed", async () => {
    write("a.policy", RULES + READS);
    expect(await policycTest("a.policy")).toEqual({ code: 0, out: "1 passed, 0 failed\n", err: "" });
  });

  it("1: the policy has errors", async () => {
    write("a.policy", `${RULES}${READS}allow x on nowhere\n`);
    const { code, err } = await policycTest("a.policy");
    expect(code).toBe(1);
    expect(err).toContain("a.policy");
  });

  it("3: a test failed, with its place and why it was decided so", async () => {
    write("a.policy", RULES + READS + WRONG);
    const { code, out } = await policycTest("a.policy");
    expect(code).toBe(3);
    expect(out).toContain("a.policy:17:10: expected allow, found deny by drops\n");
    expect(out).toContain("deny drops (a.policy:4) matched, for\n");
    expect(out).toContain("when: `statement.kind in [drop_table, drop_schema]` is true\n");
  });

  it("4: a least percentage is not met, and only then", async () => {
    write("a.policy", RULES + READS);
    const { code, err } = await policycTest("--min-rules", "100", "a.policy");
    expect([code, err]).toEqual([4, "policyc: 50 % of the rules decided an action; --min-rules asks for 100 %\n"]);
    expect((await policycTest("--min-rules", "50", "a.policy")).code).toBe(0);
    expect((await policycTest("--min-conditions", "51", "a.policy")).code).toBe(4);
    expect((await policycTest("--min-score", "99", "a.policy")).code).toBe(4);
    expect((await policycTest("--min-score", "1", "a.policy")).code).toBe(0);
  });

  it("3 goes before 4, and faults are tried only when all passes", async () => {
    write("a.policy", RULES + READS + WRONG);
    const { code, err } = await policycTest("--min-rules", "100", "--mutate", "a.policy");
    expect(code).toBe(3);
    expect(err).toContain("faults are tried only once every test passes");
  });

  it.each<readonly [argv: readonly string[], why: RegExp]>([
    [["--format", "xml", "a.policy"], /--format takes human, tap, junit, json or github/],
    [["--min-rules", "101", "a.policy"], /--min-rules takes a number from 0 to 100/],
    [["--min-score", "-1", "a.policy"], /--min-score/],
    [["--filter", "nothing like it", "a.policy"], /no test has "nothing like it" in its name/],
    [["b.policy"], /b\.policy does not exist/],
    [["--coverage-html", "no/such/folder/c.html", "a.policy"], /c\.html can't be written/],
  ])("2: wrong use: %j", async (argv, why) => {
    write("a.policy", RULES + READS);
    await expect(policycTest(...argv)).rejects.toThrow(why);
    await expect(policycTest(...argv)).rejects.toBeInstanceOf(UsageError);
  });

  it("2: no tests at all", async () => {
    write("a.policy", RULES);
    await expect(policycTest("a.policy")).rejects.toThrow(/there are no tests/);
  });

  it("--filter runs what has the text in its name", async () => {
    write("a.policy", RULES + READS + WRONG);
    expect(await policycTest("--filter", "STAFF READS", "a.policy")).toMatchObject({ code: 0 });
  });

  it("x_test.policy is read with x.policy, and with its folder", async () => {
    write("a.policy", RULES);
    write("a_test.policy", READS);
    expect((await policycTest("a.policy")).out).toBe("1 passed, 0 failed\n");
    expect((await policycTest(".")).out).toBe("1 passed, 0 failed\n");
    expect((await policycTest("a.policy", "a_test.policy")).out).toBe("1 passed, 0 failed\n");
  });

  it("other formats leave stdout to the report", async () => {
    write("a.policy", RULES + READS);
    const { out, err } = await policycTest("--format", "json", "--coverage", "--mutate", "a.policy");
    expect(JSON.parse(out)).toMatchObject([{ test: "staff reads", ok: true }]);
    expect(err).toContain("rules that decided an action: 50 % (1 of 2)");
    expect(err).toContain("mutation score: ");
  });

  it("writes coverage and mutants where it is told", async () => {
    write("a.policy", RULES + READS);
    const files = ["--coverage-html", "c.html", "--coverage-lcov", "c.lcov", "--coverage-json", "c.json"];
    expect((await policycTest(...files, "--mutate-json", "m.json", "a.policy")).code).toBe(0);
    expect(read("c.html")).toMatch(/^<!doctype html>/);
    expect(read("c.lcov")).toContain("SF:a.policy");
    expect(JSON.parse(read("c.json"))).toMatchObject({ rules: { reached: 1, all: 2 } });
    expect(JSON.parse(read("m.json"))).toMatchObject({ inconclusive: 0 });
  });

  it.each<readonly [form: string, action: string]>([
    ["ssh", 'ssh "uptime"'],
    ["kubectl", 'kubectl "get pods"'],
    ["http", 'http GET "/api/orders" {}'],
    ["tool", 'tool "search" {}'],
  ])("every form's facts are found: %s", async (_form, action) => {
    write("a.policy", `allow a on *\n\ntest "t" {\n  user "ana"\n  ${action}\n  expect allow by a\n}\n`);
    expect((await policycTest("a.policy")).code).toBe(0);
  });

  it("an action that can't be taken apart is told as the test's fault", async () => {
    write("a.policy", 'allow a on *\n\ntest "t" {\n  user "ana"\n  kubectl "apply -f x.yaml"\n  expect allow\n}\n');
    const { code, out } = await policycTest("a.policy");
    expect(code).toBe(3);
    expect(out).toContain("a test has no files");
  });

  it("a schema that is missing and a statement that is none are told as the test's fault", async () => {
    const with_ = (entry: string): string =>
      `${RULES}\ntest "t" {\n  user "ana" in "staff"\n  ${entry}\n  expect allow\n}\n`;
    write("a.policy", with_('schema "no.sql"\n  sql "select 1"'));
    expect((await policycTest("a.policy")).out).toContain("schema no.sql can't be read");
    write("a.policy", with_('sql "selec 1"'));
    const { code, out } = await policycTest("a.policy");
    expect(code).toBe(3);
    expect(out).toContain("the statement can't be analysed");
  });
});

describe("the sample policy", () => {
  it("has every rule and every condition covered", async () => {
    const { code, out } = await policycTest("--min-rules", "100", "--min-conditions", "100", join(SHOP, "shop.policy"));
    expect(out).toContain("rules that decided an action: 100 % (10 of 10)");
    expect(code).toBe(0);
  });

  it("gen-tests writes what is left, and then no fault is left unnoticed", async () => {
    for (const name of ["shop.policy", "shop.sql"]) cpSync(join(SHOP, name), join(folder, name));
    const made = await genTests("-o", "more_test.policy", ".");
    expect(made).toMatchObject({ code: 0, err: "" });
    expect(made.out).toMatch(/^more_test\.policy: \d+ tests\n$/);
    const after = await policycTest("--min-score", "100", "--min-rules", "100", ".");
    expect(after.err).toBe("");
    expect(after.code).toBe(0);
    expect(after.out).toContain("mutation score: 100 %");
    expect(await genTests(".")).toEqual({ code: 0, out: "", err: "policyc: no test is missing\n" });
  });

  it("is decided alike by the bundle and by the oracle that mutants are run with", async () => {
    const { code, out } = await policycTest(SHOP);
    expect([code, out]).toEqual([0, expect.stringContaining(" 0 failed")]);
    await loadParser();
    const quiet = { cwd: folder } as Io;
    const { policy, manifest } = compile(policyFiles([SHOP], quiet), { sequence: 0 });
    const cases = captureCases(policy.tests, captureWith({ schemas: new Schemas(quiet) }));
    const byBundle = bundleDecider(executableOf(manifest!));
    const byOracle = oracleDecider(policy.rules);
    expect(cases.length).toBeGreaterThan(50);
    for (const { action } of cases) {
      if (typeof action === "string") throw new Error(action);
      expect(byOracle(action)).toEqual(byBundle(action));
    }
    expect(runTests([], { capture: () => "", decide: byOracle })).toEqual([]);
  });
});

describe("policyc gen-tests", () => {
  it("prints a suite for a policy that has none, which passes", async () => {
    write("a.policy", RULES);
    const { code, out } = await genTests("a.policy");
    expect(code).toBe(0);
    write("a_test.policy", out);
    expect(await policycTest("--min-rules", "100", "--min-conditions", "100", "--min-score", "100", ".")).toMatchObject(
      {
        code: 0,
        err: "",
      },
    );
  });

  it("--from-scratch writes all of them though there are some", async () => {
    write("a.policy", RULES + READS);
    const count = (text: string): number => text.split("\ntest ").length;
    const [lacking, all] = [await genTests("a.policy"), await genTests("--from-scratch", "a.policy")];
    expect(count(all.out)).toBeGreaterThan(count(lacking.out));
  });

  it("does not write over a file unless it is told to", async () => {
    write("a.policy", RULES);
    write("b_test.policy", "// mine\n");
    await expect(genTests("-o", "b_test.policy", "a.policy")).rejects.toThrow(/b_test\.policy is there already/);
    expect(read("b_test.policy")).toBe("// mine\n");
    expect((await genTests("-o", "b_test.policy", "--force", "a.policy")).code).toBe(0);
  });

  it("3: tests that fail come first; 1: so do errors", async () => {
    write("a.policy", RULES + WRONG);
    expect(await genTests("a.policy")).toMatchObject({ code: 3, out: "" });
    write("a.policy", "allow x on nowhere\n");
    expect(await genTests("a.policy")).toMatchObject({ code: 1, out: "" });
  });
});
