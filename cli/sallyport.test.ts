import { spawn } from "node:child_process";
import { once } from "node:events";
import {
  chmodSync,
  existsSync,
  mkdtempSync,
  readFileSync,
  readdirSync,
  rmSync,
  statSync,
  symlinkSync,
  lstatSync,
  writeFileSync,
} from "node:fs";
import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, beforeEach, describe, expect, it } from "vitest";
import { createPrivateKey, createPublicKey, sign, verify } from "node:crypto";
import { ok } from "../base/result.ts";
import { controlListener } from "../runtime/control/index.ts";
import { makeVerifier, parseVerifier, passwordMatches } from "../runtime/credentials/index.ts";
import { Approvals, ApprovalStore } from "../runtime/enforce/approve/index.ts";
import { readUsers } from "../runtime/gateway/config.ts";
import { Directory } from "../runtime/identity/index.ts";
import { systemClock, systemRandom } from "../runtime/outside/index.ts";

const PROGRAM = join(import.meta.dirname, "sallyport.ts");
let folder = "";
beforeEach(() => void (folder = mkdtempSync(join(tmpdir(), "sallyport-cli-"))));
const folders = new Set<string>();
afterAll(() => folders.forEach((one) => rmSync(one, { recursive: true })));

interface Run {
  readonly code: number;
  readonly out: string;
  readonly err: string;
}

/** Runs the command in its own process, in the test's folder. */
async function run(argv: readonly string[], over: { stdin?: string; env?: Record<string, string> } = {}): Promise<Run> {
  folders.add(folder);
  const child = spawn(process.execPath, [PROGRAM, ...argv], {
    cwd: folder,
    env: { PATH: process.env["PATH"], NO_COLOR: "1", ...over.env },
  });
  let out = "";
  let err = "";
  child.stdout.setEncoding("utf8").on("data", (text: string) => (out += text));
  child.stderr.setEncoding("utf8").on("data", (text: string) => (err += text));
  child.stdin.on("error", () => undefined);
  child.stdin.end(over.stdin ?? "");
  const [code] = (await once(child, "close")) as [number];
  return { code, out, err };
}

const CONFIG = `# The shop's gateway.
listen:
  - {protocol: postgres, address: "127.0.0.1:6432"}
targets:
  - name: shop
    address: 127.0.0.1:5432
    credential: {user: gateway, password: {env: SHOP_PASSWORD}}
bundle: {path: policy.bundle, keys: [bundle.pub]}
state: state
`;

describe("help and wrong use", () => {
  it.each(["serve", "status", "approvals", "detokenise", "user", "keys"])("%s --help", async (name) => {
    const { code, out, err } = await run([name, "--help"]);
    expect({ code, err }).toEqual({ code: 0, err: "" });
    expect(out).toMatch(new RegExp(`^sallyport ${name}: `));
  });
  it("--help names every command; --version the version", async () => {
    const { code, out } = await run(["--help"]);
    expect(code).toBe(0);
    for (const name of ["serve", "status", "approvals", "detokenise", "sessions", "audit", "user", "keys"])
      expect(out).toContain(`sallyport ${name}`);
    expect(await run(["--version"])).toMatchObject({
      code: 0,
      out: expect.stringMatching(/^sallyport \d+\.\d+\.\d+\n$/) as string,
    });
  });
  const cases: readonly (readonly [title: string, argv: readonly string[], says: string])[] = [
    ["nothing", [], "sallyport serve"],
    ["a misspelt command", ["aprovals"], "did you mean approvals?"],
    ["a word that is in every object", ["constructor"], "has no command"],
    ["a misspelt subcommand", ["user", "ad"], "did you mean add?"],
    ["a misspelt option", ["user", "list", "--confg", "x"], "did you mean --config?"],
    ["an option without its value", ["user", "add", "ann", "--group"], "--group"],
    ["no configuration", ["user", "list"], "there is no sallyport.yaml here"],
    ["a configuration that is not there", ["serve", "--config", "x.yaml"], "x.yaml"],
    ["nobody to sign in as", ["approvals", "list"], "who are you?"],
    ["no id", ["approvals", "show", "--user", "bob"], "the approval's id is missing"],
    ["two ids", ["approvals", "deny", "a", "b", "--user", "bob"], "one argument too many"],
  ];
  it.each(cases)("%s", async (_title, argv, says) => {
    const { code, err, out } = await run(argv);
    expect({ code, out }).toEqual({ code: 2, out: "" });
    expect(err).toContain(says);
    expect(err).not.toMatch(/^\s+at /m);
  });
});

