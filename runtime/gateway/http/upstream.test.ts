import { createServer, type Server, type Socket } from "node:net";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import type { Clock } from "../../outside/index.ts";
import { UpstreamPool } from "./upstream.ts";

describe("a target that takes connections and says nothing", () => {
  let server: Server;
  let pool: UpstreamPool;
  let came: Promise<Socket>;
  /** What the clock is to call, once its time has come. */
  let due: (() => void)[];

  beforeEach(async () => {
    due = [];
    const clock: Clock = {
      now: () => 0,
      monotonic: () => 0,
      after: (_ms, call) => {
        due.push(call);
        return () => void due.splice(due.indexOf(call), 1);
      },
    };
    server = createServer();
    came = new Promise((resolve) => server.once("connection", resolve));
    await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
    const { port } = server.address() as { port: number };
    const target = { name: "api", host: "127.0.0.1", port, tls: "verify-full", ca: null, client: null } as const;
    pool = new UpstreamPool({ ...target, connections: 1 }, clock, 1_000);
  });
  afterEach(async () => {
    pool.close();
    for (const call of [...due]) call();
    (await came).destroy();
    await new Promise((resolve) => server.close(resolve));
  });

  it("is not waited for without end", async () => {
    const opened = pool.open();
    await came;
    while (due.length === 0) await new Promise((resolve) => setImmediate(resolve));
    due[0]!();
    expect(await opened).toMatch(/^target api can't be reached: .*TLS/);
    expect(due).toEqual([]);
  });

  it("is not waited for when the gateway stops, and neither is a place in the queue", async () => {
    const opened = [pool.open(), pool.open()];
    await came;
    pool.close();
    expect(await Promise.all(opened)).toEqual(["the gateway stops", "the gateway stops"]);
  });
});
