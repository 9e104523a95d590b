import { spawn, type ChildProcess } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import pg from "pg";
import { afterAll, beforeAll, expect, it } from "vitest";
import { freePort } from "./demo/embedded-postgres.ts";

/** The gateway as a process of its own, without a target and without a bundle: what works then, and what must not. */
const PROGRAM = join(import.meta.dirname, "sallyport.ts");
const folder = mkdtempSync(join(tmpdir(), "sallyport-serve-"));
const env = { PATH: process.env["PATH"], NO_COLOR: "1", SHOP_PASSWORD: "unused" };
let gateway: ChildProcess;
let said = "";
let port = 0;
let control = 0;

/** Resolves once the gateway has said so. */
async function until(pattern: RegExp): Promise<void> {
  while (!pattern.test(said)) await once(gateway.stderr!, "data");
}

async function cli(argv: readonly string[], stdin = "", more: Record<string, string> = {}) {
  const child = spawn(process.execPath, [PROGRAM, ...argv], { cwd: folder, env: { ...env, ...more } });
  let out = "";
  let err = "";
  child.stdout.setEncoding("utf8").on("data", (text: string) => (out += text));
  child.stderr.setEncoding("utf8").on("data", (text: string) => (err += text));
  child.stdin.end(stdin);
  const [code] = (await once(child, "close")) as [number];
  return { code, out, err };
}

async function start(): Promise<void> {
  said = "";
  gateway = spawn(process.execPath, [PROGRAM, "serve"], { cwd: folder, env, stdio: ["ignore", "pipe", "pipe"] });
  gateway.stderr!.setEncoding("utf8").on("data", (text: string) => (said += text));
  const listening = once(gateway.stdout!, "data");
  await Promise.race([
    listening,
    once(gateway, "exit").then(() => {
      throw new Error(`the gateway did not start: ${said}`);
    }),
  ]);
}

beforeAll(async () => {
  [port, control] = [await freePort(), await freePort()];
  writeFileSync(
    join(folder, "sallyport.yaml"),
    `listen: [{address: "127.0.0.1:${port}"}]
targets: [{name: shop, address: "127.0.0.1:1", credential: {user: gateway, password: {env: SHOP_PASSWORD}}}]
usersFile: users.yaml
bundle: {path: policy.bundle, keys: [bundle.pub]}
state: state
control: {address: "127.0.0.1:${control}", administrators: [platform]}
`,
  );
  expect((await cli(["keys", "new"])).code).toBe(0);
  expect((await cli(["user", "add", "ann", "--password-stdin"], "opal")).code).toBe(0);
  await start();
});
afterAll(async () => {
  if (gateway.exitCode === null) {
    gateway.kill("SIGKILL");
    await once(gateway, "exit");
  }
  rmSync(folder, { recursive: true });
});

const as = (user: string) => ({ SALLYPORT_USER: user, SALLYPORT_PASSWORD: "opal" });

it("keeps its state from others", () => {
  expect(statSync(join(folder, "state")).mode & 0o077).toBe(0);
});

it("says that no policy is in force, and is not healthy", async () => {
  await until(/no policy is in force/);
  expect(await cli(["status", "--health"])).toMatchObject({
    code: 1,
    out: expect.stringContaining("no policy bundle is in force") as string,
  });
});

it("takes a user who was added while it runs, and no wrong users file", async () => {
  expect((await cli(["approvals", "list"], "", as("eve"))).code).toBe(1);
  await cli(["user", "add", "eve", "--group", "platform", "--password-stdin"], "opal");
  await until(/the users were read again/);
  expect(await cli(["approvals", "list"], "", as("eve"))).toEqual({
    code: 0,
    out: "Nothing waits for a decision.\n",
    err: "",
  });
  writeFileSync(join(folder, "users.yaml"), "users: [{nam: x}]\n");
  await until(/the users stay as they were: .*users\.yaml:1:\d+: a user has no setting "nam"; did you mean name\?/s);
  expect((await cli(["approvals", "list"], "", as("eve"))).code).toBe(0);
  // The bundle that was never there is no new one.
  expect(said).not.toMatch(/the new bundle/);
  gateway.kill("SIGHUP");
  await until(/not reloaded, all stays as it was/);
  expect((await cli(["status"], "", as("eve"))).out).toContain("user: eve");
});

it("lets nobody with a wrong password in, and slows down who guesses", async () => {
  const signIn = async (password: string): Promise<string> => {
    const client = new pg.Client({ host: "127.0.0.1", port, user: "ann", password, database: "shop" });
    client.on("error", () => undefined);
    try {
      await client.connect();
      await client.query("select 1");
      return "in";
    } catch (fault) {
      return (fault as { code?: string }).code ?? String(fault);
    } finally {
      await client.end().catch(() => undefined);
    }
  };
  for (let i = 0; i < 10; i++) expect(await signIn("guess")).toBe("28P01");
  expect(await signIn("opal")).toBe("28000");
});

