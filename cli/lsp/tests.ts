import { compile, runTests } from "../../compiler/index.ts";
import { hasErrors, type Span, type TestCase } from "../../lang/index.ts";
import type { Workspace } from "../../lang/editor/index.ts";
import { loadParser } from "../../runtime/facts/sql/offline.ts";
import { testDecider } from "../commands/policy/decide.ts";
import type { Io } from "../io.ts";

/** What became of a test that was run, as the answer of the command has it. */
export interface TestOutcome {
  readonly test: string;
  readonly passed: boolean;
  /** How many cases the test has: one for each of its texts. */
  readonly cases: number;
  readonly failures: readonly { readonly text: string | null; readonly why: string; readonly span: Span }[];
}

/**
 * Runs one test of a file the way `policyc test` does. A text is why it could not be run. The outcome is that of the texts
 * of `workspace`, whatever has been written since.
 */
export async function runTest(workspace: Workspace, path: string, name: string, io: Io): Promise<TestOutcome | string> {
  const test = workspace.result.policy.tests.find((one) => one.file === path && one.name === name);
  if (test === undefined) return `there is no test ${JSON.stringify(name)} that can run in ${path}`;
  const { manifest, diagnostics } = compile([...workspace.files.values()], { sequence: 0 });
  if (manifest === null) {
    const first = diagnostics.find((one) => hasErrors([one]));
    return `the policy has errors; the first is in ${first?.span.file ?? path}: ${first?.message ?? ""}`;
  }
  await loadParser();
  const results = runTests([test], testDecider(manifest, io));
  const failures = results.flatMap((one) =>
    one.failures.map(({ expectation, why }) => ({
      text: shown(one.one.row),
      why,
      span: expectation?.span ?? test.span,
    })),
  );
  return { test: name, passed: failures.length === 0, cases: results.length, failures };
}

/** Which case it is, in the writer's own words; null for the only one. */
function shown({ title, action }: TestCase): string | null {
  switch (action.form) {
    case "sql":
    case "ssh":
    case "kubectl":
      return action.text;
    case "http":
      return `${action.method} ${action.path}`;
    case "tool":
      return action.name;
    case "facts":
      return title === "" ? null : title;
  }
}

/** Outcomes, each good for the texts it was found with and for no other. */
export class Outcomes {
  readonly #found = new WeakMap<Workspace, Map<string, TestOutcome>>();

  put(workspace: Workspace, path: string, outcome: TestOutcome): void {
    const known = this.#found.get(workspace) ?? new Map<string, TestOutcome>();
    known.set(`${path}\n${outcome.test}`, outcome);
    this.#found.set(workspace, known);
  }

  get(workspace: Workspace, path: string, name: string): TestOutcome | undefined {
    return this.#found.get(workspace)?.get(`${path}\n${name}`);
  }

  ofFile(workspace: Workspace, path: string): readonly TestOutcome[] {
    return [...(this.#found.get(workspace) ?? [])].filter(([key]) => key.startsWith(`${path}\n`)).map(([, one]) => one);
  }
}
