// npm test: formatting, lint, types, then every test. The last line says how many passed and failed.
import { spawn, spawnSync } from "node:child_process";
import { existsSync, mkdirSync, mkdtempSync, readFileSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { delimiter, dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { API_SERVER_FOLDER, buildApiServer, whyNoApiServer } from "./kube-apiserver.ts";

const root = dirname(dirname(fileURLToPath(import.meta.url)));
const bin = (name) => join(root, "node_modules", ...name);
const say = (text) => process.stdout.write(`${text}\n`);
const isCi = process.env.CI === "true";
const began = Date.now();
/** After that long a run has other things to do than to compile an API server. */
const KUBERNETES_BUILT_BY_MS = 21 * 60_000;

/** What some tests talk to, and the Debian packages that have it. */
const SYSTEM = [
  { what: "psql", isHere: () => inPath("psql"), pkg: "postgresql-client" },
  { what: "pgbench", isHere: () => inPath("pgbench"), pkg: "postgresql-contrib" },
  { what: "OpenSSH's server", isHere: () => existsSync("/usr/sbin/sshd"), pkg: "openssh-server" },
  { what: "kubectl", isHere: () => inPath("kubectl"), pkg: "kubernetes-client" },
  { what: "rsync", isHere: () => inPath("rsync"), pkg: "rsync" },
  { what: "Chromium", isHere: () => inPath("chromium"), pkg: "chromium" },
  { what: "psycopg2", isHere: () => existsSync("/usr/lib/python3/dist-packages/psycopg2"), pkg: "python3-psycopg2" },
  { what: "pgjdbc", isHere: () => existsSync("/usr/share/java/postgresql.jar"), pkg: "libpostgresql-jdbc-java" },
  { what: "Java", isHere: () => inPath("javac"), pkg: "default-jdk-headless" },
  { what: "PostgreSQL's server", isHere: systemPostgres, pkg: "postgresql" },
];

function inPath(program) {
  return (process.env.PATH ?? "").split(delimiter).some((folder) => existsSync(join(folder, program)));
}

function systemPostgres() {
  const base = "/usr/lib/postgresql";
  return existsSync(base) && readdirSync(base).some((version) => existsSync(join(base, version, "bin", "postgres")));
}

function installSystemPackages() {
  const missing = SYSTEM.filter(({ isHere }) => !isHere());
  if (missing.length === 0) return;
  const names = missing.map(({ pkg }) => pkg);
  if (process.getuid?.() === 0 && existsSync("/usr/bin/apt-get")) {
    say(`Installing Debian packages for the tests: ${names.join(", ")} …`);
    const env = { ...process.env, DEBIAN_FRONTEND: "noninteractive" };
    // No cluster of the package's own: the tests start theirs. The setting must be there before the package is.
    const settings = "/etc/postgresql-common/createcluster.conf";
    if (!existsSync(settings)) {
      mkdirSync(dirname(settings), { recursive: true });
      writeFileSync(settings, "create_main_cluster = false\n");
    }
    spawnSync("apt-get", ["update", "-q"], { stdio: "ignore", env });
    // Without --force-confold dpkg would ask about that setting, and fail with nobody there to answer.
    const args = ["install", "-y", "-q", "--no-install-recommends", "-o", "Dpkg::Options::=--force-confold", ...names];
    const installed = spawnSync("apt-get", args, { encoding: "utf8", env });
    if (installed.status !== 0)
      say(`${installed.stdout}${installed.stderr}`.trimEnd().split("\n").slice(-5).join("\n"));
  }
  for (const { what, isHere, pkg } of missing) {
    if (!isHere()) say(`LEFT OUT: ${what} is not here (Debian package ${pkg}), so the tests that use it are skipped.`);
  }
}

async function step(name, args) {
  const began = Date.now();
  process.stdout.write(`${name} … `);
  const result = spawnSync(process.execPath, args, { cwd: root, encoding: "utf8", maxBuffer: 1 << 28 });
  const seconds = ((Date.now() - began) / 1000).toFixed(1);
  if (result.status === 0) {
    say(`ok (${seconds} s)`);
    return true;
  }
  say(`FAILED (${seconds} s)`);
  process.stdout.write(`${result.stdout}${result.stderr}`);
  return false;
}

installSystemPackages();
const only = process.argv.slice(2);
let passed = 0;
let failed = 0;
if (only.length === 0) {
  const steps = [
    ["Format", [bin(["prettier", "bin", "prettier.cjs"]), "--check", "--log-level=warn", "."]],
    ["Lint", [bin(["eslint", "bin", "eslint.js"]), "."]],
    ["Types", [bin(["typescript", "bin", "tsc"]), "--noEmit"]],
    ["Build", [join(root, "tools/build.mjs")]],
  ];
  for (const [name, args] of steps) {
    if (await step(name, args)) passed++;
    else failed++;
  }
}
let skipped = 0;
/** Somebody asked for an end: nothing more is begun. */
let stopped = false;

/** One run of vitest, added to the counts. */
async function runTests(args, env) {
  const folder = mkdtempSync(join(tmpdir(), "sallyport-test-"));
  const report = join(folder, "report.json");
  const vitest = spawn(
    process.execPath,
    [bin(["vitest", "vitest.mjs"]), "run", "--reporter=dot", "--reporter=json", `--outputFile.json=${report}`, ...args],
    { cwd: root, stdio: "inherit", env },
  );
  // A terminal's Ctrl-C reaches vitest by itself; a second one would make it leave without its cleaning up.
  const pass = (signal) => {
    stopped = true;
    if (signal !== "SIGINT" || !process.stdin.isTTY) vitest.kill(signal);
  };
  process.on("SIGINT", pass).on("SIGTERM", pass);
  const code = await new Promise((resolve) => vitest.on("exit", (status) => resolve(status ?? 1)));
  process.off("SIGINT", pass).off("SIGTERM", pass);
  if (existsSync(report)) {
    const result = JSON.parse(readFileSync(report, "utf8"));
    passed += result.numPassedTests;
    failed += result.numFailedTests;
    skipped += result.numPendingTests + (result.numTodoTests ?? 0);
    if (code !== 0 && result.numFailedTests === 0) failed++;
  } else failed++;
  rmSync(folder, { recursive: true, force: true });
}

/**
 * CI also tests against a real API server, where one can be built in the time that is left. A person runs
 * `npm run test:kubernetes` when it matters: the build takes longer than most of them want to wait.
 */
async function testKubernetes() {
  let why = whyNoApiServer();
  if (why === null) {
    say("Building a real Kubernetes API server, which takes some minutes …");
    why = buildApiServer(began + KUBERNETES_BUILT_BY_MS - Date.now());
  }
  if (why !== null) say(`LEFT OUT: Kubernetes against a real API server: ${why}`);
  else await runTests(["test/kubernetes"], { ...process.env, KUBE_APISERVER_DIR: API_SERVER_FOLDER });
}

await runTests(only, process.env);
if (isCi && !stopped && only.length === 0 && process.env.KUBE_APISERVER_DIR === undefined) await testKubernetes();
if (skipped > 0) {
  say(`${skipped} tests were skipped: something that they need is missing (named above).`);
  if (isCi) failed += skipped;
}
say(`${passed} passed, ${failed} failed`);
process.exit(failed === 0 ? 0 : 1);
