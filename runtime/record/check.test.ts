import { generateKeyPairSync, createPublicKey } from "node:crypto";
import fc from "fast-check";
import { beforeAll, describe, expect, it } from "vitest";
import { parseVerifierKey, signCheckpoint, verifierKey, openCheckpoint } from "../../spec/contract/record/index.ts";
import { TestClock, logKey, open, recordedLog, session, start, verifier, work } from "../../test/support/record.ts";
import { parseTilePath } from "./check.ts";
import { MemoryLogStore, checkLog, readLog } from "./index.ts";

/** A log's files under the names that a folder gives them. */
type Files = Map<string, Buffer>;

const filesOf = (store: MemoryLogStore): Files =>
  new Map([...store.files, ...[...store.wal].map(([start, bytes]) => [`wal/${start}`, bytes] as const)]);

function storeOf(files: Files): MemoryLogStore {
  const store = new MemoryLogStore();
  for (const [path, bytes] of files)
    if (path.startsWith("wal/")) store.wal.set(Number(path.slice(4)), bytes);
    else store.files.set(path, bytes);
  return store;
}

const check = (files: Files, older: string | null = null) => checkLog(storeOf(files), verifier, older);

/** Some logs of different sizes, closed properly; and older checkpoints of the longest. */
const logs: { readonly name: string; readonly files: Files }[] = [];
let older: Buffer;
let longest: Files;

beforeAll(async () => {
  for (const sessions of [0, 1, 12, 130]) {
    const store = new MemoryLogStore();
    await recordedLog(store, sessions);
    logs.push({ name: `${sessions} sessions`, files: filesOf(store) });
  }
  const store = new MemoryLogStore();
  await recordedLog(store, 50);
  older = store.files.get("checkpoint")!;
  await recordedLog(store, 60, { segmentBytes: 30_000 });
  longest = filesOf(store);
  logs.push({ name: "taken up again", files: longest });
});

const anyLog = () => fc.constantFrom(...logs);

/** A file that is needed: parts of tiles that a wider one replaces are not. */
const needed = (files: Files): string[] =>
  [...files.keys()].filter((path) => {
    const part = /^(.*\.p)\/(\d+)$/.exec(path);
    return (
      part === null ||
      ![...files.keys()].some(
        (one) => one.startsWith(`${part[1]}/`) && Number(one.slice(part[1]!.length + 1)) > Number(part[2]),
      )
    );
  });

describe("a log that nobody touched", () => {
  it("is whole", async () => {
    for (const { files } of logs) expect((await check(files)).findings).toEqual([]);
  });

  it("has grown since an older checkpoint", async () => {
    expect(await check(longest, older.toString())).toMatchObject({ ok: true, sessions: 110 });
  });
});

