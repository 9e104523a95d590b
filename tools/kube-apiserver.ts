import { spawnSync } from "node:child_process";
import { join } from "node:path";

const SCRIPT = join(import.meta.dirname, "kube-apiserver.sh");
/** Where the API server is, or is put. */
export const API_SERVER_FOLDER =
  process.env["KUBE_APISERVER_DIR"] ?? join(import.meta.dirname, "../.sallyport/kube-apiserver");
/** From the request to stop until it is made to. */
const GRACE_S = 5;

/** In a line, why the API server that tests run against is not here and can't be built here; null when nothing is known. */
export function whyNoApiServer(script = SCRIPT, folder = API_SERVER_FOLDER): string | null {
  const checked = spawnSync("bash", [script, "check", folder], { encoding: "utf8" });
  return checked.status === 0 ? null : wordsOf(checked);
}

/**
 * Builds it unless it is there, and gives what went wrong, or null. `withinMs` is how long that may take; null: as long as it
 * takes, with its own words shown meanwhile.
 */
export function buildApiServer(withinMs: number | null, script = SCRIPT, folder = API_SERVER_FOLDER): string | null {
  const build = ["bash", script, "build", folder];
  if (withinMs === null) {
    const built = spawnSync(build[0]!, build.slice(1), { encoding: "utf8", stdio: ["ignore", "inherit", "inherit"] });
    return built.status === 0 ? null : wordsOf(built);
  }
  if (withinMs <= 0) return "no time is left to build it";
  const began = Date.now();
  // A program of its own, for it ends the compiler too.
  const limited = ["-k", String(GRACE_S), String(Math.ceil(withinMs / 1000)), ...build];
  const built = spawnSync("timeout", limited, { encoding: "utf8", maxBuffer: 1 << 28 });
  if (built.status === 0) return null;
  // Whoever does not stop when asked to takes `timeout` along, so that its exit code does not tell.
  if (Date.now() - began >= withinMs) return "building it takes longer than there is time";
  return `it can't be built here: ${wordsOf(built)}`;
}

/** The last that a program said; where it could not be started or said nothing, what is known of its end. */
function wordsOf(ran: ReturnType<typeof spawnSync>): string {
  const said = String(ran.stderr ?? "").trimEnd();
  if (said !== "") return said.split("\n").slice(-5).join("\n");
  return ran.error?.message ?? `it ended with ${ran.signal ?? ran.status}`;
}
