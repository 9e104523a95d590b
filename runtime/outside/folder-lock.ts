import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";

/**
 * Keeps a folder to one process: two gateways that write one record would spoil it. The lock is the kernel's, on a file in
 * the folder, and goes with the process however it ends; the file itself stays and means nothing.
 *
 * @returns how to give the lock back, or null when another holder has it
 */
export function lockFolder(folder: string): (() => void) | null {
  const database = new DatabaseSync(join(folder, "lock"), { timeout: 0 });
  try {
    database.exec("begin exclusive");
  } catch (fault) {
    database.close();
    if ((fault as { errcode?: unknown }).errcode === SQLITE_BUSY) return null;
    throw fault;
  }
  return () => database.close();
}

const SQLITE_BUSY = 5;
