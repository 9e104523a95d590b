import { existsSync, readFileSync, statSync } from "node:fs";
import { dirname, resolve } from "node:path";
import { CONFIG_BYTES_MAX, readConfig, type ConfigError, type GatewayConfig } from "../runtime/gateway/config.ts";
import { UsageError, type Io } from "./io.ts";

/** Where the configuration is looked for when no `--config` is given. */
export const CONFIG_FILE = "sallyport.yaml";

export interface LoadedConfig {
  /** Absolute path of the file. */
  readonly file: string;
  readonly config: GatewayConfig;
  /** A path of the file, which is meant relative to it. */
  readonly resolve: (path: string) => string;
}

/** The path from `--config`, else SALLYPORT_CONFIG, else `sallyport.yaml` here when there is one. */
export function configPath(given: string | undefined, io: Io): string | undefined {
  const named = given ?? io.env["SALLYPORT_CONFIG"];
  if (named !== undefined && named !== "") return resolve(io.cwd, named);
  const here = resolve(io.cwd, CONFIG_FILE);
  return existsSync(here) ? here : undefined;
}

/** @throws UsageError with every fault and its place */
export function loadConfig(file: string): LoadedConfig {
  const read = readConfig(readText(file));
  if (!read.ok) throw new UsageError(faultsOf(file, read.error));
  const folder = dirname(file);
  return { file, config: read.value, resolve: (path) => resolve(folder, path) };
}

export const faultsOf = (file: string, faults: readonly ConfigError[]): string =>
  faults.map((fault) => `${file}:${fault.line}:${fault.column}: ${fault.message}`).join("\n");

export function readText(file: string): string {
  try {
    if (statSync(file).size > CONFIG_BYTES_MAX)
      throw new UsageError(`${file} is larger than ${CONFIG_BYTES_MAX} bytes`);
    return readFileSync(file, "utf8");
  } catch (fault) {
    if (fault instanceof UsageError) throw fault;
    throw new UsageError(`${file} can't be read: ${(fault as NodeJS.ErrnoException).code ?? "unknown reason"}`);
  }
}
