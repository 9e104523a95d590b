import { existsSync, mkdirSync, writeFileSync } from "node:fs";
import { dirname, join, relative, resolve } from "node:path";
import { readArguments } from "../../arguments.ts";
import { EXIT, UsageError, type Io } from "../../io.ts";
import { STARTER } from "./starter.ts";

const HELP = `policyc init: a project to start from

  policyc init [FOLDER]

Writes into FOLDER (default: here) a policy with tests and a schema, policyc.yaml, a workflow for GitHub Actions and hooks for
pre-commit. Nothing is overwritten: when one of the files is there already, none is written.
Exit codes: 0 written; 2 wrong use, or a file is there already.
`;

export function initCommand(argv: readonly string[], io: Io): number {
  const { values, positionals } = readArguments(argv, {});
  if (values.help === true) {
    io.stdout(HELP);
    return EXIT.ok;
  }
  if (positionals.length > 1) throw new UsageError(`${JSON.stringify(positionals[1])} is one argument too many`);
  const folder = resolve(io.cwd, positionals[0] ?? ".");
  const present = Object.keys(STARTER).filter((path) => existsSync(join(folder, path)));
  if (present.length > 0)
    throw new UsageError(
      `${present.join(", ")} is there already; nothing was written. Give another folder, or move it`,
    );
  for (const [path, text] of Object.entries(STARTER)) {
    const file = join(folder, path);
    mkdirSync(dirname(file), { recursive: true });
    writeFileSync(file, text, { flag: "wx" });
    io.stdout(`${join(positionals[0] ?? ".", path)}\n`);
  }
  const there = relative(io.cwd, folder);
  io.stdout(
    `\nNext: ${there === "" ? "" : `cd ${there.startsWith("..") ? folder : there}, then `}policyc check, policyc test. Put your own schema into policies/schema.sql.\n`,
  );
  return EXIT.ok;
}
