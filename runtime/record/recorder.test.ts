import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import fc from "fast-check";
import { afterAll, describe, expect, it } from "vitest";
import { canonicalJson, ENTRY_BYTES_MAX, type ReadEntry } from "../../spec/contract/record/index.ts";
import {
  FaultyStore,
  ORIGIN,
  TestClock,
  logKey,
  open,
  recordedLog,
  session,
  start,
  verifier,
  work,
} from "../../test/support/record.ts";
import { FileLogStore } from "../outside/index.ts";
import {
  EntryTooLong,
  MemoryLogStore,
  RecorderFailed,
  appendGatewayEntry,
  checkLog,
  openRecorder,
  readLog,
  startHeartbeat,
  type LogStore,
  type OpenOptions,
} from "./index.ts";

const folders: string[] = [];
const fileStores: FileLogStore[] = [];
const newFolder = (): string => {
  const folder = mkdtempSync(join(tmpdir(), "sallyport-log-"));
  folders.push(folder);
  return folder;
};
const fileStore = (folder: string): FileLogStore => {
  const store = new FileLogStore(folder);
  fileStores.push(store);
  return store;
};
afterAll(async () => {
  // Those of "killed" gateways are still open.
  for (const store of fileStores) await store.close();
  for (const folder of folders) rmSync(folder, { recursive: true, force: true });
});

async function all(store: LogStore): Promise<ReadEntry[]> {
  const entries: ReadEntry[] = [];
  for await (const entry of readLog(store)) entries.push(entry);
  return entries;
}

const whole = async (store: LogStore): Promise<void> => {
  const report = await checkLog(store, verifier);
  expect(report.findings).toEqual([]);
};

const options = (more: Partial<OpenOptions> = {}): OpenOptions => ({
  clock: new TestClock(),
  origin: ORIGIN,
  key: logKey,
  durability: "before-forward",
  ...more,
});

const refusal = async (store: LogStore, more: Partial<OpenOptions> = {}): Promise<string> => {
  const opened = await openRecorder(store, options(more));
  if (opened.ok) throw new Error("the log was taken up");
  return opened.error;
};

