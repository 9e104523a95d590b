import { execFileSync } from "node:child_process";
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { sshConfigCommand } from "../../cli/commands/ssh-config.ts";
import { systemClock } from "../../runtime/outside/index.ts";
import { quietIo } from "../support/gateway.ts";
import { afterTheirEnd, readLog } from "../support/read-log.ts";
import { hasOpenSsh, makeKey, startSshGateway, startSshd } from "../support/ssh.ts";
import type { TestSshGateway, TestSshOptions, TestSshd } from "../support/ssh.ts";

const OPEN = "package test\nallow everything on ssh\n";

describe.skipIf(!hasOpenSsh())("signing in to sshd by certificates of the gateway's authority", () => {
  let sshd: TestSshd;
  const open: TestSshGateway[] = [];
  const at = (name: string): string => join(sshd.folder, name);

  beforeAll(async () => {
    sshd = await startSshd(["LogLevel VERBOSE", "TrustedUserCAKeys %FOLDER%/trusted"]);
    makeKey(at("ca"));
    makeKey(at("other-ca"));
    makeKey(at("rsa-ca"), "rsa", "-b", "2048");
  });
  afterAll(async () => {
    for (const gateway of open) await gateway.close();
    await sshd?.stop();
  });

  const start = async (options: Partial<TestSshOptions> = {}): Promise<TestSshGateway> => {
    const gateway = await startSshGateway(sshd, {
      policy: OPEN,
      credential: `{ user: ${sshd.user}, certificate: true }`,
      config: `ssh:\n  authority: { key: "${at("ca")}", validMs: 120000 }\n`,
      ...options,
    });
    open.push(gateway);
    return gateway;
  };
  /** sshd reads it anew at every sign-in. */
  const trust = (line: string): void => writeFileSync(at("trusted"), `${line}\n`);
  const publicOf = (name: string): string => readFileSync(at(`${name}.pub`), "utf8");

  it("sshd's log names the person and the session, and whatever OpenSSH's clients do works", async () => {
    trust(publicOf("ca"));
    const gateway = await start();
    expect(await gateway.ssh("ana", ["echo in"])).toMatchObject({ stdout: "in\n", status: 0 });
    expect((await gateway.ssh("lea", ["-tt", "tty"])).stdout).toMatch(/^\/dev\/pts\//);
    await gateway.running.gateway.recorder.flush();
    const entries = await readLog(join(gateway.folder, "state/log"));
    expect(afterTheirEnd(entries)).toEqual([]);
    const sids = entries.flatMap(({ type, value }) =>
      type === "session.start" ? [(value as unknown as { sid: string }).sid] : [],
    );
    const [, fingerprint] = execFileSync("ssh-keygen", ["-lf", at("ca.pub")], { encoding: "utf8" }).split(" ");
    for (const [i, person] of ["ana", "lea"].entries())
      await expect
        .poll(sshd.said)
        .toMatch(
          new RegExp(
            `Accepted certificate ID "sallyport:${person}:${sids[i]!}" .*signed by ED25519 CA ${fingerprint!.replace(/[+/]/g, "\\$&")}`,
          ),
        );
    // Each session has a key of its own.
    const keys = [...sshd.said().matchAll(/Accepted publickey for .* ED25519-CERT (SHA256:\S+)/g)].map(
      ([, key]) => key,
    );
    expect([keys.length >= 2, new Set(keys).size]).toEqual([true, keys.length]);
  });

  const REFUSED: readonly (readonly [title: string, ca: string, options: Partial<TestSshOptions>, says: RegExp])[] = [
    [
      "of another authority than the one it trusts",
      "other-ca",
      {},
      /Certificate invalid|not in.*CA|Failed publickey|Connection closed by authenticating user/,
    ],
    [
      "that has expired",
      "ca",
      { parts: { clock: { ...systemClock, now: () => Date.now() - 3_600_000 } } },
      /Certificate invalid: expired/,
    ],
    [
      "that is not valid yet",
      "ca",
      { parts: { clock: { ...systemClock, now: () => Date.now() + 3_600_000 } } },
      /Certificate invalid: not yet valid/,
    ],
  ];
  it.each(REFUSED)("sshd refuses one %s, and the client is told so", async (_title, ca, options, says) => {
    trust(publicOf(ca));
    const gateway = await start(options);
    const before = sshd.said().length;
    const ran = await gateway.ssh("ana", ["echo in"]);
    expect([ran.stdout, ran.status, ran.stderr]).toMatchObject([
      "",
      126,
      expect.stringMatching(/target host: sshd does not take the gateway's certificate for the account/),
    ]);
    await expect.poll(() => sshd.said().slice(before)).toMatch(says);
  });

  it("a key that sshd does not take is told as such", async () => {
    const gateway = await start({ credential: `{ user: ${sshd.user}, key: "${at("other-ca")}" }` });
    expect((await gateway.ssh("ana", ["echo in"])).stderr).toMatch(
      /sshd does not take the gateway's key for the account/,
    );
  });

  it("the gateway's own authority is made once, and ssh-config prints it for sshd", async () => {
    const gateway = await start({ config: "" });
    const shown: string[] = [];
    expect(
      sshConfigCommand(
        ["--authority", "--config", join(gateway.folder, "sallyport.yaml")],
        quietIo(gateway.folder, shown),
      ),
    ).toBe(0);
    trust(shown.join(""));
    expect(await gateway.ssh("ana", ["echo in"])).toMatchObject({ stdout: "in\n", status: 0 });
  });

  it("an authority that is no Ed25519 key, and two credentials for one target, are mistakes", async () => {
    await expect(start({ config: `ssh:\n  authority: { key: "${at("rsa-ca")}" }\n` })).rejects.toThrow(/is ssh-rsa/);
    await expect(
      start({ credential: `{ user: ${sshd.user}, certificate: true, key: "${at("ca")}" }` }),
    ).rejects.toThrow(/either key or certificate: true/);
  });

  it.each([
    ["ed25519", []],
    ["ecdsa", ["-b", "256"]],
    ["ecdsa", ["-b", "521"]],
    ["rsa", ["-b", "2048"]],
  ] as const)("clients that trust its authority know the gateway by a host certificate: %s %j", async (type, more) => {
    const name = `own-${type}${more.join("")}`;
    makeKey(at(name), type, ...more);
    execFileSync("ssh-keygen", ["-q", "-s", at("ca"), "-h", "-I", "gateway", "-n", "127.0.0.1", at(`${name}.pub`)]);
    const gateway = await start({
      credential: `{ user: ${sshd.user}, key: "${sshd.key}" }`,
      ownKey: at(`${name}.pub`),
      config: `ssh:\n  hostKey: ${at(name)}\n  hostCertificate: ${at(`${name}-cert.pub`)}\n`,
    });
    // Once knowing the key alone, as clients without the authority do, and once knowing nothing but the authority.
    expect(await gateway.ssh("ana", ["echo in"])).toMatchObject({ stdout: "in\n", status: 0 });
    writeFileSync(join(gateway.folder, "known_hosts"), `@cert-authority * ${publicOf("ca")}`);
    expect(await gateway.ssh("ana", ["echo in"])).toMatchObject({ stdout: "in\n", stderr: "", status: 0 });
    // Keys are exchanged anew while data flows.
    expect(
      (
        await gateway.ssh("ana", [
          "-o",
          "RekeyLimit=1M",
          "head -c 4000000 /dev/zero | wc -c; head -c 4000000 /dev/zero",
        ])
      ).stdout.length,
    ).toBeGreaterThan(4_000_000);
  });
});
