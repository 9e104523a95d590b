import { loadModule, parseSync } from "libpg-query";
import { Analyser } from "../runtime/facts/index.ts";
import { catalogFromSchema } from "../runtime/facts/sql/offline.ts";
import { systemClock } from "../runtime/outside/index.ts";
import { nsPerCall } from "./timing.ts";

const STATEMENTS: readonly (readonly [string, (i: number) => string])[] = [
  [
    "pgbench's select, new literals",
    (i) => `SELECT abalance FROM pgbench_accounts WHERE aid = ${10_000 + (i % 80_000)};`,
  ],
  ["the same text again", () => "SELECT abalance FROM pgbench_accounts WHERE aid = $1;"],
  [
    "a join of 420 bytes",
    (i) =>
      `SELECT a.aid, a.abalance, b.bbalance, t.tbalance, h.delta, h.mtime, h.filler FROM pgbench_accounts a JOIN pgbench_branches b ON b.bid = a.bid JOIN pgbench_tellers t ON t.bid = b.bid LEFT JOIN pgbench_history h ON h.aid = a.aid AND h.tid = t.tid WHERE a.aid = ${10_000 + (i % 80_000)} AND b.bbalance > 100 AND t.tbalance <> 0 AND a.filler <> 'none' AND h.delta IN (1, 2, 3) AND b.filler <> 'closed branch' ORDER BY h.mtime`,
  ],
];

/** What a statement costs that was seen before, against a parse of the same text. */
export async function benchAnalysis(say: (line: string) => void): Promise<void> {
  await loadModule();
  const catalog = catalogFromSchema(
    "create table pgbench_accounts (aid int, bid int, abalance int, filler text); create table pgbench_branches (bid int, bbalance int, filler text); create table pgbench_tellers (tid int, bid int, tbalance int, filler text); create table pgbench_history (tid int, bid int, aid int, delta int, mtime timestamp, filler text)",
  );
  if ("kind" in catalog) throw new Error(catalog.kind);
  const analyser = new Analyser({ after: systemClock.after });
  await analyser.ready();
  const context = analyser.context(analyser.addCatalog(catalog), ["pg_catalog", "public"]);
  say("\nAnalysis of a statement that was seen before, against parsing it:");
  for (const [name, textOf] of STATEMENTS) {
    const texts = Array.from({ length: 1000 }, (_, i) => Buffer.from(textOf(i)));
    await analyser.analyse(texts[0]!, context);
    let i = 0;
    const cached = nsPerCall(() => {
      const found = analyser.analyse(texts[i++ % 1000]!, context);
      if (found instanceof Promise) throw new Error("it was not in the cache");
    }, 20_000);
    const strings = texts.map((text) => text.toString());
    const parsed = nsPerCall(() => void parseSync(strings[i++ % 1000]!), 500);
    say(
      `  ${name}: ${(cached / 1000).toFixed(2)} us against ${(parsed / 1000).toFixed(1)} us, ratio ${(cached / parsed).toFixed(3)}`,
    );
  }
  await analyser.close();
}
