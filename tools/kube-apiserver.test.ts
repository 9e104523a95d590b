import { spawnSync } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, it, vi } from "vitest";
import { buildApiServer, whyNoApiServer } from "./kube-apiserver.ts";

let folder = "";

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "sallyport-kube-"));
});

afterEach(() => {
  vi.unstubAllEnvs();
  rmSync(folder, { recursive: true, force: true });
});

function scriptOf(lines: string): string {
  const script = join(folder, "script.sh");
  writeFileSync(script, `${lines}\n`);
  return script;
}

it.each<readonly [title: string, script: string, withinMs: number | null, expected: string | RegExp | null]>([
  ["is built", '[ "$1" = build ]', 600_000, null],
  ["is built without a limit", '[ "$1" = build ]', null, null],
  ["has no time left", "exit 0", 0, "no time is left to build it"],
  ["fails", 'echo "no space" >&2; exit 1', 600_000, "it can't be built here: no space"],
  ["fails without a word", "exit 3", 600_000, "it can't be built here: it ended with 3"],
  ["fails without a limit", "exit 3", null, "it ended with 3"],
  ["takes too long", "sleep 600", 100, "building it takes longer than there is time"],
  ["is killed on the way", "kill -KILL $$", 600_000, /^it can't be built here: /],
])("an API server that %s", (_, script, withinMs, expected) => {
  const found = buildApiServer(withinMs, scriptOf(script), folder);
  if (expected instanceof RegExp) expect(found).toMatch(expected);
  else expect(found).toBe(expected);
});

it("a machine that can't have one says why", () => {
  const script = scriptOf('[ "$1" = check ] && { echo "not Debian" >&2; exit 1; }');
  expect(whyNoApiServer(script, folder)).toBe("not Debian");
  expect(whyNoApiServer(scriptOf("exit 0"), folder)).toBeNull();
  vi.stubEnv("PATH", folder);
  expect(whyNoApiServer(script, folder)).toMatch(/bash.*ENOENT/);
});

it("the version that is built is the script's own, whatever the system calls its own", () => {
  const script = join(import.meta.dirname, "kube-apiserver.sh");
  const ran = spawnSync("bash", ["-c", `set -- check "$1"; . "$0"; echo "$VERSION"`, script, folder], {
    encoding: "utf8",
  });
  // Where nothing can be built, the script says so instead.
  expect(ran.status === 0 ? ran.stdout : ran.stderr).toMatch(/^(v1\.20\.2\n|kube-apiserver\.sh: .+\n)$/);
});
