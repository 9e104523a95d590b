import { spawn, spawnSync, type ChildProcess } from "node:child_process";
import { randomBytes } from "node:crypto";
import { chmodSync, existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { askOnce } from "../cli/demo/ask-once.ts";
import { freePort, startEmbedded } from "../cli/demo/embedded-postgres.ts";
import { buildCommand } from "../cli/commands/policy/build.ts";
import { keygenCommand } from "../cli/commands/policy/keygen.ts";
import { processIo } from "../cli/io.ts";
import { formatVerifier, makeVerifier } from "../runtime/credentials/index.ts";
import { benchAnalyse } from "./analyse.ts";
import { benchAnalysis } from "./analysis.ts";
import { benchCage } from "./cage.ts";
import { children, ready } from "./children.ts";
import { benchDecisions } from "./decisions.ts";
import { drain } from "./drain.ts";
import { benchRecord } from "./record.ts";
import { benchScan } from "./scan.ts";

/**
 * Everything side by side in one run: the same work directly, through PgBouncer, through a bare Node pipe and through
 * Sallyport, round by round, so that a machine that slows down slows all of them down. Medians; judge by the ratios.
 *
 *   npm run bench -- [--rounds N] [--seconds N] [--only pgbench,bulk,parts,policy] [--modes simple,extended,prepared]
 */
const args = new Map(
  process.argv.slice(2).flatMap((arg, i, all) => (arg.startsWith("--") ? [[arg.slice(2), all[i + 1] ?? ""]] : [])),
);
const ROUNDS = Number(args.get("rounds") ?? 5);
const SECONDS = Number(args.get("seconds") ?? 2);
const only = (args.get("only") ?? "pgbench,bulk,parts,policy").split(",");
/** Protocols of pgbench. */
const MODES = (args.get("modes") ?? "simple,extended,prepared").split(",");

const root = dirname(dirname(fileURLToPath(import.meta.url)));
const say = (text: string): void => void process.stdout.write(`${text}\n`);
const median = (values: readonly number[]): number =>
  [...values].sort((a, b) => a - b)[Math.floor(values.length / 2)] ?? Number.NaN;

interface Way {
  readonly name: string;
  readonly port: number;
  readonly user: string;
  readonly password: string;
  readonly process: ChildProcess | null;
}

const folder = mkdtempSync(join(tmpdir(), "sallyport-bench-"));
const ROWS = 1_000_000;

/** User and system time of a process, in ms. */
function cpuMs(child: ChildProcess | null): number {
  if (child?.pid === undefined) return 0;
  const fields = readFileSync(`/proc/${child.pid}/stat`, "utf8").split(") ")[1]!.split(" ");
  return (Number(fields[11]) + Number(fields[12])) * 10;
}

function residentMb(child: ChildProcess | null): number {
  if (child?.pid === undefined) return 0;
  return Number(/VmRSS:\s+(\d+)/.exec(readFileSync(`/proc/${child.pid}/status`, "utf8"))?.[1] ?? 0) / 1024;
}

async function startPipe(target: number): Promise<Way> {
  const port = await freePort();
  const child = spawn(process.execPath, [join(root, "bench/pipe.ts"), String(port), String(target)], {
    stdio: ["ignore", "pipe", "inherit"],
  });
  await ready(child, "ready");
  return { name: "node pipe", port, user: "bench", password: "bench", process: child };
}

async function startPgBouncer(target: number): Promise<Way | null> {
  const program = ["/usr/sbin/pgbouncer", "/usr/bin/pgbouncer"].find(existsSync);
  if (program === undefined) {
    say(
      "PgBouncer is not here (Debian package pgbouncer), so it is LEFT OUT; ratios are given against the bare pipe only.",
    );
    return null;
  }
  const port = await freePort();
  writeFileSync(join(folder, "userlist.txt"), '"bench" "bench"\n');
  writeFileSync(
    join(folder, "pgbouncer.ini"),
    `[databases]\nbench = host=127.0.0.1 port=${target} dbname=bench\n[pgbouncer]\nlisten_addr = 127.0.0.1\nlisten_port = ${port}\nauth_type = scram-sha-256\nauth_file = ${join(folder, "userlist.txt")}\npool_mode = session\nmax_client_conn = 200\ndefault_pool_size = 100\nunix_socket_dir =\nignore_startup_parameters = extra_float_digits\nlogfile = ${join(folder, "pgbouncer.log")}\n`,
  );
  const asOther = process.getuid?.() === 0 ? ["-u", "nobody"] : [];
  spawnSync("chmod", ["-R", "a+rwX", folder]);
  const child = spawn(program, [...asOther, join(folder, "pgbouncer.ini")], { stdio: ["ignore", "pipe", "pipe"] });
  await ready(child, "process up");
  return { name: "pgbouncer", port, user: "bench", password: "bench", process: child };
}

async function startSallyport(name: string, target: number, policy: string, durability: string): Promise<Way> {
  const own = join(folder, name.replaceAll(/[^a-z0-9]+/g, "-"));
  mkdirSync(own, { recursive: true });
  writeFileSync(join(own, "bench.policy"), policy);
  const io = { ...processIo(), cwd: own, stdout: () => undefined, stderr: () => undefined };
  keygenCommand(["bundle"], io);
  if ((await buildCommand(["-o", "b.bundle", "--key", "bundle.key", "bench.policy"], io)) !== 0)
    throw new Error("the bench policy does not build");
  const [port, control] = [await freePort(), await freePort()];
  const verifier = formatVerifier(await makeVerifier("bench", randomBytes(16)));
  writeFileSync(
    join(own, "sallyport.yaml"),
    `listen: [{ protocol: postgres, address: "127.0.0.1:${port}" }]\ntargets: [{ name: bench, protocol: postgres, address: "127.0.0.1:${target}", credential: { user: bench, password: { env: BENCH_PW } } }]\nusers: [{ name: bench, groups: [bench], scram: "${verifier}" }]\nbundle: { path: b.bundle, keys: [bundle.pub] }\nstate: state\nrecord: { durability: ${durability} }\ncontrol: { address: "127.0.0.1:${control}" }\n`,
  );
  const child = spawn(
    process.execPath,
    [join(root, "dist/cli/sallyport.js"), "serve", "--config", join(own, "sallyport.yaml")],
    {
      stdio: ["ignore", "pipe", "pipe"],
      env: { ...process.env, BENCH_PW: "bench" },
    },
  );
  await ready(child, "listening");
  return { name, port, user: "bench", password: "bench", process: child };
}

/** Twenty rules, so that a decision costs what one of a real policy does. */
function policyText(masked: boolean): string {
  const denies = Array.from(
    { length: 17 },
    (_, i) =>
      `deny d${i} on sql\n  when statement.kind == drop_table and statement.tables has "s.t${i}"\n  because "no"\n`,
  );
  const mask = masked
    ? `mask m on sql\n  columns public.big.email, public.pgbench_accounts.filler\n  with email\n`
    : "";
  return `package bench\nallow everything on sql\n  when user.groups has "bench"\n${denies.join("")}${mask}`;
}

const DETECTED = "credit_card, iban, national_id, phone, private_key, cloud_token, jwt";
/** Looks for detectors in every column of every row; only `email` finds something, in each of them. */
const detectPolicy = (names: string): string =>
  `package bench\nallow everything on sql\nmask d on sql\n  values detect [${names}]\n  with redact\n`;

interface Pgbench {
  readonly tps: number;
  readonly p50: number;
  readonly p99: number;
}

/**
 * After so many transactions V8 has compiled what they run. Until then it does so on threads of its own, which take as much
 * of the two cores as the work that is measured, and a gateway, which has more code than a pipe, pays for most of it.
 */
const WARM_TRANSACTIONS = 32_000;
const WARM_CLIENTS = 8;

/** Runs beside this process, whose own loop must stay free for nothing: it only waits. */
async function pgbench(
  way: Way,
  mode: string,
  clients: number,
  length: readonly string[] = ["-T", String(SECONDS)],
): Promise<Pgbench> {
  const prefix = join(folder, `log-${way.port}`);
  const child = spawn(
    "pgbench",
    [
      "-h",
      "127.0.0.1",
      "-p",
      String(way.port),
      "-U",
      way.user,
      "-S",
      "-n",
      "-M",
      mode,
      "-c",
      String(clients),
      ...length,
      "-l",
      `--log-prefix=${prefix}`,
      "bench",
    ],
    { env: { ...process.env, PGPASSWORD: way.password }, stdio: ["ignore", "pipe", "pipe"] },
  );
  let out = "";
  child.stdout.on("data", (chunk: Buffer) => (out += chunk.toString()));
  child.stderr.on("data", (chunk: Buffer) => (out += chunk.toString()));
  await new Promise<void>((resolve) => child.once("exit", () => resolve()));
  const tps = Number(/tps = ([0-9.]+)/.exec(out)?.[1]);
  if (!Number.isFinite(tps)) throw new Error(`pgbench through ${way.name}: ${out}`);
  const file = `${prefix}.${child.pid}`;
  const times = readFileSync(file, "utf8")
    .trim()
    .split("\n")
    .map((line) => Number(line.split(" ")[2]))
    .sort((a, b) => a - b);
  rmSync(file);
  return { tps, p50: times[Math.floor(times.length * 0.5)] ?? 0, p99: times[Math.floor(times.length * 0.99)] ?? 0 };
}

function table(head: readonly string[], rows: readonly (readonly string[])[]): void {
  const all = [head, ...rows];
  const widths = head.map((_, i) => Math.max(...all.map((row) => row[i]!.length)));
  for (const row of all)
    say(`  ${row.map((cell, i) => (i === 0 ? cell.padEnd(widths[i]!) : cell.padStart(widths[i]!))).join("  ")}`);
}

const ratio = (a: number, b: number | undefined): string =>
  b === undefined || !Number.isFinite(b) ? "-" : (a / b).toFixed(2);

async function benchPgbench(ways: readonly Way[]): Promise<void> {
  for (const mode of MODES) {
    // What a fresh process pays once (compiling, filling caches) is in no round.
    for (const way of ways) await pgbench(way, mode, WARM_CLIENTS, ["-t", String(WARM_TRANSACTIONS / WARM_CLIENTS)]);
    for (const clients of [1, 8]) {
      const results = new Map<string, Pgbench[]>(ways.map((way) => [way.name, []]));
      const cpu = new Map<string, number[]>(ways.map((way) => [way.name, []]));
      for (let round = 0; round < ROUNDS; round++) {
        for (const way of ways) {
          const before = cpuMs(way.process);
          const result = await pgbench(way, mode, clients);
          results.get(way.name)!.push(result);
          cpu.get(way.name)!.push(((cpuMs(way.process) - before) * 1000) / (result.tps * SECONDS));
        }
      }
      const of = (name: string, part: keyof Pgbench): number =>
        median((results.get(name) ?? []).map((one) => one[part]));
      say(
        `\npgbench -S, ${mode}, ${clients} ${clients === 1 ? "client" : "clients"}: medians of ${ROUNDS} rounds of ${SECONDS} s`,
      );
      table(
        [
          "through",
          "tps",
          "x pgbouncer",
          "x node pipe",
          "p50 us",
          "p99 us",
          "added p50 / pipe's",
          "added p99 / pipe's",
          "CPU us/tx",
        ],
        ways.map(({ name }) => {
          const added = (part: "p50" | "p99"): string =>
            ratio(of(name, part) - of("direct", part), of("node pipe", part) - of("direct", part));
          return [
            name,
            of(name, "tps").toFixed(0),
            ratio(of(name, "tps"), results.has("pgbouncer") ? of("pgbouncer", "tps") : undefined),
            ratio(of(name, "tps"), of("node pipe", "tps")),
            of(name, "p50").toFixed(0),
            of(name, "p99").toFixed(0),
            name === "direct" ? "-" : added("p50"),
            name === "direct" ? "-" : added("p99"),
            median(cpu.get(name)!).toFixed(1),
          ];
        }),
      );
    }
  }
}

async function benchBulk(ways: readonly Way[]): Promise<void> {
  for (const [title, sql] of [
    ["select", "select id, name, email, city, note, amount from big"],
    ["copy out", "copy big to stdout"],
  ] as const) {
    const rates = new Map<string, number[]>(ways.map((way) => [way.name, []]));
    const cpu = new Map<string, number[]>(ways.map((way) => [way.name, []]));
    const memory = new Map<string, number>(ways.map((way) => [way.name, 0]));
    for (let round = 0; round < ROUNDS; round++) {
      for (const way of ways) {
        const before = cpuMs(way.process);
        const rss = residentMb(way.process);
        const { ms } = await drain(way.port, way.user, way.password, "bench", sql);
        rates.get(way.name)!.push(ROWS / ms);
        cpu.get(way.name)!.push(cpuMs(way.process) - before);
        // The first round pays for what any first result of the process pays for.
        if (round > 0) memory.set(way.name, Math.max(memory.get(way.name)!, residentMb(way.process) - rss));
      }
    }
    const of = (name: string): number => median(rates.get(name)!);
    say(`\n${title}: ${ROWS} rows of 6 columns, medians of ${ROUNDS} rounds`);
    table(
      ["through", "k rows/s", "x direct", "x pgbouncer", "CPU ms", "CPU x pgbouncer", "memory after - before, MB"],
      ways.map(({ name }) => [
        name,
        of(name).toFixed(0),
        ratio(of(name), of("direct")),
        ratio(of(name), rates.has("pgbouncer") ? of("pgbouncer") : undefined),
        median(cpu.get(name)!).toFixed(0),
        ratio(median(cpu.get(name)!), cpu.has("pgbouncer") ? median(cpu.get("pgbouncer")!) : undefined),
        memory.get(name)!.toFixed(1),
      ]),
    );
  }
}

async function main(): Promise<void> {
  if (only.includes("parts")) {
    await benchAnalysis(say);
    await benchCage(say);
    benchDecisions(say);
    benchAnalyse(say);
    await benchRecord(say);
    const scan = benchScan(ROUNDS);
    say(
      `\ndetectors over rows of which a tenth has a match: scanner ${scan.scannerMbs.toFixed(0)} MB/s, one combined RegExp ${scan.expressionMbs.toFixed(0)} MB/s, ratio ${ratio(scan.scannerMbs, scan.expressionMbs)} (at least 4)`,
    );
  }
  // In a process of its own: what the other parts leave in memory is not to be its burden.
  if (only.includes("policy")) {
    const { status } = spawnSync(process.execPath, [join(root, "bench/policy.ts"), "--rounds", String(ROUNDS)], {
      stdio: "inherit",
    });
    if (status !== 0) throw new Error("the bench of policies failed");
  }
  if (!only.includes("pgbench") && !only.includes("bulk")) return;
  const built = spawnSync(process.execPath, [join(root, "tools/build.mjs")], { stdio: "inherit" });
  if (built.status !== 0) throw new Error("the build failed");
  // The server may run as another user, who must be able to come here.
  chmodSync(folder, 0o755);
  say("Starting PostgreSQL and filling a million rows …");
  const postgres = await startEmbedded({
    data: join(folder, "pg", "data"),
    password: "bench",
    settings: ["fsync=off", "synchronous_commit=off", "shared_buffers=512MB"],
  });
  try {
    const admin = {
      host: postgres.host,
      port: postgres.port,
      user: postgres.user,
      password: postgres.password,
      database: "postgres",
    };
    await askOnce(admin, "create role bench superuser login password 'bench'");
    await askOnce(admin, "create database bench owner bench");
    const init = spawnSync(
      "pgbench",
      ["-h", "127.0.0.1", "-p", String(postgres.port), "-U", "bench", "-i", "-q", "-s", "1", "bench"],
      { env: { ...process.env, PGPASSWORD: "bench" }, encoding: "utf8" },
    );
    if (init.status !== 0)
      throw new Error(
        `pgbench is needed (Debian package postgresql-contrib): ${init.stderr ?? init.error?.message ?? ""}`,
      );
    const app = { ...admin, user: "bench", password: "bench", database: "bench" };
    await askOnce(
      app,
      `create table big as select i as id, 'name of ' || i as name, 'user' || i || '@mail.example.com' as email, 'city ' || i % 100 as city, repeat('n', 60 + i % 20) as note, i * 3 as amount from generate_series(1, ${ROWS}) i`,
    );
    await askOnce(app, "vacuum analyze");
    const direct: Way = { name: "direct", port: postgres.port, user: "bench", password: "bench", process: null };
    const bouncer = await startPgBouncer(postgres.port);
    const ways = [
      direct,
      ...(bouncer === null ? [] : [bouncer]),
      await startPipe(postgres.port),
      await startSallyport("sallyport, no mask", postgres.port, policyText(false), "within-10ms"),
      await startSallyport("sallyport, mask", postgres.port, policyText(true), "within-10ms"),
      await startSallyport("sallyport, durable", postgres.port, policyText(true), "before-forward"),
    ];
    if (only.includes("pgbench")) await benchPgbench(ways);
    if (only.includes("bulk")) {
      const detecting = [
        await startSallyport("sallyport, detect", postgres.port, detectPolicy(DETECTED), "within-10ms"),
        await startSallyport(
          "sallyport, detect with hits",
          postgres.port,
          detectPolicy(`${DETECTED}, email`),
          "within-10ms",
        ),
      ];
      await benchBulk([...ways.slice(0, -1), ...detecting]);
    }
  } finally {
    for (const child of children) child.kill("SIGTERM");
    await postgres.stop();
    rmSync(folder, { recursive: true, force: true });
  }
}

await main();
