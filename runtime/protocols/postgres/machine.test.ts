import * as fc from "fast-check";
import { describe, expect, it } from "vitest";
import type { AnalysedStatement, ColumnId } from "../../facts/index.ts";
import type { MaskPlan } from "../../enforce/mask/index.ts";
import type { ActionHost, Outcome, Ruling, SqlAction, StatementPlan, Wire } from "../protocol.ts";
import { PostgresMachine } from "./machine.ts";
import { CLIENT, SERVER, cstring, int16, int32, message, query, readyForQuery } from "./messages.ts";

const EMAIL: ColumnId = { relation: 10, attribute: 2, schema: "public", table: "customers", column: "email" };

function statement(returns: AnalysedStatement["returns"] = "rows"): AnalysedStatement {
  const output = (name: string, source: ColumnId | null): NonNullable<AnalysedStatement["outputs"]>[number] => ({
    name,
    sources: source === null ? [] : [source],
    direct: source,
    opaque: false,
    reveals: "value",
  });
  return {
    start: 0,
    end: 0,
    units: [],
    returns,
    outputs: [output("id", { ...EMAIL, attribute: 1, column: "id" }), output("email", EMAIL)],
    influences: [],
    stores: [],
    relations: [],
    reached: [10],
    opaque: [],
    reachesAnything: false,
    calls: [],
    effects: {
      settings: false,
      changesReading: false,
      quotesOthers: false,
      catalog: false,
      prepares: null,
      executes: null,
      deallocates: null,
      declares: null,
      fetches: null,
      closes: null,
    },
    copy: {
      direction: "out",
      format: "text",
      header: false,
      delimiter: "\t",
      quote: '"',
      escape: '"',
      nullText: "\\N",
      unmodelled: [],
    },
    literals: [],
    inner: null,
    innerText: null,
  };
}

const MASK: MaskPlan = {
  kind: "mask",
  any: true,
  columns: [
    null,
    { spec: { kind: "redact", args: [] }, rule: "pii", source: "public.customers.email", derived: false },
  ],
};

const planned = (mask: MaskPlan, returns?: AnalysedStatement["returns"]): StatementPlan => ({
  statement: statement(returns),
  mask,
  rowLimit: -1,
  rowLimitRule: "",
  detect: null,
  byteLimit: -1,
  byteLimitRule: "",
  guarded: null,
});

/** A machine whose host lets everything pass but texts with `secret`, and keeps what went where. */
class Bench implements ActionHost, Wire {
  readonly wantsSamples = true;
  readonly toClientBytes: Buffer[] = [];
  readonly toServerBytes: Buffer[] = [];
  readonly judged: string[] = [];
  readonly outcomes: Outcome[] = [];
  closed: string | null = null;
  mask: MaskPlan = MASK;
  readonly machine = new PostgresMachine(this, this, Buffer.alloc(32));

  judge(action: SqlAction): Ruling {
    const text = action.text.toString();
    this.judged.push(`${action.phase} ${text}`);
    if (text.includes("secret")) return { go: false, refusal: { kind: "policy", message: "no" } };
    const returns = text.startsWith("copy") ? "copy-out" : "rows";
    return { go: true, plans: [planned(this.mask, returns)], ticket: { decisionId: 1 }, recordIndex: 0 };
  }
  finished(_ticket: unknown, outcome: Outcome): void {
    this.outcomes.push(outcome);
  }
  withdraw(): void {
    this.closed ??= "withdrawn";
  }
  setting(): null {
    return null;
  }

  shownSetting(_name: string, value: string): string {
    return value;
  }
  toClient(bytes: Buffer): void {
    this.toClientBytes.push(Buffer.from(bytes));
  }
  toServer(bytes: Buffer): void {
    this.toServerBytes.push(Buffer.from(bytes));
  }
  cancelUpstream(): void {
    this.judged.push("cancel");
  }
  close(why: string): void {
    this.closed = why;
  }

  get seenByServer(): Buffer {
    return Buffer.concat(this.toServerBytes);
  }
  get seenByClient(): Buffer {
    return Buffer.concat(this.toClientBytes);
  }

  /** Hands server bytes in as a connection does: what is not consumed comes again with more behind it. */
  serve(pieces: readonly Buffer[]): void {
    let rest: Buffer = Buffer.alloc(0);
    for (const piece of pieces) {
      const all = Buffer.concat([rest, piece]);
      rest = all.subarray(this.machine.fromServer(all, 0, all.length));
    }
  }
}

const parse = (name: string, text: string): Buffer => message(CLIENT.parse, cstring(name), cstring(text), int16(0));
const bind = (portal: string, name: string): Buffer =>
  message(CLIENT.bind, cstring(portal), cstring(name), int16(0), int16(0), int16(0));
const describeStatement = (name: string): Buffer => message(CLIENT.describe, Buffer.from("S"), cstring(name));
const execute = (portal: string): Buffer => message(CLIENT.execute, cstring(portal), int32(0));
const sync = (): Buffer => message(CLIENT.sync);

