import { createHash } from "node:crypto";
import { cpSync, mkdirSync, mkdtempSync, readFileSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { FileLogStore } from "../../runtime/outside/index.ts";
import { decisionFragments, readLog, verifyInclusion } from "../../runtime/record/index.ts";
import {
  canonicalJson,
  leafHash,
  maskedByPolicy,
  openCheckpoint,
  verifierKey,
} from "../../spec/contract/record/index.ts";
import { TestClock, allowed, open, recordedLog, session, start, verifier, work } from "../../test/support/record.ts";
import { UsageError, type Io } from "../io.ts";
import { auditCommand } from "./audit.ts";
import { sessionsCommand } from "./sessions.ts";

const RECORDED = "what was told";
const RECORDED_DIGEST = createHash("sha256").update(RECORDED).digest("hex");
let folder: string;
let older: string;
const key = verifierKey(verifier.name, verifier.key);

async function run(
  command: (argv: readonly string[], io: Io) => Promise<number>,
  ...argv: readonly string[]
): Promise<{ readonly code: number; readonly out: string; readonly err: string }> {
  let [out, err] = ["", ""];
  const io: Io = {
    stdout: (text) => void (out += text),
    stderr: (text) => void (err += text),
    env: {},
    cwd: folder,
    colour: false,
    readStdin: () => Promise.resolve(""),
    askSecret: () => Promise.resolve(undefined),
  };
  const code = await command(argv, io);
  return { code, out, err };
}

const audit = (...argv: readonly string[]) => run(auditCommand, ...argv);
const sessions = (...argv: readonly string[]) => run(sessionsCommand, ...argv);

beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), "sallyport-audit-"));
  mkdirSync(join(folder, "nothing"));
  await recordedLog(new FileLogStore(join(folder, "log")), 60);
  older = join(folder, "older");
  cpSync(join(folder, "log/checkpoint"), older);
  const clock = new TestClock();
  clock.ms += 86_400_000;
  const recorder = await open(new FileLogStore(join(folder, "log")), { clock });
  const log = session(recorder, "told", clock);
  start(log);
  log.statement({
    phase: "execute",
    text: maskedByPolicy("select email\nfrom customers where id = $1"),
    parameters: [maskedByPolicy("7"), null],
    decision: decisionFragments(
      { verdict: "allow", rules: ["analysts read"], deciding: ["analysts read"], masks: ["hide emails"], bundle: "ab" },
      ["select"],
    ),
    decisionId: 1,
    commit: null,
    refused: null,
  });
  log.append({
    type: "approval",
    approval: "a1",
    step: "granted",
    by: "max",
    reason: "ticket 7\u001b[2J",
    digest: "00",
    rules: ["ask"],
    requester: "ana",
    target: "shop",
  });
  log.outcome({
    decisionId: 1,
    status: "ok",
    tag: "SELECT 1",
    rows: 1,
    bytes: 64,
    us: 1_500,
    masked: ["customers.email"],
    sqlstate: null,
    sample: [[maskedByPolicy("a***@example.com"), null]],
  });
  log.statement({
    phase: "simple",
    text: maskedByPolicy("drop table customers"),
    parameters: null,
    decision: allowed,
    decisionId: 2,
    commit: null,
    refused: "sallyport: no rule allows it",
  });
  work(log, `select '${"x".repeat(40_000)}'`);
  log.statement({
    phase: "request",
    text: maskedByPolicy("DELETE shop-api/v1/orders/7"),
    parameters: null,
    decision: decisionFragments({ verdict: "deny", rules: ["api_deletion"], deciding: [], masks: [], bundle: "ab" }, [
      "DELETE",
    ]),
    decisionId: 4,
    commit: null,
    refused: "waits for approval apr_1",
  });
  log.append({ type: "alert", decision: 5, rule: "salaries_read", channels: ["security", "log"] });
  log.append({ type: "mask.predicates", decision: 5, substituted: false, observed: ["public.customers.email"] });
  log.append({ type: "mask.predicates", decision: 6, substituted: true, observed: [] });
  log.append({
    type: "recording",
    decision: 7,
    name: "told.7.cast",
    format: "asciicast-v3",
    bytes: 283,
    digest: RECORDED_DIGEST,
    left: 9,
  });
  log.append({ type: "session.end", why: "the client left", statements: log.statements });
  await recorder.close();
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