describe.each<readonly [name: string, make: () => { readonly store: LogStore; again(): LogStore }]>([
  [
    "in memory",
    () => {
      const store = new MemoryLogStore();
      return { store, again: () => store };
    },
  ],
  [
    "in a folder",
    () => {
      const folder = newFolder();
      return { store: fileStore(folder), again: () => fileStore(folder) };
    },
  ],
])("a log %s", (_, make) => {
  it("keeps what was added, in order, and is whole", async () => {
    const { store, again } = make();
    await recordedLog(store, 120);
    const entries = await all(again());
    expect(entries).toHaveLength(120 * 6);
    expect(entries.map((entry) => entry.index)).toEqual(entries.map((_, i) => i));
    expect(entries[2]).toMatchObject({ type: "outcome", value: { sid: "session0", rows: 1, sseq: 2 } });
    await whole(again());
    expect(await checkLog(again(), verifier)).toMatchObject({ size: 720, behind: 0, sessions: 120 });
  });

  it("goes on where it was left, many times, whatever is under the checkpoint", async () => {
    const { store, again } = make();
    let count = 0;
    let current = store;
    for (const sessions of [1, 41, 3, 86, 2]) {
      await recordedLog(current, sessions);
      count += sessions * 6;
      current = again();
      expect(await all(current)).toHaveLength(count);
    }
    await whole(current);
  });

  it("closes sessions as aborted that a killed gateway left open", async () => {
    const { store, again } = make();
    const killed = await open(store);
    const one = session(killed, "one");
    start(one);
    const two = session(killed, "two");
    start(two);
    work(one);
    two.append({ type: "session.end", why: "done", statements: 0 });
    await killed.flush();
    await (await open(again())).close();
    const entries = await all(again());
    expect(entries.map((entry) => entry.type).at(-1)).toBe("session.aborted");
    expect(entries.at(-1)!.value).toMatchObject({ sid: "one", lastSequence: 2, sseq: 3 });
    expect(entries.at(-1)!.value["who"]).toMatchObject({ user: "ana" });
    expect(entries.filter((entry) => entry.type === "session.aborted")).toHaveLength(1);
    await whole(again());
  });

  it("drops old segments, and still closes a session that has long been silent", async () => {
    const { store, again } = make();
    const killed = await open(store, { segmentBytes: 20_000 });
    const silent = session(killed, "silent");
    start(silent);
    const busy = session(killed, "busy");
    start(busy);
    for (let i = 0; i < 300; i++) {
      work(busy);
      if (i % 10 === 0) await killed.flush();
      if (i % 50 === 0) await killed.publish();
    }
    await killed.flush();
    await killed.publish();
    expect((await checkLog(store, verifier)).findings).toEqual([]);
    const starts = await store.segments();
    expect(starts[0]).toBeGreaterThan(1);
    await (await open(again(), { segmentBytes: 20_000 })).close();
    const aborted = (await all(again())).filter((entry) => entry.type === "session.aborted");
    expect(aborted.map((entry) => entry.value["sid"]).sort()).toEqual(["busy", "silent"]);
    expect(aborted.find((entry) => entry.value["sid"] === "silent")!.value).toMatchObject({ lastSequence: 0, sseq: 1 });
    await whole(again());
  });

  it("keeps parts of tiles only until the tile is whole", async () => {
    const { store } = make();
    const recorder = await open(store);
    const log = session(recorder, "one");
    start(log);
    for (let i = 0; i < 140; i++) {
      work(log);
      if (i % 30 === 0) await recorder.flush().then(() => recorder.publish());
    }
    expect((await store.tileFiles()).filter((path) => path.includes("000.p/"))).not.toEqual([]);
    await recorder.close();
    const files = await store.tileFiles();
    expect(files.filter((path) => path.includes("000.p/") && !path.startsWith("tile/1"))).toEqual([]);
    expect(files).toContain("tile/0/000");
    await whole(store);
  });

  it("refuses another log's key or name", async () => {
    const { store, again } = make();
    await recordedLog(store, 1);
    expect(await refusal(again(), { origin: "other.example/audit" })).toContain("not of");
    expect(await refusal(again(), { origin: "with blank" })).toContain("can't be a log's origin");
  });

  it("without its checkpoint is refused once it has tiles only", async () => {
    const { store, again } = make();
    await recordedLog(store, 3);
    for (const first of await store.segments()) await store.dropSegment(first);
    await store.removeFolder("checkpoint");
    expect(await refusal(again())).toContain("the checkpoint is missing");
  });

  it("whose write-ahead log was cut is refused; without that log it goes on from its tiles", async () => {
    const { store, again } = make();
    await recordedLog(store, 4);
    await store.truncateSegment(0, 0);
    expect(await refusal(again())).toMatch(/covers 24: it was cut.*move the folder wal away/);
    await store.dropSegment(0);
    await recordedLog(again(), 0);
    expect(await all(again())).toHaveLength(24);
  });

  it("damaged before its end is refused, and the message says where", async () => {
    const { store, again } = make();
    const recorder = await open(store);
    const log = session(recorder, "one");
    start(log);
    await recorder.flush();
    work(log);
    await recorder.flush();
    await recorder.close();
    const segment = Buffer.from(await store.readSegment(0));
    segment[30]! ^= 1;
    await store.truncateSegment(0, 0);
    await store.roll(0, 0);
    await store.append(segment);
    await store.close();
    expect(await refusal(again())).toContain("wal segment 0 is damaged at byte 0, before its end");
  });
});

