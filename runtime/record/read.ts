import {
  TILE_WIDTH,
  decodeEntries,
  parseCanonical,
  tilePath,
  type ReadEntry,
} from "../../spec/contract/record/index.ts";
import { readFrames } from "./frames.ts";
import type { LogReader } from "./store.ts";

/**
 * All entries that can be read, without proof: for looking at a log, also one that is being written. What the bundles don't
 * give is taken from the write-ahead log; numbers are those of the entries, so a gap shows.
 */
export async function* readLog(reader: LogReader): AsyncGenerator<ReadEntry> {
  const note = await reader.read("checkpoint");
  const size = note === null ? 0 : Number(note.toString("utf8").split("\n")[1]);
  let next = 0;
  for (let bundle = 0; bundle * TILE_WIDTH < size; bundle++) {
    const width = Math.min(TILE_WIDTH, size - bundle * TILE_WIDTH);
    const bytes =
      (await reader.read(tilePath("entries", bundle, width))) ??
      (await reader.read(tilePath("entries", bundle, TILE_WIDTH)));
    const entries = bytes === null ? undefined : decodeEntries(bytes);
    if (entries === undefined) break;
    for (const entry of entries) yield toEntry(next++, entry);
  }
  for (const start of await reader.segments()) {
    for (const [i, entry] of readFrames(await reader.readSegment(start)).entries.entries()) {
      if (start + i < next) continue;
      next = start + i + 1;
      yield toEntry(start + i, entry);
    }
  }
}

function toEntry(index: number, bytes: Buffer): ReadEntry {
  const value = parseCanonical(bytes);
  const object =
    typeof value === "object" && value !== null && !Array.isArray(value) ? (value as ReadEntry["value"]) : {};
  return { index, type: typeof object["type"] === "string" ? object["type"] : "unreadable", value: object };
}