describe("audit verify", () => {
  it("finds a whole record whole, by the key or a file that has it, and since an older checkpoint", async () => {
    writeFileSync(join(folder, "key.txt"), `${key}\n`);
    const { code, out } = await audit("verify", "log", "--key", "key.txt", "--since", older);
    expect([code, out]).toEqual([
      0,
      expect.stringMatching(/^The record of gateway\.example\/audit is whole: 374 entries .* 61 sessions\.\n$/),
    ]);
    const json = await audit("verify", "log", "--key", key, "--json");
    expect(JSON.parse(json.out)).toMatchObject({ ok: true, size: 374, behind: 0, findings: [] });
  });

  it("says what was changed, and answers 1", async () => {
    cpSync(join(folder, "log"), join(folder, "touched"), { recursive: true });
    const path = join(folder, "touched/tile/entries/000");
    writeFileSync(path, readFileSync(path, "latin1").replace('"user":"ana"', '"user":"eva"'), "latin1");
    const { code, out } = await audit("verify", "touched", "--key", key);
    expect(code).toBe(1);
    expect(out).toContain("FOUND  entry 0: it does not have the hash that tile/0 holds");
    expect(out).toMatch(/is NOT whole: \d+ findings\.\n$/);
  });

  it("holds recordings against the record when it is told where they are", async () => {
    const at = join(folder, "recordings");
    const file = join(at, "told.7.cast");
    const verify = (): ReturnType<typeof audit> => audit("verify", "log", "--key", key, "--recordings", "recordings");
    mkdirSync(at);
    writeFileSync(file, RECORDED);
    expect(await verify()).toMatchObject({
      code: 0,
      out: expect.stringMatching(/ 61 sessions, 1 recording as recorded\.\n$/) as string,
    });
    writeFileSync(file, RECORDED.replace("told", "tolk"));
    expect(await verify()).toMatchObject({
      code: 1,
      out: expect.stringMatching(/^FOUND {2}entry \d+: recording told\.7\.cast was changed/) as string,
    });
    rmSync(file);
    const json = await audit("verify", "log", "--key", key, "--recordings", "recordings", "--json");
    expect(JSON.parse(json.out)).toMatchObject({
      ok: false,
      recordings: 1,
      findings: [expect.stringMatching(/recording told\.7\.cast is missing$/)],
    });
  });

  it.each<readonly [argv: readonly string[], why: string]>([
    [["verify", "log"], "--key is missing"],
    [["verify", "log", "--key", "abc"], "--key is not a verifier key"],
    [["verify", "nothing", "--key", key], "nothing is not a record"],
    [["verify", "log", "--key", key, "--since", "gone"], "there is no file gone"],
    [["verify", "log", "--key", key, "--recordings", "gone"], "there is no folder gone"],
    [["proof", "log"], "give the number of an entry"],
    [["proof", "374", "log"], "covers 374 entries, so there is no proof of #374"],
  ])("%j is refused in words", async (argv, why) => {
    const fault: unknown = await audit(...argv).catch((error: unknown) => error);
    expect(fault).toBeInstanceOf(UsageError);
    expect((fault as Error).message).toContain(why);
  });
});