describe("durability", () => {
  it("tells waiters in order, each once its entry is durable and not before", async () => {
    const store = new MemoryLogStore();
    const waiting: (() => void)[] = [];
    store.append = (bytes) =>
      new Promise((resolve) =>
        waiting.push(() => void MemoryLogStore.prototype.append.call(store, bytes).then(resolve)),
      );
    const recorder = await open(store);
    const told: string[] = [];
    const add = (name: string): void => {
      const index = recorder.append(canonicalJson({ name }));
      expect(recorder.mayForward(index)).toBe(false);
      recorder.whenDurable(index, (durable) => told.push(`${name} ${durable}`));
    };
    add("a");
    await new Promise(setImmediate);
    add("b");
    add("c");
    await new Promise(setImmediate);
    // One write at a time: what came meanwhile waits for the next.
    expect([waiting.length, told]).toEqual([1, []]);
    waiting.shift()!();
    await new Promise(setImmediate);
    expect([waiting.length, told, recorder.durableIndex]).toEqual([1, ["a true"], 0]);
    waiting.shift()!();
    await new Promise(setImmediate);
    expect([told, recorder.durableIndex]).toEqual([["a true", "b true", "c true"], 2]);
    expect(recorder.mayForward(2)).toBe(true);
    recorder.whenDurable(1, (durable) => told.push(`late ${durable}`));
    expect(told.at(-1)).toBe("late true");
  });

  it("within 10 ms: writes once the time is up, lets actions go ahead, and a flush does not wait for the time", async () => {
    const store = new MemoryLogStore();
    const clock = new TestClock();
    const recorder = await open(store, { durability: "within-10ms", clock });
    const index = recorder.append(canonicalJson({ n: 1 }));
    expect(recorder.mayForward(index)).toBe(true);
    await new Promise(setImmediate);
    expect(store.wal.get(0)).toHaveLength(0);
    clock.advance(10);
    await new Promise(setImmediate);
    expect(recorder.durableIndex).toBe(0);
    recorder.append(canonicalJson({ n: 2 }));
    expect(await recorder.flush()).toBe(true);
    expect(recorder.durableIndex).toBe(1);
  });

  it("publishes a checkpoint at most once a second", async () => {
    const store = new MemoryLogStore();
    const clock = new TestClock();
    let checkpoints = 0;
    store.write = (path, bytes) => {
      if (path === "checkpoint") checkpoints++;
      return MemoryLogStore.prototype.write.call(store, path, bytes);
    };
    const recorder = await open(store, { clock });
    for (let i = 0; i < 30; i++) {
      recorder.append(canonicalJson({ i }));
      await recorder.flush();
      clock.advance(100);
      await new Promise(setImmediate);
    }
    expect(checkpoints).toBeGreaterThanOrEqual(2);
    expect(checkpoints).toBeLessThanOrEqual(3);
  });

  it("says every minute that it is there", async () => {
    const clock = new TestClock();
    const store = new MemoryLogStore();
    const recorder = await open(store, { clock });
    start(session(recorder, "one", clock));
    const stop = startHeartbeat(recorder, clock);
    clock.advance(150_000);
    stop();
    clock.advance(150_000);
    await recorder.close();
    expect((await all(store)).slice(1).map(({ type, value }) => [type, value["sessions"]])).toEqual([
      ["log.heartbeat", 1],
      ["log.heartbeat", 1],
    ]);
  });
});

