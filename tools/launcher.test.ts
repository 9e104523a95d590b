import { spawnSync } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, it } from "vitest";
import { launcher } from "./launcher.mjs";

let folder: string;
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), "sallyport-launcher-"));
  writeFileSync(join(folder, "package.json"), '{ "type": "module" }');
  writeFileSync(join(folder, "policyc.js"), launcher("policyc"));
  writeFileSync(join(folder, "policyc.main.js"), "process.stdout.write(process.argv.slice(2).join());");
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

it.each([
  ["18.20.1", 2, "", "policyc: this is Node 18.20.1; Node 22.13 or newer is needed, from https://nodejs.org\n"],
  ["22.12.0", 2, "", "policyc: this is Node 22.12.0; Node 22.13 or newer is needed, from https://nodejs.org\n"],
  ["22.13.0", 0, "check,x.policy", ""],
  ["24.0.0", 0, "check,x.policy", ""],
])("a command under Node %s", (version, status, out, err) => {
  const pretend = `data:text/javascript,Object.defineProperty(process.versions,"node",{value:"${version}"})`;
  const ran = spawnSync(process.execPath, ["--import", pretend, join(folder, "policyc.js"), "check", "x.policy"], {
    encoding: "utf8",
  });
  expect([ran.status, ran.stdout, ran.stderr]).toEqual([status, out, err]);
});