describe("audit proof", () => {
  it.each([0, 255, 256, 300, 368])("of entry %i is checked with nothing but the entry and the key", async (index) => {
    const { code, out } = await audit("proof", String(index), "log");
    expect(code).toBe(0);
    const split = out.indexOf("\n\n");
    const [head, indexLine, ...hashes] = out.slice(0, split).split("\n");
    expect([head, indexLine]).toEqual(["c2sp.org/tlog-proof@v1", `index ${index}`]);
    const checkpoint = openCheckpoint(out.slice(split + 2), verifier);
    if (typeof checkpoint === "string") throw new Error(checkpoint);
    for await (const entry of readLog(new FileLogStore(join(folder, "log")))) {
      if (entry.index !== index) continue;
      const leaf = leafHash(Buffer.from(canonicalJson(entry.value)));
      const path = hashes.map((hash) => Buffer.from(hash, "base64"));
      expect(verifyInclusion(leaf, index, checkpoint.size, path, checkpoint.root)).toBe(true);
    }
  });

  it("says which tile is missing", async () => {
    cpSync(join(folder, "log"), join(folder, "holed"), { recursive: true });
    const part = join(folder, "holed/tile/0/001.p");
    for (const name of readdirSync(part)) rmSync(join(part, name));
    expect(await audit("proof", "3", "holed")).toMatchObject({
      code: 1,
      err: expect.stringContaining("tile/0/001.p/118 is missing") as string,
    });
  });
});

describe("sessions", () => {
  it("list says who, on what, how much and how it ended; filters choose", async () => {
    const { out } = await sessions("list", "--log", "log", "--since", "2026-01-02");
    expect(out).toMatch(/told +2026-01-02T00:00:00\.000Z +ana +shop +127\.0\.0\.1 +4 +2 +2 +the client left\n$/);
    expect(out.split("\n")).toHaveLength(3);
    expect((await sessions("list", "--log", "log", "--user", "eva")).out).toBe("no sessions\n");
    expect((await sessions("list", "--log", "log", "--target", "other")).out).toBe("no sessions\n");
    const json = JSON.parse((await sessions("list", "--log", "log", "--json")).out) as unknown[];
    expect(json).toHaveLength(61);
    await expect(sessions("list", "--log", "log", "--since", "soon")).rejects.toThrow("is not a time");
  });

  it("show tells the session in order, with rules, approvals, masks and what came back; nothing is obeyed", async () => {
    const { out } = await sessions("show", "tol", "--log", "log");
    const told = out.replaceAll(/x{100,}/g, "x…x").replaceAll(/^2026\S+ {2}#\d+ {2}/gm, "");
    expect(told).toBe(
      [
        "ana signed in by password from 127.0.0.1 to shop, encrypted",
        "allow by analysts read  execute",
        "    select email",
        "    from customers where id = $1",
        "    with $1 = 7, $2 = null",
        "    under masks hide emails",
        "approval a1 granted by max: ticket 7\\x1b[2J",
        "ok SELECT 1: 1 row, 64 bytes, 1.5 ms",
        "    masked: customers.email",
        "    | a***@example.com | ∅",
        "refused by analysts read  simple",
        "    drop table customers",
        "    sallyport: no rule allows it",
        "part 1 of the text of decision 3",
        "x…x'",
        "allow by analysts read  simple",
        "    select 'x…x",
        "    … and 1 more part of the text above",
        "ok SELECT 1: 1 row, 12 bytes, 0.3 ms",
        "refused  request",
        "    DELETE shop-api/v1/orders/7",
        "    waits for approval apr_1",
        "alert salaries_read to security, log",
        "conditions over masked columns, which saw the values of public.customers.email",
        "conditions over masked columns, which saw masked values",
        "recorded in recordings/told.7.cast: 283 bytes, 9 more were not kept",
        `    sha256 ${RECORDED_DIGEST}`,
        "ended: the client left (4 statements)",
        "",
      ].join("\n"),
    );
  });

  it("show of no session, or of more than one, is refused in words", async () => {
    await expect(sessions("show", "zzz", "--log", "log")).rejects.toThrow("there is no session zzz");
    await expect(sessions("show", "session", "--log", "log")).rejects.toThrow("60 sessions begin with session");
  });
});
