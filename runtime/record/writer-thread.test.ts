import { generateKeyPairSync } from "node:crypto";
import { existsSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { ORIGIN, logKey, session, start, verifier, work } from "../../test/support/record.ts";
import { FileLogStore, systemClock } from "../outside/index.ts";
import { checkLog, openRecorderInThread, readLog, type OpenOptions, type Recorder } from "./index.ts";

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "sallyport-thread-"));
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

const options = (more: Partial<OpenOptions> = {}): OpenOptions => ({
  clock: systemClock,
  origin: ORIGIN,
  key: logKey,
  durability: "before-forward",
  ...more,
});

async function open(more: Partial<OpenOptions> = {}): Promise<Recorder> {
  const opened = await openRecorderInThread(folder, options(more));
  if (!opened.ok) throw new Error(opened.error);
  return opened.value;
}

const types = async (): Promise<readonly string[]> => {
  const found: string[] = [];
  for await (const { type } of readLog(new FileLogStore(folder))) found.push(type);
  return found;
};

describe("a log that is written on a thread of its own", () => {
  it.each(["before-forward", "within-10ms"] as const)("is whole, over segments and runs: %s", async (durability) => {
    for (const sessions of [3, 40]) {
      const recorder = await open({ durability, segmentBytes: 30_000 });
      for (let i = 0; i < sessions; i++) {
        const log = session(recorder, `s${recorder.size}`, systemClock);
        start(log);
        for (let j = 0; j < 5; j++) work(log, `select ${i}, '${"x".repeat(i * 10)}'`);
        log.append({ type: "session.end", why: "done", statements: 5 });
        if (i % 5 === 0) expect(await recorder.flush()).toBe(true);
        if (i % 9 === 0) await recorder.publish();
      }
      await recorder.close();
    }
    const report = await checkLog(new FileLogStore(folder), verifier);
    expect(report).toMatchObject({ findings: [], behind: 0, sessions: 43 });
    expect((await types()).filter((type) => type === "statement")).toHaveLength(43 * 5);
  });

  it("grows what is collected while a write is under way", async () => {
    const recorder = await open();
    const log = session(recorder, "s", systemClock);
    start(log);
    const many = 3_000;
    for (let i = 0; i < many; i++) work(log, `select '${"y".repeat(900)}'`);
    expect(await recorder.flush()).toBe(true);
    log.append({ type: "session.end", why: "done", statements: many });
    await recorder.close();
    expect((await checkLog(new FileLogStore(folder), verifier)).findings).toEqual([]);
    expect(await types()).toHaveLength(2 + 2 * many);
  });

  it("in a folder that can't be taken up is refused in words", async () => {
    await (await open()).close();
    const other = await openRecorderInThread(folder, options({ key: generateKeyPairSync("ed25519").privateKey }));
    expect(other).toMatchObject({
      ok: false,
      error: expect.stringContaining("the checkpoint can't be trusted") as string,
    });
    writeFileSync(join(folder, "file"), "");
    const file = await openRecorderInThread(join(folder, "file"), options());
    expect(file).toMatchObject({ ok: false, error: expect.stringContaining("ENOTDIR") as string });
  });

  it("whose tiles can't be written fails, and says so once", async () => {
    const faults: string[] = [];
    const recorder = await open({ onFailure: (fault) => faults.push(fault.message) });
    // Where the checkpoint should be put there is a folder.
    rmSync(join(folder, "checkpoint"), { force: true });
    mkdirSync(join(folder, "checkpoint", "in-the-way"), { recursive: true });
    start(session(recorder, "s", systemClock));
    expect(await recorder.flush()).toBe(true);
    await recorder.publish();
    expect(faults).toEqual([expect.stringContaining("tiles can't be written") as string]);
    expect(recorder.failed).not.toBeNull();
    await recorder.close();
    expect(existsSync(join(folder, "wal"))).toBe(true);
  });
});
