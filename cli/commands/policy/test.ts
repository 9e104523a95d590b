import { compile, reportHuman, reportJson, reportJunit, reportTap, runTests } from "../../../compiler/index.ts";
import { hasErrors, renderTerminal } from "../../../lang/index.ts";
import { loadParser } from "../../../runtime/facts/sql/offline.ts";
import { readArguments } from "../../arguments.ts";
import { UsageError, type Io } from "../../io.ts";
import { testDecider } from "./decide.ts";
import { policyFiles } from "./files.ts";

const HELP = `policyc test: runs the tests that stand in policy files

  policyc test [--format FORMAT] [PATH…]

  --format FORMAT   human (default), json, junit or tap

Statements go through the same analysis, decision and masking as in the gateway.
Exit codes: 0 all passed; 1 the policy has errors; 2 wrong use; 3 tests failed.
`;

const FORMATS = ["human", "json", "junit", "tap"] as const;

export async function testCommand(argv: readonly string[], io: Io): Promise<number> {
  const { values, positionals } = readArguments(argv, { format: { type: "string" } });
  if (values.help === true) {
    io.stdout(HELP);
    return 0;
  }
  const format = FORMATS.find((known) => known === (values.format ?? "human"));
  if (format === undefined) throw new UsageError(`--format takes ${FORMATS.join(", ")}`);
  const files = policyFiles(positionals, io);
  const { policy, diagnostics, manifest } = compile(files, { sequence: 0 });
  if (manifest === null || hasErrors(diagnostics)) {
    io.stderr(
      renderTerminal(
        diagnostics.filter((one) => one.severity === "error"),
        files,
        io.colour,
      ),
    );
    return 1;
  }
  if (policy.tests.length === 0)
    throw new UsageError('there are no tests in these files; write a `test "…" { … }` beside the rules');
  await loadParser();
  const results = runTests(policy.tests, testDecider(manifest, io));
  switch (format) {
    case "human":
      io.stdout(reportHuman(results, files, io.colour));
      break;
    case "json":
      io.stdout(reportJson(results));
      break;
    case "junit":
      io.stdout(reportJunit(results, files));
      break;
    case "tap":
      io.stdout(reportTap(results));
      break;
  }
  return results.some((one) => one.failures.length > 0) ? 3 : 0;
}
