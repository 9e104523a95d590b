import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { startTestGateway, type TestGateway } from "../support/gateway.ts";
import { prepareDatabase, startPostgres, type TestPostgres } from "../support/postgres.ts";

/** A database whose own settings say that a backslash escapes in plain strings, which is not how texts are read here. */
const POLICY = `package strings
allow everything on sql
mask people on sql
  columns public.people.ssn
  with { *: redact }
deny large on sql
  when exists statement.estimated_rows and statement.estimated_rows > 100000
`;

const SCHEMA = `
create table people (id int primary key, ssn text);
insert into people values (1, 'ZQX-84213');
create table kept (i int);
alter database strings set standard_conforming_strings = off;
`;

let server: TestPostgres;
let gateway: TestGateway;

beforeAll(async () => {
  server = await startPostgres();
  await prepareDatabase(server, "strings", SCHEMA);
  gateway = await startTestGateway(server, { policy: POLICY, database: "strings", target: "estimateRows: true" });
});
afterAll(async () => {
  await gateway?.close();
  await server?.stop();
});

describe("strings mean to the server what they mean to the gateway", () => {
  it.each(["select '\\' || ' || ssn from people --' as a", "select '\\', ';commit; drop table public.kept; --' as a"])(
    "%s",
    async (sql) => {
      const client = await gateway.connect("ana");
      try {
        const { rows } = await client.query(sql);
        expect(JSON.stringify(rows)).not.toContain("ZQX");
        await client.query("reset all");
        expect((await client.query("select '\\' as a")).rows).toEqual([{ a: "\\" }]);
      } finally {
        await client.end();
      }
      const direct = await server.direct("strings");
      expect((await direct.query("select to_regclass('public.kept') is not null as there")).rows).toEqual([
        { there: true },
      ]);
      await direct.end();
    },
  );
});
