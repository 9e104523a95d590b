import { readFileSync } from "node:fs";
import { describe, expect, it } from "vitest";
import {
  listOfColumns,
  maskedByPolicy,
  tilePath,
  type EntryBody,
  type EntryType,
} from "../../spec/contract/record/index.ts";
import { allowed, open, session, start, work } from "../../test/support/record.ts";
import { MemoryLogStore, readLog } from "./index.ts";

const PAGE = readFileSync(new URL("../../spec/formats/record.md", import.meta.url), "utf8");

/** Members by type as the page's table has them. */
const TABLE = new Map(
  [
    ...PAGE.slice(PAGE.indexOf("| Type "), PAGE.indexOf("**R11.**")).matchAll(
      /^\| `([a-z]+\.?[a-z]*)` +\| (.*?) *\|$/gm,
    ),
  ].map(([, type, cell]) => {
    const names = [
      ...cell!
        .replaceAll(/\([^)]*\)/g, "")
        .split(":")[0]!
        .matchAll(/`([a-zA-Z]+)(\??)`/g),
    ];
    return [type!, names.map(([, name, optional]) => ({ name: name!, optional: optional === "?" }))] as const;
  }),
);

/** One of each type with all its members; the compiler sees that none is forgotten. */
const BODIES: { readonly [T in EntryType]: Required<Extract<EntryBody, { readonly type: T }>> } = {
  "log.start": { type: "log.start", version: "1", gw: "g", boot: "b", bundle: null },
  "log.recovered": { type: "log.recovered", cutBytes: 1 },
  "log.heartbeat": { type: "log.heartbeat", sessions: 1 },
  "log.continued": { type: "log.continued", sessions: [["s", 1]] },
  "log.stop": { type: "log.stop" },
  "bundle.loaded": { type: "bundle.loaded", bundle: "d", sequence: 1, keyId: "k" },
  "bundle.refused": { type: "bundle.refused", why: "w" },
  "gateway.fault": { type: "gateway.fault", why: "w" },
  "session.refused": { type: "session.refused", user: "u", from: "f", why: "w" },
  "session.start": { type: "session.start", from: "f", tls: true, application: "a" },
  "session.end": { type: "session.end", why: "w", statements: 1 },
  "session.aborted": { type: "session.aborted", lastSequence: 1 },
  "statement.text": { type: "statement.text", decision: 1, of: "text", part: 1, text: maskedByPolicy("t") },
  statement: {
    type: "statement",
    phase: "simple",
    text: maskedByPolicy("t"),
    moreParts: 1,
    kinds: [],
    parameters: [],
    decision: { id: 1, verdict: "allow", rules: [], deciding: [], masks: [], bundle: "d" },
    commit: "c",
    refused: "r",
  },
  "mask.predicates": { type: "mask.predicates", decision: 1, substituted: true, observed: [] },
  alert: { type: "alert", decision: 1, rule: "r", channels: [] },
  "alert.undelivered": { type: "alert.undelivered", session: "s", decision: 1, rule: "r", channel: "c", why: "w" },
  "token.reversed": { type: "token.reversed", user: "u", token: "t", outcome: "shown" },
  approval: {
    type: "approval",
    approval: "a",
    step: "s",
    by: null,
    reason: null,
    digest: "d",
    rules: [],
    requester: "r",
    target: "t",
  },
  outcome: {
    type: "outcome",
    decision: 1,
    status: "ok",
    tag: "t",
    rows: 1,
    bytes: 1,
    us: 1,
    masked: [],
    sqlstate: "00000",
    sample: [],
  },
  recording: { type: "recording", decision: 1, name: "n", format: "f", bytes: 1, digest: "d", left: 0 },
};

describe("the page on the record", () => {
  it("lists every type of entry with its members", () => {
    expect(Object.fromEntries([...TABLE].map(([type, names]) => [type, names.map(({ name }) => name).sort()]))).toEqual(
      Object.fromEntries(
        Object.entries(BODIES).map(([type, body]) => [
          type,
          Object.keys(body)
            .filter((name) => name !== "type")
            .sort(),
        ]),
      ),
    );
  });

  it("says which members may be left out, as the log does", async () => {
    const store = new MemoryLogStore();
    const recorder = await open(store);
    const log = session(recorder, "s");
    start(log);
    work(log);
    log.statement({
      phase: "simple",
      text: maskedByPolicy("t".repeat(40_000)),
      parameters: [maskedByPolicy("p")],
      decision: allowed,
      decisionId: 2,
      commit: "00",
      refused: "no",
    });
    log.outcome({
      decisionId: 2,
      status: "error",
      tag: "",
      rows: 0,
      bytes: 0,
      us: 0,
      masked: JSON.parse(listOfColumns(["a"])) as string[],
      sqlstate: "42501",
      sample: [[null]],
    });
    log.append({ type: "session.end", why: "done", statements: 2 });
    await recorder.close();
    const ofEvery = new Set(["v", "type", "t", "sid", "sseq", "who", "on"]);
    const seen = new Map<string, Set<string>[]>();
    for await (const { type, value } of readLog(store)) {
      const own = new Set(Object.keys(value).filter((name) => !ofEvery.has(name)));
      seen.set(type, [...(seen.get(type) ?? []), own]);
    }
    for (const [type, entries] of seen) {
      const names = TABLE.get(type)!;
      const always = names.filter(({ name }) => entries.every((own) => own.has(name)));
      const ever = names.filter(({ name }) => entries.some((own) => own.has(name)));
      expect([type, ever]).toEqual([type, names]);
      expect([type, always]).toEqual([type, names.filter(({ optional }) => !optional)]);
    }
    expect([...seen.keys()].sort()).toEqual(["outcome", "session.end", "session.start", "statement", "statement.text"]);
  });

  it("names tiles as the code does", () => {
    expect(PAGE).toContain(`1234067 is \`${tilePath(0, 1_234_067, 256).slice("tile/0/".length)}\``);
  });
});
