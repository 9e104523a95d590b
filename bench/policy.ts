import { generateKeyPairSync } from "node:crypto";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { spawnSync } from "node:child_process";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { fileURLToPath, pathToFileURL } from "node:url";
import * as cedar from "@cedar-policy/cedar-wasm/nodejs";
import { Environment } from "@marcbachmann/cel-js";
import { newEnforcer, newModelFromString } from "casbin";
import { fatesOf } from "../compiler/analyse/index.ts";
import { compile, seal } from "../compiler/index.ts";
import { ruleMatches, type CheckedPolicy } from "../lang/index.ts";
import { loadBundle, type LoadedBundle } from "../runtime/bundle/index.ts";
import { SessionPolicy } from "../runtime/decide/index.ts";
import { ABSENT, type FactValue } from "../spec/contract/facts/index.ts";
import {
  asCedar,
  asCel,
  asCode,
  asPolicy,
  benchActions,
  benchRules,
  type BenchAction,
  type BenchRule,
} from "./rules.ts";

/**
 * The decision core beside other engines on the same rules and actions, in one run, round by round; medians. Then the tools.
 *
 *   node bench/policy.ts [--rounds N]        or   npm run bench -- --only policy
 *
 * What is compared: Cedar (WebAssembly), Casbin, CEL (one expression a rule), a walk over the syntax tree (the oracle),
 * code written by hand (a function a rule). Cedar and Casbin answer a verdict, the others every rule that matches.
 */
const roundsAt = process.argv.indexOf("--rounds");
const ROUNDS = roundsAt < 0 ? 9 : Number(process.argv[roundsAt + 1]);
const ACTIONS = 64;
const root = dirname(dirname(fileURLToPath(import.meta.url)));
const folder = mkdtempSync(join(tmpdir(), "sallyport-bench-policy-"));
const { privateKey, publicKey } = generateKeyPairSync("ed25519");
const say = (text: string): void => void process.stdout.write(`${text}\n`);
const median = (values: readonly number[]): number => [...values].sort((a, b) => a - b)[values.length >> 1]!;
const now = (): number => Number(process.hrtime.bigint()) / 1e3;

type Facts = ReadonlyMap<string, FactValue>;
const factsOf = (action: BenchAction): Facts =>
  new Map<string, FactValue>([
    ["user.name", action.user],
    ["user.groups", new Set(action.groups)],
    ["target.labels", new Map([["env", action.env]])],
    ["client.address", action.address],
    ["statement.kind", action.kind],
    ["statement.tables", new Set(action.tables)],
  ]);

function bundleOf(rules: readonly BenchRule[]): {
  readonly bytes: Buffer;
  readonly bundle: LoadedBundle;
  readonly policy: CheckedPolicy;
} {
  const { manifest, policy, diagnostics } = compile([{ path: "bench.policy", text: asPolicy(rules) }], { sequence: 0 });
  if (manifest === null) throw new Error(JSON.stringify(diagnostics.slice(0, 3)));
  const { bytes } = seal(manifest, privateKey);
  const loaded = loadBundle(bytes, [publicKey], 0);
  if (!loaded.ok) throw new Error(JSON.stringify(loaded.error));
  return { bytes, bundle: loaded.value, policy };
}

/** A texts' copy: equal, but another object each time, so that nothing is found by identity. */
const fresh = (text: string): string => Buffer.from(text, "utf8").toString("utf8");
const freshFacts = (action: BenchAction): Facts =>
  factsOf({
    ...action,
    user: fresh(action.user),
    groups: action.groups.map(fresh),
    env: fresh(action.env),
    kind: fresh(action.kind),
    tables: action.tables.map(fresh),
  });

/** Microseconds of one call on average, over all actions, `repeat` times. What prepares a turn is not in the time. */
function time({ repeat, prepare, call }: Engine): number {
  let spent = 0;
  for (let r = 0; r < repeat; r++) {
    prepare?.();
    const began = now();
    for (let i = 0; i < ACTIONS; i++) call(i);
    spent += now() - began;
  }
  return spent / (repeat * ACTIONS);
}

