import { readFileSync, readdirSync } from "node:fs";
import { join } from "node:path";
import type pg from "pg";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { sessionsCommand } from "../../cli/commands/sessions.ts";
import { startTestGateway, quietIo, type TestGateway } from "../support/gateway.ts";
import { prepareDatabase, startPostgres, type TestPostgres } from "../support/postgres.ts";

const POLICY = `package test
allow everything on sql
mask pii on sql
  columns public.people.email
  with email
  unless user.groups has "unmasked"
`;

let server: TestPostgres;

beforeAll(async () => {
  server = await startPostgres();
  await prepareDatabase(
    server,
    "shopdb",
    "create table people (id int, name text, email text); insert into people select i, 'Name ' || i, 'marker' || i || '@mail.example' from generate_series(1, 50) i",
  );
});
afterAll(() => server.stop());

/** What `sessions show` prints of the only session after `work`, and every byte of the gateway's folder. */
async function told(
  work: (client: pg.Client) => Promise<void>,
  config = "",
  user = "ana",
): Promise<{ readonly shown: string; readonly disk: string }> {
  const gateway: TestGateway = await startTestGateway(server, { policy: POLICY, database: "shopdb", config });
  try {
    const client = await gateway.connect(user);
    await work(client);
    await client.end();
    const said: string[] = [];
    const io = quietIo(gateway.folder, said);
    const log = ["--log", join(gateway.folder, "state", "log")];
    // The end of the session is recorded when the gateway has seen it.
    let sid: string | undefined;
    while (sid === undefined) {
      said.length = 0;
      await sessionsCommand(["list", "--json", ...log], io);
      const [session] = JSON.parse(said.join("")) as readonly { readonly sid: string; readonly ended: string }[];
      if (session !== undefined && session.ended !== "open") sid = session.sid;
      else await new Promise(setImmediate);
    }
    said.length = 0;
    await sessionsCommand(["show", sid, ...log], io);
    const files = readdirSync(join(gateway.folder, "state"), { recursive: true, withFileTypes: true });
    const disk = files
      .filter((file) => file.isFile())
      .map((file) => readFileSync(join(file.parentPath, file.name), "latin1"))
      .join("\n");
    return { shown: said.join(""), disk };
  } finally {
    await gateway.close();
  }
}

describe("what the record tells of a session", () => {
  it("shows the first rows as the client got them, in text, binary and COPY, and no more of them", async () => {
    const { shown, disk } = await told(async (client) => {
      await client.query("select name, email from people where id < $1 order by id", [30]);
      const binary = { text: "select id, email from people where id = $1", values: [1], binary: true };
      await client.query(binary as pg.QueryConfig);
      await client.query("select name from people where id = 2");
      await client.query("select id from people limit 7");
      // node-postgres drops the lines; the gateway's record does not depend on that.
      await client.query("copy (select name, email from people where id between 41 and 48 order by id) to stdout");
    });
    expect(shown).toContain("| Name 1 | m***@***.example\n");
    expect(shown).toContain("| Name 5 | m***@***.example\n");
    expect(shown).not.toContain("Name 6 ");
    expect(shown).toContain("| \\x00000001 | \\x6d");
    expect(shown).toContain("| Name 2\n");
    expect(shown).toContain("29 rows");
    expect(shown).toContain("| Name 41\tm***@***.example\n");
    expect(shown).toContain("| Name 45\tm***@***.example\n");
    expect(shown).not.toContain("Name 46");
    expect(shown).toContain("ok COPY 8: 8 rows");
    // A number of rows is nobody's value; one in a condition may be.
    expect(shown).toContain("select id from people limit 7");
    expect(disk).not.toContain("marker");
  });

  it("of whoever may see more than others, keeps only what everybody may see", async () => {
    const { shown, disk } = await told(
      async (client) => {
        const { rows } = await client.query("select name, email from people where id = 2");
        expect(rows).toEqual([{ name: "Name 2", email: "marker2@mail.example" }]);
        await client.query("select upper(email), id from people order by email limit 1");
        await client.query("copy (select name, email from people where id = 4) to stdout");
        await client.query("prepare p as select email, name from people where id = 5");
        await client.query("execute p");
        await client.query("select name from people where id = 6");
      },
      "",
      "all",
    );
    expect(shown).toContain("| Name 2 | «hidden»\n");
    expect(shown).toContain("| «hidden» | Name 5\n");
    expect(shown).toContain("| Name 6\n");
    // A line of COPY is hidden whole, and so are rows whose order or choice depends on what is masked.
    expect(shown).toContain("| «hidden»\n");
    expect(shown).toContain("| «hidden» | «hidden»\n");
    expect(shown).not.toContain("Name 4");
    expect(disk.toLowerCase()).not.toContain("marker");
  });

  it("names the mask that refused a statement, and hides the literal that gave it away", async () => {
    const { shown, disk } = await told(async (client) => {
      await expect(client.query("select id from people where email = 'marker7@mail.example'")).rejects.toThrow(/pii/);
    });
    expect(shown).toContain("refused by pii");
    expect(shown).toContain("where email = «hidden»");
    expect(disk).not.toContain("marker");
  });

  it("keeps no rows when it is told not to", async () => {
    const { shown, disk } = await told(
      async (client) => void (await client.query("select name from people where id = 3")),
      "record: { results: none }\n",
    );
    expect(shown).toContain("1 row");
    expect(shown + disk).not.toContain("Name 3");
  });
});
