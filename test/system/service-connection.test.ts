import { createServer, type Server, type Socket } from "node:net";
import { afterAll, afterEach, beforeAll, expect, it } from "vitest";
import { ServiceConnection, type Target } from "../../runtime/gateway/upstream.ts";
import { systemClock, systemRandom } from "../../runtime/outside/index.ts";
import { startPostgres, type TestPostgres } from "../support/postgres.ts";

let server: TestPostgres;
beforeAll(async () => {
  server = await startPostgres();
});
afterAll(() => server?.stop());

const opened: ServiceConnection[] = [];
afterEach(() => {
  for (const connection of opened.splice(0)) connection.close();
});

function connect(
  port: number,
  after: typeof systemClock.after = systemClock.after,
  queueMs: number | null = null,
): ServiceConnection {
  const target: Target = {
    name: "shop",
    host: "127.0.0.1",
    port,
    database: "postgres",
    labels: {},
    credential: { user: server.user, password: { kind: "env", name: "NONE" } } as unknown as Target["credential"],
    password: server.password,
    estimateRows: false,
    tls: { mode: "off", ca: null },
    caBytes: null,
  };
  const connection = new ServiceConnection(target, systemRandom, after, queueMs);
  opened.push(connection);
  return connection;
}

it("each text is one statement", async () => {
  const connection = connect(server.port);
  expect(await connection.ask("select 1, null", "select 'é'")).toEqual([["1", null], ["é"]]);
  await expect(connection.ask("select 1; select 2")).rejects.toThrow(/cannot insert multiple commands/);
  expect(await connection.ask("select 3")).toEqual([["3"]]);
});

it("of statements one of which fails nothing is left", async () => {
  const connection = connect(server.port);
  await expect(connection.ask("begin", "create table public.half ()", "select 1/0", "commit")).rejects.toThrow(
    /division by zero/,
  );
  expect(await connection.ask("select pg_catalog.to_regclass('public.half')")).toEqual([[null]]);
});

it("what waited too long for those before it is not asked", async () => {
  const clients: Socket[] = [];
  const accepted = Promise.withResolvers<void>();
  const silent: Server = createServer((socket) => {
    clients.push(socket);
    accepted.resolve();
  });
  await new Promise<void>((resolve) => silent.listen(0, "127.0.0.1", resolve));
  const due: (() => void)[] = [];
  const after = (ms: number, call: () => void): (() => void) => {
    if (ms === 7) due.push(call);
    return () => undefined;
  };
  const { port } = silent.address() as { port: number };
  const connection = connect(port, after, 7);
  const first = connection.ask("select 1");
  const second = expect(connection.ask("select 2")).rejects.toThrow(/has too much to answer/);
  await accepted.promise;
  due[1]!();
  clients[0]!.destroy();
  await expect(first).rejects.toThrow(/shop/);
  await second;
  expect(clients).toHaveLength(1);
  silent.close();
});
