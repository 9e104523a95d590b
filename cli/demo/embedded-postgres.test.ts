import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, it } from "vitest";
import { askOnce } from "./ask-once.ts";
import { clusterFolder, startEmbedded } from "./embedded-postgres.ts";

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "sallyport-embedded-"));
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

it("a server whose starter was killed does not stand in the way of the next start, which has its data", async () => {
  const data = clusterFolder(join(folder, "postgres"));
  const script = `
    import { startEmbedded } from ${JSON.stringify(new URL("./embedded-postgres.ts", import.meta.url).href)};
    const { port } = await startEmbedded({ data: ${JSON.stringify(data)}, password: "pw", settings: ["fsync=off"] });
    process.stdout.write(String(port));
    setInterval(() => undefined, 1000);`;
  const starter = spawn(process.execPath, ["--input-type=module", "-e", script], {
    stdio: ["ignore", "pipe", "inherit"],
  });
  const [port] = (await once(starter.stdout, "data")) as [Buffer];
  const first = {
    host: "127.0.0.1",
    port: Number(port.toString()),
    user: "admin",
    password: "pw",
    database: "postgres",
  };
  await askOnce(first, "create table kept (a int)");
  const gone = once(starter, "exit");
  starter.kill("SIGKILL");
  await gone;
  // The server itself lives on: without taking over, the folder is locked.
  await expect(startEmbedded({ data, password: "pw" })).rejects.toThrow(/postmaster.pid/);
  const second = await startEmbedded({ data, password: "pw", settings: ["fsync=off"], takeOver: true });
  try {
    const { port: now } = second;
    expect(await askOnce({ ...first, port: now }, "select count(*)::text from kept")).toEqual([["0"]]);
    await expect(askOnce(first, "select 1")).rejects.toThrow();
  } finally {
    await second.stop();
    rmSync(data, { recursive: true, force: true });
  }
});
