import { spawn, type ChildProcess } from "node:child_process";
import { once } from "node:events";
import { chmodSync, mkdtempSync, readFileSync, rmSync } from "node:fs";
import { request as askSecure } from "node:https";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { freePort } from "../../cli/demo/embedded-postgres.ts";
import { inPath, runProgram, type Ran } from "../support/programs.ts";

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
    SALLYPORT_SSH_PORT: String(await freePort()),
    SALLYPORT_KUBERNETES_PORT: String(await freePort()),
  };
});
afterAll(() => {
  for (const child of children) child.kill("SIGKILL");
  rmSync(folder, { recursive: true, force: true });
});

/** Starts it and resolves with what it printed once it has said `words`: by default, once it is ready. */
async function start(
  words = "Ctrl-C stops everything",
): Promise<{ readonly child: ChildProcess; readonly said: string }> {
  const child = spawn(process.execPath, [join(root, "cli/demo.ts")], {
    env: { ...process.env, ...env },
    stdio: ["ignore", "pipe", "pipe"],
  });
  children.push(child);
  let said = "";
  return new Promise((resolve, reject) => {
    const hear = (chunk: Buffer): void => {
      said += chunk.toString();
      if (said.includes(words)) resolve({ child, said });
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

/** A line, without what stands behind it. */
const paste = (text: string): Promise<Ran> => runProgram("sh", ["-c", text.split(/ {3,}/)[0]!]);

/** The secret masked, the deletion refused, the shell waiting for lea and then allowed: by kubectl, and by HTTPS where there is none. */
async function usesCluster(said: string): Promise<void> {
  const password = Buffer.from("production-hunter2").toString("base64");
  const masked = `"password":"${Buffer.from("***").toString("base64")}"`;
  const answer = await askCluster("GET", "/api/v1/namespaces/production/secrets/db", "ana");
  expect([answer.status, answer.body]).toEqual([200, expect.stringContaining(masked)]);
  const refused = await askCluster("DELETE", "/api/v1/namespaces/production/pods/orders-0", "dev");
  expect([refused.status, refused.body]).toEqual([403, expect.stringContaining("changed by a release")]);
  if (inPath("curl")) expect((await paste(`${line(said, "curl --cacert")} -sS`)).out).toContain(masked);
  if (!inPath("kubectl")) return;
  const kubectl = said
    .split("\n")
    .map((one) => one.trim())
    .filter((one) => one.startsWith("kubectl "));
  const secret = await paste(kubectl[0]!);
  expect(secret.out).toMatch(/password: Kioq\n/);
  expect(secret.out).not.toContain(password);
  const [exec, deletion] = [paste(kubectl[1]!), await paste(kubectl[2]!)];
  expect(deletion.stderr).toMatch(/production_deletion: What runs in production is changed by a release/);
  let id: string | undefined;
  const approvals = async (...args: readonly string[]): Promise<string> => {
    const words = ["approvals", ...args, "--user", "lea", "--config", join(folder, "sallyport.yaml")];
    const env = { SALLYPORT_PASSWORD: "lea" };
    return (await runProgram(process.execPath, [join(root, "cli/sallyport.ts"), ...words], { env })).out;
  };
  while (id === undefined) id = /apr_\w+(?=.*pending)/.exec(await approvals("list"))?.[0];
  expect(await approvals("approve", id)).toContain("is approved");
  expect((await exec).stdout).toBe("id,email\n1,k***@***.com\n2,r***@***.com\n");
}

function askCluster(method: string, path: string, user: string): Promise<{ status: number; body: string }> {
  return new Promise((resolve, reject) => {
    const one = askSecure(
      {
        host: "127.0.0.1",
        port: env["SALLYPORT_KUBERNETES_PORT"],
        ca: readFileSync(join(folder, "gateway.crt")),
        path,
        method,
        auth: `${user}:${user}`,
        agent: false,
      },
      (answer) => {
        let body = "";
        answer.setEncoding("utf8").on("data", (piece: string) => (body += piece));
        answer.on("end", () => resolve({ status: answer.statusCode ?? 0, body }));
      },
    );
    one.on("error", reject);
    one.end();
  });
}

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
    const list = line(second.said, "npm run -s sallyport -- sessions list");
    const sessions = await runProgram("sh", ["-c", `cd ${JSON.stringify(root)} && ${list}`]);
    expect(sessions.stdout).toMatch(/ana +shop/);
    // A second one beside it says what to do, and with other ports but the same folder leaves the first one alone.
    const others: Record<string, string> = { SALLYPORT_DEMO: folder };
    for (const name of Object.keys(env)) if (name.endsWith("_PORT")) others[name] = String(await freePort());
    for (const settings of [env, others]) {
      const beside = await runProgram(process.execPath, [join(root, "cli/demo.ts")], { env: settings });
      expect([beside.status, beside.stderr]).toEqual([
        2,
        expect.stringMatching(/runs already.*SALLYPORT_PORT=/) as string,
      ]);
    }
    const still = await runProgram("sh", ["-c", `cd ${JSON.stringify(root)} && ${line(second.said, "npx ")}`]);
    expect(still.stdout).toContain("***");
    // Taken ports are named together, with others to take.
    const elsewhere = await runProgram(process.execPath, [join(root, "cli/demo.ts")], {
      env: { ...env, SALLYPORT_DEMO: join(folder, "another") },
    });
    expect(elsewhere.status).toBe(2);
    for (const name of Object.keys(others).filter((one) => one.endsWith("_PORT"))) {
      expect(elsewhere.stderr).toContain(env[name]);
      expect(elsewhere.stderr).toMatch(new RegExp(`${name}=\\d+ `));
    }
    expect(await end(second.child, "SIGINT")).toBe(0);
  }, 180_000);

  it("prints lines for its Kubernetes cluster that work when they are pasted", async () => {
    // As where the folder is deleted, and the server's is elsewhere, for root's sake: it is made anew.
    rmSync(join(folder, "postgres.password"), { force: true });
    const interrupted = await start("filling the shop");
    let then = "";
    interrupted.child.stderr!.on("data", (chunk: Buffer) => (then += chunk.toString()));
    expect(await end(interrupted.child, "SIGINT")).toBe(0);
    expect(then.trim()).toBe("Stopping …");
    const { child, said } = await start();
    await usesCluster(said);
    expect(await end(child, "SIGINT")).toBe(0);
  }, 180_000);
});
