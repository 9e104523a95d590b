import * as fc from "fast-check";
import { afterAll, beforeAll, expect, it } from "vitest";
import { systemClock } from "../../outside/index.ts";
import { Analyser, type ReadingContext } from "./analyser.ts";
import type { Analysis } from "./analysis.ts";
import type { Catalog } from "./catalog.ts";
import { analyseOffline, catalogFromSchema, loadParser } from "./offline.ts";

/**
 * A text whose shape is known is answered without being read. That answer must be what reading it would have given: each
 * statement is analysed with one set of literals, then asked for with another.
 */
const PATH = ["pg_catalog", "public"];
const TEMPLATES: readonly string[] = [
  "select y from t where x = §",
  "select y from t where x in (§, §)",
  "select y from t where x = § and y = ¶",
  "select y from t where y = ¶ limit §",
  "select y from t where y like ¶",
  "select §, ¶ from t",
  "select y from t order by §",
  "select y from t group by §",
  "select set_config(¶, ¶, false)",
  "insert into t values (§, ¶), (§, ¶)",
  "update t set y = ¶ where x = §",
  "delete from t where x = § or § = §",
  "delete from t where § = §",
  "delete from t where ¶",
  "delete from t where y like ¶",
  "delete from t where x between § and §",
  "select (select y from t where x = §) from t where y = ¶",
  "select case when x = § then y else ¶ end from t",
  "alter role r password ¶",
  "set statement_timeout = §",
  "select y from t where x = §; select §",
  "select interval ¶",
  "select y from t where x = §::int",
];

let analyser: Analyser;
let catalog: Catalog;
let context: ReadingContext;
beforeAll(async () => {
  await loadParser();
  const found = catalogFromSchema("create table t (x int, y text)");
  if ("kind" in found) throw new Error(JSON.stringify(found));
  catalog = found;
  analyser = new Analyser({ after: systemClock.after });
  await analyser.ready();
  context = analyser.context(analyser.addCatalog(catalog), PATH);
});
afterAll(async () => {
  await analyser?.close();
});

const number = fc.constantFrom("0", "1", "2", "3", "42", "007", "1.5", "2147483648", "10000000000000000001");
const text = fc.constantFrom(
  "''",
  "'a'",
  "'t'",
  "'f'",
  "'%'",
  "'it''s'",
  "'row_security'",
  "'session_replication_role'",
  "'off'",
  "'replica'",
  "'1 day'",
  "'-- x'",
  "'ü'",
);

const known = (analysis: Analysis): unknown =>
  JSON.parse(JSON.stringify(analysis.statements.map(({ ...statement }) => statement)));

let fromShape = 0;
it("an answer by shape is what reading the text gives", async () => {
  await fc.assert(
    fc.asyncProperty(
      fc.constantFrom(...TEMPLATES),
      fc.array(number, { minLength: 8, maxLength: 8 }),
      fc.array(text, { minLength: 8, maxLength: 8 }),
      async (template, numbers, texts) => {
        const fill = (from: number): string => {
          let at = from;
          return template.replaceAll(/[§¶]/g, (mark) => (mark === "§" ? numbers : texts)[at++ % 8]!);
        };
        for (const sql of [fill(0), fill(3)]) {
          const asked = analyser.analyse(Buffer.from(sql), context);
          if (!(asked instanceof Promise)) fromShape++;
          const found = await asked;
          const read = analyseOffline(sql, catalog, PATH);
          if ("kind" in read) expect(found.ok, sql).toBe(false);
          else {
            if (!found.ok) throw new Error(`${sql}: ${JSON.stringify(found.error)}`);
            expect(known(found.analysis), sql).toEqual(known(read));
          }
        }
      },
    ),
    { numRuns: 600 },
  );
  expect(fromShape).toBeGreaterThan(100);
});
