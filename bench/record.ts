import { generateKeyPairSync } from "node:crypto";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { systemClock } from "../runtime/outside/index.ts";
import {
  SessionLog,
  decisionFragments,
  openRecorderInThread,
  type Durability,
  type Recorder,
} from "../runtime/record/index.ts";
import { maskedByPolicy } from "../spec/contract/record/index.ts";

const decision = decisionFragments(
  {
    verdict: "allow",
    rules: ["everything"],
    deciding: ["everything"],
    masks: [],
    bundle: "0".repeat(64),
  },
  ["select"],
);

const text = maskedByPolicy("SELECT abalance FROM pgbench_accounts WHERE aid = 12345;");

async function openFolder(
  durability: Durability,
): Promise<{ readonly recorder: Recorder; readonly done: () => Promise<void> }> {
  const folder = mkdtempSync(join(tmpdir(), "sallyport-record-"));
  const opened = await openRecorderInThread(folder, {
    clock: systemClock,
    origin: "bench",
    key: generateKeyPairSync("ed25519").privateKey,
    durability,
  });
  if (!opened.ok) throw new Error(opened.error);
  const done = async (): Promise<void> => {
    await opened.value.close();
    rmSync(folder, { recursive: true, force: true });
  };
  return { recorder: opened.value, done };
}

const sessionLog = (recorder: Recorder, i: number): SessionLog =>
  new SessionLog(
    recorder,
    systemClock,
    `s${i}`,
    { user: "ana", groups: ["analyst"], method: "password", issuer: null },
    { target: "t", protocol: "postgres", database: "d", account: "a" },
  );

const writeStatement = (log: SessionLog, i: number): number =>
  log.statement({
    phase: "simple",
    text,
    parameters: null,
    decision,
    decisionId: i,
    commit: null,
    refused: null,
  });

/** Events per second with so many producers that each wait for their entry to be durable, and CPU per event. */
async function measure(
  producers: number,
  durability: Durability,
  ms: number,
): Promise<{ readonly perSecond: number; readonly cpuUs: number }> {
  const { recorder, done } = await openFolder(durability);
  let events = 0;
  const until = performance.now() + ms;
  const cpu = process.cpuUsage();
  const produce = async (i: number): Promise<void> => {
    const log = sessionLog(recorder, i);
    while (performance.now() < until) {
      const index = writeStatement(log, events++);
      await new Promise<void>((resolve) => recorder.whenDurable(index, () => resolve()));
    }
  };
  await Promise.all(Array.from({ length: producers }, (_, i) => produce(i)));
  const used = process.cpuUsage(cpu);
  await done();
  return { perSecond: (events * 1000) / ms, cpuUs: (used.user + used.system) / events };
}

const PRODUCERS = [1, 8, 64, 512];
const ROUNDS = 5;
/** What a session waits for in the mode `within-10ms` is nothing: producers go on in slices, as a busy gateway does. */
const SLICE = 64;

const median = (values: readonly number[]): number => [...values].sort((a, b) => a - b)[values.length >> 1]!;

/** CPU of the main thread for one entry that nobody waits for, in microseconds. */
async function cpuPerEntry(entries: number): Promise<number> {
  const { recorder, done } = await openFolder("within-10ms");
  const log = sessionLog(recorder, 0);
  await writeMany(recorder, log, SLICE * 100);
  const before = process.threadCpuUsage();
  await writeMany(recorder, log, entries);
  const used = process.threadCpuUsage(before);
  await done();
  return (used.user + used.system) / entries;
}

async function writeMany(recorder: Recorder, log: SessionLog, entries: number): Promise<void> {
  for (let i = 0; i < entries; i += SLICE) {
    for (let j = 0; j < SLICE; j++) writeStatement(log, i + j);
    await new Promise(setImmediate);
  }
  await recorder.flush();
}

/** Rounds interleave the numbers of producers, so that a slow minute of the disk is in all of them. */
export async function benchRecord(say: (line: string) => void): Promise<void> {
  say("\nThe record: events per second, each producer waiting for its entry to be durable:");
  const rounds: { readonly perSecond: number; readonly cpuUs: number }[][] = [];
  for (let round = 0; round < ROUNDS; round++) {
    const runs = [];
    for (const producers of PRODUCERS) runs.push(await measure(producers, "before-forward", 700));
    rounds.push(runs);
  }
  for (const [i, producers] of PRODUCERS.entries()) {
    const rate = median(rounds.map((runs) => runs[i]!.perSecond));
    const cpu = median(rounds.map((runs) => runs[i]!.cpuUs));
    const ratio = median(rounds.map((runs) => runs[i]!.perSecond / runs[0]!.perSecond));
    say(
      `  ${producers} ${producers === 1 ? "producer" : "producers"}: ${rate.toFixed(0)}/s, ${cpu.toFixed(1)} us CPU each (all threads), ${ratio.toFixed(1)} x one producer`,
    );
  }
  const costs = [];
  for (let round = 0; round < ROUNDS; round++) costs.push(await cpuPerEntry(100_000));
  say(`  nobody waiting, written within 10 ms: ${median(costs).toFixed(2)} us CPU of the main thread for each entry`);
}
