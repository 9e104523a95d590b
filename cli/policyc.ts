#!/usr/bin/env node
import { chooseCommand } from "./arguments.ts";
import { POLICY_COMMANDS, overview } from "./commands/policy/registry.ts";
import { keepCompiled } from "./compile-cache.ts";
import { reportFault } from "./crash.ts";
import { EXIT, processIo, UsageError, type Io } from "./io.ts";
import { VERSION } from "./version.ts";

async function main(argv: readonly string[], io: Io): Promise<number> {
  const [name, ...rest] = argv;
  if (name === undefined || name === "--help" || name === "-h" || name === "help") {
    (name === undefined ? io.stderr : io.stdout)(overview());
    return name === undefined ? EXIT.usage : EXIT.ok;
  }
  if (name === "--version") {
    io.stdout(`policyc ${VERSION}\n`);
    return EXIT.ok;
  }
  return chooseCommand(name, POLICY_COMMANDS, "policyc").run(rest, io);
}

keepCompiled(process.env);
const io = processIo();
const argv = process.argv.slice(2);
try {
  process.exitCode = await main(argv, io);
} catch (fault) {
  process.exitCode = fault instanceof UsageError ? usage(fault) : reportFault("policyc", fault, argv);
}

function usage(fault: UsageError): number {
  io.stderr(`policyc: ${fault.message}\n`);
  // Of `decide` codes below 10 could be taken for those of other commands.
  return argv[0] === "decide" ? EXIT.undecided : EXIT.usage;
}
