import { FileLogStore } from "../../runtime/outside/index.ts";
import { readLog as entriesOf } from "../../runtime/record/index.ts";
import type { ReadEntry } from "../../spec/contract/record/index.ts";

/** All entries of the record in this folder. */
export async function readLog(folder: string): Promise<readonly ReadEntry[]> {
  const entries: ReadEntry[] = [];
  for await (const entry of entriesOf(new FileLogStore(folder))) entries.push(entry);
  return entries;
}

/** Entries of sessions behind the end of theirs: `session type`. There may be none. */
export function afterTheirEnd(entries: readonly ReadEntry[]): readonly string[] {
  const ended = new Set<unknown>();
  const late: string[] = [];
  for (const { type, value } of entries) {
    const { sid } = value;
    if (sid !== undefined && ended.has(sid)) late.push(`${JSON.stringify(sid)} ${type}`);
    if (type === "session.end") ended.add(sid);
  }
  return late;
}
