import { readFileSync, readdirSync, statSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { describe, expect, it } from "vitest";
import { checkFiles } from "../lang/index.ts";
import { runProgram } from "./support/programs.ts";

const ROOT = fileURLToPath(new URL("../", import.meta.url));
const PACKS = join(ROOT, "policies/packs");
const packs = readdirSync(PACKS).filter((name) => statSync(join(PACKS, name)).isDirectory());

const policyc = (...args: readonly string[]) =>
  runProgram(process.execPath, [join(ROOT, "cli/policyc.ts"), ...args], { env: { NO_COLOR: "1" } });

describe.each(packs)("%s", (pack) => {
  const read = (name: string): string => readFileSync(join(PACKS, pack, name), "utf8");

  it("says its criteria and owner at every rule, and names every rule in its page", () => {
    const { policy } = checkFiles([{ path: `${pack}.policy`, text: read(`${pack}.policy`) }]);
    const page = read("README.md");
    expect(policy.rules.length).toBeGreaterThan(4);
    for (const rule of policy.rules) {
      const keys = rule.annotations.map((annotation) => annotation.key);
      expect(keys, rule.name).toContain("owner");
      expect(keys, rule.name).toContain("soc2");
      expect(page).toContain(`\`${rule.name}\``);
    }
  });

  it("passes its tests by itself, and every rule decides in one", async () => {
    const ran = await policyc("test", "--coverage", "--min-rules", "100", join(PACKS, pack));
    expect(ran.out).toMatch(/^[1-9]\d+ passed, 0 failed$/m);
    expect(ran.status, ran.out).toBe(0);
  });

  it("is without a warning", async () => {
    const ran = await policyc("check", "--strict", join(PACKS, pack));
    expect(ran.status, ran.out).toBe(0);
  });
});

it("all policies together pass their tests", async () => {
  const tests = await policyc("test", join(ROOT, "policies"));
  expect(tests.status, tests.out).toBe(0);
});

// Starters are for one protocol each and take the place of a policy, so they are not laid over the sample.
it.each([
  ["the sample with library and packs", ["library", "shop", "packs"]],
  ...["http", "kubernetes", "ssh"].map((name) => [`the starter for ${name}`, [`starter/${name}`]] as const),
] as const)("%s has no warning", async (_what, folders) => {
  const check = await policyc("check", "--strict", ...folders.map((name) => join(ROOT, "policies", name)));
  expect(check.status, check.out).toBe(0);
});
