import { generateKeyPairSync } from "node:crypto";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { FileLogStore, systemClock } from "../runtime/outside/index.ts";
import { SessionLog, decisionFragments, openRecorder, type Durability } from "../runtime/record/index.ts";
import { maskedByPolicy } from "../spec/contract/record/index.ts";

const decision = decisionFragments({
  verdict: "allow",
  rules: ["everything"],
  deciding: ["everything"],
  masks: [],
  bundle: "0".repeat(64),
});

/** Events per second with so many producers that each wait for their entry to be durable, and CPU per event. */
async function measure(
  producers: number,
  durability: Durability,
  ms: number,
): Promise<{ readonly perSecond: number; readonly cpuUs: number }> {
  const folder = mkdtempSync(join(tmpdir(), "sallyport-record-"));
  const opened = await openRecorder(new FileLogStore(folder), {
    clock: systemClock,
    origin: "bench",
    key: generateKeyPairSync("ed25519").privateKey,
    durability,
    boot: "b",
  });
  if (!opened.ok) throw new Error(opened.error);
  const recorder = opened.value;
  const text = maskedByPolicy("SELECT abalance FROM pgbench_accounts WHERE aid = 12345;");
  let events = 0;
  const until = performance.now() + ms;
  const cpu = process.cpuUsage();
  const produce = async (i: number): Promise<void> => {
    const log = new SessionLog(
      recorder,
      systemClock,
      { gateway: "bench", boot: "b" },
      `s${i}`,
      { user: "ana", groups: ["analyst"], method: "password", issuer: null },
      { target: "t", protocol: "postgres", database: "d", account: "a" },
    );
    while (performance.now() < until) {
      const index = log.statement({
        phase: "simple",
        text,
        kinds: '["select"]',
        parameters: null,
        decision,
        decisionId: `s${i}.${events}`,
        commit: null,
        refused: null,
      });
      events++;
      await new Promise<void>((resolve) => recorder.whenDurable(index, () => resolve()));
    }
  };
  await Promise.all(Array.from({ length: producers }, (_, i) => produce(i)));
  const used = process.cpuUsage(cpu);
  await recorder.close();
  rmSync(folder, { recursive: true, force: true });
  return { perSecond: (events * 1000) / ms, cpuUs: (used.user + used.system) / events };
}

export async function benchRecord(say: (line: string) => void): Promise<void> {
  say("\nThe record: events per second, each producer waiting for its entry to be durable:");
  const rates = new Map<number, number>();
  for (const producers of [1, 8, 64, 512]) {
    const runs = [];
    for (let i = 0; i < 3; i++) runs.push(await measure(producers, "before-forward", 1000));
    const rate = runs.map((run) => run.perSecond).sort((a, b) => a - b)[1]!;
    rates.set(producers, rate);
    say(
      `  ${producers} ${producers === 1 ? "producer" : "producers"}: ${rate.toFixed(0)}/s, ${runs[1]!.cpuUs.toFixed(1)} us CPU each, ${(rate / rates.get(1)!).toFixed(1)} x one producer`,
    );
  }
}