interface Engine {
  readonly name: string;
  readonly repeat: number;
  /** Before each turn through the actions. */
  readonly prepare?: () => void;
  readonly call: (i: number) => void;
}

async function codeOf(rules: readonly BenchRule[]): Promise<(action: unknown, found: number[]) => void> {
  const file = join(folder, `code-${rules.length}.mjs`);
  const functions = rules.map((rule) => `(a) => ${asCode(rule)}`).join(",\n");
  writeFileSync(
    file,
    `const some = (tables, prefix) => { for (const t of tables) if (t.startsWith(prefix)) return true; return false; };\nconst rules = [\n${functions}\n];\nexport const decide = (a, found) => { for (let i = 0; i < rules.length; i++) if (rules[i](a)) found.push(i); };\n`,
  );
  return ((await import(pathToFileURL(file).href)) as { decide: (action: unknown, found: number[]) => void }).decide;
}

async function enginesFor(
  rules: readonly BenchRule[],
  policy: CheckedPolicy,
  bundle: LoadedBundle,
): Promise<readonly Engine[]> {
  const actions = benchActions(rules, ACTIONS);
  // Texts that no engine has seen before, so that finding out which they are is in the time.
  let seen: readonly Facts[] = [];
  const prepare = (): void => void (seen = actions.map(freshFacts));
  const whole = new SessionPolicy(bundle, "postgres", () => ABSENT, false);
  const folded = actions.map((action) => {
    const facts = factsOf(action);
    return new SessionPolicy(bundle, "postgres", (path) => facts.get(path) ?? ABSENT);
  });
  const code = await codeOf(rules);
  const codeActions = actions.map((action) => ({
    ...action,
    groups: new Set(action.groups),
    tables: new Set(action.tables),
  }));
  const own: readonly Engine[] = [
    {
      name: "sallyport, nothing known beforehand",
      repeat: OWN_TURNS,
      prepare,
      call: (i) => void whole.decide((path) => seen[i]!.get(path)),
    },
    {
      name: "sallyport, the session folded",
      repeat: OWN_TURNS,
      prepare,
      call: (i) => void folded[i]!.decide((path) => seen[i]!.get(path)),
    },
    {
      name: "hand-written TypeScript",
      repeat: Math.max(1, Math.floor(20_000 / rules.length)),
      call: (i) => code(codeActions[i], []),
    },
  ];
  return rules.length > PEERS_RULES_MAX ? own : [...own, ...(await peersFor(rules, policy, actions))];
}

/** Turns of our own engine in a round, whatever the number of rules. */
const OWN_TURNS = 200;
/** Rules above which the others would take minutes. */
const PEERS_RULES_MAX = 1000;

