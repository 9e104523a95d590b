import { createHash } from "node:crypto";
import { createReadStream } from "node:fs";
import { join } from "node:path";
import { pipeline } from "node:stream/promises";
import { readLog, type LogReader } from "../../runtime/record/index.ts";
import { printable } from "../io.ts";

/** A name of ours, and no way out of the folder. */
const NAME = /^\w[\w.-]{0,200}$/;

/** The files that a record's entries name, held against their hashes there. */
export interface CheckedRecordings {
  readonly count: number;
  readonly findings: readonly string[];
}

/** @param folder where the recordings are: `state/recordings`, or a copy of it */
export async function checkRecordings(log: LogReader, folder: string): Promise<CheckedRecordings> {
  const findings: string[] = [];
  let count = 0;
  for await (const { index, type, value } of readLog(log)) {
    if (type !== "recording") continue;
    count++;
    const name = String(value["name"]);
    const why = NAME.test(name) ? await fault(join(folder, name), value["digest"]) : "has a name that no recording has";
    if (why !== null) findings.push(`entry ${index}: recording ${printable(name)} ${why}`);
  }
  return { count, findings };
}

async function fault(path: string, digest: unknown): Promise<string | null> {
  const hash = createHash("sha256");
  try {
    await pipeline(createReadStream(path), hash);
  } catch (error) {
    const { code, message } = error as NodeJS.ErrnoException;
    return code === "ENOENT" ? "is missing" : `can't be read: ${message}`;
  }
  return hash.digest("hex") === digest ? null : "was changed: its SHA-256 is not the one in the record";
}
