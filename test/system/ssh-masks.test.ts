import { readFileSync, readdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import ssh2 from "ssh2";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { hasOpenSsh, startSshGateway, startSshd, type TestSshGateway, type TestSshd } from "../support/ssh.ts";
import { runProgram } from "../support/programs.ts";
import { afterTheirEnd, readLog } from "../support/read-log.ts";

const POLICY = `package test
allow everything on ssh

mask staff_numbers on ssh
  output /E-[0-9]{6}/
  with { output: last(2) }

mask cards on ssh
  values detect [credit_card]
  with { credit_card: last(4) }

limit seldom on ssh
  to 2 statements per 1m
  when exists command.text and command.text starts with "whoami"

alert noticed on ssh
  to "operators"
  when exists command.text and command.text starts with "hostname"
  because "Somebody looks around."

limit little on ssh
  to 100_000 bytes
  when exists command.text and command.text starts with "head"

limit few on ssh
  to 2 statements per 1h
  when exists command.text and command.text == "echo counted"

alert told on ssh
  to "ops"
  when exists command.text and command.text == "echo told"
`;

const CARD = "4111111111111111";

describe.skipIf(!hasOpenSsh())("masks on what a command shows", () => {
  let sshd: TestSshd;
  let gateway: TestSshGateway;
  beforeAll(async () => {
    sshd = await startSshd();
    gateway = await startSshGateway(sshd, { policy: POLICY, config: "alerts: [{ name: operators, log: true }]\n" });
  });
  afterAll(async () => {
    await gateway?.close();
    await sshd?.stop();
  });

  it.each<readonly [title: string, command: string, shown: string, wrong: string]>([
    ["on output", "echo staff E-123456 here", "staff ***56 here\n", ""],
    ["on error output", "echo staff E-123456 >&2", "", "staff ***56\n"],
    ["of detectors", `echo pay ${CARD} now`, "pay ***1111 now\n", ""],
    ["without an end of line", "printf E-123456", "***56", ""],
    ["cut between two writes", "printf E-12; sleep 0.02; printf '3456 x\\n'", "***56 x\n", ""],
    ["in much text", `yes 'line with ${CARD} in it' | head -n 20000 | tail -n 1`, "line with ***1111 in it\n", ""],
  ])("%s", async (_title, command, shown, wrong) => {
    const ran = await gateway.ssh("ana", [command]);
    expect([ran.stdout, ran.stderr]).toEqual([shown, wrong]);
    expect(ran.out).not.toMatch(/E-123456|4111111111111111/);
  });

  it("in a terminal, and in what is recorded", async () => {
    const ran = await gateway.ssh("ana", ["-tt", `echo E-"123456" ${CARD.slice(0, 8)}''${CARD.slice(8)}`]);
    expect(ran.stdout).toBe("***56 ***1111\r\n");
    const folder = join(gateway.folder, "state/recordings");
    const all = readdirSync(folder).map((name) =>
      readFileSync(join(folder, name), "utf8").split("\n").slice(1).join("\n"),
    );
    expect(all.join("")).toContain("***56");
    const outputs = all
      .join("\n")
      .split("\n")
      .filter((line) => line.includes('"o"'));
    expect(outputs.join("\n")).not.toMatch(/E-123456|4111111111111111/);
  });

  it("the outcome says which rule hid something", async () => {
    await gateway.running.gateway.recorder.flush();
    const entries = await readLog(join(gateway.folder, "state/log"));
    expect(afterTheirEnd(entries)).toEqual([]);
    const masked = entries.flatMap(({ type, value }) => (type === "outcome" ? [value["masked"]] : []));
    expect(masked).toContainEqual(["staff_numbers"]);
    expect(masked).toContainEqual(["cards"]);
  });

  it("what can't be masked can't be transferred", async () => {
    const file = join(gateway.folder, "numbers");
    writeFileSync(file, "E-123456\n");
    for (const protocol of [[], ["-O"]]) {
      const ran = await runProgram("scp", [
        ...protocol,
        ...gateway.options("ana"),
        `ana%host@127.0.0.1:${file}`,
        `${file}.copy`,
      ]);
      expect(ran.status).not.toBe(0);
      expect(ran.stderr).toMatch(/what is transferred can't be masked/);
    }
    expect(readdirSync(gateway.folder)).not.toContain("numbers.copy");
  });

  it("a limit in bytes cuts the output off, and says so", async () => {
    const ran = await gateway.ssh("ana", ["head -c 300000 /dev/zero | tr '\\0' x"]);
    expect(ran.stdout.length).toBe(100_000);
    expect(ran.stderr).toMatch(/the output is cut off after 100000 bytes by rule little/);
    expect(ran.status).toBe(255);
  });

  it("a limit over time refuses the command that is too many", async () => {
    for (const stdout of ["counted\n", "counted\n", ""])
      expect((await gateway.ssh("ana", ["echo counted"])).stdout).toBe(stdout);
    expect((await gateway.ssh("ana", ["echo counted"])).stderr).toMatch(/rule few allows 2 statements in 3600 seconds/);
  });

  it("an alert is recorded, and the command goes on", async () => {
    expect((await gateway.ssh("ana", ["echo told"])).stdout).toBe("told\n");
    const alerts = (await readLog(join(gateway.folder, "state/log"))).filter(({ type }) => type === "alert");
    expect(alerts.map(({ value }) => value)).toMatchObject([{ rule: "told", channels: ["ops"] }]);
  });
});

describe.skipIf(!hasOpenSsh())("a mask on files that are read", () => {
  let sshd: TestSshd;
  let gateway: TestSshGateway;
  beforeAll(async () => {
    sshd = await startSshd();
    const policy = `package test
allow everything on ssh

mask staff_numbers on ssh
  output /E-[0-9]{6}/
  when exists file.operation and file.operation == open_read
  with { output: last(2) }
`;
    gateway = await startSshGateway(sshd, { policy });
  });
  afterAll(async () => {
    await gateway?.close();
    await sshd?.stop();
  });

  it("refuses what is opened for writing and can be read as well", async () => {
    const file = join(gateway.folder, "both-ways");
    writeFileSync(file, "E-123456\n");
    const client = new ssh2.Client();
    const open = (flags: "r" | "r+" | "w+" | "a+" | "w") =>
      new Promise<string>((resolve) => {
        client.sftp((fault, sftp) => {
          if (fault !== undefined) return resolve(fault.message);
          sftp.open(file, flags, (refused) => {
            sftp.end();
            resolve(refused?.message ?? "open");
          });
        });
      });
    await new Promise((resolve, reject) => {
      client.once("ready", () => resolve(null)).once("error", reject);
      const privateKey = readFileSync(join(gateway.folder, "ana"));
      client.connect({ host: "127.0.0.1", port: gateway.port, username: "ana%host", privateKey });
    });
    for (const flags of ["r", "r+", "w+", "a+"] as const) expect(await open(flags)).toMatch(/can't be masked/);
    expect(readFileSync(file, "utf8")).toBe("E-123456\n");
    expect(await open("w")).toBe("open");
    client.end();
  });
});