describe("user", () => {
  const users = () => {
    const read = readUsers(readFileSync(join(folder, "users.yaml"), "utf8"));
    if (!read.ok) throw new Error(JSON.stringify(read.error));
    return read.value;
  };

  it("add makes the file, private, with a verifier that fits the password", async () => {
    expect(
      await run(
        ["user", "add", "ann", "--group", "analyst", "--group", "privacy", "--users", "users.yaml", "--password-stdin"],
        { stdin: "opal\n" },
      ),
    ).toMatchObject({ code: 0 });
    expect(statSync(join(folder, "users.yaml")).mode & 0o777).toBe(0o600);
    expect(readdirSync(folder)).toEqual(["users.yaml"]);
    const [ann] = users();
    expect(ann).toMatchObject({ name: "ann", groups: ["analyst", "privacy"] });
    const verifier = parseVerifier(ann!.scram!);
    if (!verifier.ok) throw new Error(verifier.error);
    expect(await passwordMatches("opal", verifier.value)).toBe(true);
    expect(readFileSync(join(folder, "users.yaml"), "utf8")).not.toContain("opal");
  });

  it("add keeps what people wrote", async () => {
    const before =
      "# People of the shop.\nusers:\n  # Started in May.\n  - name: ann # data team\n    groups: [analyst]\n";
    writeFileSync(join(folder, "users.yaml"), before);
    await run(["user", "add", "bob", "--users", "users.yaml", "--password-stdin"], { stdin: "pearl" });
    const text = readFileSync(join(folder, "users.yaml"), "utf8");
    expect(text.startsWith(before)).toBe(true);
    expect(users().map((user) => user.name)).toEqual(["ann", "bob"]);
  });

  it("add again needs --replace, which changes the password and keeps the groups unless others are given", async () => {
    const add = (...more: string[]) =>
      run(["user", "add", "ann", "--users", "users.yaml", "--password-stdin", ...more], { stdin: "opal" });
    await add("--group", "analyst");
    const first = users()[0]!.scram;
    expect(await add()).toMatchObject({ code: 2, err: expect.stringContaining("--replace") as string });
    expect(await add("--replace")).toMatchObject({ code: 0 });
    expect(users()).toHaveLength(1);
    expect(users()[0]).toMatchObject({ groups: ["analyst"] });
    expect(users()[0]!.scram).not.toBe(first);
    await add("--replace", "--group", "leads");
    expect(users()[0]!.groups).toEqual(["leads"]);
  });

  it("add writes into the configuration itself where it has no users file", async () => {
    writeFileSync(join(folder, "sallyport.yaml"), CONFIG);
    expect(await run(["user", "add", "ann", "--password-stdin"], { stdin: "opal" })).toMatchObject({ code: 0 });
    expect(readFileSync(join(folder, "sallyport.yaml"), "utf8")).toContain("# The shop's gateway.");
    expect(JSON.parse((await run(["user", "list", "--json"])).out)).toEqual({
      users: [{ name: "ann", groups: [], password: true }],
    });
  });

  it("add follows usersFile of the configuration, and a link", async () => {
    writeFileSync(join(folder, "sallyport.yaml"), `${CONFIG}usersFile: users.yaml\n`);
    writeFileSync(join(folder, "real.yaml"), "users: []\n");
    symlinkSync("real.yaml", join(folder, "users.yaml"));
    await run(["user", "add", "ann", "--config", "sallyport.yaml", "--password-stdin"], { stdin: "opal" });
    expect(lstatSync(join(folder, "users.yaml")).isSymbolicLink()).toBe(true);
    expect(users().map((user) => user.name)).toEqual(["ann"]);
  });

  it("list and remove", async () => {
    for (const name of ["ann", "bob"])
      await run(["user", "add", name, "--group", "staff", "--users", "users.yaml", "--password-stdin"], {
        stdin: "opal",
      });
    expect((await run(["user", "list", "--users", "users.yaml"])).out).toBe(
      "NAME  PASSWORD  GROUPS\nann   set       staff\nbob   set       staff\n",
    );
    expect(await run(["user", "remove", "ann", "--users", "users.yaml"])).toMatchObject({ code: 0 });
    expect(users().map((user) => user.name)).toEqual(["bob"]);
    expect(await run(["user", "remove", "ann", "--users", "users.yaml"])).toMatchObject({
      code: 2,
      err: expect.stringContaining("there is no user ann") as string,
    });
  });

  it.each([
    [
      "an empty password",
      ["user", "add", "ann", "--users", "users.yaml", "--password-stdin"],
      "\n",
      "the password is empty",
    ],
    ["no terminal to ask at", ["user", "add", "ann", "--users", "users.yaml"], "opal\n", "--password-stdin"],
    ["a colon in the name", ["user", "add", "a:b", "--users", "users.yaml", "--password-stdin"], "opal", "colons"],
  ])("%s changes nothing", async (_title, argv, stdin, says) => {
    const result = await run(argv, { stdin });
    expect(result.code).toBe(2);
    expect(result.err).toContain(says);
    expect(existsSync(join(folder, "users.yaml"))).toBe(false);
  });

  it.each(["users: 7\n", "users: {a: b}\n", "- a\n", "users: [\n", "users:\n  - nam: x\n"])(
    "a file that is wrong is left as it is: %j",
    async (text) => {
      writeFileSync(join(folder, "users.yaml"), text);
      const result = await run(["user", "add", "ann", "--users", "users.yaml", "--password-stdin"], { stdin: "opal" });
      expect(result.code).toBe(2);
      expect(result.err).not.toMatch(/^\s+at /m);
      expect(readFileSync(join(folder, "users.yaml"), "utf8")).toBe(text);
    },
  );

  it("a folder that can't be written is told as such", async () => {
    if (process.getuid?.() === 0) return; // root may write anywhere
    chmodSync(folder, 0o500);
    expect(
      (await run(["user", "add", "ann", "--users", "users.yaml", "--password-stdin"], { stdin: "opal" })).code,
    ).toBe(2);
    chmodSync(folder, 0o700);
  });
});

