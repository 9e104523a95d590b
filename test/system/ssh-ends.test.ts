import { readFileSync, rmSync } from "node:fs";
import { join } from "node:path";
import ssh2, { type ClientChannel } from "ssh2";
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from "vitest";
import { afterTheirEnd, readLog } from "../support/read-log.ts";
import { hasOpenSsh, startSshGateway, startSshd, type TestSshGateway, type TestSshd } from "../support/ssh.ts";

const POLICY = `package test
allow everything on ssh
  when true

approve held on ssh
  when command.writes has "/tmp/held"
  by group "leads" quorum 1 within 15m valid once

approve held_files on ssh
  when exists file.path and file.path ends with "held"
  by group "leads" quorum 1 within 15m valid once

approve held_forwards on ssh
  when exists forward.port and forward.port == 9
  by group "leads" quorum 1 within 15m valid once
`;

const RUNS = "echo begun; sleep 600";

describe.skipIf(!hasOpenSsh())("a session that ends while something is at work", () => {
  let sshd: TestSshd;
  let gateway: TestSshGateway;
  let client: ssh2.Client;
  let stopped: Promise<void> | null;
  const stop = (): Promise<void> => (stopped ??= gateway.running.close());

  beforeAll(async () => {
    sshd = await startSshd();
  });
  afterAll(() => sshd?.stop());
  beforeEach(async () => {
    gateway = await startSshGateway(sshd, { policy: POLICY, target: "    shell: lines\n" });
    stopped = null;
    client = new ssh2.Client();
    await new Promise((resolve, reject) => {
      client.once("ready", () => resolve(null));
      client.once("error", reject);
      client.connect({
        host: "127.0.0.1",
        port: gateway.port,
        username: "ana%host",
        privateKey: readFileSync(join(gateway.folder, "ana")),
      });
    });
    client.on("error", () => undefined);
  });
  afterEach(async () => {
    client.destroy();
    await stop();
    rmSync(gateway.folder, { recursive: true });
  });

  const open = (begin: (then: (fault: Error | undefined, channel: ClientChannel) => void) => void) =>
    new Promise<ClientChannel>((resolve, reject) =>
      begin((fault, channel) => (fault === undefined ? resolve(channel) : reject(fault))),
    );
  const says = (channel: ClientChannel, words: string): Promise<unknown> =>
    new Promise((resolve) => {
      let text = "";
      for (const stream of [channel, channel.stderr])
        stream.on("data", (bytes: Buffer) => (text += bytes.toString()).includes(words) && resolve(text));
    });
  const pending = async (): Promise<void> => {
    while (gateway.running.gateway.approvals.list("pending").length === 0)
      await new Promise((resolve) => setImmediate(resolve));
  };
  const sftp = (): Promise<ssh2.SFTPWrapper> =>
    new Promise((resolve, reject) => client.sftp((fault, made) => (fault ? reject(fault) : resolve(made))));

  /** Brings something to where it is at work. */
  const WORKS: readonly (readonly [title: string, outcomes: readonly string[], begin: () => Promise<unknown>])[] = [
    ["a command", ["cut no exit status"], async () => says(await open((then) => client.exec(RUNS, then)), "begun")],
    [
      "a command in a terminal",
      ["cut no exit status"],
      async () => says(await open((then) => client.exec(RUNS, { pty: true }, then)), "begun"),
    ],
    [
      "a line of the gateway's own prompt",
      ["cut no exit status", "cut 1 lines"],
      async () => {
        const channel = await open((then) => client.shell(false, then));
        const begun = says(channel, "begun\n");
        channel.write(`${RUNS}\n`);
        await begun;
      },
    ],
    [
      "a line that waits for an approval",
      ["cut 1 lines"],
      async () => {
        const channel = await open((then) => client.shell(false, then));
        channel.resume();
        channel.write(": > /tmp/held\n");
        await pending();
      },
    ],
    [
      "a command that waits for an approval",
      [],
      async () => {
        client.exec(": > /tmp/held", () => undefined);
        await pending();
      },
    ],
    [
      "an open file",
      ["lost lost", "ok 1 operations"],
      async () => {
        const files = await sftp();
        await new Promise((resolve) => files.open("/etc/hostname", "r", resolve));
      },
    ],
    [
      "an operation on a file that waits for an approval",
      ["ok 0 operations"],
      async () => {
        const files = await sftp();
        files.mkdir("/tmp/none/held", () => undefined);
        await pending();
      },
    ],
    [
      "a forwarded connection",
      ["ok closed"],
      async () => open((then) => client.forwardOut("127.0.0.1", 1, "127.0.0.1", sshd.port, then)),
    ],
    [
      "a forwarded connection that waits for an approval",
      [],
      async () => {
        client.forwardOut("127.0.0.1", 1, "127.0.0.1", 9, () => undefined);
        await pending();
      },
    ],
  ];

  const ENDS: readonly (readonly [title: string, end: () => Promise<void>])[] = [
    [
      "the client leaves",
      async () => {
        client.destroy();
        while (gateway.running.gateway.live().length > 0) await new Promise((resolve) => setImmediate(resolve));
      },
    ],
    ["the gateway stops", stop],
  ];

  it.each(WORKS.flatMap((work) => ENDS.map((end) => [...work, ...end] as const)))(
    "%s (%#)",
    async (_work, outcomes, begin, _why, end) => {
      await begin();
      await end();
      await stop();
      const entries = await readLog(join(gateway.folder, "state/log"));
      expect(afterTheirEnd(entries)).toEqual([]);
      const types = entries.map(({ type }) => type);
      expect(types.slice(-1)).toEqual(["log.stop"]);
      expect(types.filter((type) => type === "session.end")).toHaveLength(1);
      const found = entries.flatMap(({ type, value }) =>
        type === "outcome" ? [`${String(value["status"])} ${String(value["tag"])}`] : [],
      );
      expect(found).toEqual(outcomes);
    },
  );
});
