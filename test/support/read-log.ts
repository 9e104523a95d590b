import { FileLogStore } from "../../runtime/outside/index.ts";
import { readLog as entriesOf } from "../../runtime/record/index.ts";
import type { ReadEntry } from "../../spec/contract/record/index.ts";

/** All entries of the record in this folder. */
export async function readLog(folder: string): Promise<readonly ReadEntry[]> {
  const entries: ReadEntry[] = [];
  for await (const entry of entriesOf(new FileLogStore(folder))) entries.push(entry);
  return entries;
}
