import { readFileSync, readdirSync } from "node:fs";
import { join } from "node:path";
import type pg from "pg";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { startTestGateway, type TestGateway } from "../support/gateway.ts";
import { prepareDatabase, startPostgres, type TestPostgres } from "../support/postgres.ts";
import { WireClient, msg } from "../bypass/wire.ts";

/** Type, value, mask, and what is seen in text form; null: NULL. A binary result is read back by the server's own functions. */
const CASES: readonly (readonly [type: string, value: string, mask: string, seen: string | null])[] = [
  ["text", "Ana Müller", "redact", "***"],
  ["text", "Ana Müller", "full", "***"],
  ["text", "Ana Müller", "null", null],
  ["text", "Ana Müller", "first(2)", "An***"],
  ["text", "Ana Müller", "last(4)", "***ller"],
  ["text", "Ana Müller", "partial(2, 2)", "An***er"],
  ["text", "Müll", "partial(2, 2)", "***"],
  ["text", "ana.b@mail.example.com", "email", "a***@***.com"],
  ["text", "2024-05-17", "date(month)", "2024-05-01"],
  ["text", "no date", "date(month)", "***"],
  ["text", "1234.5", "bucket(100)", "1200"],
  ["text", "192.0.2.77", "network(24, 48)", "192.0.2.0/24"],
  ["text", '{"a": {"ssn": "536-90-4399"}, "b": 1}', 'json("$.a.ssn")', '{"a": {"ssn": "***"}, "b": 1}'],
  ["varchar(20)", "1234567890", "last(4)", "***7890"],
  ["char(6)", "abcdef", "first(1)", "a***"],
  ["name", "some_name", "redact", "***"],
  ["int2", "1234", "full", "0"],
  ["int2", "1234", "bucket(100)", "1200"],
  ["int2", "-1234", "bucket(100)", "-1300"],
  ["int2", "32767", "round(1000)", null],
  ["int4", "123456", "redact", null],
  ["int4", "123456", "full", "0"],
  ["int4", "123456", "round(1000)", "123000"],
  ["int4", "-123500", "round(1000)", "-124000"],
  ["int4", "123456", "last(2)", null],
  ["int8", "9007199254740993", "bucket(10)", "9007199254740990"],
  ["int8", "5", "full", "0"],
  ["oid", "77", "full", "0"],
  ["float8", "1234.5", "round(10)", "1230"],
  ["float8", "NaN", "round(10)", null],
  ["float4", "-7", "bucket(5)", "-10"],
  ["numeric(12,3)", "1234567.891", "bucket(1000)", "1234000"],
  ["numeric", "-0.5", "round(1)", "-1"],
  ["numeric", "0.0001", "round(10)", "0"],
  ["numeric", "12345678901234567890.5", "bucket(1000000)", "12345678901234000000"],
  ["numeric", "5.5", "full", "0"],
  ["bool", "true", "full", "f"],
  ["date", "2024-05-17", "date(year)", "2024-01-01"],
  ["date", "2024-05-17", "date(quarter)", "2024-04-01"],
  ["date", "2024-05-17", "date(decade)", "2020-01-01"],
  ["date", "0044-03-15 BC", "date(month)", "0044-03-01 BC"],
  ["date", "infinity", "date(month)", "infinity"],
  ["date", "2024-05-17", "full", "1970-01-01"],
  ["date", "2024-05-17", "last(2)", null],
  ["time", "10:20:30", "full", "00:00:00"],
  ["timetz", "10:20:30+02", "full", "00:00:00+00"],
  ["timestamp", "2024-05-17 10:20:30.5", "date(hour)", "2024-05-17 10:00:00"],
  ["timestamp", "1999-12-31 23:59:59", "date(day)", "1999-12-31 00:00:00"],
  ["timestamptz", "2024-05-17 10:20:30+00", "date(day)", "2024-05-17 00:00:00+00"],
  ["timestamptz", "2024-05-17 10:20:30+00", "full", "1970-01-01 00:00:00+00"],
  ["interval", "3 days", "full", "00:00:00"],
  ["uuid", "deadbeef-1234-4321-8765-0badc0ffee11", "full", "00000000-0000-0000-0000-000000000000"],
  ["bytea", "\\xfeedface", "full", "\\x"],
  ["inet", "203.0.113.77", "network(24, 48)", "203.0.113.0/24"],
  ["inet", "203.0.113.77/16", "network(24, 48)", "203.0.0.0/16"],
  ["inet", "2001:db8:1:2::3", "network(24, 48)", "2001:db8:1::/48"],
  ["inet", "203.0.113.77", "full", "0.0.0.0"],
  ["cidr", "203.0.113.0/24", "network(16, 48)", "203.0.0.0/16"],
  ["macaddr", "08:00:2b:01:02:03", "full", "00:00:00:00:00:00"],
  ["macaddr8", "08:00:2b:01:02:03:04:05", "full", "00:00:00:00:00:00:00:00"],
  ["json", '{ "x" : [1, {"y": "secret"}] , "y":null}', 'json("$..y")', '{ "x" : [1, {"y": "***"}] , "y":null}'],
  ["jsonb", '{"a": [{"n": 1, "s": true}]}', 'json("$.a[*].n")', '{"a": [{"n": "***", "s": true}]}'],
  ["jsonb", '{"a": 1}', "full", "{}"],
  ["jsonb", '{"a": 1}', "redact", null],
  ["xml", "<a>x</a>", "redact", null],
  ["bit(4)", "1011", "full", null],
  ["money", "12.34", "full", null],
  ["int4range", "[1,5)", "redact", null],
  ["text[]", '{abc,NULL,"d,\\"f"}', "first(1)", '{"a***",NULL,"d***"}'],
  ["text[]", "{abc}", "redact", null],
  ["text[]", "{abc}", "full", "{}"],
  ["int4[]", "[0:1]={1234,NULL}", "bucket(100)", '[0:1]={"1200",NULL}'],
  ["date[][]", "{{2024-05-17},{1999-01-02}}", "date(year)", '{{"2024-01-01"},{"1999-01-01"}}'],
  ["mood", "happy", "redact", null],
  ["mood", "happy", "full", null],
  ["pair", "(a,b)", "redact", null],
  ["short", "abcdef", "first(2)", "ab***"],
];

