// Runs on whatever Node the machine has (20 or newer) and needs nothing installed: brings the project to the point where its
// own pinned Node can take over, then hands the command on.
import { spawn, spawnSync } from "node:child_process";
import { createHash } from "node:crypto";
import { existsSync, readFileSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";

const root = dirname(dirname(fileURLToPath(import.meta.url)));
const modules = join(root, "node_modules");
const stamp = join(modules, ".installed-from");

const COMMANDS = {
  start: ["tools/start.mjs"],
  test: ["tools/test.mjs"],
  bench: ["bench/run.ts"],
};

const say = (text) => process.stderr.write(`${text}\n`);

const major = Number(process.versions.node.split(".")[0]);
if (major < 20) {
  say(
    `This is Node ${process.versions.node}; Node 20 or newer is needed to install. Get one from https://nodejs.org and try again.`,
  );
  process.exit(2);
}

function install() {
  const wanted = createHash("sha256")
    .update(readFileSync(join(root, "package-lock.json")))
    .digest("hex");
  if (existsSync(stamp) && readFileSync(stamp, "utf8") === wanted) return;
  say("Installing what the project needs (about 100 MB, once; a minute on a usual line) …");
  const began = Date.now();
  const npm = process.platform === "win32" ? "npm.cmd" : "npm";
  const result = spawnSync(npm, ["ci", "--no-audit", "--no-fund", "--loglevel=error", "--engine-strict=false"], {
    cwd: root,
    stdio: ["ignore", "inherit", "pipe"],
    encoding: "utf8",
  });
  if (result.status !== 0) {
    process.stderr.write(result.stderr ?? "");
    say("");
    say(
      "npm could not install everything. If a download failed: check the network or the proxy (npm config get registry),",
    );
    say("then run the same command again; it goes on where it stopped.");
    process.exit(1);
  }
  writeFileSync(stamp, wanted);
  say(`Installed in ${Math.round((Date.now() - began) / 1000)} s.`);
}

install();

const node = join(modules, "node", "bin", process.platform === "win32" ? "node.exe" : "node");
if (!existsSync(node)) {
  say("The pinned Node is missing from node_modules/node. Delete node_modules and run the same command again.");
  process.exit(1);
}

const [name, ...rest] = process.argv.slice(2);
const command = COMMANDS[name];
if (command === undefined) {
  say(`first-run: no command ${JSON.stringify(name)}; known are ${Object.keys(COMMANDS).join(", ")}`);
  process.exit(2);
}
const child = spawn(node, [...command, ...rest], {
  cwd: root,
  stdio: "inherit",
  env: {
    ...process.env,
    PATH: `${join(modules, ".bin")}${process.platform === "win32" ? ";" : ":"}${process.env.PATH ?? ""}`,
  },
});
// The child gets a terminal's Ctrl-C by itself; a signal sent to us alone is passed on. We stay until it has cleaned up.
for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"])
  process.on(signal, () => signal !== "SIGINT" && child.kill(signal));
child.on("exit", (code, signal) => process.exit(signal === null ? (code ?? 1) : 130));
