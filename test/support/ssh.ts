import { spawn, spawnSync, type ChildProcess } from "node:child_process";
import { chmodSync, existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { createServer } from "node:net";
import { tmpdir, userInfo } from "node:os";
import { join } from "node:path";
import { buildCommand } from "../../cli/commands/policy/build.ts";
import { keygenCommand } from "../../cli/commands/policy/keygen.ts";
import { startGateway, type RunningGateway } from "../../cli/commands/serve.ts";
import { formatVerifier, makeVerifier } from "../../runtime/credentials/index.ts";
import type { GatewayParts } from "../../runtime/gateway/index.ts";
import { quietIo } from "./gateway.ts";
import { inPath, runProgram, type Ran } from "./programs.ts";

const SSHD = "/usr/sbin/sshd";

/** Whether OpenSSH's client and server are both here. */
export const hasOpenSsh = (): boolean => inPath("ssh") && inPath("ssh-keygen") && existsSync(SSHD);

/** A real sshd for one test file, which takes one key. */
export interface TestSshd {
  /** What it wrote into its log so far. */
  readonly said: () => string;
  readonly port: number;
  readonly folder: string;
  /** The account on it: whoever runs the tests. */
  readonly user: string;
  readonly home: string;
  /** Its host key, as known_hosts has it. */
  readonly hostKey: string;
  /** File of the private key that it takes. */
  readonly key: string;
  stop(): Promise<void>;
}

export function makeKey(path: string, type = "ed25519", ...more: readonly string[]): string {
  const made = spawnSync("ssh-keygen", ["-q", "-t", type, "-N", "", "-C", "test", "-f", path, ...more]);
  if (made.status !== 0) throw new Error(`ssh-keygen: ${String(made.stderr)}`);
  return readFileSync(`${path}.pub`, "utf8").split(" ").slice(0, 2).join(" ");
}

export function freePort(): Promise<number> {
  return new Promise((resolve, reject) => {
    const server = createServer();
    server.once("error", reject);
    server.listen(0, "127.0.0.1", () => {
      const address = server.address();
      server.close(() => resolve(typeof address === "object" && address !== null ? address.port : 0));
    });
  });
}

/** `more`: lines of its configuration; `%FOLDER%` stands for its folder. */
export async function startSshd(more: readonly string[] = []): Promise<TestSshd> {
  const folder = mkdtempSync(join(tmpdir(), "sallyport-sshd-"));
  const { username, homedir, uid } = userInfo();
  // The folder that sshd runs its unprivileged half in.
  if (uid === 0) mkdirSync("/run/sshd", { recursive: true });
  const hostKey = makeKey(join(folder, "host"));
  const accepted = makeKey(join(folder, "gateway"));
  writeFileSync(join(folder, "authorized"), `${accepted}\n`);
  const port = await freePort();
  writeFileSync(
    join(folder, "sshd_config"),
    [
      `Port ${port}`,
      "ListenAddress 127.0.0.1",
      `HostKey ${join(folder, "host")}`,
      `AuthorizedKeysFile ${join(folder, "authorized")}`,
      `PidFile ${join(folder, "pid")}`,
      "StrictModes no",
      "UsePAM no",
      "PasswordAuthentication no",
      "KbdInteractiveAuthentication no",
      "PermitRootLogin prohibit-password",
      "AcceptEnv LANG LC_* GREETING",
      "PrintMotd no",
      "PrintLastLog no",
      "MaxStartups 100",
      "MaxSessions 50",
      `Subsystem sftp ${existsSync("/usr/lib/openssh/sftp-server") ? "/usr/lib/openssh/sftp-server" : "internal-sftp"}`,
      ...more.map((line) => line.replace("%FOLDER%", folder)),
      "",
    ].join("\n"),
  );
  const child = spawn(SSHD, ["-D", "-e", "-f", join(folder, "sshd_config")], { stdio: ["ignore", "ignore", "pipe"] });
  let said = "";
  child.stderr.setEncoding("utf8").on("data", (text: string) => (said += text));
  await listening(child);
  return {
    said: () => said,
    port,
    folder,
    user: username,
    home: homedir,
    hostKey,
    key: join(folder, "gateway"),
    stop: () =>
      new Promise((resolve) => {
        child.once("close", () => {
          rmSync(folder, { recursive: true, force: true });
          resolve();
        });
        child.kill();
      }),
  };
}

function listening(child: ChildProcess): Promise<void> {
  return new Promise((resolve, reject) => {
    let said = "";
    child.stderr!.setEncoding("utf8").on("data", (text: string) => {
      said += text;
      if (said.includes("Server listening")) resolve();
    });
    child.once("close", () => reject(new Error(`sshd ended: ${said}`)));
  });
}

/** People of the test gateways, each with a key under their name. */
export const SSH_PEOPLE: readonly (readonly [name: string, groups: readonly string[]])[] = [
  ["ana", ["engineer"]],
  ["lea", ["leads"]],
  ["con", ["contractor"]],
];

export interface TestSshGateway {
  readonly port: number;
  readonly folder: string;
  readonly said: string[];
  readonly running: RunningGateway;
  /** Options for ssh, scp and sftp: as `user`, to this gateway. */
  options(user: string): readonly string[];
  /** `ssh user%host@gateway …`, with options in front of the command. */
  ssh(user: string, args: readonly string[], run?: Parameters<typeof runProgram>[2]): Promise<Ran>;
  /** Puts another policy in place. */
  policy(text: string): Promise<void>;
  close(): Promise<void>;
}

export interface TestSshOptions {
  readonly policy: string;
  /** More lines of the configuration. */
  readonly config?: string;
  /** Another listener. */
  readonly listen?: string;
  /** People have a password too, which is their name. */
  readonly passwords?: boolean;
  readonly env?: Readonly<Record<string, string>>;
  /** More settings of the target. */
  readonly target?: string;
  /** How the gateway signs in there, instead of by the key that sshd takes. */
  readonly credential?: string;
  /** Host key to pin instead of the sshd's own. */
  readonly hostKey?: string;
  /** File of the gateway's own public key, where the configuration names one. */
  readonly ownKey?: string;
  readonly parts?: Partial<GatewayParts>;
  readonly keepFolder?: boolean;
}

/** A whole gateway in this process, in front of a real sshd. */
export async function startSshGateway(sshd: Omit<TestSshd, "said">, options: TestSshOptions): Promise<TestSshGateway> {
  const folder = mkdtempSync(join(tmpdir(), "sallyport-ssh-"));
  const said: string[] = [];
  const io = quietIo(folder, said, options.env ?? {});
  keygenCommand(["bundle"], io);
  const build = async (text: string): Promise<void> => {
    writeFileSync(join(folder, "test.policy"), text);
    if ((await buildCommand(["-o", "test.bundle", "--key", "bundle.key", "--no-test", "test.policy"], io)) !== 0)
      throw new Error(said.join(""));
  };
  if (options.policy !== "") await build(options.policy);
  const users: string[] = [];
  for (const [name, groups] of SSH_PEOPLE) {
    const key = makeKey(join(folder, name));
    const scram =
      options.passwords === true ? `, scram: "${formatVerifier(await makeVerifier(name, Buffer.alloc(16, 7)))}"` : "";
    users.push(`  - { name: ${name}, groups: [${groups.join(", ")}], keys: ["${key}"]${scram} }`);
  }
  writeFileSync(
    join(folder, "sallyport.yaml"),
    `listen:
  - { protocol: ssh, address: "127.0.0.1:0" }
${options.listen === undefined ? "" : `  - ${options.listen}\n`}targets:
  - name: host
    protocol: ssh
    address: "127.0.0.1:${sshd.port}"
    labels: { env: production }
    hostKeys: ["${options.hostKey ?? sshd.hostKey}"]
    credential: ${options.credential ?? `{ user: ${sshd.user}, key: "${sshd.key}" }`}
    home: ${sshd.home}
${options.target ?? ""}users:
${users.join("\n")}
bundle: { path: test.bundle, keys: [bundle.pub] }
state: state
control: { address: "127.0.0.1:0" }
${options.config ?? ""}`,
  );
  const running = await startGateway("sallyport.yaml", io, options.parts);
  const port = running.sshPorts[0]!;
  const own = readFileSync(options.ownKey ?? join(folder, "state/ssh_host_ed25519_key.pub"), "utf8")
    .split(" ")
    .slice(0, 2)
    .join(" ");
  writeFileSync(join(folder, "known_hosts"), `[127.0.0.1]:${port} ${own}\n`);
  chmodSync(folder, 0o700);
  const opts = (user: string): readonly string[] => [
    ...["-F", "none", "-i", join(folder, user), "-o", "IdentitiesOnly=yes", "-o", "BatchMode=yes"],
    ...["-o", `UserKnownHostsFile=${join(folder, "known_hosts")}`, "-o", "StrictHostKeyChecking=yes"],
    ...["-o", "LogLevel=ERROR", "-o", `Port=${port}`],
  ];
  return {
    port,
    folder,
    said,
    running,
    options: opts,
    ssh: (user, args, run) => runProgram("ssh", [...opts(user), `${user}%host@127.0.0.1`, ...args], run),
    async policy(text) {
      await build(text);
      const fault = await running.reload();
      if (fault !== null) throw new Error(fault);
    },
    async close() {
      await running.close();
      if (options.keepFolder !== true) rmSync(folder, { recursive: true, force: true });
    },
  };
}
