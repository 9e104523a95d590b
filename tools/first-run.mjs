// Runs on whatever Node the machine has (20 or newer) and needs nothing installed: brings the project to the point where its
// own pinned Node can take over, then hands the command on.
import { spawn } from "node:child_process";
import { createHash } from "node:crypto";
import { existsSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { constants } from "node:os";
import { delimiter, dirname, join } from "node:path";
import { fileURLToPath } from "node:url";

const root = dirname(dirname(fileURLToPath(import.meta.url)));
const modules = join(root, "node_modules");
const stamp = join(modules, ".installed-from");
const windows = process.platform === "win32";

const COMMANDS = {
  start: ["tools/start.mjs"],
  test: ["tools/test.mjs"],
  bench: ["bench/run.ts"],
};
const STILL_THERE_MS = 10_000;

const say = (text) => process.stderr.write(`${text}\n`);

/** Advice by what npm's own words show. */
const ADVICE = [
  [
    /ENOTFOUND|EAI_AGAIN|ETIMEDOUT|ECONNREFUSED|ECONNRESET|network|socket hang up/i,
    "A download failed. Check the network, and the proxy if you need one (npm config set proxy …, npm config get registry), then run the same command again.",
  ],
  [
    /SELF_SIGNED|UNABLE_TO_(GET|VERIFY)|CERT_/i,
    "The connection's certificate was not trusted. If a proxy of yours opens TLS, give Node its authority: NODE_EXTRA_CA_CERTS=/path/to/ca.pem",
  ],
  [
    /EINTEGRITY/,
    "An archive is not the one that was pinned. Try: npm cache clean --force. If it stays, do not use it.",
  ],
  [/\bE40[134]\b/, "The registry did not give an archive out. Check npm config get registry and your sign-in there."],
  [/ENOSPC/, "The disk is full: about 500 MB are needed."],
  [/EACCES|EPERM/, "A file could not be written. Does node_modules, or npm's cache, belong to another user?"],
];

/** Installs when there is nothing yet or the lock file is another one. */
async function install() {
  const wanted = createHash("sha256")
    .update(readFileSync(join(root, "package-lock.json")))
    .digest("hex");
  if (existsSync(stamp) && readFileSync(stamp, "utf8") === wanted) return;
  say("Installing what the project needs (about 100 MB, once; a minute on a usual line) …");
  rmSync(stamp, { force: true });
  const began = Date.now();
  const seconds = () => Math.round((Date.now() - began) / 1000);
  const still = setInterval(() => say(`  still installing (${seconds()} s) …`), STILL_THERE_MS);
  const args = ["ci", "--no-audit", "--no-fund", "--loglevel=error", "--engine-strict=false"];
  // The npm that runs us, if one does: the one in the PATH may be another.
  const npm = process.env.npm_execpath?.endsWith(".js")
    ? spawn(process.execPath, [process.env.npm_execpath, ...args], { cwd: root, stdio: ["ignore", "ignore", "pipe"] })
    : spawn("npm", args, { cwd: root, stdio: ["ignore", "ignore", "pipe"], shell: windows });
  let said = "";
  npm.stderr.setEncoding("utf8").on("data", (text) => (said += text));
  const code = await new Promise((resolve) => {
    npm.on("error", (fault) => {
      said += `npm could not be started: ${fault.message}\n`;
      resolve(1);
    });
    npm.on("close", (status) => resolve(status ?? 130));
  });
  clearInterval(still);
  if (code !== 0) {
    say(said.trimEnd());
    say("");
    const advice = ADVICE.find(([words]) => words.test(said));
    say(advice === undefined ? "npm could not install everything; its words are above." : advice[1]);
    process.exit(1);
  }
  writeFileSync(stamp, wanted);
  say(`Installed in ${seconds()} s.`);
}

const major = Number(process.versions.node.split(".")[0]);
if (major < 20) {
  say(
    `This is Node ${process.versions.node}; Node 20 or newer is needed. Get one from https://nodejs.org and try again.`,
  );
  process.exit(2);
}
const [name = "", ...rest] = process.argv.slice(2);
const command = COMMANDS[name];
if (command === undefined) {
  say(`first-run: no command ${JSON.stringify(name)}; known are ${Object.keys(COMMANDS).join(", ")}`);
  process.exit(2);
}
await install();

const node = join(modules, "node", "bin", windows ? "node.exe" : "node");
if (!existsSync(node)) {
  say("The pinned Node is missing from node_modules/node. Delete node_modules and run the same command again.");
  say("(npm leaves it out when ignore-scripts is set: npm config get ignore-scripts)");
  process.exit(1);
}
const child = spawn(node, [...command, ...rest], {
  cwd: root,
  stdio: "inherit",
  env: { ...process.env, PATH: `${join(modules, ".bin")}${delimiter}${process.env.PATH ?? ""}` },
});
// A terminal gives its Ctrl-C to the child as well; without a terminal the signal came to us alone and is passed on.
// Either way we stay until the child has cleaned up.
for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"]) {
  process.on(signal, () => {
    if (signal !== "SIGINT" || !process.stdin.isTTY) child.kill(signal);
  });
}
child.on("error", (fault) => {
  say(`The pinned Node does not run here: ${fault.message}. Delete node_modules and run the same command again.`);
  process.exit(1);
});
child.on("exit", (code, signal) =>
  process.exit(signal === null ? (code ?? 1) : 128 + (constants.signals[signal] ?? 0)),
);
