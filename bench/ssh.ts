import { spawn, type ChildProcess } from "node:child_process";
import { mkdtempSync, openSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { buildCommand } from "../cli/commands/policy/build.ts";
import { keygenCommand } from "../cli/commands/policy/keygen.ts";
import { processIo } from "../cli/io.ts";
import { freePort, hasOpenSsh, makeKey, startSshd } from "../test/support/ssh.ts";

/**
 * The same work with OpenSSH's own client against a real sshd: directly, through ProxyJump over that sshd, and through the
 * gateway with its record and recordings on, round by round. Medians; judge by the ratios.
 *
 *   node bench/ssh.ts [--rounds N] [--megabytes N] [--cipher NAME] [--only exec,up,down,connect,memory]
 */
const args = new Map(
  process.argv.slice(2).flatMap((arg, i, all) => (arg.startsWith("--") ? [[arg.slice(2), all[i + 1] ?? ""]] : [])),
);
const ROUNDS = Number(args.get("rounds") ?? 5);
const MEGABYTES = Number(args.get("megabytes") ?? 200);
const CIPHER = args.get("cipher") ?? null;
const ONLY = args.get("only")?.split(",") ?? null;
const wanted = (part: string): boolean => ONLY === null || ONLY.includes(part);
const root = dirname(dirname(fileURLToPath(import.meta.url)));
const say = (text: string): void => void process.stdout.write(`${text}\n`);
const median = (values: readonly number[]): number =>
  [...values].sort((a, b) => a - b)[Math.floor(values.length / 2)] ?? Number.NaN;

const POLICY = `package bench
allow everything on ssh
  when user.groups has "engineer"
deny removes on ssh
  when command.programs has "rm"
approve system on ssh
  when any p in command.writes : p starts with "/etc/"
  by group "leads"
`;

function run(program: string, argv: readonly string[], stdout: "null" | "pipe" = "null"): Promise<number> {
  const began = process.hrtime.bigint();
  return new Promise((resolve, reject) => {
    const sink = stdout === "null" ? openSync("/dev/null", "w") : "pipe";
    const child = spawn(program, argv, { stdio: ["ignore", sink, "inherit"] });
    child.on("error", reject);
    child.on("close", (status) => {
      if (status === 0) resolve(Number(process.hrtime.bigint() - began) / 1e6);
      else reject(new Error(`${program} ${argv.join(" ")} ended with ${status}`));
    });
  });
}

const residentMb = (child: ChildProcess): number =>
  Number(/VmRSS:\s+(\d+)/.exec(readFileSync(`/proc/${child.pid}/status`, "utf8"))?.[1] ?? 0) / 1024;

/** CPU time of a process and its threads, in milliseconds: fields 14 and 15, in hundredths of a second. */
function cpuMs(child: ChildProcess): number {
  const fields = readFileSync(`/proc/${child.pid}/stat`, "utf8").split(") ")[1]!.split(" ");
  return (Number(fields[11]) + Number(fields[12])) * 10;
}

if (!hasOpenSsh()) {
  say("OpenSSH's client and server are not here; nothing measured.");
  process.exit(1);
}
const folder = mkdtempSync(join(tmpdir(), "sallyport-bench-"));
const sshd = await startSshd();
const data = join(folder, "data");
writeFileSync(data, Buffer.alloc(MEGABYTES * 1024 * 1024, "The quick brown fox jumps over the lazy dog. 0123456789\n"));
const io = { ...processIo(), cwd: folder, stdout: () => undefined, stderr: () => undefined };
keygenCommand(["bundle"], io);
writeFileSync(join(folder, "bench.policy"), POLICY);
if ((await buildCommand(["-o", "bench.bundle", "--key", "bundle.key", "--no-test", "bench.policy"], io)) !== 0)
  throw new Error("the policy does not build");
const own = makeKey(join(folder, "ana"));
const port = await freePort();
const control = await freePort();
writeFileSync(
  join(folder, "sallyport.yaml"),
  `listen: [{ protocol: ssh, address: "127.0.0.1:${port}" }]
targets:
  - { name: host, protocol: ssh, address: "127.0.0.1:${sshd.port}", hostKeys: ["${sshd.hostKey}"], credential: { user: ${sshd.user}, key: "${sshd.key}" } }
users: [{ name: ana, groups: [engineer], keys: ["${own}"] }]
bundle: { path: bench.bundle, keys: [bundle.pub] }
state: state
control: { address: "127.0.0.1:${control}" }
`,
);
const gateway = spawn(
  process.execPath,
  [join(root, "cli/sallyport.ts"), "serve", "--config", join(folder, "sallyport.yaml")],
  {
    stdio: ["ignore", "pipe", "inherit"],
  },
);
await new Promise((resolve) => gateway.stdout.once("data", resolve));

const common = [
  "StrictHostKeyChecking no",
  "UserKnownHostsFile /dev/null",
  "LogLevel ERROR",
  "IdentitiesOnly yes",
  "BatchMode yes",
  ...(CIPHER === null ? [] : [`Ciphers ${CIPHER}`]),
].join("\n  ");
const direct = `HostName 127.0.0.1\n  Port ${sshd.port}\n  User ${sshd.user}\n  IdentityFile ${sshd.key}\n  ${common}`;
const config = join(folder, "config");
writeFileSync(
  config,
  `Host direct jump\n  ${direct}\nHost jumped\n  ProxyJump jump\n  ${direct}\nHost gateway\n  HostName 127.0.0.1\n  Port ${port}\n  User ana%host\n  IdentityFile ${join(folder, "ana")}\n  ${common}\n`,
);
const WAYS = ["direct", "jumped", "gateway"] as const;
type Way = (typeof WAYS)[number];

interface Work {
  readonly name: string;
  readonly title: string;
  readonly ways: readonly Way[];
  readonly times: number;
  readonly once: (way: Way) => Promise<number>;
}
const ssh = (way: Way, ...command: readonly string[]): Promise<number> => run("ssh", ["-F", config, way, ...command]);
const WORKS: readonly Work[] = [
  {
    name: "exec",
    title: `exec, ${MEGABYTES} MB of output`,
    ways: WAYS,
    times: 1,
    once: (way) => ssh(way, `cat ${data}`),
  },
  {
    name: "up",
    title: `scp up, ${MEGABYTES} MB`,
    ways: ["direct", "gateway"],
    times: 1,
    once: (way) => run("scp", ["-q", "-F", config, data, `${way}:${join(folder, "up")}`]),
  },
  {
    name: "down",
    title: `scp down, ${MEGABYTES} MB`,
    ways: ["direct", "gateway"],
    times: 1,
    once: (way) => run("scp", ["-q", "-F", config, `${way}:${data}`, join(folder, "down")]),
  },
  { name: "connect", title: "connect and run true", ways: WAYS, times: 5, once: (way) => ssh(way, "true") },
];

try {
  for (const { name, title, ways, times, once } of WORKS) {
    if (!wanted(name)) continue;
    const cpu: number[] = [];
    const found = new Map<Way, number[]>(ways.map((way) => [way, []]));
    for (const way of ways) await once(way);
    for (let round = 0; round < ROUNDS; round++)
      for (const way of ways)
        for (let i = 0; i < times; i++) {
          const before = cpuMs(gateway);
          found.get(way)!.push(await once(way));
          if (way === "gateway") cpu.push(cpuMs(gateway) - before);
        }
    const ms = (way: Way): number => median(found.get(way) ?? []);
    const cells = ways.map((way) => `${way} ${ms(way).toFixed(0)} ms`).join(", ");
    const ratio = (ms("direct") / ms("gateway")).toFixed(2);
    const jump = ways.includes("jumped") ? `, ${(ms("jumped") / ms("gateway")).toFixed(2)} of ProxyJump` : "";
    const added = times > 1 ? `; added ${(ms("gateway") - ms("direct")).toFixed(0)} ms` : "";
    say(`${title}: ${cells}: gateway has ${ratio} of direct${jump}${added}; CPU ${median(cpu)} ms`);
  }
  if (wanted("memory")) {
    const before = residentMb(gateway);
    let most = 0;
    const watch = setInterval(() => (most = Math.max(most, residentMb(gateway))), 50);
    await ssh("gateway", `for i in 1 2 3 4 5; do cat ${data}; done`);
    await run("scp", ["-q", "-F", config, `gateway:${data}`, join(folder, "down")]);
    clearInterval(watch);
    say(
      `memory of the gateway while ${5 * MEGABYTES} MB pass, and a file of ${MEGABYTES} MB: ${before.toFixed(0)} MB before, ${most.toFixed(0)} MB at most`,
    );
  }
} finally {
  gateway.kill();
  await sshd.stop();
  rmSync(folder, { recursive: true, force: true });
}
