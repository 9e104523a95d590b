import { createHash, randomBytes } from "node:crypto";
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { createServer, connect } from "node:net";
import { spawn } from "node:child_process";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { sshConfigCommand } from "../../cli/commands/ssh-config.ts";
import { quietIo } from "../support/gateway.ts";
import { inPath, runProgram } from "../support/programs.ts";
import {
  freePort,
  hasOpenSsh,
  startSshGateway,
  startSshd,
  type TestSshGateway,
  type TestSshd,
} from "../support/ssh.ts";

const OPEN = `package test
allow everything on ssh
`;

const sha256 = (bytes: Buffer): string => createHash("sha256").update(bytes).digest("hex");

describe.skipIf(!hasOpenSsh())("OpenSSH's client and server, with the gateway between, behave as without it", () => {
  let sshd: TestSshd;
  let gateway: TestSshGateway;
  let folder: string;

  beforeAll(async () => {
    sshd = await startSshd();
    gateway = await startSshGateway(sshd, { policy: OPEN });
    folder = mkdtempSync(join(tmpdir(), "sallyport-files-"));
  });
  afterAll(async () => {
    await gateway?.close();
    await sshd?.stop();
    rmSync(folder, { recursive: true, force: true });
  });

  const direct = (args: readonly string[], run?: Parameters<typeof runProgram>[2]): ReturnType<typeof runProgram> =>
    runProgram(
      "ssh",
      [
        ...["-F", "none", "-i", sshd.key, "-o", "IdentitiesOnly=yes", "-o", "StrictHostKeyChecking=no"],
        ...["-o", "UserKnownHostsFile=/dev/null", "-o", "LogLevel=ERROR", "-p", String(sshd.port)],
        ...["-o", "BatchMode=yes", `${sshd.user}@127.0.0.1`, ...args],
      ],
      run,
    );

  interface Case {
    readonly title: string;
    readonly args: readonly string[];
    readonly input?: string;
  }
  const SAME: readonly Case[] = [
    { title: "output, error output and status", args: ["echo out; echo err >&2; exit 7"] },
    { title: "nothing at all", args: ["true"] },
    { title: "a command that is not there", args: ["no-such-program"] },
    { title: "input to a filter", args: ["tr a-z A-Z"], input: "quiet\n" },
    { title: "input that nobody reads", args: ["true"], input: "x".repeat(300_000) },
    { title: "a large input, counted", args: ["wc -c"], input: "0123456789abcdef".repeat(200_000) },
    { title: "bytes that are no text", args: ["printf '\\377\\000\\200' | od -An -tx1"] },
    { title: "ended by a signal", args: ["kill -TERM $$"] },
    { title: "a terminal", args: ["-tt", "tty >/dev/null && echo is a terminal; exit 3"] },
    { title: "no terminal", args: ["tty"] },
    {
      title: "both outputs at once, much of each",
      args: ["head -c 3000000 /dev/zero | tr '\\0' a; head -c 2500000 /dev/zero | tr '\\0' b >&2"],
    },
    { title: "a shell that is fed its lines", args: [], input: "echo one\necho two >&2\nexit 5\n" },
    { title: "an early end of output", args: ["exec >&-; sleep 0.1; echo late >&2; exit 4"] },
  ];
  it.each(SAME)("$title", async ({ args, input }) => {
    const run = input === undefined ? {} : { input };
    const [plain, through] = await Promise.all([direct(args, run), gateway.ssh("ana", args, run)]);
    expect({ ...through, out: "" }).toEqual({ ...plain, out: "" });
  });

  it("passes on the variables that the target takes", async () => {
    const ran = await gateway.ssh("ana", ["-o", "SetEnv=GREETING=hello", "echo $GREETING"]);
    expect(ran.stdout).toBe("hello\n");
  });

  it("changes the size of a terminal, in which a program can be interrupted", async () => {
    // script gives ssh a terminal, and the program in it looks at its own size.
    const line = ["ssh", ...gateway.options("ana"), "-tt", "ana%host@127.0.0.1", "'stty size'"].join(" ");
    const ran = await runProgram("script", ["-qec", `stty rows 41 cols 123; ${line}`, "/dev/null"]);
    expect(ran.stdout).toContain("41 123");
  });

  it("copies files both ways, by sftp's protocol and by the old one", async () => {
    const bytes = randomBytes(3_000_001);
    const [from, there, back] = ["from", "there", "back"].map((name) => join(folder, name));
    writeFileSync(from!, bytes);
    for (const protocol of [[], ["-O"]]) {
      const up = await runProgram("scp", [
        ...protocol,
        ...gateway.options("ana"),
        from!,
        `ana%host@127.0.0.1:${there!}`,
      ]);
      expect([up.status, up.stderr]).toEqual([0, ""]);
      const down = await runProgram("scp", [
        ...protocol,
        ...gateway.options("ana"),
        `ana%host@127.0.0.1:${there!}`,
        back!,
      ]);
      expect([down.status, down.stderr]).toEqual([0, ""]);
      expect(sha256(readFileSync(back!))).toBe(sha256(bytes));
      rmSync(there!);
      rmSync(back!);
    }
  });

  it("does what sftp can do", async () => {
    mkdirSync(join(folder, "dir"), { recursive: true });
    const batch = [
      `cd ${folder}/dir`,
      "pwd",
      `put /etc/hostname one`,
      "rename one two",
      "symlink two link",
      "ls -l",
      "chmod 600 two",
      "mkdir sub",
      "rmdir sub",
      "get two three",
      "ln two hard",
      "rm link",
      "df",
      "bye",
      "",
    ].join("\n");
    const ran = await runProgram("sftp", [...gateway.options("ana"), "-b", "-", "ana%host@127.0.0.1"], {
      input: batch.replace("get two three", `get two ${folder}/three`),
    });
    expect([ran.status, ran.stderr]).toEqual([0, ""]);
    expect(ran.stdout).toContain(`Remote working directory: ${folder}/dir`);
    expect(readFileSync(join(folder, "three"))).toEqual(readFileSync("/etc/hostname"));
    expect(existsSync(join(folder, "dir/hard"))).toBe(true);
    expect(existsSync(join(folder, "dir/link"))).toBe(false);
  });

  it.skipIf(!inPath("rsync"))("rsync", async () => {
    mkdirSync(join(folder, "tree/deep"), { recursive: true });
    writeFileSync(join(folder, "tree/deep/file"), randomBytes(500_000));
    const ran = await runProgram("rsync", [
      "-a",
      "-e",
      `ssh ${gateway.options("ana").join(" ")}`,
      join(folder, "tree/"),
      `ana%host@127.0.0.1:${join(folder, "copied/")}`,
    ]);
    expect([ran.status, ran.stderr]).toEqual([0, ""]);
    expect(readFileSync(join(folder, "copied/deep/file"))).toEqual(readFileSync(join(folder, "tree/deep/file")));
  });

  it("git", async () => {
    const [work, bare, clone] = ["work", "bare.git", "clone"].map((name) => join(folder, name));
    const env = {
      GIT_SSH_COMMAND: `ssh ${gateway.options("ana").join(" ")}`,
      GIT_CONFIG_GLOBAL: "/dev/null",
      GIT_AUTHOR_NAME: "t",
      GIT_AUTHOR_EMAIL: "t@example.com",
      GIT_COMMITTER_NAME: "t",
      GIT_COMMITTER_EMAIL: "t@example.com",
    };
    const git = async (...args: string[]): Promise<void> => {
      const ran = await runProgram("git", args, { env });
      expect([args, ran.status, ran.status === 0 ? "" : ran.stderr]).toEqual([args, 0, ""]);
    };
    await git("init", "-q", "--bare", bare!);
    await git("init", "-q", work!);
    writeFileSync(join(work!, "big"), randomBytes(2_000_000));
    await git("-C", work!, "add", ".");
    await git("-C", work!, "commit", "-qm", "one");
    await git("-C", work!, "push", "-q", `ssh://ana%25host@127.0.0.1${bare!}`, "HEAD:refs/heads/main");
    await git("clone", "-q", "-b", "main", `ssh://ana%25host@127.0.0.1${bare!}`, clone!);
    expect(readFileSync(join(clone!, "big"))).toEqual(readFileSync(join(work!, "big")));
  });

  it("many commands over one connection, at once", async () => {
    const control = join(folder, "control");
    const opts = ["-o", `ControlPath=${control}`];
    const master = await gateway.ssh("ana", [...opts, "-o", "ControlMaster=yes", "-o", "ControlPersist=30", "-fN"]);
    expect(master.status).toBe(0);
    const all = await Promise.all(
      Array.from({ length: 8 }, (_, i) => gateway.ssh("ana", [...opts, `echo ${i}; exit ${i}`])),
    );
    expect(all.map(({ stdout, status }) => [stdout, status])).toEqual(all.map((_, i) => [`${i}\n`, i]));
    await gateway.ssh("ana", [...opts, "-O", "exit"]);
  });

  it("keeps a connection through keepalives and new keys, whatever passes", async () => {
    const ran = await runProgram("sh", [
      "-c",
      `ssh ${gateway.options("ana").join(" ")} -o RekeyLimit=1M -o ServerAliveInterval=1 ana%host@127.0.0.1 'head -c 20000000 /dev/zero; sleep 1.5' | sha256sum`,
    ]);
    expect(ran.stdout.slice(0, 64)).toBe(sha256(Buffer.alloc(20_000_000)));
  });

  it.each(["aes128-gcm@openssh.com", "chacha20-poly1305@openssh.com", "aes128-ctr"])(
    "carries all bytes both ways, through many exchanges of keys, under %s",
    async (cipher) => {
      const options = `${gateway.options("ana").join(" ")} -c ${cipher} -o RekeyLimit=1M`;
      const ran = await runProgram("sh", ["-c", `seq 1000000 | ssh ${options} ana%host@127.0.0.1 cat | sha256sum`]);
      const numbers = Array.from({ length: 1_000_000 }, (_, i) => `${i + 1}\n`).join("");
      expect(ran.stdout.slice(0, 64)).toBe(sha256(Buffer.from(numbers)));
    },
  );

  it("forwards connections there and back", async () => {
    const echo = createServer((socket) => socket.pipe(socket));
    await new Promise<void>((resolve) => echo.listen(0, "127.0.0.1", resolve));
    const target = (echo.address() as { port: number }).port;
    const [local, remote] = [await freePort(), await freePort()];
    const child = spawn("ssh", [
      ...gateway.options("ana"),
      "-o",
      "ExitOnForwardFailure=yes",
      "-L",
      `${local}:127.0.0.1:${target}`,
      "-R",
      `${remote}:127.0.0.1:${target}`,
      "ana%host@127.0.0.1",
      "echo ready; cat",
    ]);
    await new Promise<void>((resolve) => child.stdout.once("data", () => resolve()));
    for (const port of [local, remote]) {
      const sent = randomBytes(400_000);
      const got = await new Promise<Buffer>((resolve, reject) => {
        const pieces: Buffer[] = [];
        const socket = connect(port, "127.0.0.1", () => socket.end(sent));
        socket.on("data", (piece) => pieces.push(piece));
        socket.on("end", () => resolve(Buffer.concat(pieces)));
        socket.on("error", reject);
      });
      expect(sha256(got)).toBe(sha256(sent));
    }
    child.stdin.end();
    await new Promise((resolve) => child.once("close", resolve));
    echo.close();
  });

  it("a path through a link is resolved as the target resolves it", async () => {
    const link = join(folder, "elsewhere");
    symlinkSync("/etc", link);
    const ran = await runProgram("sftp", [...gateway.options("ana"), "-b", "-", "ana%host@127.0.0.1"], {
      input: `get ${link}/hostname ${folder}/hostname\n`,
    });
    expect(ran.status).toBe(0);
    expect(readFileSync(join(folder, "hostname"))).toEqual(readFileSync("/etc/hostname"));
  });

  it("ssh TARGET works with what ssh-config prints", async () => {
    const said: string[] = [];
    const io = quietIo(gateway.folder, said);
    const at = ["--host", "127.0.0.1", "--port", String(gateway.port)];
    sshConfigCommand(["--user", "ana", "--identity", join(gateway.folder, "ana"), ...at], io);
    writeFileSync(join(folder, "ssh_config"), said.join(""));
    said.length = 0;
    sshConfigCommand(["--known-hosts", ...at], io);
    writeFileSync(join(folder, "ssh_known"), said.join(""));
    const ran = await runProgram("ssh", [
      ...["-F", join(folder, "ssh_config"), "-o", `UserKnownHostsFile=${join(folder, "ssh_known")}`],
      ...["-o", "BatchMode=yes", "-o", "StrictHostKeyChecking=yes", "host", "echo in"],
    ]);
    expect([ran.stdout, ran.stderr, ran.status]).toEqual(["in\n", "", 0]);
  });
});
