import { plural } from "../../../base/text.ts";
import {
  hasErrors,
  LINT_RULES,
  lintFiles,
  renderTerminal,
  type Diagnostic,
  type SourceFile,
} from "../../../lang/index.ts";
import { readArguments } from "../../arguments.ts";
import { EXIT, table, type Io } from "../../io.ts";
import { policyFiles } from "./files.ts";
import { findingFormat, render, withFixes } from "./findings.ts";
import { readSettings } from "./settings.ts";

const HELP = `policyc lint: what is allowed and should be written otherwise

  policyc lint [--fix | --diff] [--format FORMAT] [--strict] [--all] [PATH…]
  policyc lint --rules [--json]

  --fix             make the fixes that are safe; one that would change what is decided is taken back
  --diff            show what --fix would change, change nothing
  --format FORMAT   human (default), json, sarif or github
  --strict          warnings count as findings too
  --all             show every finding; without it 50 of each code for a person to read, all in other formats
  --rules           list the rules, with the level that each has here
  --json            the list as JSON

Levels are set in policyc.yaml: lint: { rules: { L053: off, constant-first: error } }.
One finding is ignored by a comment before or behind it: // lint-ignore L053: REASON
policyc explain CODE tells what a rule looks for, why, and how to mend it.
Exit codes: 0 nothing at level error; 1 findings, or the files have errors; 2 wrong use or unreadable input.
`;

export async function lintCommand(argv: readonly string[], io: Io): Promise<number> {
  const { values, positionals } = readArguments(argv, {
    format: { type: "string" },
    strict: { type: "boolean" },
    fix: { type: "boolean" },
    diff: { type: "boolean" },
    all: { type: "boolean" },
    rules: { type: "boolean" },
    json: { type: "boolean" },
  });
  if (values.help === true) {
    io.stdout(HELP);
    return EXIT.ok;
  }
  const { levels } = await readSettings(io);
  if (values.rules === true) {
    const rows = LINT_RULES.map((rule) => ({
      code: rule.code,
      name: rule.name,
      group: rule.group,
      level: levels.get(rule.code) ?? rule.level,
      what: rule.what,
    }));
    io.stdout(
      values.json === true
        ? `${JSON.stringify({ version: 1, rules: rows }, null, 2)}\n`
        : table(io, [
            ["CODE", "NAME", "GROUP", "LEVEL", "WHAT"],
            ...rows.map((row) => [row.code, row.name, row.group, row.level, row.what]),
          ]),
    );
    return EXIT.ok;
  }
  const format = findingFormat(values.format);
  const find = (now: readonly SourceFile[]): readonly Diagnostic[] => lintFiles(now, levels).findings;
  const options = { fix: values.fix === true, diff: values.diff === true };
  const files = withFixes(policyFiles(positionals, io), find, options, io);
  const { check, findings } = lintFiles(files, levels);
  const errors = check.diagnostics.filter((one) => one.severity === "error");
  // What the checker refuses comes first: the linter looks at policies that can be read.
  if (hasErrors(errors)) io.stderr(renderTerminal(errors, files, io.colour));
  if (!options.diff) io.stdout(render(findings, files, format, values.all === true, io));
  if (format === "human" && !options.diff)
    io.stdout(`${plural(files.length, "file")}: ${plural(findings.length, "finding")}\n`);
  const failing = values.strict === true ? findings : findings.filter((one) => one.severity === "error");
  // Beside a difference on stdout: why the exit code is not 0.
  if (options.diff) io.stderr(render(failing, files, "human", values.all === true, io));
  return errors.length + failing.length > 0 ? EXIT.findings : EXIT.ok;
}
