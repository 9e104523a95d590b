import { existsSync, writeFileSync } from "node:fs";
import { resolve } from "node:path";
import {
  comparePolicies,
  compile,
  runTests,
  textsOf,
  type CaseResult,
  type MutationTools,
  type Seed,
} from "../../../compiler/index.ts";
import { hasErrors, renderTerminal, type CheckedPolicy, type SourceFile } from "../../../lang/index.ts";
import { loadParser } from "../../../runtime/facts/sql/offline.ts";
import { UsageError, type Io } from "../../io.ts";
import { bundleDecider, executableOf } from "./decide.ts";
import { captureSql, captureWith } from "./extract.ts";
import { policyFiles } from "./files.ts";
import { Schemas } from "./schemas.ts";

/** A package of policies with its tests run. */
export interface TestRun {
  readonly files: readonly SourceFile[];
  readonly policy: CheckedPolicy;
  readonly results: readonly CaseResult[];
  readonly schemas: Schemas;
}

export interface TestRunOptions {
  readonly paths: readonly string[];
  /** Only tests whose name has this, in any case; null for all. */
  readonly filter: string | null;
  /** Without tests there is nothing to run, which is an error unless tests are to be written. */
  readonly needsTests: boolean;
}

/** Compiles policies and runs their tests as the gateway would. Null when they have errors, which were printed. */
export async function runPolicyTests(options: TestRunOptions, io: Io): Promise<TestRun | null> {
  const files = withTestFiles(options.paths, io);
  const { policy, diagnostics, manifest } = compile(files, { sequence: 0 });
  if (manifest === null || hasErrors(diagnostics)) {
    const errors = diagnostics.filter((one) => one.severity === "error");
    io.stderr(renderTerminal(errors, files, io.colour));
    return null;
  }
  const { filter } = options;
  const tests =
    filter === null
      ? policy.tests
      : policy.tests.filter((test) => test.name.toLowerCase().includes(filter.toLowerCase()));
  if (options.needsTests && policy.tests.length === 0)
    throw new UsageError(
      'there are no tests in these files; write a `test "…" { … }` beside the rules, or let policyc gen-tests write some',
    );
  if (filter !== null && tests.length === 0)
    throw new UsageError(`no test has ${JSON.stringify(filter)} in its name; leave --filter out to run all`);
  await loadParser();
  const schemas = new Schemas(io);
  const results = runTests(tests, {
    capture: captureWith({ schemas }),
    decide: bundleDecider(executableOf(manifest)),
  });
  return { files, policy, results, schemas };
}

/** The files of the paths, and of each single file `x.policy` the tests in `x_test.policy` beside it. */
function withTestFiles(paths: readonly string[], io: Io): readonly SourceFile[] {
  const beside = paths.flatMap((path) => {
    if (!path.endsWith(".policy") || path.endsWith("_test.policy")) return [];
    const tests = path.replace(/\.policy$/, "_test.policy");
    return existsSync(resolve(io.cwd, tests)) && !paths.includes(tests) ? [tests] : [];
  });
  return policyFiles([...paths, ...beside], io);
}

/** What mutation takes from outside. Progress is told on a terminal only. */
export function mutationTools(run: TestRun, io: Io): MutationTools {
  return {
    textOf: textsOf(run.files),
    compare: comparePolicies,
    statement: (text) => statementSeeds(text, run),
    progress: (done, all) => {
      if (!io.colour) return;
      io.stderr(done === all ? "\r\u001b[K" : `\r${done} of ${all} faults tried`);
    },
  };
}

const ANYBODY = new Map();

/** A statement over each schema that the tests name. */
function statementSeeds(text: string, { policy, schemas }: TestRun): readonly Seed[] {
  const named = new Map(policy.tests.map((test) => [`${test.schema ?? ""} ${test.file}`, test]));
  const found = new Map<string, Seed>();
  for (const { schema, file } of named.values()) {
    const catalog = schemas.of(schema, file);
    if (schema === null || found.has(schema) || typeof catalog === "string") continue;
    const action = captureSql(text, ANYBODY, catalog);
    if (typeof action !== "string") found.set(schema, { text, schema, action });
  }
  return [...found.values()];
}

/** Writes a report where it was asked for. */
export function writeReport(path: string, text: string, io: Io): void {
  try {
    writeFileSync(resolve(io.cwd, path), text);
  } catch (fault) {
    throw new UsageError(`${path} can't be written: ${(fault as Error).message}`);
  }
}
