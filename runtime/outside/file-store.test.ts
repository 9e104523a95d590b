import { mkdtempSync, readFileSync, readdirSync, rmSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { FileLogStore, SEGMENT_RESERVE_BYTES, SEGMENT_STEP_BYTES } from "./file-store.ts";

let folder: string;
let store: FileLogStore;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "sallyport-store-"));
  store = new FileLogStore(folder);
});
afterEach(async () => {
  await store.close();
  rmSync(folder, { recursive: true, force: true });
});

const segment = (first: number): string => join(folder, "wal", `${String(first).padStart(16, "0")}.wal`);

describe("a segment of the write-ahead log", () => {
  it("gets space in advance as zeros, keeps the reserve, and gives back at the end what it did not need", async () => {
    await store.roll(0, 0);
    expect(statSync(segment(0)).size).toBe(SEGMENT_STEP_BYTES + SEGMENT_RESERVE_BYTES);
    const piece = Buffer.alloc(300_000, 0xab);
    for (let i = 1; i <= 40; i++) {
      await store.append(piece);
      expect(statSync(segment(0)).size).toBeGreaterThanOrEqual(i * piece.length);
    }
    const bytes = readFileSync(segment(0));
    const end = 40 * piece.length;
    expect(bytes.subarray(0, end).every((byte) => byte === 0xab)).toBe(true);
    expect(bytes.subarray(end).every((byte) => byte === 0)).toBe(true);
    await store.close();
    expect(statSync(segment(0)).size).toBe(end);
  });

  it("takes one write that is longer than a step", async () => {
    await store.roll(0, 0);
    const long = Buffer.alloc(SEGMENT_STEP_BYTES * 2 + 5, 1);
    await store.append(long);
    expect(statSync(segment(0)).size).toBeGreaterThanOrEqual(long.length + SEGMENT_RESERVE_BYTES);
    await store.close();
    expect(statSync(segment(0)).size).toBe(long.length);
  });

  it("goes on behind what is used; whatever was behind that is gone", async () => {
    await store.roll(0, 0);
    await store.append(Buffer.from("kept and torn"));
    await store.close();
    await store.roll(0, 4);
    await store.append(Buffer.from("!"));
    await store.close();
    expect(readFileSync(segment(0), "utf8")).toBe("kept!");
  });

  it("is closed when the next one begins", async () => {
    await store.roll(0, 0);
    await store.append(Buffer.from("a"));
    await store.roll(7, 0);
    await store.append(Buffer.from("b"));
    expect(await store.segments()).toEqual([0, 7]);
    expect((await store.readSegment(0)).toString()).toBe("a");
    expect((await store.readSegment(7)).subarray(0, 1).toString()).toBe("b");
    await store.dropSegment(0);
    expect(await store.segments()).toEqual([7]);
    expect(await store.readSegment(0)).toHaveLength(0);
  });
});

describe("a file of the log", () => {
  it("is put in place whole, in folders that are made for it; what was being written does not count", async () => {
    await store.write("tile/entries/x001/234", Buffer.from("one"));
    await store.write("tile/entries/x001/234", Buffer.from("two"));
    await store.write("tile/0/000.p/3", Buffer.from("part"));
    writeFileSync(join(folder, "tile/0/001.new"), "half");
    expect(await store.read("tile/entries/x001/234")).toEqual(Buffer.from("two"));
    expect([...(await store.tileFiles())].sort()).toEqual(["tile/0/000.p/3", "tile/entries/x001/234"]);
    await store.removeFolder("tile/0/000.p");
    await store.removeFolder("tile/0/000.p");
    expect(await store.tileFiles()).toEqual(["tile/entries/x001/234"]);
    expect(readdirSync(join(folder, "tile/entries/x001"))).toEqual(["234"]);
  });

  it("that is missing, or a folder, is null; a folder without a log is empty", async () => {
    expect(await store.read("checkpoint")).toBeNull();
    await store.write("a/b", Buffer.from("x"));
    expect(await store.read("a")).toBeNull();
    expect(await store.read("a/b/c")).toBeNull();
    expect(await store.segments()).toEqual([]);
    expect(await store.tileFiles()).toEqual([]);
  });
});
