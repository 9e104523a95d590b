import { createHmac } from "node:crypto";
import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { readFileSync, readdirSync } from "node:fs";
import { join } from "node:path";
import type pg from "pg";
import { afterAll, beforeAll, describe, expect, it, vi } from "vitest";
import { detokeniseCommand } from "../../cli/commands/detokenise.ts";
import { quietIo, startTestGateway, type TestGateway } from "../support/gateway.ts";
import { prepareDatabase, startPostgres, type TestPostgres } from "../support/postgres.ts";
import { WireClient } from "../bypass/wire.ts";

const POLICY = `package limits
allow everything on sql
limit few_bytes on sql
  to 2_000 bytes
  when user.groups has "contractor"
limit slow on sql
  to 5 statements per 1h
  when user.groups has "engineer"
deny drops on sql
  when statement.kind == drop_table
  because "Objects are dropped by migrations."
alert dropped on sql
  to "hook", "operators", "nowhere"
  when statement.kind == drop_table
  because "Somebody drops tables."
alert hooked on sql
  to "broken"
  when statement.tables has "public.hot"
mask tokens on sql
  columns public.people.ssn
  with token
  unless user.groups has "unmasked"
`;

let server: TestPostgres;
let gateway: TestGateway;
let hook: Server;
const heard: { readonly signature: string | undefined; readonly body: string }[] = [];

beforeAll(async () => {
  server = await startPostgres();
  await prepareDatabase(
    server,
    "limitdb",
    `create table big (id int primary key, t text); insert into big select i, repeat('x', 100) from generate_series(1, 100) i;
     create table hot (id int); create table people (id int, ssn text); insert into people values (1, 'ZQX-1'), (2, 'ZQX-2'), (3, 'ZQX-1'), (4, null);`,
  );
  hook = createServer((request, response) => {
    let body = "";
    request.on("data", (chunk: Buffer) => (body += chunk.toString()));
    request.on("end", () => {
      if (request.url === "/broken") response.statusCode = 500;
      else heard.push({ signature: request.headers["x-sallyport-signature"] as string | undefined, body });
      response.end();
    });
  });
  await new Promise<void>((resolve) => hook.listen(0, "127.0.0.1", () => resolve()));
  const { port } = hook.address() as AddressInfo;
  gateway = await startTestGateway(server, {
    policy: POLICY,
    database: "limitdb",
    config: `alerts:\n  - { name: hook, webhook: "http://127.0.0.1:${port}/ok", key: { env: TARGET_PASSWORD } }\n  - { name: broken, webhook: "http://127.0.0.1:${port}/broken" }\n  - { name: operators, log: true }\ntokens: { reverse: [privacy] }\n`,
  });
});
afterAll(async () => {
  await gateway?.close();
  await server?.stop();
  hook?.close();
});