describe("a log that somebody touched", () => {
  it("with any byte of any file changed is found out", async () => {
    await fc.assert(
      fc.asyncProperty(anyLog(), fc.nat(), fc.nat(), fc.integer({ min: 1, max: 255 }), async (log, which, at, flip) => {
        const files = new Map(log.files);
        const path = [...files.keys()][which % files.size]!;
        const bytes = Buffer.from(files.get(path)!);
        fc.pre(bytes.length > 0);
        bytes[at % bytes.length]! ^= flip;
        files.set(path, bytes);
        const report = await check(files);
        expect([path, report.ok]).toEqual([path, false]);
        expect(report.findings.join("\n")).toMatch(/^(entr|tile|wal|checkpoint|root)/);
      }),
      { numRuns: 600 },
    );
  });

  it("with any file missing is found out", async () => {
    for (const { files } of logs)
      for (const path of needed(files)) {
        if (path === "wal/0" && files.get(path)!.length === 0) continue;
        const report = await check(new Map([...files].filter(([one]) => one !== path)));
        // The first of several write-ahead segments may be dropped when all of it is under the checkpoint.
        const first =
          path.startsWith("wal/") &&
          [...files.keys()]
            .filter((one) => one.startsWith("wal/"))
            .sort((a, b) => Number(a.slice(4)) - Number(b.slice(4)))[0] === path &&
          [...files.keys()].filter((one) => one.startsWith("wal/")).length > 1;
        expect([path, report.ok]).toEqual([path, first]);
      }
  });

  it("with any file cut at any length is found out", async () => {
    await fc.assert(
      fc.asyncProperty(anyLog(), fc.nat(), fc.nat(), async (log, which, at) => {
        const files = new Map(log.files);
        const path = [...files.keys()][which % files.size]!;
        const bytes = files.get(path)!;
        fc.pre(bytes.length > 0);
        files.set(path, bytes.subarray(0, at % bytes.length));
        expect([path, (await check(files)).ok]).toEqual([path, false]);
      }),
      { numRuns: 400 },
    );
  });

  it("with two files exchanged, or a file under another name, is found out", async () => {
    await fc.assert(
      fc.asyncProperty(anyLog(), fc.nat(), fc.nat(), async (log, a, b) => {
        const paths = [...log.files.keys()];
        const [one, two] = [paths[a % paths.length]!, paths[b % paths.length]!];
        fc.pre(!log.files.get(one)!.equals(log.files.get(two)!));
        const files = new Map(log.files);
        files.set(one, log.files.get(two)!);
        files.set(two, log.files.get(one)!);
        expect((await check(files)).ok).toBe(false);
      }),
    );
    const files = new Map(longest);
    files.set("tile/0/900", files.get("tile/0/000")!);
    expect((await check(files)).findings).toEqual(["tile/0/900: it does not hold the hashes of the entries below it"]);
    files.delete("tile/0/900");
    files.set("tile/0/hidden", Buffer.from("x"));
    expect((await check(files)).findings).toEqual(["tile/0/hidden: no file of a log has this name"]);
  });

  it("never makes the check throw, whatever its files hold", async () => {
    await fc.assert(
      fc.asyncProperty(anyLog(), fc.nat(), fc.uint8Array({ maxLength: 300 }), async (log, which, bytes) => {
        const files = new Map(log.files);
        files.set([...files.keys()][which % files.size]!, Buffer.from(bytes));
        await check(files);
        for await (const entry of readLog(storeOf(files))) expect(entry.index).toBeGreaterThanOrEqual(0);
      }),
      { numRuns: 300 },
    );
  });

  it("names the entry or the file", async () => {
    const files = new Map(longest);
    const at = (path: string, offset: number): void => {
      const bytes = Buffer.from(files.get(path)!);
      bytes[offset]! ^= 1;
      files.set(path, bytes);
    };
    at("tile/0/001", 32 * 7 + 3);
    expect((await check(files)).findings).toEqual([
      "entry 263: it does not have the hash that tile/0 holds; one of the two was changed",
      "tile/0/001: it does not hold the hashes of the entries below it",
    ]);
    files.set("tile/0/001", longest.get("tile/0/001")!);
    files.delete("tile/entries/001");
    expect((await check(files)).findings[0]).toBe("tile/entries/001: the file is missing (entries 256 to 511)");
  });

  it("that was cut since the older checkpoint, or written anew, is found out", async () => {
    const short = new MemoryLogStore();
    await recordedLog(short, 5);
    expect((await checkLog(short, verifier, older.toString())).findings).toEqual([
      "checkpoint: the log has 30 entries, but it had 300 before: it was cut",
    ]);
    const anew = new MemoryLogStore();
    const clock = new TestClock();
    clock.ms += 1;
    const recorder = await open(anew, { clock });
    for (let i = 0; i < 110; i++) {
      const log = session(recorder, `other${i}`, clock);
      start(log);
      work(log);
    }
    await recorder.close();
    expect((await checkLog(anew, verifier, older.toString())).findings).toEqual([
      "entry 299 or one before it was changed since the older checkpoint",
    ]);
  });
});

describe("the numbers of a session's entries", () => {
  /** The log of a writer that holds the key and lies. */
  async function forged(change: (entry: Record<string, unknown>, i: number) => Record<string, unknown> | null) {
    const honest = new MemoryLogStore();
    await recordedLog(honest, 1);
    const store = new MemoryLogStore();
    const recorder = await open(store);
    let i = 0;
    for await (const { value } of readLog(honest)) {
      const entry = change({ ...value }, i++);
      if (entry === null) continue;
      const keys = Object.keys(entry).sort();
      recorder.append(JSON.stringify(Object.fromEntries(keys.map((key) => [key, entry[key]]))));
    }
    await recorder.close();
    return (await checkLog(store, verifier)).findings;
  }

  it.each<readonly [what: string, change: Parameters<typeof forged>[0], finding: RegExp]>([
    [
      "an entry left out",
      (entry, i) => (i === 2 ? null : entry),
      /entry 2: session session0 goes on with number 3 where 2/,
    ],
    [
      "its beginning left out",
      (entry, i) => (i === 0 ? null : entry),
      /entry 0: session session0 goes on with number 1/,
    ],
    [
      "an entry behind its end",
      (entry, i) => (i === 4 ? { ...entry, type: "session.end" } : entry),
      /entry 5: session session0 had ended/,
    ],
    [
      "a sequence that is no number",
      (entry, i) => (i === 3 ? { ...entry, sseq: "3" } : entry),
      /entry 3: session session0 goes on with number 3/,
    ],
    [
      "no time",
      ({ t: _, ...entry }, i) => (i === 0 ? entry : { ...entry, t: 0 }),
      /entry 0: it lacks what every entry has/,
    ],
  ])("shows %s although the tree is right", async (_, change, finding) => {
    expect((await forged(change)).join("\n")).toMatch(finding);
  });

  it("shows entries that are not canonical", async () => {
    const store = new MemoryLogStore();
    const recorder = await open(store);
    recorder.append('{"b":1, "a":2}');
    await recorder.close();
    expect((await checkLog(store, verifier)).findings).toEqual(["entry 0: it is not an object in canonical JSON"]);
  });
});

