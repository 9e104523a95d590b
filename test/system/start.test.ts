import { spawn, type ChildProcess } from "node:child_process";
import { once } from "node:events";
import { chmodSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { freePort } from "../../cli/demo/embedded-postgres.ts";
import { inPath, runProgram } from "../support/programs.ts";

/** What `npm start` runs, and what it tells people to paste. */
const root = dirname(dirname(dirname(fileURLToPath(import.meta.url))));

let folder: string;
let env: Record<string, string>;
const children: ChildProcess[] = [];

beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), "sallyport-demo-"));
  // Root runs the server as another user, who must be able to come there.
  chmodSync(folder, 0o755);
  env = {
    SALLYPORT_DEMO: folder,
    SALLYPORT_PORT: String(await freePort()),
    SALLYPORT_CONTROL_PORT: String(await freePort()),
    SALLYPORT_HTTP_PORT: String(await freePort()),
  };
});
afterAll(() => {
  for (const child of children) child.kill("SIGKILL");
  rmSync(folder, { recursive: true, force: true });
});

/** Starts it and resolves with what it prints once it is ready. */
async function start(): Promise<{ readonly child: ChildProcess; readonly said: string }> {
  const child = spawn(process.execPath, [join(root, "cli/demo.ts")], {
    env: { ...process.env, ...env },
    stdio: ["ignore", "pipe", "pipe"],
  });
  children.push(child);
  let said = "";
  return new Promise((resolve, reject) => {
    const hear = (chunk: Buffer): void => {
      said += chunk.toString();
      if (said.includes("Ctrl-C stops everything")) resolve({ child, said });
    };
    child.stdout.on("data", hear);
    child.stderr.on("data", hear);
    child.once("exit", () => reject(new Error(`it did not start: ${said}`)));
  });
}

const end = async (child: ChildProcess, signal: NodeJS.Signals): Promise<number | null> => {
  const gone = once(child, "exit") as Promise<[number | null]>;
  child.kill(signal);
  return (await gone)[0];
};

const line = (said: string, begin: string): string =>
  said
    .split("\n")
    .map((one) => one.trim())
    .find((one) => one.startsWith(begin))!;

describe("npm start", () => {
  it("prints lines that work when they are pasted, again after it was killed, and stops cleanly", async () => {
    const first = await start();
    const node = await runProgram("sh", ["-c", `cd ${JSON.stringify(root)} && ${line(first.said, "npx ")}`]);
    expect(node.status).toBe(0);
    expect(node.stdout).toMatch(/full_name.*email.*national_id/);
    expect(node.stdout).toContain("***");
    await end(first.child, "SIGKILL");

    const second = await start();
    if (inPath("psql")) {
      const shown = await runProgram("sh", [
        "-c",
        `${line(second.said, "psql ")} -At -c 'select email, national_id from customers limit 3'`,
      ]);
      expect(shown.out).toMatch(/^(.\*\*\*@\*\*\*\.[a-z.]+\|\*\*\*\n){3}$/);
    }
    if (inPath("curl")) {
      // What stands behind the command says what to expect.
      const [ask] = line(second.said, "curl -x http://ana").split(/ {3,}/);
      const shown = await runProgram("sh", ["-c", `${ask!} -sS`]);
      expect(shown.out).toMatch(/"email" ?: ?".\*\*\*@\*\*\*\.[a-z.]+"/);
      expect(shown.out).not.toMatch(/@example|@mail/);
    }
    const list = line(second.said, "npm run -s sallyport -- sessions list").replace(
      "--config .sallyport/demo/",
      `--config ${folder}/`,
    );
    const sessions = await runProgram("sh", ["-c", `cd ${JSON.stringify(root)} && ${list}`]);
    expect(sessions.stdout).toMatch(/ana +shop/);
    // A second one beside it says what to do.
    const beside = await runProgram(process.execPath, [join(root, "cli/demo.ts")], { env });
    expect([beside.status, beside.stderr]).toEqual([2, expect.stringContaining(`SALLYPORT_PORT=`) as string]);
    expect(await end(second.child, "SIGINT")).toBe(0);
  });
});
