import { resolve } from "node:path";
import { plural } from "../../../base/text.ts";
import { checkFiles, hasErrors, importCedar, placeOf, renderTerminal } from "../../../lang/index.ts";
import { SCOPES } from "../../../spec/contract/facts/index.ts";
import { readArguments } from "../../arguments.ts";
import { EXIT, UsageError, type Io } from "../../io.ts";
import { readPolicy } from "./files.ts";

const HELP = `policyc import: policies of another language as .policy text

  policyc import cedar [--scope SCOPE] [--package NAME] FILE…

  --scope SCOPE     what the rules speak of: sql (default), postgres, mysql, ssh, http or kubernetes
  --package NAME    the package of the text (default: imported)

The text goes to standard output. Of Cedar, the common fragment is read: permit and forbid, heads with ==, in and is, when and
unless with && || ! == != < <= > >= in has like if, contains, containsAny, containsAll, isInRange. principal is the user,
principal in Group::"x" a group, action the kind of statement, channel or request, resource the target; context holds the facts
by their paths: context.statement.read_only. A policy that says more is left out and named, with its place.
Exit codes: 0 all imported; 1 something was left out; 2 wrong use or unreadable input.
`;

export function importCommand(argv: readonly string[], io: Io): number {
  const { values, positionals } = readArguments(argv, { scope: { type: "string" }, package: { type: "string" } });
  if (values.help === true) {
    io.stdout(HELP);
    return EXIT.ok;
  }
  const [language, ...paths] = positionals;
  if (language !== "cedar")
    throw new UsageError(`what is imported is \`cedar\`, not ${JSON.stringify(language ?? "")}`);
  if (paths.length === 0) throw new UsageError("FILE is missing: give Cedar files");
  const scope = values.scope ?? "sql";
  if (!Object.hasOwn(SCOPES, scope) || scope === "*" || scope === "mcp")
    throw new UsageError("--scope takes sql, postgres, mysql, ssh, http or kubernetes");
  const packageName = values.package ?? "imported";
  if (!/^[a-z_][a-z0-9_]*(\.[a-z_][a-z0-9_]*)*$/.test(packageName))
    throw new UsageError(`--package takes a name such as shop.production, not ${JSON.stringify(packageName)}`);
  const texts = paths.map((path) => ({ path, text: readPolicy(resolve(io.cwd, path), path) }));
  // Names must differ over all files, so they are read as one; places are told file by file.
  const whole = texts.map((one) => one.text).join("\n");
  const { text, faults, policies } = importCedar(whole, scope, packageName);
  for (const { at, message } of faults) {
    let start = at.start;
    const file = texts.find((one) => {
      if (start <= one.text.length) return true;
      start -= one.text.length + 1;
      return false;
    })!;
    const { line, column } = placeOf(file.text, start);
    io.stderr(`${file.path}:${line}:${column}: ${message}\n`);
  }
  io.stdout(text);
  const files = [{ path: "imported.policy", text }];
  const { diagnostics } = checkFiles(files);
  const errors = diagnostics.filter((one) => one.severity === "error");
  if (hasErrors(errors)) io.stderr(renderTerminal(errors, files, io.colour));
  io.stderr(
    `policyc: ${plural(policies, "policy", "policies")} imported, ${plural(faults.length, "thing")} left out\n`,
  );
  return faults.length > 0 || errors.length > 0 ? EXIT.findings : EXIT.ok;
}