it("stops when told, and starts again on the same state", async () => {
  gateway.kill("SIGTERM");
  const [code] = (await once(gateway, "exit")) as [number];
  expect(code).toBe(0);
  await cli(["user", "list"]);
  writeFileSync(join(folder, "users.yaml"), "");
  await start();
  expect((await cli(["status", "--health"])).code).toBe(1);
});

it("keeps a second gateway away from its record", async () => {
  const second = await cli(["serve"]);
  expect(second).toMatchObject({
    code: 2,
    err: expect.stringContaining("another gateway runs on the state folder") as string,
  });
  const { out } = await cli(["audit", "key"]);
  const verified = await cli(["audit", "verify", "--config", "sallyport.yaml", "--key", out.trim()]);
  expect(verified).toMatchObject({ code: 0, out: expect.stringContaining("is whole") as string });
});

it("says what to do when a port is taken", async () => {
  const config = readFileSync(join(folder, "sallyport.yaml"), "utf8").replace("state: state", "state: other");
  writeFileSync(join(folder, "other.yaml"), config);
  const second = await cli(["serve", "--config", "other.yaml"]);
  expect(second).toMatchObject({
    code: 2,
    err: expect.stringContaining(`port ${port} is taken by another program`) as string,
  });
});

it.each<readonly [what: string, from: string | RegExp, to: string, told: RegExp]>([
  ["no certificate", /$/, "tls: {certificate: a.crt, key: a.key}", /the certificate .*a\.crt can't be read: ENOENT/],
  ["no PEM", /$/, "tls: {certificate: users.yaml, key: users.yaml}", /the key .*users\.yaml can't be used/],
  ["a file for a folder", "state: other", "state: users.yaml", /the state folder .*users\.yaml can't be made: EEXIST/],
  ["a bundle's private key", "bundle.pub", "bundle.key", /bundle\.key is a private key, .*; give the public one/],
  ["no bundle key", "bundle.pub", "none.pub", /the bundle key .*none\.pub can't be read: ENOENT/],
  ["what is no key", "bundle.pub", "users.yaml", /the bundle key .*users\.yaml is no public key: .*policyc keygen/],
  ["a tab", "usersFile:", "\tusersFile:", /wrong\.yaml:3:1: Tabs are not allowed as indentation$/m],
])("says in words what is wrong with %s", async (_, from, to, told) => {
  const config = readFileSync(join(folder, "sallyport.yaml"), "utf8").replace("state: state", "state: other");
  const listen = `listen: [{address: "127.0.0.1:${port}"`;
  const wrong = typeof from === "string" ? config.replace(from, to) : config.replace(listen, `${listen}, ${to}`);
  writeFileSync(join(folder, "wrong.yaml"), wrong);
  const { code, err } = await cli(["serve", "--config", "wrong.yaml"]);
  expect([code, err]).toEqual([2, expect.stringMatching(told) as string]);
  expect(err).not.toContain("\n    at ");
});

it.each([
  ["audit", "verify"],
  ["sessions", "list"],
  ["ssh-config", "--user", "ann"],
])("a configuration that is not there is told in words: %s %s", async (...argv) => {
  const { code, err } = await cli([...argv, "--config", "none.yaml"]);
  expect([code, err]).toEqual([
    2,
    expect.stringMatching(/^sallyport: .*none\.yaml can't be read: ENOENT\n$/) as string,
  ]);
});

it.each([
  ["secret.key", /the secret .*secret\.key has 8 bytes, not 32; restore it/],
  ["log.key", /the signing key .*log\.key can't be used/],
  ["approvals.db", /the requests for approval in .*approvals\.db can't be read: file is not a database; restore/],
  ["vault.db", /the tokens of masks in .*vault\.db can't be read: file is not a database; restore/],
])("does not start on a state folder with a damaged %s, says so and ends", async (name, told) => {
  const state = mkdtempSync(join(folder, "damaged-"));
  writeFileSync(join(state, name), "garbage\n", { mode: 0o600 });
  const config = readFileSync(join(folder, "sallyport.yaml"), "utf8").replace("state: state", `state: ${state}`);
  writeFileSync(join(folder, "damaged.yaml"), config);
  const { code, err } = await cli(["serve", "--config", "damaged.yaml"]);
  expect([code, err]).toEqual([2, expect.stringMatching(told) as string]);
  expect(err).not.toContain("\n    at ");
});

it("a gateway that was killed leaves no lock behind", async () => {
  gateway.kill("SIGKILL");
  await once(gateway, "exit");
  await start();
  expect((await cli(["status", "--health"])).code).toBe(1);
});
