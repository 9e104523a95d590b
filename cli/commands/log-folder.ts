import { existsSync, readFileSync } from "node:fs";
import { dirname, join, resolve } from "node:path";
import { createPrivateKey, createPublicKey } from "node:crypto";
import { readConfig } from "../../runtime/gateway/index.ts";
import { FileLogStore } from "../../runtime/outside/index.ts";
import { verifierKey } from "../../spec/contract/record/index.ts";
import { configPath } from "../config-file.ts";
import { UsageError, type Io } from "../io.ts";

/** A record's folder, found by what the user gave: the folder itself, or the gateway's configuration. */
export interface LogFolder {
  readonly path: string;
  readonly store: FileLogStore;
  /** The verifier key, when the configuration tells where the signing key is. */
  readonly verifierKey: string | null;
}

export function logFolder(folder: string | undefined, config: string | undefined, io: Io): LogFolder {
  if (folder !== undefined) {
    const path = resolve(io.cwd, folder);
    if (!existsSync(join(path, "checkpoint")) && !existsSync(join(path, "wal"))) {
      throw new UsageError(`${folder} is not a record: it has neither a checkpoint nor a write-ahead log`);
    }
    return { path, store: new FileLogStore(path), verifierKey: null };
  }
  const file = configPath(config, io);
  if (file === undefined) throw new UsageError("give the record's folder, or --config FILE");
  const full = resolve(io.cwd, file);
  const read = readConfig(readFileSync(full, "utf8"));
  if (!read.ok)
    throw new UsageError(read.error.map((one) => `${file}:${one.line}:${one.column}: ${one.message}`).join("\n"));
  const state = resolve(dirname(full), read.value.state);
  const keyFile = join(state, "log.key");
  const key = existsSync(keyFile)
    ? verifierKey(read.value.record.origin, createPublicKey(createPrivateKey(readFileSync(keyFile))))
    : null;
  return { path: join(state, "log"), store: new FileLogStore(join(state, "log")), verifierKey: key };
}