async function peersFor(
  rules: readonly BenchRule[],
  policy: CheckedPolicy,
  actions: readonly BenchAction[],
): Promise<readonly Engine[]> {
  const facts = actions.map(factsOf);
  cedar.preparsePolicySet(`s${rules.length}`, { staticPolicies: asCedar(rules) });
  const calls = actions.map((action): cedar.StatefulAuthorizationCall => ({
    principal: { type: "User", id: action.user },
    action: { type: "Action", id: action.kind },
    resource: { type: "Database", id: "shop" },
    context: {
      groups: [...action.groups],
      kind: action.kind,
      env: action.env,
      address: { __extn: { fn: "ip", arg: action.address } },
      ...Object.fromEntries(action.tables.map((table, i) => [`table${i}`, table])),
    },
    preparsedPolicySetId: `s${rules.length}`,
    entities: [],
  }));
  const environment = new Environment()
    .registerVariable("groups", "list<string>")
    .registerVariable("tables", "list<string>")
    .registerVariable("kind", "string")
    .registerVariable("env", "string")
    .registerVariable("address", "string");
  const expressions = rules.map((rule) => environment.parse(asCel(rule)));
  const casbin = await newEnforcer(
    newModelFromString(
      `[request_definition]\nr = groups, kind, tables, env, address\n[policy_definition]\np = groups, kinds, table, env, net, eft\n[policy_effect]\ne = some(where (p.eft == allow)) && !some(where (p.eft == deny))\n[matchers]\nm = fits(r.groups, r.kind, r.tables, r.env, r.address, p.groups, p.kinds, p.table, p.env, p.net)\n`,
    ),
  );
  await casbin.addFunction(
    "fits",
    (
      groups: string,
      kind: string,
      tables: string,
      env: string,
      address: string,
      pg: string,
      pk: string,
      pt: string,
      pe: string,
      pn: string,
    ) =>
      (pe === "*" || pe === env) &&
      pk.split("|").includes(kind) &&
      pg.split("|").some((group) => groups.split("|").includes(group)) &&
      (pn === "*" || address.startsWith(pn)) &&
      (pt === "*" ||
        tables.split("|").some((table) => (pt.endsWith("**") ? table.startsWith(pt.slice(0, -2)) : table === pt))),
  );
  await casbin.addPolicies(
    rules.map((rule) => [
      rule.groups.join("|"),
      rule.kinds.join("|"),
      rule.table ?? "*",
      rule.env ?? "*",
      rule.network === null ? "*" : `${rule.network.split(".").slice(0, 2).join(".")}.`,
      `${rule.effect === "allow" ? "allow" : "deny"}`,
    ]),
  );
  const requests = actions.map((a) => [a.groups.join("|"), a.kind, a.tables.join("|"), a.env, a.address]);
  const slow = rules.length > 100 ? 1 : 3;
  return [
    {
      name: "syntax-tree walker (the oracle)",
      repeat: slow,
      call: (i) => policy.rules.filter((rule) => ruleMatches(rule, facts[i]!).matched),
    },
    {
      name: "CEL (cel-js)",
      repeat: slow,
      call: (i) => expressions.filter((expression) => expression({ ...actions[i]! }) === true),
    },
    { name: "Casbin", repeat: slow, call: (i) => void casbin.enforceSync(...requests[i]!) },
    { name: "Cedar (cedar-wasm)", repeat: slow, call: (i) => void cedar.statefulIsAuthorized(calls[i]!) },
  ];
}

const ROWS = new Map<string, Map<number, number>>();
const put = (name: string, count: number, value: number): void => {
  const row = ROWS.get(name) ?? new Map<number, number>();
  row.set(count, value);
  ROWS.set(name, row);
};
const shown = (us: number | undefined): string =>
  (us === undefined
    ? "-"
    : us < 10
      ? `${us.toFixed(2)} us`
      : us < 10_000
        ? `${us.toFixed(0)} us`
        : `${(us / 1000).toFixed(0)} ms`
  ).padStart(10);

/** Tells on a pipe of its own how long the main thread of a process worked: its wall-clock time on a machine of its own. */
const TELL_CPU = `data:text/javascript,${encodeURIComponent(
  'import { writeSync } from "node:fs"; process.on("exit", () => { const used = process.threadCpuUsage(); writeSync(3, String((used.user + used.system) / 1000)); });',
)}`;

interface Spent {
  readonly wall: number;
  readonly cpu: number;
}

/** A command of ours in a process of its own: ms of wall-clock and of its main thread, medians. */
function processMs(args: readonly string[], runs: number): Spent {
  const all = Array.from({ length: runs }, (): Spent => {
    const began = now();
    const { status, output } = spawnSync(
      process.execPath,
      ["--import", TELL_CPU, join(root, "dist/cli/policyc.js"), ...args],
      { encoding: "utf8", stdio: ["ignore", "pipe", "pipe", "pipe"], maxBuffer: 64 * 1024 * 1024 },
    );
    if (status === null || status > 1) throw new Error(`policyc ${args.join(" ")} ended with ${status}`);
    return { wall: (now() - began) / 1000, cpu: Number(output[3]) };
  });
  return { wall: median(all.map((one) => one.wall)), cpu: median(all.map((one) => one.cpu)) };
}

