// Builds a real API server, once, and runs the Kubernetes suite against it. Where it can't be built, says so and why.
import { spawnSync } from "node:child_process";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { API_SERVER_FOLDER, buildApiServer, whyNoApiServer } from "./kube-apiserver.ts";

const root = dirname(dirname(fileURLToPath(import.meta.url)));

const why = whyNoApiServer();
if (why !== null) {
  process.stderr.write(`SKIPPED: Kubernetes against a real API server: ${why}\n`);
  process.exit(process.env.CI === "true" ? 1 : 0);
}
const failed = buildApiServer(null);
if (failed !== null) {
  process.stderr.write(`The API server was not built: ${failed}\n`);
  process.exit(1);
}
const ran = spawnSync(process.execPath, [join(root, "node_modules/vitest/vitest.mjs"), "run", "test/kubernetes"], {
  cwd: root,
  stdio: "inherit",
  env: { ...process.env, KUBE_APISERVER_DIR: API_SERVER_FOLDER },
});
process.exit(ran.status ?? 1);
