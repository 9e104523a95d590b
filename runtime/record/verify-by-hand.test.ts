import { spawnSync } from "node:child_process";
import { mkdtempSync, readFileSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { verifierKey } from "../../spec/contract/record/index.ts";
import { recordedLog, verifier } from "../../test/support/record.ts";
import { FileLogStore } from "../outside/index.ts";

/** The script that the guide prints. */
const script = /```js\n([\s\S]*?)```/.exec(
  readFileSync(new URL("../../docs/guide/verify-by-hand.md", import.meta.url), "utf8"),
)![1]!;

let folder: string;
const run = (name: string, key = verifierKey(verifier.name, verifier.key)) =>
  spawnSync(process.execPath, [join(folder, "verify.mjs"), join(folder, name), key], { encoding: "utf8" });

beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), "sallyport-verify-"));
  writeFileSync(join(folder, "verify.mjs"), script);
  for (const [name, sessions] of [
    ["empty", 0],
    ["small", 2],
    ["large", 130],
  ] as const)
    await recordedLog(new FileLogStore(join(folder, name)), sessions);
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

describe("the checker printed in the guide", () => {
  it.each([
    ["empty", 0],
    ["small", 12],
    ["large", 780],
  ])("finds the %s log whole", (name, entries) => {
    expect(run(name)).toMatchObject({ stdout: `whole: ${entries} entries of ${verifier.name}\n`, status: 0 });
  });

  it("finds a changed entry, a changed checkpoint and another key", () => {
    const other = "PeterNeumann+c74f20a3+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW";
    expect(run("small", other).status).toBe(1);
    const part = join(folder, "small/tile/entries/000.p");
    const bundle = join(part, readdirSync(part).sort((a, b) => Number(b) - Number(a))[0]!);
    const bytes = readFileSync(bundle, "latin1");
    writeFileSync(bundle, bytes.replace('"user":"ana"', '"user":"eva"'), "latin1");
    expect(run("small")).toMatchObject({ stderr: "NOT whole: an entry was changed\n", status: 1 });
    const checkpoint = join(folder, "large/checkpoint");
    writeFileSync(checkpoint, readFileSync(checkpoint, "utf8").replace("\n780\n", "\n779\n"));
    expect(run("large")).toMatchObject({ stderr: "NOT whole: the signature is wrong\n", status: 1 });
  });
});