/** Everything on the gateway's disk. What is put in place by rename may be gone by the time it is read. */
const onDisk = (part = ""): string =>
  readdirSync(join(gateway.folder, part), { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile() && !entry.name.endsWith(".new"))
    .map((entry) => readFileSync(join(entry.parentPath, entry.name), "latin1"))
    .join("");

describe("limits", () => {
  it("stop a result before more bytes pass than are allowed, in queries and copies", async () => {
    const wire = await WireClient.connect({
      host: "127.0.0.1",
      port: gateway.port,
      user: "con",
      password: "con",
      database: "shop",
    });
    for (const sql of ["select t from big", "copy big to stdout"]) {
      const answer = await wire.query(sql);
      expect(answer.error?.code).toBe("54000");
      expect(answer.error?.message).toContain("2000 bytes of rows were passed, the limit of rule few_bytes");
      expect(answer.fields.length).toBeGreaterThan(10);
      expect(answer.fields.join("").length).toBeLessThan(2000);
    }
    expect((await wire.query("select t from big limit 10")).error).toBeNull();
    wire.end();
  });

  it("count statements of all sessions of a user, and refuse with the time to wait", async () => {
    const clients = [await gateway.connect("dev"), await gateway.connect("dev")] as const;
    await clients[0].query("select 1; select 2");
    await clients[1].query("select $1::int", [1]);
    await clients[1].query({ name: "n", text: "select 2" });
    await clients[0].query("select 3");
    for (const client of clients) {
      const fault = await client.query("select 4").catch((error: pg.DatabaseError) => error);
      expect(fault).toMatchObject({
        code: "42501",
        message: "sallyport: rule slow allows 5 statements in 3600 seconds, and you have had them",
      });
      expect((fault as pg.DatabaseError).hint).toMatch(/^Try again in \d+ seconds\.$/);
      await client.end();
    }
    const other = await gateway.connect("lea");
    for (let i = 0; i < 7; i++) await other.query("select 1");
    await other.end();
  });
});

describe("alerts", () => {
  it("tell each channel, signed, and change nothing of the answer; what can't be told is recorded", async () => {
    const client = await gateway.connect("lea");
    const fault = await client.query("drop table big").catch((error: pg.DatabaseError) => error);
    expect((fault as pg.DatabaseError).message).toContain("denied by rule drops");
    await vi.waitFor(() => expect(heard.length).toBe(1));
    const [alert] = heard;
    expect(JSON.parse(alert!.body)).toMatchObject({
      type: "alert",
      rule: "dropped",
      because: "Somebody drops tables.",
      user: "lea",
      target: "shop",
      verdict: "deny",
      text: "drop table big",
    });
    expect(alert!.signature).toBe(`sha256=${createHmac("sha256", server.password).update(alert!.body).digest("hex")}`);
    expect(gateway.said.join("")).toMatch(/alert dropped: lea on shop, deny, drop_table; decision \w+\.\d+/);
    await vi.waitFor(() => expect(onDisk("state").includes('"channel":"nowhere"')).toBe(true));
    expect(onDisk("state").includes('"channels":["hook","nowhere","operators"]')).toBe(true);
    await client.end();
  });

  it("a channel that fails is tried again, and the statement does not wait for it", async () => {
    const client = await gateway.connect("lea");
    expect((await client.query("select count(*)::int as n from hot")).rows).toEqual([{ n: 0 }]);
    await client.end();
    await vi.waitFor(() => expect(onDisk("state").includes('"channel":"broken"')).toBe(true), {
      timeout: 20_000,
      interval: 200,
    });
    expect(onDisk("state").includes("it answered 500")).toBe(true);
  }, 30_000);
});

describe("tokens", () => {
  it("stand for equal values, and are turned back by whoever may, on the record", async () => {
    const client = await gateway.connect("ana");
    const { rows } = await client.query<{ ssn: string | null }>("select ssn from people order by id");
    await client.end();
    const tokens = rows.map((row) => row.ssn);
    expect(tokens[0]).toMatch(/^tok_[A-Za-z0-9_-]{20}$/);
    expect(tokens[2]).toBe(tokens[0]);
    expect(tokens[1]).not.toBe(tokens[0]);
    expect(tokens[3]).toBeNull();
    const reverse = async (user: string, token: string): Promise<string> => {
      const said: string[] = [];
      const io = { ...quietIo(gateway.folder, said), env: { SALLYPORT_PASSWORD: user } };
      const args = [token, "--user", user, "--control", `127.0.0.1:${gateway.controlPort}`];
      await detokeniseCommand(args, io).catch((fault: Error) => said.push(fault.message));
      return said.join("");
    };
    expect(await reverse("kim", tokens[0]!)).toBe("ZQX-1\n");
    expect(await reverse("kim", "tok_unknown")).toContain("such token");
    expect(await reverse("ana", tokens[0]!)).toContain("tokens.reverse");
    const kept = onDisk("state");
    for (const outcome of ["shown", "unknown", "refused"]) expect(kept.includes(`"outcome":"${outcome}"`)).toBe(true);
    // Neither the record nor the vault has the value in plain.
    expect(kept.includes("ZQX-")).toBe(false);
  });
});
