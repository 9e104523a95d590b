#!/usr/bin/env node
import { chooseCommand } from "./arguments.ts";
import { processIo, UsageError, type Io } from "./io.ts";
import { VERSION } from "./version.ts";

const HELP = `policyc: checks, tests and compiles policies

  policyc check [PATH…]              errors and warnings of policy files
  policyc fmt [--check] [PATH…]      one style for all
  policyc test [PATH…]               run the tests that stand in policy files
  policyc build -o FILE --key FILE [PATH…]   compile and sign a bundle
  policyc explain CODE               what a diagnostic means, such as P0025
  policyc explain --user NAME --sql TEXT [PATH…]   why a statement is decided as it is
  policyc inspect FILE               what is in a bundle
  policyc verify FILE --key FILE     whether a bundle is whole and signed by a key
  policyc disasm FILE                its conditions as instructions
  policyc keygen PREFIX              a pair of keys that sign bundles
  policyc lsp                        a language server for editors

  policyc COMMAND --help             more about a command
  policyc --version

PATH is a .policy file or a folder of them; without one, the folder here.
Exit codes: 0 fine; 1 findings; 2 wrong use or unreadable input; 3 tests failed; 5 signature, hash or version refused; 70 a fault.
`;

type Command = (argv: readonly string[], io: Io) => number | Promise<number>;

/** Loaded when used, so that a check in a pre-commit hook does not read the SQL parser. */
const COMMANDS: Readonly<Record<string, Command>> = {
  check: async (argv, io) => (await import("./commands/policy/check.ts")).checkCommand(argv, io),
  fmt: async (argv, io) => (await import("./commands/policy/fmt.ts")).fmtCommand(argv, io),
  test: async (argv, io) => (await import("./commands/policy/test.ts")).testCommand(argv, io),
  build: async (argv, io) => (await import("./commands/policy/build.ts")).buildCommand(argv, io),
  explain: async (argv, io) => (await import("./commands/policy/explain.ts")).explainCommand(argv, io),
  inspect: async (argv, io) => (await import("./commands/policy/inspect.ts")).inspectCommand(argv, io),
  verify: async (argv, io) => (await import("./commands/policy/inspect.ts")).verifyCommand(argv, io),
  disasm: async (argv, io) => (await import("./commands/policy/inspect.ts")).disasmCommand(argv, io),
  keygen: async (argv, io) => (await import("./commands/policy/keygen.ts")).keygenCommand(argv, io),
  lsp: async (argv, io) => (await import("./commands/policy/lsp.ts")).lspCommand(argv, io),
};

async function main(argv: readonly string[], io: Io): Promise<number> {
  const [name, ...rest] = argv;
  if (name === undefined || name === "--help" || name === "-h" || name === "help") {
    (name === undefined ? io.stderr : io.stdout)(HELP);
    return name === undefined ? 2 : 0;
  }
  if (name === "--version") {
    io.stdout(`policyc ${VERSION}\n`);
    return 0;
  }
  return chooseCommand(name, COMMANDS, "policyc")(rest, io);
}

const io = processIo();
try {
  process.exitCode = await main(process.argv.slice(2), io);
} catch (fault) {
  if (fault instanceof UsageError) {
    io.stderr(`policyc: ${fault.message}\n`);
    process.exitCode = 2;
  } else {
    io.stderr(
      `policyc: a fault of the program: ${fault instanceof Error ? (fault.stack ?? fault.message) : String(fault)}\n`,
    );
    process.exitCode = 70;
  }
}
