import { existsSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import ssh2 from "ssh2";
import { hasOpenSsh, startSshGateway, startSshd, type TestSshd } from "../support/ssh.ts";
import type { Answer, Asked } from "./driver.ts";
import { outcomesSuite } from "./suite.ts";

let sshd: TestSshd;
const at = (name: string): string => join(sshd.folder, name);
const command = (what: Asked): string =>
  ({
    allowed: "echo passed",
    denied: `touch ${at("forbidden")}`,
    held: `tee -a ${at("held")}`,
    masked: `cat ${at("secret")}`,
  })[what];

/** One command over a connection that stays: OpenSSH's client would make a new one each time. */
function run(client: ssh2.Client, line: string): Promise<Answer> {
  return new Promise((resolve, reject) => {
    client.once("close", () => reject(new Error("the connection closed")));
    client.exec(line, (fault, channel) => {
      if (fault !== undefined) return reject(fault);
      let shown = "";
      let status = "none";
      for (const stream of [channel, channel.stderr])
        stream.on("data", (bytes: Buffer) => (shown += bytes.toString("utf8")));
      channel.on("exit", (code: number) => (status = String(code)));
      channel.on("close", () => resolve({ status, shown }));
      channel.end("x\n");
    });
  });
}

function connect(port: number, key: Buffer): Promise<ssh2.Client> {
  const client = new ssh2.Client();
  return new Promise((resolve, reject) => {
    client.on("error", reject);
    client.once("ready", () => resolve(client));
    client.connect({ host: "127.0.0.1", port, username: "ana%host", privateKey: key });
  });
}

outcomesSuite({
  protocol: "ssh",
  missing: !hasOpenSsh(),
  requester: "ana",
  approver: { name: "lea", groups: ["leads"] },
  rules: {
    denied: `exists command.text and command.text starts with "touch"`,
    held: `exists command.text and command.text starts with "tee"`,
    mask: "output /E-[0-9]{6}/",
  },
  secret: "E-123456",
  status: { ok: "0", denied: "126", unavailable: "126", lost: "126" },
  async begin() {
    sshd = await startSshd();
    writeFileSync(at("secret"), "staff E-123456\n");
    return sshd.port;
  },
  end: async () => sshd?.stop(),
  async start(policy, port) {
    const gateway = await startSshGateway({ ...sshd, port }, { policy });
    return {
      running: gateway.running,
      folder: gateway.folder,
      async open() {
        const client = await connect(gateway.port, readFileSync(join(gateway.folder, "ana")));
        return { ask: (what) => run(client, command(what)), close: () => Promise.resolve(void client.destroy()) };
      },
      policy: (text) => gateway.policy(text),
      close: () => gateway.close(),
    };
  },
  happened: (what) =>
    what === "denied"
      ? Number(existsSync(at("forbidden")))
      : existsSync(at("held"))
        ? readFileSync(at("held"), "utf8").split("\n").length - 1
        : 0,
});
