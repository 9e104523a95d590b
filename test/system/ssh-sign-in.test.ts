import { execFileSync } from "node:child_process";
import { copyFileSync, readFileSync, statSync, utimesSync, writeFileSync } from "node:fs";
import { connect } from "node:net";
import { createRequire } from "node:module";
import { join } from "node:path";
import ssh2 from "ssh2";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import type { RecordingStore } from "../../runtime/outside/index.ts";
import { afterTheirEnd, readLog } from "../support/read-log.ts";
import { hasOpenSsh, makeKey, startSshGateway, startSshd, type TestSshGateway, type TestSshd } from "../support/ssh.ts";
import { runProgram } from "../support/programs.ts";

const OPEN = "package test\nallow everything on ssh\n";

const keygen = (...args: readonly string[]): string => execFileSync("ssh-keygen", args, { encoding: "utf8" });

describe.skipIf(!hasOpenSsh())("signing in with OpenSSH's client", () => {
  let sshd: TestSshd;
  let gateway: TestSshGateway;
  let files: string;
  const at = (name: string): string => join(files, name);

  beforeAll(async () => {
    sshd = await startSshd();
    files = sshd.folder;
    const authority = makeKey(at("ca"));
    makeKey(at("other-ca"));
    for (const name of ["one", "two", "three"]) makeKey(at(name));
    makeKey(at("rsa"), "rsa", "-b", "2048");
    makeKey(at("ecdsa"), "ecdsa");
    // The gateway's own key, with a certificate of a host authority.
    makeKey(at("hostkey"));
    makeKey(at("host-ca"));
    keygen("-q", "-s", at("host-ca"), "-h", "-I", "gateway", "-n", "127.0.0.1,localhost", at("hostkey.pub"));
    keygen("-q", "-k", "-f", at("revoked"));
    gateway = await startSshGateway(sshd, {
      policy: OPEN,
      ownKey: at("hostkey.pub"),
      config: `ssh:\n  hostKey: ${at("hostkey")}\n  hostCertificate: ${at("hostkey-cert.pub")}\n  userAuthorities: ["${authority}"]\n  revoked: ${at("revoked")}\n`,
    });
  });
  afterAll(async () => {
    await gateway?.close();
    await sshd?.stop();
  });

  /** ssh with a key under another file, and the name to sign in with. */
  const as = (name: string, key: string, more: readonly string[] = []): ReturnType<typeof runProgram> => {
    const options = gateway.options("ana").map((one) => (one === join(gateway.folder, "ana") ? at(key) : one));
    return runProgram("ssh", [...options, ...more, `${name}@127.0.0.1`, "echo in"]);
  };
  let serial = 0;
  /** Signs a key, with ssh-keygen's own options. */
  const certify = (key: string, args: readonly string[], authority = "ca"): void =>
    void keygen("-q", "-s", at(authority), "-I", `id-${key}`, "-z", String(++serial), ...args, at(`${key}.pub`));

  it("a certificate of the authority signs in, of every kind of key", async () => {
    for (const key of ["one", "rsa", "ecdsa"]) {
      certify(key, ["-n", "ana"]);
      expect(await as("ana%host", key)).toMatchObject({ stdout: "in\n", status: 0 });
    }
  });

  interface Wrong {
    readonly title: string;
    readonly args: readonly string[];
    readonly authority?: string;
  }
  const REFUSED: readonly Wrong[] = [
    { title: "for another name", args: ["-n", "lea"] },
    { title: "for no name", args: [] },
    { title: "of another authority", args: ["-n", "ana"], authority: "other-ca" },
    { title: "that is over", args: ["-n", "ana", "-V", "-2h:-1h"] },
    { title: "that has not begun", args: ["-n", "ana", "-V", "+1h:+2h"] },
    { title: "with a command of its own", args: ["-n", "ana", "-O", "force-command=id"] },
    { title: "for other addresses", args: ["-n", "ana", "-O", "source-address=10.9.9.0/24"] },
  ];
  it.each(REFUSED)("a certificate $title is refused", async ({ args, authority }) => {
    certify("two", args, authority);
    const ran = await as("ana%host", "two");
    expect([ran.stdout, ran.status]).toEqual(["", 255]);
  });

  it("what a certificate does not permit is refused, whatever the policy says", async () => {
    certify("three", ["-n", "ana", "-O", "clear"]);
    const ran = await as("ana%host", "three");
    expect(ran.stdout).toBe("in\n");
    const terminal = await as("ana%host", "three", ["-tt"]);
    expect(terminal.stderr).toMatch(/PTY allocation request failed/);
    const forward = await as("ana%host", "three", ["-o", "ExitOnForwardFailure=yes", "-R", "0:127.0.0.1:9"]);
    expect(forward.stdout).toBe("");
  });

  it("a list of what was revoked counts from when it changes, and nobody gets in while it can't be read", async () => {
    certify("one", ["-n", "ana"]);
    expect((await as("ana%host", "one")).stdout).toBe("in\n");
    const before = readFileSync(at("revoked"));
    const touch = (): void => utimesSync(at("revoked"), new Date(), new Date(statSync(at("revoked")).mtimeMs + 2000));
    keygen("-q", "-k", "-u", "-f", at("revoked"), "-s", at("ca.pub"), specification(`serial: ${serial}\n`));
    touch();
    expect((await as("ana%host", "one")).stdout).toBe("");
    writeFileSync(at("revoked"), Buffer.concat([before, Buffer.from("\u0009\0\0\0\u0001x")]));
    touch();
    expect((await gateway.ssh("ana", ["echo in"])).stdout).toBe("");
    writeFileSync(at("revoked"), before);
    touch();
    expect((await as("ana%host", "one")).stdout).toBe("in\n");
  });
  const specification = (text: string): string => {
    writeFileSync(at("specification"), text);
    return at("specification");
  };

  it("a client that trusts the host authority takes the gateway's certificate without knowing its key", async () => {
    const authority = readFileSync(at("host-ca.pub"), "utf8");
    writeFileSync(join(gateway.folder, "trusted"), `@cert-authority * ${authority}`);
    const ran = await gateway
      .ssh("ana", [], { input: "" })
      .then(() =>
        runProgram("ssh", [
          ...gateway.options("ana").map((one) => one.replace(/known_hosts$/, "trusted")),
          "ana%host@127.0.0.1",
          "echo in",
        ]),
      );
    expect([ran.stdout, ran.stderr]).toEqual(["in\n", ""]);
  });

  it("says which targets there are to who names none, or one that there is not", async () => {
    const nowhere = await as("ana%nowhere", "one");
    expect([nowhere.status, nowhere.stderr]).toEqual([126, 'sallyport: there is no target "nowhere". Targets: host\n']);
    const none = await as("ana", "one");
    expect([none.status, none.stderr]).toMatchObject([126, expect.stringMatching(/sign in as ana%TARGET/)]);
  });

  it("tells a client without a key what it needs, and asks it for no password", async () => {
    const changed: Readonly<Record<string, string>> = {
      "BatchMode=yes": "BatchMode=no",
      "LogLevel=ERROR": "LogLevel=INFO",
      [join(gateway.folder, "ana")]: "/dev/null",
    };
    const options = gateway.options("ana").map((one) => changed[one] ?? one);
    // A terminal, for that is where ssh shows what it is told.
    const line = ["ssh", ...options, "ana%host@127.0.0.1", "true"].join(" ");
    const ran = await runProgram("script", ["-qec", `${line}; echo ended with $?`, "/dev/null"]);
    expect(ran.stdout).toMatch(/Sign in with an SSH key or certificate that your gateway knows/);
    expect(ran.stdout).toMatch(/Permission denied \(publickey\)/);
    expect(ran.stdout).not.toMatch(/[Pp]assword/);
    expect(ran.stdout).toMatch(/ended with 255/);
  });

  it("a sign-in that failed is in the record with its reason", async () => {
    certify("two", ["-n", "lea"]);
    await as("ana%host", "two");
    await gateway.running.gateway.recorder.flush();
    const entries = await readLog(join(gateway.folder, "state/log"));
    expect(afterTheirEnd(entries)).toEqual([]);
    expect(entries.findLast(({ type }) => type === "session.refused")?.value).toMatchObject({
      user: "ana%host",
      why: expect.stringMatching(/good for other names/) as string,
    });
  });

  it("CVE-2023-43660: a key that is only offered opens nothing", async () => {
    const [kind, encoded] = readFileSync(join(gateway.folder, "ana.pub"), "utf8").split(" ");
    const offered = ssh2.utils.parseKey(`${kind!} ${encoded!}`) as ssh2.ParsedKey;
    const thief = ssh2.utils.parseKey(readFileSync(at("two"))) as ssh2.ParsedKey;
    // Shows ana's key, and signs with another.
    const mixed = Object.create(thief) as ssh2.ParsedKey;
    Object.defineProperty(mixed, "getPublicSSH", { value: () => offered.getPublicSSH() });
    const signIn: ssh2.PublicKeyAuthMethod = { type: "publickey", username: "ana%host", key: mixed };
    const outcome = await new Promise((resolve) => {
      const client = new ssh2.Client();
      client.on("ready", () => resolve("in"));
      client.on("error", (fault) => resolve(fault.message));
      client.connect({
        host: "127.0.0.1",
        port: gateway.port,
        username: "ana%host",
        authHandler: [signIn],
      });
    });
    expect(outcome).toMatch(/authentication methods failed/);
  });

  it("CVE-2023-48795: ChaCha20-Poly1305 is refused to a client without strict key exchange", async () => {
    const require = createRequire(import.meta.url);
    const attempt = (strict: boolean, cipher: ssh2.CipherAlgorithm): Promise<string> =>
      new Promise((resolve) => {
        const client = new ssh2.Client();
        client.on("ready", () => {
          client.end();
          resolve("in");
        });
        client.on("error", (fault) => resolve(fault.message));
        client.on("close", () => resolve("closed"));
        client.connect({
          host: "127.0.0.1",
          port: gateway.port,
          username: "ana%host",
          privateKey: readFileSync(join(gateway.folder, "ana")),
          algorithms: { cipher: [cipher] },
        });
        if (strict) return;
        const { KexInit } = require("ssh2/lib/protocol/kex.js") as { KexInit: new (lists: object) => object };
        const protocol = (
          client as unknown as {
            _protocol: {
              _offer: { lists: Record<string, { array: string[] }> & { cs: Record<string, { array: string[] }> } };
            };
          }
        )._protocol;
        const { kex, serverHostKey, cs } = protocol._offer.lists;
        const sides = { cipher: cs["cipher"]!.array, mac: cs["mac"]!.array, compress: cs["compress"]!.array, lang: [] };
        protocol._offer = new KexInit({
          kex: kex!.array.filter((name) => !name.startsWith("kex-strict")),
          serverHostKey: serverHostKey!.array,
          cs: sides,
          sc: sides,
        }) as typeof protocol._offer;
      });
    expect(await attempt(true, "chacha20-poly1305@openssh.com")).toBe("in");
    expect(await attempt(false, "aes128-gcm@openssh.com")).toBe("in");
    expect(await attempt(false, "chacha20-poly1305@openssh.com")).not.toBe("in");
  });

  it.each([
    ["nothing but noise", Buffer.alloc(2000, 0xa5)],
    ["a length of four gigabytes", Buffer.concat([Buffer.from("SSH-2.0-x\r\n"), Buffer.alloc(5, 0xff)])],
    ["a first line without end", Buffer.alloc(100_000, 0x41)],
    ["another protocol", Buffer.from("GET / HTTP/1.1\r\nHost: x\r\n\r\n")],
  ])("%s before the sign-in ends that connection, and no other", async (_title, bytes) => {
    const closed = await new Promise((resolve) => {
      const socket = connect(gateway.port, "127.0.0.1", () => socket.write(bytes));
      socket.resume();
      socket.on("error", () => undefined);
      socket.on("close", () => resolve(true));
      // A banner that never comes is waited for; the client gives up.
      setTimeout(() => socket.end(), 500);
    });
    expect(closed).toBe(true);
    expect((await gateway.ssh("ana", ["echo in"])).stdout).toBe("in\n");
  });
});