describe("a recorder that can't write", () => {
  it("fails for good: waiters hear it, nothing more is taken, and it is said once", async () => {
    const store = new FaultyStore(1_000, "flush fails");
    const faults: string[] = [];
    const recorder = await open(store, { onFailure: (fault) => faults.push(fault.message) });
    const told: boolean[] = [];
    expect(await recorder.flush()).toBe(true);
    recorder.whenDurable(recorder.append(canonicalJson({ text: "x".repeat(2_000) })), (ok) => told.push(ok));
    const index = recorder.append(canonicalJson({ n: 1 }));
    await new Promise(setImmediate);
    recorder.whenDurable(index, (ok) => told.push(ok));
    expect(await recorder.flush()).toBe(false);
    expect(told).toEqual([false, false]);
    expect(recorder.failed?.message).toContain("can't be written");
    expect(() => recorder.append(canonicalJson({ n: 2 }))).toThrow(RecorderFailed);
    expect(() => recorder.append(canonicalJson({ n: 2 }), true)).toThrow(RecorderFailed);
    store.left = 1_000_000;
    expect(await recorder.flush()).toBe(false);
    await recorder.close();
    expect(faults).toHaveLength(1);
  });

  it("on a full disk still writes what it took and the ends of sessions", async () => {
    const store = new MemoryLogStore();
    const recorder = await open(store);
    const one = session(recorder, "one");
    start(one);
    await recorder.flush();
    store.full = true;
    work(one);
    expect(await recorder.flush()).toBe(true);
    expect(recorder.failed?.message).toContain("the disk is full");
    expect(() => work(one)).toThrow(RecorderFailed);
    const other = session(recorder, "two");
    expect(() => start(other)).toThrow(RecorderFailed);
    one.append({ type: "session.end", why: "the record can't be written", statements: one.statements });
    expect(appendGatewayEntry(recorder, new TestClock(), { type: "log.stop" })).toBe(4);
    await recorder.close();
    expect((await all(store)).map((entry) => entry.type)).toEqual([
      "session.start",
      "statement",
      "outcome",
      "session.end",
      "log.stop",
    ]);
    store.full = false;
    await recordedLog(store, 1);
    await whole(store);
  });

  it("refuses one entry that is too long and goes on", async () => {
    const store = new MemoryLogStore();
    const recorder = await open(store);
    expect(() => recorder.append(canonicalJson({ text: "x".repeat(ENTRY_BYTES_MAX) }))).toThrow(EntryTooLong);
    const frame = canonicalJson({ text: "x".repeat(ENTRY_BYTES_MAX - 11) });
    expect(recorder.append(frame)).toBe(0);
    expect(recorder.failed).toBeNull();
    await recorder.close();
    expect((await all(store))[0]!.value["text"]).toHaveLength(ENTRY_BYTES_MAX - 11);
  });

  it("whatever happens to the disk at any byte: what was durable stays, and the next start gives a whole log", async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.nat(60_000),
        fc.constantFrom("crash" as const, "no space" as const, "flush fails" as const),
        fc.array(fc.constantFrom("work", "begin", "end", "flush", "publish"), { minLength: 5, maxLength: 120 }),
        fc.constantFrom(3_000, 1_000_000),
        async (bytes, how, steps, segmentBytes) => {
          const store = new FaultyStore(bytes, how);
          const recorder = await open(store, { segmentBytes });
          const logs = new Map<string, ReturnType<typeof session>>();
          let durable = -1;
          let sessions = 0;
          for (const step of steps) {
            const log = [...logs.values()].at(-1);
            try {
              if (step === "begin" || log === undefined) {
                const next = session(recorder, `s${sessions++}`);
                start(next);
                logs.set(next.sid, next);
              } else if (step === "work") work(log);
              else if (step === "end") {
                logs.delete(log.sid);
                log.append({ type: "session.end", why: "done", statements: log.statements });
              }
            } catch (fault) {
              if (!(fault instanceof RecorderFailed)) throw fault;
              break;
            }
            if (step === "flush") await recorder.flush();
            if (step === "publish") await recorder.publish();
            durable = recorder.durableIndex;
          }
          const survivor = store.survivor();
          const before = await all(survivor);
          expect(before.length).toBeGreaterThan(durable);
          await (await open(survivor, { segmentBytes })).close();
          const after = await all(survivor);
          expect(after.slice(0, before.length)).toEqual(before);
          const begun = after.filter((entry) => entry.type === "session.start").length;
          const ended = after.filter(
            (entry) => entry.type === "session.end" || entry.type === "session.aborted",
          ).length;
          expect(ended).toBe(begun);
          await whole(survivor);
        },
      ),
      { numRuns: 300 },
    );
  });
});