const field = (name: string, attribute: number, type: number): Buffer =>
  Buffer.concat([cstring(name), int32(10), int16(attribute), int32(type), int16(-1), int32(-1), int16(0)]);
const rowDescription = (): Buffer =>
  message(SERVER.rowDescription, int16(2), field("id", 1, 23), field("email", 2, 25));
const value = (text: string | null): Buffer =>
  text === null ? int32(-1) : Buffer.concat([int32(Buffer.byteLength(text)), Buffer.from(text)]);
const row = (id: string, email: string | null): Buffer => message(SERVER.dataRow, int16(2), value(id), value(email));
const complete = (tag: string): Buffer => message(SERVER.commandComplete, cstring(tag));

const CLIENT_CONVERSATION = [
  query("select id, email from customers"),
  parse("s", "select id, email from customers"),
  describeStatement("s"),
  bind("", "s"),
  execute(""),
  sync(),
  query("select 1"),
];
const SERVER_ANSWER = [
  rowDescription(),
  row("1", "a@b.c"),
  row("2", null),
  row("3", "x".repeat(3000)),
  complete("SELECT 3"),
  readyForQuery(0x49),
  message(SERVER.parseComplete),
  message(SERVER.parameterDescription, int16(0)),
  rowDescription(),
  message(SERVER.bindComplete),
  row("4", "d@e.f"),
  complete("SELECT 1"),
  readyForQuery(0x49),
  rowDescription(),
  complete("SELECT 0"),
  readyForQuery(0x49),
];
const MASKED_ANSWER = Buffer.concat(
  SERVER_ANSWER.map((bytes, i) =>
    i === 1 ? row("1", "***") : i === 3 ? row("3", "***") : i === 10 ? row("4", "***") : bytes,
  ),
);

function cutAt(bytes: Buffer, cuts: readonly number[]): Buffer[] {
  const places = [...new Set([0, ...cuts.map((cut) => cut % (bytes.length + 1)), bytes.length])].sort((a, b) => a - b);
  return places.slice(1).map((place, i) => bytes.subarray(places[i], place));
}

describe("a conversation", () => {
  it("passes whole, its masked column hidden", () => {
    const bench = new Bench();
    bench.machine.fromClient(Buffer.concat(CLIENT_CONVERSATION));
    expect(bench.seenByServer).toEqual(Buffer.concat(CLIENT_CONVERSATION));
    bench.serve([Buffer.concat(SERVER_ANSWER)]);
    expect(bench.seenByClient).toEqual(MASKED_ANSWER);
    expect(
      bench.outcomes.map(({ status, rows, tag, maskedColumns }) => ({ status, rows, tag, maskedColumns })),
    ).toEqual([
      { status: "ok", rows: 3, tag: "SELECT 3", maskedColumns: ["public.customers.email"] },
      { status: "ok", rows: 1, tag: "SELECT 1", maskedColumns: ["public.customers.email"] },
      { status: "ok", rows: 0, tag: "SELECT 0", maskedColumns: [] },
    ]);
  });

  it("is the same cut at every byte, on either side", () => {
    const client = Buffer.concat(CLIENT_CONVERSATION);
    for (let cut = 0; cut <= client.length; cut++) {
      const bench = new Bench();
      for (const piece of cutAt(client, [cut])) bench.machine.fromClient(piece);
      expect(bench.seenByServer.equals(client)).toBe(true);
    }
    const server = Buffer.concat(SERVER_ANSWER);
    for (let cut = 0; cut <= server.length; cut++) {
      const bench = new Bench();
      bench.machine.fromClient(client);
      bench.serve(cutAt(server, [cut]));
      expect(bench.seenByClient.equals(MASKED_ANSWER)).toBe(true);
    }
  });

  it("is the same one byte at a time, and in any pieces", () => {
    const client = Buffer.concat(CLIENT_CONVERSATION);
    const server = Buffer.concat(SERVER_ANSWER);
    fc.assert(
      fc.property(
        fc.array(fc.nat(5000), { maxLength: 40 }),
        fc.array(fc.nat(5000), { maxLength: 40 }),
        (clientCuts, serverCuts) => {
          const bench = new Bench();
          for (const piece of cutAt(client, clientCuts)) bench.machine.fromClient(piece);
          bench.serve(cutAt(server, serverCuts));
          expect(bench.seenByServer.equals(client)).toBe(true);
          expect(bench.seenByClient.equals(MASKED_ANSWER)).toBe(true);
        },
      ),
    );
  });
});

