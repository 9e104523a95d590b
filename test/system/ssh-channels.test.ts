import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import ssh2, { type ClientChannel } from "ssh2";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { afterTheirEnd, readLog } from "../support/read-log.ts";
import { hasOpenSsh, startSshGateway, startSshd, type TestSshGateway, type TestSshd } from "../support/ssh.ts";

const POLICY = `package test
allow everything on ssh
  when true

approve held on ssh
  when channel.kind == exec and command.writes has "/tmp/held"
  by group "leads" quorum 1 within 15m valid once
`;

/** What ssh2's client writes and hears, but leaves out of its types. */
interface Inner {
  readonly _client: {
    readonly _protocol: {
      env(channel: number, name: string, value: string, wantReply: boolean): void;
      pty(
        channel: number,
        rows: number,
        columns: number,
        height: number,
        width: number,
        terminal: string,
        modes: null,
        wantReply: boolean,
      ): void;
      exec(channel: number, command: string, wantReply: boolean): void;
    };
  };
  readonly outgoing: { readonly id: number };
  readonly _callbacks: ((failed?: boolean) => void)[];
}

describe.skipIf(!hasOpenSsh())("requests of a channel that has its program", () => {
  let sshd: TestSshd;
  let gateway: TestSshGateway;
  let folder: string;
  let client: ssh2.Client;

  beforeAll(async () => {
    sshd = await startSshd();
    gateway = await startSshGateway(sshd, { policy: POLICY, target: "    shell: lines\n" });
    folder = mkdtempSync(join(tmpdir(), "sallyport-channels-"));
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
  });
  afterAll(async () => {
    client?.end();
    await gateway?.close();
    await sshd?.stop();
    rmSync(folder, { recursive: true, force: true });
  });

  const open = (begin: (then: (fault: Error | undefined, channel: ClientChannel) => void) => void) =>
    new Promise<ClientChannel>((resolve, reject) =>
      begin((fault, channel) => (fault === undefined ? resolve(channel) : reject(fault))),
    );
  const shown = (channel: ClientChannel): Promise<string> =>
    new Promise((resolve) => {
      let text = "";
      channel.on("data", (bytes: Buffer) => (text += bytes.toString()));
      channel.stderr.on("data", () => undefined);
      channel.once("close", () => resolve(text));
    });
  /** Asks for a variable, a terminal and another program; answers what was said to each. */
  const late = (channel: ClientChannel): Promise<string[]> => {
    const inner = channel as unknown as Inner;
    const { _protocol: protocol } = inner._client;
    const { id } = inner.outgoing;
    const asks = [
      () => protocol.env(id, "GREETING", "late", true),
      () => protocol.pty(id, 24, 80, 0, 0, "late", null, true),
      () => protocol.exec(id, "echo second", true),
    ];
    return Promise.all(
      asks.map(
        (ask) =>
          new Promise<string>((resolve) => {
            inner._callbacks.push((failed) => resolve(failed === true ? "refused" : "granted"));
            ask();
          }),
      ),
    );
  };

  it("a variable and a terminal behind it are refused: the program runs with what it was decided with", async () => {
    const command = 'printf "%s" "[$GREETING]"; test -t 1 && echo terminal; : > /tmp/held';
    const channel = await open((then) => client.exec(command, { env: { GREETING: "early" } }, then));
    const said = shown(channel);
    expect(await late(channel)).toEqual(["refused", "refused", "refused"]);
    const { approvals } = gateway.running.gateway;
    let id = approvals.list("pending")[0]?.id;
    while (id === undefined) {
      await new Promise((resolve) => setImmediate(resolve));
      id = approvals.list("pending")[0]?.id;
    }
    await approvals.approve(id, { name: "lea", groups: ["leads"] }, null);
    expect(await said).toBe("[early]");
  });

  it("the gateway's own prompt takes none for its later lines, either", async () => {
    const channel = await open((then) => client.shell(false, { env: { GREETING: "early" } }, then));
    const said = shown(channel);
    expect(await late(channel)).toEqual(["refused", "refused", "refused"]);
    channel.end('echo "[$GREETING]"; test -t 1 && echo terminal\n');
    expect(await said).toBe("[early]\n");
  });

  it("what came too late is in the record, with why it was not carried out", async () => {
    await gateway.running.gateway.recorder.flush();
    const entries = await readLog(join(gateway.folder, "state/log"));
    expect(afterTheirEnd(entries)).toEqual([]);
    const late = entries.filter(
      ({ type, value }) => type === "outcome" && String(value["tag"]).startsWith("the program"),
    );
    expect(late).toHaveLength(4);
  });
});
