#!/usr/bin/env node
import { chooseCommand, readArguments } from "./arguments.ts";
import { configPath, CONFIG_FILE } from "./config-file.ts";
import { Refused } from "./control-client.ts";
import { isFileFault } from "./files.ts";
import { EXIT, processIo, UsageError, type Io } from "./io.ts";
import { VERSION } from "./version.ts";

const HELP = `sallyport: a policy between people and databases

  sallyport serve --config FILE    run the gateway
  sallyport status                 how a running gateway is
  sallyport approvals              list, show, approve and deny what waits for a person
  sallyport detokenise             the values behind tokens of masks
  sallyport sessions               who did what, when, and what came back
  sallyport audit                  verify the record
  sallyport user                   add, list and remove people with a password
  sallyport keys                   keys that sign bundles
  sallyport kubeconfig             a kubeconfig that leads kubectl through the gateway
  sallyport kube-credential        signs kubectl in; kubeconfigs call it
  sallyport ssh-config             a piece for ~/.ssh/config

  sallyport COMMAND --help         more about a command
  sallyport --version

Exit codes: 0 done; 1 the gateway refused, or something was found; 2 wrong use; 5 a signature or hash does not fit; 70 a fault.
`;

/** Loaded when used: the gateway's own code is not read to print a list. */
const COMMANDS: Readonly<Record<string, (argv: readonly string[], io: Io) => Promise<number>>> = {
  serve,
  status: async (argv, io) => (await import("./commands/status.ts")).statusCommand(argv, io),
  approvals: async (argv, io) => (await import("./commands/approvals.ts")).approvalsCommand(argv, io),
  detokenise: async (argv, io) => (await import("./commands/detokenise.ts")).detokeniseCommand(argv, io),
  sessions: async (argv, io) => (await import("./commands/sessions.ts")).sessionsCommand(argv, io),
  audit: async (argv, io) => (await import("./commands/audit.ts")).auditCommand(argv, io),
  user: async (argv, io) => (await import("./commands/user.ts")).userCommand(argv, io),
  kubeconfig: async (argv, io) => (await import("./commands/kubeconfig.ts")).kubeconfigCommand(argv, io),
  "kube-credential": async (argv, io) =>
    (await import("./commands/kube-credential.ts")).kubeCredentialCommand(argv, io),
  "ssh-config": async (argv, io) => (await import("./commands/ssh-config.ts")).sshConfigCommand(argv, io),
  keys: async (argv, io) => (await import("./commands/keys.ts")).keysCommand(argv, io),
};

const SERVE_HELP = `sallyport serve: runs the gateway until it is told to stop

  sallyport serve [--config FILE]

  --config FILE     the configuration (SALLYPORT_CONFIG; sallyport.yaml here)

SIGHUP reads users and bundle again; SIGINT and SIGTERM stop it. Requests for approval outlive a restart.
`;

async function serve(argv: readonly string[], io: Io): Promise<number> {
  const { values, positionals } = readArguments(argv, { config: { type: "string" } });
  if (values.help === true) {
    io.stdout(SERVE_HELP);
    return EXIT.ok;
  }
  if (positionals.length > 0) throw new UsageError(`${JSON.stringify(positionals[0])} is one argument too many`);
  const file = configPath(values.config, io);
  if (file === undefined) throw new UsageError(`there is no ${CONFIG_FILE} here: give --config FILE`);
  return (await import("./commands/serve.ts")).serveCommand(file, io);
}

async function main(argv: readonly string[], io: Io): Promise<number> {
  const [name, ...rest] = argv;
  if (name === undefined || name === "--help" || name === "-h" || name === "help") {
    (name === undefined ? io.stderr : io.stdout)(HELP);
    return name === undefined ? EXIT.usage : EXIT.ok;
  }
  if (name === "--version") {
    io.stdout(`sallyport ${VERSION}\n`);
    return EXIT.ok;
  }
  return chooseCommand(name, COMMANDS, "sallyport")(rest, io);
}

const io = processIo();
try {
  process.exitCode = await main(process.argv.slice(2), io);
} catch (fault) {
  if (fault instanceof UsageError || isFileFault(fault)) {
    io.stderr(`sallyport: ${fault.message}\n`);
    process.exitCode = EXIT.usage;
  } else if (fault instanceof Refused) {
    io.stderr(`sallyport: ${fault.message}\n`);
    process.exitCode = EXIT.findings;
  } else {
    io.stderr(
      `sallyport: a fault of the program: ${fault instanceof Error ? (fault.stack ?? fault.message) : String(fault)}\n`,
    );
    process.exitCode = EXIT.fault;
  }
}
