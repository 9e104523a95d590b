import { compile, explainDecision } from "../../../compiler/index.ts";
import { nearest } from "../../../base/text.ts";
import { cataloguePages, hasErrors, lintPages, renderTerminal, type Page } from "../../../lang/index.ts";
import { ABSENT, type FactValue } from "../../../spec/contract/facts/index.ts";
import { factsOf } from "../../../spec/contract/facts/index.ts";
import { sqlFactReader } from "../../../runtime/decide/index.ts";
import { loadParser } from "../../../runtime/facts/sql/offline.ts";
import { readArguments } from "../../arguments.ts";
import { UsageError, type Io } from "../../io.ts";
import { Schemas, decideSql, executableOf } from "./decide.ts";
import { policyFiles } from "./files.ts";

const PAGES: readonly Page[] = [...cataloguePages, ...lintPages];

const HELP = `policyc explain: what a diagnostic means, or why a statement is decided as it is

  policyc explain [--json] CODE
  policyc explain --codes
  policyc explain --user NAME [--group GROUP]… --sql TEXT [--target NAME] [--label KEY=VALUE]… [--schema FILE] [PATH…]

  CODE      of a message, such as P0025 or L012: what it means, why it matters, an example before and after
  --codes   every code with its name
  --json    the page as JSON

Exit codes: 0 explained; 1 the policy has errors; 2 wrong use or unreadable input.
`;

export async function explainCommand(argv: readonly string[], io: Io): Promise<number> {
  const { values, positionals } = readArguments(argv, {
    user: { type: "string" },
    group: { type: "string", multiple: true },
    sql: { type: "string" },
    target: { type: "string" },
    label: { type: "string", multiple: true },
    schema: { type: "string" },
    codes: { type: "boolean" },
    json: { type: "boolean" },
  });
  if (values.help === true) {
    io.stdout(HELP);
    return 0;
  }
  if (values.codes === true) {
    io.stdout(PAGES.map((page) => `${page.code}  ${page.severity.padEnd(7)}  ${page.name}\n`).join(""));
    return 0;
  }
  if (values.sql === undefined) {
    const code = positionals[0];
    if (code === undefined) throw new UsageError("give a code such as P0025, or --user and --sql");
    const page = PAGES.find((one) => one.code === code.toUpperCase() || one.name === code);
    if (page === undefined) {
      const near = nearest(
        code.toUpperCase(),
        PAGES.map((one) => one.code),
      );
      throw new UsageError(
        `there is no code ${code}; ${near === undefined ? "policyc explain --codes lists them" : `did you mean ${near}?`}`,
      );
    }
    io.stdout(
      values.json === true
        ? `${JSON.stringify({ version: 1, ...page }, null, 2)}\n`
        : `${page.code} ${page.name} (${page.severity})\n\n${page.text}\n`,
    );
    return 0;
  }
  if (values.user === undefined) throw new UsageError("--user is missing: who runs the statement?");
  const files = policyFiles(positionals, io);
  const { policy, diagnostics, manifest } = compile(files, { sequence: 0 });
  if (manifest === null || hasErrors(diagnostics)) {
    io.stderr(renderTerminal(diagnostics, files, io.colour));
    return 1;
  }
  await loadParser();
  const catalog = new Schemas(io).of(values.schema ?? null, ".");
  if (typeof catalog === "string") throw new UsageError(catalog);
  const session = new Map<string, FactValue>([
    ["user.name", values.user],
    ["user.groups", new Set(values.group ?? [])],
    ["user.auth_method", "password"],
    ["target.name", values.target ?? "test"],
    ["target.labels", new Map((values.label ?? []).map(label))],
    ["target.database", values.target ?? "test"],
    ["client.address", "127.0.0.1"],
    ["client.tls", true],
    ["session.id", "test"],
    ["session.started", 0],
    ["session.age", 0],
  ]);
  const found = decideSql(executableOf(manifest), session, catalog, values.sql);
  if (typeof found === "string") throw new UsageError(found);
  for (const unit of found.analysis.statements.flatMap((statement) => statement.units)) {
    const own = sqlFactReader(unit, {
      nowMs: 0,
      startedMs: 0,
      inTransaction: false,
      prepared: false,
      statementCount: found.analysis.statements.length,
      parameters: null,
    });
    const facts = new Map(session);
    for (const { path } of factsOf("postgres")) {
      const value = own(path);
      if (value !== undefined && value !== ABSENT) facts.set(path, value);
    }
    io.stdout(`${unit.kind}${unit.nested ? " (inside)" : ""}\n${explainDecision(policy, files, facts)}\n`);
  }
  const by = found.deciding.length === 0 ? "by default" : `by ${found.deciding.join(", ")}`;
  io.stdout(`=> ${found.verdict} ${by}\n`);
  if (found.refusedUnderMask !== null) io.stdout(`   refused under a mask: ${found.refusedUnderMask}\n`);
  for (const column of found.columns)
    if (column.rule !== null)
      io.stdout(`   ${column.name || "?"} is masked by ${column.rule || "an untraced source"}\n`);
  if (found.rowLimit !== null) io.stdout(`   at most ${found.rowLimit} rows\n`);
  return 0;
}

function label(text: string): [string, string] {
  const equals = text.indexOf("=");
  if (equals <= 0) throw new UsageError(`--label takes KEY=VALUE, not ${JSON.stringify(text)}`);
  return [text.slice(0, equals), text.slice(equals + 1)];
}