const table = (i: number): string => `m${i}`;
const POLICY = `package masks
allow everything on sql
${CASES.map(
  ([, , mask], i) => `mask r${i} on sql
  columns public.${table(i)}.v
  with ${mask}
  unless user.groups has any ["unmasked", "contractor"]
`,
).join("")}mask pseudonyms on sql
  columns public.people.{card, ssn, code, big, key, tok, n4, num}
  with { card: format, ssn: format, code: hash, big: hash, key: hash, tok: token, n4: format, num: hash }
  unless user.groups has any ["unmasked", "contractor"]
detector badge = /B-[0-9]{4}/
mask found on sql
  values detect [credit_card, national_id, iban, private_key, cloud_token, badge, email]
  with { email: email, credit_card: last(4), *: redact }
  when user.groups has "contractor"
`;

const PEOPLE = 500;
const SCHEMA = `
create type mood as enum ('happy', 'sad');
create type pair as (x text, y text);
create domain short as varchar(10);
${CASES.map(([type, value], i) => `create table ${table(i)} (k int, v ${type}); insert into ${table(i)} values (1, '${value.replaceAll("'", "''")}'), (2, null);`).join("\n")}
create table people (id int primary key, card text, ssn text, code text, big int8, key uuid, tok text, n4 int4, num numeric);
insert into people select i, '4111 1111 1111 1111', '536-90-' || (1000 + i), 'code' || (i % 7), 100000000 + i % 7, gen_random_uuid(), 'value' || (i % 7), 1000000 + i, i % 7 from generate_series(1, ${PEOPLE}) i;
create table notes (id int primary key, t text, j jsonb, a text[], b int8, n numeric, x xml, p pair, plain int);
insert into notes values
  (1, 'card 4111 1111 1111 1111, mail ana@mail.example', '{"k": 4111111111111111, "s": "a 536-90-4399 \\" b"}', '{x,"DE89370400440532013000 y"}', 4111111111111111, 4111111111111111, '<c>4111111111111111</c>', row('4111111111111111', 'b'), 5),
  (2, 'nothing here', '{"k": 1}', '{x}', 12, 1.5, '<c/>', row('a', 'b'), 6),
  (3, 'badge B-1234 and E''x', null, null, null, null, null, null, null);
`;

let server: TestPostgres;
let gateway: TestGateway;
beforeAll(async () => {
  server = await startPostgres();
  await prepareDatabase(server, "maskdb", SCHEMA);
  gateway = await startTestGateway(server, { policy: POLICY, database: "maskdb" });
});
afterAll(async () => {
  await gateway?.close();
  await server?.stop();
});

/** All values as the wire has them. */
const RAW = {
  types: { getTypeParser: () => (value: string | Buffer) => value },
} as unknown as Partial<pg.ClientConfig>;

async function asClient<T>(user: string, run: (client: pg.Client) => Promise<T>): Promise<T> {
  const client = await gateway.connect(user, RAW);
  try {
    await client.query("set timezone to 'UTC'");
    return await run(client);
  } finally {
    await client.end();
  }
}

/** The first column of each row, in text form. */
const values = async (client: pg.Client, sql: string): Promise<readonly (string | null)[]> => {
  const { rows } = await client.query<(string | null)[]>({
    text: sql,
    rowMode: "array",
  } as pg.QueryArrayConfig as never);
  return rows.map((row) => row[0] ?? null);
};

/** The values of one column in binary form; NULLs are left out. */
async function binaries(user: string, sql: string): Promise<readonly Buffer[]> {
  const wire = await WireClient.connect({
    host: "127.0.0.1",
    port: gateway.port,
    user,
    password: user,
    database: "shop",
  });
  try {
    const heard = await wire.ask(Buffer.concat([msg.parse("", sql), msg.bind("", "", 1), msg.execute(""), msg.sync()]));
    if (heard.error !== null) throw new Error(heard.error.message);
    return heard.fields.map((field) => Buffer.from(field, "latin1"));
  } finally {
    wire.end();
  }
}

/** What the server says a binary value is, in text form: it reads it as a parameter, which node-postgres sends as it is. */
async function readBack(direct: pg.Client, value: Buffer | null, type: string): Promise<string | null> {
  if (value === null) return null;
  return (await direct.query<{ t: string | null }>(`select ($1::${type})::text as t`, [value])).rows[0]!.t;
}

/** Types whose text form has more than one spelling, or which grow past their own length: compared as their base. */
const baseOf = (type: string): string =>
  /^(varchar|char)/.test(type)
    ? "text"
    : type === "short"
      ? "text"
      : type === "name"
        ? "text"
        : type.replace(/\(.*\)/, "");

describe("types, masks and formats", () => {
  it.each(CASES.map((one, i) => [...one, i] as const))("%s %s with %s is %s", async (type, _value, _mask, seen, i) => {
    await asClient("ana", async (client) => {
      const sql = `select v from ${table(i)} order by k`;
      const text = await values(client, sql);
      expect(text).toEqual([seen, null]);
      const [binary] = await binaries("ana", sql);
      const direct = await server.direct("maskdb");
      await direct.query("set timezone to 'UTC'");
      const base = baseOf(type);
      // An array is written by the server without quotes that it does not need.
      const canonical =
        seen === null
          ? null
          : (await direct.query<{ t: string }>(`select ($1::text)::${base}::text as t`, [seen])).rows[0]!.t;
      expect(await readBack(direct, binary ?? null, base)).toBe(canonical);
      await direct.end();
    });
  });

  it("COPY in every format shows what a query shows", async () => {
    const wire = await WireClient.connect({
      host: "127.0.0.1",
      port: gateway.port,
      user: "ana",
      password: "ana",
      database: "shop",
    });
    await wire.query("set timezone to 'UTC'");
    for (const [i, [type, value, , seen]] of CASES.entries()) {
      if (type === "short") continue;
      const text = await wire.query(`copy (select v from ${table(i)} where k = 1) to stdout`);
      const expected = seen === null ? "\\N\n" : `${seen.replaceAll("\\", "\\\\")}\n`;
      expect(text.bytes.toString("utf8"), `${type} ${value}`).toContain(expected);
      const csv = await wire.query(`copy (select v from ${table(i)} where k = 1) to stdout (format csv)`);
      expect(csv.bytes.toString("utf8"), `${type} ${value}`).toContain(
        seen === null ? "\n" : `"${seen.replaceAll('"', '""')}"\n`,
      );
    }
    wire.end();
  });
});

