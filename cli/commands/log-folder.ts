import { existsSync } from "node:fs";
import { join, resolve } from "node:path";
import { createPrivateKey, createPublicKey } from "node:crypto";
import { FileLogStore } from "../../runtime/outside/index.ts";
import { verifierKey } from "../../spec/contract/record/index.ts";
import { configPath, loadConfig } from "../config-file.ts";
import { bytesOf } from "../files.ts";
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
  const { config: read, resolve: at } = loadConfig(file);
  const state = at(read.state);
  const keyFile = join(state, "log.key");
  const key = existsSync(keyFile)
    ? verifierKey(read.record.origin, createPublicKey(createPrivateKey(bytesOf(keyFile, "the signing key"))))
    : null;
  return { path: join(state, "log"), store: new FileLogStore(join(state, "log")), verifierKey: key };
}
