import { spawn, type ChildProcess } from "node:child_process";
import { readFileSync } from "node:fs";

export const median = (values: readonly number[]): number =>
  [...values].sort((a, b) => a - b)[Math.floor(values.length / 2)] ?? Number.NaN;

/** Something that requests can go through, or to. */
export interface Way {
  readonly name: string;
  readonly port: number;
  readonly child: ChildProcess | null;
}

/** How often and how long, and whose rates the others are set against. */
export interface Rounds {
  readonly rounds: number;
  readonly seconds: number;
  readonly against: readonly string[];
}

/** User and system time of a process, in ms. */
function cpuMs(child: ChildProcess | null): number {
  if (child?.pid === undefined) return 0;
  const fields = readFileSync(`/proc/${child.pid}/stat`, "utf8").split(") ")[1]!.split(" ");
  return (Number(fields[11]) + Number(fields[12])) * 10;
}

/** Waits until something answers. */
export async function waitFor(port: number): Promise<void> {
  for (let i = 0; i < 200; i++) {
    if (
      await fetch(`http://127.0.0.1:${port}/small.json`).then(
        () => true,
        () => false,
      )
    )
      return;
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
  throw new Error(`nothing answers on port ${port}`);
}

async function wrk(port: number, path: string, connections: number, header: string, seconds: number): Promise<number> {
  const child = spawn(
    "wrk",
    ["-t1", `-c${connections}`, `-d${seconds}s`, "-H", header, `http://127.0.0.1:${port}${path}`],
    { stdio: ["ignore", "pipe", "pipe"] },
  );
  let out = "";
  child.stdout.on("data", (chunk: Buffer) => (out += chunk.toString()));
  child.stderr.on("data", (chunk: Buffer) => (out += chunk.toString()));
  await new Promise<void>((resolve, reject) => {
    child.once("exit", () => resolve());
    child.once("error", reject);
  });
  const rate = Number(/Requests\/sec:\s+([0-9.]+)/.exec(out)?.[1]);
  if (!Number.isFinite(rate) || /Non-2xx/.test(out)) throw new Error(`wrk on port ${port}: ${out}`);
  return rate;
}

/** The same requests through each way, round by round; prints medians, and ratios to the ways named. */
export async function compareWays(
  say: (text: string) => void,
  title: string,
  path: string,
  connections: number,
  ways: readonly (Way & { readonly header?: string })[],
  { rounds, seconds, against }: Rounds,
): Promise<void> {
  const rates = new Map<string, number[]>(ways.map((way) => [way.name, []]));
  const cpu = new Map<string, number[]>(ways.map((way) => [way.name, []]));
  const run = (way: (typeof ways)[number]): Promise<number> =>
    wrk(way.port, path, connections, way.header ?? "x-bench: 1", seconds);
  for (const way of ways) await run(way);
  for (let round = 0; round < rounds; round++) {
    for (const way of ways) {
      const before = cpuMs(way.child);
      const rate = await run(way);
      rates.get(way.name)!.push(rate);
      cpu.get(way.name)!.push(((cpuMs(way.child) - before) * 1000) / (rate * seconds));
    }
  }
  const ratioTo = (name: string, to: string): string =>
    median(rates.get(name)!.map((rate, i) => rate / rates.get(to)![i]!)).toFixed(2);
  say(
    `\n${title}, ${connections} ${connections === 1 ? "connection" : "connections"}: medians of ${rounds} rounds of ${seconds} s`,
  );
  const columns = against.map((name) => ({ name, head: `x ${name}` }));
  say(
    `  ${"through".padEnd(20)}${"req/s".padStart(9)}${columns.map(({ head }) => head.padStart(head.length + 3)).join("")}${"CPU us/req".padStart(12)}`,
  );
  for (const { name } of ways)
    say(
      `  ${name.padEnd(20)}${median(rates.get(name)!).toFixed(0).padStart(9)}${columns.map((one) => ratioTo(name, one.name).padStart(one.head.length + 3)).join("")}${median(cpu.get(name)!).toFixed(0).padStart(12)}`,
    );
}