describe("pseudonyms", () => {
  it("equal values stay equal, different ones different, in text and binary form", async () => {
    const direct = await server.direct("maskdb");
    const plain = (
      await direct.query<{ code: string; big: string; key: string; tok: string; n4: number; ssn: string }>(
        "select * from people order by id",
      )
    ).rows;
    await direct.end();
    await asClient("ana", async (client) => {
      for (const column of ["code", "big", "key", "tok", "n4", "ssn"] as const) {
        const text = (await values(client, `select ${column} from people order by id`)) as string[];
        const pairs = new Set(text.map((value, i) => `${value} ${String(plain[i]![column])}`));
        expect(pairs.size).toBe(new Set(plain.map((row) => String(row[column]))).size);
        expect(new Set(text).size).toBe(pairs.size);
        for (const [i, value] of text.entries()) expect(value).not.toBe(String(plain[i]![column]));
        if (column === "n4" || column === "ssn" || column === "code" || column === "tok") continue;
        const binary = await binaries("ana", `select ${column} from people order by id limit 3`);
        for (const [i, value] of binary.entries())
          expect(column === "key" ? value.toString("hex") : String(value.readBigInt64BE())).toBe(
            text[i]!.replaceAll("-", ""),
          );
      }
    });
  });

  it("format keeps the form, and cards valid", async () => {
    await asClient("ana", async (client) => {
      const [card] = (await values(client, "select card from people limit 1")) as [string];
      expect(card).toMatch(/^\d{4} \d{4} \d{4} \d{4}$/);
      expect(card).not.toBe("4111 1111 1111 1111");
      const digits = [...card.replaceAll(" ", "")].map(Number).reverse();
      expect(
        digits.reduce((sum, digit, i) => sum + (i % 2 === 0 ? digit : digit < 5 ? digit * 2 : digit * 2 - 9), 0) % 10,
      ).toBe(0);
      const ssn = (await values(client, "select ssn from people")) as string[];
      for (const one of ssn) expect(one).toMatch(/^\d{3}-\d{2}-\d{4}$/);
      const n4 = (await values(client, "select n4 from people")) as string[];
      for (const one of n4) expect(one).toMatch(/^[1-9]\d{6}$/);
    });
  });
});