try {
  const COUNTS = [10, 100, 1000, 10_000];
  for (const count of COUNTS) {
    const rules = benchRules(count);
    const { bundle, policy } = bundleOf(rules);
    const engines = await enginesFor(rules, policy, bundle);
    const times = new Map(engines.map((engine) => [engine.name, [] as number[]]));
    for (const engine of engines) time(engine);
    for (let round = 0; round < ROUNDS; round++)
      for (const engine of engines) times.get(engine.name)!.push(time(engine));
    for (const [name, values] of times) put(name, count, median(values));
  }
  say(`One decision, every matching rule reported (medians of ${ROUNDS} rounds):\n`);
  say(`${"".padEnd(40)}${COUNTS.map((count) => `${count} rules`.padStart(12)).join("")}`);
  for (const [name, row] of ROWS)
    say(`${name.padEnd(40)}${COUNTS.map((count) => `  ${shown(row.get(count))}`).join("")}`);
  const whole = ROWS.get("sallyport, nothing known beforehand")!;
  const folded = ROWS.get("sallyport, the session folded")!;
  const other = ROWS.get("Cedar (cedar-wasm)")!;
  say(`\n1,000 rules: Cedar takes ${Math.round(other.get(1000)! / whole.get(1000)!)} times as long (wanted: 1,000).`);
  say(
    `10 to 10,000 rules: ${(whole.get(10_000)! / whole.get(10)!).toFixed(1)} times as long (wanted: under 15); folded ${(folded.get(10_000)! / folded.get(10)!).toFixed(1)} times.`,
  );

  say("\nA bundle of 10,000 rules:");
  const large = benchRules(10_000);
  const { bytes } = bundleOf(large);
  const action = factsOf(benchActions(large, 1)[0]!);
  const loads: number[] = [];
  const firsts: number[] = [];
  for (let i = 0; i < 5; i++) {
    const began = now();
    const loaded = loadBundle(bytes, [publicKey], 0);
    loads.push(now() - began);
    if (!loaded.ok) throw new Error("does not load");
    const before = now();
    new SessionPolicy(loaded.value, "postgres", (path) => action.get(path) ?? ABSENT).decide((path) =>
      action.get(path),
    );
    firsts.push(now() - before);
  }
  say(
    `  load and verify ${(median(loads) / 1000).toFixed(0)} ms (wanted: 150); first decision ${(median(firsts) / 1000).toFixed(2)} ms (wanted: 1); ${(bytes.length / 1e6).toFixed(1)} MB`,
  );

  say("\nTools, each in a process of its own (wall clock; CPU of its main thread):");
  // A built policyc, as it is installed; the second run has what the first one compiled.
  const built = spawnSync(process.execPath, [join(root, "tools/build.mjs")], { stdio: "inherit" });
  if (built.status !== 0) throw new Error("the project does not build");
  const both = ({ wall, cpu }: Spent): string => `${wall.toFixed(0)} ms; ${cpu.toFixed(0)} ms`;
  const thousand = join(folder, "thousand.policy");
  writeFileSync(thousand, asPolicy(benchRules(1000)));
  const one = join(folder, "one.policy");
  writeFileSync(one, asPolicy(benchRules(1)));
  processMs(["check", one], 1);
  const [check, start] = [processMs(["check", thousand], 5), processMs(["check", one], 5)];
  say(`  policyc check, 1 rule:       ${both(start)}`);
  say(
    `  policyc check, 1,000 rules:  ${both(check)} (wanted: 600), ${(check.cpu - start.cpu).toFixed(0)} ms of CPU more than for one rule (wanted: 150)`,
  );
  const ten = join(folder, "ten-thousand.policy");
  writeFileSync(ten, asPolicy(large));
  spawnSync(process.execPath, [join(root, "dist/cli/policyc.js"), "keygen", join(folder, "key")]);
  const build = processMs(["build", "-o", join(folder, "b.bundle"), "--key", join(folder, "key.key"), ten], 1);
  say(`  policyc build, 10,000 rules: ${both(build)} (wanted: 5,000)`);
  const { rules } = bundleOf(benchRules(1000)).policy;
  const fates = Array.from({ length: 5 }, () => {
    const began = now();
    fatesOf(rules);
    return (now() - began) / 1000;
  });
  say(
    `  unreachable and covered rules of 1,000, in this process: ${fates[0]!.toFixed(0)} ms at first, ${median(fates).toFixed(0)} ms then (wanted: 500)`,
  );
} finally {
  rmSync(folder, { recursive: true, force: true });
}
