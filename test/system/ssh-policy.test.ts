import { spawn, type ChildProcessWithoutNullStreams } from "node:child_process";
import { createHash } from "node:crypto";
import {
  existsSync,
  mkdtempSync,
  readFileSync,
  readdirSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import {
  freePort,
  hasOpenSsh,
  startSshGateway,
  startSshd,
  type TestSshGateway,
  type TestSshd,
} from "../support/ssh.ts";
import { runProgram } from "../support/programs.ts";
import { afterTheirEnd, readLog } from "../support/read-log.ts";

const POLICY = `package test
let engineer = user.groups has "engineer"

allow commands on ssh
  when engineer and channel.kind in [exec, shell, pty, line, scp]

allow transfers on ssh
  when engineer and exists subsystem.name and subsystem.name == "sftp"

allow files on ssh
  when engineer and channel.kind == sftp

allow locale on ssh
  when engineer and exists environment.name and environment.name in ["LANG", "GREETING"]

deny removes on ssh
  when command.programs has "rm"
  because "Nothing is removed by hand."

deny unreadable on ssh
  when not command.parsed
  because "The command can't be read."

approve system_files on ssh
  when any p in command.writes : (p starts with "/etc/" or p ends with "/held")
  by group "leads" quorum 1 within 15m valid once
  because "It changes a system file."

deny secrets on ssh
  when exists file.path and file.path ends with ".secret"
  because "Secrets stay where they are."

allow far on ssh
  when engineer and exists forward.host and exists forward.port and forward.host == "127.0.0.1" and forward.port == 9
`;

interface Entry {
  readonly type: string;
  readonly [member: string]: unknown;
}

describe.skipIf(!hasOpenSsh())("what a policy says of SSH", () => {
  let sshd: TestSshd;
  let gateway: TestSshGateway;
  let folder: string;

  beforeAll(async () => {
    sshd = await startSshd();
    gateway = await startSshGateway(sshd, { policy: POLICY, config: "approvals: { noticeEveryMs: 60000 }\n" });
    folder = mkdtempSync(join(tmpdir(), "sallyport-files-"));
  });
  afterAll(async () => {
    await gateway?.close();
    await sshd?.stop();
    rmSync(folder, { recursive: true, force: true });
  });

  const entries = async (): Promise<readonly Entry[]> => {
    await gateway.running.gateway.recorder.flush();
    const found = await readLog(join(gateway.folder, "state/log"));
    expect(afterTheirEnd(found)).toEqual([]);
    return found.map(({ value }) => value as Entry);
  };

  const pending = async (): Promise<string> => {
    for (;;) {
      const [one] = gateway.running.gateway.approvals.list("pending");
      if (one !== undefined) return one.id;
      await new Promise((resolve) => setImmediate(resolve));
    }
  };

  const begin = (user: string, args: readonly string[]): ChildProcessWithoutNullStreams & { said: () => string } => {
    const child = spawn("ssh", [...gateway.options(user), `${user}%host@127.0.0.1`, ...args]);
    let said = "";
    for (const stream of [child.stdout, child.stderr]) stream.setEncoding("utf8").on("data", (text) => (said += text));
    return Object.assign(child, { said: () => said });
  };
  const ended = (child: ChildProcessWithoutNullStreams): Promise<number | null> =>
    new Promise((resolve) => child.once("close", resolve));

  const DENIED: readonly (readonly [title: string, user: string, args: readonly string[], said: RegExp])[] = [
    ["a program that a rule denies", "ana", ["rm /tmp/x"], /denied by rule removes: Nothing is removed by hand\./],
    ["in quotes", "ana", ["r''m /tmp/x"], /removes/],
    ["in escapes", "ana", ["$'\\x72m' /tmp/x"], /removes/],
    ["inside of sh -c, behind sudo", "ana", ["sudo sh -c 'true; rm /tmp/x'"], /removes/],
    ["inside of a substitution", "ana", ["echo $(rm /tmp/x)"], /removes/],
    ["by its folder", "ana", ["/bin/rm /tmp/x"], /removes/],
    ["by a variable", "ana", ["X=rm; $X /tmp/x"], /removes/],
    ["by a pattern", "ana", ["/???/rm /tmp/x"], /removes/],
    ["run by find", "ana", ["find /tmp/none -exec rm {} +"], /removes/],
    ["fed to a shell", "ana", ["echo 'rm x' | sh"], /removes/],
    ["decoded first", "ana", ["echo cm0gL3RtcC94 | base64 -d | bash"], /removes/],
    ["a line that can't be read", "ana", ["echo 'never closed"], /unreadable|removes/],
    ["of somebody whom no rule allows anything", "con", ["id"], /no rule allows this/],
  ];
  it.each(DENIED)("refuses %s", async (_title, user, args, said) => {
    const ran = await gateway.ssh(user, args);
    expect(ran.stderr).toMatch(said);
    expect(ran.stderr).toMatch(/Decision [0-9a-z]{26}\.\d+\./);
    expect([ran.stdout, ran.status]).toEqual(["", 126]);
  });

  it("a refused terminal, variable and shell are refused as sshd refuses them", async () => {
    const shell = await gateway.ssh("con", [], { input: "" });
    expect([shell.stdout, shell.status]).toEqual(["", 126]);
    expect(shell.stderr).toMatch(/no rule allows this/);
    const terminal = await gateway.ssh("con", ["-tt"], { input: "" });
    expect(terminal.stderr).toMatch(/PTY allocation request failed/);
    const variable = await gateway.ssh("ana", ["-o", "SetEnv=GREETING=hi LC_ALL=C", "echo $GREETING $LC_ALL"]);
    expect(variable.stdout).toBe("hi\n");
  });

  it("a command waits for an approval, says so, and then runs", async () => {
    const file = join(folder, "held");
    const child = begin("ana", [`echo changed | tee ${file}; exit 3`]);
    const id = await pending();
    expect(existsSync(file)).toBe(false);
    const voted = await gateway.running.gateway.approvals.approve(id, { name: "lea", groups: ["leads"] }, null);
    expect(voted.ok).toBe(true);
    expect(await ended(child)).toBe(3);
    expect(child.said()).toMatch(
      /sallyport: waiting for approval apr_\w+ \(rule system_files: It changes a system file\.\)/,
    );
    expect(child.said()).toContain(`sallyport approvals approve ${id}`);
    expect(readFileSync(file, "utf8")).toBe("changed\n");
  });

  it("denied, it never runs and ends with 126", async () => {
    const file = join(folder, "no/held");
    const child = begin("ana", [`mkdir -p ${join(folder, "no")}; touch ${file}`]);
    const id = await pending();
    await gateway.running.gateway.approvals.deny(id, { name: "lea", groups: ["leads"] }, "not today");
    expect(await ended(child)).toBe(126);
    expect(child.said()).toContain("lea denied the approval: not today");
    expect(existsSync(file)).toBe(false);
  });

  it("whoever asked can't approve, and a client that leaves withdraws its request", async () => {
    const child = begin("ana", [`touch ${join(folder, "x/held")}`]);
    const id = await pending();
    const own = await gateway.running.gateway.approvals.approve(id, { name: "ana", groups: ["leads"] }, null);
    expect(own).toEqual({ ok: false, error: "own-request" });
    child.kill();
    await ended(child);
    while (gateway.running.gateway.approvals.get(id)?.state === "pending") await new Promise((r) => setImmediate(r));
    expect(gateway.running.gateway.approvals.get(id)?.state).toBe("withdrawn");
  });

  it("in a terminal Ctrl-C withdraws it", async () => {
    const child = begin("ana", ["-tt", `touch ${join(folder, "y/held")}`]);
    const id = await pending();
    child.stdin.write("\u0003");
    expect(await ended(child)).toBe(126);
    // The client is not kept waiting until that is recorded.
    while (gateway.running.gateway.approvals.get(id)?.state === "pending") await new Promise((r) => setImmediate(r));
    expect(gateway.running.gateway.approvals.get(id)?.state).toBe("withdrawn");
  });

  it("an approval is used once, and for that very command", async () => {
    const file = join(folder, "once/held");
    const run = `mkdir -p ${join(folder, "once")}; echo again >> ${file}`;
    const first = begin("ana", [run]);
    const id = await pending();
    await gateway.running.gateway.approvals.approve(id, { name: "lea", groups: ["leads"] }, null);
    expect(await ended(first)).toBe(0);
    for (const text of [run, `${run} `]) {
      const next = begin("ana", [text]);
      const other = await pending();
      expect(other).not.toBe(id);
      next.kill();
      await ended(next);
      while (gateway.running.gateway.approvals.get(other)?.state === "pending")
        await new Promise((r) => setImmediate(r));
    }
    expect(readFileSync(file, "utf8")).toBe("again\n");
  });

  const sftp = (user: string, batch: string): ReturnType<typeof runProgram> =>
    runProgram("sftp", [...gateway.options(user), "-b", "-", `${user}%host@127.0.0.1`], { input: batch });

  it("each operation on a file is decided: what is refused is refused as by a server, and the rest goes on", async () => {
    writeFileSync(join(folder, "a.secret"), "hidden");
    writeFileSync(join(folder, "open.txt"), "open");
    const ran = await sftp(
      "ana",
      [
        `-get ${folder}/a.secret ${folder}/stolen`,
        `-rm ${folder}/a.secret`,
        `get ${folder}/open.txt ${folder}/got`,
        "",
      ].join("\n"),
    );
    expect(ran.status).toBe(0);
    expect(ran.stderr).toMatch(/denied by rule secrets|[Pp]ermission denied/);
    expect(existsSync(join(folder, "stolen"))).toBe(false);
    expect(existsSync(join(folder, "a.secret"))).toBe(true);
    expect(readFileSync(join(folder, "got"), "utf8")).toBe("open");
  });

  it("a link, a detour and a renaming lead nowhere else than the path they end at", async () => {
    writeFileSync(join(folder, "b.secret"), "hidden");
    symlinkSync(join(folder, "b.secret"), join(folder, "harmless"));
    const ran = await sftp(
      "ana",
      [
        `-get ${folder}/harmless ${folder}/s1`,
        `-get ${folder}/../${folder.split("/").at(-1)!}/b.secret ${folder}/s2`,
        `-rename ${folder}/b.secret ${folder}/c.txt`,
        `-ln ${folder}/b.secret ${folder}/d.txt`,
        "",
      ].join("\n"),
    );
    for (const what of ["stat remote", "remote rename", "remote link"])
      expect(ran.stderr).toMatch(new RegExp(`^${what}.*: Permission denied$`, "m"));
    expect(["s1", "s2", "c.txt", "d.txt"].filter((name) => existsSync(join(folder, name)))).toEqual([]);
  });

  it("who may not use sftp at all gets none, and scp falls on its face", async () => {
    const ran = await sftp("con", "pwd\n");
    expect(ran.status).not.toBe(0);
    expect(ran.stderr).toMatch(/no rule allows this/);
    const copied = await runProgram("scp", [
      ...gateway.options("con"),
      "/etc/hostname",
      `con%host@127.0.0.1:${folder}/x`,
    ]);
    expect(copied.status).not.toBe(0);
    expect(existsSync(join(folder, "x"))).toBe(false);
  });

  it("forwarding is refused unless a rule allows it: to ports, from ports, to and from sockets, of the agent", async () => {
    const port = await freePort();
    const forwarding = (...args: string[]): ReturnType<typeof runProgram> =>
      gateway.ssh("ana", ["-o", "ExitOnForwardFailure=yes", ...args, "echo came through"]);
    expect((await forwarding()).stdout).toBe("came through\n");
    for (const from of [String(port), join(folder, "sock")]) {
      const ran = await forwarding("-R", `${from}:127.0.0.1:22`);
      expect([ran.stdout, ran.status]).toEqual(["", 255]);
      expect(ran.stderr).toMatch(/remote port forwarding failed/);
    }
    const direct = await gateway.ssh("ana", ["-W", `127.0.0.1:${sshd.port}`], { input: "" });
    expect([direct.stdout, direct.status]).toEqual(["", 255]);
    expect(direct.stderr).toMatch(/stdio forwarding failed/);
    // The client asks for its agent only when there is one that it can reach.
    const socket = join(folder, "agent");
    const agent = createServer((client) => client.destroy());
    await new Promise<void>((resolve) => agent.listen(socket, resolve));
    const ran = await gateway.ssh("ana", ["-A", "echo agent:$SSH_AUTH_SOCK"], { env: { SSH_AUTH_SOCK: socket } });
    agent.close();
    expect(ran.stdout).toBe("agent:\n");
    const phases = (await entries()).filter((one) => one.type === "statement").map((one) => one["phase"]);
    expect(phases).toEqual(
      expect.arrayContaining(["tcpip_forward", "streamlocal_forward", "direct_tcpip", "agent_forward"]),
    );
  });

  it("everything is in the record, and what was shown is bound to it", async () => {
    await gateway.ssh("ana", ["echo recorded; echo wrong >&2; exit 9"]);
    const all = await entries();
    const asked = all.findLast((one) => one.type === "statement" && String(one["text"]).includes("echo recorded"))!;
    const decision = asked["decision"] as { id: number; verdict: string; rules: string[] };
    expect(decision).toMatchObject({ verdict: "allow", rules: ["commands"] });
    expect(asked).toMatchObject({ phase: "exec", who: { user: "ana" }, on: { target: "host" }, kinds: ["exec"] });
    const same = all.filter((one) => one["sid"] === asked["sid"] && one["decision"] === decision.id);
    expect(same.find((one) => one.type === "outcome")).toMatchObject({ status: "error", tag: "exit 9", bytes: 15 });
    const recording = same.find((one) => one.type === "recording")!;
    expect(recording).toMatchObject({
      name: `${String(asked["sid"])}.${decision.id}.cast`,
      format: "asciicast-v3",
      left: 0,
    });
    const file = readFileSync(join(gateway.folder, "state/recordings", String(recording["name"])));
    expect(createHash("sha256").update(file).digest("hex")).toBe(recording["digest"]);
    const [header, ...events] = file
      .toString("utf8")
      .trim()
      .split("\n")
      .map((line) => JSON.parse(line) as unknown);
    expect(header).toMatchObject({ version: 3, title: "echo recorded; echo wrong >&2; exit 9" });
    const shown = (events as [number, string, string][]).filter(([, kind]) => kind === "o").map(([, , text]) => text);
    expect(shown.sort()).toEqual(["recorded\n", "wrong\n"]);
    expect((events as [number, string, string][]).at(-1)!.slice(1)).toEqual(["x", "9"]);
    expect(all.filter((one) => one.type === "statement" && one["phase"] === "sftp").length).toBeGreaterThan(5);
  });

  it("of a file that was transferred the record has size and hash", async () => {
    const bytes = Buffer.alloc(200_000, "abc");
    writeFileSync(join(folder, "sent"), bytes);
    await sftp("ana", `get ${folder}/sent ${folder}/sent2\n`);
    const digest = createHash("sha256").update(bytes).digest("hex");
    const found = (await entries()).filter((one) => one.type === "outcome" && String(one["tag"]).includes(digest));
    expect(found.map((one) => one["tag"])).toEqual([`closed read 200000 written 0 sha256:${digest}`]);
  });

  it("recordings have names of their own and can be read by their owner only", () => {
    const at = join(gateway.folder, "state/recordings");
    const names = readdirSync(at);
    expect(names.length).toBeGreaterThan(0);
    for (const name of names) {
      expect(name).toMatch(/^[0-9a-z]{26}\.\d+\.cast$/);
      expect(statSync(join(at, name)).mode & 0o077).toBe(0);
    }
  });
});

describe.skipIf(!hasOpenSsh())("a shell of the gateway's own, line by line", () => {
  let sshd: TestSshd;
  let gateway: TestSshGateway;
  beforeAll(async () => {
    sshd = await startSshd();
    gateway = await startSshGateway(sshd, { policy: POLICY, target: "    shell: lines\n" });
  });
  afterAll(async () => {
    await gateway?.close();
    await sshd?.stop();
  });

  it("decides every line, keeps its folder, and ends with the last line's status", async () => {
    const ran = await gateway.ssh("ana", [], {
      input: "cd /usr\npwd\nrm -rf /tmp/none\ncd lib\npwd\nsh -c 'exit 5'\n",
    });
    expect(ran.stdout).toBe("/usr\n/usr/lib\n");
    expect(ran.stderr).toMatch(/every line is decided/);
    expect(ran.stderr).toMatch(/denied by rule removes/);
    expect(ran.status).toBe(5);
  });

  it("in a terminal it shows a prompt and what is typed; a command has the terminal", async () => {
    const ran = await gateway.ssh("ana", ["-tt"], {
      input: "echo abx\u007fc\rtty > /dev/null && echo terminal\rexit 4\r",
    });
    expect(ran.stdout).toContain("ana%host:~> ");
    expect(ran.stdout).toContain("abc\r\n");
    expect(ran.stdout).toContain("terminal\r\n");
    expect(ran.status).toBe(4);
  });
});
