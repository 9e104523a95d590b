import { readFileSync, readdirSync } from "node:fs";
import { join } from "node:path";
import { beforeAll, expect, it } from "vitest";
import { buildCatalog, type AnalysedStatement, type CatalogRows } from "../../facts/index.ts";
import { analyseOffline, loadParser } from "../../facts/sql/offline.ts";
import { MaskedCatalog, planMasks, type MaskPlan } from "../../enforce/mask/index.ts";
import { bytesOf, readTranscript, type Line } from "../../../test/support/transcript.ts";
import type { Ruling, SqlAction } from "../protocol.ts";
import { protocolSuite, type Conversation, type Step } from "../suite.ts";
import { PostgresMachine } from "./machine.ts";
import { CLIENT, HEADER_BYTES, IDLE, SERVER, cstring, int32, message, query, readyForQuery } from "./messages.ts";

const FOLDER = join(import.meta.dirname, "testdata");

/** Messages of one side that follow one another are one step. */
function steps(lines: readonly Line[]): readonly Step[] {
  const found: { from: Step["from"]; parts: Buffer[] }[] = [];
  for (const line of lines) {
    const from = line.from === "C" ? "client" : "server";
    if (found.at(-1)?.from === from) found.at(-1)!.parts.push(bytesOf(line));
    else found.push({ from, parts: [bytesOf(line)] });
  }
  return found.map(({ from, parts }) => ({ from, bytes: Buffer.concat(parts) }));
}

const conversations: readonly Conversation[] = readdirSync(FOLDER)
  .filter((name) => name.endsWith(".transcript"))
  .map((name) => ({
    title: name.replace(".transcript", ""),
    steps: steps(readTranscript(readFileSync(join(FOLDER, name), "utf8"))),
  }));

beforeAll(loadParser);

const catalog = buildCatalog("captured", JSON.parse(readFileSync(join(FOLDER, "catalog.json"), "utf8")) as CatalogRows);
const masked = new MaskedCatalog(catalog, [
  {
    name: "pii",
    effect: "mask",
    protocols: ["postgres"],
    condition: -1,
    because: null,
    annotations: [],
    source: { file: "test.policy", line: 1, column: 1 },
    approve: null,
    mask: {
      columns: [{ schema: "public", table: "customers", column: "email" }],
      fields: [],
      detect: [],
      output: null,
      with: [],
      predicates: "refuse",
      trusted: [],
    },
    limit: null,
    alertTo: [],
  },
]);

let ticket = 0;
const analysed = new Map<string, readonly AnalysedStatement[] | null>();

function statementsOf(text: string): readonly AnalysedStatement[] | null {
  let found = analysed.get(text);
  if (found === undefined) {
    const analysis = analyseOffline(text, catalog, ["pg_catalog", "public"]);
    found = "kind" in analysis ? null : analysis.statements;
    analysed.set(text, found);
  }
  return found;
}

/** As the enforcer does it, by the samples' one mask. */
function permit(action: SqlAction, hides: boolean): Ruling {
  const statements = statementsOf(action.text.toString());
  if (statements === null) return { go: false, refusal: { kind: "unreadable", message: "unreadable" } };
  const plans = statements.map((statement) => {
    const { executes, fetches } = statement.effects;
    const behind =
      executes !== null
        ? action.resolve("statement", executes)
        : fetches !== null
          ? action.resolve("portal", fetches)
          : null;
    const shown = (Buffer.isBuffer(behind) ? statementsOf(behind.toString())?.[0] : behind) ?? statement;
    const mask: MaskPlan = hides ? planMasks(shown, masked) : { kind: "clear" };
    return {
      statement: { ...statement, outputs: shown.outputs },
      mask,
      rowLimit: -1,
      rowLimitRule: "",
      detect: null,
      byteLimit: -1,
      byteLimitRule: "",
      guarded: hides ? masked.relations : null,
    };
  });
  const refused = plans.find(({ mask }) => mask.kind === "refuse");
  if (refused?.mask.kind === "refuse") return { go: false, refusal: { kind: "policy", message: refused.mask.reason } };
  return { go: true, plans, ticket: { decisionId: ++ticket }, recordIndex: 0 };
}

function messages(bytes: Buffer): readonly Buffer[] {
  const found: Buffer[] = [];
  for (let at = 0; at + HEADER_BYTES <= bytes.length;) {
    const end = at + 1 + bytes.readInt32BE(at + 1);
    if (end > bytes.length || end < at + HEADER_BYTES) break;
    found.push(bytes.subarray(at, end));
    at = end;
  }
  return found;
}

