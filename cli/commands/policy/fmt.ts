import { renameSync, writeFileSync } from "node:fs";
import { resolve } from "node:path";
import { formatText, renderTerminal } from "../../../lang/index.ts";
import { readArguments } from "../../arguments.ts";
import type { Io } from "../../io.ts";
import { policyFiles } from "./files.ts";

const HELP = `policyc fmt: one style for all policy files

  policyc fmt [--check] [PATH…]

  --check    change nothing; exit 1 when a file is not in the style

Files that can't be parsed are left as they are. Exit codes: 0 done; 1 findings; 2 wrong use.
`;

export function fmtCommand(argv: readonly string[], io: Io): number {
  const { values, positionals } = readArguments(argv, { check: { type: "boolean" } });
  if (values.help === true) {
    io.stdout(HELP);
    return 0;
  }
  let findings = 0;
  for (const file of policyFiles(positionals, io)) {
    const { text, diagnostics } = formatText(file);
    if (diagnostics.length > 0) {
      io.stderr(renderTerminal(diagnostics, [file], io.colour));
      findings++;
    } else if (text !== file.text) {
      if (values.check === true) {
        io.stdout(`${file.path} is not in the style; run policyc fmt ${file.path}\n`);
        findings++;
      } else {
        const path = resolve(io.cwd, file.path);
        // Put in place whole, so that an editor or a watcher never sees half a file.
        writeFileSync(`${path}.new`, text);
        renameSync(`${path}.new`, path);
        io.stdout(`${file.path}\n`);
      }
    }
  }
  return findings > 0 ? 1 : 0;
}