describe.skipIf(!hasOpenSsh())("when something is broken", () => {
  let sshd: TestSshd;
  beforeAll(async () => {
    sshd = await startSshd();
  });
  afterAll(async () => {
    await sshd?.stop();
  });

  it("a host that shows another key than the pinned one is not used", async () => {
    const other = makeKey(join(sshd.folder, "impostor"));
    const gateway = await startSshGateway(sshd, { policy: OPEN, hostKey: other });
    const ran = await gateway.ssh("ana", ["echo in"]);
    expect([ran.stdout, ran.status]).toEqual(["", 126]);
    expect(ran.stderr).toMatch(/the host shows a key that is not pinned/);
    await gateway.close();
  });

  it("without a bundle everything is refused, and a bundle put in place counts at once", async () => {
    const gateway = await startSshGateway(sshd, { policy: "" });
    const ran = await gateway.ssh("ana", ["echo in"]);
    expect([ran.stdout, ran.status, ran.stderr]).toMatchObject([
      "",
      126,
      expect.stringMatching(/no policy bundle is loaded/),
    ]);
    await gateway.policy(OPEN);
    expect((await gateway.ssh("ana", ["echo in"])).stdout).toBe("in\n");
    await gateway.close();
  });

  it("a policy that changes counts for what is asked next on an open connection", async () => {
    const gateway = await startSshGateway(sshd, { policy: OPEN });
    const control = ["-o", `ControlPath=${join(gateway.folder, "c")}`];
    await gateway.ssh("ana", [...control, "-o", "ControlMaster=yes", "-o", "ControlPersist=20", "-fN"]);
    expect((await gateway.ssh("ana", [...control, "echo in"])).stdout).toBe("in\n");
    await gateway.policy(`${OPEN}deny stop on ssh\n  because "Closed."\n`);
    const ran = await gateway.ssh("ana", [...control, "echo in"]);
    expect([ran.stdout, ran.status, ran.stderr]).toMatchObject([
      "",
      126,
      expect.stringMatching(/denied by rule stop: Closed\./),
    ]);
    await gateway.ssh("ana", [...control, "-O", "exit"]);
    await gateway.close();
  });

  it("when the record fails, nothing is let through any more and open sessions end", async () => {
    const gateway = await startSshGateway(sshd, { policy: OPEN });
    const open = gateway.ssh("ana", ["sleep 30"]);
    while (gateway.running.gateway.live().length === 0) await new Promise((resolve) => setImmediate(resolve));
    gateway.running.gateway.recorder.fail("the disk is gone");
    expect((await open).status).not.toBe(0);
    const ran = await gateway.ssh("ana", ["echo in"]);
    expect([ran.stdout, ran.status, ran.stderr]).toMatchObject([
      "",
      126,
      expect.stringMatching(/the record can't be written/),
    ]);
    await gateway.close();
  });

  it("when a recording can't be written, its command is cut off and fails", async () => {
    const broken: RecordingStore = {
      open: () => ({
        failed: "no space",
        write: () => true,
        whenReady: (then) => then(),
        onFailure: (then) => then("no space"),
        close: () => Promise.resolve(null),
      }),
    };
    const gateway = await startSshGateway(sshd, { policy: OPEN });
    Object.assign(gateway.running.gateway.parts.ssh!, { recordings: broken });
    const ran = await gateway.ssh("ana", ["echo in"]);
    expect([ran.status, ran.stderr]).toMatchObject([255, expect.stringMatching(/the recording can't be written/)]);
    await gateway.close();
  });

  it("a target that can't be reached is named", async () => {
    const gone = await startSshd();
    const gateway = await startSshGateway(gone, { policy: OPEN });
    copyFileSync(gone.key, join(gateway.folder, "kept"));
    await gone.stop();
    const ran = await gateway.ssh("ana", ["echo in"]);
    expect([ran.stdout, ran.status, ran.stderr]).toMatchObject([
      "",
      126,
      expect.stringMatching(/target host can't be reached/),
    ]);
    await gateway.close();
  });
});