describe("a log that goes on while it is checked", () => {
  it("is read again, and is whole", async () => {
    const store = new MemoryLogStore();
    const recorder = await open(store);
    const log = session(recorder, "one");
    start(log);
    for (let i = 0; i < 100; i++) work(log);
    await recorder.flush();
    await recorder.publish();
    let reads = 0;
    const moving = Object.assign(Object.create(store) as MemoryLogStore, {
      read: async (path: string) => {
        if (reads++ === 2) {
          for (let i = 0; i < 80; i++) work(log);
          await recorder.flush();
          await recorder.publish();
        }
        return store.read(path);
      },
    });
    expect((await checkLog(moving, verifier)).findings).toEqual([]);
  });
});

describe("signed notes", () => {
  it("verifier keys of other logs are read, and written the same", () => {
    const keys = [
      "PeterNeumann+c74f20a3+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW",
      "sum.golang.org+033de0ae+Ac4zctda0e5eza+HJyk9SxEdh+s3Ux18htTTAD8OuAn8",
    ];
    for (const text of keys) {
      const key = parseVerifierKey(text)!;
      expect(verifierKey(key.name, key.key)).toBe(text);
    }
    expect(parseVerifierKey(keys[0]!.replace("c74f20a3", "c74f20a4"))).toBeUndefined();
    expect(parseVerifierKey("")).toBeUndefined();
    fc.assert(fc.property(fc.string(), (text) => void parseVerifierKey(text)));
  });

  const checkpoint = { origin: verifier.name, size: 3, root: Buffer.alloc(32, 7) };
  const note = signCheckpoint(checkpoint, logKey);

  it("come back as they were signed, also with the lines of witnesses", () => {
    expect(openCheckpoint(note, verifier)).toEqual(checkpoint);
    expect(openCheckpoint(`${note}\u2014 witness.example AAAAAAAAAAAA\n`, verifier)).toEqual(checkpoint);
    const other = signCheckpoint(checkpoint, generateKeyPairSync("ed25519").privateKey);
    const both = `${note}${other.slice(other.indexOf("\u2014"))}`;
    expect(openCheckpoint(both, verifier)).toEqual(checkpoint);
    expect(openCheckpoint(other, verifier)).toBe("it is not signed by the given key");
  });

  it.each<readonly [what: string, text: string, why: RegExp]>([
    ["nothing", "", /not a signed note/],
    ["without the last newline", note.slice(0, -1), /not a signed note/],
    ["another size", note.replace("\n3\n", "\n4\n"), /signature does not fit/],
    ["a size with a zero in front", note.replace("\n3\n", "\n03\n"), /not a checkpoint/],
    ["an extension line", note.replace("\n\n", "\nmore\n\n"), /not a checkpoint/],
    ["another name", note.replace(verifier.name, "other.example"), /is of log "other.example"/],
    ["a line that is no signature", `${note}hello\n`, /not in the form/],
    ["no signature", note.slice(0, note.indexOf("\u2014")), /not in the form/],
  ])("are refused: %s", (_, text, why) => {
    expect(openCheckpoint(text, verifier)).toMatch(why);
  });

  it("are refused with any byte changed", () => {
    const bytes = Buffer.from(note);
    for (let at = 0; at < bytes.length; at++)
      for (const flip of [1, 2, 4, 0x20, 0x80]) {
        const changed = Buffer.from(bytes);
        changed[at]! ^= flip;
        expect([at, flip, typeof openCheckpoint(changed.toString("utf8"), verifier)]).toEqual([at, flip, "string"]);
      }
  });

  it("of any text never throw", () => {
    const other = { name: "a", key: createPublicKey(logKey) };
    fc.assert(fc.property(fc.string(), fc.string(), (a, b) => void openCheckpoint(`a\n1\n${a}\n\n${b}\n`, other)));
  });
});

describe("names of tiles", () => {
  it.each<readonly [path: string, tile: ReturnType<typeof parseTilePath>]>([
    ["tile/0/000", { level: 0, index: 0, width: 256 }],
    ["tile/entries/x001/x234/067", { level: "entries", index: 1_234_067, width: 256 }],
    ["tile/2/003.p/17", { level: 2, index: 3, width: 17 }],
    ["tile/0/000.p/0", null],
    ["tile/0/000.p/256", null],
    ["tile/0/000.p/017", null],
    ["tile/0/x000/001", null],
    ["tile/00/001", null],
    ["tile/0/1", null],
  ])("%s", (path, tile) => {
    expect(parseTilePath(path)).toEqual(tile);
  });
});