it("keys new makes a pair that signs, and never replaces one", async () => {
  expect(await run(["keys", "new", "--out", "keys"])).toMatchObject({ code: 0 });
  const read = (name: string) => readFileSync(join(folder, "keys", name));
  expect(statSync(join(folder, "keys", "bundle.key")).mode & 0o777).toBe(0o600);
  const signature = sign(null, Buffer.from("x"), createPrivateKey(read("bundle.key")));
  expect(verify(null, Buffer.from("x"), createPublicKey(read("bundle.pub")), signature)).toBe(true);
  const before = read("bundle.key");
  expect(await run(["keys", "new", "--out", "keys"])).toMatchObject({
    code: 2,
    err: expect.stringContaining("exists already") as string,
  });
  expect(read("bundle.key")).toEqual(before);
});

describe("commands that speak to a gateway", () => {
  let server: Server;
  let approvals: Approvals;
  let env: Record<string, string>;
  let healthy = true;

  beforeAll(async () => {
    const verifier = await makeVerifier("opal", Buffer.alloc(16, 1));
    const person = (name: string, ...groups: string[]) => ({ name, groups, verifier });
    const noFetch = (): Promise<Response> => Promise.reject(new Error("there is no network here"));
    const directory = new Directory(
      [person("ann"), person("bob", "leads"), person("eve", "leads")],
      [],
      Buffer.from("s"),
      systemClock,
      noFetch,
    );
    approvals = new Approvals(new ApprovalStore(":memory:"), systemClock, systemRandom, () => Promise.resolve(true));
    server = createServer(
      controlListener({
        approvals,
        directory,
        administrators: [],
        health: () => ({ healthy, problems: healthy ? [] : ["no policy bundle is in force"] }),
        status: () => ({ version: "1", bundle: { digest: "abc", rules: 3 }, targets: ["shop", "crm"] }),
        sessions: () => [],
        reverseToken: () => Promise.resolve(null),
        reloadBundle: () => Promise.resolve(ok({ digest: "d" })),
      }),
    );
    server.listen(0, "127.0.0.1");
    await once(server, "listening");
    env = {
      SALLYPORT_CONTROL: `127.0.0.1:${(server.address() as AddressInfo).port}`,
      SALLYPORT_PASSWORD: "opal",
      SALLYPORT_USER: "bob",
    };
  });
  afterAll(() => {
    server.close();
    approvals.close();
  });

  async function ask(quorum = 1): Promise<string> {
    const record = await approvals.request(
      {
        digest: `d${Math.random()}`,
        bundle: "b",
        session: "s",
        requester: "ann",
        target: "shop",
        summary: "delete from orders\nwhere true -- \u001b[31mred",
        rules: [
          {
            name: "unfiltered_write",
            because: "It changes every row.",
            groups: ["leads"],
            users: [],
            quorum,
            withinMs: 600_000,
            validMs: 0,
          },
        ],
      },
      () => undefined,
    );
    return record!.id;
  }

  it("list, show, approve", async () => {
    const id = await ask();
    const list = await run(["approvals", "list"], { env });
    expect(list).toMatchObject({ code: 0, err: "" });
    expect(list.out).toMatch(/^ID +STATE +REQUESTER +TARGET +UNTIL +WHAT\n/);
    expect(list.out).toContain(id);
    expect(list.out).toContain("delete from orders where true");
    const shown = await run(["approvals", "show", id], { env });
    expect(shown.out).toContain("    where true -- \\x1b[31mred");
    expect(shown.out).toContain("unfiltered_write: 0 of 1 granted, by group leads");
    // A statement's own text can't steer the approver's terminal.
    expect(list.out + shown.out).not.toContain("\u001b");
    expect(await run(["approvals", "approve", id, "--reason", "checked"], { env })).toEqual({
      code: 0,
      out: `${id} is approved.\n`,
      err: "",
    });
    expect(approvals.get(id)).toMatchObject({ state: "approved", decidedBy: "bob", reason: "checked" });
    expect(await run(["approvals", "approve", id], { env: { ...env, SALLYPORT_USER: "eve" } })).toMatchObject({
      code: 1,
      err: expect.stringContaining("no longer waits") as string,
    });
  });

  it("a quorum of two needs two", async () => {
    const id = await ask(2);
    expect((await run(["approvals", "approve", id], { env })).out).toBe(
      `${id} has your grant and waits for others (unfiltered_write: 1 of 2).\n`,
    );
    expect((await run(["approvals", "approve", id, "--user", "eve"], { env })).out).toBe(`${id} is approved.\n`);
  });

  it("deny, as JSON", async () => {
    const id = await ask();
    const denied = await run(["approvals", "deny", id, "--reason", "no", "--json"], { env });
    expect(JSON.parse(denied.out)).toMatchObject({ id, state: "denied", decidedBy: "bob", reason: "no" });
  });

  it("one's own request, a wrong password, an unknown id", async () => {
    const id = await ask();
    expect(await run(["approvals", "approve", id, "--user", "ann"], { env })).toMatchObject({
      code: 1,
      err: expect.stringContaining("Nobody decides on what they asked for") as string,
    });
    expect(await run(["approvals", "approve", id], { env: { ...env, SALLYPORT_PASSWORD: "x" } })).toMatchObject({
      code: 1,
      err: expect.stringContaining("password is wrong") as string,
    });
    expect(await run(["approvals", "show", "apr_none"], { env })).toMatchObject({ code: 1 });
    expect(approvals.get(id)?.state).toBe("pending");
  });

  it("the control address comes from the configuration", async () => {
    const { SALLYPORT_CONTROL, ...rest } = env;
    writeFileSync(join(folder, "sallyport.yaml"), `${CONFIG}control: {address: "${SALLYPORT_CONTROL}"}\n`);
    expect((await run(["approvals", "list", "--state", "all", "--json"], { env: rest })).code).toBe(0);
  });

  it("no gateway there", async () => {
    expect(await run(["status", "--control", "127.0.0.1:1"], { env })).toMatchObject({
      code: 2,
      err: expect.stringContaining("no gateway answers at 127.0.0.1:1 (ECONNREFUSED)") as string,
    });
  });

  it("status and health", async () => {
    expect((await run(["status"], { env })).out).toBe(
      "version: 1\nbundle.digest: abc\nbundle.rules: 3\ntargets: shop, crm\nuser: bob\ngroups: leads\n",
    );
    expect(await run(["status", "--health"], { env })).toEqual({ code: 0, out: "ok\n", err: "" });
    healthy = false;
    expect(await run(["status", "--health"], { env })).toEqual({
      code: 1,
      out: "failing: no policy bundle is in force\n",
      err: "",
    });
    healthy = true;
  });
});
