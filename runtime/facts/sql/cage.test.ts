import type * as Parser from "libpg-query";
import { afterAll, beforeAll, describe, expect, it, vi } from "vitest";
import { systemClock } from "../../outside/index.ts";
import { Analyser, type AnalysisResult, type ReadingContext } from "./analyser.ts";
import { NESTING_MAX, OPERATOR_RUN_MAX, STATEMENT_BYTES_MAX, TEMPLATE_BYTES_MAX } from "./limits.ts";
import { catalogFromSchema, loadParser } from "./offline.ts";

/**
 * The caller's thread never parses. What it does for one statement is one pass over at most so many bytes and the look-up of
 * a key; all else is the worker's, which is thrown away when it takes too long. Times are measured in the bench.
 */
const parsed = vi.hoisted(() => ({ here: 0 }));
vi.mock("libpg-query", async (original) => {
  const real = await original<typeof Parser>();
  return {
    ...real,
    parseSync: (...args: Parameters<typeof real.parseSync>) => {
      parsed.here++;
      return real.parseSync(...args);
    },
  };
});

let analyser: Analyser;
let context: ReadingContext;
beforeAll(async () => {
  await loadParser();
  const catalog = catalogFromSchema("create table t (x int, y text)");
  if ("kind" in catalog) throw new Error(JSON.stringify(catalog));
  analyser = new Analyser({ after: systemClock.after });
  await analyser.ready();
  context = analyser.context(analyser.addCatalog(catalog), ["pg_catalog", "public"]);
});
afterAll(async () => {
  await analyser?.close();
});

const analyse = (text: string): AnalysisResult | Promise<AnalysisResult> =>
  analyser.analyse(Buffer.from(text), context);

/** A text that begins as given and is as long as it may be. */
const filled = (start: string, unit: string, end = ""): string =>
  start + unit.repeat(Math.floor((STATEMENT_BYTES_MAX - start.length - end.length) / unit.length)) + end;

const LARGE: readonly (readonly [title: string, text: string])[] = [
  ["as many numbers as fit", filled("select * from t where x in (1", ",1", ")")],
  ["as many rows as fit", filled("insert into t values (1, 'a')", ",(1,'a')")],
  ["a text as long as may be", filled("select '", "x", "'")],
  ["a comment as long as may be", filled("select 1 /*", "x", "*/")],
  ["sums", filled("select 1", "+1")],
  ["conditions", filled("select 1 from t where x=1", " or x=1")],
  ["joins", filled("select 1 from t", ",t a")],
  ["statements", filled("", "select 1;")],
  ["unions", filled("select 1", " union select 1")],
  ["casts", filled("select 1", "::int")],
  ["brackets as deep as may be", `select ${"(".repeat(NESTING_MAX)}1${")".repeat(NESTING_MAX)}`],
  ["NOTs", filled("select ", "not ", "true")],
  ["an unfinished text", filled("select '", "x")],
  ["an unfinished comment", filled("select /*", "x")],
  ["quotes", filled("select '", "''", "'")],
  ["dollars", filled("select ", "$a$")],
  ["names", filled("select ", "a.")],
  ["CASE in CASE", `select ${"case when true then ".repeat(900)}1${" end".repeat(900)}`],
  ["sub-queries", `select ${"(select ".repeat(900)}1${")".repeat(900)}`],
];

describe("large and hostile statements", () => {
  it.each(LARGE)("%s: parsed elsewhere, and answered", async (_title, text) => {
    const before = parsed.here;
    const found = analyse(text);
    // What is longer than a shape may be is never taken apart on this thread.
    if (text.length > TEMPLATE_BYTES_MAX) expect(found).toBeInstanceOf(Promise);
    const result = await found;
    expect(parsed.here).toBe(before);
    if (!result.ok)
      expect(["syntax", "too-deep", "too-large", "timeout", "parser-failed"]).toContain(result.error.kind);
  });

  it.each([
    ["longer than may be", `select '${"x".repeat(STATEMENT_BYTES_MAX)}'`, "too-large"],
    ["deeper than may be", `select ${"(".repeat(NESTING_MAX + 1)}`, "too-deep"],
    ["operators in a row", `select 1 ${"@".repeat(OPERATOR_RUN_MAX + 1)} 1`, "too-deep"],
    ["comments in comments", `select ${"/* ".repeat(2000)}`, "too-deep"],
    ["a zero byte", "select 1\0 drop table t", "not-utf8"],
  ])("%s: refused before any parser sees it", (_title, text, kind) => {
    const found = analyse(text);
    expect(found).not.toBeInstanceOf(Promise);
    expect(found).toMatchObject({ ok: false, error: { kind } });
  });

  it("and the next statement is analysed as ever", async () => {
    for (const [, text] of LARGE.slice(0, 3)) void analyse(text);
    const result = await analyse("select x, y from t");
    expect(result).toMatchObject({ ok: true });
    if (result.ok) expect(result.analysis.statements[0]!.outputs).toHaveLength(2);
  });

  it("a worker that takes too long is thrown away, and what waits behind it is answered", async () => {
    const hasty = new Analyser({ after: systemClock.after, deadlineMs: 1 });
    await hasty.ready();
    const own = hasty.context(hasty.addCatalog(context.catalog.catalog), ["pg_catalog", "public"]);
    const [late, next] = await Promise.all([
      hasty.analyse(Buffer.from(LARGE[0]![1]), own),
      hasty.analyse(Buffer.from("select '"), own),
    ]);
    expect(late).toMatchObject({ ok: false, error: { kind: "timeout" } });
    expect(next.ok).toBe(false);
    await hasty.close();
  });
});
