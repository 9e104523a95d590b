import {
  coverageHtml,
  coverageHuman,
  coverageJson,
  coverageLcov,
  hasFailed,
  measure,
  mutate,
  mutationHuman,
  mutationJson,
  outcomesReached,
  percent,
  reportGithub,
  reportHuman,
  reportJson,
  reportJunit,
  reportTap,
  rulesReached,
} from "../../../compiler/index.ts";
import { listing } from "../../../base/text.ts";
import { readArguments } from "../../arguments.ts";
import { UsageError, type Io } from "../../io.ts";
import { mutationTools, runPolicyTests, writeReport, type TestRun } from "./test-run.ts";

const HELP = `policyc test: runs the tests of policies; measures what they reach and which faults they notice

  policyc test [OPTION…] [PATH…]

  --filter TEXT          only tests with TEXT in their name, in any case
  --format FORMAT        human (default), tap, junit, json or github

  --coverage             also tell which rules and conditions no test reaches
  --min-rules PERCENT         at least so many rules must have decided an action
  --min-conditions PERCENT    at least so many of the conditions' outcomes (true, false) must have been seen
  --coverage-html FILE   the sources with what was reached, as one page
  --coverage-lcov FILE   for editors and coverage services
  --coverage-json FILE   for scripts

  --mutate               also put small faults into the rules, one at a time, and tell which no test notices,
                         each with a test that would
  --min-score PERCENT    at least so many of the faults must be noticed
  --mutate-json FILE     for scripts

PATH is a .policy file or a folder of them; without one, the folder here. Tests stand beside the rules or in files
that end in _test.policy; x_test.policy is read with x.policy. Statements go through the same analysis, decision and
masking as in the gateway. With another format than human, coverage and mutation are told on stderr.

Exit codes: 0 all passed; 1 the policy has errors; 2 wrong use; 3 tests failed; 4 a least percentage is not met.
`;

const FORMATS = { human: reportHuman, tap: reportTap, junit: reportJunit, json: reportJson, github: reportGithub };
type Format = keyof typeof FORMATS;
const isFormat = (text: string): text is Format => Object.hasOwn(FORMATS, text);

export async function testCommand(argv: readonly string[], io: Io): Promise<number> {
  const { values, positionals } = readArguments(argv, {
    filter: { type: "string" },
    format: { type: "string" },
    coverage: { type: "boolean" },
    "min-rules": { type: "string" },
    "min-conditions": { type: "string" },
    "coverage-html": { type: "string" },
    "coverage-lcov": { type: "string" },
    "coverage-json": { type: "string" },
    mutate: { type: "boolean" },
    "min-score": { type: "string" },
    "mutate-json": { type: "string" },
  });
  if (values.help === true) {
    io.stdout(HELP);
    return 0;
  }
  const format = values.format ?? "human";
  if (!isFormat(format)) throw new UsageError(`--format takes ${listing(Object.keys(FORMATS), "or")}`);
  const least = {
    rules: percentage(values["min-rules"], "--min-rules"),
    conditions: percentage(values["min-conditions"], "--min-conditions"),
    score: percentage(values["min-score"], "--min-score"),
  };
  const wanted: CoverageFiles = {
    html: values["coverage-html"],
    lcov: values["coverage-lcov"],
    json: values["coverage-json"],
  };
  const run = await runPolicyTests({ paths: positionals, filter: values.filter ?? null, needsTests: true }, io);
  if (run === null) return 1;
  const source = { files: run.files, rules: run.policy.rules };
  io.stdout(FORMATS[format](run.results, source, io.colour));
  const tell = format === "human" ? io.stdout : io.stderr;
  const misses: string[] = [];
  const anyCoverage =
    values.coverage === true ||
    least.rules !== null ||
    least.conditions !== null ||
    Object.values(wanted).some((path) => path !== undefined);
  if (anyCoverage) misses.push(...tellCoverage(run, least, wanted, tell, io));
  const failed = run.results.some(hasFailed);
  if (values.mutate === true || least.score !== null || values["mutate-json"] !== undefined) {
    if (failed) io.stderr("policyc: faults are tried only once every test passes\n");
    else misses.push(...tellMutation(run, least.score, values["mutate-json"], tell, io));
  }
  if (failed) return 3;
  for (const miss of misses) io.stderr(`policyc: ${miss}\n`);
  return misses.length > 0 ? 4 : 0;
}

function percentage(text: string | undefined, option: string): number | null {
  if (text === undefined) return null;
  const value = Number(text);
  if (!/^\d+(\.\d+)?$/.test(text) || value > 100) throw new UsageError(`${option} takes a number from 0 to 100`);
  return value;
}

interface CoverageFiles {
  readonly html: string | undefined;
  readonly lcov: string | undefined;
  readonly json: string | undefined;
}

/** Tells and writes coverage; answers which least percentages are not met. */
function tellCoverage(
  run: TestRun,
  least: { readonly rules: number | null; readonly conditions: number | null },
  wanted: CoverageFiles,
  tell: (text: string) => void,
  io: Io,
): readonly string[] {
  const coverage = measure(run.policy, run.results);
  tell(coverageHuman(coverage, run.files, io.colour));
  if (wanted.html !== undefined) writeReport(wanted.html, coverageHtml(coverage, run.files), io);
  if (wanted.lcov !== undefined) writeReport(wanted.lcov, coverageLcov(coverage, run.files), io);
  if (wanted.json !== undefined) writeReport(wanted.json, coverageJson(coverage, run.files), io);
  return [
    ...missOf("of the rules decided an action", percent(rulesReached(coverage)), least.rules, "--min-rules"),
    ...missOf(
      "of the conditions' outcomes were seen",
      percent(outcomesReached(coverage)),
      least.conditions,
      "--min-conditions",
    ),
  ];
}

/** Tells and writes the faults that no test notices; answers whether the score is too low. */
function tellMutation(
  run: TestRun,
  least: number | null,
  jsonPath: string | undefined,
  tell: (text: string) => void,
  io: Io,
): readonly string[] {
  const result = mutate(run.policy, run.results, mutationTools(run, io));
  tell(mutationHuman(result, run.files, io.colour));
  if (jsonPath !== undefined) writeReport(jsonPath, mutationJson(result, run.files), io);
  return missOf("of the faults were noticed", result.score, least, "--min-score");
}

const missOf = (what: string, found: number, least: number | null, option: string): readonly string[] =>
  least === null || found >= least ? [] : [`${found} % ${what}; ${option} asks for ${least} %`];
