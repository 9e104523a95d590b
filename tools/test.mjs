// npm test: formatting, lint, types, then every test. The last line says how many passed and failed.
import { spawn, spawnSync } from "node:child_process";
import { existsSync, mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";

const root = dirname(dirname(fileURLToPath(import.meta.url)));
const bin = (name) => join(root, "node_modules", ...name);
const say = (text) => process.stdout.write(`${text}\n`);
const isCi = process.env.CI === "true";

/** Programs that some tests talk to, and the Debian packages that have them. */
const SYSTEM = [
  { program: "/usr/bin/psql", pkg: "postgresql-client" },
  { program: "/usr/bin/pgbench", pkg: "postgresql-contrib" },
  { find: () => systemPostgres(), program: "a PostgreSQL server", pkg: "postgresql" },
];

function systemPostgres() {
  const found = spawnSync("sh", ["-c", "ls -d /usr/lib/postgresql/*/bin/postgres 2>/dev/null | tail -1"], {
    encoding: "utf8",
  });
  return found.stdout.trim() !== "";
}

function installSystemPackages() {
  const missing = SYSTEM.filter(({ program, find }) => (find === undefined ? !existsSync(program) : !find()));
  if (missing.length === 0) return;
  const names = missing.map(({ pkg }) => pkg);
  const mayInstall = process.getuid?.() === 0 && existsSync("/usr/bin/apt-get");
  if (mayInstall) {
    say(`Installing Debian packages for the tests: ${names.join(", ")} …`);
    const env = { ...process.env, DEBIAN_FRONTEND: "noninteractive" };
    spawnSync("apt-get", ["update", "-q"], { stdio: "ignore", env });
    // No cluster of the package's own: the tests start theirs.
    spawnSync("sh", [
      "-c",
      "mkdir -p /etc/postgresql-common && [ -e /etc/postgresql-common/createcluster.conf ] || echo 'create_main_cluster = false' > /etc/postgresql-common/createcluster.conf",
    ]);
    spawnSync("apt-get", ["install", "-y", "-q", "--no-install-recommends", ...names], { stdio: "ignore", env });
  }
  for (const { program, find, pkg } of missing) {
    if (find === undefined ? existsSync(program) : find()) continue;
    say(`SKIPPED ALOUD: ${program} is not here (Debian package ${pkg}), so the tests that use it are skipped.`);
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
const folder = mkdtempSync(join(tmpdir(), "sallyport-test-"));
const report = join(folder, "report.json");
const vitest = spawn(
  process.execPath,
  [bin(["vitest", "vitest.mjs"]), "run", "--reporter=dot", "--reporter=json", `--outputFile.json=${report}`, ...only],
  { cwd: root, stdio: "inherit" },
);
for (const signal of ["SIGINT", "SIGTERM"]) process.on(signal, () => vitest.kill(signal));
const code = await new Promise((resolve) => vitest.on("exit", (status) => resolve(status ?? 1)));
let skipped = 0;
if (existsSync(report)) {
  const result = JSON.parse(readFileSync(report, "utf8"));
  passed += result.numPassedTests;
  failed += result.numFailedTests;
  skipped = result.numPendingTests;
  if (code !== 0 && result.numFailedTests === 0) failed++;
} else failed++;
rmSync(folder, { recursive: true, force: true });
if (skipped > 0) {
  say(`${skipped} tests were skipped, for something that they need is missing (named above).`);
  if (isCi) failed += skipped;
}
say(`${passed} passed, ${failed} failed`);
process.exit(failed === 0 ? 0 : 1);
