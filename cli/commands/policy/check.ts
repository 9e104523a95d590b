import {
  checkFiles,
  hasErrors,
  renderGithub,
  renderJson,
  renderSarif,
  renderTerminal,
  sortDiagnostics,
  type Diagnostic,
  type SourceFile,
} from "../../../lang/index.ts";
import { ruleFindings } from "../../../compiler/analyse/index.ts";
import { plural } from "../../../base/text.ts";
import { readArguments } from "../../arguments.ts";
import { UsageError, type Io } from "../../io.ts";
import { VERSION } from "../../version.ts";
import { policyFiles } from "./files.ts";

const HELP = `policyc check: errors and warnings of policy files

  policyc check [--format FORMAT] [--strict] [PATH…]

  --format FORMAT   human (default), json, sarif or github
  --strict          warnings count as findings too

Exit codes: 0 no errors; 1 findings; 2 wrong use.
`;

const FORMATS = ["human", "json", "sarif", "github"] as const;
type Format = (typeof FORMATS)[number];

/** Diagnostics in the form that was asked for. */
export function render(found: readonly Diagnostic[], files: readonly SourceFile[], format: Format, io: Io): string {
  switch (format) {
    case "human":
      return renderTerminal(found, files, io.colour);
    case "json":
      return renderJson(found, files);
    case "sarif":
      return renderSarif(found, files, VERSION);
    case "github":
      return renderGithub(found, files);
  }
}

export function checkCommand(argv: readonly string[], io: Io): number {
  const { values, positionals } = readArguments(argv, { format: { type: "string" }, strict: { type: "boolean" } });
  if (values.help === true) {
    io.stdout(HELP);
    return 0;
  }
  const format = FORMATS.find((known) => known === (values.format ?? "human"));
  if (format === undefined) throw new UsageError(`--format takes ${FORMATS.join(", ")}`);
  const files = policyFiles(positionals, io);
  const checked = checkFiles(files);
  const { policy } = checked;
  // What is unreachable is only to be told of rules that are otherwise in order.
  const diagnostics = hasErrors(checked.diagnostics)
    ? checked.diagnostics
    : sortDiagnostics([...checked.diagnostics, ...ruleFindings(policy.rules)]);
  io.stdout(render(diagnostics, files, format, io));
  const errors = diagnostics.filter((one) => one.severity === "error").length;
  const warnings = diagnostics.length - errors;
  if (format === "human") {
    io.stdout(
      `${plural(policy.rules.length, "rule")} in ${plural(files.length, "file")}: ${plural(errors, "error")}, ${plural(warnings, "warning")}\n`,
    );
  }
  return errors > 0 || (values.strict === true && warnings > 0) ? 1 : 0;
}
