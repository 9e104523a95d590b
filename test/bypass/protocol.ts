import { batch, msg, type Heard, type WireClient } from "./wire.ts";

export type Attack = (client: WireClient, another: () => Promise<WireClient>) => Promise<readonly Heard[]>;
/** Attacks by the messages that no statement alone could send. */
export const PROTOCOL: readonly (readonly [title: string, attack: Attack])[] = [
  [
    "the function call message",
    async (c) => {
      const found = await c.query("select 'get_ssn'::regproc::oid, 'get_const'::regproc::oid");
      const oid = Number(found.fields[1] ?? 0);
      const call = msg.functionCall(oid, "");
      // No argument at all.
      const bare = Buffer.concat([
        Buffer.from("F"),
        Buffer.from([0, 0, 0, 14]),
        call.subarray(5, 9),
        Buffer.from([0, 0, 0, 0, 0, 0]),
      ]);
      return [await c.ask(bare)];
    },
  ],
  [
    "a statement bound to a portal that SQL fetches from",
    async (c) => [
      await c.query("begin"),
      await c.ask(batch(msg.parse("", "select ssn from people"), msg.bind("sqlportal", "", 0))),
      await c.query("fetch all from sqlportal"),
      await c.query("rollback"),
    ],
  ],
  [
    "a cursor of SQL executed as a portal",
    async (c) => [
      await c.query("begin"),
      await c.query("declare wired cursor for select ssn from people"),
      await c.ask(batch(msg.describe("P", "wired"), msg.execute("wired"))),
      await c.query("rollback"),
    ],
  ],
  [
    "a prepared statement of SQL bound by the protocol",
    async (c) => [
      await c.query("prepare bound as select ssn from people where id = 1"),
      await c.ask(batch(msg.bind("", "bound", 0), msg.describe("P", ""), msg.execute(""))),
    ],
  ],
  [
    "a prepared statement of the protocol executed by SQL",
    async (c) => [
      await c.ask(batch(msg.parse("wirestmt", "select ssn from people"))),
      await c.query("execute wirestmt"),
    ],
  ],
  [
    "a name used again after Close",
    async (c) => [
      await c.ask(batch(msg.parse("again", "select name from people"), msg.describe("S", "again"))),
      await c.ask(
        batch(
          msg.close("S", "again"),
          msg.parse("again", "select ssn from people"),
          msg.bind("", "again", 0),
          msg.execute(""),
        ),
      ),
    ],
  ],
  [
    "a Parse that fails leaves the old statement, and the next one takes its name",
    async (c) => [
      await c.ask(batch(msg.parse("keep", "select name from people"))),
      await c.ask(batch(msg.parse("keep", "select ssn from people"), msg.bind("", "keep", 0), msg.execute(""))),
      await c.query("deallocate keep"),
      await c.ask(batch(msg.parse("keep", "select ssn from people"), msg.bind("", "keep", 0), msg.execute(""))),
    ],
  ],
  [
    "a parameter that chooses the column",
    async (c) => [
      await c.ask(
        batch(
          msg.parse("", "select case $1::int when 1 then name else ssn end from people"),
          msg.bind("", "", 0, ["2"]),
          msg.describe("P", ""),
          msg.execute(""),
        ),
      ),
    ],
  ],
  [
    "Describe before the view is replaced, Execute after",
    async (c) => [
      await c.query("create or replace temp view swap as select name as s from people"),
      await c.ask(batch(msg.parse("swap", "select s from swap"), msg.describe("S", "swap"))),
      await c.query("create or replace temp view swap as select ssn as s from people"),
      await c.ask(batch(msg.bind("", "swap", 0), msg.execute(""))),
    ],
  ],
  [
    "the search path changes between Parse and Execute",
    async (c) => [
      await c.query("set search_path = shadow"),
      await c.ask(batch(msg.parse("sp", "select ssn from people"), msg.describe("S", "sp"))),
      await c.query("set search_path = public"),
      await c.ask(batch(msg.bind("", "sp", 0), msg.execute(""))),
    ],
  ],
  [
    "the search path changes in the same batch",
    async (c) => [
      await c.query("set search_path = shadow"),
      await c.ask(
        batch(
          msg.parse("", "set search_path = public"),
          msg.bind("", "", 0),
          msg.execute(""),
          msg.parse("", "select ssn from people"),
          msg.bind("", "", 0),
          msg.execute(""),
        ),
      ),
    ],
  ],
  [
    "a table is renamed in the same batch",
    async (c) => [
      await c.ask(
        batch(
          ...["begin", "alter table people rename ssn to zip", "select zip from people", "rollback"].flatMap((sql) => [
            msg.parse("", sql),
            msg.bind("", "", 0),
            msg.execute(""),
          ]),
        ),
      ),
    ],
  ],
  [
    "one byte after the other",
    async (c) => {
      const bytes = msg.query("select ssn from people");
      const pieces: Heard[] = [];
      for (const byte of bytes.subarray(0, -1)) void c.ask(Buffer.of(byte), 0);
      pieces.push(await c.ask(bytes.subarray(-1)));
      return pieces;
    },
  ],
  [
    "a query within an open batch",
    async (c) => [
      await c.ask(
        Buffer.concat([
          msg.parse("", "select 1"),
          msg.bind("", "", 0),
          msg.execute(""),
          msg.query("select ssn from people"),
        ]),
      ),
    ],
  ],
  [
    "copy data that nobody asked for",
    async (c) => [
      await c.ask(Buffer.concat([msg.copyData("x\n"), msg.copyDone(), msg.query("select ssn from people")])),
    ],
  ],
  [
    "a name that changes hands while the statement waits for a lock",
    async (c, another) => {
      const other = await another();
      await c.query("set search_path = shadow, public");
      await other.query("begin");
      await other.query("alter table shadow.people rename to was_people");
      const asked = c.query("select ssn || '' from people");
      // Ten answers of another session later it has come to wait.
      for (let i = 0; i < 10; i++) await other.query("select 1");
      await other.query("commit");
      const heard = await asked;
      await other.query("alter table shadow.was_people rename to people");
      other.end();
      return [heard];
    },
  ],
  [
    "a name that changes hands in a transaction that began before the catalog was read",
    async (c, another) => {
      const other = await another();
      await other.query("begin; select pg_current_xact_id()");
      await c.query("create table since (a int)");
      await c.query("set search_path = shadow, sealed, public");
      await c.query("select * from notes");
      await other.query("alter table shadow.people rename column ssn to zip");
      await other.query("alter table shadow.people rename to was_people; commit");
      other.end();
      const heard = [await c.query("select ssn || '' from people"), await c.query("select 1")];
      heard.push(await c.query("select ssn || '' from people"));
      await c.query("alter table shadow.was_people rename column zip to ssn");
      await c.query("alter table shadow.was_people rename to people; drop table since");
      return heard;
    },
  ],
  [
    "a parameter declared of a domain that changes the search path",
    async (c) => {
      await c.query(
        "drop domain if exists moves; create domain moves as int check (set_config('search_path', 'public', false) is not null)",
      );
      const found = await c.query("select 'moves'::regtype::oid::int");
      await c.query("set search_path = shadow");
      const parse = msg.parse("", "select $1");
      const types = Buffer.alloc(6);
      types.writeInt16BE(1);
      types.writeInt32BE(Number(found.fields[0]), 2);
      const typed = Buffer.concat([parse.subarray(0, -2), types]);
      typed.writeInt32BE(typed.length - 1, 1);
      await c.ask(batch(typed, msg.bind("", "", 0, ["1"]), msg.execute("")));
      return [await c.query("select ssn || '' from people")];
    },
  ],
  [
    "a Sync that the server skips inside of a copy",
    async (c) => {
      await c.query("create temp table filled (a text)");
      await c.ask(Buffer.concat([msg.query("copy filled from stdin"), msg.sync(), msg.copyDone()]));
      // An answer too many that is waited for: each that follows is taken for that of the statement before.
      await c.query("select (1 / 0)::text as s");
      return [await c.query("select upper(ssn) as s from people")];
    },
  ],
  [
    "portals suspended and taken up again",
    async (c) => [
      await c.query("begin"),
      await c.ask(batch(msg.parse("", "select ssn, pin from people"), msg.bind("slow", "", 1), msg.execute("slow", 1))),
      await c.ask(batch(msg.execute("slow", 1))),
      await c.ask(batch(msg.execute("slow"))),
      await c.query("rollback"),
    ],
  ],
  [
    "a description asked for twice with other formats",
    async (c) => [
      await c.ask(
        batch(
          msg.parse("f", "select pin, born, ssn from people"),
          msg.bind("", "f", 0),
          msg.describe("P", ""),
          msg.execute(""),
          msg.bind("", "f", 1),
          msg.describe("P", ""),
          msg.execute(""),
        ),
      ),
    ],
  ],
  [
    "a batch that fails hides that the unnamed statement is the old one",
    async (c) => [
      await c.ask(batch(msg.parse("", "select upper(ssn) as s from people"))),
      await c.ask(
        Buffer.concat([
          batch(msg.parse("bad", "select nothing from nowhere"), msg.parse("", "select name as s from people")),
          batch(msg.bind("", "", 0), msg.execute("")),
        ]),
        2,
      ),
    ],
  ],
  [
    "a batch that fails hides that a named statement is the old one",
    async (c) => [
      await c.ask(batch(msg.parse("old", "select upper(ssn) as s from people"))),
      await c.ask(
        Buffer.concat([
          batch(
            msg.parse("", "select 1/0"),
            msg.bind("", "", 0),
            msg.execute(""),
            msg.close("S", "old"),
            msg.parse("old", "select name as s from people"),
          ),
          batch(msg.bind("", "old", 0), msg.execute("")),
        ]),
        2,
      ),
    ],
  ],
  [
    "a rollback to a savepoint brings the old portal back",
    async (c) => [
      await c.query("begin"),
      await c.ask(batch(msg.parse("", "select upper(ssn) as s from people"), msg.bind("held", "", 0))),
      await c.query("savepoint a"),
      await c.ask(
        Buffer.concat([
          batch(
            msg.parse("", "select 1/0"),
            msg.bind("", "", 0),
            msg.execute(""),
            msg.close("P", "held"),
            msg.parse("", "select name as s from people"),
            msg.bind("held", "", 0),
          ),
          msg.query("rollback to a"),
          batch(msg.execute("held")),
        ]),
        3,
      ),
      await c.query("rollback"),
    ],
  ],
  [
    "PREPARE that fails in the middle of others",
    async (c) => [
      await c.query("prepare sq as select name as s from people"),
      await c.ask(
        Buffer.concat([
          msg.query("deallocate sq; select 1/0"),
          msg.query("prepare sq as select upper(ssn) as s from people"),
          msg.query("execute sq"),
        ]),
        3,
      ),
      await c.query("execute sq"),
    ],
  ],
  [
    "the catalog changes while the next statement is already there",
    async (c) => [
      await c.query(
        "create table shadow.late (id int, ssn text); set search_path = shadow, public; create view public.late as select ssn from public.people",
      ),
      await c.ask(Buffer.concat([msg.query("drop table shadow.late"), msg.query("select 1")]), 2),
      await c.query("select upper(ssn) as s from late"),
      await c.query("drop view public.late"),
      await c.query("select ssn from public.people"),
    ],
  ],
  [
    "errors in the middle of a pipeline",
    async (c) => [
      await c.ask(
        Buffer.concat([
          batch(
            msg.parse("", "select 1/0"),
            msg.bind("", "", 0),
            msg.execute(""),
            msg.parse("late", "select name from people"),
          ),
          batch(msg.parse("late", "select ssn from people"), msg.bind("", "late", 0), msg.execute("")),
        ]),
        2,
      ),
    ],
  ],
];
