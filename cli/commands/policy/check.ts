import {
  checkFiles,
  hasErrors,
  isSyntaxError,
  lintChecked,
  sortDiagnostics,
  withMends,
  type Diagnostic,
  type LintLevels,
  type SourceFile,
} from "../../../lang/index.ts";
import { ruleFindings } from "../../../compiler/analyse/index.ts";
import { expressionFindings } from "../../../compiler/bundle/index.ts";
import { plural } from "../../../base/text.ts";
import { readArguments } from "../../arguments.ts";
import { EXIT, type Io } from "../../io.ts";
import { policyFiles } from "./files.ts";
import { findingFormat, render, withFixes } from "./findings.ts";
import { readSettings } from "./settings.ts";

const HELP = `policyc check: errors and warnings of policy files

  policyc check [--format FORMAT] [--strict] [--no-lint] [--all] [--fix | --diff] [PATH…]

  --format FORMAT   human (default), json, sarif or github
  --strict          warnings count as findings too
  --no-lint         leave the linter out (see policyc lint)
  --all             show every finding; without it 50 of each code for a person to read, all in other formats
  --fix             make the fixes that are safe: misspelt names, what is unused, what lint can mend; a fix that would
                    change what is decided is taken back, and a file with syntax errors is left alone
  --diff            show what --fix would change, change nothing

Exit codes: 0 no errors; 1 findings; 2 wrong use or unreadable input.
`;

/** What is wrong with the files of one or several packages, with fixes. */
export function findingsOf(files: readonly SourceFile[], levels: LintLevels | null): readonly Diagnostic[] {
  const check = checkFiles(files);
  const lints = levels === null ? [] : lintChecked(files, check, levels);
  // What never applies is told only of rules that are otherwise in order.
  const deeper = hasErrors(check.diagnostics)
    ? []
    : [...ruleFindings(check.policy.rules), ...expressionFindings(check.policy)];
  return sortDiagnostics([...withMends(files, check), ...lints, ...deeper]);
}

export async function checkCommand(argv: readonly string[], io: Io): Promise<number> {
  const { values, positionals } = readArguments(argv, {
    format: { type: "string" },
    strict: { type: "boolean" },
    "no-lint": { type: "boolean" },
    all: { type: "boolean" },
    fix: { type: "boolean" },
    diff: { type: "boolean" },
  });
  if (values.help === true) {
    io.stdout(HELP);
    return EXIT.ok;
  }
  const format = findingFormat(values.format);
  const levels = values["no-lint"] === true ? null : (await readSettings(io)).levels;
  const find = (now: readonly SourceFile[]): readonly Diagnostic[] => findingsOf(now, levels);
  const options = { fix: values.fix === true, diff: values.diff === true };
  const files = withFixes(policyFiles(positionals, io), find, options, io);
  const diagnostics = find(files);
  if (!options.diff) io.stdout(render(diagnostics, files, format, values.all === true, io));
  const errors = diagnostics.filter((one) => one.severity === "error").length;
  const warnings = diagnostics.length - errors;
  if (format === "human" && !options.diff) {
    const skipped = levels !== null && diagnostics.some(isSyntaxError) ? "; not linted while it can't be read" : "";
    io.stdout(
      `${plural(files.length, "file")}: ${plural(errors, "error")}, ${plural(warnings, "warning")}${skipped}\n`,
    );
  }
  const failing = values.strict === true ? diagnostics : diagnostics.filter((one) => one.severity === "error");
  // Beside a difference on stdout: why the exit code is not 0.
  if (options.diff) io.stderr(render(failing, files, "human", values.all === true, io));
  return failing.length > 0 ? EXIT.findings : EXIT.ok;
}
