import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { hasOpenSsh, makeKey, startSshGateway, type TestSshGateway } from "../../test/support/ssh.ts";
import { startDemoHost, type DemoHost } from "./ssh-host.ts";

describe.skipIf(!hasOpenSsh())("the demo's SSH host behind a gateway", () => {
  let folder: string;
  let host: DemoHost;
  let gateway: TestSshGateway;
  beforeAll(async () => {
    folder = mkdtempSync(join(tmpdir(), "sallyport-demo-"));
    const accepted = makeKey(join(folder, "key"));
    makeKey(join(folder, "host"));
    host = await startDemoHost(accepted, readFileSync(join(folder, "host"), "utf8"));
    gateway = await startSshGateway(
      {
        port: host.port,
        hostKey: host.hostKey,
        key: join(folder, "key"),
        folder,
        user: "deploy",
        home: "/",
        stop: () => Promise.resolve(),
      },
      { policy: "package test\nallow everything on ssh\n" },
    );
  });
  afterAll(async () => {
    await gateway?.close();
    host?.stop();
    rmSync(folder, { recursive: true, force: true });
  });

  it.each([
    ["cat /etc/motd", "This is the shop's web host.\n", 0],
    ["ls /srv/shop", "orders.log\nconfig.yaml\n", 0],
    ["echo 10.0.0.7 cache | sudo tee -a /etc/hosts", "10.0.0.7 cache\n", 0],
    ["cat /etc/hosts | grep cache", "10.0.0.7 cache\n", 0],
    ["echo new > /srv/shop/note", "", 0],
    ["cat /srv/shop/note", "new\n", 0],
    ["cat /none", "", 1],
    ["reboot", "", 127],
  ])("%s", async (command, stdout, status) => {
    // Its status comes with the very bytes that say that the command began.
    expect(await gateway.ssh("ana", [command])).toMatchObject({ stdout, status });
  });

  it("has a prompt", async () => {
    const ran = await gateway.ssh("ana", ["-tt"], { input: "hostname\rexit\r" });
    expect(ran.stdout).toContain("web01$ hostname\r\nweb01\r\n");
    expect(ran.status).toBe(0);
  });
});
