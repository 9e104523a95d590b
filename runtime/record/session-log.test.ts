import fc from "fast-check";
import { describe, expect, it } from "vitest";
import {
  COMMON_BYTES_MAX,
  ENTRY_BYTES_MAX,
  TEXT_PART_BYTES_MAX,
  canonicalJson,
  maskedByPolicy,
  parseCanonical,
  splitMasked,
  type CanonicalValue,
} from "../../spec/contract/record/index.ts";
import { TestClock, allowed, on, open, start, verifier, who } from "../../test/support/record.ts";
import {
  EntryTooLong,
  MemoryLogStore,
  SessionLog,
  appendGatewayEntry,
  checkLog,
  decisionFragments,
  readLog,
} from "./index.ts";

type Value = { readonly [key: string]: CanonicalValue | undefined };

/** What a session writes, as it is read back. */
async function written(write: (log: SessionLog) => unknown): Promise<readonly Value[]> {
  const store = new MemoryLogStore();
  const recorder = await open(store);
  await write(new SessionLog(recorder, new TestClock(), "s1", who, on));
  await recorder.close();
  expect((await checkLog(store, verifier)).findings).toEqual([]);
  const values: Value[] = [];
  for await (const { value } of readLog(store)) values.push(value);
  return values;
}

const text = fc.string({
  unit: fc.oneof(
    fc.constantFrom('"', "\\", "\n", "\u0001", "é", "\u2028", "😀", "\ud800"),
    fc.string({ maxLength: 3 }),
  ),
});
const masked = text.map(maskedByPolicy);
const names = fc.array(text, { maxLength: 3 });

const statement = fc.record({
  phase: fc.constantFrom("simple", "parse", "execute"),
  text: masked,
  kinds: fc.array(fc.constantFrom("select", "update")),
  parameters: fc.option(fc.array(fc.option(masked), { maxLength: 3 })),
  decision: fc.record({
    verdict: fc.constantFrom("allow", "deny"),
    rules: names,
    deciding: names,
    masks: names,
    bundle: fc.constant("ab"),
  }),
  decisionId: fc.nat(),
  commit: fc.option(fc.constant("00ff")),
  refused: fc.option(text),
});

const outcome = fc.record({
  decisionId: fc.nat(),
  status: fc.constantFrom("ok", "error", "cut"),
  tag: text,
  rows: fc.nat(),
  bytes: fc.maxSafeNat(),
  us: fc.nat(),
  masked: names,
  sqlstate: fc.option(fc.constant("42501")),
  sample: fc.option(fc.array(fc.array(fc.option(masked), { maxLength: 2 }), { maxLength: 2 })),
});