/** Everything on the gateway's disk. What is put in place by rename may be gone by the time it is read. */
function filesIn(folder: string): string {
  return readdirSync(folder, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile() && !entry.name.endsWith(".new"))
    .map((entry) => readFileSync(join(entry.parentPath, entry.name), "latin1"))
    .join("");
}

describe("values detect", () => {
  const EXPECTED = [
    "card ***1111, mail a***@***.example",
    '{"k": "***1111", "s": "a *** \\" b"}',
    '{x,"*** y"}',
    null,
    null,
    "<c>***1111</c>",
    "(***,b)",
    "5",
  ];

  it("in rows", async () => {
    await asClient("con", async (client) => {
      const columns = ["t", "j", "a", "b", "n", "x", "p", "plain"];
      for (const [i, column] of columns.entries()) {
        const [first, second, third] = await values(client, `select ${column} from notes order by id`);
        expect(first, column).toBe(EXPECTED[i]);
        if (column === "t") expect([second, third]).toEqual(["nothing here", "badge *** and E'x"]);
      }
      for (const column of ["t", "j", "a", "b", "n", "x", "p"]) {
        const seen = await binaries("con", `select ${column} from notes where id < 3 order by id`);
        for (const one of seen) expect(one.toString("latin1")).not.toMatch(/4111 ?1111|536-90|DE8937|ana@/);
        // A number, and a row in its binary form, can't be masked in part.
        expect(seen.length, column).toBe(["b", "n", "p"].includes(column) ? 1 : 2);
      }
      // Whatever it is computed from, and whatever the table.
      expect(await values(client, "select 'x ' || t from notes where id = 1")).toEqual([
        "x card ***1111, mail a***@***.example",
      ]);
      expect(await values(client, "select '4111' || '111111111111'")).toEqual(["***1111"]);
    });
  });

  it("in COPY, errors, notices and notifications", async () => {
    const wire = await WireClient.connect({
      host: "127.0.0.1",
      port: gateway.port,
      user: "con",
      password: "con",
      database: "shop",
    });
    for (const options of [
      "",
      " (format csv)",
      " (format csv, delimiter '-')",
      " (delimiter '@')",
      " (format binary)",
    ]) {
      const heard = await wire.query(`copy notes to stdout${options}`);
      expect(heard.fields.length).toBeGreaterThan(2);
      expect(heard.bytes.toString("latin1")).not.toMatch(/4111\\?[ -]?1111|536\\?-90|DE8937|ana\\?@mail|B\\?-1234/);
      expect(heard.bytes.toString("latin1")).toMatch(/nothing here/);
    }
    const fault = await wire.query("select ('4111' || '111111111111 x')::int");
    expect(fault.bytes.toString("latin1")).toContain('value "*** x"');
    const notice = await wire.query("do $$ begin raise notice 'told %', '4111' || '111111111111'; end $$");
    expect(notice.bytes.toString("latin1")).toContain("told ***");
    const told = await wire.query("listen c; select pg_notify('c', '4111' || '111111111111')");
    expect(told.bytes.toString("latin1")).toContain("c\0***\0");
    wire.end();
  });

  it("nobody else's results change, and no match is kept in the record", async () => {
    await asClient("kim", async (client) => {
      expect(await values(client, "select t from notes where id = 1 and t <> '5500 0000 0000 0004'")).toEqual([
        "card 4111 1111 1111 1111, mail ana@mail.example",
      ]);
    });
    const kept = filesIn(gateway.folder);
    expect(kept).toContain("nothing here");
    expect(kept).not.toMatch(/4111 1111 1111 1111|5500 0000 0000 0004/);
  });
});