const oversized = (type: number): Buffer => Buffer.concat([Buffer.of(type), int32(0x7fff_ffff)]);
const tooShort = (type: number): Buffer => Buffer.concat([Buffer.of(type), int32(3)]);

protocolSuite({
  name: "postgres",
  delivery: "bytes",
  start(host, wire) {
    const machine = new PostgresMachine(host, wire, Buffer.alloc(32));
    let rest: Buffer = Buffer.alloc(0);
    return {
      fromClient: (bytes) => machine.fromClient(bytes),
      // As a connection does: what is not consumed comes again with more behind it.
      fromServer(bytes) {
        const held = Buffer.concat([rest, bytes]);
        rest = held.subarray(machine.fromServer(held, 0, held.length));
      },
      serverGone: () => void machine.serverGone(),
    };
  },
  conversations,
  permit,
  secrets: ["secret1@", "secret3@", "secret4@"],
  maskable: [
    "node-postgres",
    "node-postgres-portal",
    "pgbench-extended",
    "pgbench-pipeline",
    "pgbench-prepared",
    "pgbench-simple",
    "postgres-js",
    "postgres-js-cursor",
    "postgres-js-transaction",
    "psql-copy-out",
    "psql-cursor",
    "psql-errors",
    "psql-simple",
  ],
  refusal: {
    request: query("select 'the refused one'"),
    marker: "the refused one",
    shows: (bytes) => bytes.includes("C42501\0") && bytes.subarray(-6).equals(readyForQuery(IDLE)),
  },
  // Without the client's farewell.
  afterwards: {
    title: "pgbench-simple",
    steps: conversations.find(({ title }) => title === "pgbench-simple")!.steps.slice(0, -1),
  },
  hostile: [
    { title: "a message type that does not exist", from: "client", bytes: message(0x21, cstring("x")) },
    { title: "an oversized length", from: "client", bytes: oversized(CLIENT.query) },
    { title: "an oversized control message", from: "client", bytes: oversized(CLIENT.sync) },
    { title: "a length that does not count itself", from: "client", bytes: tooShort(CLIENT.query) },
    { title: "a negative length", from: "client", bytes: Buffer.concat([Buffer.of(CLIENT.query), int32(-1)]) },
    { title: "a Query without its end", from: "client", bytes: message(CLIENT.query, Buffer.from("select 1")) },
    {
      title: "a Query that ends early",
      from: "client",
      bytes: message(CLIENT.query, Buffer.from("select 1\0; drop\0")),
    },
    {
      title: "a Bind with more parameters than bytes",
      from: "client",
      bytes: message(CLIENT.bind, Buffer.from("\0\0\0\0\xff\xff", "latin1")),
    },
    { title: "a password after sign-in", from: "client", bytes: message(CLIENT.password, cstring("x")) },
    {
      title: "a message that answers nothing",
      from: "server",
      bytes: message(SERVER.commandComplete, cstring("SELECT 1")),
    },
    { title: "a row that nobody asked for", from: "server", bytes: message(SERVER.dataRow, Buffer.of(0, 0)) },
    { title: "a server's unknown message", from: "server", bytes: message(0x21, cstring("x")) },
    { title: "a server's oversized message", from: "server", bytes: oversized(SERVER.error) },
    { title: "a server's length that does not count itself", from: "server", bytes: tooShort(SERVER.notice) },
    { title: "an error that can't be read", from: "server", bytes: message(SERVER.error, Buffer.from("Mno end")) },
  ],
  messages: (_from, bytes) => messages(bytes),
});

it("every client and every part of the protocol is among the captures", () => {
  const types = new Set(
    conversations.flatMap(({ steps: all }) =>
      all.flatMap(({ from, bytes }) => messages(bytes).map((one) => `${from} ${String.fromCharCode(one[0]!)}`)),
    ),
  );
  const wanted = {
    client: ["Q", "P", "B", "D", "E", "S", "H", "d", "c", "X"],
    server: ["T", "D", "C", "Z", "E", "N", "A", "S", "1", "2", "s", "t", "n", "I", "G", "H", "d", "c"],
  };
  for (const [from, codes] of Object.entries(wanted)) {
    for (const code of codes) expect([...types]).toContain(`${from} ${code}`);
  }
});
