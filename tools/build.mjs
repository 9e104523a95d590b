// One build: TypeScript to dist/, policyc bundled, bins made executable. Does nothing when dist/ is newer than every source.
import { spawnSync } from "node:child_process";
import { chmodSync, existsSync, readdirSync, renameSync, rmSync, statSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { bundlePolicyc } from "./bundle.mjs";
import { launcher } from "./launcher.mjs";

const root = dirname(dirname(fileURLToPath(import.meta.url)));
const SOURCES = ["base", "spec", "lang", "compiler", "runtime", "cli"];
const stamp = join(root, "dist", ".built");

function newest(folder) {
  // The folder's own time too: it changes when a file goes away.
  let latest = statSync(folder).mtimeMs;
  for (const entry of readdirSync(folder, { withFileTypes: true })) {
    const path = join(folder, entry.name);
    latest = Math.max(latest, entry.isDirectory() ? newest(path) : statSync(path).mtimeMs);
  }
  return latest;
}

const sources = Math.max(
  ...SOURCES.map((name) => newest(join(root, name))),
  statSync(join(root, "tsconfig.build.json")).mtimeMs,
);
if (existsSync(stamp) && statSync(stamp).mtimeMs > sources) process.exit(0);
process.stderr.write("Building …\n");
rmSync(join(root, "dist"), { recursive: true, force: true });
const tsc = spawnSync(process.execPath, [join(root, "node_modules/typescript/bin/tsc"), "-p", "tsconfig.build.json"], {
  cwd: root,
  stdio: "inherit",
});
if (tsc.status !== 0) process.exit(tsc.status ?? 1);
await bundlePolicyc(join(root, "dist"));
for (const name of ["policyc", "sallyport"]) {
  const bin = join(root, "dist/cli", `${name}.js`);
  renameSync(bin, join(root, "dist/cli", `${name}.main.js`));
  writeFileSync(bin, launcher(name));
  chmodSync(bin, 0o755);
}
writeFileSync(stamp, "");