describe("the entries of a statement", () => {
  it("put together from pieces are what the general encoder writes", async () => {
    await fc.assert(
      fc.asyncProperty(statement, outcome, async (said, done) => {
        const { kinds, ...rest } = said;
        const values = await written((log) => {
          log.statement({ ...rest, decision: decisionFragments(said.decision, kinds) });
          log.outcome(done);
        });
        // What is read back is canonical: readLog gives {} for anything else.
        const [first, second] = values;
        const unlessNull = (name: string, value: CanonicalValue): { readonly [key: string]: CanonicalValue } =>
          value === null ? {} : { [name]: value };
        const well = (value: CanonicalValue): CanonicalValue => parseCanonical(Buffer.from(canonicalJson(value)))!;
        expect(first).toEqual(
          well({
            v: 1,
            type: "statement",
            t: first!["t"]!,
            sid: "s1",
            sseq: 0,
            who: { user: who.user },
            on: { target: on.target },
            phase: said.phase,
            text: said.text,
            kinds,
            ...unlessNull("parameters", said.parameters),
            decision: { ...said.decision, id: said.decisionId },
            ...unlessNull("commit", said.commit),
            ...unlessNull("refused", said.refused),
          }),
        );
        expect(second).toEqual(
          well({
            v: 1,
            type: "outcome",
            t: second!["t"]!,
            sid: "s1",
            sseq: 1,
            who: { user: who.user },
            on: { target: on.target },
            decision: done.decisionId,
            status: done.status,
            tag: done.tag,
            rows: done.rows,
            bytes: done.bytes,
            us: done.us,
            masked: done.masked,
            ...unlessNull("sqlstate", done.sqlstate),
            ...unlessNull("sample", done.sample),
          }),
        );
      }),
    );
  });

  it("the first has who and on what in full, and later ones the issuer of a token", async () => {
    const store = new MemoryLogStore();
    const recorder = await open(store);
    const log = new SessionLog(recorder, new TestClock(), "s1", { ...who, issuer: "https://id.example" }, on);
    start(log);
    log.append({ type: "session.end", why: "done", statements: 0 });
    await recorder.close();
    const values: Value[] = [];
    for await (const { value } of readLog(store)) values.push(value);
    expect(values.map((value) => [value["who"], value["on"]])).toEqual([
      [{ user: "ana", issuer: "https://id.example", groups: ["analyst"], method: "password" }, on],
      [{ user: "ana", issuer: "https://id.example" }, { target: "shop" }],
    ]);
  });

  const long = {
    phase: "simple",
    parameters: null,
    decision: allowed,
    decisionId: 1,
    commit: null,
    refused: null,
  };

  it.each<readonly [what: string, unit: string]>([
    ["plain text", "x"],
    ["control characters, which take six bytes each", "\u0001"],
    ["quotes", '"'],
    ["characters of four bytes", "😀"],
    ["characters of three bytes behind one of one", "a€€"],
  ])("go on in further ones when the text is long, without losing anything: %s", async (_, unit) => {
    const whole = unit.repeat(50_000);
    const values = await written((log) => log.statement({ ...long, text: maskedByPolicy(whole) }));
    const last = values.at(-1)!;
    expect(last["type"]).toBe("statement");
    expect(last["moreParts"]).toBe(values.length - 1);
    expect(values.slice(0, -1).map((value) => [value["type"], value["of"], value["part"]])).toEqual(
      values.slice(0, -1).map((__, i) => ["statement.text", "text", i + 1]),
    );
    const joined = [last, ...values.slice(0, -1)].map((value) => value["text"]).join("");
    expect(joined === whole).toBe(true);
  });

  it("put long bound values, column names and samples into entries of their own", async () => {
    const value = maskedByPolicy("é".repeat(1_000));
    const parameters = Array.from({ length: 100 }, () => value);
    const columns = Array.from({ length: 600 }, (_, i) => `public.customers.column_${i}`);
    const values = await written((log) => {
      log.statement({ ...long, text: maskedByPolicy("select 1"), parameters });
      log.outcome({
        decisionId: 1,
        status: "ok",
        tag: "SELECT 1",
        rows: 1,
        bytes: 1,
        us: 1,
        masked: columns,
        sqlstate: null,
        sample: [parameters],
      });
    });
    const pieces = (of: string): CanonicalValue =>
      JSON.parse(
        values
          .filter((one) => one["of"] === of)
          .map((one) => one["text"])
          .join(""),
      ) as CanonicalValue;
    expect(pieces("parameters")).toEqual(parameters);
    expect(pieces("masked")).toEqual(columns);
    expect(pieces("sample")).toEqual([parameters]);
    const parts = (of: string): number => values.filter((one) => one["of"] === of).length;
    expect(values.find((one) => one["type"] === "statement")!["parameters"]).toBe(parts("parameters"));
    expect(values.at(-1)).toMatchObject({ masked: parts("masked"), sample: parts("sample") });
  });

  it("keep of very many command tags the first", async () => {
    const tag = Array.from({ length: 30_000 }, () => "SELECT 1").join("; ");
    const [value] = await written((log) =>
      log.outcome({
        decisionId: 1,
        status: "ok",
        tag,
        rows: 1,
        bytes: 1,
        us: 1,
        masked: [],
        sqlstate: null,
        sample: null,
      }),
    );
    expect(value!["tag"]).toBe(`${tag.slice(0, 1024)}…`);
  });

  it("are refused when who and on what alone would fill them", async () => {
    const recorder = await open(new MemoryLogStore());
    const groups = Array.from({ length: 1_000 }, (_, i) => `group-${i}-with-a-long-name`);
    expect(Buffer.byteLength(JSON.stringify(groups))).toBeGreaterThan(COMMON_BYTES_MAX);
    const log = new SessionLog(recorder, new TestClock(), "s1", { ...who, groups }, on);
    expect(() => start(log)).toThrow(EntryTooLong);
    expect([recorder.size, recorder.failed, recorder.sessions.size]).toEqual([0, null, 0]);
  });

  it("are counted as one open session until it ends", async () => {
    const recorder = await open(new MemoryLogStore());
    const log = new SessionLog(recorder, new TestClock(), "s1", who, on);
    expect(recorder.sessions.size).toBe(0);
    start(log);
    expect([...recorder.sessions]).toEqual([log]);
    log.append({ type: "session.end", why: "done", statements: 0 });
    expect(recorder.sessions.size).toBe(0);
  });

  const alert = (log: SessionLog, rule: string): void =>
    void log.append({ type: "alert", decision: 1, rule, channels: [] });

  it("the end is recorded once, behind all that is still at work", async () => {
    const values = await written(async (log) => {
      start(log);
      const done = log.hold();
      const late = Promise.withResolvers<void>();
      const work = log.during(late.promise.then(() => void alert(log, "second")));
      log.end("the client left");
      log.end("the target closed the connection");
      alert(log, "first");
      done();
      late.resolve();
      await work;
      await log.ended;
      log.end("again");
    });
    expect(values.map(({ type, rule, why }) => rule ?? why ?? type)).toEqual([
      "session.start",
      "first",
      "second",
      "the client left",
    ]);
  });

  it("an alert that could not be delivered is none of them, whenever that is known", async () => {
    const store = new MemoryLogStore();
    const recorder = await open(store);
    const clock = new TestClock();
    const log = new SessionLog(recorder, clock, "s1", who, on);
    const tell = (): number =>
      appendGatewayEntry(recorder, clock, {
        type: "alert.undelivered",
        session: log.sid,
        decision: 1,
        rule: "r",
        channel: "ops",
        why: "no answer",
      });
    start(log);
    tell();
    log.end("the client left");
    tell();
    await recorder.close();
    expect((await checkLog(store, verifier)).findings).toEqual([]);
  });

  it("an end that can't be recorded is no longer waited for", async () => {
    const recorder = await open(new MemoryLogStore());
    const log = new SessionLog(recorder, new TestClock(), "s1", who, on);
    start(log);
    await recorder.close();
    log.end("the gateway stopped");
    await log.ended;
    expect([...recorder.sessions]).toEqual([log]);
  });
});

describe("cutting a text into pieces", () => {
  it("gives pieces that fit and that are the text when joined; no character is cut", () => {
    fc.assert(
      fc.property(text, fc.integer({ min: 6, max: 40 }), (whole, max) => {
        const pieces = splitMasked(maskedByPolicy(whole), max);
        expect(pieces.join("")).toBe(whole);
        for (const piece of pieces) {
          expect(Buffer.byteLength(canonicalJson(piece)) - 2).toBeLessThanOrEqual(max);
          if (whole.isWellFormed()) expect(piece.isWellFormed()).toBe(true);
        }
      }),
    );
  });

  it("leaves room in an entry for all else at its longest", () => {
    expect(TEXT_PART_BYTES_MAX + COMMON_BYTES_MAX + 8_192 + 4_096).toBeLessThan(ENTRY_BYTES_MAX);
  });
});
