import { existsSync } from "node:fs";
import { resolve } from "node:path";
import { compile, generateTests, hasFailed, runTests } from "../../../compiler/index.ts";
import { formatText, hasErrors, renderTerminal } from "../../../lang/index.ts";
import { plural } from "../../../base/text.ts";
import { readArguments } from "../../arguments.ts";
import { UsageError, type Io } from "../../io.ts";
import { bundleDecider, executableOf } from "./decide.ts";
import { captureWith } from "./extract.ts";
import { mutationTools, runPolicyTests, writeReport } from "./test-run.ts";

const HELP = `policyc gen-tests: writes the tests that policies lack

  policyc gen-tests [--output FILE] [--force] [--from-scratch] [PATH…]

  -o, --output FILE   where they go, such as shop_test.policy; without it they are printed
  --force             FILE may be there already
  --from-scratch      a whole suite, not only what the tests that there are leave out

Each test is one that notices a fault which no other test notices: a rule that is gone, a condition that is always
true, and so on. They say what the rules do now, so read them before you keep them: a wrong rule gives a wrong test.
Statements of the tests that there are get taken up with other users and targets; where none fits, facts are stated.
Exit codes: 0 written, or nothing lacks; 1 the policy has errors; 2 wrong use; 3 the tests that there are fail.
`;

export async function genTestsCommand(argv: readonly string[], io: Io): Promise<number> {
  const { values, positionals } = readArguments(argv, {
    output: { type: "string", short: "o" },
    force: { type: "boolean" },
    "from-scratch": { type: "boolean" },
  });
  if (values.help === true) {
    io.stdout(HELP);
    return 0;
  }
  const { output } = values;
  if (output !== undefined && !output.endsWith(".policy")) throw new UsageError("--output takes a .policy file");
  if (output !== undefined && values.force !== true && existsSync(resolve(io.cwd, output)))
    throw new UsageError(`${output} is there already; give another name, or --force to write over it`);
  const run = await runPolicyTests({ paths: positionals, filter: null, needsTests: false }, io);
  if (run === null) return 1;
  const failed = run.results.filter(hasFailed).length;
  if (failed > 0) {
    io.stderr(`policyc: ${plural(failed, "test")} failed; policyc test says which. Mend them first\n`);
    return 3;
  }
  const fromScratch = values["from-scratch"] === true;
  const found = generateTests(run.policy, run.results, mutationTools(run, io), { fromScratch });
  if (found.left.length > 0)
    io.stderr(
      `policyc: for ${plural(found.left.length, "fault")} no test was found; policyc test --mutate names those that are left\n`,
    );
  if (found.tests.length === 0) {
    io.stderr("policyc: no test is missing\n");
    return 0;
  }
  const path = output ?? "generated_test.policy";
  const header = run.policy.package === "policy" ? "" : `package ${run.policy.package}\n\n`;
  const { text, diagnostics } = formatText({ path, text: `${header}${found.tests.join("\n")}` });
  const file = { path, text };
  // What is handed out was compiled and run with the rules first.
  const checked = compile([...run.files.filter((one) => one.path !== path), file], { sequence: 0 });
  if (diagnostics.length > 0 || checked.manifest === null || hasErrors(checked.diagnostics)) {
    const errors = checked.diagnostics.filter((one) => one.severity === "error");
    throw new Error(`tests were written that do not compile:\n${renderTerminal(errors, [file], false)}\n${text}`);
  }
  const own = checked.policy.tests.filter((test) => test.file === path);
  const wrong = runTests(own, {
    capture: captureWith({ schemas: run.schemas }),
    decide: bundleDecider(executableOf(checked.manifest)),
  }).filter(hasFailed);
  if (wrong.length > 0)
    throw new Error(
      `tests were written that fail: ${wrong.map((one) => `${one.one.title}: ${one.failures[0]!.why}`).join("; ")}`,
    );
  if (output === undefined) io.stdout(text);
  else {
    writeReport(output, text, io);
    io.stdout(`${output}: ${plural(found.tests.length, "test")}\n`);
  }
  return 0;
}
