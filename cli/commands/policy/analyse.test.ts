import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import type { Io } from "../../io.ts";
import { checkCommand } from "./check.ts";
import { diffCommand } from "./diff.ts";
import { proveCommand } from "./prove.ts";
import { queryCommand } from "./query.ts";
import { testCommand } from "./test.ts";

let folder = "";
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), "policyc-analyse-"));
});
afterAll(() => {
  rmSync(folder, { recursive: true });
});

/** A command in the test's folder: its exit code, and what it printed. */
async function run(
  command: (argv: readonly string[], io: Io) => number | Promise<number>,
  argv: readonly string[],
): Promise<{ readonly code: number; readonly out: string; readonly err: string }> {
  let out = "";
  let err = "";
  const io: Io = {
    stdout: (text) => void (out += text),
    stderr: (text) => void (err += text),
    env: {},
    cwd: folder,
    colour: false,
    readStdin: () => Promise.resolve(""),
    askSecret: () => Promise.resolve(undefined),
  };
  return { code: await command(argv, io), out, err };
}

const write = (name: string, text: string): void => {
  writeFileSync(join(folder, name), text);
};

const OLD = `allow reads on sql when statement.read_only
allow owners on sql when user.groups has "dba"
deny drops on sql when statement.kind in [drop_table, drop_schema] because "x"
`;

describe("policyc diff", () => {
  it("prints what is wider, with an action and the rules on both sides, and ends with 6", async () => {
    write("old.policy", OLD);
    write("new.policy", OLD.replace("[drop_table, drop_schema]", "[drop_schema]"));
    const { code, out } = await run(diffCommand, ["old.policy", "new.policy"]);
    expect(code).toBe(6);
    expect(out).toBe(`Access widened: old deny drops (old.policy:3), on postgres, mysql
  before: denied by drops
  after:  allowed by owners
  for example:
    user.groups: ["dba"]
    statement.kind: drop_table

1 difference, 0 undecided
`);
  });

  it("takes --fail-on, and knows what it may name", async () => {
    write("old.policy", OLD);
    write("new.policy", OLD.replace("[drop_table, drop_schema]", "[drop_schema]"));
    expect((await run(diffCommand, ["old.policy", "new.policy", "--fail-on", "narrowed"])).code).toBe(0);
    expect((await run(diffCommand, ["new.policy", "old.policy"])).code).toBe(0);
    expect((await run(diffCommand, ["new.policy", "old.policy", "--fail-on", "any"])).code).toBe(6);
    await expect(run(diffCommand, ["old.policy", "new.policy", "--fail-on", "wider"])).rejects.toThrow(
      /--fail-on takes/,
    );
    await expect(run(diffCommand, ["old.policy"])).rejects.toThrow(/two policies/);
  });

  it("says that nothing changed when nothing did", async () => {
    write("old.policy", OLD);
    write("new.policy", `// moved\n${OLD.split("\n").reverse().join("\n")}`);
    expect(await run(diffCommand, ["old.policy", "new.policy"])).toEqual({
      code: 0,
      out: "no difference in meaning\n",
      err: "",
    });
  });

  it("writes JSON, and Markdown in which nothing of the policy is markup", async () => {
    write("old.policy", OLD);
    write("new.policy", `${OLD}allow odd on sql when user.name == "<b>\`x\`</b>"\n`);
    const found = JSON.parse((await run(diffCommand, ["old.policy", "new.policy", "--format", "json"])).out) as {
      differences: { change: string; rule: string; action: unknown; before: unknown; after: unknown }[];
    };
    expect(found.differences).toMatchObject([
      { change: "widened", rule: "odd", before: { verdict: "deny", deciding: [] }, after: { deciding: ["odd"] } },
    ]);
    const { out } = await run(diffCommand, ["old.policy", "new.policy", "--format", "github"]);
    expect(out).toContain("#### Access widened (1)");
    expect(out).toContain("&lt;b&gt;&#96;x&#96;&lt;/b&gt;");
    expect(out).not.toContain("<b>");
  });

  it("compares no policy that has errors", async () => {
    write("old.policy", OLD);
    write("new.policy", "allow x on sql when nothing\n");
    const { code, err } = await run(diffCommand, ["old.policy", "new.policy"]);
    expect(code).toBe(1);
    expect(err).toContain("P0020");
  });
});

describe("policyc prove", () => {
  it("prints a test for what is broken, and that test fails", async () => {
    const policy = `${OLD}never "only reads and owners" on sql when statement.writes and user.groups has "dba"\nnever "drops" on sql when statement.kind == drop_table\n`;
    write("p.policy", policy);
    const { code, out } = await run(proveCommand, ["p.policy"]);
    expect(code).toBe(1);
    expect(out).toContain('proved        never "drops" (p.policy:5)');
    const test = /^test .*?^}/ms.exec(out)![0];
    write("p.policy", `${policy}${test}\n`);
    expect((await run(testCommand, ["p.policy"])).code).toBe(3);
    // Kept to, the same test passes.
    write("p.policy", `${policy}deny writes on sql when statement.writes because "x"\n${test}\n`);
    expect((await run(testCommand, ["p.policy"])).code).toBe(0);
    expect((await run(proveCommand, ["p.policy", "--format", "json"])).code).toBe(0);
  });
});

describe("policyc query", () => {
  it("answers who can, and on what it depends", async () => {
    write("p.policy", OLD);
    const { code, out } = await run(queryCommand, ["--fact", "statement.kind=insert", "p.policy"]);
    expect(code).toBe(0);
    expect(out).toBe(`Allowed by owners (p.policy:2)
  when user.groups has "dba"
  for example:
    user.groups: ["dba"]
    statement.kind: insert

1 rule, 0 undecided
`);
    expect((await run(queryCommand, ["--when", "statement.kind == drop_table", "p.policy"])).out).toMatch(/^nobody/);
  });

  it("tells errors of the question as of a policy", async () => {
    write("p.policy", OLD);
    const { code, err } = await run(queryCommand, ["--when", "statement.knd == x", "p.policy"]);
    expect(code).toBe(1);
    expect(err).toContain("(the question)");
    expect(err).toContain("did you mean `statement.kind`?");
    expect(err).not.toContain("--fix");
    await expect(run(queryCommand, ["--fact", "statement.knd=x", "p.policy"])).rejects.toThrow(/has no fact/);
  });
});

describe("policyc check", () => {
  it("tells rules that change nothing, with those that cover them", async () => {
    write("p.policy", `${OLD}deny one on sql when statement.kind == drop_table because "x"\n`);
    const { out } = await run(checkCommand, ["p.policy"]);
    expect(out).toContain("warning[P0062]: deny `one` changes nothing: wherever it applies, `drops` does too");
    expect(out).toContain("deny `drops` of p.policy");
  });
});
