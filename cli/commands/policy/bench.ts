import { generateKeyPairSync } from "node:crypto";
import { compile, seal } from "../../../compiler/index.ts";
import { hasErrors, renderTerminal } from "../../../lang/index.ts";
import type { TestVector, VectorValue } from "../../../spec/contract/bundle/index.ts";
import { ABSENT, UNKNOWN, type FactRecord, type FactValue } from "../../../spec/contract/facts/index.ts";
import { describeBundleError, loadBundle, type LoadedBundle } from "../../../runtime/bundle/index.ts";
import { SessionPolicy } from "../../../runtime/decide/index.ts";
import { readArguments } from "../../arguments.ts";
import { EXIT, UsageError, table, type Io } from "../../io.ts";
import { policyFiles } from "./files.ts";

const HELP = `policyc bench: how fast a policy decides and loads

  policyc bench [--seconds N] [--max-p99 MICROSECONDS] [--json] [PATH…]

  --seconds N      how long decisions are measured (default 2)
  --max-p99 N      exit 4 when the 99th percentile of one decision is above N microseconds
  --json           the numbers as JSON

The actions are those of the policy's tests. Measured are: compiling; loading and verifying the bundle in a process that has
loaded none before; the first decision after it; then decisions one by one, with the session folded and without.
Exit codes: 0 measured; 1 the policy has errors; 2 wrong use or unreadable input; 4 --max-p99 not met.
`;

const nowUs = (): number => Number(process.hrtime.bigint()) / 1000;

interface Spread {
  readonly perSecond: number;
  readonly p50Us: number;
  readonly p99Us: number;
}

export function benchCommand(argv: readonly string[], io: Io): number {
  const { values, positionals } = readArguments(argv, {
    seconds: { type: "string" },
    "max-p99": { type: "string" },
    json: { type: "boolean" },
  });
  if (values.help === true) {
    io.stdout(HELP);
    return EXIT.ok;
  }
  const seconds = Number(values.seconds ?? "2");
  if (!(seconds > 0 && seconds <= 600)) throw new UsageError("--seconds takes a number above 0, at most 600");
  const p99Max = values["max-p99"] === undefined ? Number.POSITIVE_INFINITY : Number(values["max-p99"]);
  if (!(p99Max > 0)) throw new UsageError("--max-p99 takes microseconds, above 0");
  const files = policyFiles(positionals, io);
  const started = nowUs();
  const { diagnostics, manifest } = compile(files, { sequence: 0 });
  const compileMs = (nowUs() - started) / 1000;
  if (manifest === null || hasErrors(diagnostics)) {
    io.stderr(
      renderTerminal(
        diagnostics.filter((one) => one.severity === "error"),
        files,
        io.colour,
      ),
    );
    return EXIT.findings;
  }
  const { vectors } = manifest;
  if (vectors.length === 0)
    throw new UsageError("there are no tests in these files, so there is no action to measure with");
  const { privateKey, publicKey } = generateKeyPairSync("ed25519");
  const { bytes } = seal(manifest, privateKey);
  const beforeLoad = nowUs();
  const loaded = loadBundle(bytes, [publicKey], 0);
  const loadMs = (nowUs() - beforeLoad) / 1000;
  if (!loaded.ok)
    throw new UsageError(`no gateway of this version would take it: ${describeBundleError(loaded.error)}`);
  const actions = vectors.map((vector) => ({ vector, facts: factsOfVector(vector) }));
  const decide = ({ vector, facts }: (typeof actions)[number]): string =>
    new SessionPolicy(loaded.value, vector.protocol, (path) => facts.get(path) ?? ABSENT).decide((path) =>
      facts.get(path),
    ).verdict;
  const beforeFirst = nowUs();
  decide(actions[0]!);
  const firstUs = nowUs() - beforeFirst;
  const whole = spreadOf(actions, decide, (seconds * 1e6) / 2);
  const sessions = actions.map((action) => ({
    ...action,
    session: sessionOf(loaded.value, action.vector, action.facts),
  }));
  const folded = spreadOf(
    sessions,
    ({ session, facts }) => session.decide((path) => facts.get(path)).verdict,
    (seconds * 1e6) / 2,
  );
  const result = {
    version: 1,
    rules: manifest.rules.length,
    actions: actions.length,
    bytes: bytes.length,
    compileMs,
    loadMs,
    firstUs,
    whole,
    folded,
  };
  io.stdout(values.json === true ? `${JSON.stringify(result, null, 2)}\n` : shown(result, io));
  if (whole.p99Us <= p99Max) return EXIT.ok;
  io.stderr(`policyc: the 99th percentile is ${whole.p99Us.toFixed(1)} µs, above the ${p99Max} of --max-p99\n`);
  return EXIT.gateNotMet;
}

function sessionOf(bundle: LoadedBundle, vector: TestVector, facts: ReadonlyMap<string, FactValue>): SessionPolicy {
  return new SessionPolicy(bundle, vector.protocol, (path) => facts.get(path) ?? ABSENT);
}

function factsOfVector(vector: TestVector): ReadonlyMap<string, FactValue> {
  return new Map(vector.facts.map(({ path, value }) => [path, factValue(value)]));
}

function factValue(value: VectorValue | null): FactValue {
  if (value === null) return UNKNOWN;
  if (Array.isArray(value))
    return typeof value[0] === "object" ? (value as readonly FactRecord[]) : new Set(value as readonly string[]);
  if (typeof value === "object") return new Map(Object.entries(value as Readonly<Record<string, string>>));
  return value as boolean | number | string;
}

const WARM_UP = 2000;
const SAMPLES_MAX = 2_000_000;

/** Decides the actions in turn for a time; each is measured on its own, so the clock's own cost is in it. */
function spreadOf<T>(actions: readonly T[], decide: (action: T) => string, forUs: number): Spread {
  for (let i = 0; i < WARM_UP; i++) decide(actions[i % actions.length]!);
  const samples = new Float64Array(SAMPLES_MAX);
  let count = 0;
  const start = nowUs();
  let before = start;
  while (before - start < forUs && count < SAMPLES_MAX) {
    decide(actions[count % actions.length]!);
    const after = nowUs();
    samples[count++] = after - before;
    before = after;
  }
  const sorted = samples.subarray(0, count).sort();
  const at = (share: number): number => sorted[Math.min(count - 1, Math.floor(count * share))]!;
  return { perSecond: Math.round((count / (before - start)) * 1e6), p50Us: at(0.5), p99Us: at(0.99) };
}

function shown(
  result: {
    readonly rules: number;
    readonly actions: number;
    readonly bytes: number;
    readonly compileMs: number;
    readonly loadMs: number;
    readonly firstUs: number;
    readonly whole: Spread;
    readonly folded: Spread;
  },
  io: Io,
): string {
  const row = (name: string, spread: Spread): readonly string[] => [
    name,
    String(spread.perSecond),
    spread.p50Us.toFixed(2),
    spread.p99Us.toFixed(2),
  ];
  return [
    `${result.rules} rules, ${result.actions} actions, a bundle of ${result.bytes} bytes\n`,
    `compile ${result.compileMs.toFixed(1)} ms, load and verify ${result.loadMs.toFixed(1)} ms, first decision ${result.firstUs.toFixed(0)} µs\n\n`,
    table(io, [
      ["DECISION", "PER SECOND", "P50 µs", "P99 µs"],
      row("with its session", result.whole),
      row("session folded", result.folded),
    ]),
  ].join("");
}
