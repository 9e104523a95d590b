import { createConnection, ProposedFeatures } from "vscode-languageserver/node";
import { PolicyServer } from "../../lsp/server.ts";
import { readArguments } from "../../arguments.ts";
import { UsageError, type Io } from "../../io.ts";
import { mayExit } from "../../may-exit.ts";

const HELP = `policyc lsp: a language server for editors, on stdin and stdout

  policyc lsp [--stdio]

  --stdio    the only way it speaks; taken because some editors always give it

Editors start it themselves: see docs/guide/editors.md. It reads the .policy files of the workspace folders, and what is open
in the editor stands before what is on disk. It ends when the editor ends it.
Exit codes: 0 the editor ended it; 1 it was cut off; 2 wrong use.
`;

export async function lspCommand(argv: readonly string[], io: Io): Promise<number> {
  const { values, positionals } = readArguments(argv, { stdio: { type: "boolean" } });
  if (values.help === true) {
    io.stdout(HELP);
    return 0;
  }
  if (positionals[0] !== undefined)
    throw new UsageError(
      `policyc lsp takes no paths: the editor says which folders are open (found ${positionals[0]})`,
    );
  mayExit();
  const connection = createConnection(ProposedFeatures.all, process.stdin, process.stdout);
  void new PolicyServer(connection, io);
  // The library ends the process itself: 0 after `shutdown` and `exit`, 1 when the pipe closes before.
  return new Promise(() => connection.listen());
}
