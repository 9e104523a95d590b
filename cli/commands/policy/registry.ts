import type { Io } from "../../io.ts";

type Run = (argv: readonly string[], io: Io) => number | Promise<number>;

export interface PolicyCommand {
  /** What stands behind its name, in the overview. */
  readonly form: string;
  readonly summary: string;
  /** Loads the command when it is used, so that a check in a pre-commit hook does not read the SQL parser. */
  readonly run: Run;
}

/** Every command of policyc: the overview, completion and the guide are made from it. */
export const POLICY_COMMANDS: Readonly<Record<string, PolicyCommand>> = {
  init: {
    form: "[FOLDER]",
    summary: "a project to start from",
    run: async (argv, io) => (await import("./init.ts")).initCommand(argv, io),
  },
  check: {
    form: "[PATH…]",
    summary: "errors and warnings of policy files",
    run: async (argv, io) => (await import("./check.ts")).checkCommand(argv, io),
  },
  fmt: {
    form: "[PATH…]",
    summary: "one style for all",
    run: async (argv, io) => (await import("./fmt.ts")).fmtCommand(argv, io),
  },
  lint: {
    form: "[PATH…]",
    summary: "what is allowed and should be written otherwise",
    run: async (argv, io) => (await import("./lint.ts")).lintCommand(argv, io),
  },
  test: {
    form: "[PATH…]",
    summary: "run the tests of policies; --coverage and --mutate tell what they leave out",
    run: async (argv, io) => (await import("./test.ts")).testCommand(argv, io),
  },
  "gen-tests": {
    form: "[PATH…]",
    summary: "write the tests that policies lack",
    run: async (argv, io) => (await import("./gen-tests.ts")).genTestsCommand(argv, io),
  },
  diff: {
    form: "OLD NEW",
    summary: "what changes in meaning, with an action for each difference",
    run: async (argv, io) => (await import("./diff.ts")).diffCommand(argv, io),
  },
  query: {
    form: "[--when CONDITION] [PATH…]",
    summary: "who can do this, and on what conditions",
    run: async (argv, io) => (await import("./query.ts")).queryCommand(argv, io),
  },
  prove: {
    form: "[PATH…]",
    summary: "whether the rules keep to every `never`",
    run: async (argv, io) => (await import("./prove.ts")).proveCommand(argv, io),
  },
  build: {
    form: "--out FILE --key FILE [PATH…]",
    summary: "compile and sign a bundle",
    run: async (argv, io) => (await import("./build.ts")).buildCommand(argv, io),
  },
  explain: {
    form: "CODE",
    summary: "what a diagnostic means, or why a statement is decided as it is",
    run: async (argv, io) => (await import("./explain.ts")).explainCommand(argv, io),
  },
  decide: {
    form: "[--facts FILE] [PATH…]",
    summary: "decide one action, facts as JSON in, decision as JSON out",
    run: async (argv, io) => (await import("./decide-facts.ts")).decideCommand(argv, io),
  },
  bench: {
    form: "[PATH…]",
    summary: "how fast a policy decides and loads",
    run: async (argv, io) => (await import("./bench.ts")).benchCommand(argv, io),
  },
  inspect: {
    form: "FILE",
    summary: "what is in a bundle",
    run: async (argv, io) => (await import("./inspect.ts")).inspectCommand(argv, io),
  },
  verify: {
    form: "FILE --key FILE",
    summary: "whether a bundle is whole and signed by a key",
    run: async (argv, io) => (await import("./inspect.ts")).verifyCommand(argv, io),
  },
  disasm: {
    form: "FILE",
    summary: "a bundle's conditions as instructions",
    run: async (argv, io) => (await import("./inspect.ts")).disasmCommand(argv, io),
  },
  import: {
    form: "cedar FILE…",
    summary: "policies of another language as .policy text",
    run: async (argv, io) => (await import("./import.ts")).importCommand(argv, io),
  },
  keygen: {
    form: "PREFIX",
    summary: "a pair of keys that sign bundles",
    run: async (argv, io) => (await import("./keygen.ts")).keygenCommand(argv, io),
  },
  lsp: {
    form: "[--stdio]",
    summary: "a language server for editors",
    run: async (argv, io) => (await import("./lsp.ts")).lspCommand(argv, io),
  },
  completion: {
    form: "bash|zsh|fish",
    summary: "completion for a shell",
    run: async (argv, io) => (await import("./completion.ts")).completionCommand(argv, io),
  },
};

/** What `policyc --help` prints. */
export function overview(): string {
  const rows = Object.entries(POLICY_COMMANDS).map(([name, { form, summary }]) => [`policyc ${name} ${form}`, summary]);
  const width = Math.max(...rows.map(([form]) => form!.length));
  return `policyc: checks, tests and compiles policies

${rows.map(([form, summary]) => `  ${form!.padEnd(width)}  ${summary}`).join("\n")}

  policyc COMMAND --help   more about a command
  policyc --version

PATH is a .policy file or a folder of them; without one, the folder here. Settings are read from policyc.yaml (or
.policyc.yaml) here or in the nearest folder above.

Exit codes: 0 fine; 1 findings; 2 wrong use or unreadable input; 3 tests failed; 4 a gate not met (coverage, mutation
score, cost, speed); 5 signature, hash or version refused; 6 diff found wider access; 7 analysis inconclusive; 70 a bug
of policyc. decide: 0 allow, 10 deny, 11 approval, 12 error.
`;
}
