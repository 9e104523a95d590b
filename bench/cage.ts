import { monitorEventLoopDelay } from "node:perf_hooks";
import { Analyser } from "../runtime/facts/index.ts";
import { catalogFromSchema, loadParser } from "../runtime/facts/sql/offline.ts";
import { systemClock } from "../runtime/outside/index.ts";

const STATEMENTS: readonly (readonly [title: string, text: string])[] = [
  ["IN of 10,000 numbers", `select * from t where x in (1${",1".repeat(10_000)})`],
  ["IN of 60,000 numbers", `select * from t where x in (1${",1".repeat(60_000)})`],
  ["INSERT of 20,000 rows", `insert into t values (1, 'a')${",(1,'a')".repeat(20_000)}`],
  ["2,000 statements", "select x from t;".repeat(2_000)],
  ["a text of 1 MiB", `select '${"x".repeat(1024 * 1024 - 20)}'`],
  ["a comment of 1 MiB", `select 1 /*${"x".repeat(1024 * 1024 - 20)}*/`],
  ["900 columns of a sub-query", `select ${"(select x from t),".repeat(900)} 1`],
  ["1 MiB of quotes", `select '${"''".repeat(500_000)}'`],
];

/** How long the caller's thread stands still at most while a large statement is analysed in the cage. */
export async function benchCage(say: (line: string) => void): Promise<void> {
  await loadParser();
  const catalog = catalogFromSchema("create table t (x int, y text)");
  if ("kind" in catalog) throw new Error(catalog.kind);
  const analyser = new Analyser({ after: systemClock.after });
  await analyser.ready();
  say("\nLongest stand of the event loop while one large statement is analysed (no more than 20 ms is asked for):");
  for (const [title, text] of STATEMENTS) {
    const stands: number[] = [];
    let outcome = "";
    for (let run = 0; run < 5; run++) {
      // A context of its own, so that nothing is known of it.
      const context = analyser.context(analyser.addCatalog(catalog), ["pg_catalog", "public"]);
      const bytes = Buffer.from(text);
      const delay = monitorEventLoopDelay({ resolution: 1 });
      await new Promise((resolve) => setImmediate(resolve));
      delay.enable();
      const began = performance.now();
      const found = analyser.analyse(bytes, context);
      const own = performance.now() - began;
      const result = await found;
      await new Promise((resolve) => setTimeout(resolve, 5));
      delay.disable();
      stands.push(Math.max(own, delay.max / 1e6));
      outcome = result.ok ? "analysed" : result.error.kind;
    }
    stands.sort((a, b) => a - b);
    say(`  ${title}: ${stands[2]!.toFixed(1)} ms (${outcome})`);
  }
  await analyser.close();
}
