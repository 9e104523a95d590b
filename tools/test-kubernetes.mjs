// Builds a real API server, once, and runs the Kubernetes suite against it. Where it can't be built, says so and why.
import { spawnSync } from "node:child_process";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";

const root = dirname(dirname(fileURLToPath(import.meta.url)));
const folder = process.env.KUBE_APISERVER_DIR ?? join(root, ".sallyport/kube-apiserver");
const script = join(root, "tools/kube-apiserver.sh");

const checked = spawnSync("bash", [script, "check", folder], { encoding: "utf8" });
if (checked.status !== 0) {
  process.stderr.write(`SKIPPED: Kubernetes against a real API server: ${checked.stderr.trim()}\n`);
  process.exit(process.env.CI === "true" ? 1 : 0);
}
const built = spawnSync("bash", [script, "build", folder], { stdio: "inherit" });
if (built.status !== 0) process.exit(built.status ?? 1);
const ran = spawnSync(process.execPath, [join(root, "node_modules/vitest/vitest.mjs"), "run", "test/kubernetes"], {
  cwd: root,
  stdio: "inherit",
  env: { ...process.env, KUBE_APISERVER_DIR: folder },
});
process.exit(ran.status ?? 1);
