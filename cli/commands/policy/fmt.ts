import { resolve } from "node:path";
import { formatText, renderTerminal, unifiedDiff } from "../../../lang/index.ts";
import { readArguments } from "../../arguments.ts";
import { EXIT, type Io } from "../../io.ts";
import { policyFiles } from "./files.ts";
import { replaceFile } from "./findings.ts";

const HELP = `policyc fmt: one style for all policy files

  policyc fmt [--check | --diff | --stdin] [PATH…]

  --check    change nothing; exit 1 when a file is not in the style
  --diff     change nothing; show what would be changed, exit 1 when there is something
  --stdin    read one file from standard input and write it in the style to standard output

Files that can't be parsed are left as they are. Exit codes: 0 done; 1 findings; 2 wrong use or unreadable input.
`;

export async function fmtCommand(argv: readonly string[], io: Io): Promise<number> {
  const { values, positionals } = readArguments(argv, {
    check: { type: "boolean" },
    diff: { type: "boolean" },
    stdin: { type: "boolean" },
  });
  if (values.help === true) {
    io.stdout(HELP);
    return EXIT.ok;
  }
  if (values.stdin === true) {
    const file = { path: "<stdin>", text: await io.readStdin() };
    const { text, diagnostics } = formatText(file);
    if (diagnostics.length > 0) {
      io.stderr(renderTerminal(diagnostics, [file], io.colour));
      return EXIT.findings;
    }
    io.stdout(text);
    return EXIT.ok;
  }
  let findings = 0;
  for (const file of policyFiles(positionals, io)) {
    const { text, diagnostics } = formatText(file);
    if (diagnostics.length > 0) {
      io.stderr(renderTerminal(diagnostics, [file], io.colour));
      findings++;
    } else if (text !== file.text) {
      if (values.diff === true) io.stdout(unifiedDiff(file.path, file.text, text));
      if (values.check === true) io.stdout(`${file.path} is not in the style; run policyc fmt ${file.path}\n`);
      if (values.check === true || values.diff === true) {
        findings++;
      } else {
        replaceFile(resolve(io.cwd, file.path), text);
        io.stdout(`${file.path}\n`);
      }
    }
  }
  return findings > 0 ? EXIT.findings : EXIT.ok;
}