describe("refusals", () => {
  it("answers an idle client itself, and nothing goes upstream", () => {
    const bench = new Bench();
    bench.machine.fromClient(query("select secret"));
    bench.machine.fromClient(Buffer.concat([parse("", "select secret"), bind("", ""), execute(""), sync()]));
    expect(bench.seenByServer.length).toBe(0);
    expect(bench.seenByClient.toString("latin1").match(/42501/g)).toHaveLength(2);
    expect(bench.seenByClient.subarray(-6)).toEqual(readyForQuery(0x49));
  });

  it("inside a pipeline fails at the server, and what was after it is skipped", () => {
    const bench = new Bench();
    bench.mask = { kind: "clear" };
    bench.machine.fromClient(
      Buffer.concat([
        parse("", "select 1"),
        bind("", ""),
        execute(""),
        parse("", "select secret"),
        bind("", ""),
        execute(""),
        sync(),
      ]),
    );
    expect(bench.seenByServer.toString("latin1")).not.toContain("secret");
    const fault = message(
      SERVER.error,
      Buffer.from("C"),
      cstring("26000"),
      Buffer.from("M"),
      cstring("no such statement"),
      Buffer.of(0),
    );
    bench.serve([
      Buffer.concat([message(SERVER.parseComplete), message(SERVER.bindComplete), complete("SELECT 0")]),
      fault,
      readyForQuery(0x49),
    ]);
    const seen = bench.seenByClient.toString("latin1");
    expect(seen).not.toContain("26000");
    expect(seen).toContain("42501");
  });
});

describe("the server's side can't bring anything unplanned through", () => {
  const answer = (...messages: readonly Buffer[]): Bench => {
    const bench = new Bench();
    bench.machine.fromClient(query("select id, email from customers"));
    bench.serve([Buffer.concat(messages)]);
    return bench;
  };
  it.each<readonly [title: string, messages: readonly Buffer[]]>([
    ["a row without a description", [row("1", "leak")]],
    ["a row of another width", [rowDescription(), message(SERVER.dataRow, int16(1), value("leak"))]],
    [
      "more columns than analysed",
      [
        message(SERVER.rowDescription, int16(3), field("id", 1, 23), field("email", 2, 25), field("x", 3, 25)),
        message(SERVER.dataRow, int16(3), value("1"), value("leak"), value("leak")),
      ],
    ],
    [
      "columns in another order",
      [message(SERVER.rowDescription, int16(2), field("email", 2, 25), field("id", 1, 23)), row("leak", "1")],
    ],
    ["a second result", [rowDescription(), complete("SELECT 0"), rowDescription(), row("1", "leak")]],
    ["copy data nobody asked for", [message(SERVER.copyData, Buffer.from("leak\n"))]],
    [
      "an error that quotes a value",
      [
        message(
          SERVER.error,
          Buffer.from("C"),
          cstring("22P02"),
          Buffer.from("M"),
          cstring('invalid input: "leak"'),
          Buffer.from("D"),
          cstring("leak"),
          Buffer.of(0),
        ),
      ],
    ],
    [
      "a notice that quotes a value",
      [message(SERVER.notice, Buffer.from("C"), cstring("00000"), Buffer.from("M"), cstring("leak"), Buffer.of(0))],
    ],
    ["a function call's result", [message(0x56, value("leak"))]],
    ["an unknown message", [message(0x21, Buffer.from("leak"))]],
    [
      "a row cut short",
      [
        rowDescription(),
        message(SERVER.dataRow, int16(2), int32(1), Buffer.from("1"), int32(400), Buffer.from("leak")),
      ],
    ],
  ])("%s", (_title, messages) => {
    const bench = answer(...messages);
    expect(bench.seenByClient.toString("latin1")).not.toContain("leak");
  });
});

describe("fuzz", () => {
  const anyMessage = fc.oneof(
    fc.uint8Array({ maxLength: 60 }).map((bytes) => Buffer.from(bytes)),
    fc
      .record({ type: fc.integer({ min: 0, max: 255 }), body: fc.uint8Array({ maxLength: 40 }) })
      .map(({ type, body }) => message(type, body)),
    fc.constantFrom(...CLIENT_CONVERSATION, ...SERVER_ANSWER),
  );

  it("any bytes of a client neither throw nor bring a refused text upstream", () => {
    fc.assert(
      fc.property(
        fc.array(fc.oneof(anyMessage, fc.constantFrom(query("select secret"), parse("", "select secret"))), {
          maxLength: 12,
        }),
        (pieces) => {
          const bench = new Bench();
          for (const piece of pieces) bench.machine.fromClient(piece);
          // Bytes that claim to be bulk data of a copy under way are the only ones that pass unread, and none is under way.
          expect(bench.seenByServer.toString("latin1")).not.toContain("secret\0");
        },
      ),
      { numRuns: 500 },
    );
  });

  it("any bytes of a server neither throw nor pass a masked value", () => {
    fc.assert(
      fc.property(
        fc.array(fc.oneof(anyMessage, fc.constant(row("1", "leaked value"))), { maxLength: 12 }),
        (pieces) => {
          const bench = new Bench();
          bench.machine.fromClient(Buffer.concat(CLIENT_CONVERSATION));
          bench.serve(pieces);
          expect(bench.seenByClient.toString("latin1")).not.toContain("leaked value");
        },
      ),
      { numRuns: 500 },
    );
  });
});
